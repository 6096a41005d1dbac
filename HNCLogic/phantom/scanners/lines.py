"""Lines of response of a slice, and what a square pixel weighs in each.

A pixel is a square of constant value and a bin a strip of finite width; the weight of a pixel in
a bin is the area they share over the strip's width, so that a bin holds the mean line integral
over its width, in value times millimetres.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse


@dataclass(frozen=True)
class Lines:
    """The lines of response of one slice.

    ``views`` angles evenly over 180°, from that along y; ``bins`` strips of ``bin_mm`` in each,
    the middle of them through the middle of the slice.
    """

    views: int
    bins: int
    bin_mm: float

    def angles(self) -> np.ndarray:
        """Radians, (views,)."""
        return np.arange(self.views) * np.pi / self.views


def weights_of_pixels(
    x: np.ndarray, y: np.ndarray, side: float, angles: np.ndarray, lines: Lines
) -> sparse.csr_matrix:
    """Weights, mm, (pixels, angles * bins), float32.

    ``x``, ``y``: the pixels' middles, mm from the middle of the slice, (pixels,); ``side``: of a
    pixel, mm. ``angles``: radians, any of the lines' own or others.
    """
    first, weights = _footprints(x, y, side, angles, lines)
    count, views, reach = weights.shape
    ray = first[..., None] + np.arange(reach, dtype=np.int32)
    weights[(ray < 0) | (ray >= lines.bins)] = 0
    ray = np.clip(ray, 0, lines.bins - 1)
    ray += (np.arange(views, dtype=np.int32) * lines.bins)[:, None]
    ends = np.arange(count + 1, dtype=np.int32) * (views * reach)
    shape = (count, views * lines.bins)
    matrix = sparse.csr_matrix((weights.ravel(), ray.ravel(), ends), shape)
    matrix.eliminate_zeros()
    return matrix


def _footprints(
    x: np.ndarray, y: np.ndarray, side: float, angles: np.ndarray, lines: Lines
) -> tuple[np.ndarray, np.ndarray]:
    """First bin, int32 (pixels, views), and weights from there on, float32 (pixels, views, n).

    A square seen at an angle casts a trapezoid, the convolution of two boxes; the area up to a
    place is a sum of four squares of ramps.
    """
    across, along = np.abs(np.cos(angles)) * side, np.abs(np.sin(angles)) * side
    long = np.maximum(across, along)
    short = np.maximum(np.minimum(across, along), 1e-4 * side)
    outer, inner = (long + short) / 2, (long - short) / 2
    centre = x[:, None] * np.cos(angles) + y[:, None] * np.sin(angles)
    edge = lines.bins / 2  # in bins, from the first bin's outer edge to the middle
    first = np.floor((centre - outer) / lines.bin_mm + edge).astype(np.int32)
    reach = int(np.ceil(side * np.sqrt(2) / lines.bin_mm)) + 1
    start = (first - edge) * lines.bin_mm - centre
    weights = np.empty((*centre.shape, reach), np.float32)
    before = 0.0
    for n in range(reach):
        place = start + (n + 1) * lines.bin_mm
        area = np.maximum(place + outer, 0) ** 2 - np.maximum(place + inner, 0) ** 2
        area += np.maximum(place - outer, 0) ** 2 - np.maximum(place - inner, 0) ** 2
        area /= 2 * long * short
        weights[..., n] = (area - before) * (side**2 / lines.bin_mm)
        before = area
    weights[weights < 1e-6 * side] = 0
    return first, weights
