"""The steps of a job: each takes what is known of a study and adds what it finds.

The order they come in stands in run.py; what a method does stands in methods/.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from HNCLogic.errors import InputError
from HNCLogic.images.grid import Grid, ras, resample
from HNCLogic.images.study import Study
from HNCLogic.job import (
    MR_ROLES,
    Explanation,
    Job,
    Lesion,
    Presence,
    Region,
    SliceHeat,
    Totals,
)
from HNCLogic.progress import Progress

if TYPE_CHECKING:
    from HNCLogic.models.folder import Model

MISSING_CT_MM = 5.0  # less of the region without CT is a matter of rounding


@dataclass
class Findings:
    """What the steps found, before it is written out."""

    study: Study
    region: Region  # of the verdict: as far as the anatomical image shows it
    pet_region: Region | None = None  # of the outlines, which need the PET only; None: the same
    presence: Presence | None = None
    heatmap: sitk.Image | None = None  # 0 to 1, on the grid of ``study.reference``
    explanation: Explanation | None = None
    labels: sitk.Image | None = None  # one value a lesion, on the PET's grid
    lesions: list[Lesion] = field(default_factory=list)
    totals: list[Totals] = field(default_factory=list)
    delineation: str | None = None
    delineation_trained_on: str | None = None
    warnings: list[str] = field(default_factory=list)
    models: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    _lap: float = field(default_factory=time.perf_counter)

    def lap(self, name: str) -> None:
        """Note the seconds since the last lap as those of step ``name``."""
        now = time.perf_counter()
        self.seconds[name] = round(now - self._lap, 3)
        self._lap = now

    def warn(self, *messages: str) -> None:
        self.warnings += [m for m in messages if m not in self.warnings]


def read(job: Job) -> Findings:
    """The study and the region that is analysed."""
    from HNCLogic.images.fit import leave_out_misplaced
    from HNCLogic.images.region import as_far_as_shown, head_and_neck, refuse_implausible_size
    from HNCLogic.images.study import read_study

    began = time.perf_counter()
    study = read_study(job.images, job.series, job.suv)
    refuse_implausible_size(study)
    misplaced = leave_out_misplaced(study)
    whole, warnings = head_and_neck(study, job.region_mm, job.margin_mm)
    region = whole
    if job.task in ("analyze", "classify", "explain") and job.region_mm is None:
        region, more = as_far_as_shown(whole, study)
        warnings += more
    found = Findings(study, region, whole, _lap=began)
    found.warn(*study.warnings, *(study.suv.warnings if study.suv else []), *misplaced, *warnings)
    found.lap("reading")
    return found


def open_presence_model(job: Job) -> Model:
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
    from HNCLogic.inference.device import choose_device
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
            f"{_why_absent(job, missing)}."
        )
        return
    _refuse_left_out(job, found, missing)
    if absent and not missing:
        found.warn(
            f"The model {card.title} gave its verdict without {' and '.join(absent)}, which "
            f"{_why_absent(job, absent)}."
        )
    reference = Grid.of(found.study.reference)
    # Read before the networks run, so that a mask that does not fit is told at once.
    annotated = _annotated(job.mask, reference) if with_heat and job.mask is not None else None
    stack = presence.prepare(found.study, found.region, preparation, roles, optional)
    starts = window_starts(stack.grid.size[2], preparation.window, preparation.stride)
    found.lap("preparing for the verdict")
    length, stride = preparation.window, preparation.stride
    if with_heat:
        from HNCLogic.explain.grad_cam import heat_stack

        heat = heat_stack(
            model.networks(choose_device()),
            model.folds,
            stack.values,
            length,
            stride,
            progress=progress,
        )
        probabilities = heat.probabilities  # of the same passes: nothing is computed twice
    else:
        from HNCLogic.inference.ensemble import window_probabilities

        probabilities = window_probabilities(
            model.networks(choose_device()),
            model.folds,
            stack.values,
            length,
            stride,
            progress=progress,
        )
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
        model=f"{card.name} {card.version}",
        trained_on=card.training.words,
    )
    found.models[f"{card.name} {card.version}"] = model.digest
    if with_heat:
        found.heatmap = resample(stack.grid.image(heat.values), reference, 0.0)
        if not sitk.GetArrayViewFromImage(found.heatmap).any():
            found.warn("The heat map is empty: no place in the images speaks for cancer.")
        found.explanation = explanation(found.heatmap, found.region, annotated)
        found.lap("heat map to the patient's grid")


def _why_absent(job: Job, roles: list[str]) -> str:
    """An image that was given can be missing because it does not lie on the PET."""
    given = [*job.images, *(["MR"] if any(role in MR_ROLES for role in job.images) else [])]
    return "was left out" if any(role in given for role in roles) else "was not given"


def _refuse_left_out(job: Job, found: Findings, missing: list[str]) -> None:
    """Raises InputError, with the reason, where an image that is needed was left out."""
    if missing and _why_absent(job, missing) == "was left out":
        reasons = [w for w in found.warnings if "was left out:" in w]
        raise InputError(f"the model needs {' and '.join(missing)}. {' '.join(reasons)}")


def _annotated(mask: Path, grid: Grid) -> sitk.Image:
    from HNCLogic.images.read import read_mask

    return read_mask(mask, grid)


def explanation(heatmap: sitk.Image, region: Region, mask: sitk.Image | None) -> Explanation:
    """The largest heat in each slice of the region, the hottest place in it (None where there is
    no heat) and, with a mask, how well the heat tells the annotated slices (the paper's figure 5
    in numbers)."""
    from HNCLogic.explain.fidelity import slice_agreement

    grid = Grid.of(heatmap)
    values = sitk.GetArrayViewFromImage(heatmap)
    axis = int(np.argmax(np.abs(grid.matrix[2])))  # the index axis that runs head to foot
    others = tuple(2 - a for a in range(3) if a != axis)  # numpy's axes are z, y, x
    largest = values.max(axis=others)
    middle = np.tile((np.asarray(grid.size) - 1) / 2, (grid.size[axis], 1))
    middle[:, axis] = np.arange(grid.size[axis])
    heights = grid.points(middle)[:, 2]
    marked = None
    if mask is not None:
        marked = (sitk.GetArrayViewFromImage(mask) > 0).any(axis=others)
    inside = np.flatnonzero((heights >= region.inferior_mm) & (heights <= region.superior_mm))
    slices = [
        SliceHeat(
            index=int(i),
            position_mm=float(heights[i]),
            heat=float(np.clip(largest[i], 0, 1)),
            annotated=None if marked is None else bool(marked[i]),
        )
        for i in inside[np.argsort(heights[inside])]
    ]
    analysed = np.where(sitk.GetArrayViewFromImage(region_mask(heatmap, region)) > 0, values, 0.0)
    hottest = None
    if analysed.max() > 0:
        z, y, x = np.unravel_index(int(np.argmax(analysed)), analysed.shape)
        hottest = ras(grid.points(np.array([[x, y, z]]))[0])
    auroc = rank = None
    if marked is not None and slices:
        auroc, rank = slice_agreement(
            np.array([s.heat for s in slices]), np.array([s.annotated for s in slices])
        )
    return Explanation(
        slices=slices,
        hottest_ras=hottest,
        slice_auroc=auroc,
        slice_spearman=rank,
    )


def open_volume_model(job: Job) -> Model | None:
    """The model of method 3 that the job names, checked; None where no network outlines.

    Raises InputError, also where it is one that this job cannot use.
    """
    from HNCLogic.methods.tumour_volume import Preparation
    from HNCLogic.models.store import find_model

    if job.task == "measure" or job.delineation.method != "network":
        return None
    model = find_model(job.volume_model, "tumour-volume")
    card, preparation = model.card, model.preparation(Preparation)
    roles = [source.role for source in card.inputs]
    if roles != ["PET", "CT"] or len(card.classes) != 3:
        raise InputError(
            f"the model {card.title} takes {', '.join(roles)} and tells {', '.join(card.classes)} "
            "apart; outlines need one that takes PET, CT and tells background, primary and node "
            "apart"
        )
    patch = [preparation.patch_slices, preparation.pixels, preparation.pixels]
    made_for = list(card.network.arguments.get("patch", patch))
    if made_for != patch:
        raise InputError(
            f"the card of model {card.title} contradicts itself: its network takes patches of "
            f"{made_for} voxels (z, y, x), its preprocessing asks for {patch}"
        )
    return model


def lesions(job: Job, found: Findings, model: Model | None, progress: Progress) -> None:
    """Outlines by the chosen method, each lesion measured. ``model``: ``open_volume_model``'s."""
    from HNCLogic.lesions.components import separate
    from HNCLogic.lesions.measures import measure

    if job.task == "measure":
        from HNCLogic.lesions.mask import read_outlines

        outlines = read_outlines(job.mask, Grid.of(found.study.pet))
        found.warn(*outlines.warnings)
        found.delineation = "outlines given by the user"
        found.labels = outlines.labels
        found.lesions, found.totals = measure(found.study.pet, found.labels, outlines.kinds)
        found.lap("measuring lesions")
        return
    if job.delineation.method == "network":
        classes = _by_network(job, found, model, progress)
        minimum = job.delineation.minimum_ml
    else:
        classes = _by_threshold(job, found)
        minimum = job.delineation.minimum_ml
    if classes is None:
        return
    found.labels, kinds = separate(classes, minimum)
    found.lesions, found.totals = measure(found.study.pet, found.labels, kinds)
    found.lap("measuring lesions")


def _by_network(job: Job, found: Findings, model: Model, progress: Progress) -> sitk.Image | None:
    from HNCLogic.inference.device import choose_device
    from HNCLogic.inference.ensemble import mean_volume
    from HNCLogic.methods import tumour_volume

    card, preparation = model.card, model.preparation(tumour_volume.Preparation)
    ct_required = any(source.role == "CT" and source.required for source in card.inputs)
    name = card.title
    region = found.pet_region or found.region
    if "CT" not in found.study.images:
        if ct_required and job.task == "analyze":
            found.warn(
                f"No tumour volume: the model {name} needs a CT, which "
                f"{_why_absent(job, ['CT'])}. "
                "A threshold needs none: --delineation fixed, percent or adaptive."
            )
            return None
        if ct_required:
            _refuse_left_out(job, found, ["CT"])
        else:
            found.warn(f"The model {name} outlined the lesions without CT, from the PET alone.")
    _warn_of_missing_ct(found, region)
    volume = tumour_volume.prepare(found.study, region, preparation, ct_required=ct_required)
    found.lap("preparing for the outlines")
    patch = (preparation.patch_slices, preparation.pixels, preparation.pixels)
    probabilities = mean_volume(
        model.networks(choose_device()),
        model.folds,
        volume.values,
        patch,
        (preparation.stride, preparation.pixels, preparation.pixels),
        progress=lambda done, words: progress(done, f"outlines, {words}"),
    )
    found.lap("network: outlines")
    classes = tumour_volume.classes_on(Grid.of(found.study.pet), probabilities, volume.grid)
    found.delineation = f"{job.delineation.in_words()} {name}"
    found.delineation_trained_on = card.training.words
    found.models[name] = model.digest
    found.lap("outlines to the patient's grid")
    return classes


def _warn_of_missing_ct(found: Findings, region: Region) -> None:
    """Where the CT ends before the region does, the network sees air in its place."""
    from HNCLogic.images.region import not_shown_mm

    if "CT" not in found.study.images:
        return
    lacking, length = (
        not_shown_mm(found.study.images["CT"], region),
        region.superior_mm - region.inferior_mm,
    )
    if lacking >= MISSING_CT_MM:
        found.warn(
            f"{lacking:.0f} of the {length:.0f} mm in which lesions were outlined have no CT: "
            "the outlines there rest on the PET alone."
        )


def _by_threshold(job: Job, found: Findings) -> sitk.Image:
    from HNCLogic.images.neck import brain_mask
    from HNCLogic.lesions.thresholds import delineate

    pet = found.study.pet
    region = found.pet_region or found.region
    exclude = brain_mask(pet, region) if job.delineation.exclude_brain else None
    within = None if job.delineation.seeds else region_mask(pet, region)
    classes = delineate(pet, job.delineation, within=within, exclude=exclude)
    found.delineation = job.delineation.in_words()
    if not job.delineation.seeds:
        found.warn(
            "A threshold cannot tell tumour from physiological uptake: every hot spot of the "
            "region was outlined" + (", the brain left out." if exclude is not None else ".")
        )
    found.lap("outlines by threshold")
    return classes


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


def require_images(job: Job) -> None:
    """Raises InputError where the task lacks what it cannot do without."""
    if not job.images:
        raise InputError("no image was given: add --pet FILE, and --ct or --mr beside it")
    if job.task in ("analyze", "segment", "measure") and "PET" not in job.images:
        raise InputError(f"{job.task} measures uptake in PET, and none was given: add --pet FILE")
    if job.task == "measure" and job.mask is None:
        raise InputError("measure needs outlines to measure: add --mask FILE")
