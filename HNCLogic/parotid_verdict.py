"""Kind of a parotid tumour on MRI: the steps of a job that method 4 does."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from HNCLogic.job import Job, Region
from HNCLogic.progress import Progress
from HNCLogic.steps import Findings

if TYPE_CHECKING:
    from HNCLogic.methods.box_slices import Box


def find(job: Job, progress: Progress) -> Findings:
    """Probability of each kind, the slices that it rests on, and Grad-CAM of the most probable kind
    on the grid of the sequence whose slices are looked at."""
    from HNCLogic.explain.by_slice import explanation
    from HNCLogic.inference.device import choose_device, make_ready
    from HNCLogic.methods import parotid
    from HNCLogic.models.store import model_for

    # Opened before anything is computed: a broken model is told at once.
    model = model_for("parotid", job.model)
    card, preparation = model.card, model.preparation(parotid.Preparation)
    roles = [source.role for source in card.inputs]
    parotid.refuse_missing(roles, job.images)
    box, box_from, warnings = _box(job)
    progress(0.0, "reading images")
    found = _read(job, roles)
    found.warn(*warnings)
    progress(0.2, "preparing for the verdict")
    slices = parotid.prepare(found.study, box, preparation, roles)
    found.warn(*slices.warnings)
    found.lap("preparing for the verdict")
    readings = []
    make_ready()
    for number, network in enumerate(model.networks(choose_device()), start=1):
        progress(0.3 + 0.5 * number / model.folds, f"network {number} of {model.folds}")
        readings.append(parotid.read(network, slices))
    found.lap("networks")
    found.parotid = parotid.answer(
        readings,
        slices,
        card.classes,
        box=box,
        box_from=box_from,
        planes=parotid.planes_role(preparation, roles),
        model=card.title,
        trained_on=card.training.words,
    )
    found.models[card.title] = model.digest
    planes = found.study.images[found.parotid.planes]
    top = card.classes.index(found.parotid.kind)
    found.heatmap = parotid.heat_on(planes, readings, top, slices)
    within = Region(inferior_mm=box[4], superior_mm=box[5], found_by="box")
    found.explanation = explanation(found.heatmap, within, None)
    if found.explanation.hottest_ras is None:
        found.warn(f"The heat map is empty: no place in the box speaks for {found.parotid.kind}.")
    found.lap("heat map to the patient's grid")
    return found


def _read(job: Job, roles: list[str]) -> Findings:
    """The sequences that the model takes; of the others nothing is read."""
    from HNCLogic.images.region import refuse_implausible_size
    from HNCLogic.images.study import read_study

    began = time.perf_counter()
    series = {role: choice for role, choice in job.series.items() if role in roles}
    study = read_study({role: job.images[role] for role in roles}, series)
    refuse_implausible_size(study)
    found = Findings(study, None, _lap=began)
    found.warn(*study.warnings)
    if unused := [role for role in job.images if role not in roles]:
        found.warn(f"The model does not take {' and '.join(unused)}, which was not looked at.")
    found.lap("reading")
    return found


def _box(job: Job) -> tuple[Box, str, list[str]]:
    """The job's box in LPS, where it comes from, and what the user should know about it."""
    from HNCLogic.images.box_file import read_box
    from HNCLogic.methods.box_slices import other_side

    if job.box_file is not None:
        return read_box(job.box_file)
    return other_side(job.box_mm), "set by hand", []
