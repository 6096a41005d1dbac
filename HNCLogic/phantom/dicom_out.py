"""Simulated patients as DICOM series, as scanners would send them: PET in Bq/ml, CT, MR.

Patient's name, series descriptions and comments say that it is simulated.
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Collection
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from HNCLogic.errors import InputError
from HNCLogic.images.grid import Grid
from HNCLogic.phantom.patient import SIMULATED, SimulatedPatient

HALF_LIFE_S = 6586.2  # fluorine-18
UPTAKE_S = 3600 + 4 * 60  # from injection to scan
INJECTED = datetime.datetime(2000, 1, 1, 9, 12, 30)
SEXES = {"male": "M", "female": "F"}
SOP_CLASS = {
    "PT": "1.2.840.10008.5.1.4.1.1.128",
    "CT": "1.2.840.10008.5.1.4.1.1.2",
    "MR": "1.2.840.10008.5.1.4.1.1.4",
}


# Scanning sequence, repetition and echo time (ms), b value (s/mm²): nominal, by the role's habit.
MR_SETTINGS: dict[str, tuple[str, str, str, float | None]] = {
    "T1": ("SE", "550", "10", None),
    "T2": ("SE", "4000", "90", None),
    "CE-T1": ("SE", "550", "10", None),
    "DWI-b0": ("EP", "5000", "70", 0.0),
    "DWI-b1000": ("EP", "5000", "70", 1000.0),
    "ADC": ("EP", "5000", "70", None),
}
SERIES_NUMBER = {"CT": 2, "PET": 3} | {role: n for n, role in enumerate(MR_SETTINGS, start=4)}


def write_dicom(
    patient: SimulatedPatient,
    folder: Path,
    roles: Collection[str] | None = None,
    name: str | None = None,
) -> dict[str, Path]:
    """Write the patient's series, each into a folder named after its role ("PET", "CT", "T1" …).

    ``roles``: which ones; None: all it has. ``name``: the patient's ID; None: by the seed.
    PET: Bq/ml, decay-corrected to the start of the scan, a rescale slope for each slice. Nothing
    in the headers depends on the label but by way of the voxels (UIDs, slopes).

    Returns the folders by role. The same patient gives the same bytes. Raises InputError where a
    folder already holds files.
    """
    folder = Path(folder)
    dose_bq = 1e6 * round(4.0 * patient.weight_kg)
    remaining = dose_bq * 2.0 ** (-UPTAKE_S / HALF_LIFE_S)
    bqml_per_suv = remaining / (patient.weight_kg * 1000.0)
    key = _fingerprint(patient)
    name = name or f"simulated-{patient.seed}"
    written = {}
    for role, image in patient.images.items():
        if roles is not None and role not in roles:
            continue
        written[role] = folder / role
        written[role].mkdir(parents=True, exist_ok=True)
        if any(written[role].iterdir()):
            raise InputError(f"{written[role]} is not empty: choose another folder")
        factor = bqml_per_suv if role == "PET" else 1.0
        _write_series(patient, name, key, role, image, factor, dose_bq, written[role])
    return written


def _write_series(
    patient: SimulatedPatient,
    name: str,
    key: str,
    role: str,
    image: sitk.Image,
    factor: float,
    dose_bq: float,
    folder: Path,
) -> None:
    from pydicom.uid import generate_uid

    grid, values = Grid.of(image), sitk.GetArrayFromImage(image).astype(np.float64) * factor
    modality = {"PET": "PT", "CT": "CT"}.get(role, "MR")
    series_uid = generate_uid(entropy_srcs=[key, role])
    for index, slice_values in enumerate(values):
        data = _header(patient, name, role, modality, grid, key)
        data.SeriesInstanceUID = series_uid
        data.SOPInstanceUID = generate_uid(entropy_srcs=[key, role, str(index)])
        data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
        data.InstanceNumber = index + 1
        where = grid.points(np.array([[0, 0, index]]))[0]
        data.ImagePositionPatient = [_ds(v) for v in where]
        data.SliceLocation = _ds(where @ grid.matrix[:, 2])
        if modality == "PT":
            _add_pet(data, patient, dose_bq, index, len(values))
        slope, intercept = 1.0, -1024.0 if modality == "CT" else 0.0
        if modality == "PT":
            slope = float(_ds(max(float(slice_values.max()), 1e-3) / 32767.0))
        stored = np.clip(np.round((slice_values - intercept) / slope), 0, 32767)
        if modality != "MR":
            data.RescaleSlope, data.RescaleIntercept = _ds(slope), _ds(intercept)
        data.PixelData = stored.astype("<u2").tobytes()
        data.save_as(folder / f"{index + 1:04d}.dcm", enforce_file_format=True)


def _fingerprint(patient: SimulatedPatient) -> str:
    """What the UIDs are made of: of the label itself they would let it be guessed and checked."""
    voxels = np.ascontiguousarray(sitk.GetArrayViewFromImage(patient.pet))
    digest = hashlib.sha256(voxels).hexdigest()
    return f"HNC simulated {patient.seed} {patient.centre} {digest}"


def _ds(value: float) -> str:
    """A number as a DICOM decimal string: at most 16 characters."""
    return f"{float(value):.9g}"


def _header(patient: SimulatedPatient, name: str, role: str, modality: str, grid: Grid, key: str):
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid

    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.file_meta.MediaStorageSOPClassUID = SOP_CLASS[modality]
    data.SOPClassUID = SOP_CLASS[modality]
    data.ImageType = ["DERIVED", "PRIMARY", "AXIAL"]
    data.Modality = modality
    data.Manufacturer = "HNC simulation"
    data.InstitutionName = f"Simulated centre {patient.centre}"
    data.PatientName, data.PatientID = "SIMULATED^HNC", name.upper()
    data.PatientSex, data.PatientBirthDate = SEXES[patient.sex], ""
    data.PatientAge = f"{round(patient.age):03d}Y"
    data.PatientWeight = _ds(patient.weight_kg)
    data.ImageComments = SIMULATED
    data.StudyDescription = "SIMULATED head and neck"
    data.SeriesDescription = f"SIMULATED {'PET, Bq/ml' if role == 'PET' else role}"
    data.StudyInstanceUID = generate_uid(entropy_srcs=[key, "study"])
    data.FrameOfReferenceUID = generate_uid(entropy_srcs=[key, "frame"])
    data.PositionReferenceIndicator, data.AccessionNumber, data.StudyID = "", "", "1"
    data.ReferringPhysicianName = ""
    data.SeriesNumber = SERIES_NUMBER[role]
    scan = INJECTED + datetime.timedelta(seconds=UPTAKE_S)
    data.StudyDate = data.SeriesDate = data.AcquisitionDate = scan.strftime("%Y%m%d")
    data.StudyTime = data.SeriesTime = data.AcquisitionTime = scan.strftime("%H%M%S")
    data.ContentDate, data.ContentTime = data.SeriesDate, data.SeriesTime
    data.PatientPosition = "HFS"
    data.ImageOrientationPatient = [_ds(v) for v in (*grid.matrix[:, 0], *grid.matrix[:, 1])]
    data.PixelSpacing = [_ds(grid.spacing[1]), _ds(grid.spacing[0])]
    data.SliceThickness = _ds(grid.spacing[2])
    data.Columns, data.Rows = grid.size[0], grid.size[1]
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 16, 15, 0
    if modality == "CT":
        data.KVP, data.RescaleType = "120", "HU"
    if modality == "MR":
        sequence, repetition, echo, b_value = MR_SETTINGS[role]
        data.ScanningSequence, data.SequenceVariant, data.ScanOptions = sequence, "NONE", ""
        data.MRAcquisitionType, data.RepetitionTime, data.EchoTime = "2D", repetition, echo
        data.EchoTrainLength, data.MagneticFieldStrength = "1", "1.5"
        data.ProtocolName = f"SIMULATED {role}"
        if role == "CE-T1":
            data.ContrastBolusAgent = "simulated gadolinium"
        if b_value is not None:
            data.DiffusionBValue = b_value
        if role == "ADC":  # in 1e-6 mm²/s
            data.ImageType = ["DERIVED", "PRIMARY", "ADC"]
    return data


def _add_pet(data, patient: SimulatedPatient, dose_bq: float, index: int, slices: int) -> None:
    from pydicom.dataset import Dataset

    scan = INJECTED + datetime.timedelta(seconds=UPTAKE_S)
    # Beds are scanned one after the other; START refers all of them to the series' time.
    bed = datetime.timedelta(seconds=150 * (index // 45))
    data.AcquisitionTime = (scan + bed).strftime("%H%M%S")
    data.Units, data.DecayCorrection, data.CountsSource = "BQML", "START", "EMISSION"
    data.SeriesType = ["STATIC", "IMAGE"]
    data.CorrectedImage = ["DECY", "ATTN", "SCAT", "DTIM", "RAN", "NORM"]
    data.CollimatorType, data.NumberOfSlices, data.ImageIndex = "NONE", slices, index + 1
    data.FrameReferenceTime, data.ActualFrameDuration = "0", "150000"
    data.RescaleType = "BQML"
    dose = Dataset()
    dose.Radiopharmaceutical = "Fluorodeoxyglucose"
    dose.RadionuclideTotalDose = _ds(dose_bq)
    dose.RadionuclideHalfLife = _ds(HALF_LIFE_S)
    dose.RadionuclidePositronFraction = "0.97"
    dose.RadiopharmaceuticalStartTime = INJECTED.strftime("%H%M%S")
    dose.RadiopharmaceuticalStartDateTime = INJECTED.strftime("%Y%m%d%H%M%S")
    tracer, nuclide = Dataset(), Dataset()
    tracer.CodeValue, tracer.CodingSchemeDesignator = "C-B1031", "SRT"
    tracer.CodeMeaning = "Fluorodeoxyglucose F^18^"
    nuclide.CodeValue, nuclide.CodingSchemeDesignator = "C-111A1", "SRT"
    nuclide.CodeMeaning = "^18^Fluorine"
    dose.RadiopharmaceuticalCodeSequence, dose.RadionuclideCodeSequence = [tracer], [nuclide]
    data.RadiopharmaceuticalInformationSequence = [dose]
