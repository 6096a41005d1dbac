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
    study: Study, by_hand: tuple[float, float] | None = None, margin_mm: float = 0.0
) -> tuple[Region, list[str]]:
    """The region of method 1, and what the user should know about it.

    The head and neck, as far as the anatomical image shows it: ``head_and_neck`` and then
    ``as_far_as_shown``.
    """
    region, warnings = head_and_neck(study, by_hand, margin_mm)
    if by_hand is not None:
        return region, warnings
    region, more = as_far_as_shown(region, study)
    return region, warnings + more


def head_and_neck(
    study: Study, by_hand: tuple[float, float] | None = None, margin_mm: float = 0.0
) -> tuple[Region, list[str]]:
    """The region of the head and neck in the PET (in the anatomical image where there is none).

    By hand where the user says so; else as found in the images, without looking at any label,
    and extended by ``margin_mm`` at both ends (narrowed where negative). Its only bounds are the
    field of view. With what the user should know about it. Raises InputError where less than
    20 mm are left.
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
    if margin_mm:
        low = max(region.inferior_mm - margin_mm, extent[0])
        high = min(region.superior_mm + margin_mm, extent[1])
        if not high - low >= SHORTEST_MM:
            raise InputError(
                f"--margin {margin_mm:g} leaves less than {SHORTEST_MM:g} mm of the region found, "
                f"{region.inferior_mm:.0f} to {region.superior_mm:.0f} mm (S): give a larger one"
            )
        found_by = f"{region.found_by}, with a margin of {margin_mm:g} mm"
        region = Region(inferior_mm=low, superior_mm=high, found_by=found_by)
    return region, warnings


def as_far_as_shown(region: Region, study: Study) -> tuple[Region, list[str]]:
    """``region`` narrowed to what the anatomical image shows, and what to tell the user about it.

    The published method 1 crops PET to the MRI. An image that does not show the region at all
    takes its place, with a warning. Raises InputError where it has no stretch of the body in
    common with the PET.
    """
    warnings: list[str] = []
    if study.pet is None or study.anatomical is None:
        return region, warnings
    extent = axial_extent(study.pet)
    shown = slice_extent(study.anatomical)
    low, high = max(region.inferior_mm, shown[0]), min(region.superior_mm, shown[1])
    name = study.anatomical_role
    # A thin slab within the neck shows little of it, but nothing else.
    if high - low >= min(SHORTEST_MM, 0.5 * (shown[1] - shown[0])):
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


def not_shown_mm(image: sitk.Image, region: Region) -> float:
    """How many millimetres of ``region``, along the body, lie outside ``image``'s slices."""
    low, high = slice_extent(image)
    shown = min(high, region.superior_mm) - max(low, region.inferior_mm)
    return region.superior_mm - region.inferior_mm - max(shown, 0.0)


def region_mask(image: sitk.Image, region: Region) -> sitk.Image:
    """1 in the voxels of ``image``'s grid whose centres lie in the region's stretch (uint8)."""
    grid = Grid.of(image)
    # Height is linear in the indices: three small ramps instead of a grid of points.
    steps = [grid.matrix[2, a] * grid.spacing[a] * np.arange(grid.size[a]) for a in range(3)]
    height = grid.origin[2] + (
        steps[2][:, None, None] + steps[1][None, :, None] + steps[0][None, None, :]
    )
    inside = (height >= region.inferior_mm) & (height <= region.superior_mm)
    return grid.image(inside.astype(np.uint8))
