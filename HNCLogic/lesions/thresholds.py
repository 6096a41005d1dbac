"""Delineation without a network: fixed SUV, percent of SUVmax, adaptive to the background.

All three start from hot spots (``hot_spots``): peaks of at least ``candidate_suv``. They are
outlined from the hottest down; one that an earlier outline reached belongs to that lesion.
What is outlined is everything at or above the lesion's threshold that hangs together with its
peak (26 neighbours) without entering a hotter lesion's hot spot, and no farther than 6 mm from
voxels of ``candidate_suv``: a threshold that has come down to the level of the surroundings
cannot run through the whole neck.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import SimpleITK as sitk

from HNCLogic.errors import InputError
from HNCLogic.images.grid import Grid
from HNCLogic.job import Delineation, Position
from HNCLogic.lesions.background import adaptive_level
from HNCLogic.lesions.hot_spots import HotSpots, find_hot_spots

LESION = 3  # the class of what no one has called primary or node
LEASH_MM = 6.0  # how far an outline may reach beyond voxels of candidate_suv: one blur's width
BORDER_MM = 10.0  # how far beyond the region's border a hot spot's peak is looked for
SEED_MM = 10.0  # how far from a seed its lesion may lie
# From a hot spot's first basin and the function that grows it to a level: the level.
Rule = Callable[[int, Callable[[float], np.ndarray]], float]


def delineate(
    pet: sitk.Image,
    delineation: Delineation,
    within: sitk.Image | None = None,
    exclude: sitk.Image | None = None,
) -> sitk.Image:
    """Hot spots outlined by threshold: 3 (unclassified lesion) and 0, on the grid of ``pet``.

    ``pet``: SUVbw. ``within``: lesions are looked for and kept where it is not 0. ``exclude``:
    physiological uptake, such as the brain. A hot spot whose peak lies outside ``within`` or in
    ``exclude`` is left out with its whole slope, so no rim of the brain remains.

    - fixed: at or above ``fixed_suv``.
    - percent: at or above that percentage of the lesion's own SUVmax. Peaks joined above the
      hotter one's threshold are one lesion, as when an isocontour is drawn by hand; those
      outlined apart may still touch, and then count as one in ``components.separate``.
    - adaptive: at or above B + ``adaptive_fraction`` (M - B), with the background B around the
      lesion; see ``background.adaptive_level``.

    With ``delineation.seeds`` (RAS, mm) only the lesions at, or nearest within 10 mm of, the
    seeds are kept. Small lesions are not dropped here but in ``components.separate``.

    Raises InputError for another method, masks on another grid, NaN or infinity in the PET, and
    a seed outside the PET or without uptake near it.
    """
    grid = Grid.of(pet)
    suv = sitk.GetArrayViewFromImage(pet)
    if not np.isfinite(suv).all():
        raise InputError("the PET holds voxels that are not numbers (NaN or infinity)")
    if delineation.method not in ("fixed", "percent", "adaptive"):
        raise InputError(
            f"{delineation.method} is not a threshold method; choose fixed, percent or adaptive"
        )
    allowed = np.ones(suv.shape, bool) if within is None else _mask(within, grid, "region")
    kept = allowed if exclude is None else allowed & ~_mask(exclude, grid, "excluded uptake")

    lowest, candidate = _lowest_level(delineation), delineation.candidate_suv
    hot = suv >= (lowest if delineation.method == "fixed" else candidate)
    if within is not None:  # a hot spot beyond the border must be seen whole to be left out
        hot &= _grown(allowed, grid, BORDER_MM)
    _refuse_seeds_outside(delineation, grid)
    outlined = np.zeros(suv.shape, np.int32)
    if hot.any():
        zone = _grown(hot, grid, LEASH_MM) & (suv >= lowest)
        spots = find_hot_spots(suv, zone)
        outlined = _outline_all(suv, kept, spots, candidate, _rule(suv, grid, spots, delineation))
    if delineation.seeds:
        outlined = _at_seeds(outlined, delineation, grid)
    return grid.image(np.where(outlined > 0, LESION, 0).astype(np.uint8))


def _outline_all(
    suv: np.ndarray, kept: np.ndarray, spots: HotSpots, candidate: float, rule: Rule
) -> np.ndarray:
    """Outlines numbered 1… from the hottest; each hot spot grown to the level its rule gives."""
    outlined = np.zeros(suv.shape, np.int32)
    own_peak = spots.voxels[spots.starts[:-1]]
    left_out = ~kept.ravel()[own_peak[spots.spot]]
    taken = left_out.copy()
    number = 0
    for basin in np.flatnonzero((spots.spot == np.arange(len(spots.spot))) & ~left_out):
        if spots.peaks[basin] < candidate:
            break  # basins come from the hottest down
        if taken[basin]:
            continue
        # Open: what no lesion has, of hot spots that no lesion has.
        free = ~taken & ~taken[spots.spot]

        def grow(level: float, basin: int = basin, free: np.ndarray = free) -> np.ndarray:
            return spots.voxels_above(spots.basins_above(basin, level, free), level)[0]

        level = rule(basin, grow)
        basins = spots.basins_above(basin, level, free)
        taken[basins] = True
        voxels = spots.voxels_above(basins, level)[0]
        number += 1
        outlined.ravel()[voxels[kept.ravel()[voxels]]] = number
    return outlined


def _lowest_level(delineation: Delineation) -> float:
    """No lesion's threshold can be below this."""
    if delineation.method == "fixed":
        return delineation.fixed_suv
    if delineation.method == "percent":
        return delineation.candidate_suv * delineation.percent / 100.0
    return delineation.candidate_suv * min(0.3, delineation.adaptive_fraction / 2)


def _rule(suv: np.ndarray, grid: Grid, spots: HotSpots, delineation: Delineation) -> Rule:
    if delineation.method == "fixed":
        return lambda basin, grow: delineation.fixed_suv
    if delineation.method == "percent":
        return lambda basin, grow: float(spots.peaks[basin]) * delineation.percent / 100.0
    steps = grid.matrix * np.asarray(grid.spacing)
    return lambda basin, grow: adaptive_level(
        suv,
        np.linalg.norm(steps, axis=0)[::-1],
        float(spots.peaks[basin]),
        grow,
        delineation.adaptive_fraction,
        delineation.candidate_suv,
    )


def _mask(image: sitk.Image, grid: Grid, what: str) -> np.ndarray:
    if not Grid.of(image).same_as(grid):
        raise InputError(f"the mask of the {what} lies on another grid than the PET; resample it")
    return sitk.GetArrayViewFromImage(image) != 0


def _grown(mask: np.ndarray, grid: Grid, reach_mm: float) -> np.ndarray:
    """A mask grown by a box: cheap, and as wide as asked along every axis."""
    from scipy import ndimage

    if mask.all():
        return mask
    grown = mask.view(np.uint8)
    for axis, spacing in enumerate(grid.spacing[::-1]):
        width = 2 * max(1, round(reach_mm / spacing)) + 1
        grown = ndimage.maximum_filter1d(grown, width, axis=axis, mode="constant")
    return grown.view(bool)


def _seed_words(seed: Position) -> str:
    return "seed R {:.1f}, A {:.1f}, S {:.1f} mm".format(*seed)


def _places(seeds: list[Position], grid: Grid) -> np.ndarray:
    """RAS points as continuous indices (n, 3) in z, y, x order."""
    return grid.indices(np.asarray(seeds, dtype=float) * (-1, -1, 1))[:, ::-1]


def _refuse_seeds_outside(delineation: Delineation, grid: Grid) -> None:
    for seed in delineation.seeds:
        place = _places([seed], grid)[0]
        if (place < -0.5).any() or (place > np.array(grid.size[::-1]) - 0.5).any():
            raise InputError(f"the {_seed_words(seed)} lies outside the PET")


def _at_seeds(outlined: np.ndarray, delineation: Delineation, grid: Grid) -> np.ndarray:
    """Of all outlines those that hold a seed or lie nearest to one, within 10 mm."""
    steps = (grid.matrix * np.asarray(grid.spacing))[:, ::-1]  # mm per z, y, x index
    needed = max(delineation.candidate_suv, _lowest_level(delineation))
    chosen = set()
    for seed, place in zip(delineation.seeds, _places(delineation.seeds, grid), strict=True):
        reach = SEED_MM / np.asarray(grid.spacing[::-1]) + 1
        low = np.maximum(np.floor(place - reach), 0).astype(int)
        high = np.ceil(place + reach).astype(int) + 1
        around = outlined[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
        found = np.argwhere(around)
        distance = np.linalg.norm((found + low - place) @ steps.T, axis=1)
        if not len(found) or distance.min() > SEED_MM:
            raise InputError(
                f"no uptake over SUV {needed:g} in the region analysed within {SEED_MM:g} mm of "
                f"the {_seed_words(seed)}; move the seed, or lower the threshold"
            )
        chosen.add(int(around[tuple(found[distance.argmin()])]))
    return np.where(np.isin(outlined, list(chosen)), outlined, 0)
