"""Training samples of methods 1 and 3: windows and patches, with their truth.

A sample remembers its patient, so that folds are split by patient and never by window. Windows
and patches are cut anew at every epoch; augmentation happens there too, after the split.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from HNCLogic.images.grid import Grid, resample
from HNCLogic.images.region import study_region
from HNCLogic.images.study import Study
from HNCLogic.methods import presence, tumour_volume


@dataclass
class Sample:
    """A prepared patient: ``values`` float16 (channel, z, y, x) in [0, 1], ``truth`` uint8
    (z, y, x) with 1 primary and 2 node on the same grid."""

    patient: str
    positive: bool
    values: np.ndarray
    truth: np.ndarray
    real: bool = False

    @property
    def tumour_slices(self) -> np.ndarray:
        """Indices of slices with tumour, inferior to superior."""
        return np.flatnonzero(self.truth.any(axis=(1, 2)))


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


def presence_sample(
    patient: str,
    study: Study,
    truth: sitk.Image,
    preparation: presence.Preparation,
    roles: list[str],
    real: bool = False,
) -> Sample:
    """The whole stack of one patient for method 1."""
    region, _ = study_region(study)
    stack = presence.prepare(study, region, preparation, roles)
    classes = truth_on(stack.grid, truth)
    return Sample(patient, bool(classes.any()), stack.values.astype(np.float16), classes, real)


def volume_sample(
    patient: str,
    study: Study,
    truth: sitk.Image,
    preparation: tumour_volume.Preparation,
    real: bool = False,
) -> Sample:
    """The whole volume of one patient for method 3, CT optional."""
    region, _ = study_region(study)
    volume = tumour_volume.prepare(study, region, preparation, ct_required=False)
    classes = truth_on(volume.grid, truth)
    return Sample(patient, bool(classes.any()), volume.values.astype(np.float16), classes, real)


def window_start(
    sample: Sample, length: int, heights: list[float], rng: np.random.Generator
) -> int:
    """First slice of a training window of ``length`` slices.

    A positive's window takes in its centremost tumour slice, anywhere but at the very edge of
    the window; a negative's middle is drawn from ``heights``, the positives' own (0 inferior
    end, 1 superior end), or height alone would tell the label.
    """
    depth = sample.values.shape[1]
    last = max(depth - length, 0)
    if sample.positive:
        slices = sample.tumour_slices
        middle = int(slices[len(slices) // 2]) - int(rng.integers(length // 8, length * 7 // 8))
    else:
        middle = int(rng.choice(heights) * depth) - int(rng.integers(length // 8, length * 7 // 8))
    return int(np.clip(middle, 0, last))


def hot_patch(
    sample: Sample, size: tuple[int, int, int], rng: np.random.Generator, *, on_tumour: bool
) -> tuple[np.ndarray, np.ndarray]:
    """A patch of ``size`` (z, y, x) and its truth, about a tumour voxel or any hot one.

    Hot is SUV 1.5 and more of a window of 25: brain, glands, tonsils, heart. Where a sample has
    none, any place will do.
    """
    if on_tumour and sample.positive:
        places = np.argwhere(sample.truth > 0)
    else:
        places = np.argwhere(sample.values[0] > 0.06)
    centre = places[rng.integers(len(places))] if len(places) else np.array(sample.truth.shape) // 2
    first = [
        int(np.clip(c - side // 2 + rng.integers(-side // 4, side // 4 + 1), 0, max(n - side, 0)))
        for c, side, n in zip(centre, size, sample.truth.shape, strict=True)
    ]
    box = tuple(slice(f, f + side) for f, side in zip(first, size, strict=True))
    return sample.values[(slice(None), *box)].astype(np.float32), sample.truth[box]


def cut(array: np.ndarray, start: int, length: int) -> np.ndarray:
    """Slices ``start`` to ``start + length`` of (…, z, y, x), filled up with zeros at the end."""
    piece = array[..., start : start + length, :, :]
    missing = length - piece.shape[-3]
    if missing <= 0:
        return piece
    widths = [(0, 0)] * (piece.ndim - 3) + [(0, missing), (0, 0), (0, 0)]
    return np.pad(piece, widths)


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
