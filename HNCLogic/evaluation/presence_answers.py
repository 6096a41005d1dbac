"""What a model of method 1 says of each scan of a cohort, by the very code that answers a user."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from HNCLogic.errors import InputError
from HNCLogic.evaluation.each_scan import each_scan
from HNCLogic.evaluation.heatmaps import Fidelity, fidelity
from HNCLogic.evaluation.reader import reader_score
from HNCLogic.images.grid import Grid
from HNCLogic.inference.aggregation import aggregate
from HNCLogic.job import MR_ROLES, Aggregation, Job, Presence
from HNCLogic.progress import Progress

if TYPE_CHECKING:
    from HNCLogic.models.folder import Model
    from HNCLogic.steps import Findings
    from HNCLogic.training.cohort import Cohort, Scan


@dataclass(frozen=True)
class Asked:
    """A scan of the cohort and what is known of it."""

    scan: Scan
    label: bool
    reader: int | None  # a reader's score, 1 to 5
    images: dict[str, Path]  # those the model looks at, by role


@dataclass(frozen=True)
class Answer:
    """``presence`` is what a user gets; ``windows`` (fold, window) what it is made of."""

    asked: Asked
    presence: Presence
    windows: np.ndarray
    warnings: list[str]
    heat: Fidelity | None = None

    @property
    def value(self) -> float:
        """What ranks the scan: the probability; where windows vote, their mean."""
        found = self.presence.probability
        return float(self.windows.mean()) if found is None else found

    @property
    def positive(self) -> bool:
        return self.presence.verdict == "positive"

    def aggregated(self, how: Aggregation) -> tuple[float | None, bool]:
        """Probability (None of a majority) and verdict with windows aggregated in this way."""
        return aggregate(self.windows.mean(axis=0), how, self.presence.threshold)


def asked_of(cohort: Cohort, model: Model, *, with_labels: bool = True) -> list[Asked]:
    """The scans with what ``model`` needs of each, all checked before anything is computed.

    Raises InputError, with the entry of the table, where an image or a label is missing.
    """
    found = []
    for number, scan in enumerate(cohort.scans, start=1):
        where = f"{cohort.path}, entry {number}"
        label = _label(scan, where) if with_labels else bool(scan.label)
        found.append(
            Asked(scan, label, reader_score(scan.facts, where), _images(scan, model, where))
        )
    return found


def _label(scan: Scan, where: str) -> bool:
    """What the table says; where it says nothing, whether anything is marked."""
    if scan.label is not None:
        return scan.label
    if scan.mask is None:
        raise InputError(
            f"{where}: neither label nor mask says whether there is cancer: fill in column 'label'"
        )
    from HNCLogic.images.read import read_mask

    return bool(sitk.GetArrayFromImage(read_mask(scan.mask)).any())


def _images(scan: Scan, model: Model, where: str) -> dict[str, Path]:
    """The images of the roles that the model takes, under the names a Job knows."""
    given: dict[str, Path] = {}
    missing = []
    for source in model.card.inputs:
        fitting = (*MR_ROLES, "MR") if source.role == "MR" else (source.role,)
        own = {role: path for role, path in scan.images.items() if role in fitting}
        given |= {"T1" if role == "MR" else role: path for role, path in own.items()}
        if source.required and not own:
            missing.append(source.role)
    if missing or not given:
        roles = missing or [source.role for source in model.card.inputs]
        raise InputError(
            f"{where}: the model {model.card.title} needs {' and '.join(roles)}, and the table "
            "gives none: fill in the column, or evaluate a model that works without"
        )
    return given


def ask(
    asked: Asked,
    model: Model,
    *,
    heatmaps: bool = False,
    progress: Progress = lambda share, words: None,
) -> Answer:
    """The model's answer to one scan; with ``heatmaps`` its Grad-CAM against the scan's mask.

    Only the images of the model's roles are read, as in training. Raises InputError where the
    images or the mask cannot be used.
    """
    from HNCLogic import verdict

    job, found = _read(asked, model, heatmaps)
    verdict.presence_and_heat(job, found, model, heatmaps, progress)
    windows = np.array([window.folds for window in found.presence.windows]).T
    heat = _fidelity(asked, found) if heatmaps else None
    return Answer(asked, found.presence, windows, list(found.warnings), heat)


def _read(asked: Asked, model: Model, heatmaps: bool) -> tuple[Job, Findings]:
    from HNCLogic import steps

    job = Job(
        task="explain" if heatmaps else "classify",
        images=asked.images,
        out=Path("unused"),
        presence_model=str(model.folder),
    )
    steps.require_sense(job)
    return job, steps.read(job)


def _fidelity(asked: Asked, found: Findings) -> Fidelity:
    from HNCLogic.images.read import read_mask

    mask = None
    if asked.scan.mask is not None:
        mask = read_mask(asked.scan.mask, Grid.of(found.heatmap), resample=True)
    return fidelity(found.heatmap, found.region, mask)


def ask_all(
    asked: list[Asked],
    model_for: Callable[[int], Model],
    path: Path,
    *,
    heatmaps: bool = False,
    progress: Progress = lambda share, words: None,
) -> list[Answer]:
    """Each scan in turn, by the model ``model_for`` names for its place in the list.

    Raises InputError with the entry of the table at ``path``.
    """

    def answer(place: int, one: Asked, tell: Progress) -> Answer:
        return ask(one, model_for(place), heatmaps=heatmaps, progress=tell)

    return each_scan(asked, path, progress, answer)


def one_fold(model: Model, fold: int) -> Model:
    """The model with the network of ``fold`` (1, 2, …) alone, at that fold's own threshold."""
    from dataclasses import replace

    card = model.card
    threshold = card.threshold
    if threshold is not None and threshold.per_fold:
        own = {"value": threshold.per_fold[fold - 1], "per_fold": []}
        threshold = threshold.model_copy(update=own)
    alone = {"weights": [card.weights[fold - 1]], "threshold": threshold}
    return replace(model, card=card.model_copy(update=alone))


def randomised_steps(asked: Asked, model: Model, seed: int, progress: Callable[[float], None]):
    """What is left of the scan's heat map when weights are drawn anew (``randomised.cascade``)."""
    from HNCLogic.evaluation.randomised import cascade
    from HNCLogic.inference.device import choose_device
    from HNCLogic.methods import presence

    _, found = _read(asked, model, True)
    preparation = model.preparation(presence.Preparation)
    roles = [source.role for source in model.card.inputs]
    optional = [source.role for source in model.card.inputs if not source.required]
    stack = presence.prepare(found.study, found.region, preparation, roles, optional)
    device = choose_device()
    return cascade(
        lambda: model.networks(device), model.folds, stack.values, preparation.window,
        preparation.stride, seed=seed, progress=progress,
    )  # fmt: skip
