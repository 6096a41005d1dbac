"""The faint haze in the air round a patient: what is left of scatter when it has been corrected.

Measured in the PET of a real patient (GE, whole body): mean 0.021 SUV at 15 to 40 mm from the neck,
0.007 from the shoulders, 0.006 and 0.004 at 40 to 80 mm. Neither the full chain's errors of scatter
nor the fast PET leave as much. Within the patient the correction is taken to be right.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from HNCLogic.phantom.scanners.places import between
from HNCLogic.phantom.scanners.scanner import FWHM

ACROSS_MM, ALONG_MM = 120.0, 80.0  # FWHM of where scattered photons seem to come from
SHARE = (0.01, 0.05)  # of what is seen there, range between patients
LUMPS = 1.5  # shape of the gamma distribution of its lumps
STEP_MM = 12.0  # apart are the places where it is worked out
PATIENT = 0.1  # SUV from which on a voxel is the patient's own
LEAST = 1 / 1024  # SUV: it comes in steps of that, as a camera's counts do in files


def add_haze(
    image: np.ndarray, spacing: tuple[float, float, float], rng: np.random.Generator
) -> None:
    """Changes ``image``, SUVbw, float32, axes (z, y, x), where it is empty.

    ``spacing``: x, y, z; mm. ``rng`` is not drawn from, only what it spawns.
    """
    rng = rng.spawn(1)[0]
    every = [max(1, round(STEP_MM / mm)) for mm in spacing[::-1]]
    few = image[:: every[0], :: every[1], :: every[2]]
    steps = np.array(every) * spacing[::-1]
    glow = gaussian_filter(few, np.array([ALONG_MM, ACROSS_MM, ACROSS_MM]) / FWHM / steps)
    glow *= rng.uniform(*SHARE) * rng.gamma(LUMPS, 1 / LUMPS, few.shape)
    z, y, x = (
        between(np.arange(n) / step, count)
        for n, step, count in zip(image.shape, every, few.shape, strict=True)
    )
    lit = glow > LEAST / 2
    for part in range(0, len(image), every[0]):
        here = slice(part, part + every[0])
        rows, columns = (
            _reached(lit[part // every[0] :][:2].any(axis=axes), step)
            for axes, step in (((0, 2), every[1]), ((0, 1), every[2]))
        )
        haze = (z[here] @ glow.reshape(len(glow), -1)).reshape(-1, *glow.shape[1:])
        haze = (y[rows] @ haze) @ x[columns].T
        air = image[here, rows, columns]
        haze *= np.clip(1 - air / PATIENT, 0, 1)
        air += np.round(haze / LEAST) * np.float32(LEAST)


def _reached(lit: np.ndarray, step: int) -> slice:
    """Between which fine places the coarse ones lie that are lit, and one more on each side."""
    where = np.flatnonzero(lit)
    if not len(where):
        return slice(0, 0)
    return slice(max(where[0] - 1, 0) * step, (where[-1] + 1) * step + 1)
