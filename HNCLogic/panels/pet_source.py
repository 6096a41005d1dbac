"""What a PET is converted to SUV from: its own DICOM files where they can be found, for only they
hold each slice's factor and the scanner's own times; else the volume as it is loaded."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from HNCLogic.errors import InputError
from HNCLogic.images.suv_header import PetHeader
from HNCLogic.panels import volume_facts as facts
from HNCLogic.panels.suv_fields import SuvFields, from_headers

NEAR_MM = 0.5  # a volume's corner and its DICOM slice's


@dataclass(frozen=True)
class PetSource:
    """``image`` goes to Job: a volume node, a DICOM folder or a file.

    ``kind``: "dicom"; "activity", values that are taken as Bq/ml; "suv", values that are SUVbw
    already, of which only weight and dose can be put right.
    """

    image: Any
    kind: str
    series: str | None = None  # series instance UID, where the folder may hold several
    found: SuvFields = field(default_factory=SuvFields)  # what its headers say
    units: str = ""  # DICOM Units, where headers were read


def source_of(node: Any, opened: Path | None = None, series: str | None = None) -> Iterator:
    """A generator that yields between headers and returns the PetSource of a loaded PET.

    ``opened``, ``series``: the folder or file the volume was opened from in a panel.
    """
    original = node.GetNodeReference(facts.SUV_SOURCE) or node
    if opened is not None and opened.exists():
        return (yield from source_of_path(opened, series))
    files = facts.own_files(original)
    if files and len({file.parent for file in files}) == 1:
        headers = yield from _headers(files)
        if headers and _is_of(original, headers):
            uid = str(headers[0].get("SeriesInstanceUID", "")) or None
            return _from_headers(files[0].parent, uid, headers)
    return PetSource(original, "suv" if facts.record(original) else "activity")


def source_of_path(path: Path, series: str | None = None) -> Iterator:
    """As ``source_of``, for a DICOM folder or an image file that is not loaded."""
    from HNCLogic.images.dicom import is_dicom

    if path.is_file() and not is_dicom(path):
        return PetSource(path, "activity")
    folder = path if path.is_dir() else path.parent
    files = []
    for where, folders, names in os.walk(folder):
        folders.sort()
        files += [Path(where, name) for name in sorted(names)]
        yield
    headers = yield from _headers(files, series)
    by_series: dict[str, list] = {}
    for header in headers:
        by_series.setdefault(str(header.get("SeriesInstanceUID", "")), []).append(header)
    sources = [_from_headers(path, uid or None, own) for uid, own in by_series.items()]
    if len(sources) == 1:
        return sources[0]
    # Several PETs: whoever converts asks which. One examination's share weight, dose and times.
    alike = {(source.found, source.units) for source in sources}
    found, units = alike.pop() if len(alike) == 1 else (SuvFields(), "")
    return PetSource(path, "dicom", series, found, units)


def _from_headers(path: Path, series: str | None, headers: Sequence) -> PetSource:
    slices = [PetHeader.of(header) for header in headers]
    return PetSource(path, "dicom", series, from_headers(slices), slices[0].units or "")


def _headers(files: Sequence[Path], series: str | None = None) -> Iterator:
    """The PET headers, one a slice, in ``files``; of one series where it is named."""
    from HNCLogic.images.enhanced import frame_headers, is_multi_frame

    found = []
    for file in files:
        header = _header(file)
        yield
        if header is None or header.get("Modality") != "PT":
            continue
        if series is not None and str(header.get("SeriesInstanceUID", "")) != series:
            continue
        try:
            found += frame_headers(header, file) if is_multi_frame(header) else [header]
        except InputError:
            continue  # whoever converts says what is wrong with it
    return found


def _header(file: Path) -> Any | None:
    import pydicom

    from HNCLogic.images.dicom import is_dicom
    from HNCLogic.images.quiet import quiet_dicom

    try:
        with quiet_dicom():
            return pydicom.dcmread(file, stop_before_pixels=True) if is_dicom(file) else None
    except Exception:  # pydicom raises many kinds for many kinds of damage
        return None


def _is_of(node: Any, headers: Sequence) -> bool:
    """Is the volume the whole stack of these slices, neither cropped nor resampled?"""
    import vtk

    columns, rows, slices = node.GetImageData().GetDimensions()
    try:
        size = int(headers[0].Columns), int(headers[0].Rows)
        places = np.array([[float(v) for v in h.ImagePositionPatient] for h in headers])
    except (AttributeError, TypeError, ValueError):
        return False
    if (columns, rows) != size or slices != len(headers):
        return False
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)  # without a transform: the files know of none
    corner = np.array([-matrix.GetElement(0, 3), -matrix.GetElement(1, 3), matrix.GetElement(2, 3)])
    return bool(np.abs(places - corner).max(axis=1).min() < NEAR_MM)
