"""The voxels of single segments: read cropped, combined, written back exactly.

A segment lies in a label map that it may share with others, of any extent: the Segment Editor
crops label maps to what they hold and gives overlapping segments ones of their own. A lattice is
such a label map's geometry; its indices may be negative.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from HNCLogic.lesions.components import bounding_box
from HNCLogic.scene.volumes import array_of, voxels_of, vtk_matrix

BINARY_LABELMAP = "Binary labelmap"
_ALIGNED = 1e-3  # of a voxel: lattices that differ by less are the same one, shifted


@dataclass(frozen=True)
class Piece:
    """Voxels of a lattice: index (x, y, z) of a box's first voxel, and which in it are meant.

    ``inside``: bool, axes z, y, x; a piece without any voxel is of size 0.
    """

    low: tuple[int, int, int]
    inside: np.ndarray

    @property
    def box(self) -> tuple[slice, ...]:
        """The box as slices in the order z, y, x."""
        return tuple(
            slice(a, a + n) for a, n in zip(self.low[::-1], self.inside.shape, strict=True)
        )

    @property
    def voxels(self) -> int:
        return int(np.count_nonzero(self.inside))

    def same_as(self, other: Piece) -> bool:
        return self.low == other.low and np.array_equal(self.inside, other.inside)


NOTHING = Piece((0, 0, 0), np.zeros((0, 0, 0), bool))


def piece(inside: np.ndarray, low: tuple[int, ...]) -> Piece:
    """A piece cropped to what ``inside`` holds; ``low``: index (x, y, z) of its first voxel."""
    if not inside.any():
        return NOTHING
    box = bounding_box(inside)
    at = tuple(int(a + s.start) for a, s in zip(low, box[::-1], strict=True))
    return Piece(at, np.ascontiguousarray(inside[box]))


def union(*pieces: Piece) -> Piece:
    filled = [one for one in pieces if one.inside.size]
    if not filled:
        return NOTHING
    low = np.min([one.low for one in filled], axis=0)
    high = np.max([np.add(one.low, one.inside.shape[::-1]) for one in filled], axis=0)
    inside = np.zeros(tuple(high - low)[::-1], bool)
    for one in filled:
        inside[_within(one, low)] |= one.inside
    return Piece(tuple(int(a) for a in low), inside)


def minus(one: Piece, other: Piece) -> Piece:
    both = _common(one, other)
    if both is None:
        return one
    inside = one.inside.copy()
    inside[both[0]] &= ~other.inside[both[1]]
    return piece(inside, one.low)


def common(one: Piece, other: Piece) -> Piece:
    both = _common(one, other)
    if both is None:
        return NOTHING
    inside = np.zeros_like(one.inside)
    inside[both[0]] = one.inside[both[0]] & other.inside[both[1]]
    return piece(inside, one.low)


def clipped(one: Piece, size: tuple[int, int, int]) -> Piece:
    """What of a piece has indices (x, y, z) from 0 to below ``size``."""
    ends = zip(one.box, size[::-1], strict=True)
    within = [(max(0, s.start), min(n, s.stop), s.start) for s, n in ends]
    if any(stop <= start for start, stop, _ in within):
        return NOTHING
    cut = tuple(slice(start - first, stop - first) for start, stop, first in within)
    return piece(one.inside[cut], tuple(start for start, _, _ in within[::-1]))


def piece_of(segment: Any) -> Piece:
    """A segment's voxels on the lattice of its own label map."""
    image = segment.GetRepresentation(BINARY_LABELMAP)
    if image is None or image.IsEmpty():
        return NOTHING
    return piece(voxels_of(image) == segment.GetLabelValue(), image.GetExtent()[::2])


def lattice_of(image: Any) -> np.ndarray:
    """4x4: where index (x, y, z, 1) of a label map lies, in the segmentation's coordinates."""
    import vtk

    matrix = vtk.vtkMatrix4x4()
    image.GetImageToWorldMatrix(matrix)
    return array_of(matrix)


def moved(one: Piece, source: np.ndarray, target: np.ndarray) -> Piece:
    """A piece of lattice ``source`` on lattice ``target`` (both 4x4): as it is where the voxels
    coincide, else by nearest neighbour."""
    if not one.inside.size:
        return one
    step = np.linalg.inv(target) @ source
    corners = _corners(one)
    there = corners @ step[:3, :3].T + step[:3, 3]
    shift = np.rint(step[:3, 3])
    if np.abs(there - corners - shift).max() < _ALIGNED:
        return Piece(tuple(int(a + b) for a, b in zip(one.low, shift, strict=True)), one.inside)
    low = np.floor(there.min(axis=0)).astype(int) - 1
    high = np.ceil(there.max(axis=0)).astype(int) + 1
    return _resampled(one, source, target, low, high)


def write_piece(node: Any, segment_id: str, one: Piece) -> None:
    """Let a segment hold exactly the voxels of ``one``, on the lattice of its own label map.

    Other segments keep all of theirs: where it would take one from a segment in the same label
    map it gets a label map of its own. Surfaces made of the segment are made anew.
    """
    import slicer

    segmentation = node.GetSegmentation()
    if not one.inside.size:
        segmentation.ClearSegment(segment_id)
        return
    held = segmentation.GetSegment(segment_id).GetRepresentation(BINARY_LABELMAP)
    image = oriented_image(one)
    image.SetSpacing(held.GetSpacing())
    image.SetOrigin(held.GetOrigin())
    image.CopyDirections(held)
    slicer.vtkSlicerSegmentationsModuleLogic.SetBinaryLabelmapToSegment(image, node, segment_id)


def oriented_image(one: Piece, value: int = 1, dtype: type = np.uint8) -> Any:
    """A vtkOrientedImageData of a piece's box, ``value`` inside and 0 beside it."""
    import slicer
    from vtkmodules.util import numpy_support

    image = slicer.vtkOrientedImageData()
    image.SetExtent(*_extent(one.low, np.add(one.low, one.inside.shape[::-1]) - 1))
    image.AllocateScalars(numpy_support.get_vtk_array_type(dtype), 1)
    voxels_of(image)[...] = one.inside * dtype(value)
    return image


def _resampled(
    one: Piece, source: np.ndarray, target: np.ndarray, low: np.ndarray, high: np.ndarray
) -> Piece:
    import slicer

    image = oriented_image(one)
    image.SetGeometryFromImageToWorldMatrix(vtk_matrix(source))
    frame = slicer.vtkOrientedImageData()
    frame.SetExtent(*_extent(low, high))
    frame.SetGeometryFromImageToWorldMatrix(vtk_matrix(target))
    resample = slicer.vtkOrientedImageDataResample
    resample.ResampleOrientedImageToReferenceOrientedImage(image, frame, image)
    if image.IsEmpty():
        return NOTHING
    return piece(voxels_of(image) > 0, image.GetExtent()[::2])


def _corners(one: Piece) -> np.ndarray:
    ends = np.array([one.low, np.add(one.low, one.inside.shape[::-1]) - 1], float)
    return np.array([(ends[i, 0], ends[j, 1], ends[k, 2]) for i, j, k in np.ndindex(2, 2, 2)])


def _extent(low: Any, high: Any) -> list[int]:
    return [int(v) for pair in zip(low, high, strict=True) for v in pair]


def _within(one: Piece, low: np.ndarray) -> tuple[slice, ...]:
    """The piece's box in an array whose first voxel is ``low`` (x, y, z)."""
    return tuple(
        slice(int(s.start - a), int(s.stop - a)) for s, a in zip(one.box, low[::-1], strict=True)
    )


def _common(one: Piece, other: Piece) -> tuple[tuple[slice, ...], tuple[slice, ...]] | None:
    """The box that both have, in the array of each; None where there is none."""
    if not one.inside.size or not other.inside.size:
        return None
    both = [
        (max(a.start, b.start), min(a.stop, b.stop))
        for a, b in zip(one.box, other.box, strict=True)
    ]
    if any(stop <= start for start, stop in both):
        return None
    return tuple(
        tuple(
            slice(start - s.start, stop - s.start)
            for (start, stop), s in zip(both, this.box, strict=True)
        )
        for this in (one, other)
    )
