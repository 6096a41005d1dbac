"""A reader beside the model, on the same scans.

The reader's score goes from 1, definitely no cancer, to 5, definitely cancer; from 3 on it counts
as a yes. Scores are a ROC curve as the model's probabilities are (Liu 2022); verdicts are compared
by McNemar's exact test, areas by a paired bootstrap: both are of the same patients.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from HNCLogic.errors import InputError
from HNCLogic.evaluation.bootstrap import REPEATS
from HNCLogic.evaluation.classification import Rates, rates
from HNCLogic.evaluation.roc import Area, auc, stratified_draws

COLUMN = "reader_score"
SCORES = (1, 2, 3, 4, 5)
YES_FROM = 3


@dataclass(frozen=True)
class Paired:
    """Verdicts of two on the same scans, by who is right."""

    both_right: int
    only_model: int
    only_reader: int
    both_wrong: int
    p: float  # McNemar's exact test, two-sided


@dataclass(frozen=True)
class Beside:
    """Model and reader on the scans that the reader has scored."""

    scans: int
    model: Rates
    reader: Rates
    paired: Paired
    model_auc: Area | None
    reader_auc: Area | None
    difference: Area | None  # model's AUC less the reader's
    p_difference: float | None


def reader_score(facts: dict[str, str], where: str) -> int | None:
    """The score in a cohort's row; None where it is empty. Raises InputError for another value."""
    text = facts.get(COLUMN, "").strip()
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if value not in SCORES:
        raise InputError(
            f"{where}: column {COLUMN!r} must be 1, 2, 3, 4 or 5 (1 definitely no cancer, 5 "
            f"definitely cancer), not {text!r:.40}"
        )
    return int(value)


def mcnemar(labels: Sequence[bool], model: Sequence[bool], reader: Sequence[bool]) -> Paired:
    """Two verdicts a scan: those on which only one is right decide (McNemar 1947, exact)."""
    from scipy.stats import binomtest

    truth = np.asarray(labels, bool)
    right, theirs = np.asarray(model, bool) == truth, np.asarray(reader, bool) == truth
    only_model, only_reader = int((right & ~theirs).sum()), int((~right & theirs).sum())
    parted = only_model + only_reader
    p = float(binomtest(only_model, parted, 0.5).pvalue) if parted else 1.0
    return Paired(
        int((right & theirs).sum()), only_model, only_reader, int((~right & ~theirs).sum()), p
    )


def auc_difference(
    labels: Sequence[bool],
    one: Sequence[float],
    other: Sequence[float],
    patients: Sequence[str],
    repeats: int = REPEATS,
    seed: int = 0,
) -> tuple[Area, float] | None:
    """AUC of ``one`` less that of ``other`` with its interval, and two-sided p.

    In each draw both are of the same patients. p: twice the smaller share of draws on one side of
    0, ties counted to both, one added (Davison and Hinkley 1997). None where one class is absent.
    """
    truth = np.asarray(labels, bool)
    a, b = np.asarray(one, float), np.asarray(other, float)
    whole = auc(truth, a), auc(truth, b)
    if None in whole:
        return None
    value = whole[0] - whole[1]
    found = []
    for rows in stratified_draws(truth, patients, repeats, seed):
        pair = auc(truth[rows], a[rows]), auc(truth[rows], b[rows])
        if None not in pair:
            found.append(pair[0] - pair[1])
    found = np.array(found)
    low, high = np.percentile(found, (2.5, 97.5))
    side = min(int((found <= 0).sum()), int((found >= 0).sum()))
    p = min(1.0, 2 * (side + 1) / (len(found) + 1))
    return Area(value, float(min(low, value)), float(max(high, value))), p


def beside(
    labels: Sequence[bool],
    values: Sequence[float],
    positive: Sequence[bool],
    scores: Sequence[int | None],
    patients: Sequence[str],
    *,
    repeats: int = REPEATS,
    seed: int = 0,
) -> Beside | None:
    """The comparison on the scans with a score; None where there is none.

    ``values`` rank the scans, ``positive`` is the model's verdict.
    """
    from HNCLogic.evaluation.roc import area

    rows = [i for i, score in enumerate(scores) if score is not None]
    if not rows:
        return None
    truth, said = np.asarray(labels, bool)[rows], np.asarray(positive, bool)[rows]
    value = np.asarray(values, float)[rows]
    score = np.array([scores[i] for i in rows], float)
    whose = [patients[i] for i in rows]
    yes = score >= YES_FROM
    difference = auc_difference(truth, value, score, whose, repeats, seed)
    return Beside(
        scans=len(rows),
        model=rates(truth, said),
        reader=rates(truth, yes),
        paired=mcnemar(truth, said, yes),
        model_auc=area(auc, truth, value, whose, repeats, seed),
        reader_auc=area(auc, truth, score, whose, repeats, seed),
        difference=difference[0] if difference else None,
        p_difference=difference[1] if difference else None,
    )
