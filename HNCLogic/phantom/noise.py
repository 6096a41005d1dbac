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
    """``field`` on an axis-aligned grid: float32, axes (z, y, x)."""
    image = sitk.Resample(
        field,
        list(size),
        sitk.Transform(3, sitk.sitkIdentity),
        sitk.sitkLinear,
        [float(v) for v in low],
        [float(spacing)] * 3,
        [1, 0, 0, 0, 1, 0, 0, 0, 1],
        0.0,
    )
    return sitk.GetArrayFromImage(image)
