"""Method 1's parts of an evaluation: cross-validation, test set, heat maps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

import numpy as np

from HNCLogic.evaluation import classification_plots as plots
from HNCLogic.evaluation import classification_tables as tables
from HNCLogic.evaluation.calibration import calibration
from HNCLogic.evaluation.classification import PREVALENCES, at_prevalence, rates
from HNCLogic.evaluation.folds import Validated, by_fold, over_folds
from HNCLogic.evaluation.heatmaps import fidelity_figures
from HNCLogic.evaluation.page import Chapter, Figure
from HNCLogic.evaluation.presence_answers import Answer
from HNCLogic.evaluation.randomised import Step, destroyed, mean_cascade
from HNCLogic.evaluation.reader import beside
from HNCLogic.evaluation.roc import (
    area,
    auc,
    average_precision,
    precision_recall_curve,
    roc_curve,
)
from HNCLogic.job import Aggregation

COLUMNS = 24  # most scans in a figure of columns


def _ranked(
    chapter: Chapter, labels, values, positive, scores, patients, *, are_probabilities: bool
) -> None:
    """What holds of any list of scans with a value and a verdict: tables, curves, the reader."""
    whole = rates(labels, positive)
    summary = chapter.figures
    found = area(auc, labels, values, patients)
    # Without negatives every precision is 1, which says nothing.
    precision = None if found is None else area(average_precision, labels, values, patients)
    steady = calibration(labels, values, patients) if are_probabilities else None
    chapter.tables += [
        tables.verdicts([("Model", whole)]),
        tables.probabilities(found, precision, steady),
        tables.prevalences(whole),
    ]
    summary |= {
        "scans": len(labels),
        "patients": len(set(patients)),
        "positive": int(np.sum(labels)),
        "verdicts": whole,
        "auc": found,
        "average_precision": precision,
        "calibration": steady,
        "at_prevalence": [
            at_prevalence(whole.sensitivity, whole.specificity, p) for p in PREVALENCES
        ],
    }
    pair = beside(labels, values, positive, scores, patients)
    summary["reader"] = pair
    if pair is not None:
        chapter.tables.append(tables.beside_reader(pair))
    prefix = chapter.name.replace("_", "-")
    if found is not None:
        theirs = None
        if pair is not None and pair.reader_auc is not None:
            seen = [i for i, score in enumerate(scores) if score is not None]
            curve = roc_curve(np.asarray(labels)[seen], [scores[i] for i in seen])
            theirs = (curve, pair.reader_auc)
        place = (1 - whole.specificity.value, whole.sensitivity.value)
        chapter.pictures += [
            Figure(
                f"{prefix}-roc",
                "ROC curve" + (", model and reader." if theirs else "."),
                plots.roc(roc_curve(labels, values), found, place, theirs),
            ),
            Figure(
                f"{prefix}-precision-recall",
                "Precision-recall curve.",
                plots.precision_recall(
                    precision_recall_curve(labels, values), precision, float(np.mean(labels))
                ),
            ),
        ]
    if steady is not None:
        chapter.pictures.append(
            Figure(f"{prefix}-calibration", "Calibration curve.", plots.calibration_curve(steady))
        )


def cross_validation(
    patients: Sequence[str],
    labels: np.ndarray,
    probabilities: np.ndarray,
    folds: np.ndarray,
    thresholds: np.ndarray,
    nested: np.ndarray,
    scores: Sequence[int | None],
) -> Chapter:
    """Tables 5 and 6 and Fig. 2 of patients that each fold was not trained on; all (scan,).

    ``thresholds``: each scan's fold's own, chosen on the very scans (the paper's way);
    ``nested``: chosen on the other folds.
    """
    ways = {
        "each fold's own, as in the paper": ("own_thresholds", probabilities >= thresholds),
        "of the other folds": ("nested_thresholds", probabilities >= nested),
    }
    chapter = Chapter(
        "cross_validation",
        "Cross-validation",
        "Every scan is judged by the network that was not trained on its patient. Epochs were "
        "chosen on these scans. Where thresholds were too, as in the paper, verdicts look better "
        "than they are; beside them stand those with thresholds chosen on the other folds.",
    )
    rows = []
    for words, (name, positive) in ways.items():
        scans = Validated(patients, labels, probabilities, positive, folds)
        summary = over_folds(scans)
        rows.append((words, summary))
        each = by_fold(scans)
        chapter.figures[name] = {
            "mean": summary.mean,
            "median": summary.median,
            "folds": [{"fold": f.fold, "auc": f.auc, "verdicts": f.rates} for f in each],
        }
        chapter.tables.append(tables.confusion_by_fold(each, f", thresholds {words}"))
    chapter.tables.insert(0, tables.mean_and_median(rows))
    if any(one.auc is not None for one in each):
        chapter.pictures.append(
            Figure(
                "cross-validation-roc-by-fold",
                "ROC curves of the folds, as Fig. 2 of Liedes et al. 2025.",
                plots.roc_by_fold(labels, probabilities, folds),
            )
        )
    _ranked(
        chapter, labels, probabilities, probabilities >= nested, scores, patients,
        are_probabilities=True,
    )  # fmt: skip
    return chapter


def test_set(answers: Sequence[Answer]) -> Chapter:
    """Table 7 and what stands beside it, of scans the model was not trained on."""
    labels = np.array([one.asked.label for one in answers], bool)
    values = np.array([one.value for one in answers])
    positive = np.array([one.positive for one in answers], bool)
    patients = [one.asked.scan.patient for one in answers]
    scores = [one.asked.reader for one in answers]
    own = answers[0].presence
    votes = own.probability is None
    chapter = Chapter(
        "test",
        "Verdicts",
        f"The ensemble's verdict at its own threshold, {own.threshold:.3f}, windows aggregated by "
        f"{own.aggregation}."
        + (
            " A vote gives no probability: scans are ranked by their windows' mean."
            if votes
            else ""
        ),
    )
    _ranked(chapter, labels, values, positive, scores, patients, are_probabilities=not votes)
    rows, ways = [], {}
    for how in get_args(Aggregation):
        told = [one.aggregated(how) for one in answers]
        said = rates(labels, [yes for _, yes in told])
        ranked = None
        if how != "majority":
            ranked = area(auc, labels, [value for value, _ in told], patients)
        rows.append((how, said, ranked))
        ways[how] = {"verdicts": said, "auc": ranked}
    chapter.figures["aggregations"] = ways
    reader = None
    pair = chapter.figures["reader"]
    if pair is not None and pair.scans == len(answers):
        reader = (pair.reader, pair.reader_auc)
    chapter.tables.insert(0, tables.aggregations(rows, reader))
    networks = _networks(answers, labels, patients)
    if networks:
        each = by_fold(networks)
        chapter.tables += [
            tables.by_network(each),
            tables.confusion_by_fold(each, " of the ensemble, each network alone"),
        ]
        chapter.figures["networks"] = [
            {"fold": f.fold, "auc": f.auc, "verdicts": f.rates} for f in each
        ]
        if any(one.auc is not None for one in each):
            chapter.pictures.append(
                Figure(
                    "test-roc-by-network",
                    "ROC curves of the ensemble's networks, each alone.",
                    plots.roc_by_fold(networks.labels, networks.probabilities, networks.folds),
                )
            )
    return chapter


def _networks(answers: Sequence[Answer], labels, patients) -> Validated | None:
    """Each network alone as if it were a fold of all scans; None of one network."""
    first = answers[0].presence
    if len(first.folds) < 2:
        return None
    each = [(one, fold) for one in answers for fold in one.presence.folds]
    count = len(first.folds)
    return Validated(
        np.repeat(patients, count).tolist(),
        np.repeat(labels, count),
        np.array([fold.probability for _, fold in each]),
        np.array(
            [
                fold.probability
                >= (one.presence.threshold if fold.threshold is None else fold.threshold)
                for one, fold in each
            ],
            bool,
        ),
        np.array([fold.fold for _, fold in each]),
    )


def heat_maps(answers: Sequence[Answer], cascades: Sequence[tuple[str, Sequence[Step]]]) -> Chapter:
    """Fig. 5 and its numbers; ``cascades``: patient and steps of the scans of the sanity check."""
    chapter = Chapter(
        "heatmaps",
        "Heat maps",
        "Where the networks looked (Grad-CAM of the last stage), against what is annotated.",
    )
    figures = fidelity_figures(
        [one.heat for one in answers], [one.asked.scan.patient for one in answers]
    )
    chapter.figures["fidelity"] = figures
    if figures is not None:
        chapter.tables.append(tables.heat_fidelity(figures))
    else:
        chapter.words += " No scan has an annotation, so there is nothing to compare with."
    called = [one for one in answers if one.positive and one.heat.slices]
    right, wrong = ([o for o in called if o.asked.label == sick] for sick in (True, False))
    # Of many scans: as many false positives as there are, up to a third.
    fewer = wrong[: max(COLUMNS // 3, COLUMNS - len(right))]
    shown = [*right[: COLUMNS - len(fewer)], *fewer]
    if shown:
        left = len(called) - len(shown)
        chapter.pictures.append(
            Figure(
                "heatmaps-by-slice",
                f"Slices of {len(shown)} scans called positive, feet to head: left annotated "
                "(white), right the slice's largest heat; as Fig. 5 of Liedes et al. 2025. "
                "Names in red: no cancer."
                + (f" {left} further ones are not shown." if left else ""),
                plots.heat_columns(
                    [(str(n), o.asked.label, o.heat.slices) for n, o in enumerate(shown, 1)]
                ),
            )
        )
    chapter.figures["sanity_check"] = None
    if cascades:
        steps = mean_cascade([each for _, each in cascades], [patient for patient, _ in cascades])
        gone = destroyed(steps)
        chapter.tables.append(tables.sanity(steps, len(cascades)))
        chapter.figures["sanity_check"] = {
            "scans": len(cascades),
            "destroyed": gone,
            "steps": steps,
        }
        chapter.words += (
            " The sanity check is passed: with random weights the map is lost."
            if gone
            else " The sanity check is FAILED: with random weights much of the map stays, so it "
            "shows the image more than what the network has learned."
        )
        chapter.pictures.append(
            Figure(
                "heatmaps-sanity-check",
                "The heat map under weights drawn anew, stage by stage: Spearman's correlation "
                "with the trained network's (Adebayo et al. 2018).",
                plots.cascade(steps),
            )
        )
    return chapter
