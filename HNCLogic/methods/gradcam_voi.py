"""The volume of interest that a heat map points at: a box of fixed size about what is hottest.

Wang et al. 2022 cut a VOI of 90 x 90 x 25 voxels where Grad-CAM speaks for extension and do not say
how it is placed. Here it is the box, inside the volume, that holds most of the map.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from HNCLogic.images.grid import Grid, ras

Box = tuple[int, int, int]  # voxels, z y x


@dataclass(frozen=True)
class Voi:
    """A box of ``size`` voxels of ``whole``, the first of them ``start``; both (z, y, x)."""

    whole: Grid
    start: Box
    size: Box
    found: bool = True  # False: the map was empty, and the box is the volume's middle

    @property
    def cut(self) -> tuple[slice, slice, slice]:
        """Its part of an array (z, y, x) on ``whole``."""
        return tuple(slice(s, s + n) for s, n in zip(self.start, self.size, strict=True))

    @property
    def grid(self) -> Grid:
        """Its own grid, voxel on voxel with ``whole``."""
        origin = self.whole.points(np.array([self.start[::-1]]))[0]
        return Grid(
            self.size[::-1],
            self.whole.spacing,
            tuple(float(v) for v in origin),
            self.whole.direction,
        )

    @property
    def corners_ras(self) -> list[tuple[float, float, float]]:
        """RAS positions (mm) of its eight outer corners, in the order of ``Grid.corners``."""
        return [ras(corner) for corner in self.grid.corners()]

    @property
    def centre_ras(self) -> tuple[float, float, float]:
        """RAS position (mm) of its middle: ``voi_about`` it gives the same box."""
        middle = (np.array(self.size[::-1]) - 1) / 2
        return ras(self.grid.points(middle[None])[0])


def box_sums(values: np.ndarray, box: Sequence[int]) -> np.ndarray:
    """Sum of ``values`` (z, y, x) in the box of ``box`` voxels that begins at each voxel.

    float64 (z - box_z + 1, …): boxes that lie inside. By a summed-area table (Crow 1984): the
    number of steps does not hang on the box. Raises ValueError where the box is larger.
    """
    if any(not 1 <= side <= whole for side, whole in zip(box, values.shape, strict=True)):
        raise ValueError(f"a box of {tuple(box)} voxels does not fit into {values.shape}")
    sums = np.asarray(values, np.float64)
    for axis, side in enumerate(box):
        table = np.cumsum(sums, axis=axis)
        table = np.concatenate([np.zeros_like(np.take(table, [0], axis)), table], axis=axis)
        ends = np.arange(side, table.shape[axis])
        sums = np.take(table, ends, axis) - np.take(table, ends - side, axis)
    return sums


def hottest_voi(heat: np.ndarray, grid: Grid, size: Box) -> Voi:
    """The box of ``size`` voxels (z, y, x) inside the volume that holds most of ``heat``.

    ``heat`` is (z, y, x) on ``grid``, not negative. Of boxes that hold equally much (a small hot
    spot fits into many) the one whose middle is nearest to the middle of what they hold. A box
    inside the volume never holds less than one that was clipped, so this is the arg-max of the
    box-summed map, clipped. An empty map gives the volume's middle, ``found`` False.
    """
    sums = box_sums(heat, size)
    most = float(sums.max())
    if not most > 0:
        middle = tuple((whole - side) // 2 for whole, side in zip(heat.shape, size, strict=True))
        return Voi(grid, middle, size, found=False)
    # Sums by differences of a table are not exact to the last digit.
    best = np.argwhere(sums >= most * (1 - 1e-9))
    first = best[0]
    part = heat[tuple(slice(s, s + n) for s, n in zip(first, size, strict=True))]
    weights = np.asarray(part, np.float64)
    centre = [
        float(
            np.average(np.arange(n), weights=weights.sum(tuple(o for o in range(3) if o != axis)))
        )
        for axis, n in enumerate(size)
    ]
    off = best + (np.array(size) - 1) / 2 - (first + np.array(centre))
    nearest = best[int(np.argmin((off**2).sum(axis=1)))]
    return Voi(grid, tuple(int(v) for v in nearest), size)


def voi_about(centre_ras: Sequence[float], grid: Grid, size: Box) -> Voi:
    """The box of ``size`` voxels (z, y, x) about a position (RAS, mm), moved inside the volume.

    For a user who places it by hand. Raises ValueError where the box is larger than the volume.
    """
    whole = grid.size[::-1]
    if any(side > n for side, n in zip(size, whole, strict=True)):
        raise ValueError(f"a box of {tuple(size)} voxels does not fit into {whole}")
    middle = grid.indices(np.array([ras(centre_ras)]))[0][::-1]  # ras() is its own inverse
    start = np.round(middle - (np.array(size) - 1) / 2)
    start = np.clip(start, 0, np.array(whole) - np.array(size))
    return Voi(grid, tuple(int(v) for v in start), size)
