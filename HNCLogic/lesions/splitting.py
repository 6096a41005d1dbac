"""One outline that holds several lesions, taken apart."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

CRUMB_ML = 0.1  # smaller parts are no lesions of their own where there are larger ones
# Of the largest depth: how much narrower a neck must be. On voxels of 4 mm, outlines that bulge
# everywhere show necks of a tenth by chance.
NECKS = (0.6, 0.5, 0.4, 0.3, 0.2, 0.12)
FINE_MM = 1.5  # voxels are parted down to this, to measure how deep they lie
MOST_FINE = 150_000  # for a tenth of a second


def split(inside: np.ndarray, spacing: np.ndarray) -> list[np.ndarray]:
    """The parts of an outline, the largest first; a single one where it cannot be split.

    ``inside``: bool, axes z, y, x; ``spacing``: mm along z, y, x. Each part is a mask of the same
    shape; together they are ``inside``, and no two share a voxel.

    - An outline of several pieces (26 neighbours) falls into them. Pieces under 0.1 ml stay with
      the largest, unless all others are as small.
    - One piece is cut where it is narrow: the watershed of the depth, which is each voxel's
      distance to the surface. Of all necks the deepest are cut, a neck being narrower than both
      bodies that it joins by at least 12 % of the largest depth. Shape, and not uptake,
      because a large tumour has several peaks of uptake and would fall to pieces, because an
      outline by threshold is narrow where two lesions touch, and because it needs no image.
    """
    pieces = _pieces(inside, float(np.prod(spacing)) / 1000.0)
    return pieces if len(pieces) > 1 else _cut(inside, spacing)


def _pieces(inside: np.ndarray, voxel_ml: float) -> list[np.ndarray]:
    found = sitk.ConnectedComponent(sitk.GetImageFromArray(inside.astype(np.uint8)), True)
    numbers = sitk.GetArrayFromImage(found)
    counts = np.bincount(numbers.ravel())[1:]
    order = np.argsort(-counts, kind="stable")
    large = [n for n in order[1:] if counts[n] * voxel_ml >= CRUMB_ML]
    apart = large or list(order[1:])
    parts = [numbers == n + 1 for n in apart]
    rest = inside.copy()
    for part in parts:
        rest &= ~part
    return [rest, *parts]


def _cut(inside: np.ndarray, spacing: np.ndarray) -> list[np.ndarray]:
    parts = _parting(inside, spacing)
    depth = _depth(inside, spacing, parts)
    deepest = float(sitk.GetArrayViewFromImage(depth).max())
    middles = tuple(
        slice(n + n // 2, n * (size + 1), n) for n, size in zip(parts, inside.shape, strict=True)
    )
    for share in NECKS:
        basins = sitk.MorphologicalWatershed(-depth, share * deepest, False, True)
        numbers = np.where(inside, sitk.GetArrayFromImage(basins)[middles], 0)
        counts = np.bincount(numbers.ravel())[1:]
        order = [n for n in np.argsort(-counts, kind="stable") if counts[n]]
        if len(order) > 1:
            return [numbers == n + 1 for n in order]
    return [inside]


def _parting(inside: np.ndarray, spacing: np.ndarray) -> tuple[int, ...]:
    """Into how many, an odd number, a voxel is parted along each axis: necks of few voxels'
    width need it. Fewer where the outline is huge."""
    fine = FINE_MM
    while True:
        parts = tuple(2 * int(np.ceil(s / fine / 2 - 0.5)) + 1 for s in spacing)
        if np.prod(np.add(inside.shape, 2) * parts) <= MOST_FINE or max(parts) == 1:
            return parts
        fine *= 1.5


def _depth(inside: np.ndarray, spacing: np.ndarray, parts: tuple[int, ...]) -> sitk.Image:
    """mm to the surface, 0 outside it, on parted voxels, with a rim of one voxel all around.

    The surface runs where the mask, interpolated, is one half.
    """
    mask = sitk.GetImageFromArray(np.pad(inside, 1).astype(np.float32))
    mask.SetSpacing([float(s) for s in spacing[::-1]])
    step = [s / n for s, n in zip(mask.GetSpacing(), parts[::-1], strict=True)]
    fine = sitk.Resample(
        mask,
        [n * size for n, size in zip(parts[::-1], mask.GetSize(), strict=True)],
        sitk.Transform(3, sitk.sitkIdentity),
        sitk.sitkLinear,
        [(s - own) / 2 for s, own in zip(step, mask.GetSpacing(), strict=True)],
        step,
        mask.GetDirection(),
        0.0,
        sitk.sitkFloat32,
    )
    distance = sitk.SignedMaurerDistanceMap(fine < 0.5, False, False, True)
    return sitk.Maximum(distance, 0.0)
