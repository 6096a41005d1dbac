"""Measures that follow a segmentation while it is edited: only what changed is measured again.

The numbers are those of ``lesions.measures.measure`` on ``segments.read_segmentation``. They are
reached without an image of all segments: each is cropped to its box where it lies.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from HNCLogic.errors import InputError
from HNCLogic.images.grid import Grid
from HNCLogic.scene.segment_voxels import (
    BINARY_LABELMAP,
    NOTHING,
    Piece,
    clipped,
    lattice_of,
    minus,
    moved,
    piece,
    union,
)
from HNCLogic.scene.tables import EmptyLesion
from HNCLogic.scene.terminology import kind_of
from HNCLogic.scene.volumes import grid_of, ijk_to_ras, to_world_of, voxels_of

if TYPE_CHECKING:  # pydantic is not there before the user agreed to install it
    from HNCLogic.images.midline import Midline
    from HNCLogic.job import Lesion, Totals
    from HNCLogic.lesions.measures import MeasuredLesion

_STEP_VOXELS = 1_500_000  # looked through at once: some 10 ms


@dataclass(frozen=True)
class Measured:
    """``lesions`` have voxels; ``by_segment`` holds every segment in the segmentation's order,
    the empty ones as EmptyLesion (0 ml, not counted in ``totals``)."""

    lesions: list[Lesion]
    totals: list[Totals]
    by_segment: dict[str, Lesion | EmptyLesion]


class _Changed(Exception):
    """Something was edited while it was measured."""


@dataclass
class _Known:
    """What is kept from one time to the next."""

    pet: tuple | None = None  # which voxels, where
    middle: Midline | None = None
    layers: dict[tuple, dict[int, Piece]] | None = None  # label map → label → voxels
    segments: dict[str, tuple[Piece, MeasuredLesion]] | None = None


def remeasure(
    segmentation_node: Any, pet_node: Any, known: dict
) -> Generator[float, None, Measured]:
    """Measure the segments as they are now; yields the share done, returns ``Measured``.

    ``pet_node``: SUVbw. ``known``: an empty dict at first, the same one ever after: segments
    whose voxels are what they were are not measured again. Names and kinds are the segments' as
    they stand; a term that is none of ours is a "lesion". Where segments overlap, the later one
    has the voxel; what lies outside the PET does not count. Segments on other voxels than the
    PET's are taken to these by nearest neighbour. A step takes some 20 ms, whatever the sizes;
    what changes meanwhile is seen, and measured anew.

    Raises InputError where the PET is empty or holds NaN or infinity, where a node stands under a
    warping transform, or the segmentation has no voxels to read.
    """
    kept = known.setdefault("kept", _Known())
    while True:
        try:
            return (yield from _measured(segmentation_node, pet_node, kept))
        except _Changed:
            yield 0.0


def _measured(node: Any, pet_node: Any, kept: _Known) -> Generator[float, None, Measured]:
    from HNCLogic.lesions.measures import measure_lesion, totals_of

    yield 0.0  # for the first time that took a while
    yield from _know_pet(pet_node, kept)
    grid = grid_of(pet_node)
    pieces = yield from _own_pieces(node, grid, kept)
    if kept.middle is None and any(one.inside.size for one in pieces.values()):
        kept.middle = yield from _middle(pet_node, grid, kept)

    known, kept.segments = kept.segments or {}, {}
    found: dict[str, MeasuredLesion] = {}
    by_segment: dict[str, Lesion | EmptyLesion] = {}
    for number, (one, voxels) in enumerate(pieces.items()):
        named = _named(node, one)
        if not voxels.inside.size:
            by_segment[one] = EmptyLesion(named["name"], named["kind"])
            continue
        before = known.get(one)
        if before is not None and before[0].same_as(voxels):
            measured = before[1]
            measured.lesion = measured.lesion.model_copy(update=named)
        else:
            suv = _voxels(pet_node, kept)
            measured = measure_lesion(suv, voxels.inside, voxels.box, grid, kept.middle, **named)
        kept.segments[one] = (voxels, measured)
        found[one] = measured
        by_segment[one] = measured.lesion
        yield 0.5 + 0.5 * (number + 1) / len(pieces)
    lesions = [each.lesion for each in found.values()]
    return Measured(lesions, totals_of(list(found.values()), grid), by_segment)


def _named(node: Any, one: str) -> dict[str, Any]:
    segmentation = node.GetSegmentation()
    segment = segmentation.GetSegment(one)
    if segment is None:
        raise _Changed
    return {
        "label": _labels(segmentation)[one],
        "name": segment.GetName() or one,
        "kind": kind_of(segment),
    }


def _labels(segmentation: Any) -> dict[str, int]:
    """Each segment's label, as ``read_segmentation`` has it: its own value where all differ."""
    ids = list(segmentation.GetSegmentIDs())
    values = [segmentation.GetSegment(one).GetLabelValue() for one in ids]
    if len(set(values)) != len(values) or min(values, default=1) < 1:
        values = range(1, len(ids) + 1)
    return dict(zip(ids, values, strict=True))


# The PET


def _know_pet(pet_node: Any, kept: _Known) -> Generator[float, None, None]:
    """Forget everything if the PET is another one or has changed; and look whether it can be
    measured in."""
    now = _state_of(pet_node)
    if kept.pet == now:
        return
    kept.middle = kept.segments = None
    kept.pet = now
    for first, end in _slabs(voxels_of(pet_node.GetImageData()).shape):
        if not np.isfinite(_voxels(pet_node, kept)[first:end]).all():
            kept.pet = None
            raise InputError("the PET holds voxels that are not numbers (NaN or infinity)")
        yield 0.05


def _state_of(pet_node: Any) -> tuple:
    grid = grid_of(pet_node)
    data = pet_node.GetImageData()
    return data.GetMTime(), data.GetPointData().GetScalars().GetMTime(), grid


def _voxels(pet_node: Any, kept: _Known) -> np.ndarray:
    """The PET's voxels, looked up anew: what VTK has reallocated must not be read."""
    if _state_of(pet_node) != kept.pet:
        raise _Changed
    return voxels_of(pet_node.GetImageData())


def _middle(pet_node: Any, grid: Grid, kept: _Known) -> Generator[float, None, Midline]:
    from HNCLogic.images.midline import midline_steps

    steps = midline_steps(_voxels(pet_node, kept), grid)
    while True:
        _voxels(pet_node, kept)  # the steps look at these: they must still be there
        try:
            next(steps)
        except StopIteration as stop:
            return stop.value
        yield 0.4


# The segments


def _own_pieces(node: Any, grid: Grid, kept: _Known) -> Generator[float, None, dict[str, Piece]]:
    """The voxels that each segment has to itself, on the PET's grid."""
    segmentation = node.GetSegmentation()
    _need_voxels(node)
    to_grid = ijk_to_ras(grid)
    whole: dict[str, Piece] = {}
    layers, kept.layers = kept.layers or {}, {}
    for one in segmentation.GetSegmentIDs():
        image = _image(segmentation, one)
        if image is None or image.IsEmpty():
            whole[one] = NOTHING
            continue
        state = (image.GetMTime(), image.GetPointData().GetScalars().GetMTime())
        if state not in kept.layers:
            if state in layers:
                kept.layers[state] = layers[state]
            else:
                kept.layers[state] = yield from _pieces_in(segmentation, one, state)
        label = segmentation.GetSegment(one).GetLabelValue()
        held = kept.layers[state].get(label, NOTHING)
        there = moved(held, to_world_of(node) @ lattice_of(_image(segmentation, one)), to_grid)
        whole[one] = clipped(there, grid.size)
        yield 0.5
    own = {}
    every = list(whole.items())
    for number, (one, voxels) in enumerate(every):
        for _, later in every[number + 1 :]:
            voxels = minus(voxels, later)
        own[one] = voxels
    return own


def _need_voxels(node: Any) -> None:
    """Segments that came as surfaces are made into label maps, as Slicer does."""
    segmentation = node.GetSegmentation()
    if not segmentation.GetNumberOfSegments():
        return
    if segmentation.ContainsRepresentation(BINARY_LABELMAP):
        return
    if not segmentation.CreateRepresentation(BINARY_LABELMAP):
        raise InputError(f"the segments of {node.GetName()} cannot be made into voxels")


def _image(segmentation: Any, one: str) -> Any:
    segment = segmentation.GetSegment(one)
    if segment is None:
        raise _Changed
    return segment.GetRepresentation(BINARY_LABELMAP)


def _pieces_in(
    segmentation: Any, one: str, state: tuple
) -> Generator[float, None, dict[int, Piece]]:
    """label → voxels, of the label map that a segment lies in."""
    from scipy import ndimage

    def array() -> np.ndarray:
        image = _image(segmentation, one)
        if (image.GetMTime(), image.GetPointData().GetScalars().GetMTime()) != state:
            raise _Changed
        return voxels_of(image)

    low = _image(segmentation, one).GetExtent()[::2]
    found: dict[int, list[Piece]] = {}
    for first, end in _slabs(array().shape):
        slab = array()[first:end]
        whole = slab if np.issubdtype(slab.dtype, np.integer) else slab.astype(np.int32)
        for label, box in enumerate(ndimage.find_objects(whole), 1):
            if box is not None:
                at = np.add(low, (box[2].start, box[1].start, first + box[0].start))
                found.setdefault(label, []).append(piece(whole[box] == label, tuple(at)))
        yield 0.1
    return {label: union(*pieces) for label, pieces in found.items()}


def _slabs(shape: tuple[int, ...]) -> list[tuple[int, int]]:
    slices = max(1, _STEP_VOXELS // max(1, shape[1] * shape[2]))
    return [(first, min(first + slices, shape[0])) for first in range(0, shape[0], slices)]
