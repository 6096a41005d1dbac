"""Which stretch of the body a study is analysed in."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from HNCLogic.errors import InputError
from HNCLogic.images.grid import Grid
from HNCLogic.images.study import Study
from HNCLogic.job import Region

SHORTEST_MM = 20.0  # less than this of the body cannot be analysed
LONGEST_MM = 3000.0  # more than any scanner's couch travels


def refuse_implausible_size(study: Study) -> None:
    """Raises InputError where an image is larger or smaller than any of a patient.

    Its header then gives metres or micrometres for millimetres; work on it would be nonsense or
    fill the memory.
    """
    for role, image in study.images.items():
        sides = [n * s for n, s in zip(image.GetSize(), image.GetSpacing(), strict=True)]
        if not SHORTEST_MM <= max(sides) <= LONGEST_MM:
            size = " x ".join(f"{round(side, 2):g}" for side in sides)
            raise InputError(
                f"the {role} is {size} mm large, which no image of a patient is: check the spacing "
                "in its header, which is in mm"
            )


def axial_extent(image: sitk.Image) -> tuple[float, float]:
    """Lowest and highest S position in mm that the image's field of view reaches."""
    heights = Grid.of(image).corners()[:, 2]
    return float(heights.min()), float(heights.max())


def slice_extent(image: sitk.Image) -> tuple[float, float]:
    """S positions of the outer faces of the image's first and last slice, at their centres.

    For an oblique stack this is less than ``axial_extent``, whose corners reach further.
    """
    grid = Grid.of(sitk.DICOMOrient(image, "LPS"))
    middle = [(n - 1) / 2 for n in grid.size[:2]]
    ends = grid.points(np.array([[*middle, -0.5], [*middle, grid.size[2] - 0.5]]))[:, 2]
    return float(ends.min()), float(ends.max())


def study_region(
    study: Study, by_hand: tuple[float, float] | None = None
) -> tuple[Region, list[str]]:
    """The region to analyse, and what the user should know about it.

    By hand where the user says so; else the head and neck as found in the images, without
    looking at any label. A short anatomical image (MRI of the neck) narrows it to what that
    image shows, as the published method crops PET to the MRI. Raises InputError where the
    region by hand misses the images.
    """
    from HNCLogic.images.neck import find_region

    extent = axial_extent(study.reference)
    if by_hand is not None:
        low, high = sorted(by_hand)
        low, high = max(low, extent[0]), min(high, extent[1])
        if not high - low >= SHORTEST_MM:
            raise InputError(
                f"the region {by_hand[0]:g} to {by_hand[1]:g} mm (S) holds less than "
                f"{SHORTEST_MM:g} mm of the images, which reach from {extent[0]:.0f} to "
                f"{extent[1]:.0f} mm: give --region within them"
            )
        return Region(inferior_mm=low, superior_mm=high, found_by="set by hand"), []

    region, warnings = find_region(study.pet, study.anatomical, study.anatomical_role)
    if study.pet is None or study.anatomical is None:
        return region, warnings
    shown = slice_extent(study.anatomical)
    low, high = max(region.inferior_mm, shown[0]), min(region.superior_mm, shown[1])
    name = study.anatomical_role
    if high - low >= SHORTEST_MM:
        narrowed = (high - low) < 0.9 * (region.superior_mm - region.inferior_mm)
        found_by = region.found_by + (f", as far as the {name} shows it" if narrowed else "")
        return Region(inferior_mm=low, superior_mm=high, found_by=found_by), warnings
    low, high = max(shown[0], extent[0]), min(shown[1], extent[1])
    if high <= low:
        raise InputError(
            f"the {name} reaches from {shown[0]:.0f} to {shown[1]:.0f} mm (S), the PET from "
            f"{extent[0]:.0f} to {extent[1]:.0f} mm: they have no stretch of the body in common"
        )
    warnings.append(
        f"The {name} does not show the head and neck, which the PET shows at "
        f"{region.inferior_mm:.0f} to {region.superior_mm:.0f} mm (S). What the {name} shows was "
        f"analysed instead, {low:.0f} to {high:.0f} mm: the models were not made for it."
    )
    return (
        Region(inferior_mm=low, superior_mm=high, found_by=f"field of view of the {name}"),
        warnings,
    )
