"""The brain in FDG PET: where it ends, and a mask that keeps it from being taken for tumour."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from HNCLogic.errors import InputError
from HNCLogic.images.body import central_part, outline, upright
from HNCLogic.images.grid import Grid, resample
from HNCLogic.job import Region

_WORKING_MM = 6.0
_LEVELS = (10.0, 8.0, 6.5, 5.0, 4.0, 3.2, 2.6)  # SUV at which a brain is looked for
# A brain measures about 14 x 17 x 13 cm and 1.1 to 1.5 l; in PET its edge is blurred, and with
# much glucose in the blood little more than the cortex and the deep grey stand out.
_ACROSS_MM = (95.0, 195.0)
_ALONG_MM = (115.0, 220.0)
_TALLEST_MM = 190.0
_VOLUME_ML = (400.0, 2400.0)
_CUT_VOLUME_ML = 150.0  # where the field of view ends in the brain
_FILLS = 0.45  # of the head in its slices; heart, liver and bladder fill less of the trunk
_COVERED_MM = 45.0  # skull and scalp above it, at most
_EDGE = 0.45  # of the brain's median uptake


@dataclass(frozen=True)
class Brain:
    mask: np.ndarray  # (z, y, x) on grid
    grid: Grid  # upright: axes along L, P, S
    cut: bool  # by the upper end of the field of view
    top_mm: float  # S
    base_mm: float  # S, of the cerebellum or what of it is seen


def find_brain(pet: sitk.Image) -> Brain | None:
    """The brain of a PET in SUVbw, or None where none is seen.

    Looked for at falling SUV levels: one connected body, of the size of a brain, that fills
    most of the slice it lies in and has nothing above it but skull and scalp, or the end of the
    field of view. A brain of which the field of view holds only the lowest 1 or 2 cm does not
    fill the slice, and is not found here (``brain_mask`` finds it).
    """
    image, seen = upright(pet, _WORKING_MM, 0.0)
    try:
        body = sitk.GetArrayFromImage(outline(image, "PET")) != 0
    except InputError:  # nothing in it looks like a body
        return None
    head, _ = central_part(body)
    grid, suv = Grid.of(image), sitk.GetArrayViewFromImage(image)
    for level in _LEVELS:
        for part in _parts_above(suv, level, grid):
            cut = _is_brain(part, body, head, seen, grid)
            if cut is None:
                continue
            edge = _EDGE * float(np.median(suv[part]))
            # The whole of it: as far down its slope as it still looks like a brain.
            for share in (1.0, 1.25, 1.5):
                whole = _largest_overlap(_parts_above(suv, edge * share, grid), part)
                if whole is not None and _is_brain(whole, body, head, seen, grid) is not None:
                    part = whole
                    break
            heights = np.flatnonzero(part.any(axis=(1, 2))) * _WORKING_MM + grid.origin[2]
            half = _WORKING_MM / 2
            return Brain(part, grid, cut, float(heights[-1]) + half, float(heights[0]) - half)
    return None


def _parts_above(suv: np.ndarray, level: float, grid: Grid) -> list[np.ndarray]:
    """Connected parts above a level, thin bridges cut and holes in the slices filled."""
    from scipy import ndimage

    smallest = _CUT_VOLUME_ML / 2 / grid.voxel_ml
    hot = suv > level
    if hot.sum() < smallest:
        return []
    labels, _ = ndimage.label(_opened(hot))
    parts = []
    counts = np.bincount(labels.ravel())[1:]
    for number, box in enumerate(ndimage.find_objects(labels), 1):
        if counts[number - 1] < smallest:
            continue
        closed = ndimage.binary_closing(np.pad(labels[box] == number, 2), _ball(2))
        part = np.zeros(hot.shape, bool)
        part[box] = [ndimage.binary_fill_holes(s) for s in closed[2:-2, 2:-2, 2:-2]]
        parts.append(part)
    return parts


def _opened(mask: np.ndarray) -> np.ndarray:
    """A mask opened by a voxel and its 6 neighbours; what lies beyond the edge counts as in it."""
    thin = mask.copy()
    for axis in range(3):
        source, target = np.moveaxis(mask, axis, 0), np.moveaxis(thin, axis, 0)
        target[1:] &= source[:-1]
        target[:-1] &= source[1:]
    thick = thin.copy()
    for axis in range(3):
        source, target = np.moveaxis(thin, axis, 0), np.moveaxis(thick, axis, 0)
        target[1:] |= source[:-1]
        target[:-1] |= source[1:]
    return thick


def _is_brain(
    part: np.ndarray, body: np.ndarray, head: np.ndarray, seen: np.ndarray, grid: Grid
) -> bool | None:
    """None: not a brain. Else whether the field of view cuts it off above."""
    z, y, x = (np.flatnonzero(part.any(axis=tuple({0, 1, 2} - {i}))) for i in range(3))
    tall, along, across = ((i[-1] - i[0] + 1) * _WORKING_MM for i in (z, y, x))
    if not (_ACROSS_MM[0] <= across <= _ACROSS_MM[1] and _ALONG_MM[0] <= along <= _ALONG_MM[1]):
        return None
    footprint = part.any(axis=0)
    top = part.shape[0] - 1 - part[::-1].argmax(axis=0)[footprint]
    reached = np.append(seen, np.zeros((1, *seen.shape[1:]), bool), axis=0)[1:]  # seen, one up
    cut = bool(np.take_along_axis(reached[:, footprint], top[None], 0).mean() < 0.9)
    cover = body[:, footprint].sum(axis=0) - np.take_along_axis(
        body[:, footprint].cumsum(axis=0), top[None], 0
    )
    if np.median(cover) * _WORKING_MM > _COVERED_MM or tall > _TALLEST_MM:
        return None
    volume = part.sum() * grid.voxel_ml
    if not (_CUT_VOLUME_ML if cut else _VOLUME_ML[0]) <= volume <= _VOLUME_ML[1]:
        return None
    middle = slice(z[0] + len(z) // 4, z[-1] + 1 - (0 if cut else len(z) // 4))
    around = (head[middle] | part[middle]).sum(axis=(1, 2))
    if np.median(part[middle].sum(axis=(1, 2)) / np.maximum(around, 1)) < _FILLS:
        return None
    return cut


def _largest_overlap(parts: list[np.ndarray], other: np.ndarray) -> np.ndarray | None:
    best = max(parts, key=lambda part: int((part & other).sum()), default=None)
    return None if best is None or not (best & other).any() else best


def _ball(radius: int) -> np.ndarray:
    axes = np.indices((2 * radius + 1,) * 3) - radius
    return (axes**2).sum(axis=0) <= radius**2 + 0.5


def brain_mask(pet: sitk.Image, region: Region | None = None) -> sitk.Image | None:
    """The brain as 1 (sitkUInt8) on the grid of ``pet`` (SUVbw), or None where none is seen.

    For leaving the brain out of threshold delineation, where a hot spot counts as brain by its
    peak (``lesions.thresholds``): the mask reaches to about half of the brain's uptake and is
    good to about 5 mm, not an outline for measuring the brain. ``region``: a brain that ends
    above it is not worth a mask.

    Limits: what is hot and grows broadly into the brain is masked with it (a metastasis in it,
    a tumour through the skull base); in front of the middle and under the level of the frontal
    lobes, where the nasopharynx and the clivus lie, nothing is masked within 22 mm of the
    middle. Where the field of view ends in the lowest part of the brain, the cerebellum is known
    by its width behind the middle, and the temporal lobes as what is hot beside it; a hot spot
    in the middle before it is never taken for brain.
    """
    brain = find_brain(pet)
    if brain is not None:
        mask, grid, base = _without_nasopharynx(brain), brain.grid, brain.base_mm
    else:
        lowest = _lowest_part(pet)
        if lowest is None:
            return None
        mask, grid, base = lowest
    if region is not None and base > region.superior_mm:
        return None
    smooth = resample(grid.image(mask.astype(np.float32)), Grid.of(pet), 0.0)
    return smooth >= 0.5


def _without_nasopharynx(brain: Brain) -> np.ndarray:
    """The mask less what hangs down in the middle before the brain stem."""
    mask = brain.mask.copy()
    z, y, x = np.nonzero(mask)
    front, back = np.quantile(y, [0.01, 0.99])
    middle = np.median(x)
    aside = np.abs(x - middle) * _WORKING_MM
    # The floor of the frontal lobes: lowest brain in the foremost third, off the middle.
    frontal = (y < front + (back - front) / 3) & (aside > 18.0) & (aside < 48.0)
    if not frontal.any():
        return mask
    floor = np.quantile(z[frontal], 0.02)
    under = (z < floor) & (y < (front + back) / 2) & (aside < 22.0)
    mask[z[under], y[under], x[under]] = False
    return mask


def _lowest_part(pet: sitk.Image) -> tuple[np.ndarray, Grid, float] | None:
    """Cerebellum and temporal lobes at the upper end of a field of view that cuts them off."""
    from scipy import ndimage

    top = Grid.of(pet).corners()[:, 2].max()
    image, seen = upright(pet, _WORKING_MM / 2, 0.0, (top - 100.0, top))
    grid, suv = Grid.of(image), sitk.GetArrayViewFromImage(image)
    try:
        head, _ = central_part(sitk.GetArrayFromImage(outline(image, "PET")) != 0)
    except InputError:
        return None
    step = grid.spacing[0]
    above_is_unseen = seen & ~np.append(seen, np.zeros((1, *seen.shape[1:]), bool), axis=0)[1:]
    end = above_is_unseen & head
    if not end.any():
        return None
    _, y, x = np.nonzero(end)
    middle_x, middle_y = (x.min() + x.max()) / 2, (y.min() + y.max()) / 2
    level = max(3.0, 0.4 * float(np.quantile(suv[end], 0.98)))
    labels, _ = ndimage.label(suv > level)
    parts = []
    for number, box in enumerate(ndimage.find_objects(labels), 1):
        part = labels[box] == number
        if part.sum() * grid.voxel_ml < 1.0 or not (part & end[box]).any():
            continue
        pz, py, px = np.nonzero(part)
        aside = (px.mean() + box[2].start - middle_x) * step
        behind = (py.mean() + box[1].start - middle_y) * step
        width, height = (px.max() - px.min() + 1) * step, (pz.max() - pz.min() + 1) * step
        parts.append((number, aside, behind, width, height))
    cerebellum = [
        number
        for number, aside, behind, width, height in parts
        if behind > 10.0 and abs(aside) < 20.0 and 55.0 <= width <= 150.0 and height <= 70.0
    ]
    if not cerebellum:
        return None
    temporal = [
        number
        for number, aside, behind, width, height in parts
        if abs(aside) > 20.0 and abs(behind) < 50.0 and width < 65.0 and height <= 50.0
    ]
    mask = np.isin(labels, cerebellum + temporal)
    mask = ndimage.binary_dilation(mask, _ball(1)) & (suv > level / 2)
    lowest = np.flatnonzero(mask.any(axis=(1, 2)))[0]
    return mask, grid, float(lowest * step + grid.origin[2])
