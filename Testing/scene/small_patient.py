"""A small made-up patient for the scene's tests: oblique, flipped, with unequal voxels."""

from __future__ import annotations

import numpy as np

from HNCLogic.images.grid import Grid
from HNCLogic.job import Lesion

# A head that is turned and tilted a little; then the PET's rows and slices run the other way.
TURN, TILT = np.deg2rad(7.0), np.deg2rad(-5.0)
TURNED = np.array(
    [[np.cos(TURN), -np.sin(TURN), 0], [np.sin(TURN), np.cos(TURN), 0], [0, 0, 1]]
) @ np.array([[1, 0, 0], [0, np.cos(TILT), -np.sin(TILT)], [0, np.sin(TILT), np.cos(TILT)]])
FLIPPED = TURNED @ np.diag([1.0, -1.0, -1.0])

# RAS, mm: the primary on the patient's right and in front, a node on the left, behind and below
CENTRE = np.array([12.0, -34.0, 210.0])
PRIMARY = CENTRE + np.array([32.0, 24.0, 10.0])
NODE = CENTRE + np.array([-38.0, -18.0, -26.0])
HOTTEST = CENTRE + np.array([30.0, 20.0, 8.0])
RADII = {1: 13.0, 2: 8.0}


def grid_around(centre_ras, size, spacing, direction) -> Grid:
    direction = np.asarray(direction)
    middle = direction @ ((np.asarray(size) - 1) / 2 * np.asarray(spacing))
    origin = np.asarray(centre_ras) * (-1, -1, 1) - middle
    return Grid(size, spacing, tuple(origin), tuple(direction.ravel()))


def positions(grid: Grid) -> np.ndarray:
    """RAS of every voxel, axes (z, y, x, 3)."""
    nx, ny, nz = grid.size
    z, y, x = np.meshgrid(np.arange(nz), np.arange(ny), np.arange(nx), indexing="ij")
    index = np.stack([x, y, z], axis=-1).reshape(-1, 3)
    return (grid.points(index) * (-1, -1, 1)).reshape(nz, ny, nx, 3)


def distance(where: np.ndarray, to: np.ndarray) -> np.ndarray:
    return np.linalg.norm(where - np.asarray(to), axis=-1)


def body_of(where: np.ndarray) -> np.ndarray:
    across = (where - CENTRE) / (75.0, 95.0, 1.0)
    return np.hypot(across[..., 0], across[..., 1]) < 1


def lesion(label: int, kind: str, name: str, suv_max: float, at) -> Lesion:
    at = tuple(float(v) for v in at)
    return Lesion(
        label=label,
        name=name,
        kind=kind,
        mtv_ml=9.2 / label,
        suv_max=suv_max,
        suv_mean=suv_max * 0.6,
        suv_peak=suv_max * 0.9,
        tlg_ml=suv_max * 0.6 * 9.2 / label,
        dmax_mm=25.5,
        centroid_ras=at,
        suv_max_ras=at,
        side="right" if at[0] > 0 else "left",
    )
