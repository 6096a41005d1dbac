"""Method 5's parts of an evaluation: Tables 4 and 5, Figs. 4 and 5 of Wang et al. 2022, heat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from HNCLogic.evaluation import classification_plots as plots
from HNCLogic.evaluation import classification_tables as tables
from HNCLogic.evaluation.each_scan import noted
from HNCLogic.evaluation.extension_answers import Answer, ask_all, plain_of
from HNCLogic.evaluation.extension_scores import (
    Judged,
    by_figure,
    judged,
    judged_out_of_fold,
    paired_accuracy,
    spread,
)
from HNCLogic.evaluation.folds import FIGURES
from HNCLogic.evaluation.heatmaps import fidelity_figures
from HNCLogic.evaluation.page import Chapter, Evaluation, Figure
from HNCLogic.evaluation.presence_answers import asked_of
from HNCLogic.evaluation.reader import auc_difference
from HNCLogic.evaluation.roc import Area, roc_curve
from HNCLogic.evaluation.run_folder import out_of_fold, refuse_other_labels, without_set_apart
from HNCLogic.evaluation.tables import Table, p_text

if TYPE_CHECKING:
    from HNCLogic.evaluation.run_folder import TrainingRun
    from HNCLogic.models.folder import Model
    from HNCLogic.progress import Progress
    from HNCLogic.training.cohort import Cohort

TWO_STEP, PLAIN = "GMGENet", "DenseNet"
SURE = 0.05  # the paper's level of significance


def extension(
    evaluation: Evaluation,
    model: Model,
    cohort: Cohort,
    run: TrainingRun | None,
    trained: TrainingRun | None,
    progress: Progress,
) -> list[dict[str, Any]]:
    """Add the chapters to ``evaluation``; gives the rows of ``scans.csv``.

    ``run``: the one whose own cohort this is, judged by fold; ``trained``: the one the model is
    of, whose plain networks are compared with.
    """
    folds = None
    if run is not None:
        cohort = without_set_apart(run, cohort)
        found = out_of_fold(run, cohort)
        folds = {scan.name: int(n) for scan, n in zip(found.scans, found.folds, strict=True)}
    asked = asked_of(cohort, model)
    if run is not None:
        refuse_other_labels(run, cohort, found, [one.label for one in asked])
    plain = plain_of(trained, model)
    answers = ask_all(
        asked, model, plain, cohort, folds, lambda share, words: progress(0.95 * share, words)
    )
    progress(0.95, "tables and figures")
    evaluation.warnings += noted(one.warnings for one in answers)
    if len({one.asked.label for one in answers}) < 2:
        evaluation.warnings.append("All scans have the same label: there is no ROC curve.")
    ways = {TWO_STEP: "two_step"} | ({PLAIN: "plain"} if plain else {})
    if folds is not None:
        models = {name: judged_out_of_fold(answers, which) for name, which in ways.items()}
        words = (
            "Every scan is judged by the fold that was not trained on its patient, at the "
            "threshold that the other folds' scans give. Epochs were chosen on these scans."
        )
    else:
        own = model.card.threshold
        limits = {TWO_STEP: (own.per_fold or [own.value] * model.folds, own.value)}
        if plain:
            limits[PLAIN] = (plain.thresholds, float(np.mean(plain.thresholds)))
        models = {name: judged(answers, which, *limits[name]) for name, which in ways.items()}
        words = "Each fold's network at its own threshold; the verdict is that of their mean."
    evaluation.chapters += [verdicts(models, words), heat(answers)]
    first = models[TWO_STEP]
    return [_row(one, value) for one, value in zip(answers, first.values, strict=True)]


def verdicts(models: Mapping[str, Judged], words: str) -> Chapter:
    """Tables 4 and 5 and Figs. 4 and 5."""
    chapter = Chapter("extension", "Extracapsular extension", words)
    first = models[TWO_STEP]
    by_model = {name: by_figure(found.each) for name, found in models.items()}
    chapter.tables.append(_table_4(by_model))
    chapter.figures = {
        "scans": len(first.labels), "positive": int(first.labels.sum()),
        "models": {
            name: {
                "verdicts": found.verdicts,
                "auc": found.auc,
                "over_folds": {figure: spread(v) for figure, v in by_model[name].items()},
                "folds": [{"fold": f.fold, "auc": f.auc, "verdicts": f.rates} for f in found.each],
            }
            for name, found in models.items()
        },
    }  # fmt: skip
    if PLAIN in models:
        pair = paired_accuracy(first, models[PLAIN])
        chapter.tables.append(_table_5(pair))
        chapter.figures["accuracy_two_step_less_plain"] = pair
        chapter.figures["auc_two_step_less_plain"] = None
        found = auc_difference(first.labels, first.values, models[PLAIN].values, first.patients)
        if found is not None:
            difference, p = found
            chapter.figures["auc_two_step_less_plain"] = {"difference": difference, "p": p}
            chapter.tables.append(_auc_table(models, difference, p))
    chapter.tables.append(tables.verdicts([(name, m.verdicts) for name, m in models.items()]))
    if len(first.each) > 1:
        chapter.pictures.append(
            Figure(
                "extension-folds",
                "Test figures of the folds by model, as Fig. 4 of Wang et al. 2022.",
                plots.boxes_by_model(by_model),
            )
        )
    if first.auc is not None:
        curves = [(n, roc_curve(m.labels, m.values), m.auc) for n, m in models.items()]
        chapter.pictures.append(
            Figure(
                "extension-roc",
                "ROC curves of the models, as Fig. 5 of Wang et al. 2022.",
                plots.roc_of_several(curves),
            )
        )
    return chapter


def _table_4(by_model: Mapping[str, Mapping[str, np.ndarray]]) -> Table:
    rows = []
    for figure in (FIGURES[0], FIGURES[3], FIGURES[1], FIGURES[2]):  # in the paper's order
        row = [figure if figure == "AUC" else figure.capitalize()]
        for found in by_model.values():
            one = spread(found[figure])
            of = f"({one.deviation:.3f})" if np.isfinite(one.deviation) else ""
            row.append(f"{one.mean:.3f} {of}".strip() if np.isfinite(one.mean) else None)
        rows.append(row)
    return Table(
        "Mean (standard deviation) over the folds",
        ["", *by_model],
        rows,
        "As Table 4 of Wang et al. 2022.",
    )


def _table_5(pair) -> Table:
    sign = "–" if pair.p is None else "+" if pair.p < SURE else "−"
    return Table(
        "Paired t-test of accuracy over the folds",
        ["", "Difference", "p", f"Other at {SURE:g}"],
        [[f"{TWO_STEP} less {PLAIN}", pair.difference, p_text(pair.p), sign]],
        "As Table 5 of Wang et al. 2022: + another accuracy, − not shown to be another, – no test "
        "can be made. Folds share training patients, so that p is too small (Dietterich 1998).",
    )


def _auc_table(models: Mapping[str, Judged], difference: Area, p: float) -> Table:
    rows = [[name, tables.area_text(found.auc, 3), None] for name, found in models.items()]
    rows.append([f"{TWO_STEP} less {PLAIN}", tables.area_text(difference, 3), p_text(p)])
    return Table(
        "AUC of all scans as one",
        ["", "AUC (95 %)", "p"],
        rows,
        f"Intervals: {tables.BOOTSTRAP}; of the difference with both models on the same patients.",
    )


def heat(answers: Sequence[Answer]) -> Chapter:
    """Where the extractor points, against contoured nodes."""
    chapter = Chapter(
        "heatmaps",
        "Heat map against contoured nodes",
        "Grad-CAM of the extractor for extension, in patients with it, on the voxels that it sees.",
    )
    of = [one for one in answers if one.asked.label]
    found = fidelity_figures([one.heat for one in of], [one.asked.scan.patient for one in of])
    chapter.figures["fidelity"] = found
    if found is None:
        chapter.words += " No scan with extension has contoured nodes: nothing to compare with."
    else:
        chapter.tables.append(tables.heat_fidelity(found))
    return chapter


def _row(one: Answer, value: float) -> dict[str, Any]:
    """Of ``scans.csv``."""
    row = {"patient": one.asked.scan.patient, "scan": one.asked.scan.scan}
    row |= {"label": int(one.asked.label), "probability": repr(float(value))}
    if one.plain:
        row["plain_probability"] = repr(float(np.mean(list(one.plain.values()))))
    energy = one.heat.energy_inside
    row["heat_in_nodes"] = "" if energy is None else f"{energy:.4f}"
    return row | ({"fold": next(iter(one.two_step))} if len(one.two_step) == 1 else {})
