"""What each method says of one simulated patient: thresholds, the simulated reader, models."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from HNCLogic.benchmark.predictions import THRESHOLD, Predictions
from HNCLogic.benchmark.scores import Counts, counts
from HNCLogic.job import Delineation, Job
from HNCLogic.phantom.cohort_plan import Cohort, Planned

if TYPE_CHECKING:
    from HNCLogic.phantom.honesty import Facts
    from HNCLogic.phantom.patient import SimulatedPatient

READER = "simulated reader"
# In the head and neck, the brain left out, with no hint where the tumour is.
MASKS = {
    "fixed SUV 2.5": Delineation(method="fixed", fixed_suv=2.5),
    "fixed SUV 4": Delineation(method="fixed", fixed_suv=4.0),
    "41 % of SUVmax": Delineation(method="percent", percent=41),
    "adaptive": Delineation(method="adaptive"),
}
TOLD = "adaptive, told where"


@dataclass
class Said:
    """Of one patient: verdicts by method (value to rank by, positive or not), and voxel counts by
    method and target; thresholds know no primary from a node and have the union only."""

    name: str
    positive: bool
    match: int
    facts: Facts
    verdicts: dict[str, tuple[float, bool]] = field(default_factory=dict)
    outlines: dict[str, dict[str, Counts]] = field(default_factory=dict)


def judge(
    planned: Planned, cohort: Cohort, models: tuple[str, ...], others: Predictions | None
) -> Said:
    """Simulate the patient and ask every method. Raises InputError for a model or a mask that
    does not fit."""
    from HNCLogic.phantom.honesty import facts_of
    from HNCLogic.phantom.patient_files import make_patient, read_patient
    from HNCLogic.phantom.reader_score import YES_FROM

    patient = make_patient(planned, cohort)
    said = Said(planned.name, planned.positive, planned.match, facts_of(patient))
    truth = sitk.GetArrayViewFromImage(patient.truth)
    outlines, score = read_patient(patient)
    said.verdicts[READER] = (float(score), score >= YES_FROM)
    if planned.positive:
        said.outlines[READER] = counts(sitk.GetArrayViewFromImage(outlines), truth)
        for name, outlined in _by_thresholds(patient).items():
            said.outlines[name] = {"union": counts(outlined, truth)["union"]}
        said.outlines[TOLD] = {"union": said.facts.overlap["adaptive"]}
    for name in models:
        _ask(name, patient, truth, said)
    if others is not None:
        _compare(others, planned.name, patient, truth, said)
    return said


def _by_thresholds(patient: SimulatedPatient) -> dict[str, np.ndarray]:
    """Outlines (z, y, x) on the PET's grid by each of ``MASKS``, as ``hnc segment`` gives them."""
    from HNCLogic.images.neck import brain_mask
    from HNCLogic.images.region import head_and_neck, region_mask
    from HNCLogic.images.study import Study
    from HNCLogic.lesions.components import separate
    from HNCLogic.lesions.thresholds import delineate

    pet, study = patient.pet, Study(dict(patient.images))
    region = head_and_neck(study)[0]
    within, brain = region_mask(pet, region), brain_mask(pet, region)
    found = {}
    for name, way in MASKS.items():
        classes = delineate(pet, way, within=within, exclude=brain)
        found[name] = sitk.GetArrayFromImage(separate(classes, way.minimum_ml)[0])
    return found


def _outlined(patient: SimulatedPatient, model: str) -> np.ndarray:
    """A model's classes (z, y, x) on the PET's grid: 1 primary, 2 node."""
    from HNCLogic import outlines, steps
    from HNCLogic.images.region import head_and_neck
    from HNCLogic.images.study import Study

    study = Study(dict(patient.images))
    found = steps.Findings(study, head_and_neck(study)[0])
    job = Job(task="segment", images={}, out=Path("unused"), volume_model=model)
    outlines.lesions(job, found, _opened(model), lambda share, words: None)
    labels = sitk.GetArrayViewFromImage(found.labels)
    classes = np.zeros(int(labels.max()) + 1, np.uint8)
    for one in found.lesions:
        classes[one.label] = 1 if one.kind == "primary" else 2
    return classes[labels]


def _ask(name: str, patient: SimulatedPatient, truth: np.ndarray, said: Said) -> None:
    """One of our own models: its verdict, or its outlines."""
    from HNCLogic import steps, verdict
    from HNCLogic.images.region import study_region
    from HNCLogic.images.study import Study

    model = _opened(name)
    if model.card.method != "presence":
        classes = _outlined(patient, name)
        said.outlines[name] = counts(classes, truth)
        return
    study = Study(dict(patient.images))
    found = steps.Findings(study, study_region(study)[0])
    job = Job(task="classify", images={}, out=Path("unused"), presence_model=name)
    verdict.presence_and_heat(job, found, model, False, lambda share, words: None)
    answer = found.presence
    votes = np.mean([window.probability for window in answer.windows])
    value = votes if answer.probability is None else answer.probability
    said.verdicts[name] = (float(value), answer.verdict == "positive")


@lru_cache(maxsize=4)
def _opened(name: str):
    from HNCLogic.models.store import find_model

    return find_model(name)


def _compare(
    others: Predictions, name: str, patient: SimulatedPatient, truth: np.ndarray, said: Said
) -> None:
    """What was predicted elsewhere."""
    from HNCLogic.images.grid import Grid
    from HNCLogic.images.read import read_mask

    if name in others.probabilities:
        value = others.probabilities[name]
        said.verdicts[others.name] = (value, value >= THRESHOLD)
    if name in others.masks:
        mask = read_mask(others.masks[name], Grid.of(patient.pet), resample=True)
        said.outlines[others.name] = counts(sitk.GetArrayViewFromImage(mask), truth)
