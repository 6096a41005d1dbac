"""The slices through a box about a tumour, and where in each slice the box lies."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import SimpleITK as sitk

from HNCLogic.errors import InputError
from HNCLogic.images.box_file import Box
from HNCLogic.images.grid import Grid, to_patient_axes

# The twelve edges of a box whose corners are counted in the order of ``_corners``.
EDGES = [(a, b) for a, b in combinations(range(8), 2) if (a ^ b).bit_count() == 1]


def box_of(words: str) -> Box:
    """The box in ``words``, six numbers with spaces or commas between them. Raises InputError."""
    try:
        x0, x1, y0, y1, z0, z1 = (float(word) for word in words.replace(",", " ").split())
    except ValueError as error:
        raise InputError(
            f"{words!r:.60} is no box: give six numbers, low and high of x, y and z, LPS in mm"
        ) from error
    return x0, x1, y0, y1, z0, z1


def slices_about(
    box: Box,
    planes: sitk.Image,
    role: str,
    *,
    pixels: int,
    field_mm: float,
    own_slices_mm: tuple[float, float],
    slice_mm: float,
) -> Grid:
    """Slices of ``planes`` through the box, ``pixels`` x ``pixels`` over ``field_mm`` each.

    Inferior slice first. A slice is taken where its middle plane cuts the line through the box's
    centre across the slices: on a tilted stack a slice that meets a corner only is not. Where the
    box is thinner than a slice, the one nearest to its centre. Slices closer or wider than
    ``own_slices_mm`` are replaced by slices ``slice_mm`` apart. The field lies in the image's
    middle, moved as little as is needed to hold the box.
    Raises InputError where the box is empty, larger than the field, or not within ``planes``
    (``role`` names it).
    """
    ends = np.asarray(box, float).reshape(3, 2)
    if not (np.isfinite(ends).all() and (ends[:, 1] > ends[:, 0]).all()):
        raise InputError("the box is empty: give low and high of each axis, low first, in mm")
    centre, half = ends.mean(axis=1), (ends[:, 1] - ends[:, 0]) / 2
    own = Grid.of(to_patient_axes(planes))
    axes, depth = own.matrix, own.size[2] * own.spacing[2]
    low, high = own_slices_mm
    step = own.spacing[2] if low <= own.spacing[2] <= high else slice_mm
    count = own.size[2] if step == own.spacing[2] else max(round(depth / step), 1)
    # Distances from the image's middle along its axes, mm.
    middle = own.points((np.array([own.size]) - 1) / 2)[0]
    across, down, along = (centre - middle) @ axes
    reach = np.min(half / np.maximum(np.abs(axes[:, 2]), 1e-9))
    places = (np.arange(count) - (count - 1) / 2) * step
    taken = np.flatnonzero(np.abs(places - along) <= reach)
    if not len(taken):
        taken = np.array([np.abs(places - along).argmin()])
        if abs(places[taken[0]] - along) > step / 2 + reach:
            raise InputError(f"the box lies outside of the {role}: place it about the tumour")
    corners = (_corners(box) - middle) @ axes[:, :2]
    shift = []
    for low_mm, high_mm in zip(corners.min(axis=0), corners.max(axis=0), strict=True):
        if high_mm - low_mm > field_mm:
            raise InputError(
                f"the box is {high_mm - low_mm:.0f} mm wide in the {role}'s slices, the model sees "
                f"{field_mm:g} mm: place it about the tumour alone"
            )
        # The middle of a field that holds the box lies between these.
        shift.append(float(np.clip(0.0, high_mm - field_mm / 2, low_mm + field_mm / 2)))
    if abs(across) > own.size[0] * own.spacing[0] / 2 or (
        abs(down) > own.size[1] * own.spacing[1] / 2
    ):
        raise InputError(f"the box lies outside of the {role}: place it about the tumour")
    pixel = field_mm / pixels
    to_corner = (pixels - 1) / 2 * pixel
    first = middle + axes @ np.array([shift[0] - to_corner, shift[1] - to_corner, places[taken[0]]])
    return Grid(
        size=(pixels, pixels, len(taken)),
        spacing=(pixel, pixel, float(step)),
        origin=tuple(float(v) for v in first),
        direction=own.direction,
    )


def other_side(box: Box) -> Box:
    """A box in RAS of one in LPS, or in LPS of one in RAS: low and high of each axis, mm."""
    left, right, back, front, low, high = (float(v) for v in box)
    return (-right, -left, -front, -back, low, high)


def boxes_on(grid: Grid, box: Box) -> np.ndarray:
    """Where each slice of ``grid`` cuts the box: float32 (slice, 4), x0, y0, x1, y1.

    In pixels as edges: pixel i reaches from i to i + 1. On a tilted stack the cut wanders from
    slice to slice. A slice beside the box has the cut at the box's nearest end.
    """
    corners = grid.indices(_corners(box))
    lowest, highest = corners[:, 2].min(), corners[:, 2].max()
    # A hair within, so that a slice right on a face still cuts the edges.
    hair = 1e-6 * (highest - lowest)
    found = []
    for index in range(grid.size[2]):
        level = float(np.clip(index, lowest + hair, highest - hair))
        cut = []
        for a, b in EDGES:
            start, end = corners[a], corners[b]
            if (start[2] - level) * (end[2] - level) <= 0 and start[2] != end[2]:
                share = (level - start[2]) / (end[2] - start[2])
                cut.append(start[:2] + share * (end[:2] - start[:2]))
        found.append([*np.min(cut, axis=0), *np.max(cut, axis=0)])
    return (np.array(found) + 0.5).astype(np.float32)


def _corners(box: Box) -> np.ndarray:
    """The eight corners (8, 3), LPS mm; an edge joins two whose numbers differ in one bit."""
    ends = np.asarray(box, float).reshape(3, 2)
    return np.array(list(product(*ends)))
