"""Presence of cancer from PET, MRI or both: Liedes et al. 2025, Clin Physiol Funct Imaging.

A study becomes a stack of 64 x 64 slices on the anatomical image's own planes; windows of 32
slices, 16 apart, are classified by five networks; their probabilities become one verdict.
Where the paper is silent the value is a parameter here, with our default (``Preparation``).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import SimpleITK as sitk
from pydantic import Field

from HNCLogic.errors import InputError
from HNCLogic.images.grid import Grid
from HNCLogic.images.reslice import resliced
from HNCLogic.images.study import Study
from HNCLogic.job import Aggregation, FoldAnswer, Presence, Record, Region, WindowAnswer
from HNCLogic.methods.intensity import Window
from HNCLogic.methods.planes import slices_over


class Preparation(Record):
    """How a study becomes the network's input; kept in the model's card."""

    field_mm: Annotated[float, Field(ge=100, le=600)] = 256.0  # in-plane field of view, square
    pixels: Annotated[int, Field(ge=16, le=512)] = 64  # the paper's 64 x 64
    own_slices_mm: tuple[float, float] = (3.0, 5.0)  # slices this far apart are kept as they are
    slice_mm: Annotated[float, Field(ge=1, le=10)] = 4.0  # else resliced to this
    pet_intensity: Literal["suv", "minmax"] = "suv"
    suv_window: Window = (0.0, 25.0)
    other_intensity: Literal["minmax"] = "minmax"
    ct_window: Window = (-1000.0, 1000.0)  # HU, clipped before min-max
    window: Annotated[int, Field(ge=4, le=256)] = 32  # slices, the paper's
    stride: Annotated[int, Field(ge=1, le=256)] = 16  # the paper's


@dataclass
class Stack:
    """The network's input: ``values`` float32 (channel, z, y, x) in [0, 1] on ``grid``."""

    values: np.ndarray
    grid: Grid


def missing_roles(roles: list[str], study: Study) -> list[str]:
    """Which of a model's input roles the study lacks; "MR" stands for any MR sequence."""
    return [role for role in roles if study.image(role) is None]


def stack_grid(study: Study, region: Region, preparation: Preparation) -> Grid:
    """The grid of the stack: the reference image's planes, a fixed square field of view.

    The planes are those of the anatomical image where there is one (the paper reslices PET to
    the MRI), else the PET's. Slices closer or wider than ``own_slices_mm`` are replaced by
    slices ``slice_mm`` apart. The field is centred on the body, label-blind. At least one
    window of slices: a shorter stack is filled up with what lies around it, or with nothing.
    """
    from HNCLogic.images.neck import lateral_centre

    planes = study.anatomical if study.anatomical is not None else study.pet
    return slices_over(
        region,
        planes,
        lateral_centre(study.reference, region, study.reference_role),
        field_mm=preparation.field_mm,
        pixels=preparation.pixels,
        own_slices_mm=preparation.own_slices_mm,
        slice_mm=preparation.slice_mm,
        fewest=preparation.window,
    )


def prepare(
    study: Study,
    region: Region,
    preparation: Preparation,
    roles: list[str],
    optional: Collection[str] = (),
) -> Stack:
    """The study as the network sees it, a channel for each of ``roles``.

    An image of an ``optional`` role that was not given is a channel of zeros. Raises InputError
    where another is missing, or where all are.
    """
    absent = missing_roles(roles, study)
    missing = absent if absent == roles else [role for role in absent if role not in optional]
    if missing:
        raise InputError(
            f"the model needs {' and '.join(missing)}, which was not given: "
            "give it, or choose a model that works without (hnc models list)"
        )
    grid = stack_grid(study, region, preparation)
    channels = []
    for role in roles:
        if role in absent:
            channels.append(np.zeros(grid.size[::-1], np.float32))
            continue
        values = sitk.GetArrayFromImage(resliced(study, role, grid)).astype(np.float32)
        channels.append(_scaled(values, role, preparation))
    return Stack(np.stack(channels), grid)


def _scaled(values: np.ndarray, role: str, preparation: Preparation) -> np.ndarray:
    if role == "PET" and preparation.pet_intensity == "suv":
        low, high = preparation.suv_window
        return (np.clip(values, low, high) - low) / (high - low)
    if role == "CT":
        values = np.clip(values, *preparation.ct_window)
    low, high = float(values.min()), float(values.max())
    return (values - low) / (high - low) if high > low else np.zeros_like(values)


def answer(
    probabilities: np.ndarray,
    starts: list[int],
    stack: Stack,
    preparation: Preparation,
    *,
    threshold: float,
    threshold_source: str,
    fold_thresholds: list[float] | None,
    aggregation: Aggregation,
    model: str,
    trained_on: str,
) -> Presence:
    """One verdict from the probabilities (fold, window) of windows that start at ``starts``.

    Folds are averaged per window, windows are aggregated after; a probability at the threshold
    counts as positive.
    """
    from HNCLogic.inference.aggregation import aggregate

    per_window = probabilities.mean(axis=0)
    probability, positive = aggregate(per_window, aggregation, threshold)
    folds = []
    for number, row in enumerate(probabilities, start=1):
        own = fold_thresholds[number - 1] if fold_thresholds else None
        # A majority gives no probability; a fold's is then the mean of its windows.
        value, _ = aggregate(row, "mean" if aggregation == "majority" else aggregation, threshold)
        folds.append(FoldAnswer(fold=number, probability=float(value), threshold=own))
    centre = (stack.grid.size[0] - 1) / 2
    answers = []
    for index, start in enumerate(starts):
        last = start + preparation.window - 1
        ends = stack.grid.points(
            np.array([[centre, centre, start - 0.5], [centre, centre, last + 0.5]])
        )[:, 2]
        answers.append(
            WindowAnswer(
                index=index,
                first_slice=start,
                last_slice=last,
                inferior_mm=float(ends.min()),
                superior_mm=float(ends.max()),
                probability=float(per_window[index]),
                folds=[float(v) for v in probabilities[:, index]],
            )
        )
    return Presence(
        probability=None if probability is None else float(probability),
        verdict="positive" if positive else "negative",
        threshold=threshold,
        threshold_source=threshold_source,
        aggregation=aggregation,
        folds=folds,
        fold_spread=float(np.std([fold.probability for fold in folds])),
        windows=answers,
        model=model,
        trained_on=trained_on,
    )
