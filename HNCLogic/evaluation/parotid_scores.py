"""How parotid classifiers do: one class against the others, of sequences and of single slices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from HNCLogic.evaluation.bootstrap import REPEATS, rate_interval
from HNCLogic.evaluation.classification import Share, rates
from HNCLogic.evaluation.parotid_answers import Answer
from HNCLogic.evaluation.reader import auc_difference
from HNCLogic.evaluation.roc import Area, area, auc
from HNCLogic.methods.parotid import SUBTYPES


@dataclass(frozen=True)
class Scored:
    """One row of Tables II to IV; ``of``: patients or slices."""

    accuracy: Area
    auc: Area | None  # None where all or none have the class
    sensitivity: Area
    specificity: Area
    of: int


@dataclass(frozen=True)
class Cases:
    """What is scored: is it of the class (case,), its probability, was it called so, of whom."""

    truth: np.ndarray
    values: np.ndarray
    called: np.ndarray
    patients: list[str]


def sequences(answers: Sequence[Answer], name: str, number: int = -1) -> Cases:
    """Each patient's sequence by model ``name``; class ``number``, -1: malignant.

    A tumour is called what is most probable.
    """
    said = np.stack([one.sequences[name] for one in answers])
    truth = [of_class(one, number) for one in answers]
    return _cases(truth, said, number, [one.asked.scan.patient for one in answers])


def slices(answers: Sequence[Answer], group: str) -> Cases:
    """Each slice by the slice network that looks at ``group``: malignant or not."""
    counts = [len(one.slices[group]) for one in answers]
    return _cases(
        np.repeat([of_class(one, -1) for one in answers], counts),
        np.concatenate([one.slices[group] for one in answers]),
        -1,
        [o.asked.scan.patient for o, n in zip(answers, counts, strict=True) for _ in range(n)],
    )


def of_class(one: Answer, number: int) -> bool:
    """Is this scan's tumour of class ``number`` of ``SUBTYPES``; -1: malignant."""
    return one.asked.label if number == -1 else one.subtype == SUBTYPES[number]


def _cases(truth, said: np.ndarray, number: int, patients: list[str]) -> Cases:
    called = said.argmax(axis=1) == number % said.shape[1]
    return Cases(np.array(truth, bool), said[:, number], called, patients)


def scored(cases: Cases, repeats: int = REPEATS, seed: int = 0) -> Scored:
    """Shares have Wilson's interval where a patient is one case; else, as the AUC, one by
    patients drawn again."""
    found = rates(cases.truth, cases.called)
    right = cases.called == cases.truth
    alone = len(set(cases.patients)) == len(cases.patients)

    def share(of: Share, where: np.ndarray) -> Area:
        if alone:
            return Area(of.value, of.low, of.high)
        drawn = rate_interval(
            (right & where).astype(float), where.astype(float), cases.patients, repeats, seed
        )
        if drawn is None:
            return Area(of.value, None, None)
        return Area(of.value, min(drawn.low, of.value), max(drawn.high, of.value))

    return Scored(
        share(found.accuracy, np.ones(len(right), bool)),
        area(auc, cases.truth, cases.values, cases.patients, repeats, seed),
        share(found.sensitivity, cases.truth),
        share(found.specificity, ~cases.truth),
        len(right),
    )


@dataclass(frozen=True)
class Compared:
    """AUC of one model less that of another on the same patients, and its two-sided p."""

    difference: Area
    p: float


def compared(
    answers: Sequence[Answer],
    one: str,
    other: str,
) -> Compared | None:
    """None where all tumours are of one kind."""
    a, b = sequences(answers, one), sequences(answers, other)
    found = auc_difference(a.truth, a.values, b.values, a.patients)
    return None if found is None else Compared(*found)
