"""A DICOM series as one volume: every slice with its own slope and intercept, in its place.

SimpleITK's series reader is not used: it settles the type of all values by the first slice, and
PET series have a slope for each slice, so that values can be lost without a word.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
import SimpleITK as sitk
from pydicom.dataset import Dataset

from HNCLogic.errors import InputError
from HNCLogic.images.dicom import Series
from HNCLogic.images.enhanced import frame_headers, is_multi_frame
from HNCLogic.images.pixels import stored_frames
from HNCLogic.images.quiet import quiet_dicom
from HNCLogic.images.stack import stack_grid


@dataclass
class _Slice:
    file: Path
    header: Dataset
    stored: np.ndarray  # rows, columns
    rescaled: bool

    @property
    def label(self) -> str:
        number = self.header.get("InstanceNumber")
        return self.file.name if number is None else f"instance {number} ({self.file.name})"


def read_series(series: Series) -> tuple[sitk.Image, list[Dataset], list[str]]:
    """The volume (float32; stored value × slope + intercept, slice by slice), the headers of its
    slices in the order of its z axis, without pixels, and warnings.

    Raises ``InputError`` for whatever keeps the files from being one regular volume; see
    ``stack.stack_grid`` for the geometry.
    """
    with quiet_dicom():
        slices = [one for file in series.files for one in _slices(file)]
        source = _source(series)
        first = slices[0]
        _refuse_unlike(slices, source)
        grid, order, warnings = stack_grid(
            np.array([_numbers(s, "ImagePositionPatient", 3) for s in slices]),
            np.array([_numbers(s, "ImageOrientationPatient", 6) for s in slices]),
            tuple(_numbers(first, "PixelSpacing", 2)),
            (int(first.header.Columns), int(first.header.Rows)),
            [s.label for s in slices],
            source,
        )
        slices = [slices[i] for i in order]
        values = np.empty(grid.size[::-1], dtype=np.float32)
        for into, one in zip(values, slices, strict=True):
            _rescale(one, into)
        warnings += _count_warning(slices)
    headers = [s.header for s in slices]
    return grid.image(values), headers, [*series.warnings, *warnings]


def _source(series: Series) -> str:
    name = "the series" if series.number is None else f"series {series.number}"
    return f"{series.folder}, {name}"


def _slices(file: Path) -> list[_Slice]:
    try:
        header = pydicom.dcmread(file, force=True)
        frames, rescaled = stored_frames(header, file)
        for tag in ("PixelData", "FloatPixelData", "DoubleFloatPixelData"):
            if tag in header:
                del header[tag]
        headers = frame_headers(header, file) if is_multi_frame(header) else [header]
    except (InputError, MemoryError):
        raise
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror or error}") from error
    except Exception as error:  # pydicom raises many kinds for many kinds of damage
        raise InputError(
            f"{file} is a damaged DICOM file ({type(error).__name__}): copy it again"
        ) from error
    return [_Slice(file, h, f, rescaled) for h, f in zip(headers, frames, strict=True)]


def _refuse_unlike(slices: list[_Slice], source: str) -> None:
    first = slices[0]
    spacing = _numbers(first, "PixelSpacing", 2)
    if min(spacing) <= 0:
        raise InputError(f"{first.file}: the pixel spacing is {spacing}, it must be above zero")
    for one in slices[1:]:
        if one.stored.shape != first.stored.shape:
            sizes = [f"{s.stored.shape[1]} x {s.stored.shape[0]}" for s in (first, one)]
            raise InputError(
                f"{source}: slices differ in size, {first.label} {sizes[0]} and {one.label} "
                f"{sizes[1]}: give a series that is one stack"
            )
        if not np.allclose(_numbers(one, "PixelSpacing", 2), spacing, rtol=1e-3):
            raise InputError(
                f"{source}: {first.label} and {one.label} differ in pixel spacing: "
                "give a series that is one stack"
            )


def _numbers(one: _Slice, tag: str, count: int) -> list[float]:
    try:
        numbers = [float(v) for v in one.header[tag].value]
    except (KeyError, TypeError, ValueError):
        numbers = []
    if len(numbers) != count or not np.isfinite(numbers).all():
        raise InputError(f"{one.file} has no {tag} in its header, so nobody can say where it lies")
    return numbers


def _number(one: _Slice, tag: str, otherwise: float) -> float:
    value = one.header.get(tag)
    try:
        number = otherwise if value is None or value == "" else float(value)
    except (TypeError, ValueError):
        number = np.nan
    if not np.isfinite(number):
        raise InputError(f"{one.file}: {tag} in its header is not a number")
    return number


def _rescale(one: _Slice, into: np.ndarray) -> None:
    """Stored values to measured ones, in float64, then float32 into ``into``."""
    if one.rescaled:
        into[:] = one.stored
        return
    slope = _number(one, "RescaleSlope", 1.0)
    intercept = _number(one, "RescaleIntercept", 0.0)
    into[:] = one.stored * np.float64(slope) + intercept


def _count_warning(slices: list[_Slice]) -> list[str]:
    """A series cut at an end has no gap; PET headers say how many slices it had."""
    said = slices[0].header.get("NumberOfSlices")
    times = int(slices[0].header.get("NumberOfTimeSlices", 1) or 1)
    if not said or times > 1 or int(said) <= len(slices):
        return []
    return [f"The headers speak of {said} slices and {len(slices)} are here: the volume is cut."]
