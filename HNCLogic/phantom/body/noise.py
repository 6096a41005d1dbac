"""Smooth random fields: noise with a correlation length, the same whatever grid it is read on."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
from scipy.ndimage import gaussian_filter


def smooth_field(
    rng: np.random.Generator,
    low: tuple[float, ...],
    high: tuple[float, ...],
    length_mm: float,
) -> sitk.Image:
    """Gaussian random field of mean 0 and variance 1 over the box ``low`` … ``high`` (mm).

    Drawn on its own coarse grid, half of ``length_mm`` apart, smoothed to a correlation of
    about ``length_mm``; read it on any grid with ``on_grid``.
    """
    step = length_mm / 2
    size = [int(np.ceil((b - a) / step)) + 5 for a, b in zip(low, high, strict=True)]
    field = gaussian_filter(rng.standard_normal(size[::-1], np.float32), 1.0, mode="wrap")
    field /= field.std()
    image = sitk.GetImageFromArray(field)
    image.SetSpacing([step] * 3)
    image.SetOrigin([a - 2 * step for a in low])
    return image


def on_grid(
    field: sitk.Image, low: np.ndarray, spacing: float, size: tuple[int, ...]
) -> np.ndarray:
    """``field`` on an axis-aligned grid, linearly, 0 beyond it: float32, axes (z, y, x).

    One axis after the other, which is faster than a resampling of all at once and as exact.
    """
    values = sitk.GetArrayViewFromImage(field)
    for axis in range(3):
        count, i = values.shape[axis], 2 - axis
        at = low[i] + spacing * np.arange(size[i]) - field.GetOrigin()[i]
        at = at / field.GetSpacing()[i]
        below = np.clip(np.floor(at), 0, max(count - 2, 0)).astype(int)
        share = np.clip(at - below, 0, 1)
        seen = (at >= -0.5) & (at <= count - 0.5)
        shape = [-1 if k == axis else 1 for k in range(3)]
        first = (seen * (1 - share)).astype(np.float32).reshape(shape)
        second = (seen * share).astype(np.float32).reshape(shape)
        blended = values.take(below, axis) * first
        blended += values.take(np.minimum(below + 1, count - 1), axis) * second
        values = blended
    return values
