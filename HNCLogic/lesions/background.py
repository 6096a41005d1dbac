"""The threshold of a lesion against its own surroundings."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

HOT_SHARE = 0.8  # the lesion's uptake is the mean of its voxels above this share of its maximum
SHELL_MM = (7.0, 15.0)  # beyond the scanner's blur (FWHM 5 to 7 mm), still the lesion's own place
_ENOUGH = 0.2  # of the shell must be free of other hot spots to speak for the background
_ROUNDS = 25
_STABLE = 0.002  # relative change of the level at which the iteration ends


def adaptive_level(
    suv: np.ndarray,
    spacing: np.ndarray,
    suv_max: float,
    grow: Callable[[float], np.ndarray],
    fraction: float,
    hot: float,
) -> float:
    """The threshold T = B + fraction (M - B) of one lesion, iterated until it stays.

    ``suv``: whole PET (z, y, x); ``spacing``: mm along z, y, x; ``suv_max``: of the lesion;
    ``grow``: level → flat indices of the lesion's voxels at or above it; ``hot``: SUV of what
    may be another hot spot. Each round takes the outline at the present T, then B, the mean of
    the shell 7 to 15 mm outside it without other hot voxels, and M, the mean of the outlined
    voxels whose uptake above B is at least 80 % of the maximum's (steadier than the one voxel
    that is the maximum). T falls between B and the maximum and is returned when it changes by
    less than 0.2 %, or after 25 rounds.

    Why relative to the background: the blurred edge of an object lies at about the same fraction
    of the step from background to object whatever the contrast, 40 to 45 % for spheres of 15 to
    40 mm at clinical resolution, so one fraction serves all contrasts, which a percentage of the
    maximum does not. This is the idea of the contrast-adaptive thresholds of Schaefer et al.
    (Eur J Nucl Med Mol Imaging 2008; 35: 1989) and of the iterated, background-corrected one of
    Hofheinz et al. (Nuklearmedizin 2012; 51: 9), with which the lesions of Nikulin et al. 2023
    were outlined; the details here (shell, M) are our own. Spheres under 2 FWHM come out too
    large, as with every threshold.
    """
    level = 0.5 * suv_max
    for _ in range(_ROUNDS):
        voxels = grow(level)
        background = background_around(suv, spacing, voxels, level, hot)
        uptake = suv.ravel()[voxels].astype(float)
        hottest = uptake[uptake - background >= HOT_SHARE * (suv_max - background)].mean()
        previous, level = level, background + fraction * (hottest - background)
        if abs(level - previous) <= _STABLE * previous:
            break
    return level


def background_around(
    suv: np.ndarray, spacing: np.ndarray, voxels: np.ndarray, level: float, hot: float
) -> float:
    """Mean SUV of the shell 7 to 15 mm outside ``voxels`` (flat indices), other hot spots aside.

    Where the lesion lies in tissue that is itself ``hot``, everything in the shell below the
    lesion's ``level`` counts; where the shell is empty, the background is 0.
    """
    from scipy import ndimage

    places = np.array(np.unravel_index(voxels, suv.shape))
    reach = np.ceil(SHELL_MM[1] / spacing).astype(int)
    low = np.maximum(places.min(axis=1) - reach, 0)
    high = places.max(axis=1) + reach + 1
    around = suv[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
    outside = np.ones(around.shape, bool)
    outside[tuple(places - low[:, None])] = False
    distance = ndimage.distance_transform_edt(outside, sampling=spacing)
    shell = around[(distance >= SHELL_MM[0]) & (distance <= SHELL_MM[1])]
    cool = shell[shell < hot]
    if len(cool) < _ENOUGH * len(shell):
        cool = shell[shell < level]
    return float(cool.mean()) if len(cool) else 0.0
