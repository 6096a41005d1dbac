"""Metabolic tumour volume, primary and nodes, from PET/CT: Nikulin et al. 2023, EJNMMI.

PET and CT are brought to 2.5 mm cubes, 128 x 128 in-plane; overlapping patches of 32 slices go
through five networks; their Gaussian-weighted probabilities are averaged, brought back to the
PET's own grid and only there turned into classes.
Where the paper is silent the value is a parameter here, with our default (``Preparation``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import SimpleITK as sitk
from pydantic import Field

from HNCLogic.errors import InputError
from HNCLogic.images.grid import Grid, resample
from HNCLogic.images.reslice import resliced
from HNCLogic.images.study import Study
from HNCLogic.job import Record, Region
from HNCLogic.methods.intensity import Window

PRIMARY, NODE = 1, 2


class Preparation(Record):
    """How a study becomes the network's input; kept in the model's card."""

    spacing_mm: Annotated[float, Field(ge=1, le=8)] = 2.5  # the paper's
    pixels: Annotated[int, Field(ge=16, le=512)] = 128  # the paper's 32 cm
    patch_slices: Annotated[int, Field(ge=4, le=256)] = 32  # the paper's
    stride: Annotated[int, Field(ge=1, le=256)] = 8  # the paper's 75 % overlap at least
    suv_window: Window = (0.0, 25.0)
    ct_window: Window = (-150.0, 150.0)  # HU, the paper's


FAST_STRIDE = 16  # slices; half a patch of the paper's, where the paper has a quarter


def stride_of(preparation: Preparation, fast: bool) -> int:
    """Slices between patches: the card's own, or where ``fast`` at least ``FAST_STRIDE``, as far
    as patches still meet."""
    if not fast:
        return preparation.stride
    return max(preparation.stride, min(FAST_STRIDE, preparation.patch_slices))


@dataclass
class Volume:
    """The network's input: ``values`` float32 (channel, z, y, x) in [0, 1] on ``grid``.

    Channels are PET and CT; a CT that was not given is a channel of zeros.
    """

    values: np.ndarray
    grid: Grid


def volume_grid(study: Study, region: Region, preparation: Preparation) -> Grid:
    """Cubic voxels along the patient's axes (LPS) over the region, centred on the body."""
    from HNCLogic.images.neck import lateral_centre

    step, pixels = preparation.spacing_mm, preparation.pixels
    centre_x, centre_y = lateral_centre(study.reference, region, study.reference_role)
    to_corner = (pixels - 1) / 2 * step
    count = max(round((region.superior_mm - region.inferior_mm) / step), 1)
    return Grid(
        size=(pixels, pixels, count),
        spacing=(step, step, step),
        origin=(centre_x - to_corner, centre_y - to_corner, region.inferior_mm + step / 2),
        direction=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
    )


def prepare(
    study: Study, region: Region, preparation: Preparation, *, ct_required: bool = True
) -> Volume:
    """The study as the network sees it.

    Raises InputError without a PET, or without a CT where the model needs one.
    """
    if study.pet is None:
        raise InputError("the tumour volume is measured in PET, and no PET was given: add --pet")
    if ct_required and "CT" not in study.images:
        raise InputError(
            "the model needs a CT, which was not given: add --ct, choose another model "
            "(hnc models list), or outline by threshold (--delineation fixed|percent|adaptive)"
        )
    grid = volume_grid(study, region, preparation)
    pet = _on_grid(study, "PET", grid)
    values = np.zeros((2, *pet.shape), dtype=np.float32)
    values[0] = _windowed(pet, preparation.suv_window)
    if "CT" in study.images:
        values[1] = _windowed(_on_grid(study, "CT", grid), preparation.ct_window)
    return Volume(values, grid)


def _on_grid(study: Study, role: str, grid: Grid) -> np.ndarray:
    return sitk.GetArrayFromImage(resliced(study, role, grid)).astype(np.float32)


def _windowed(values: np.ndarray, window: tuple[float, float]) -> np.ndarray:
    low, high = window
    return (np.clip(values, low, high) - low) / (high - low)


def classes_on(grid: Grid, probabilities: np.ndarray, own: Grid) -> sitk.Image:
    """Class of each voxel of ``grid`` (uint8: 0 none, 1 primary, 2 node).

    ``probabilities`` is float32 (class, z, y, x) on ``own``. It is the probabilities that go
    back to the patient's grid, not the classes, so that outlines are not those of 2.5 mm cubes.
    Outside the network's field of view everything is background.
    """
    primary, node = (
        sitk.GetArrayFromImage(resample(own.image(probabilities[c]), grid, 0.0))
        for c in (PRIMARY, NODE)
    )
    background = 1.0 - primary - node
    classes = np.zeros(primary.shape, dtype=np.uint8)
    classes[(primary > background) & (primary >= node)] = PRIMARY
    classes[(node > background) & (node > primary)] = NODE
    return grid.image(classes)
