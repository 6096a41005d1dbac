"""The head and neck in an image: which stretch of the body, and where its middle is.

Label-blind: only the brain's uptake and the body's outline are looked at, never a lesion.
"""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from HNCLogic.errors import InputError
from HNCLogic.images.body import central_part, outline, upright
from HNCLogic.images.brain import brain_mask, find_brain
from HNCLogic.images.grid import Grid
from HNCLogic.job import MR_ROLES, Region

__all__ = ["brain_mask", "find_region", "lateral_centre"]

DEDICATED_MM = 350.0  # a field of view no longer than this is a head-and-neck scan: all is kept
# From the crown to the notch above the breastbone, where the collar bones meet and the lowest
# neck nodes (levels IV and VI) end, it is 31 cm on average (mean stature 1714 mm less mean
# suprasternal height 1403 mm, men and women of the US Army's survey of 2012).
BELOW_CROWN_MM = 330.0
CROWN_ABOVE_BRAIN_MM = 15.0  # skull and scalp
MARGIN_ABOVE_MM = 10.0  # beyond the crown
BELOW_BRAIN_MM = 190.0  # from the base of the cerebellum, 14 cm under the crown
# The outline widens from neck to shoulders 5 to 8 cm above that notch, arms down or up (looked at
# in some thirty CT and a PET; 6 to 14 cm under the brain stem in 89 CT), so this reaches 3 to 6 cm
# below the collar bones.
BELOW_SHOULDERS_MM = 110.0
LONG_NECK_MM = 120.0  # what the shoulders may add to the usual length, at most
ABOVE_SHOULDERS_MM = 300.0  # from there to the crown at most
_WORKING_MM = 6.0
_SHOULDERS_MM = 230.0  # no head is as wide
_SHOULDERS_TO_NECK = 1.6
_NECK_MM = (70.0, 220.0)
_OUTSIDE = {"PET": 0.0, "CT": -1000.0}


def find_region(
    pet: sitk.Image | None, anatomical: sitk.Image | None, role: str | None
) -> tuple[Region, list[str]]:
    """The stretch of head and neck along the body (S, mm), and what to tell the user about it.

    ``pet``: SUVbw; ``anatomical``: CT or MR of ``role``; one may be None. The region lies in
    the field of view of the PET, or of the anatomical image where there is no PET. In turn:

    1. A field of view of at most 350 mm is a head-and-neck scan: all of it.
    2. The brain in the PET: from 25 mm above it (1 cm over the crown) to 33 cm below the crown,
       or, where the brain is cut off above, to 19 cm below its base; up to 12 cm farther where
       the shoulders (see 3) stand lower than usual.
    3. The outline of the body, of the PET and then of the anatomical image: from 1 cm over the
       crown, or 30 cm above, to 11 cm below the level where the neck widens to the shoulders.
       Arms held up count for neither.
    4. Neither found: the whole field of view, with a warning.

    Raises InputError where neither image is given.
    """
    reference = pet if pet is not None else anatomical
    if reference is None:
        raise InputError("no image was given in which to look for the head and neck")
    heights = Grid.of(reference).corners()[:, 2]
    low, high = float(heights.min()), float(heights.max())

    def region(inferior: float, superior: float, found_by: str) -> Region:
        return Region(
            inferior_mm=max(low, inferior), superior_mm=min(high, superior), found_by=found_by
        )

    if high - low <= DEDICATED_MM:
        return region(low, high, "whole field of view"), []
    brain = find_brain(pet) if pet is not None else None
    if brain is not None:
        crown = brain.top_mm + CROWN_ABOVE_BRAIN_MM
        usual = brain.base_mm - BELOW_BRAIN_MM if brain.cut else crown - BELOW_CROWN_MM
        outlined = _shoulders(pet, "PET")
        lower = usual if outlined is None else outlined[0] - BELOW_SHOULDERS_MM
        inferior = lower if usual - LONG_NECK_MM <= lower < usual else usual
        if brain.cut:
            return region(inferior, high, "brain in PET, cut off above"), []
        return region(inferior, crown + MARGIN_ABOVE_MM, "brain in PET"), []
    for image, name in ((pet, "PET"), (anatomical, role)):
        outlined = _shoulders(image, name) if image is not None else None
        # Of the anatomical image only what the PET shows as well is of use.
        if outlined is not None and low + BELOW_SHOULDERS_MM / 2 < outlined[0] < high:
            shoulders, top = outlined
            superior = min(shoulders + ABOVE_SHOULDERS_MM, top + MARGIN_ABOVE_MM)
            found_by = f"neck and shoulders in {name}"
            return region(shoulders - BELOW_SHOULDERS_MM, superior, found_by), []
    return region(low, high, "whole field of view"), [
        "The head and neck were not found in the images: the whole field of view, "
        f"{low:.0f} to {high:.0f} mm (S), is analysed. Set the region by hand if it is wrong."
    ]


def lateral_centre(
    image: sitk.Image, region: Region | None = None, role: str | None = None
) -> tuple[float, float]:
    """The middle of head and neck, x and y in LPS mm: where an in-plane crop is centred.

    The median over the slices of the middle of the outline, over the slices that are no wider
    than head and neck where the region holds 6 cm of them: shoulders, arms and chest then count
    for nothing. ``role``: what the image is; None: told from its values. The middle of the field
    of view where nothing looks like a body.
    """
    stretch = (-np.inf, np.inf)
    if region is not None:
        stretch = (region.inferior_mm, max(region.superior_mm, region.inferior_mm + _WORKING_MM))
    found = middle_of(*_profile(image, role or _guessed_role(image), stretch))
    if found is not None:
        return found
    middle = Grid.of(image).corners().mean(axis=0)
    return float(middle[0]), float(middle[1])


def middle_of(part: np.ndarray, in_middle: np.ndarray, grid: Grid) -> tuple[float, float] | None:
    """``lateral_centre`` of a body's ``central_part`` on an upright ``grid`` of cubic voxels; None
    where nothing lies in the middle."""
    slices = np.flatnonzero(in_middle)
    if not len(slices):
        return None
    voxel_mm = grid.spacing[0]
    ends = np.array([[*_ends(part[z].any(axis=0)), *_ends(part[z].any(axis=1))] for z in slices])
    narrow = (ends[:, 1] - ends[:, 0] + 1) * voxel_mm < _SHOULDERS_MM
    if narrow.sum() * voxel_mm >= 60.0:
        ends = ends[narrow]
    x, y = np.median(ends[:, :2].mean(axis=1)), np.median(ends[:, 2:].mean(axis=1))
    centre = grid.points([(x, y, 0.0)])[0]
    return float(centre[0]), float(centre[1])


def _shoulders(image: sitk.Image, role: str) -> tuple[float, float] | None:
    """Height (S, mm) at which, coming from the head, the neck has widened to the shoulders.

    And the height of the uppermost thing in the body's middle: the crown, where it is in view.
    """
    part, in_middle, grid = _profile(image, role, (-np.inf, np.inf))
    widths = np.array([np.diff(_ends(s.any(axis=0)))[0] + 1 for s in part]) * _WORKING_MM
    widths[~in_middle] = 0.0
    around = max(1, round(60.0 / _WORKING_MM))
    narrowest, seen = np.inf, 0
    for z in range(len(widths) - 1, around // 2 - 1, -1):
        width = float(np.median(widths[max(0, z - 1) : z + 2]))
        if width < _NECK_MM[0]:  # nothing, or the crown
            continue
        wide = max(_SHOULDERS_MM, _SHOULDERS_TO_NECK * narrowest)
        below = widths[max(0, z - around) : z]
        if width >= wide and np.median(below) >= wide:
            is_neck = _NECK_MM[0] <= narrowest <= _NECK_MM[1]
            if not is_neck or seen < 5:
                return None
            top = np.flatnonzero(in_middle)[-1] + 0.5
            return tuple(float(grid.origin[2] + i * _WORKING_MM) for i in (z, top))
        narrowest = min(narrowest, width)
        seen += 1
    return None


def _profile(
    image: sitk.Image, role: str, stretch: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray, Grid]:
    """The body's middle part (z, y, x), in which slices it is there, and their upright grid."""
    lowest = float(sitk.GetArrayViewFromImage(image).min()) if role in MR_ROLES else 0.0
    upright_image, _ = upright(image, _WORKING_MM, _OUTSIDE.get(role, lowest), stretch)
    try:
        body = sitk.GetArrayFromImage(outline(upright_image, role)) != 0
    except InputError:  # nothing in it looks like a body
        body = np.zeros(upright_image.GetSize()[::-1], bool)
    part, in_middle = central_part(body)
    return part, in_middle, Grid.of(upright_image)


def _ends(line: np.ndarray) -> tuple[int, int]:
    """First and last index that is true; (0, -1) where none is."""
    found = np.flatnonzero(line)
    return (int(found[0]), int(found[-1])) if len(found) else (0, -1)


def _guessed_role(image: sitk.Image) -> str:
    """CT has values far below 0; MR has larger ones than SUV, as a rule."""
    values = sitk.GetArrayViewFromImage(image)[::2, ::2, ::2]
    if values.min() < -300:
        return "CT"
    positive = values[values > 0]
    return "T1" if positive.size and np.median(positive) > 20 else "PET"
