"""``hnc evaluate``: a model, or a training run, against the truth of a cohort.

A model folder answers every scan of the cohort as it answers a user. Of a training run, scans of
the cohort that it was trained on are judged by the fold that was not trained on them; on any other
cohort it is its model that answers, and no patient and no image of the run may be in it.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from HNCLogic.errors import InputError
from HNCLogic.evaluation.each_scan import noted
from HNCLogic.evaluation.page import Chapter, Evaluation, write
from HNCLogic.evaluation.run_folder import (
    TrainingRun,
    beside_models,
    is_its_cohort,
    is_run,
    open_run,
    out_of_fold,
    refuse_other_labels,
    run_of,
    scan_folds,
)
from HNCLogic.progress import Progress
from HNCLogic.training.cohort import Cohort, read_cohort

if TYPE_CHECKING:
    from HNCLogic.evaluation.presence_answers import Answer
    from HNCLogic.models.folder import Model

SCANS = "scans.csv"  # what was said of each scan


@dataclass(frozen=True)
class Order:
    """What to evaluate, on what, and how far."""

    what: str  # a model's name or folder, or a run's folder
    out: Path
    cohort: Path | None = None  # None: the one that the run was trained on
    heatmaps: bool = False
    sanity_scans: int = 5  # with heat maps: scans on which weights are drawn anew; 0 for none
    about: str | None = None  # the cohort in words
    seed: int = 0
    overwrite: bool = False
    cutoff_ml: float | None = None  # high from low burden; None: the median of this cohort
    own: bool = False  # the cohort is the run's own, though its table has changed


def evaluate(order: Order, progress: Progress = lambda share, words: None) -> dict[str, Any]:
    """Write ``report.html``, ``tables.md``, ``summary.json``, ``scans.csv`` and figures into
    ``order.out``, all or nothing; gives what ``summary.json`` holds (``evaluation.page``).

    Raises InputError for a model, run or cohort that cannot be used, and an ``out`` that cannot be
    written.
    """
    from HNCLogic.models.store import find_model
    from HNCLogic.outputs import whole_or_nothing

    if order.sanity_scans < 0:
        raise InputError("--sanity-scans must be 0 or more")
    run = open_run(Path(order.what)) if is_run(Path(order.what)) else None
    model = find_model(order.what if run is None else run.model)
    cohort, own = _cohort(order, run)
    with whole_or_nothing(order.out, order.overwrite) as folder:
        evaluation = _started(order, model, cohort, run if own else None)
        trained = run or run_of(model.folder)
        _keep_apart(order, evaluation, model, cohort, trained, own, progress)
        method = model.card.method
        if method == "presence":
            rows = _presence(order, evaluation, model, cohort, run if own else None, progress)
        elif method == "tumour-volume":
            from HNCLogic.evaluation.volume_chapters import volume

            folds = scan_folds(run, cohort) if own else None
            rows = volume(evaluation, model, cohort, folds, progress, order.cutoff_ml)
        elif method == "parotid":
            from HNCLogic.evaluation.parotid_chapters import parotid

            folds = scan_folds(run, cohort) if own else None
            beside = [] if trained is None else beside_models(trained)
            rows = parotid(evaluation, model, beside, cohort, folds, progress)
        elif method == "extension":
            from HNCLogic.evaluation.extension_chapters import extension

            rows = extension(evaluation, model, cohort, run if own else None, trained, progress)
        else:
            from HNCLogic.evaluation.slice_chapters import slices

            folds = scan_folds(run, cohort) if own else None
            rows = slices(evaluation, model, cohort, folds, progress, order.seed)
        _write_scans(folder / SCANS, rows)
        summary = write(evaluation, folder)
    progress(1.0, "done")
    return summary


def _cohort(order: Order, run: TrainingRun | None) -> tuple[Cohort, bool]:
    """The cohort, and whether it is the one that the run was trained on."""
    if run is None:
        if order.own:
            raise InputError(
                f"{order.what} is no training run's folder, so --own-cohort says nothing of it"
            )
        if order.cohort is None:
            raise InputError("say which patients to evaluate on: --cohort FILE.csv")
        return read_cohort(order.cohort), False
    if order.cohort is not None:
        return read_cohort(order.cohort), order.own or is_its_cohort(run, order.cohort)
    if not run.cohort.is_file():
        raise InputError(
            f"the cohort that {run.folder} was trained on is no longer at {run.cohort}: say where "
            "it is, with --cohort FILE.csv"
        )
    if not (order.own or is_its_cohort(run, run.cohort)):
        raise InputError(
            f"{run.cohort} has changed since {run.folder} was trained on it: give the table as it "
            "was, with --cohort FILE.csv, or say --own-cohort if the images are the same"
        )
    return read_cohort(run.cohort), True


def _started(order: Order, model: Model, cohort: Cohort, run: TrainingRun | None) -> Evaluation:
    scans, patients = len(cohort.scans), len(cohort.patients)
    words = f"{cohort.path.name}: {scans} scans of {patients} patients"
    about = {
        "Model": f"{model.card.title}, method {model.card.method}, {model.folds} networks",
        "Trained on": model.card.training.words,
        "Evaluated on": words if order.about is None else f"{order.about} ({words})",
        "How": "each scan by the fold that was not trained on its patient"
        if run
        else "each scan by the whole model, as it answers a user",
    }
    found = Evaluation(f"Evaluation of {model.card.title}", about)
    if scans > patients:
        found.warnings.append(
            "Some patients have several scans. Intervals by bootstrap draw patients; Wilson's take "
            "every scan as if it were of another patient, and are too narrow."
        )
    return found


def _keep_apart(
    order: Order,
    evaluation: Evaluation,
    model: Model,
    cohort: Cohort,
    run: TrainingRun | None,
    own: bool,
    progress: Progress,
) -> None:
    """Refuses what the model was trained on, as far as that is known, and says how far it is."""
    from HNCLogic.evaluation import trained_on
    from HNCLogic.evaluation.presence_answers import asked_of

    if run is None:
        if order.about is None:
            evaluation.warnings.append(
                "Whether the model was trained on some of these patients is not known here. If it "
                "was, the figures say nothing."
            )
        return
    if own and is_its_cohort(run, cohort.path):
        return
    asked = asked_of(cohort, model, with_labels=False)
    check = trained_on.refuse_other_images if own else trained_on.refuse_trained_on
    compared = check(
        run, cohort, asked, lambda share, words: progress(0.0, f"images compared, {words}")
    )
    if not compared:
        evaluation.warnings.append(trained_on.NAMES_ALONE)
    elif not own:
        evaluation.about["Apart from training"] = trained_on.APART


def _presence(
    order: Order,
    evaluation: Evaluation,
    model: Model,
    cohort: Cohort,
    run: TrainingRun | None,
    progress: Progress,
) -> list[dict[str, Any]]:
    from HNCLogic.evaluation import presence_answers, presence_chapters

    asked = presence_answers.asked_of(cohort, model)
    labels = [one.label for one in asked]
    if len(set(labels)) < 2:
        evaluation.warnings.append(
            f"All scans are {'with' if labels[0] else 'without'} cancer: there is no ROC curve."
        )
    rows: list[dict[str, Any]] = []
    model_for = {place: model for place in range(len(asked))}
    if run is not None:
        found = out_of_fold(run, cohort)
        refuse_other_labels(run, cohort, found, [one.label for one in asked])
        scores = {one.scan.name: one.reader for one in asked}
        evaluation.chapters.append(
            presence_chapters.cross_validation(
                [scan.patient for scan in found.scans], found.labels, found.probabilities,
                found.folds, found.thresholds, found.nested_thresholds,
                [scores[scan.name] for scan in found.scans],
            )
        )  # fmt: skip
        for scan, *values in zip(
            found.scans, found.labels, found.probabilities, found.nested_thresholds, found.folds,
            strict=True,
        ):  # fmt: skip
            label, probability, threshold, fold = (value.item() for value in values)
            rows.append(_row(scan, label, probability, probability >= threshold, fold))
        if not order.heatmaps:
            return rows
        fold_of = {scan.name: int(n) for scan, n in zip(found.scans, found.folds, strict=True)}
        alone = {n: presence_answers.one_fold(model, n) for n in set(fold_of.values())}
        model_for = {place: alone[fold_of[one.scan.name]] for place, one in enumerate(asked)}
    share = 0.7 if order.heatmaps and order.sanity_scans else 0.95
    answers = presence_answers.ask_all(
        asked, model_for.__getitem__, cohort.path, heatmaps=order.heatmaps,
        progress=lambda done, words: progress(share * done, words),
    )  # fmt: skip
    evaluation.warnings += noted(one.warnings for one in answers)
    if run is None:
        progress(share, "figures")
        evaluation.chapters.append(presence_chapters.test_set(answers))
        rows = [
            _row(o.asked.scan, o.asked.label, o.presence.probability, o.positive) for o in answers
        ]
    if order.heatmaps:
        evaluation.chapters.append(
            _heat_chapter(
                order, answers, model_for, cohort.path,
                lambda done: progress(share + (0.95 - share) * done, "weights drawn anew"),
            )
        )  # fmt: skip
    return rows


def _heat_chapter(order, answers: list[Answer], model_for, path: Path, progress) -> Chapter:
    from HNCLogic.evaluation import presence_answers, presence_chapters

    # True positives first: there the map has most to lose. An empty one has nothing.
    places = sorted(
        (i for i, one in enumerate(answers) if any(s.heat > 0 for s in one.heat.slices)),
        key=lambda i: (not answers[i].asked.label, not answers[i].positive),
    )[: order.sanity_scans]
    cascades = []
    for done, place in enumerate(places):
        asked = answers[place].asked
        steps = presence_answers.randomised_steps(
            asked, model_for[place], order.seed,
            lambda share, done=done: progress((done + share) / len(places)),
        )  # fmt: skip
        cascades.append((asked.scan.patient, steps))
    return presence_chapters.heat_maps(answers, cascades)


def _row(scan, label: bool, probability: float | None, positive: bool, fold: int | None = None):
    row = {"patient": scan.patient, "scan": scan.scan, "label": int(label)}
    row |= {"probability": "" if probability is None else repr(float(probability))}
    row |= {"verdict": int(positive)}
    return row if fold is None else row | {"fold": fold}


def _write_scans(path: Path, rows: list[dict[str, Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
