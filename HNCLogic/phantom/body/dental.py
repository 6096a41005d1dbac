"""Metal in teeth, and what it does to a CT: streaks, and dark bands between two fillings."""

from __future__ import annotations

import numpy as np

from HNCLogic.images.grid import Grid

METAL_HU = 3071.0
WAVES = 40  # of the pattern of streaks round a filling


def add_fillings(
    hu: np.ndarray, grid: Grid, fillings: np.ndarray, rng: np.random.Generator
) -> None:
    """Fillings at (n, 3) LPS mm, and their artefacts; changes ``hu``, (z, y, x).

    Streaks leave the metal as a star of bright and dark rays and fade over some centimetres; on
    the line between two fillings the beam is hardened or gone, which leaves a dark band. Both
    are seen only in the slices that hold metal.
    """
    x, y, z = (grid.origin[i] + grid.spacing[i] * np.arange(grid.size[i]) for i in range(3))
    x, y = x[None].astype(np.float32), y[:, None].astype(np.float32)
    for number, filling in enumerate(fillings):
        strength = rng.uniform(200, 700)
        pattern = strength * _star(x - filling[0], y - filling[1], rng)
        for other in fillings[:number]:
            if abs(other[2] - filling[2]) < 6:
                pattern -= rng.uniform(0.4, 1.2) * strength * _band(x, y, filling, other)
        radius = np.hypot(x - filling[0], y - filling[1])
        metal = radius < 2.8
        for index in np.nonzero(np.abs(z - filling[2]) < 6.0)[0]:
            near = np.exp(-((z[index] - filling[2]) ** 2) / 14.0)
            hu[index] += (near * pattern).astype(np.float32)
            if near > 0.5:
                hu[index][metal] = METAL_HU


def _star(dx: np.ndarray, dy: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Rays about a filling, of mean 0 and fading outwards: (y, x)."""
    waves = rng.standard_normal((2, WAVES)) / np.sqrt(WAVES)
    angles = np.linspace(-np.pi, np.pi, 721)
    orders = np.arange(3, WAVES + 3)[:, None] * angles
    rays = waves[0] @ np.cos(orders) + waves[1] @ np.sin(orders)
    # A few rays stand out: the directions in which the tooth is seen through other dense things.
    rays = np.sign(rays) * np.abs(rays) ** 1.5
    radius = np.hypot(dx, dy)
    pattern = np.interp(np.arctan2(dy, dx).ravel(), angles, rays).reshape(radius.shape)
    return pattern * np.exp(-radius / 34.0) * np.minimum(radius / 4.0, 1)


def _band(x: np.ndarray, y: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """1 on the line between two fillings, falling off beside it and beyond its ends: (y, x)."""
    along = (b - a)[:2]
    length = max(float(np.hypot(*along)), 1.0)
    along = along / length
    at = (x - a[0]) * along[0] + (y - a[1]) * along[1]
    aside = (x - a[0]) * along[1] - (y - a[1]) * along[0]
    beyond = np.maximum(np.maximum(-at, at - length), 0)
    return np.exp(-((aside / 3.5) ** 2) - beyond / 12.0)
