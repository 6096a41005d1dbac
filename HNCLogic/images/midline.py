"""The line down the body's middle, found in a PET; a bit at a time where somebody waits."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from HNCLogic.images.body import (
    PET_LEVEL,
    SMOOTHED_MM,
    WORKING_MM,
    central_slice,
    filled,
    shrink_factors,
    sideways_middle,
)
from HNCLogic.images.grid import Grid, to_patient_axes
from HNCLogic.in_steps import at_once

STEADY_MM = 15.0  # to both sides: the middle is the median over this stretch of slices
_STEP_VOXELS = 600_000  # worked on at once: some 20 ms


@dataclass(frozen=True)
class Midline:
    """The middle of head, neck and trunk from foot to head, found in the body's outline."""

    grid: Grid  # whose z index counts the slices
    centres: np.ndarray  # (slices, 3) LPS mm
    found_by: str

    def left_of_middle_mm(self, point: np.ndarray | tuple[float, float, float]) -> float:
        """How far to the patient's left of the middle at its own height an LPS point lies."""
        height = self.grid.indices(np.atleast_2d(point))[0, 2]
        middle = np.interp(height, np.arange(len(self.centres)), self.centres[:, 0])
        return float(point[0] - middle)


def midline(pet: sitk.Image) -> Midline:
    """The body's middle in every axial slice of a PET (SUVbw).

    In a slice: the part of the outline in the middle of the body (not an arm held up), and of
    the middles of its rows from left to right the median, weighted by their length, so that an
    arm lying on one side or a bulging tumour counts little; then the median over 3 cm of
    slices. Slices whose outline the field of view cuts off take the value of their neighbours.
    Where every slice is cut, the scanner's own middle (x = 0) is taken if the image reaches it,
    and the middle of the image otherwise; likewise where no body is found.
    """
    return at_once(midline_steps(sitk.GetArrayViewFromImage(pet), Grid.of(pet)))


def midline_steps(array: np.ndarray, grid: Grid) -> Generator[None, None, Midline]:
    """``midline`` of voxels (z, y, x) on ``grid``, in steps of some 20 ms for any size."""
    coarse, grid = yield from _coarsened(array, grid)
    above = yield from _smooth_above(coarse, grid)
    body = yield from _largest_part(above)
    columns = np.empty((body.shape[0], body.shape[2]), int)
    for first, end in _slabs(body.shape):
        body[first:end] = filled(body[first:end]) != 0
        columns[first:end] = body[first:end].sum(axis=1)
        yield
    middle = sideways_middle(columns)
    slices = []
    for first, end in _slabs(body.shape):
        for z in range(first, end):
            slices.append(_middle_of(central_slice(body[z], middle)[0]))
        yield
    return _line_through(slices, grid)


def _slabs(shape: tuple[int, ...], multiple: int = 1) -> list[tuple[int, int]]:
    """First and end of stretches along the first axis, each a multiple of slices but the last."""
    slices = max(1, _STEP_VOXELS // max(1, shape[1] * shape[2] * multiple)) * multiple
    return [(first, min(first + slices, shape[0])) for first in range(0, shape[0], slices)]


def _coarsened(array: np.ndarray, grid: Grid) -> Generator[None, None, tuple[np.ndarray, Grid]]:
    """``body.coarsened``: turned to x left, y posterior, z superior, and averaged down."""
    turned, grid = _turned(array, grid)
    factors = shrink_factors(grid, WORKING_MM)
    size = [n // f for n, f in zip(grid.size, factors, strict=True)]
    coarse = np.empty(size[::-1], np.float32)
    for first, end in _slabs(turned.shape, factors[2]):
        slab = sitk.GetImageFromArray(np.ascontiguousarray(turned[first:end], np.float32))
        if end - first >= factors[2]:
            shrunk = sitk.GetArrayViewFromImage(sitk.BinShrink(slab, factors))
            begin = first // factors[2]
            coarse[begin : begin + len(shrunk)] = shrunk
        yield
    spacing = tuple(s * f for s, f in zip(grid.spacing, factors, strict=True))
    origin = grid.points([[(f - 1) / 2 for f in factors]])[0]
    return coarse, Grid(tuple(size), spacing, tuple(float(v) for v in origin), grid.direction)


def _turned(array: np.ndarray, grid: Grid) -> tuple[np.ndarray, Grid]:
    """A view of the voxels with axes along the patient's, as ``to_patient_axes`` does it."""
    small = Grid((2, 3, 4), grid.spacing, grid.origin, grid.direction).empty()
    turned = to_patient_axes(small)
    axes = [(2, 3, 4).index(n) for n in turned.GetSize()]  # of the old ones, along the new x y z
    columns = np.asarray(turned.GetDirection()).reshape(3, 3)
    view = array.transpose([2 - axis for axis in reversed(axes)])
    first = np.zeros(3)
    for new, old in enumerate(axes):
        if columns[:, new] @ grid.matrix[:, old] < 0:
            view = np.flip(view, 2 - new)
            first[old] = grid.size[old] - 1
    origin = tuple(float(v) for v in grid.points([first])[0])
    return view, Grid(
        tuple(grid.size[axis] for axis in axes),
        tuple(grid.spacing[axis] for axis in axes),
        origin,
        tuple(turned.GetDirection()),
    )


def _smooth_above(coarse: np.ndarray, grid: Grid) -> Generator[None, None, np.ndarray]:
    """Where the smoothed PET is above the body's level; slabs overlap by the filter's reach."""
    from scipy import ndimage

    sigma = [SMOOTHED_MM / 2.355 / s for s in grid.spacing[::-1]]
    reach = int(2.5 * sigma[0] + 0.5)
    above = np.zeros(coarse.shape, bool)
    for first, end in _slabs(coarse.shape):
        low = max(0, first - reach)
        smooth = ndimage.gaussian_filter(coarse[low : end + reach], sigma, truncate=2.5)
        above[first:end] = smooth[first - low : end - low] > PET_LEVEL
        yield
    return above


def _largest_part(above: np.ndarray) -> Generator[None, None, np.ndarray]:
    """The largest of the parts that hang together by voxels' faces."""
    from scipy import ndimage

    numbers = np.zeros(above.shape, np.int32)
    joined = [0]  # part → a part of a lower number that it hangs together with, or itself
    counts = [0]

    def root(one: int) -> int:
        while joined[one] != one:
            joined[one] = joined[joined[one]]
            one = joined[one]
        return one

    for first, end in _slabs(above.shape):
        found, count = ndimage.label(above[first:end])
        start = len(joined)
        numbers[first:end] = np.where(found > 0, found + (start - 1), 0)
        joined += range(start, start + count)
        counts += np.bincount(found.ravel(), minlength=count + 1)[1:].tolist()
        if first:
            below, here = numbers[first - 1], numbers[first]
            meet = (below > 0) & (here > 0)
            for a, b in np.unique(np.stack([below[meet], here[meet]]), axis=1).T.tolist():
                low, high = sorted((root(a), root(b)))
                joined[high] = low
        yield
    roots = np.array([root(one) for one in range(len(joined))])
    whole = np.bincount(roots, weights=counts)
    largest = int(whole.argmax())
    if not whole[largest]:
        return above
    ours = roots == largest
    for first, end in _slabs(above.shape):
        above[first:end] = ours[numbers[first:end]]
        yield
    return above


def _middle_of(slice_: np.ndarray) -> tuple[float, float] | None:
    """x and y index of the middle of a slice's mask (y, x): of its rows' middles from left to
    right the median, weighted by length. None where it is empty or the field of view cuts it."""
    y = np.flatnonzero(slice_.any(axis=1))
    if not len(y) or slice_[:, 0].any() or slice_[:, -1].any():
        return None
    rows = slice_[y]
    first, last = rows.argmax(axis=1), rows.shape[1] - 1 - rows[:, ::-1].argmax(axis=1)
    weight = last - first + 1
    middle = (first + last) / 2
    order = np.argsort(middle)
    half = np.searchsorted(np.cumsum(weight[order]), weight.sum() / 2)
    return float(middle[order[half]]), float(np.average(y, weights=weight))


def _line_through(found: list[tuple[float, float] | None], grid: Grid) -> Midline:
    whole = [z for z, middle in enumerate(found) if middle is not None]
    if not whole:
        return _middle_of_field(grid)
    slices = np.arange(grid.size[2])
    centre = np.array([found[z] for z in whole])
    steady = np.stack([np.interp(slices, whole, centre[:, i]) for i in (0, 1)], axis=1)
    reach = round(STEADY_MM / grid.spacing[2])
    steady[:, 0] = [np.median(steady[max(0, z - reach) : z + reach + 1, 0]) for z in slices]
    centres = grid.points(np.column_stack([steady, slices]))
    return Midline(grid, centres, "outline of the body in the PET")


def _middle_of_field(grid: Grid) -> Midline:
    middle = (np.asarray(grid.size) - 1) / 2
    centres = grid.points([(middle[0], middle[1], z) for z in range(grid.size[2])])
    sideways = grid.corners()[:, 0]
    if sideways.min() < 0 < sideways.max():
        centres[:, 0] = 0.0
        return Midline(grid, centres, "middle of the scanner")
    return Midline(grid, centres, "middle of the image")
