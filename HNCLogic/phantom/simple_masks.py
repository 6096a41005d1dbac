"""Masks that a threshold makes without knowing what a tumour is, for the honesty gates."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from HNCLogic.errors import InputError
from HNCLogic.images.grid import Grid
from HNCLogic.job import Delineation
from HNCLogic.lesions.thresholds import delineate

FIXED_SUV, PERCENT = 2.5, 41.0
NEAR_MM = 10.0  # how far round a lesion the adaptive threshold may look
MASKS = {
    "fixed": f"fixed SUV {FIXED_SUV:g}",
    "percent": f"{PERCENT:g} % of each hot spot's SUVmax",
    "percent of hottest": f"{PERCENT:g} % of the neck's SUVmax",
    "adaptive": "adaptive threshold, told where the lesions are",
}


def simple_masks(
    pet: sitk.Image,
    in_neck: np.ndarray,
    neck: np.ndarray,
    in_brain: np.ndarray,
    truth: np.ndarray | None,
) -> dict[str, np.ndarray]:
    """The masks of ``MASKS``, bool (z, y, x), on the grid of ``pet`` (SUVbw).

    ``neck``: where to look; ``in_brain``: what to leave out; ``in_neck``: SUV without brain and
    its halo, 0 elsewhere. Without ``truth`` (labels of lesions) only "fixed".
    """
    grid, suv = Grid.of(pet), sitk.GetArrayViewFromImage(pet)
    # All outlines lie close to voxels of SUV 2.5; elsewhere is nothing to look for.
    box = _box((suv >= FIXED_SUV) & neck, grid, 20.0)
    part = _cut(pet, box)
    here = Grid.of(part)
    region, brain = (here.image(mask[box].astype(np.uint8)) for mask in (neck, in_brain))

    def outlined(**options) -> np.ndarray:
        mask = np.zeros(suv.shape, bool)
        mask[box] = _outlined(part, region, brain, **options)
        return mask

    masks = {"fixed": outlined(method="fixed", fixed_suv=FIXED_SUV)}
    if truth is not None:
        masks["percent"] = outlined(method="percent", percent=PERCENT)
        masks["percent of hottest"] = in_neck >= PERCENT / 100 * in_neck.max()
        masks["adaptive"] = _told_where(pet, truth, in_brain, grid)
    return masks


def _box(mask: np.ndarray, grid: Grid, margin_mm: float) -> tuple[slice, ...]:
    """The smallest box (z, y, x) that holds a mask and a margin round it."""
    box = []
    for axis, spacing in enumerate(grid.spacing[::-1]):
        there = np.flatnonzero(mask.any(axis=tuple({0, 1, 2} - {axis})))
        more = int(np.ceil(margin_mm / spacing))
        first, last = (there[0], there[-1]) if len(there) else (0, 0)
        box.append(slice(max(int(first) - more, 0), int(last) + more + 1))
    return tuple(box)


def wider(mask: np.ndarray, grid: Grid, by_mm: float) -> np.ndarray:
    """A mask grown by a box."""
    from scipy.ndimage import maximum_filter1d

    box = _box(mask, grid, by_mm + max(grid.spacing))
    grown = mask[box].view(np.uint8)
    for axis, spacing in enumerate(grid.spacing[::-1]):
        width = 2 * max(1, round(by_mm / spacing)) + 1
        grown = maximum_filter1d(grown, width, axis=axis, mode="constant")
    wide = np.zeros(mask.shape, bool)
    wide[box] = grown.view(bool)
    return wide


def _cut(image: sitk.Image, box: tuple[slice, ...]) -> sitk.Image:
    size = image.GetSize()
    z, y, x = (slice(s.start, min(s.stop, n)) for s, n in zip(box, size[::-1], strict=True))
    return image[x, y, z]


def _outlined(pet, region, brain, **options) -> np.ndarray:
    return sitk.GetArrayFromImage(delineate(pet, Delineation(**options), region, brain)) != 0


def _told_where(pet: sitk.Image, truth: np.ndarray, in_brain: np.ndarray, grid: Grid) -> np.ndarray:
    """The adaptive outlines of the lesions, each from a seed on its peak, within 1 cm of any.

    As with a seed in the program; a lesion cooler than its usual lowest peak is looked for down to
    0.7 of its own. The part of the PET around a lesion is looked at alone, which spares time.
    """
    from scipy.ndimage import find_objects, maximum_filter

    suv, found = sitk.GetArrayViewFromImage(pet), np.zeros(truth.shape, bool)
    margin = [int(np.ceil(3 * NEAR_MM / step)) for step in grid.spacing[::-1]]
    for number, box in enumerate(find_objects(truth), 1):
        if box is None:
            continue
        wide = tuple(
            slice(max(s.start - m, 0), min(s.stop + m, n))
            for s, m, n in zip(box, margin, truth.shape, strict=True)
        )
        part = _cut(pet, wide)
        here, own, values = Grid.of(part), truth[wide] == number, suv[wide]
        peaks = own & (values == maximum_filter(values, 3))
        at = np.argwhere(peaks if peaks.any() else own)
        place = at[values[tuple(at.T)].argmax()]
        seed = part.TransformIndexToPhysicalPoint([int(i) for i in place[::-1]])
        near = here.image(wider(truth[wide] > 0, here, NEAR_MM).astype(np.uint8))
        brain = here.image(in_brain[wide].astype(np.uint8))
        lowest = max(min(2.5, 0.7 * float(values[tuple(place)])), 0.5)
        try:
            found[wide] |= _outlined(
                part, near, brain, method="adaptive", candidate_suv=lowest,
                seeds=[(-seed[0], -seed[1], seed[2])],
            )  # fmt: skip
        except InputError:  # no peak of its own: the slope of something hotter, or too faint
            continue
    return found
