"""How noisy an OSEM reconstruction is, and how coarse its grain, everywhere in the patient.

A ray with T true and B other counts, of which attenuation let the share p through, knows the
activity along it with the variance (T + B) / p². V is the mean of that over the views at a
place, N the mean p. Projection answers a wave of frequency f with 1 / f: once converged, noise of
frequency f has the variance V f. Expectation maximisation converges with a rate in proportion to
the activity a and to 1 / (V N f), so that after n updates the amplitude is

    sqrt(V) h(f, x),   h = sqrt(f) (1 - exp(-RATE x / f)) exp(-(APERTURE f)²),   x = n a / (V N)

Noise is strong where rays are few (shoulders); it grows with the activity, by a power that falls
from 1 to 0; it is fine in hot regions and coarse in cold ones. V is kept apart for waves along
four directions: rays that both shoulders shade know little, and what they know comes late, so that
streaks stand across them, slanting where a body is not alike on both sides. Compare Barrett,
Wilson and Tsui, Phys Med Biol 1994;39:833-846 (noise of expectation maximisation) and Fessler and
Rogers, IEEE Trans Image Process 1996;5:1346-1358 (V).

RATE, APERTURE and FLOOR were fitted once to the noise spectra of the full chain in a water cylinder
of 22 cm, all centres together (9 %, root mean square), HOT to the noise of tongue and brain in one
patient; nothing else is fitted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import sparse
from scipy.ndimage import gaussian_filter1d

from HNCLogic.phantom.scanners.attenuation import WATER
from HNCLogic.phantom.scanners.lines import Lines, weights_of_pixels
from HNCLogic.phantom.scanners.scanner import FWHM

PIXEL_MM, PIXELS, VIEWS = 10.0, 64, 16  # of the coarse camera
DIRECTIONS = 4  # of waves, over 180°
RATE, APERTURE, FLOOR = 0.276, 3.52, 0.0099  # no unit, mm, 1/mm: f is never below FLOOR
HOT = 0.3  # hot regions are noisier yet, by (1 + x)^HOT
SCATTER_WIDTH, SCATTER_LENGTH = 180.0, 100.0  # mm, FWHM; as in camera.py
GRAINS = (0.07, 0.7)  # 1/mm: the two x of which all others are mixed
TABLE = np.geomspace(1e-3, 20.0, 96)  # 1/mm: x for which the mixture is worked out


@dataclass(frozen=True)
class Rays:
    """What the rays through each place know of it: maps (z, y, x), pixels of PIXEL_MM."""

    variance: tuple[np.ndarray, ...]  # V of waves along each of DIRECTIONS; SUV mm
    passed: np.ndarray  # N


def _shares(angle: np.ndarray, power: int) -> Iterator[np.ndarray]:
    """For each of DIRECTIONS how near to it ``angle`` (radians) is; the first is x, the third y."""
    for direction in np.arange(DIRECTIONS) * np.pi / DIRECTIONS:
        yield np.abs(np.cos(angle - direction)) ** power


@lru_cache(maxsize=1)
def _camera() -> tuple[sparse.csr_matrix, tuple[sparse.csr_matrix, ...]]:
    """Projection (rays, pixels), and means of rays over views for waves along each direction."""
    lines = Lines(VIEWS, PIXELS, PIXEL_MM)
    y, x = np.mgrid[:PIXELS, :PIXELS].reshape(2, -1)
    middle = (PIXELS - 1) / 2
    weights = weights_of_pixels(
        (x - middle) * PIXEL_MM, (y - middle) * PIXEL_MM, PIXEL_MM, lines.angles(), lines
    )
    means = []
    for share in _shares(lines.angles(), 8):
        of_ray = np.repeat(share / share.sum() / PIXEL_MM, PIXELS).astype(np.float32)
        means.append((weights @ sparse.diags(of_ray)).tocsr())
    return weights.T.tocsr(), tuple(means)


def rays(suv: np.ndarray, mu: np.ndarray, unwanted: float, slice_mm: float, width: float) -> Rays:
    """``suv`` and ``mu`` (1/mm): (z, PIXELS, PIXELS), slices ``slice_mm`` apart.

    ``unwanted``: share of all counts that are scatter (two thirds) or randoms (one third).
    ``width``: of the scanner's field of view, over which randoms are spread, mm.
    """
    project, means = _camera()
    slices = len(suv)
    passed = np.exp(-(project @ mu.reshape(slices, -1).T))
    trues = (project @ suv.reshape(slices, -1).T) * passed
    views = trues.reshape(VIEWS, PIXELS, slices)
    scatter = gaussian_filter1d(views, SCATTER_WIDTH / FWHM / PIXEL_MM, 1, mode="constant")
    scatter = gaussian_filter1d(scatter, SCATTER_LENGTH / FWHM / slice_mm, 2, mode="nearest")
    total = trues.sum(dtype=np.float64) * unwanted / (1 - unwanted)
    counts = trues + scatter.reshape(trues.shape) * (total * 2 / 3 / max(scatter.sum(), 1e-9))
    counts += total / 3 / (VIEWS * slices * width / PIXEL_MM)
    shape = (slices, PIXELS, PIXELS)
    variance = tuple(
        (mean @ (counts / passed**2)).T.reshape(shape).astype(np.float32) for mean in means
    )
    open_share = sum((mean @ passed).T.reshape(shape) for mean in means) / DIRECTIONS
    return Rays(variance, open_share.astype(np.float32))


def rays_in_liver(
    suv: float, width_mm: float, within_mm: float, unwanted: float, width: float
) -> tuple[float, float]:
    """V and N in the middle, up to ``within_mm``, of a water cylinder of ``width_mm``."""
    fine = 5
    axis = (np.arange(PIXELS * fine) - (PIXELS * fine - 1) / 2) * PIXEL_MM / fine
    away = np.hypot(axis[:, None], axis[None])
    filled = (away < width_mm / 2).reshape(PIXELS, fine, PIXELS, fine).mean(axis=(1, 3))
    filled = filled.astype(np.float32)[None]
    seen = rays(suv * filled, WATER * filled, unwanted, PIXEL_MM, width)
    middle = (away < within_mm).reshape(PIXELS, fine, PIXELS, fine).mean(axis=(1, 3)) > 0.5
    return float(seen.variance[0][0, middle].mean()), float(seen.passed[0, middle].mean())


def amplitude(frequency: np.ndarray, x: float) -> np.ndarray:
    """h: amplitude of noise, over sqrt(V); ``frequency`` in 1/mm."""
    f = np.hypot(frequency, FLOOR)
    converged = (1 - np.exp(-RATE * x / f)) * (1 + x) ** HOT
    return np.sqrt(f) * converged * np.exp(-((APERTURE * frequency) ** 2))


@dataclass(frozen=True)
class Mixture:
    """For each x in TABLE: how much of the two GRAINS make its noise, and what comes of it."""

    grains: np.ndarray  # (2, len(TABLE)) float32
    variance: np.ndarray  # of the noise over V, unfiltered
    filtered: np.ndarray  # the same behind the filter, in the slice


@lru_cache(maxsize=16)
def mixture(pixel_mm: tuple[float, float], filter_mm: float) -> Mixture:
    """For pixels (x, y; mm) and a filter of that FWHM: all frequencies that the pixels hold."""
    frequency = np.hypot(*np.meshgrid(*(np.fft.fftfreq(64, mm) for mm in pixel_mm))).ravel()
    pulse = np.zeros(64)
    pulse[32] = 1
    along_x, along_y = (
        np.abs(np.fft.fft(gaussian_filter1d(pulse, filter_mm / FWHM / mm, truncate=4.0)))
        for mm in pixel_mm
    )
    left = np.outer(along_y, along_x).ravel()  # by the filter
    waves = np.stack([amplitude(frequency, x) for x in TABLE], axis=1)
    basis = np.stack([amplitude(frequency, x) for x in GRAINS], axis=1)
    weight = (left + 0.15)[:, None]  # what the filter takes away matters less
    grains = np.linalg.lstsq(basis * weight, waves * weight, rcond=None)[0]
    return Mixture(
        grains.astype(np.float32),
        (waves**2).mean(axis=0),
        ((waves * left[:, None]) ** 2).mean(axis=0),
    )


def waves(
    shape: tuple[int, int, int], pixel_mm: tuple[float, float], rng: np.random.Generator
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Random fields (z, y, x), float32, slices independent: for each direction the two GRAINS.

    The two of one direction are made of the same waves, so that mixtures are coherent; the
    directions are independent, and together isotropic.
    """
    from scipy import fft

    slices, rows, columns = shape
    height, width = (fft.next_fast_len(n, real=True) for n in (rows, columns))
    width += width % 2
    fy = np.fft.fftfreq(height, pixel_mm[1])[:, None]
    fx = np.fft.rfftfreq(width, pixel_mm[0])[None]
    frequency = np.hypot(fy, fx)
    angle = np.arctan2(fy, fx)
    twice = np.full(fx.shape, np.sqrt(height * width / 2))
    twice[0, [0, -1]] *= np.sqrt(2)  # waves that have no mirror image
    grains = [amplitude(frequency, x) * twice for x in GRAINS]
    total = np.sqrt(sum(share**2 for share in _shares(angle, 3)))  # the same at every angle
    for share in _shares(angle, 3):
        white = rng.standard_normal((slices, height, fx.size, 2), np.float32)
        white = white.view(np.complex64)[..., 0]
        pair = []
        for grain in grains:
            factor = (grain * share / total).astype(np.float32)
            field = fft.irfft2(white * factor, (height, width), axes=(1, 2), overwrite_x=True)
            pair.append(field[:, :rows, :columns])
        yield tuple(pair)
