"""Where to look: the point of interest, and the stretch of the body that a view shows.

Everything is in mm, RAS.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from HNCLogic.images.grid import Grid, ras
from HNCLogic.scene.judged_box import judged_box

if TYPE_CHECKING:  # pydantic is not there before the user agreed to install it
    from HNCLogic.job import Position, Region, Result


SMALLEST_MM = 140.0
LARGEST_MM = 320.0  # a head with the shoulders' inner half
MARGIN = 1.18
SLAB_MM = 20.0  # the axial view is framed by the body this near to it
SAMPLES = 64  # per axis, when the body is searched


@dataclass(frozen=True)
class Box:
    low: np.ndarray  # (3,) RAS
    high: np.ndarray

    @property
    def centre(self) -> np.ndarray:
        return (self.low + self.high) / 2

    @property
    def size(self) -> np.ndarray:
        return self.high - self.low


def focus(result: Result, pet: sitk.Image | None, anatomy: sitk.Image | None) -> Position:
    """The point that the views jump to.

    The largest SUV of the hottest lesion; without lesions the heat map's hottest point; without
    either (an empty heat map has none) the middle of the box that was judged, if one was, or the
    PET's largest value within the region that was analysed; else the middle.
    """
    if result.lesions:
        return max(result.lesions, key=lambda lesion: lesion.suv_max).suv_max_ras
    if result.explanation is not None and result.explanation.hottest_ras is not None:
        return result.explanation.hottest_ras
    if (named := judged_box(result)) is not None:
        return tuple(float(v) for v in named[1].mean(axis=0))
    if pet is not None:
        return _hottest(pet, result.region)
    grid = Grid.of(anatomy)
    return ras(grid.points(np.asarray([grid.size]) / 2 - 0.5)[0])


def _hottest(pet: sitk.Image, region: Region | None) -> Position:
    grid = Grid.of(pet)
    array = sitk.GetArrayViewFromImage(pet)
    if region is not None:
        along = [grid.matrix[2, a] * grid.spacing[a] * np.arange(grid.size[a]) for a in range(3)]
        height = grid.origin[2] + along[0] + along[1][:, None] + along[2][:, None, None]
        inside = (height >= region.inferior_mm) & (height <= region.superior_mm)
        if inside.any():
            array = np.where(inside, array, -np.inf)
    index = np.unravel_index(int(np.argmax(array)), array.shape)
    return ras(grid.points(np.array([index[::-1]]))[0])


def body_points(image: sitk.Image, role: str) -> np.ndarray:
    """Places (n, 3), RAS, evenly spread over the body in CT, MR or PET, found by brightness."""
    return body_places(sitk.GetArrayViewFromImage(image), Grid.of(image), role)


def body_places(array: np.ndarray, grid: Grid, role: str) -> np.ndarray:
    """``body_points`` of voxels (z, y, x) that lie on ``grid``."""
    steps = [max(1, round(n / SAMPLES)) for n in array.shape]
    coarse = array[:: steps[0], :: steps[1], :: steps[2]]
    if role == "CT":
        limit = -300.0
    elif role == "PET":
        limit = 0.25
    else:
        limit = 0.10 * float(np.percentile(coarse, 99))
    body = coarse > limit
    index = np.argwhere(body if body.any() else np.ones_like(body))
    return grid.points(index[:, ::-1] * steps[::-1]) * (-1.0, -1.0, 1.0)


def box_of(points: np.ndarray, low_s: float = -np.inf, high_s: float = np.inf) -> Box:
    """The extent of the body's points between two heights (S)."""
    inside = (points[:, 2] >= low_s) & (points[:, 2] <= high_s)
    if inside.any():
        points = points[inside]
    # Not the extremes: a hot pixel in the air, or an arm's tip, should not set the frame.
    low, high = np.percentile(points, (0.5, 99.5), axis=0)
    return Box(low, high)


@dataclass(frozen=True)
class Frame:
    """The square that a slice view shows: its centre and side."""

    centre: Position
    side_mm: float


def frames(body: np.ndarray, at: Position, region: Region | None) -> dict[str, Frame]:
    """orientation → what a view shows of the body around ``at``, through which it passes."""
    s = at[2]
    low, high = (-np.inf, np.inf) if region is None else (region.inferior_mm, region.superior_mm)
    whole = box_of(body, max(low, s - LARGEST_MM), min(high, s + LARGEST_MM))
    level = box_of(body, s - SLAB_MM, s + SLAB_MM)
    return {
        "Axial": _frame(level, at, (0, 1)),
        "Coronal": _frame(whole, at, (0, 2)),
        "Sagittal": _frame(whole, at, (1, 2)),
    }


def _frame(box: Box, at: Position, axes: tuple[int, int]) -> Frame:
    side = float(np.clip(max(box.size[a] for a in axes) * MARGIN, SMALLEST_MM, LARGEST_MM))
    centre = np.array(at, dtype=float)
    for axis in axes:
        low, high = box.low[axis] + side / 2, box.high[axis] - side / 2
        if low > high:  # all of the body fits
            low = high = box.centre[axis]
        within = float(np.clip(at[axis], low, high))
        # A box that misses the point must not push it out of sight.
        centre[axis] = np.clip(within, at[axis] - 0.42 * side, at[axis] + 0.42 * side)
    return Frame((float(centre[0]), float(centre[1]), float(centre[2])), side)
