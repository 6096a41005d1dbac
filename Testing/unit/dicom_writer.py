"""Writes synthetic DICOM series for tests: any orientation, slopes by slice, faults on purpose."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

CLASSES = {
    "PT": "1.2.840.10008.5.1.4.1.1.128",
    "CT": "1.2.840.10008.5.1.4.1.1.2",
    "MR": "1.2.840.10008.5.1.4.1.1.4",
}
IDENTITY = np.eye(3)
HIDDEN_NAME = "Zephyrine^Quill"  # must never be seen in any message
HIDDEN_ID = "ZQ-4711"

Change = Callable[[Dataset, int], None]  # of one slice's dataset, given its index along z


def new_uid(*parts: object) -> str:
    """A UID that is the same for the same parts, short enough to append to."""
    return f"1.2.826.0.1.3680043.8.498.{zlib.crc32(repr(parts).encode())}"


def rotation(axis: Sequence[float], degrees: float) -> np.ndarray:
    """Rotation matrix about ``axis`` (Rodrigues)."""
    x, y, z = np.asarray(axis, float) / np.linalg.norm(axis)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    angle = np.radians(degrees)
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def ds_text(value: float) -> str:
    """A number as DICOM DS has it: at most 16 characters."""
    for digits in range(15, 5, -1):
        text = f"{value:.{digits}g}"
        if len(text) <= 16:
            return text
    return f"{value:.6g}"


def pet_attributes(dataset: Dataset) -> None:
    """What an ordinary FDG PET in Bq/ml carries: 70 kg, 350 MBq at 10:00, scan at 11:00."""
    dataset.Units = "BQML"
    dataset.DecayCorrection = "START"
    dataset.CorrectedImage = ["NORM", "DTIM", "ATTN", "SCAT", "DECY", "RAN"]
    dataset.SeriesDate = dataset.AcquisitionDate = dataset.StudyDate = "20240305"
    dataset.SeriesTime = dataset.AcquisitionTime = "110000"
    dataset.FrameReferenceTime = "90000"
    dataset.ActualFrameDuration = "180000"
    dataset.PatientWeight = "70"
    dataset.PatientSize = "1.75"
    dataset.PatientSex = "F"
    tracer = Dataset()
    tracer.Radiopharmaceutical = "FDG"
    tracer.RadiopharmaceuticalStartTime = "100000"
    tracer.RadionuclideTotalDose = "350000000"
    tracer.RadionuclideHalfLife = "6586.2"
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "C-111A1", "SRT", "F-18"
    tracer.RadionuclideCodeSequence = [code]
    dataset.RadiopharmaceuticalInformationSequence = [tracer]


def pet_header() -> Dataset:
    dataset = Dataset()
    pet_attributes(dataset)
    dataset.RescaleSlope, dataset.RescaleIntercept = "1", "0"
    return dataset


def write_series(
    folder: Path,
    stored: np.ndarray,
    *,
    modality: str = "PT",
    spacing: Sequence[float] = (4.0, 3.5, 3.0),
    origin: Sequence[float] = (-31.5, 42.25, -180.0),
    direction: np.ndarray = IDENTITY,
    slopes: float | Sequence[float] = 1.0,
    intercept: float = 0.0,
    number: int = 3,
    description: str = "synthetic",
    uid: str | None = None,
    frame_of_reference: str = "1.2.826.0.1.3680043.8.498.77",
    name: str = HIDDEN_NAME,
    patient_id: str = HIDDEN_ID,
    file_order: Sequence[int] | None = None,
    change: Change | None = None,
    prefix: str = "im",
) -> list[Path]:
    """Write ``stored`` (z, y, x; 16-bit integers) as single-slice files; paths in z order.

    ``spacing`` x, y, z; ``direction``: columns are the LPS directions of x, y, z (z may point
    against row × column: then the slices run backwards). ``file_order`` shuffles file names and
    instance numbers.
    """
    folder.mkdir(parents=True, exist_ok=True)
    uid = uid or new_uid(folder, modality, number, description)
    slopes = np.broadcast_to(np.asarray(slopes, float), (len(stored),))
    places = list(file_order) if file_order is not None else list(range(len(stored)))
    paths = []
    for z, plane in enumerate(stored):
        dataset = Dataset()
        dataset.SOPClassUID = CLASSES[modality]
        dataset.SOPInstanceUID = f"{uid}.{z + 1}"
        dataset.SeriesInstanceUID, dataset.StudyInstanceUID = uid, "1.2.826.0.1.3680043.8.498.7"
        dataset.FrameOfReferenceUID = frame_of_reference
        dataset.Modality, dataset.SeriesNumber = modality, number
        dataset.SeriesDescription, dataset.InstanceNumber = description, places[z] + 1
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        dataset.PatientName, dataset.PatientID = name, patient_id
        if modality == "PT":
            pet_attributes(dataset)
        dataset.PixelSpacing = [ds_text(spacing[1]), ds_text(spacing[0])]
        position = np.asarray(origin, float) + direction[:, 2] * spacing[2] * z
        dataset.ImagePositionPatient = [ds_text(v) for v in position]
        dataset.ImageOrientationPatient = [ds_text(v) for v in direction[:, :2].T.ravel()]
        if modality != "MR":
            dataset.RescaleSlope = ds_text(float(slopes[z]))
            dataset.RescaleIntercept = ds_text(intercept)
        set_pixels(dataset, plane)
        if change is not None:
            change(dataset, z)
        paths.append(save(dataset, folder / f"{prefix}{places[z]:04d}.dcm"))
    return paths


def set_pixels(dataset: Dataset, pixels: np.ndarray) -> None:
    dataset.Rows, dataset.Columns = pixels.shape[-2:]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = pixels.dtype.itemsize * 8
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelRepresentation = int(pixels.dtype.kind == "i")
    dataset.PixelData = pixels.tobytes()
    dataset["PixelData"].VR = "OW"


def save(dataset: Dataset, path: Path, syntax: str = ExplicitVRLittleEndian) -> Path:
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    pydicom.dcmwrite(path, dataset, enforce_file_format=True)
    return path


def planes(slices: int = 6, rows: int = 9, columns: int = 8, seed: int = 5) -> np.ndarray:
    """Random stored values, all different enough that a flip or shift shows."""
    random = np.random.default_rng(seed)
    return random.integers(0, 20000, (slices, rows, columns), dtype=np.int16)


def ct_planes(slices: int = 6, rows: int = 9, columns: int = 8, seed: int = 6) -> np.ndarray:
    """A CT's stored values in HU: air, water, bone."""
    random = np.random.default_rng(seed)
    values = random.normal(40, 30, (slices, rows, columns))
    values[:, 0] = -1000
    values[:, 1] = 1200
    return values.astype(np.int16)


def write_enhanced(
    path: Path,
    stored: np.ndarray,
    *,
    modality: str = "PT",
    spacing: Sequence[float] = (4.0, 3.5, 3.0),
    origin: Sequence[float] = (-31.5, 42.25, -180.0),
    direction: np.ndarray = IDENTITY,
    slopes: Sequence[float] = (1.0,),
    frame_order: Sequence[int] | None = None,
) -> Path:
    """One multi-frame object (z, y, x), frames in ``frame_order``, with functional groups."""
    path.parent.mkdir(parents=True, exist_ok=True)
    order = list(frame_order) if frame_order is not None else list(range(len(stored)))
    slopes = np.broadcast_to(np.asarray(slopes, float), (len(stored),))
    dataset = Dataset()
    dataset.SOPClassUID = CLASSES["PT"][:-3] + {"PT": "130", "CT": "2.1", "MR": "4.1"}[modality]
    dataset.SeriesInstanceUID = new_uid(path, modality)
    dataset.SOPInstanceUID = f"{dataset.SeriesInstanceUID}.1"
    dataset.StudyInstanceUID = "1.2.826.0.1.3680043.8.498.7"
    dataset.Modality, dataset.SeriesNumber, dataset.InstanceNumber = modality, 8, 1
    dataset.PatientName, dataset.PatientID = HIDDEN_NAME, HIDDEN_ID
    if modality == "PT":
        pet_attributes(dataset)
        for gone in ("Units", "DecayCorrection", "CorrectedImage", "AcquisitionTime"):
            delattr(dataset, gone)
        dataset.DecayCorrected, dataset.AttenuationCorrected = "YES", "YES"
        dataset.DecayCorrectionDateTime = "20240305110000"
    measures, plane, shared = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing = [ds_text(spacing[1]), ds_text(spacing[0])]
    plane.ImageOrientationPatient = [ds_text(v) for v in direction[:, :2].T.ravel()]
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = [measures], [plane]
    frames = []
    for z in order:
        groups, position, values = Dataset(), Dataset(), Dataset()
        where = np.asarray(origin, float) + direction[:, 2] * spacing[2] * z
        position.ImagePositionPatient = [ds_text(v) for v in where]
        values.RescaleSlope, values.RescaleIntercept = ds_text(float(slopes[z])), "0"
        values.RescaleType = "BQML" if modality == "PT" else "US"
        groups.PlanePositionSequence = [position]
        groups.PixelValueTransformationSequence = [values]
        frames.append(groups)
    dataset.SharedFunctionalGroupsSequence = [shared]
    dataset.PerFrameFunctionalGroupsSequence = frames
    dataset.NumberOfFrames = len(order)
    set_pixels(dataset, stored[order])
    return save(dataset, path)
