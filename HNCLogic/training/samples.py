"""Training samples: windows and patches of prepared scans, with their truth.

They are cut anew at every epoch, and augmented there, after patients were split into folds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from HNCLogic.images.grid import Grid, resample
from HNCLogic.methods import tumour_volume

if TYPE_CHECKING:
    from HNCLogic.training.prepared import Prepared


@lru_cache(maxsize=4)
def shuffled(seed: int, fold: int, epoch: int, count: int) -> np.ndarray:
    """The order in which an epoch goes through ``count`` samples, (count,): the same each time."""
    order = np.random.default_rng((seed, fold, epoch)).permutation(count)
    order.setflags(write=False)  # shared by all who ask
    return order


def truth_on(grid: Grid, truth: sitk.Image) -> np.ndarray:
    """Class of most of each voxel of ``grid``: uint8 (z, y, x), each class interpolated apart.

    ``truth``: 1 is the primary, every higher value a node.
    """
    shares = [
        sitk.GetArrayFromImage(resample(sitk.Cast(where, sitk.sitkFloat32), grid, 0.0))
        for where in (truth == tumour_volume.PRIMARY, truth >= tumour_volume.NODE)
    ]
    classes = np.zeros(shares[0].shape, dtype=np.uint8)
    classes[shares[0] >= 0.5] = tumour_volume.PRIMARY
    classes[shares[1] > 0.5] = tumour_volume.NODE
    return classes


def patch_about(
    scan: Prepared, size: tuple[int, int, int], rng: np.random.Generator, places: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """A patch of ``size`` (z, y, x) and its truth, roughly about one of ``places`` (place, 3).

    Without any, about the scan's middle.
    """
    centre = places[rng.integers(len(places))] if len(places) else np.array(scan.truth.shape) // 2
    first = [
        int(np.clip(c - side // 2 + rng.integers(-side // 4, side // 4 + 1), 0, max(n - side, 0)))
        for c, side, n in zip(centre, size, scan.truth.shape, strict=True)
    ]
    box = tuple(slice(f, f + side) for f, side in zip(first, size, strict=True))
    return scan.values[(slice(None), *box)].astype(np.float32), scan.truth[box]


def hot_spots(scan: Prepared) -> np.ndarray:
    """Voxels (spot, 3) of a PET (first channel) above SUV 1.5 and none within two voxels hotter.

    Brain, glands, tonsils, heart: a tonsil is one spot or two, and so met far more often than by
    its share of all that is hot, which is mostly brain. SUV 1.5 is 0.06 of a window of 25.
    """
    from scipy.ndimage import maximum_filter

    values = np.asarray(scan.values[0], np.float32)
    return np.argwhere((values > 0.06) & (values == maximum_filter(values, 5)))


def cut(array: np.ndarray, start: int, length: int) -> np.ndarray:
    """Slices ``start`` to ``start + length`` of (…, z, y, x), filled up with zeros at the end."""
    piece = array[..., start : start + length, :, :]
    missing = length - piece.shape[-3]
    if missing <= 0:
        return piece
    widths = [(0, 0)] * (piece.ndim - 3) + [(0, missing), (0, 0), (0, 0)]
    return np.pad(piece, widths)


def leave_out(
    values: np.ndarray, roles: Sequence[str], shares: Mapping[str, float], rng: np.random.Generator
) -> None:
    """Empty channels of ``values`` (channel, …), one for each of ``roles``, in place, each in its
    share of cases: so a network learns to do without. Draws a variate for every role."""
    for channel, role in enumerate(roles):
        if rng.random() < shares.get(role, 0.0):
            values[channel] = 0.0


def augmented(
    values: np.ndarray, truth: np.ndarray, rng: np.random.Generator, *, turns: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Flipped left to right, shifted by up to a tenth, PET rescaled by up to a fifth.

    ``turns`` adds the front-to-back flip and the quarter turns of method 1.
    """
    if rng.random() < 0.5:
        values, truth = values[..., ::-1], truth[..., ::-1]
    if turns:
        if rng.random() < 0.5:
            values, truth = values[..., ::-1, :], truth[..., ::-1, :]
        quarter = int(rng.integers(4))
        values, truth = (np.rot90(a, quarter, axes=(-2, -1)) for a in (values, truth))
    reach = values.shape[-1] // 10
    by = [int(v) for v in rng.integers(-reach, reach + 1, size=2)]
    values, truth = (_shifted(a, by) for a in (values, truth))
    values = values.copy()
    values[0] = np.clip(values[0] * rng.uniform(0.8, 1.2), 0, 1)
    return values, truth


def _shifted(array: np.ndarray, by: list[int]) -> np.ndarray:
    """In-plane shift by whole pixels; what comes in from outside is zero."""
    out = np.zeros_like(array)
    height, width = array.shape[-2:]
    dy, dx = by
    out[..., max(dy, 0) : height + min(dy, 0), max(dx, 0) : width + min(dx, 0)] = array[
        ..., max(-dy, 0) : height + min(-dy, 0), max(-dx, 0) : width + min(-dx, 0)
    ]
    return out
