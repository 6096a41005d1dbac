"""SUVpeak: the mean within a sphere of 1 ml, voxels cut by its surface counting in part.

The sphere has 1 ml as in PERCIST (Wahl et al., J Nucl Med 2009; 50 Suppl 1: 122S) and as in the
intensity peaks of the Image Biomarker Standardisation Initiative (IBSI 1, families 3.2.1 and
3.2.2). IBSI counts a voxel whole or not at all, by its centre; ``partial=False`` does that.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import SimpleITK as sitk

from HNCLogic.errors import InputError
from HNCLogic.images.grid import Grid
from HNCLogic.lesions.components import bounding_box

RADIUS_MM = 10.0 * (3.0 / (4.0 * np.pi)) ** (1.0 / 3.0)  # of a sphere of 1 ml: 6.204 mm
_PARTS = 10  # a voxel cut by the surface is divided into 10 x 10 x 10


def global_peak(image: sitk.Image, mask: sitk.Image, partial: bool = True) -> float:
    """The highest mean of a 1 ml sphere centred on any voxel of ``mask`` (not zero).

    This is SUVpeak ("hottest 1 ml sphere"). The sphere may reach beyond the mask; what of it lies
    outside the image is left out of the mean. With ``partial=False``: IBSI's global intensity
    peak. Raises InputError where the mask is empty or on another grid.
    """
    values, inside = _arrays(image, mask)
    box = bounding_box(inside)
    return peak_in_box(values, inside[box], box, Grid.of(image), partial)


def local_peak(image: sitk.Image, mask: sitk.Image, partial: bool = True) -> float:
    """The mean of the 1 ml sphere centred on the hottest voxel of ``mask``.

    Where several voxels are equally hot, the highest of their means. With ``partial=False``:
    IBSI's local intensity peak. Otherwise as ``global_peak``.
    """
    values, inside = _arrays(image, mask)
    hottest = np.argwhere(inside & (values == values[inside].max()))
    kernel = sphere(_offsets(Grid.of(image)), partial)
    return max(_mean_at(values, kernel, centre) for centre in hottest)


def peak_in_box(
    values: np.ndarray,
    inside: np.ndarray,
    box: tuple[slice, ...],
    grid: Grid,
    partial: bool = True,
) -> float:
    """``global_peak`` of the voxels ``inside`` of a ``box`` of ``values`` (axes z, y, x)."""
    kernel = sphere(_offsets(grid), partial)
    reach = [n // 2 for n in kernel.shape]
    wide = tuple(
        slice(max(0, s.start - r), min(n, s.stop + r))
        for s, r, n in zip(box, reach, values.shape, strict=True)
    )
    around = values[wide].astype(float)
    at = tuple(slice(s.start - w.start, s.stop - w.start) for s, w in zip(box, wide, strict=True))
    means = _sphere_means(around, kernel)[at]
    # The Fourier transform rounds in the last digits: take the mean at the place it found anew.
    best = np.unravel_index(np.argmax(np.where(inside, means, -np.inf)), means.shape)
    return _mean_at(values, kernel, np.array(best) + [s.start for s in box])


@lru_cache(maxsize=8)
def sphere(offsets: tuple[tuple[float, ...], ...], partial: bool) -> np.ndarray:
    """Share of each voxel inside the 1 ml sphere around the middle voxel's centre (z, y, x).

    ``offsets``: the three vectors in mm from a voxel to the next along z, y and x.
    """
    steps = np.asarray(offsets)
    # How far along each axis a voxel can lie and still touch the sphere, for skewed axes too.
    across = np.linalg.norm(np.linalg.inv(steps), axis=0) * RADIUS_MM
    reach = np.ceil(across + 0.5).astype(int)
    index = np.stack(
        np.meshgrid(*[np.arange(-r, r + 1) for r in reach], indexing="ij"), axis=-1
    ).reshape(-1, 3)
    distance = np.linalg.norm(index @ steps, axis=1)
    if not partial:
        share = (distance <= RADIUS_MM).astype(float)
    else:
        half_diagonal = np.linalg.norm(np.abs(steps).sum(axis=0)) / 2
        share = (distance < RADIUS_MM).astype(float)
        cut = np.flatnonzero(np.abs(distance - RADIUS_MM) <= half_diagonal)
        part = (np.arange(_PARTS) + 0.5) / _PARTS - 0.5
        parts = np.stack(np.meshgrid(part, part, part, indexing="ij"), axis=-1).reshape(-1, 3)
        for i in cut:
            within = np.linalg.norm((index[i] + parts) @ steps, axis=1) <= RADIUS_MM
            share[i] = within.mean()
    return share.reshape(2 * reach + 1)


def _offsets(grid: Grid) -> tuple[tuple[float, ...], ...]:
    columns = grid.matrix * np.asarray(grid.spacing)  # columns: steps along x, y, z
    return tuple(tuple(float(v) for v in columns[:, axis]) for axis in (2, 1, 0))


def _mean_at(values: np.ndarray, kernel: np.ndarray, centre: np.ndarray) -> float:
    """Weighted mean of the kernel at one voxel, over the part that lies in the image."""
    low = [int(c) - n // 2 for c, n in zip(centre, kernel.shape, strict=True)]
    into = tuple(
        slice(max(0, a), min(size, a + n))
        for a, n, size in zip(low, kernel.shape, values.shape, strict=True)
    )
    weights = kernel[tuple(slice(s.start - a, s.stop - a) for s, a in zip(into, low, strict=True))]
    return float((values[into] * weights).sum(dtype=float) / weights.sum())


def _sphere_means(values: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Weighted mean of the kernel at every voxel of ``values``, over the part inside it."""
    from scipy import fft

    shape = [
        fft.next_fast_len(n + k - 1, real=True)
        for n, k in zip(values.shape, kernel.shape, strict=True)
    ]
    # The kernel looks the same from both sides, so convolution and correlation are one.
    turned = fft.rfftn(kernel, shape)
    middle = tuple(
        slice(k // 2, k // 2 + n) for n, k in zip(values.shape, kernel.shape, strict=True)
    )
    total = fft.irfftn(fft.rfftn(values, shape) * turned, shape)[middle]
    weight = fft.irfftn(fft.rfftn(np.ones_like(values), shape) * turned, shape)[middle]
    return total / weight


def _arrays(image: sitk.Image, mask: sitk.Image) -> tuple[np.ndarray, np.ndarray]:
    if not Grid.of(image).same_as(Grid.of(mask)):
        raise InputError("the mask lies on another grid than the image; resample it first")
    inside = sitk.GetArrayViewFromImage(mask) != 0
    if not inside.any():
        raise InputError("the mask is empty")
    return sitk.GetArrayViewFromImage(image), inside
