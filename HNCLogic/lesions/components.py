"""From a class image to separate lesions: connected components, cleaned and ordered."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from HNCLogic.errors import InputError
from HNCLogic.images.grid import Grid

KINDS = {1: "primary", 2: "node", 3: "lesion"}  # values of a class image; 0 is background
_MOST_LESIONS = np.iinfo(np.uint16).max


def separate(classes: sitk.Image, minimum_ml: float = 0.1) -> tuple[sitk.Image, dict[int, str]]:
    """Every 26-connected component of every class as a lesion of its own.

    ``classes`` holds 0 background, 1 primary, 2 node, 3 unclassified lesion. Components are found
    class by class, so a primary that touches a node stays two lesions. Components smaller than
    ``minimum_ml`` are dropped, as in Nikulin et al., EJNMMI 2023 (regions under 0.1 ml); one of
    exactly that volume stays.

    Returns the lesions as sitkUInt16 labels 1…n on the same grid, and label → kind: primaries
    first, then nodes, then unclassified ones, each kind from the largest to the smallest (equal
    volumes: the one stored first comes first).

    Raises InputError for values other than 0 to 3, a negative minimum, or too many lesions.
    """
    if classes.GetDimension() != 3 or classes.GetNumberOfComponentsPerPixel() != 1:
        raise InputError("the lesion mask is not a volume with one value per voxel")
    if not minimum_ml >= 0:
        raise InputError(f"the smallest lesion volume cannot be {minimum_ml} ml; give 0 or more")
    array = sitk.GetArrayViewFromImage(classes)
    values = _class_values(array)
    grid = Grid.of(classes)
    fewest = fewest_voxels(minimum_ml, grid.voxel_ml)

    labels = np.zeros(array.shape, np.uint16)
    kinds: dict[int, str] = {}
    for value in values:
        found, box, counts = components_of(array == value)
        # Stable sort: ties keep the order in which the components are stored.
        order = [i for i in np.argsort(-counts, kind="stable") if counts[i] >= fewest]
        if len(kinds) + len(order) > _MOST_LESIONS:
            raise InputError(
                f"the mask falls into more than {_MOST_LESIONS} lesions: it looks like noise; "
                "raise the smallest lesion volume"
            )
        renumber = np.zeros(len(counts) + 1, np.uint16)
        for component in order:
            kinds[len(kinds) + 1] = KINDS[value]
            renumber[component + 1] = len(kinds)
        labels[box] += renumber[found]
    return grid.image(labels), kinds


def _class_values(array: np.ndarray) -> list[int]:
    """The class values present, background left out."""
    low, high = array.min(), array.max()
    if not (low >= 0 and high <= max(KINDS)):  # also refuses NaN
        raise InputError(
            f"the lesion mask holds values from {low:g} to {high:g}; "
            "expected 0 background, 1 primary, 2 node, 3 lesion"
        )
    values = [value for value in KINDS if (array == value).any()]
    if np.issubdtype(array.dtype, np.floating):
        whole = sum(int((array == value).sum()) for value in (0, *values))
        if whole != array.size:
            raise InputError(
                "the lesion mask holds values between the classes; it must be whole numbers "
                "(resample masks with nearest neighbour)"
            )
    return values


def lesion_name(kind: str, number: int) -> str:
    """Primary, Primary 2 …; Node 1, Node 2 …; Lesion 1 …"""
    if kind == "primary" and number == 1:
        return "Primary"
    return f"{kind.capitalize()} {number}"


def count_components(labels: sitk.Image) -> dict[int, int]:
    """Label → number of its 26-connected components, for every label but 0."""
    from scipy import ndimage

    array = sitk.GetArrayViewFromImage(labels)
    boxes = ndimage.find_objects(array)
    return {
        label: len(components_of(array[box] == label)[2])
        for label, box in enumerate(boxes, 1)
        if box is not None
    }


def fewest_voxels(minimum_ml: float, voxel_ml: float) -> int:
    """How many voxels a lesion of ``minimum_ml`` has at least."""
    # A hair below the minimum, so that rounding of the spacing does not drop an exact 0.1 ml.
    return max(1, int(np.ceil(minimum_ml / voxel_ml * (1 - 1e-6))))


def components_of(mask: np.ndarray) -> tuple[np.ndarray, tuple[slice, ...], np.ndarray]:
    """26-connected components numbered 1…n inside the bounding box of a 3D mask that is not empty,
    the box, and n voxel counts."""
    box = bounding_box(mask)
    crop = sitk.GetImageFromArray(mask[box].astype(np.uint8))
    found = sitk.GetArrayFromImage(sitk.ConnectedComponent(crop, True))  # True: 26 neighbours
    counts = np.bincount(found.ravel())[1:]
    return found, box, counts


def bounding_box(mask: np.ndarray) -> tuple[slice, ...]:
    """The smallest box around a mask that is not empty, as slices in the array's axis order."""
    box = []
    for axis in range(mask.ndim):
        others = tuple(i for i in range(mask.ndim) if i != axis)
        inside = np.flatnonzero(mask.any(axis=others))
        box.append(slice(int(inside[0]), int(inside[-1]) + 1))
    return tuple(box)
