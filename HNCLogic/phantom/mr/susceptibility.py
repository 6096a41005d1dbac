"""How air in and round the head bends the field, and what echo-planar images make of it."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

AIR_PPM = 9.4  # susceptibility of air against that of tissue (0.36 and -9.05 ppm)
HERTZ_PER_PPM = 63.9  # of protons at 1.5 T


def field_ppm(air: np.ndarray, body: np.ndarray, spacing: float) -> np.ndarray:
    """The field's error in ppm, shimmed to second order in the body: (z, y, x), head along z.

    ``air``: share of air in each voxel of ``spacing`` mm; what lies beyond the edge is taken to
    go on. The dipole's kernel 1/3 - kz²/k²: Marques and Bowtell, Concepts Magn Reson B
    2005;25:65.
    """
    pad = 12
    wide = np.pad(air, pad, mode="edge").astype(np.float32)
    kz, ky, kx = (np.fft.fftfreq(n, spacing) for n in wide.shape)
    kx = np.abs(kx[: wide.shape[2] // 2 + 1])
    square = kz[:, None, None] ** 2 + ky[None, :, None] ** 2 + kx[None, None] ** 2
    square[0, 0, 0] = 1.0
    kernel = 1 / 3 - kz[:, None, None] ** 2 / square
    kernel[0, 0, 0] = 0.0
    field = np.fft.irfftn(np.fft.rfftn(AIR_PPM * wide) * kernel, s=wide.shape, axes=(0, 1, 2))
    field = field[pad:-pad, pad:-pad, pad:-pad]
    if body.sum() < 20:
        return np.zeros_like(air, dtype=np.float32)
    z, y, x = np.meshgrid(*(np.linspace(-1, 1, n) for n in air.shape), indexing="ij")
    terms = [np.ones_like(x), x, y, z, x * y, y * z, x * z, x * x, y * y, z * z]
    some = np.flatnonzero(body)[::7]
    basis = np.stack([term.ravel() for term in terms], axis=1)
    weights, *_ = np.linalg.lstsq(basis[some], field.ravel()[some], rcond=None)
    return (field - (basis @ weights).reshape(field.shape)).astype(np.float32)


def shift_mm(field: np.ndarray, spacing: float, pixel_mm: float, hertz: float) -> np.ndarray:
    """How far echo-planar images move tissue along the phase-encoding axis, mm.

    ``pixel_mm`` and ``hertz``: size and bandwidth of a pixel along that axis; a negative
    bandwidth is the other polarity. Bounded to 9 mm: beyond it the signal is gone anyway.
    """
    shift = field * HERTZ_PER_PPM / hertz * pixel_mm
    return gaussian_filter(np.clip(shift, -9, 9), 2.5 / spacing).astype(np.float32)
