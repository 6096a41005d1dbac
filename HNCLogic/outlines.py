"""Lesions: the steps of a job that outline them, by method 2 or 3 or a threshold, and measure."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import SimpleITK as sitk

from HNCLogic.errors import InputError
from HNCLogic.images.grid import Grid
from HNCLogic.job import Job, Region
from HNCLogic.progress import Progress
from HNCLogic.steps import Findings, refuse_left_out, why_absent

if TYPE_CHECKING:
    from HNCLogic.models.folder import Model

MISSING_MM = 5.0  # less of the region without CT or MRI is a matter of rounding


def open_model(job: Job) -> Model | None:
    """The model of method 2 or 3 that the job names, checked; None where no network outlines.

    Raises InputError, also where it is one that this job cannot use.
    """
    from HNCLogic.models.shown_card import OUTLINING
    from HNCLogic.models.store import find_model

    if job.task == "measure" or job.delineation.method != "network":
        return None
    model = find_model(job.volume_model, OUTLINING)
    if model.card.method == "slice-tumour":
        if job.delineation.fast:
            raise InputError(
                f"--fast has no effect with the model {model.card.title}, which outlines slice by "
                "slice: leave it out"
            )
        _check_slice_model(model)
    else:
        _check_volume_model(model)
    return model


def _check_volume_model(model: Model) -> None:
    from HNCLogic.methods.tumour_volume import Preparation

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


def _check_slice_model(model: Model) -> None:
    from HNCLogic.methods.slice_tumour import Preparation

    card, preparation = model.card, model.preparation(Preparation)
    wrong = f"the card of model {card.title} contradicts itself: "
    shrink = 2 ** card.network.arguments["levels"]
    if preparation.pixels % shrink:
        raise InputError(
            f"{wrong}its network takes sides divisible by {shrink}, its preprocessing asks for "
            f"{preparation.pixels} pixels"
        )
    found = [len(each) for each in preparation.ranges]
    if found != [len(card.inputs)] * model.folds:
        raise InputError(
            f"{wrong}preprocessing.ranges must have low and high for each of {model.folds} folds "
            f"and {len(card.inputs)} inputs"
        )


def lesions(job: Job, found: Findings, model: Model | None, progress: Progress) -> None:
    """Outlines by the chosen method, each lesion measured. ``model``: ``open_model``'s."""
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
    caution = ""
    if job.delineation.method == "network":
        method = _by_slices if model.card.method == "slice-tumour" else _by_network
        classes = method(job, found, model, progress)
    else:
        classes, caution = _by_threshold(job, found)
    if classes is None:
        return
    found.labels, kinds = separate(classes, job.delineation.minimum_ml)
    found.lesions, found.totals = measure(found.study.pet, found.labels, kinds)
    if caution and found.lesions:
        found.warn(caution)
    found.lap("measuring lesions")


def _by_network(job: Job, found: Findings, model: Model, progress: Progress) -> sitk.Image | None:
    from HNCLogic.inference.device import choose_device, make_ready
    from HNCLogic.inference.ensemble import mean_volume
    from HNCLogic.inference.estimate import seconds_a_patch, with_estimate
    from HNCLogic.inference.pace import Pace, keep_pace, passes, this_machine
    from HNCLogic.methods import tumour_volume

    card, preparation = model.card, model.preparation(tumour_volume.Preparation)
    ct_required = any(source.role == "CT" and source.required for source in card.inputs)
    name = card.title
    region = found.pet_region or found.region
    if "CT" not in found.study.images:
        if ct_required and job.task == "analyze":
            found.warn(
                f"No tumour volume: the model {name} needs a CT, which "
                f"{why_absent(job, ['CT'])}. "
                "A threshold needs none: --delineation fixed, percent or adaptive."
            )
            return None
        if ct_required:
            refuse_left_out(job, found, ["CT"])
        else:
            found.warn(f"The model {name} outlined the lesions without CT, from the PET alone.")
    _warn_of_missing(found, region, "CT")
    volume = tumour_volume.prepare(found.study, region, preparation, ct_required=ct_required)
    found.lap("preparing for the outlines")
    stride = tumour_volume.stride_of(preparation, job.delineation.fast)
    if stride != preparation.stride:
        found.warn(
            f"Outlined fast: the network's patches lay {stride} slices apart instead of "
            f"{preparation.stride}; outlines can differ from the usual ones."
        )
    needed = require_room(model, volume.values.shape)
    patch = (preparation.patch_slices, preparation.pixels, preparation.pixels)
    make_ready()
    device = choose_device(apple=True)
    slices = volume.values.shape[1]
    count = passes(slices, preparation.patch_slices, stride, model.folds)
    seconds = count * seconds_a_patch(
        model.digest, next(iter(model.networks(device))), volume.values.shape[0], patch
    )
    told = with_estimate(
        needed, lambda done, words: progress(done, f"outlines, {words}"), seconds=seconds
    )
    told(0.0, "before they begin")
    ran: list[str] = []  # what computed each fold, in words
    troubles: list[str] = []
    began = time.perf_counter()
    probabilities = mean_volume(
        model.networks(device),
        model.folds,
        volume.values,
        patch,
        (stride, preparation.pixels, preparation.pixels),
        numbers="quick",
        backend="auto",
        for_one=needed,  # more than a patch takes: rather too few at once than too many
        tell=troubles.append,
        computing=ran.append,
        progress=told,
    )
    found.outlined_by = ", then ".join(dict.fromkeys(ran))
    found.warn(*troubles)
    if not troubles:
        took = (time.perf_counter() - began) / count
        keep_pace(model.digest, Pace(this_machine(), found.outlined_by, took, needed))
    found.lap("network: outlines")
    classes = tumour_volume.classes_on(Grid.of(found.study.pet), probabilities, volume.grid)
    found.delineation = f"{job.delineation.in_words()} {name}"
    found.delineation_trained_on = card.training.words
    found.models[name] = model.digest
    found.lap("outlines to the patient's grid")
    return classes


def memory_needed(model: Model, shape: tuple[int, ...]) -> int:
    """Bytes that the networks of method 3 take for a volume of ``shape`` (channel, z, y, x)."""
    from HNCLogic.inference.backends import choose_backend
    from HNCLogic.inference.memory import needed_bytes
    from HNCLogic.methods.tumour_volume import Preparation
    from HNCLogic.networks.registry import check_arguments

    card, preparation = model.card, model.preparation(Preparation)
    arguments = check_arguments(card.network.name, card.network.arguments)
    patch = (preparation.patch_slices, preparation.pixels, preparation.pixels)
    largest = max((model.weights_folder / each.file).stat().st_size for each in card.weights)
    # Files are of half precision or full, memory of full; only attention-unet has widths.
    return needed_bytes(
        shape[1:],
        shape[0],
        len(card.classes),
        patch,
        arguments["widths"][0],
        2 * largest,
        choose_backend("auto", "quick").at_once,
    )


def require_room(model: Model, shape: tuple[int, ...]) -> int:
    """``memory_needed``. Raises InputError where this machine has less to give now."""
    from HNCLogic.inference import memory

    needed = memory_needed(model, shape)
    memory.require_memory(needed, memory.free_bytes())
    return needed


def _by_slices(job: Job, found: Findings, model: Model, progress: Progress) -> sitk.Image | None:
    from HNCLogic.inference.device import choose_device, make_ready, quick_numbers
    from HNCLogic.inference.slices import mean_slices
    from HNCLogic.methods import slice_tumour

    card, preparation = model.card, model.preparation(slice_tumour.Preparation)
    roles = [source.role for source in card.inputs]
    optional = [source.role for source in card.inputs if not source.required]
    absent = slice_tumour.missing_roles(roles, found.study)
    needed = [role for role in absent if role not in optional]
    if needed and job.task == "analyze":
        found.warn(
            f"No outlines: the model {card.title} needs {' and '.join(needed)}, which "
            f"{why_absent(job, needed)}. "
            "A threshold needs none: --delineation fixed, percent or adaptive."
        )
        return None
    refuse_left_out(job, found, needed)
    stack = slice_tumour.prepare(
        found.study, found.pet_region or found.region, preparation, roles, optional
    )
    if absent:
        rest = " and ".join(role for role in roles if role not in absent)
        found.warn(
            f"The model {card.title} outlined the lesions without {' and '.join(absent)}, from the "
            f"{rest} alone."
        )
    found.warn(*stack.warnings)
    found.pet_region = stack.region
    for role in set(roles) - set(absent) - {"PET"}:
        _warn_of_missing(found, stack.region, role)
    found.lap("preparing for the outlines")
    make_ready()
    device = choose_device()
    probability = mean_slices(
        model.networks(device),
        model.folds,
        lambda fold: slice_tumour.scaled(stack.values, preparation.ranges[fold]),
        progress=lambda done, words: progress(done, f"outlines, {words}"),
    )
    found.lap("network: outlines")
    classes = slice_tumour.tumour_on(
        Grid.of(found.study.pet), probability, stack.grid, card.threshold.value
    )
    found.delineation = f"{job.delineation.in_words()} {card.title}"
    found.delineation_trained_on = card.training.words
    found.models[card.title] = model.digest
    found.outlined_by = f"torch in {quick_numbers(device)}"
    found.lap("outlines to the patient's grid")
    return classes


def _warn_of_missing(found: Findings, region: Region, role: str) -> None:
    """Where the anatomical image ends before the region does, the network sees air in its place."""
    from HNCLogic.images.region import not_shown_mm

    image = found.study.image(role)
    if image is None:
        return
    lacking = not_shown_mm(image, region)
    length = region.superior_mm - region.inferior_mm
    if lacking >= MISSING_MM:
        found.warn(
            f"{lacking:.0f} of the {length:.0f} mm in which lesions were outlined have no {role}: "
            "the outlines there rest on the PET alone."
        )


def _by_threshold(job: Job, found: Findings) -> tuple[sitk.Image, str]:
    """The outlines, and what is to be said of whatever was outlined."""
    from HNCLogic.images.neck import brain_mask
    from HNCLogic.images.region import region_mask
    from HNCLogic.lesions.thresholds import delineate

    pet = found.study.pet
    region = found.pet_region or found.region
    exclude = brain_mask(pet, region) if job.delineation.exclude_brain else None
    within = None if job.delineation.seeds else region_mask(pet, region)
    classes = delineate(pet, job.delineation, within=within, exclude=exclude)
    found.delineation = job.delineation.in_words()
    found.lap("outlines by threshold")
    if job.delineation.seeds:
        return classes, ""
    brain = ", the brain left out." if exclude is not None else "."
    return classes, (
        "A threshold cannot tell tumour from physiological uptake: every hot spot of the region "
        f"was outlined{brain}"
    )
