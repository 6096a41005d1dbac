"""PET without projecting and reconstructing: for bulk data, in well under a second.

True uptake is blurred as the camera blurs; noise of the strength and grain that OSEM leaves at
each place (``counting_noise.py``) is put on it as factors, fourth powers of normal ones, so that
nothing gets negative, the mean stays and the skewness is that of the full chain; the centre's
filter comes last, as in the full chain. Hot spots are not yet at their height and small cold places
(windpipe, sinuses, bone) not yet empty when OSEM stops. Left out besides what the full chain leaves
out: errors of the corrections for attenuation and scatter.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import SimpleITK as sitk
from scipy.ndimage import gaussian_filter, gaussian_filter1d

from HNCLogic.images.grid import Grid
from HNCLogic.phantom.body.shapes import Canvas
from HNCLogic.phantom.body.tissues import LABEL, column
from HNCLogic.phantom.scanners import counting_noise, places, scanner
from HNCLogic.phantom.scanners.attenuation import attenuation
from HNCLogic.phantom.scanners.centres import (
    LIVER_MIDDLE,
    LIVER_SUV,
    LIVER_WIDTH,
    UNWANTED,
    Protocol,
    camera_psf,
)
from HNCLogic.phantom.scanners.counting_noise import PIXEL_MM, PIXELS, TABLE
from HNCLogic.phantom.scanners.haze import add_haze
from HNCLogic.phantom.scanners.scanner import FWHM

MARGIN_MM = 14.0  # round what is LIT: beyond it all is empty
LIT = 0.01  # SUV
STRETCH_MM = 40.0
OVERSHOOT = 0.006  # of edges, for the root of OSEM's updates: fitted to spheres in the full chain
# What stands out from its surroundings (a blur of that FWHM) by more than half is reached as far
# as 1 - exp(-(x / SLOW)^0.7), x as in counting_noise.py: fitted to a node in neck and shoulders.
SURROUNDINGS_MM, OUTSTANDING, SLOW = 35.0, 1.5, 0.12
# What is colder than its close surroundings (a blur of about 12 mm, FWHM, which the coarse maps
# are; up to FLAT, SUV) over DEEP keeps exp(-(x / COLD)^0.35) of the difference, x of the
# surroundings: OSEM starts from a flat image, and what is small gets its own last. Fitted without
# noise to three patients of three centres in the full chain, where small cold places read 0.43,
# 0.45 and 0.33 SUV: here 0.37, 0.41 and 0.34, without this 0.31, 0.36 and 0.30.
COLD, FLAT, DEEP = 0.15, 1.2, 1.3
NOTHING = 1e-3  # SUV below which nothing is worked out

Finer = Callable[[np.ndarray], np.ndarray]


def pet(
    suv: np.ndarray,
    canvas: Canvas,
    grid: Grid,
    transform: sitk.Transform,
    couch_y: float,
    resolution_mm: float,
    liver_cov: float,
    protocol: Protocol,
    rng: np.random.Generator,
) -> np.ndarray:
    """PET of the uptake ``suv`` on the canvas: SUVbw, float32, axes (z, y, x), never negative.

    All as in ``full_chain.pet``, whose images these are like: mean, recovery, noise and grain.
    """
    unwanted = float(rng.uniform(*UNWANTED))
    table = attenuation(column("hu"))
    coarse = _coarse_grid(grid)
    activity = _averaged(suv, canvas, coarse, transform)
    mu = _averaged(table[canvas.labels], canvas, coarse, transform) + _couch(coarse, couch_y)
    width = grid.size[0] * grid.spacing[0]
    seen = counting_noise.rays(activity, mu, unwanted, coarse.spacing[2], width)
    strength = _strength(liver_cov, unwanted, width, grid.spacing, protocol)
    blur = camera_psf(resolution_mm, protocol.filter_mm) / FWHM / canvas.spacing
    blurred = _image(places.blurred(suv, suv > 0, blur, truncate=3.0), canvas)
    around = gaussian_filter(activity, SURROUNDINGS_MM / FWHM / PIXEL_MM)
    body = (canvas.labels != LABEL["outside"]).astype(np.float32)
    inside = _averaged(body, canvas, coarse, transform)
    overshoot = float(OVERSHOOT * np.sqrt(protocol.iterations * protocol.subsets))

    beyond = int(np.ceil(protocol.filter_mm / grid.spacing[2]))
    counted = np.zeros((grid.size[2] + 2 * beyond, *grid.size[1::-1]), np.float32)
    parts = _stretches(activity, coarse, grid, beyond)
    for part in parts:
        box = _part(grid, part, beyond)
        mean = _read(blurred, box, transform)
        finer = _finer(coarse, box)
        near = finer(activity)
        mean *= 1 + overshoot
        mean -= overshoot * near
        _slow(mean, near, finer(around), finer(inside), seen, finer, protocol)
        counted[part] = _with_noise(mean, seen, finer, box.spacing[:2], strength, protocol, rng)
    image = np.zeros(grid.size[::-1], np.float32)
    if parts:
        rows, columns = (
            slice(min(part[i].start for part in parts), max(part[i].stop for part in parts))
            for i in (1, 2)
        )
        filtered = scanner.post_filter(counted[:, rows, columns], grid.spacing, protocol.filter_mm)
        image[:, rows, columns] = filtered[beyond : len(filtered) - beyond]
    add_haze(image, grid.spacing, rng)
    return image


def _slow(
    mean: np.ndarray,
    near: np.ndarray,
    around: np.ndarray,
    inside: np.ndarray,
    seen: counting_noise.Rays,
    finer: Finer,
    protocol: Protocol,
) -> None:
    """Small regions, hot or cold, do not get there in time where rays are few; changes ``mean``.

    ``near``, ``around``: the close and the wide surroundings of each voxel, SUV; ``inside``: how
    much of the close ones is patient, 0 to 1. The air round the patient is empty at once.
    """
    reached = np.float32(protocol.iterations * protocol.subsets) / (
        finer(sum(seen.variance) / len(seen.variance)) * finer(seen.passed)
    )
    level = np.minimum(near / np.maximum(inside, np.float32(0.5)), FLAT) / DEEP
    cold = (inside > 0.5) & (mean < level)
    level = level[cold]
    kept = (2 * inside[cold] - 1) * np.exp(-((reached[cold] * level / COLD) ** np.float32(0.35)))
    filled = mean[cold] + (level - mean[cold]) * kept
    excess = mean - OUTSTANDING * around
    hot = excess > 0.05
    mean[hot] -= excess[hot] * np.exp(-((reached[hot] * mean[hot] / SLOW) ** np.float32(0.7)))
    mean[cold] = filled


def _strength(
    liver_cov: float,
    unwanted: float,
    width: float,
    spacing: tuple[float, float, float],
    protocol: Protocol,
) -> float:
    """What V is to be multiplied by so that liver comes out with ``liver_cov``."""
    v, n = counting_noise.rays_in_liver(LIVER_SUV, LIVER_WIDTH, LIVER_MIDDLE, unwanted, width)
    x = protocol.iterations * protocol.subsets * LIVER_SUV / (v * n)
    filtered = counting_noise.mixture(spacing[:2], protocol.filter_mm).filtered
    variance = v * np.interp(np.log(x), np.log(TABLE), filtered)
    variance *= _left_along(protocol.filter_mm / FWHM / spacing[2])
    return float((liver_cov * LIVER_SUV) ** 2 / variance)


def _with_noise(
    mean: np.ndarray,
    seen: counting_noise.Rays,
    finer: Finer,
    pixel: tuple[float, float],
    strength: float,
    protocol: Protocol,
    rng: np.random.Generator,
) -> np.ndarray:
    """``mean`` (z, y, x) as it is counted and reconstructed, before the filter."""
    updates = protocol.iterations * protocol.subsets
    mixture = counting_noise.mixture(pixel, protocol.filter_mm)
    fields = counting_noise.waves(mean.shape, pixel, rng)
    some = np.flatnonzero(mean > NOTHING)
    level = mean.ravel()[some]
    open_share = finer(seen.passed).ravel()[some]
    step = float(np.log(TABLE[1] / TABLE[0]))
    unfiltered = mixture.variance.astype(np.float32)
    deviation, spread = np.zeros_like(level), np.zeros_like(level)
    for variance, grains in zip(seen.variance, fields, strict=True):
        v = finer(variance).ravel()[some]
        place = np.log(level * np.float32(updates / TABLE[0]) / (v * open_share)) / step + 0.5
        place = np.clip(place, 0, len(TABLE) - 1).astype(np.int16)
        amount = np.sqrt(v * np.float32(strength)) / level
        spread += amount**2 * unfiltered[place] / len(seen.variance)  # each makes as many waves
        for share, field in zip(mixture.grains, grains, strict=True):
            deviation += amount * share[place] * field.ravel()[some]
    image = np.zeros(mean.shape, np.float32)
    factor = np.square(np.square(1 + deviation / 4))
    image.ravel()[some] = level * factor / (1 + 3 / 8 * spread + 3 / 256 * spread**2)  # mean 1
    return image


def _left_along(sigma: float) -> float:
    """Variance of independent slices behind a Gaussian of ``sigma`` slices, as a share."""
    pulse = np.zeros(2 * int(5 * sigma + 2) + 1)
    pulse[len(pulse) // 2] = 1
    return float((gaussian_filter1d(pulse, sigma, truncate=4.0) ** 2).sum())


def _coarse_grid(grid: Grid) -> Grid:
    """The counting camera's pixels round the scanner's axis, over the stretch that is shown."""
    middle = grid.points(np.array([[(n - 1) / 2 for n in grid.size]]))[0]
    slices = int(np.ceil(grid.size[2] * grid.spacing[2] / PIXEL_MM)) + 1
    size = np.array([PIXELS, PIXELS, slices])
    origin = middle - PIXEL_MM * (size - 1) / 2
    return Grid(
        tuple(int(v) for v in size), (PIXEL_MM,) * 3, tuple(float(v) for v in origin), scanner.AXIAL
    )


def _image(values: np.ndarray, canvas: Canvas) -> sitk.Image:
    image = sitk.GetImageFromArray(values.astype(np.float32, copy=False))
    image.SetSpacing([canvas.spacing] * 3)
    image.SetOrigin([float(v) for v in canvas.low])
    return image


def _read(image: sitk.Image, grid: Grid, transform: sitk.Transform) -> np.ndarray:
    out = sitk.Resample(
        image, list(grid.size), transform, sitk.sitkLinear, list(grid.origin), list(grid.spacing),
        list(grid.direction), 0.0, sitk.sitkFloat32,
    )  # fmt: skip
    return sitk.GetArrayFromImage(out)


def _averaged(
    values: np.ndarray, canvas: Canvas, grid: Grid, transform: sitk.Transform
) -> np.ndarray:
    """A canvas's values on a grid of much larger voxels."""
    times = max(1, round(grid.spacing[0] / canvas.spacing))
    return _read(sitk.BinShrink(_image(values, canvas), [times] * 3), grid, transform)


def _couch(coarse: Grid, couch_y: float) -> np.ndarray:
    """Attenuation of the couch, 1/mm, (1, y, x)."""
    fine = 5
    step = PIXEL_MM / fine
    start = [coarse.origin[i] - PIXEL_MM / 2 + step / 2 for i in (0, 1)]
    grid = Grid((PIXELS * fine, PIXELS * fine, 1), (step, step, step), (*start, 0.0), scanner.AXIAL)
    hu = np.full(grid.size[::-1], -1000.0, np.float32)
    scanner.add_couch(hu, grid, couch_y)
    return attenuation(hu).reshape(1, PIXELS, fine, PIXELS, fine).mean(axis=(2, 4))


def _stretches(
    activity: np.ndarray, coarse: Grid, grid: Grid, beyond: int
) -> list[tuple[slice, slice, slice]]:
    """Boxes (slices, rows, columns) that hold all uptake, one for each stretch of the patient.

    Slices are counted from ``beyond`` below the grid, up to as many above it.
    """
    found = []
    every = max(1, round(STRETCH_MM / grid.spacing[2]))
    for first in range(0, grid.size[2] + 2 * beyond, every):
        last = min(first + every, grid.size[2] + 2 * beyond)
        ends = grid.origin[2] + grid.spacing[2] * (np.array([first, last - 1]) - beyond)
        low, high = np.clip((ends - coarse.origin[2]) / PIXEL_MM, 0, len(activity) - 1)
        lit = (activity[int(low) : int(np.ceil(high)) + 1] > LIT).any(axis=0)
        if not lit.any():
            continue
        box = [slice(first, last)]
        for i in (1, 0):
            where = np.nonzero(lit.any(axis=i))[0]
            ends = coarse.origin[i] + PIXEL_MM * where[[0, -1]] + (-MARGIN_MM, MARGIN_MM)
            a, b = (ends - grid.origin[i]) / grid.spacing[i]
            box.append(slice(max(int(a), 0), min(int(np.ceil(b)) + 1, grid.size[i])))
        found.append(tuple(box))
    return found


def _part(grid: Grid, box: tuple[slice, slice, slice], beyond: int) -> Grid:
    """The grid of a box as ``_stretches`` gives them."""
    slices, rows, columns = box
    first = np.array([[columns.start, rows.start, slices.start - beyond]])
    size = tuple(cut.stop - cut.start for cut in (columns, rows, slices))
    origin = tuple(float(v) for v in grid.points(first)[0])
    return Grid(size, grid.spacing, origin, grid.direction)


def _finer(coarse: Grid, grid: Grid) -> Finer:
    """What puts maps of the coarse camera on an axial grid: linearly, ends drawn out; float32."""
    along = []
    for i in (2, 1, 0):
        place = grid.origin[i] + grid.spacing[i] * np.arange(grid.size[i])
        along.append(places.between((place - coarse.origin[i]) / PIXEL_MM, coarse.size[i]))
    z, y, x = along

    def finer(values: np.ndarray) -> np.ndarray:
        slices = (z @ values.reshape(len(values), -1)).reshape(len(z), *values.shape[1:])
        return (y @ slices) @ x.T

    return finer
