"""Attenuation of 511 keV photons, from CT numbers."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from HNCLogic.phantom.scanners.scanner import FWHM

WATER = 0.0096  # 1/mm at 511 keV
NOTHING = 0.0006  # 1/mm: below this a map holds air and the noise of the CT


def attenuation(hu: np.ndarray) -> np.ndarray:
    """CT numbers (HU, at 120 kV) to linear attenuation at 511 keV, 1/mm, float32.

    Two lines that meet at 47 HU, as PET/CT scanners use them: Carney et al., Med Phys
    2006;33:976-983. Iodine and metal, which stop the CT's photons more than these, come out too
    dense, as they do in practice.
    """
    above = np.asarray(hu, np.float32) + 1000
    return np.where(above < 1047, 9.6e-6 * above, 5.10e-6 * above + 4.71e-3).astype(np.float32)


def correction_map(hu: np.ndarray, spacing: tuple[float, float, float]) -> np.ndarray:
    """The map a scanner corrects with, 1/mm: smoothed to about the PET's resolution, air 0.

    ``hu`` on the PET's grid, axes (z, y, x); ``spacing`` (x, y, z) mm.
    """
    sigma = [4.0 / FWHM / step for step in spacing[::-1]]
    smooth = gaussian_filter(attenuation(hu), sigma, mode="nearest", truncate=3.0)
    smooth[smooth < NOTHING] = 0
    return smooth
