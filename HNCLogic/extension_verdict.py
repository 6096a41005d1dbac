"""Extracapsular extension on CT: the steps of a job that method 5 does."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from HNCLogic.errors import InputError
from HNCLogic.images.grid import Grid
from HNCLogic.job import Job
from HNCLogic.progress import Progress
from HNCLogic.steps import Findings

if TYPE_CHECKING:
    import torch

    from HNCLogic.methods.extension import Volume
    from HNCLogic.methods.gradcam_voi import Voi
    from HNCLogic.models.folder import Model


def find(job: Job, progress: Progress) -> Findings:
    """Verdict, the VOI it rests on, and the extractor's Grad-CAM on the CT's grid."""
    from HNCLogic.methods.extension import Preparation, prepare
    from HNCLogic.models.store import model_for

    # Opened before anything is computed: a broken model is told at once.
    model = model_for("extension", job.model)
    preparation = model.preparation(Preparation)
    progress(0.0, "reading images")
    found = _read(job, preparation.margin_mm)
    progress(0.1, "preparing for the verdict")
    volume = prepare(found.study, found.region, preparation)
    found.lap("preparing for the verdict")
    _judge(job, found, model, volume, lambda s, words: progress(0.2 + 0.5 * s, words))
    return found


def _read(job: Job, margin_mm: float) -> Findings:
    from HNCLogic.images.neck_landmarks import neck_range
    from HNCLogic.images.region import refuse_implausible_size
    from HNCLogic.images.study import read_study

    began = time.perf_counter()
    study = read_study(job.images, job.series)
    refuse_implausible_size(study)
    region, warnings = neck_range(study.images["CT"], job.region_mm, margin_mm + job.margin_mm)
    if job.margin_mm:
        words = f"{region.found_by}, with a margin of {job.margin_mm:g} mm"
        region = region.model_copy(update={"found_by": words})
    found = Findings(study, region, _lap=began)
    found.warn(*study.warnings, *warnings)
    found.lap("reading")
    return found


def _judge(job: Job, found: Findings, model: Model, volume: Volume, progress: Progress) -> None:
    from HNCLogic.explain.by_slice import explanation
    from HNCLogic.images.read import read_mask
    from HNCLogic.inference.backends import choose_backend
    from HNCLogic.inference.device import choose_device, make_ready
    from HNCLogic.methods import extension

    ct, card = found.study.images["CT"], model.card
    preparation = model.preparation(extension.Preparation)
    annotated = None if job.mask is None else read_mask(job.mask, Grid.of(ct))
    voi = None
    if job.voi_centre is not None:
        voi = extension.placed(job.voi_centre, volume, preparation)
    make_ready()
    device = choose_device()
    found.judged_by = choose_backend("torch", "quick").words(device)
    heat, voi, probabilities = ask(
        model.networks(device), model.folds, volume, preparation, voi, progress
    )
    found.lap("networks")
    chosen = card.threshold
    found.extension = extension.answer(
        probabilities,
        voi,
        found.region,
        by_hand=job.voi_centre is not None,
        threshold=job.threshold if job.threshold is not None else chosen.value,
        threshold_source="set by hand" if job.threshold is not None else chosen.chosen_by,
        fold_thresholds=chosen.per_fold,
        model=card.title,
        trained_on=card.training.words,
    )
    found.models[card.title] = model.digest
    found.heatmap = extension.heat_on(ct, heat, volume)
    if not heat.any():
        found.warn(
            "The heat map is empty: no place in the CT speaks for extension."
            + ("" if voi.found else " The middle of the volume was judged.")
        )
    found.explanation = explanation(found.heatmap, found.region, annotated)
    found.lap("heat map to the patient's grid")


def ask(
    networks: Iterable[torch.nn.Module],
    count: int,
    volume: Volume,
    preparation,
    voi: Voi | None = None,
    progress: Progress = lambda share, words: None,
) -> tuple[np.ndarray, Voi, list[float]]:
    """Heat map (z, y, x) of the extractor, the VOI, and what each of ``count`` networks, each a
    ``GMGENet``, says of it. ``voi``: given by hand, else where the heat is.

    Raises InputError where the folds' extractors differ: each would point elsewhere.
    """
    from HNCLogic.methods import extension

    heat, first, probabilities = None, {}, []
    for number, network in enumerate(networks, start=1):
        progress((number - 1) / count, f"network {number} of {count}")
        own = network.extractor.state_dict()
        if heat is None:
            first = {name: values.clone() for name, values in own.items()}
            heat = extension.refined_heat(network.extractor, volume, "quick")
            voi = voi or extension.extracted(heat, volume, preparation)
        elif not all(values.equal(first[name]) for name, values in own.items()):
            raise InputError(
                f"the extractor of fold {number} is another than that of fold 1: a model for "
                "extension has one, for it is trained on patients of its own; fetch it again"
            )
        probabilities.append(extension.judged(network.classifier, volume, voi, "quick"))
    return heat, voi, probabilities
