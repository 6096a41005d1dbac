"""DICOM folders: which image series are in them.

Only headers are read here; ``series_choice`` finds the one for a role, and the voxels come with
``series.read_series``.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from HNCLogic.errors import InputError
from HNCLogic.images.quiet import quiet_dicom

if TYPE_CHECKING:  # a fifth of a second that image files need not wait for
    import pydicom

# SOP classes whose pixels are an image of the patient (DICOM PS3.4 B.5): classic, enhanced and
# legacy-converted CT, MR and PET. Secondary captures, segmentations, plans are none.
_IMAGES = "1.2.840.10008.5.1.4.1.1."
IMAGE_CLASSES = {
    _IMAGES + end
    for end in ("2", "2.1", "2.2", "4", "4.1", "4.4", "128", "128.1", "130")  # CT, MR, PET
}

_TAGS = [
    *("SOPClassUID", "SOPInstanceUID", "ImageType", "Modality", "SeriesDescription"),
    *("PatientName", "PatientID", "StudyInstanceUID", "SeriesInstanceUID", "SeriesNumber"),
    *("FrameOfReferenceUID", "Rows", "Columns", "NumberOfFrames", "ImageOrientationPatient"),
    *("CorrectedImage", "SeriesType", "NumberOfSlices", "NumberOfTimeSlices"),
]

# Names and ids are compared, never kept: what is kept means nothing outside this process.
_SALT = secrets.token_bytes(16)


@dataclass(frozen=True)
class Series:
    """One image series as its headers describe it. Nothing in it names the patient."""

    uid: str
    number: int | None
    description: str  # shown only where the user must choose between series
    modality: str  # PT, CT, MR
    slices: int  # files, or frames of a multi-frame object
    files: tuple[Path, ...]
    folder: Path  # that was searched
    patient: str | None  # the same for the same patient within one run; None: not stated
    frame_of_reference: str | None = None
    aside: str = ""  # why it is no volume to analyse: "a localizer", "a projection"
    attenuation_corrected: bool | None = None
    warnings: tuple[str, ...] = ()

    def in_words(self) -> str:
        """For a list to choose from: number, description, slices, what to type."""
        corrected = {False: ", not attenuation-corrected", True: ", attenuation-corrected"}
        note = corrected.get(self.attenuation_corrected, "")
        name = "without number" if self.number is None else str(self.number)
        title = f' "{self.description}"' if self.description else ""
        return f"{name}:{title} ({self.slices} slices{note})"


def find_series(folder: Path) -> list[Series]:
    """Every CT, MR and PET series in ``folder`` and the folders below, sorted by number.

    Files that are not DICOM, DICOMDIRs and objects without an image of the patient (RTSTRUCT,
    SEG, reports …) are passed over. Raises ``InputError`` where nothing is left, and where a
    DICOM file is damaged so that its series cannot be told.
    """
    folder = Path(folder)
    if not folder.exists():
        raise InputError(f"{folder} does not exist")
    paths = _files_below(folder)
    if not paths:
        raise InputError(
            f"{folder} is an empty folder: give a folder of DICOM images, or an image file "
            "(NIfTI, NRRD, MHA)"
        )
    return _series_of(paths, folder)


def series_of_file(file: Path) -> list[Series]:
    """The series that the DICOM ``file`` belongs to, from it and the files beside it."""
    with quiet_dicom():
        header = _header(file)
    if header is None:
        raise InputError(f"{file} is not a DICOM file")
    several = int(_text(header, "NumberOfFrames") or 1) > 1
    beside = [file] if several else _files_below(file.parent, deep=False)
    found = _series_of(beside, file.parent)
    of_file = [series for series in found if file in series.files]
    if not of_file:
        raise InputError(f"{file} is DICOM, but holds no CT, MR or PET image")
    return of_file


def _series_of(paths: list[Path], folder: Path) -> list[Series]:
    grouped: dict[str, list[tuple[Path, pydicom.Dataset]]] = defaultdict(list)
    not_dicom: list[Path] = []
    others: Counter[str] = Counter()
    with quiet_dicom():
        for path in paths:
            header = _header(path)
            if header is None:
                not_dicom.append(path)
            elif _sop_class(header) in IMAGE_CLASSES:
                grouped[_series_key(header)].append((path, header))
            else:
                others[_text(header, "Modality") or "no image"] += 1
        false_dicom = [p for p in not_dicom if p.suffix.lower() in (".dcm", ".dicom", ".ima")]
        if not grouped:
            raise InputError(_nothing_found(folder, not_dicom, false_dicom, others))
        notes = ()
        if false_dicom:
            notes = (f"{len(false_dicom)} files were left out: not DICOM despite their names.",)
        series = [_describe(key, files, folder, notes) for key, files in grouped.items()]
    return sorted(series, key=lambda s: (s.number is None, s.number or 0, s.uid))


def patient_key(header: pydicom.Dataset) -> str | None:
    """Equal for equal patient id and name; without meaning outside this process."""
    name = _text(header, "PatientName").upper().replace("^", " ").split()
    known = (_text(header, "PatientID").upper(), " ".join(name))
    if not any(known):
        return None
    return hashlib.blake2b("\0".join(known).encode(), key=_SALT, digest_size=16).hexdigest()


def is_dicom(path: Path) -> bool:
    """Does the file begin as DICOM files do (PS3.10 7.1)? Very old ones have no preamble."""
    try:
        with open(path, "rb") as file:
            start = file.read(132)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    # Without a preamble: the first element is of group 0008, or 0002, little-endian.
    return start[128:132] == b"DICM" or start[:2] in (b"\x08\x00", b"\x02\x00")


def _files_below(folder: Path, deep: bool = True) -> list[Path]:
    def barred(error: OSError) -> None:
        name = os.fsdecode(error.filename)
        raise InputError(f"{name} cannot be read: {error.strerror.lower()}") from error

    found = []
    for where, folders, names in os.walk(folder, onerror=barred):
        folders[:] = sorted(name for name in folders if deep and not name.startswith("."))
        found += [Path(where, name) for name in sorted(names) if not name.startswith(".")]
    return found


def _header(path: Path) -> pydicom.Dataset | None:
    """The tags a series is told by; None for what is not DICOM; damaged files are named."""
    if not is_dicom(path):
        return None
    import pydicom

    try:
        header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=_TAGS, force=True)
    except MemoryError:
        raise
    except Exception as error:  # pydicom raises many kinds for many kinds of damage
        raise InputError(_damaged(path)) from error
    kind = _sop_class(header)
    if not kind or (kind in IMAGE_CLASSES and not header.get("Rows")):
        if header.preamble is None:  # binary rubbish that happened to begin like DICOM
            return None
        raise InputError(_damaged(path))
    return header


def _damaged(path: Path) -> str:
    return f"{path} is a damaged DICOM file, its header breaks off: copy it again or remove it"


def _sop_class(header: pydicom.Dataset) -> str:
    meta = getattr(header, "file_meta", None)
    return _text(header, "SOPClassUID") or (_text(meta, "MediaStorageSOPClassUID") if meta else "")


def _series_key(header: pydicom.Dataset) -> str:
    uid = _text(header, "SeriesInstanceUID")
    if uid:
        return uid
    return "/".join(_text(header, t) for t in ("StudyInstanceUID", "Modality", "SeriesNumber"))


def _describe(
    key: str, files: list[tuple[Path, pydicom.Dataset]], folder: Path, notes: tuple[str, ...]
) -> Series:
    headers = [header for _, header in files]
    first = headers[0]
    patients = {patient_key(header) for header in headers}
    if len(patients) > 1:
        raise InputError(
            f"{folder}: one series holds images of {len(patients)} patients: "
            "give a folder with one patient's images"
        )
    number = _text(first, "SeriesNumber")
    corrected = _text(first, "CorrectedImage")
    modality = _text(first, "Modality")
    slices = sum(int(_text(h, "NumberOfFrames") or 1) for h in headers)
    return Series(
        uid=key,
        number=int(number) if number.lstrip("-").isdigit() else None,
        description=_text(first, "SeriesDescription"),
        modality=modality,
        slices=slices,
        files=tuple(path for path, _ in files),
        folder=folder,
        patient=patients.pop(),
        frame_of_reference=_text(first, "FrameOfReferenceUID") or None,
        aside=_aside(headers, slices),
        attenuation_corrected="ATTN" in corrected if modality == "PT" and corrected else None,
        warnings=notes,
    )


def _aside(headers: list[pydicom.Dataset], slices: int) -> str:
    kind = " ".join(_text(headers[0], tag).upper() for tag in ("ImageType", "SeriesType"))
    if "LOCALIZER" in kind or "SCOUT" in kind:
        return "a localizer"
    if "PROJECTION" in kind or "MIP" in kind.split("\\"):  # REPROJECTION too
        return "a projection"
    return "a single slice" if slices == 1 else ""


def _nothing_found(
    folder: Path, not_dicom: list[Path], false_dicom: list[Path], others: Counter[str]
) -> str:
    if others:
        held = ", ".join(f"{kind} ({count})" for kind, count in sorted(others.items()))
        return f"{folder} holds DICOM files but no CT, MR or PET image; it holds {held}"
    if false_dicom:
        return f"{folder} holds no DICOM image: not DICOM despite the name: {_some(false_dicom)}"
    return (
        f"{folder} holds no DICOM image (found {_some(not_dicom)}): for a NIfTI, NRRD or MHA "
        "image give the file itself"
    )


def _some(paths: list[Path], shown: int = 3) -> str:
    names = ", ".join(path.name for path in paths[:shown])
    return names + (f" and {len(paths) - shown} more" if len(paths) > shown else "")


def _text(header: pydicom.Dataset, tag: str) -> str:
    """A tag's value as text, multiple values joined by backslashes; empty where absent."""
    try:
        value = header.get(tag)
    except Exception:  # a value that cannot be decoded says nothing
        return ""
    if value is None:
        return ""
    if not isinstance(value, str) and hasattr(value, "__iter__") and tag != "PatientName":
        return "\\".join(str(part) for part in value)
    return str(value).strip()
