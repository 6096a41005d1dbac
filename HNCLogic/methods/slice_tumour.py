"""Tumour on PET-MRI slices: Liedes et al. 2023, J Med Biol Eng.

PET is resliced to the MRI's planes; slices of 128 x 128 pixels go one by one through a 2D U-Net;
here all slices of a study do, so that the outlines are volumes. The networks' mean probability is
brought back to the PET's own grid and only there held against the threshold.
Where the paper is silent the value is a parameter here, with our default (``Preparation``).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Annotated

import numpy as np
import SimpleITK as sitk
from pydantic import Field

from HNCLogic.errors import InputError
from HNCLogic.images.grid import Grid, resample, shrink_toward, to_patient_axes
from HNCLogic.images.reslice import resliced
from HNCLogic.images.study import Study
from HNCLogic.job import Record, Region
from HNCLogic.methods.intensity import Window
from HNCLogic.methods.planes import slices_over
from HNCLogic.methods.presence import missing_roles

LESION = 3  # in a class image: neither primary nor node is told


class Preparation(Record):
    """How a study becomes the network's input; kept in the model's card."""

    pixels: Annotated[int, Field(ge=16, le=512)] = 128  # the paper's
    # Side of the square field about the body: 128 of the paper's pixels of 1.7 mm. None: the
    # image's own field of view.
    field_mm: Annotated[float, Field(ge=100, le=700)] | None = 217.6
    own_slices_mm: tuple[float, float] = (2.0, 6.0)  # slices this far apart are kept as they are
    slice_mm: Annotated[float, Field(ge=1, le=10)] = 3.0  # else resliced to this
    # MRI has no unit: its values as shares of this percentile of the stack's own, before all else.
    # None: as they are, the paper's.
    mr_percentile: Annotated[float, Field(gt=0, le=100)] | None = None
    # For each fold and channel what becomes 0 and what 1: the smallest and the largest value of
    # that fold's training set, the paper's "global minima and maxima".
    ranges: Annotated[
        list[Annotated[list[Window], Field(max_length=16)]], Field(max_length=99)
    ] = []


@dataclass
class Stack:
    """``values`` float32 (channel, z, y, x) on ``grid``, in the images' own units.

    A channel whose image was not given is NaN. ``warnings``: what the user should know.
    """

    values: np.ndarray
    grid: Grid
    region: Region
    warnings: list[str] = field(default_factory=list)


def stack_grid(
    study: Study, region: Region, preparation: Preparation, roles: Sequence[str]
) -> Grid:
    """The slices of the MRI where the model takes one and it is there, else of the PET.

    A fixed field is centred on the body, label-blind (``neck.lateral_centre``).
    """
    from HNCLogic.images.neck import lateral_centre

    given = [role for role in roles if study.image(role) is not None]
    first = next((role for role in given if role not in ("PET", "CT")), None)
    role = first or ("PET" if "PET" in given else given[0])
    centre = None
    if preparation.field_mm is not None:
        centre = lateral_centre(study.reference, region, study.reference_role)
    return slices_over(
        region,
        study.image(role),
        centre,
        field_mm=preparation.field_mm,
        pixels=preparation.pixels,
        own_slices_mm=preparation.own_slices_mm,
        slice_mm=preparation.slice_mm,
    )


def prepare(
    study: Study,
    region: Region,
    preparation: Preparation,
    roles: Sequence[str],
    optional: Collection[str] = (),
) -> Stack:
    """The study's slices, a channel for each of ``roles``.

    ``region`` is the head and neck in the PET; where an MRI is required, only what it shows of it
    is looked at, as in the paper. An image of an ``optional`` role may be missing. Raises
    InputError where another is, or all are.
    """
    from HNCLogic.images.region import as_far_as_shown

    absent = missing_roles(list(roles), study)
    missing = absent if absent == list(roles) else [role for role in absent if role not in optional]
    if missing:
        raise InputError(
            f"the model needs {' and '.join(missing)}, which was not given: give it, choose a "
            "model that works without (hnc models list), or outline by threshold (--delineation "
            "fixed|percent|adaptive)"
        )
    warnings: list[str] = []
    if any(role not in ("PET", "CT") and role not in optional for role in roles):
        region, warnings = as_far_as_shown(region, study)
    grid = stack_grid(study, region, preparation, roles)
    values = np.full((len(roles), *grid.size[::-1]), np.nan, dtype=np.float32)
    for channel, role in enumerate(roles):
        if role in absent:
            continue
        values[channel] = sitk.GetArrayFromImage(resliced(study, role, grid))
        if role not in ("PET", "CT") and preparation.mr_percentile is not None:
            values[channel] /= _percentile(values[channel], preparation.mr_percentile)
    return Stack(values, grid, region, warnings)


def _percentile(values: np.ndarray, percent: float) -> float:
    """Of the values above zero: what lies around a patient says nothing. 1 where there are none."""
    above = values[values > 0]
    return float(np.percentile(above, percent)) if above.size else 1.0


def scaled(values: np.ndarray, ranges: Sequence[Window]) -> np.ndarray:
    """``values`` (channel, …) as the network sees them, float32: 0 to 1 from low to high.

    What lies beyond is clipped, as the paper does; a channel without an image is 0. ``ranges``:
    low and high of each channel.
    """
    shape = (len(ranges), *[1] * (values.ndim - 1))
    low, high = (np.array(ends, np.float32).reshape(shape) for ends in zip(*ranges, strict=True))
    share = np.clip((values - low) / (high - low), 0.0, 1.0, dtype=np.float32)
    return np.nan_to_num(share, copy=False, nan=0.0)


def tumour_on(grid: Grid, probability: np.ndarray, own: Grid, threshold: float) -> sitk.Image:
    """Class image on ``grid`` (uint8): ``LESION`` where ``probability`` reaches ``threshold``.

    ``probability`` is float32 (z, y, x) on ``own``; it is averaged over pixels where ``grid`` is
    coarser, so that an outline is that of the patient's own voxels. Outside is background.
    """
    spacing = to_patient_axes(grid.empty()).GetSpacing()  # the stack's axes, not as it is stored
    shrunk = shrink_toward(own.image(probability), spacing)
    there = sitk.GetArrayFromImage(resample(shrunk, grid, 0.0)) >= threshold
    return grid.image(np.where(there, LESION, 0).astype(np.uint8))
