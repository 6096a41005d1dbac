"""Verdict and heat map: the steps of a job that method 1 does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import SimpleITK as sitk

from HNCLogic.images.grid import Grid, resample
from HNCLogic.job import Job
from HNCLogic.progress import Progress
from HNCLogic.steps import Findings, refuse_left_out, why_absent

if TYPE_CHECKING:
    from HNCLogic.models.folder import Model


def open_model(job: Job) -> Model:
    """The model of method 1 that the job names, checked. Raises InputError."""
    from HNCLogic.methods.presence import Preparation
    from HNCLogic.models.store import find_model

    model = find_model(job.presence_model, "presence")
    model.preparation(Preparation)
    return model


def presence_and_heat(
    job: Job, found: Findings, model: Model, with_heat: bool, progress: Progress
) -> None:
    """Verdict of method 1 and, where asked for, its Grad-CAM on the patient's grid.

    Where ``analyze`` lacks an image the model needs, that is a warning and not the end.
    """
    from HNCLogic.explain.by_slice import explanation
    from HNCLogic.images.read import read_mask
    from HNCLogic.inference.backends import choose_backend
    from HNCLogic.inference.device import choose_device, make_ready
    from HNCLogic.inference.windows import window_starts
    from HNCLogic.methods import presence

    card, preparation = model.card, model.preparation(presence.Preparation)
    roles = [source.role for source in card.inputs]
    optional = [source.role for source in card.inputs if not source.required]
    absent = presence.missing_roles(roles, found.study)
    missing = absent if absent == roles else [role for role in absent if role not in optional]
    if missing and job.task == "analyze":
        found.warn(
            f"No verdict: the model {card.name} needs {' and '.join(missing)}, which "
            f"{why_absent(job, missing)}."
        )
        return
    refuse_left_out(job, found, missing)
    if absent and not missing:
        found.warn(
            f"The model {card.title} gave its verdict without {' and '.join(absent)}, which "
            f"{why_absent(job, absent)}."
        )
    reference = Grid.of(found.study.reference)
    # Read before the networks run, so that a mask that does not fit is told at once.
    annotated = read_mask(job.mask, reference) if with_heat and job.mask is not None else None
    stack = presence.prepare(found.study, found.region, preparation, roles, optional)
    starts = window_starts(stack.grid.size[2], preparation.window, preparation.stride)
    found.lap("preparing for the verdict")
    make_ready()
    device = choose_device()
    found.judged_by = choose_backend("torch", "quick").words(device)
    windows = (model.networks(device), model.folds, stack.values)
    windows += (preparation.window, preparation.stride)
    if with_heat:
        from HNCLogic.explain.grad_cam import heat_stack

        heat = heat_stack(*windows, numbers="quick", progress=progress)
        probabilities = heat.probabilities  # of the same passes: nothing is computed twice
    else:
        from HNCLogic.inference.ensemble import window_probabilities

        probabilities = window_probabilities(*windows, numbers="quick", progress=progress)
    found.lap("network: verdict and heat map" if with_heat else "network: verdict")
    chosen = card.threshold
    threshold = job.threshold if job.threshold is not None else chosen.value
    found.presence = presence.answer(
        probabilities,
        starts,
        stack,
        preparation,
        threshold=threshold,
        threshold_source="set by hand" if job.threshold is not None else chosen.chosen_by,
        fold_thresholds=chosen.per_fold,
        aggregation=job.aggregation or card.aggregation,
        model=card.title,
        trained_on=card.training.words,
    )
    found.models[card.title] = model.digest
    if with_heat:
        found.heatmap = resample(stack.grid.image(heat.values), reference, 0.0)
        if not sitk.GetArrayViewFromImage(found.heatmap).any():
            found.warn("The heat map is empty: no place in the images speaks for cancer.")
        found.explanation = explanation(found.heatmap, found.region, annotated)
        found.lap("heat map to the patient's grid")
