"""A segmentation as Slicer writes it (.seg.nrrd): segments by layer and value, often cropped.

An NRRD image whose header describes its segments (``Segment0_LabelValue``, ``Segment0_Layer``,
``Segment0_Tags`` …). Segments that overlap lie in several layers, one value a layer at each
voxel; the stored extent may be cropped to what is marked.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from HNCLogic.errors import InputError
from HNCLogic.images.grid import Grid

_MOST_SEGMENTS = np.iinfo(np.uint16).max


@dataclass
class SegmentedLabels:
    """Segments as one label image (uint16, 0 = background) on the file's own grid."""

    labels: sitk.Image
    tags: dict[int, str]  # label → the segment's tags, its terminology among them; may be ""
    warnings: list[str] = field(default_factory=list)  # without path or name


@dataclass(frozen=True)
class _Stored:
    layer: int
    value: int
    tags: str


def is_segmentation(image: sitk.Image) -> bool:
    """Does the header say that the image holds segments?"""
    return any(key.startswith(("Segment0_", "Segmentation_")) for key in image.GetMetaDataKeys())


def segmented_labels(image: sitk.Image, path: Path) -> SegmentedLabels:
    """The segments of ``image``, read as it is from ``path``, each as one label.

    Segments keep their values as labels where all differ, else they are numbered 1… in their
    order. A voxel of several segments goes to the last of them, with a warning. Values of a
    single layer that no segment claims stay as they are, without tags. Raises InputError for a
    header that does not fit the voxels.
    """
    segments = _segments(image, path)
    if image.GetDimension() != 3:
        raise InputError(f"{path} has {image.GetDimension()} dimensions: save it again in Slicer")
    array = sitk.GetArrayViewFromImage(image)
    layers = array[None] if array.ndim == 3 else np.moveaxis(array, -1, 0)
    for number, segment in enumerate(segments):
        if segment.layer >= len(layers):
            raise InputError(
                f"{path}: Segment{number}_Layer in its header is {segment.layer}, but there are "
                f"{len(layers)} layers: save it again"
            )
    if len(segments) > _MOST_SEGMENTS:
        raise InputError(f"{path} holds {len(segments)} segments: at most {_MOST_SEGMENTS} can be")
    numbers = [segment.value for segment in segments]
    if len(set(numbers)) != len(numbers):
        numbers = list(range(1, len(segments) + 1))
    tags = {number: one.tags for number, one in zip(numbers, segments, strict=True)}
    if len(layers) == 1 and numbers == [segment.value for segment in segments]:
        return SegmentedLabels(Grid.of(image).image(np.array(layers[0])), tags)

    labels = np.zeros(layers.shape[1:], np.uint16)
    shared = 0
    for number, segment in zip(numbers, segments, strict=True):
        inside = layers[segment.layer] == segment.value
        shared += int(np.count_nonzero(labels[inside]))
        labels[inside] = number
    warnings = []
    if shared:
        warnings.append(
            f"Segments of the mask overlap in {shared} voxels: each of these counts for the "
            "later segment only."
        )
    return SegmentedLabels(Grid.of(image).image(labels), tags, warnings)


def pasted(labels: sitk.Image, grid: Grid) -> sitk.Image | None:
    """``labels`` on ``grid``, voxel by voxel, where both lie on one lattice; else None.

    Nothing is interpolated. What is stored outside ``grid`` must be background: a mark there
    gives None as well. A segmentation that marks nothing is empty on any grid.
    """
    array = sitk.GetArrayViewFromImage(labels)
    whole = np.zeros(grid.size[::-1], array.dtype)
    if not array.any():
        return grid.image(whole)
    own = Grid.of(labels)
    first = np.rint(grid.indices([own.origin])[0]).astype(int)
    lattice = Grid(own.size, grid.spacing, tuple(grid.points([first])[0]), grid.direction)
    if not lattice.same_as(own):
        return None
    low = np.maximum(first, 0)
    high = np.minimum(first + own.size, grid.size)
    if (low >= high).any():
        return None
    there = tuple(slice(a, b) for a, b in zip(low[::-1], high[::-1], strict=True))
    here = tuple(
        slice(a, b) for a, b in zip((low - first)[::-1], (high - first)[::-1], strict=True)
    )
    whole[there] = array[here]
    if np.count_nonzero(whole) != np.count_nonzero(array):
        return None
    return grid.image(whole)


def _segments(image: sitk.Image, path: Path) -> list[_Stored]:
    """The header's segments in their order. Older files give neither layer nor value: there each
    segment is a layer of its own, of ones."""
    found = []
    while any(f"Segment{len(found)}_{key}" in image for key in ("ID", "Name", "LabelValue")):
        at = f"Segment{len(found)}_"
        found.append(
            _Stored(
                layer=_whole(image, f"{at}Layer", path, len(found)),
                value=_whole(image, f"{at}LabelValue", path, 1),
                tags=image.GetMetaData(f"{at}Tags") if f"{at}Tags" in image else "",
            )
        )
    return found


def _whole(image: sitk.Image, key: str, path: Path, absent: int) -> int:
    if key not in image:
        return absent
    text = image.GetMetaData(key).strip()
    if not text.isdecimal():
        raise InputError(f"{path}: {key} in its header is not a whole number: save it again")
    return int(text)
