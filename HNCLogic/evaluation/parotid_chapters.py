"""Method 4's parts of an evaluation: Tables II to IV and Fig. 4 of Liu et al. 2022, the reader."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from HNCLogic.evaluation import classification_plots as plots
from HNCLogic.evaluation.classification_tables import (
    BOOTSTRAP,
    WILSON,
    area_text,
    beside_reader,
    share_text,
)
from HNCLogic.evaluation.each_scan import noted
from HNCLogic.evaluation.page import Chapter, Evaluation, Figure
from HNCLogic.evaluation.parotid_answers import Answer, ask_all, way_name
from HNCLogic.evaluation.parotid_scores import (
    Compared,
    Scored,
    compared,
    scored,
    sequences,
    slices,
)
from HNCLogic.evaluation.presence_answers import asked_of
from HNCLogic.evaluation.reader import YES_FROM, Beside, beside
from HNCLogic.evaluation.roc import roc_curve
from HNCLogic.evaluation.tables import Table, p_text
from HNCLogic.methods.parotid import SUBTYPES

if TYPE_CHECKING:
    from HNCLogic.models.folder import Model
    from HNCLogic.progress import Progress
    from HNCLogic.training.cohort import Cohort

COLUMNS = ("Accuracy", "ROC-AUC", "Sensitivity", "Specificity")
INTERVALS = f"{WILSON}, of slices by patients drawn again; of the AUC: {BOOTSTRAP}."
NAMES = {
    "early": "Early-fusion", "late-add": "Late-fusion, addition",
    "late-splice": "Late-fusion, splicing",
    "early-late-add": "(Early + late)-fusion, addition",
    "early-late-splice": "(Early + late)-fusion, splicing",
}  # fmt: skip


def parotid(
    evaluation: Evaluation,
    model: Model,
    beside_it: Sequence[Model],
    cohort: Cohort,
    folds: Mapping[str, int] | None,
    progress: Progress,
) -> list[dict[str, Any]]:
    """Add the chapters to ``evaluation``; gives the rows of ``scans.csv``.

    ``beside_it``: models that were trained beside ``model``, on the same folds; ``folds``: by
    scan's name the fold that judges it, None for all of them.
    """
    models = {way_name(each): each for each in [model, *beside_it]}
    asked = asked_of(cohort, model)
    answers = ask_all(
        asked, models, cohort, folds, lambda share, words: progress(0.95 * share, words)
    )
    progress(0.95, "tables and figures")
    evaluation.warnings += noted(one.warnings for one in answers)
    if len({one.asked.label for one in answers}) < 2:
        evaluation.warnings.append("All tumours are of one kind: there is no ROC curve.")
    evaluation.chapters.append(malignancy(answers, models))
    if len(model.card.classes) == len(SUBTYPES):
        evaluation.chapters.append(subtypes(answers, models))
    return [_row(one, model, None if folds is None else folds[one.asked.scan.name])
            for one in answers]  # fmt: skip


def malignancy(answers: Sequence[Answer], models: Mapping[str, Model]) -> Chapter:
    """Tables II and III, the reader and ROC curves; the first of ``models`` is the model."""
    first = next(iter(models))
    whole = {name: scored(sequences(answers, name)) for name in models}
    alone = {group: scored(slices(answers, group)) for group in answers[0].slices}
    against = {name: compared(answers, first, name) for name in models if name != first}
    chapter = Chapter(
        "malignancy",
        "Benign or malignant",
        "A tumour is called malignant where that is the most probable class, as in the paper.",
    )
    cases = sequences(answers, first)
    pair = beside(
        cases.truth, cases.values, cases.called, [one.asked.reader for one in answers],
        cases.patients,
    )  # fmt: skip
    chapter.tables = [single_and_sequence(alone, whole), fused(whole, against, models, pair)]
    if pair is not None:
        chapter.tables.append(beside_reader(pair))
    chapter.figures = {
        "patients": len(set(cases.patients)), "scans": len(answers),
        "malignant": int(cases.truth.sum()), "model": first, "sequences": whole,
        "slices": alone, "model_less_other": against, "reader": pair,
    }  # fmt: skip
    if whole[first].auc is not None:
        chapter.pictures.append(_rocs(answers, whole, pair))
    return chapter


def _rocs(answers: Sequence[Answer], whole: Mapping[str, Scored], pair: Beside | None) -> Figure:
    curves = []
    for name, found in whole.items():
        cases = sequences(answers, name)
        curves.append((NAMES.get(name, name), roc_curve(cases.truth, cases.values), found.auc))
    theirs = None
    if pair is not None and pair.reader_auc is not None:
        seen = [one for one in answers if one.asked.reader is not None]
        curve = roc_curve([o.asked.label for o in seen], [o.asked.reader for o in seen])
        theirs = (curve, pair.reader_auc)
    return Figure(
        "malignancy-roc",
        "ROC curves of the model and of those beside it"
        + (", and of the reader's five-point score" if theirs else "")
        + "; as Fig. 4 of Liu et al. 2022.",
        plots.roc_of_several(curves, theirs),
    )


def single_and_sequence(alone: Mapping[str, Scored], whole: Mapping[str, Scored]) -> Table:
    """Table II: each sequence as single images and as a sequence of them."""
    rows = []
    for group, found in alone.items():
        rows.append([group, f"single image ({found.of} slices)", *_cells(found)])
        if group in whole:
            rows.append(["", "sequence", *_cells(whole[group])])
    return Table(
        "Single images and single sequences, benign or malignant",
        ["Input", "As", *COLUMNS],
        rows,
        f"As Table II of Liu et al. 2022. {INTERVALS}",
    )


def fused(
    whole: Mapping[str, Scored],
    against: Mapping[str, Compared | None],
    models: Mapping[str, Model],
    pair: Beside | None,
) -> Table:
    """Table III: the ways to fuse, and the reader."""
    rows = []
    for name, found in whole.items():
        roles = " / ".join(source.role for source in models[name].card.inputs)
        less = against.get(name)
        rows.append(
            [
                roles if roles != name else name, NAMES.get(name, "single sequence"),
                *_cells(found),
                None if less is None else f"{area_text(less.difference)}, {p_text(less.p)}",
            ]
        )  # fmt: skip
    if pair is not None:
        theirs = pair.reader
        rows.append(
            [
                "Radiologist", f"{pair.scans} scans, yes from {YES_FROM}",
                share_text(theirs.accuracy), area_text(pair.reader_auc),
                share_text(theirs.sensitivity), share_text(theirs.specificity),
                area_text(pair.difference) + ", " + p_text(pair.p_difference)
                if pair.difference else None,
            ]
        )  # fmt: skip
    return Table(
        "Ways to fuse sequences, benign or malignant",
        ["Input", "Fusion", *COLUMNS, "AUC of the model less this"],
        rows,
        f"As Table III of Liu et al. 2022; the first row is the model. {INTERVALS} Differences: "
        "paired bootstrap of patients.",
    )


def subtypes(answers: Sequence[Answer], models: Mapping[str, Model]) -> Chapter:
    """Table IV: each subtype against all others; scans whose subtype is not told are left out."""
    told = [one for one in answers if one.subtype is not None]
    chapter = Chapter(
        "subtypes",
        "Subtypes",
        "A tumour is called what is most probable; each subtype against all others."
        + ("" if told else " The table tells no subtype, so there is nothing to compare with."),
    )
    if not told:
        return chapter
    rows = []
    figures: dict[str, Any] = {}
    for number, subtype in enumerate(SUBTYPES):
        for name in models:
            cases = sequences(told, name, number)
            found = scored(cases)
            count = f"{int(cases.truth.sum())} of {found.of}"
            rows.append([subtype, NAMES.get(name, name), count, *_cells(found)])
            figures.setdefault(subtype, {})[name] = found
    first = next(iter(models))
    said = np.stack([one.sequences[first] for one in told]).argmax(axis=1)
    truth = [SUBTYPES.index(one.subtype) for one in told]
    table = np.zeros((len(SUBTYPES), len(SUBTYPES)), int)
    np.add.at(table, (truth, said), 1)
    chapter.tables = [
        Table(
            "Subtypes, each against all others",
            ["Subtype", "Input", "Tumours", *COLUMNS],
            rows,
            f"As Table IV of Liu et al. 2022. {INTERVALS}",
        ),
        Table(
            "What the model called each subtype",
            ["Is", *(f"called {name}" for name in SUBTYPES)],
            [[name, *map(int, row)] for name, row in zip(SUBTYPES, table, strict=True)],
        ),
    ]
    chapter.figures = {"one_against_others": figures, "called": table}
    return chapter


def _cells(found: Scored) -> list[str]:
    of = (found.accuracy, found.auc, found.sensitivity, found.specificity)
    return [area_text(one) if one is None or np.isfinite(one.value) else None for one in of]


def _row(one: Answer, model: Model, fold: int | None) -> dict[str, Any]:
    """Of ``scans.csv``."""
    said = one.sequences[way_name(model)]
    row = {"patient": one.asked.scan.patient, "scan": one.asked.scan.scan}
    row |= {"label": int(one.asked.label), "subtype": one.subtype or ""}
    row |= {"called": model.card.classes[int(said.argmax())]}
    row |= {name: repr(float(p)) for name, p in zip(model.card.classes, said, strict=True)}
    return row if fold is None else row | {"fold": fold}
