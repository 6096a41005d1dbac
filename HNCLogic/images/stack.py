"""From the positions of single slices to one regular grid, or a word on why there is none.

Positions and directions are DICOM's: millimetres, LPS (PS3.3 C.7.6.2.1.1).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from HNCLogic.errors import InputError
from HNCLogic.images.grid import Grid

# Positions are written with few digits, and PET beds meet with a step: on a real whole-body PET
# single gaps are 2.4 % off while no slice is more than 0.1 mm from its place. A lost slice
# doubles a gap, so these bounds leave no doubt on either side.
GAP_TOLERANCE = 0.05  # of the slice spacing, for one gap
PLACE_TOLERANCE = 0.10  # of the slice spacing, for a slice's distance from its place
ROUNDING_MM = 0.11  # positions may have been written with one decimal
SHEAR_MM_PER_MM = 1e-3  # sideways drift of the slices along the normal: direction cosines' digits


def stack_grid(
    positions: np.ndarray,
    orientations: np.ndarray,
    pixel_spacing: tuple[float, float],
    size: tuple[int, int],
    labels: Sequence[str],
    source: str,
) -> tuple[Grid, np.ndarray, list[str]]:
    """The grid of a stack of parallel slices, the order that sorts them, and warnings.

    ``positions`` (n, 3): the centre of each slice's first pixel; ``orientations`` (n, 6): its
    row and column directions; ``pixel_spacing``: between rows, between columns (DICOM's order);
    ``size``: columns, rows. The grid's z axis is the normal, row × column, so it is always
    right-handed, as DICOM readers elsewhere make it. ``labels`` name the slices in errors,
    ``source`` the series. Raises ``InputError`` for a single slice, slices that are not
    parallel, duplicates, gaps, uneven spacing, and a sheared stack (gantry tilt): resampling
    that would invent values, so it is left to a tool that shows what it does.
    """
    if len(positions) < 2:
        raise InputError(f"{source} has one slice only: a volume of several slices is needed")
    row, column = _directions(orientations, labels, source)
    normal = np.cross(row, column)
    along = positions @ normal
    order = np.argsort(along, kind="stable")
    along, positions = along[order], positions[order]
    named = [labels[i] for i in order]
    _refuse_duplicates(along, named, source)
    gaps = np.diff(along)
    usual = float(np.median(gaps))
    _refuse_gaps(along, gaps, usual, named, source)
    spacing = float(along[-1] - along[0]) / len(gaps)
    misplaced = np.abs(along - along[0] - spacing * np.arange(len(along)))
    allowed = max(PLACE_TOLERANCE * spacing, ROUNDING_MM)
    if misplaced.max() > allowed:
        worst = int(misplaced.argmax())
        raise InputError(
            f"{source}: the slices are unequally spaced, {gaps.min():.2f} to {gaps.max():.2f} mm "
            f"apart ({named[worst]} is {misplaced[worst]:.2f} mm from its place): "
            "export an evenly spaced series"
        )
    _refuse_shear(positions, normal, source)
    warnings = []
    if misplaced.max() > max(GAP_TOLERANCE * spacing, ROUNDING_MM):
        warnings.append(
            f"The slices are up to {misplaced.max():.2f} mm from an even spacing of "
            f"{spacing:.3f} mm; they were taken as even."
        )
    grid = Grid(
        size=(size[0], size[1], len(positions)),
        spacing=(float(pixel_spacing[1]), float(pixel_spacing[0]), spacing),
        origin=tuple(float(v) for v in positions[0]),
        direction=tuple(float(v) for v in np.column_stack([row, column, normal]).ravel()),
    )
    return grid, order, warnings


def _directions(
    orientations: np.ndarray, labels: Sequence[str], source: str
) -> tuple[np.ndarray, np.ndarray]:
    off = np.abs(orientations - orientations[0]).max(axis=1)
    if off.max() > 1e-3:
        other = int(off.argmax())
        raise InputError(
            f"{source}: the slices are not parallel ({labels[0]} and {labels[other]} differ in "
            "orientation): give a series that is one stack"
        )
    mean = orientations.mean(axis=0)
    row, column = mean[:3], mean[3:]
    lengths = np.linalg.norm(row), np.linalg.norm(column)
    if not np.allclose(lengths, 1, atol=1e-2) or abs(row @ column) > 1e-2:
        raise InputError(f"{source}: the image orientation in the headers is not one (cosines)")
    row = row / lengths[0]
    column = column - (column @ row) * row
    return row, column / np.linalg.norm(column)


def _refuse_duplicates(along: np.ndarray, named: list[str], source: str) -> None:
    extent = along[-1] - along[0]
    same = np.diff(along) < max(1e-3, 1e-2 * extent / len(along))
    if not same.any():
        return
    groups = defaultdict(list)
    for name, place in zip(named, np.r_[0, np.cumsum(~same)], strict=True):
        groups[int(place)].append(name)
    counts = {len(group) for group in groups.values()}
    if len(groups) < 2:
        raise InputError(f"{source}: all {len(along)} slices lie at the same position")
    if len(counts) == 1:
        raise InputError(
            f"{source} holds {counts.pop()} images at every position (a dynamic or gated series, "
            "echoes, b-values): export one of them as a series of its own"
        )
    twice = [" and ".join(group) for group in groups.values() if len(group) > 1]
    more = f", and {len(twice) - 3} more positions" if len(twice) > 3 else ""
    raise InputError(
        f"{source} has duplicate slices: {'; '.join(twice[:3])} lie at the same position{more}: "
        "remove what does not belong"
    )


def _refuse_gaps(
    along: np.ndarray, gaps: np.ndarray, usual: float, named: list[str], source: str
) -> None:
    tolerance = max(GAP_TOLERANCE * usual, ROUNDING_MM)
    odd = np.flatnonzero(np.abs(gaps - usual) > tolerance)
    if not odd.size:
        return
    lost = np.rint(gaps[odd] / usual).astype(int) - 1
    whole = np.abs(gaps[odd] - (lost + 1) * usual) <= tolerance * (lost + 1)
    if (lost >= 1).all() and whole.all():
        where = [
            f"{count} between {named[i]} and {named[i + 1]} (a gap of {gaps[i]:.2f} mm)"
            for i, count in zip(odd[:3], lost[:3], strict=True)
        ]
        more = f", and in {odd.size - 3} more places" if odd.size > 3 else ""
        raise InputError(
            f"{source}: slices are missing, {'; '.join(where)}{more}; the others are "
            f"{usual:.2f} mm apart: copy the whole series"
        )
    first = int(odd[0])
    raise InputError(
        f"{source}: the slices are unequally spaced, {gaps.min():.2f} to {gaps.max():.2f} mm "
        f"apart (usually {usual:.2f}; {gaps[first]:.2f} between {named[first]} and "
        f"{named[first + 1]}): export an evenly spaced series"
    )


def _refuse_shear(positions: np.ndarray, normal: np.ndarray, source: str) -> None:
    steps = positions - positions[0]
    heights = steps @ normal
    sideways = steps - heights[:, None] * normal
    drift = np.linalg.norm(sideways, axis=1)
    if (drift > np.maximum(0.1, SHEAR_MM_PER_MM * heights)).any():
        angle = np.degrees(np.arctan2(drift[-1], heights[-1]))
        raise InputError(
            f"{source}: the slices are shifted sideways along the stack (a gantry tilt of "
            f"{angle:.1f}°?): resample it to an upright stack first"
        )
