"""The stretch of neck between nose and shoulders, found in a CT by its landmarks.

Wang et al. 2022, section 4.1, analyse what lies from 3 cm above the slice of the nose to 3 cm below
the slice of the acromion, chosen by eye. Here both are found, label-blind: from skin and bone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from HNCLogic.errors import InputError
from HNCLogic.images.body import CT_LEVEL, central_part, outline, upright
from HNCLogic.images.grid import Grid
from HNCLogic.images.neck import middle_of
from HNCLogic.images.region import axial_extent
from HNCLogic.job import Region

MARGIN_MM = 30.0  # above the nose and below the acromion, the paper's
SHORTEST_NECK_MM = 60.0  # the lower and upper neck levels do not fit into less
_WORKING_MM = 3.0
_BONE = 200.0  # HU
_AIR = -1000.0  # HU
# No bone of head or neck lies as far from the middle (mandible and clavicles' inner halves reach
# 70 mm); the shoulders' outer bones do, and the acromion is the uppermost of them.
_LATERAL_MM = 110.0
_FEWEST = 5  # voxels of bone in a slice: less is noise, or streaks of metal
_NOSE_ASIDE_MM = 30.0  # the tip lies no farther from the middle, even in a turned head
_NOSE_PROUD_MM = 45.0  # nor farther before the outline, which the opening has rid of the nose
_TIP_MM, _PROUD = 24.0, 2.0  # over this height it stands out by so many voxels (seen: 4 to 9)
_FACE_MM = (60.0, 300.0)  # above the acromion: where the tip of a nose can lie


@dataclass(frozen=True)
class Landmarks:
    """Heights (S, mm) of the slices with the tip of the nose and the acromion; None: not found."""

    nose_mm: float | None
    acromion_mm: float | None


def find_landmarks(ct: sitk.Image) -> Landmarks:
    """Nose and acromion in ``ct`` (HU, any grid; the patient lies on the back, arms down or up).

    The acromion is the uppermost bone farther than 11 cm from the middle, of the side where it is
    higher; the nose the foremost skin in the middle above it, or in all of the image where no
    shoulder is in view. Both to about 3 mm. A CT that shows no body has neither.
    """
    image, _ = upright(ct, _WORKING_MM, _AIR)
    grid, values = Grid.of(image), sitk.GetArrayFromImage(image)
    try:
        body = sitk.GetArrayFromImage(outline(image, "CT")) != 0
    except InputError:
        return Landmarks(None, None)
    # Without arms held up beside the head, which are bone far from the middle, too.
    part, in_middle = central_part(body)
    middle = (middle_of(part, in_middle, grid) or Grid.of(ct).corners().mean(axis=0))[0]
    aside = np.abs(grid.origin[0] + _WORKING_MM * np.arange(grid.size[0]) - middle)
    heights = grid.origin[2] + _WORKING_MM * np.arange(grid.size[2])
    lateral = ((values > _BONE) & part)[:, :, aside > _LATERAL_MM].sum(axis=(1, 2))
    there = np.flatnonzero(lateral >= _FEWEST)
    acromion = float(heights[there[-1]]) if len(there) else None
    face = np.ones(len(heights), bool)
    if acromion is not None:
        low, high = _FACE_MM
        face = (heights >= acromion + low) & (heights <= acromion + high)
    return Landmarks(_nose(values, part, aside, heights, face), acromion)


def _nose(values, part, aside, heights, face) -> float | None:
    """Height of the foremost skin near the middle; None where it is no tip.

    A nose stands out before what is 24 mm above and below it. Lips and chin do not, which are
    foremost where a CT ends under the nose.
    """
    near = (values > CT_LEVEL)[:, :, aside < _NOSE_ASIDE_MM].sum(axis=2) >= 3
    slices = np.flatnonzero(face & part.any(axis=(1, 2)))
    if len(slices) < 3:
        return None
    front = np.full(len(heights), np.inf)
    for z in slices:
        skin = np.flatnonzero(part[z].any(axis=1))[0]
        first = max(int(skin - _NOSE_PROUD_MM / _WORKING_MM), 0)  # tubes and couch are beyond
        rows = np.flatnonzero(near[z, first:])
        front[z] = first + rows[0] if len(rows) else np.inf
    foremost = slices[front[slices] == front[slices].min()]
    tip = int(np.median(foremost))
    around = [tip - round(_TIP_MM / _WORKING_MM), tip + round(_TIP_MM / _WORKING_MM)]
    if any(z not in slices or front[z] - front[tip] < _PROUD for z in around):
        return None
    return float(heights[tip])


def neck_range(
    ct: sitk.Image, by_hand: tuple[float, float] | None = None, margin_mm: float = MARGIN_MM
) -> tuple[Region, list[str]]:
    """``margin_mm`` above the nose to as far below the acromion, and what to tell the user.

    ``by_hand``: the two heights (S, mm) instead. Cut to the CT's field of view, which is also
    taken where a landmark is not found. Raises InputError where less than 6 cm are left.
    """
    low, high = axial_extent(ct)
    warnings: list[str] = []
    if by_hand is not None:
        bottom, top = max(min(by_hand), low), min(max(by_hand), high)
        if not top - bottom >= SHORTEST_NECK_MM:
            raise InputError(
                f"the region {by_hand[0]:g} to {by_hand[1]:g} mm (S) holds less than "
                f"{SHORTEST_NECK_MM:g} mm of the CT, which reaches from {low:.0f} to {high:.0f} "
                "mm: give --region within it"
            )
        return Region(inferior_mm=bottom, superior_mm=top, found_by="set by hand"), []
    if not high - low >= SHORTEST_NECK_MM:
        raise InputError(
            f"the CT is too short: it shows {high - low:.0f} mm of the body, and extension is "
            f"looked for in {SHORTEST_NECK_MM:g} mm at least: give a CT of the whole neck"
        )
    found = find_landmarks(ct)
    bottom = low if found.acromion_mm is None else max(low, found.acromion_mm - margin_mm)
    top = high if found.nose_mm is None else min(high, found.nose_mm + margin_mm)
    for name, height, end in (
        ("nose", found.nose_mm, "upper"), ("acromion", found.acromion_mm, "lower"),
    ):  # fmt: skip
        if height is None:
            warnings.append(
                f"The {name} was not found in the CT: the {end} end of its field of view is taken. "
                "Set the region by hand if it is wrong."
            )
    if not top - bottom >= SHORTEST_NECK_MM:
        raise InputError(
            f"the CT is too short: {bottom:.0f} to {top:.0f} mm (S) is all that it shows between "
            f"nose and shoulders, and {SHORTEST_NECK_MM:g} mm of the neck are needed: give a CT of "
            "the whole neck, or set the region by hand"
        )
    names = [
        n for n, h in (("nose", found.nose_mm), ("acromion", found.acromion_mm)) if h is not None
    ]
    found_by = f"{' and '.join(names)} in CT" if names else "whole field of view"
    return Region(inferior_mm=bottom, superior_mm=top, found_by=found_by), warnings
