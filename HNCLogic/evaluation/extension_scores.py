"""How GMGENet and a plain DenseNet do, fold by fold: Tables 4 and 5 of Wang et al. 2022."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from HNCLogic.evaluation.classification import Rates, rates
from HNCLogic.evaluation.extension_answers import Answer
from HNCLogic.evaluation.folds import FIGURES, FoldFigures, Validated, by_fold
from HNCLogic.evaluation.roc import Area, area, auc
from HNCLogic.training.thresholds import nested_thresholds


@dataclass(frozen=True)
class Judged:
    """What one model says of all scans. ``each``: by fold; the rest is of one value a scan."""

    labels: np.ndarray
    values: np.ndarray
    patients: list[str]
    verdicts: Rates
    auc: Area | None
    each: list[FoldFigures]


@dataclass(frozen=True)
class Spread:
    """Over folds; the standard deviation is NaN of one fold."""

    mean: float
    deviation: float


@dataclass(frozen=True)
class Paired:
    """Accuracies of two models on the same folds: paired t-test, two-sided."""

    difference: float  # mean over folds
    p: float | None  # None where it cannot be said: one fold, or the same difference in all


def judged(
    answers: Sequence[Answer],
    which: str,
    thresholds: Sequence[float],
    threshold: float,
) -> Judged:
    """Of answers by all folds (a test set) ``which``, "two_step" or "plain", says.

    Each fold's network is judged at its own threshold, their mean at ``threshold``.
    """
    said = [getattr(one, which) for one in answers]
    labels, patients = _whom(answers)
    folds = sorted(said[0])
    values = np.array([np.mean(list(one.values())) for one in said])
    table = np.array([[one[number] for number in folds] for one in said])  # (scan, fold)
    limits = np.array([thresholds[number - 1] for number in folds])
    validated = Validated(
        np.repeat(patients, len(folds)).tolist(),
        np.repeat(labels, len(folds)),
        table.ravel(),
        (table >= limits).ravel(),
        np.tile(folds, len(labels)),
    )
    return _found(labels, values, values >= threshold, patients, validated)


def judged_out_of_fold(
    answers: Sequence[Answer], which: str, thresholds: Mapping[int, float] | None = None
) -> Judged:
    """Of answers by the one fold that each scan's patient did not train.

    ``thresholds``: by fold; None: of the other folds' scans. Raises ValueError where those lack a
    class.
    """
    labels, patients = _whom(answers)
    said = [next(iter(getattr(one, which).items())) for one in answers]
    folds = np.array([number for number, _ in said])
    values = np.array([value for _, value in said])
    limits = thresholds or nested_thresholds(values, labels, folds)
    positive = values >= np.array([limits[number] for number in folds])
    return _found(
        labels, values, positive, patients, Validated(patients, labels, values, positive, folds)
    )


def _whom(answers: Sequence[Answer]) -> tuple[np.ndarray, list[str]]:
    labels = np.array([one.asked.label for one in answers], bool)
    return labels, [one.asked.scan.patient for one in answers]


def _found(labels, values, positive, patients, validated: Validated) -> Judged:
    return Judged(
        labels, values, patients, rates(labels, positive), area(auc, labels, values, patients),
        by_fold(validated),
    )  # fmt: skip


def by_figure(each: Sequence[FoldFigures]) -> dict[str, np.ndarray]:
    """Accuracy, sensitivity, specificity and AUC of each fold (fold,); NaN where it has none."""
    found = {name: [getattr(fold.rates, name).value for fold in each] for name in FIGURES[:-1]}
    found["AUC"] = [np.nan if fold.auc is None else fold.auc.value for fold in each]
    return {name: np.array(values, float) for name, values in found.items()}


def spread(values: np.ndarray) -> Spread:
    """Mean and standard deviation (n − 1) of what folds have a value."""
    kept = values[np.isfinite(values)]
    if not len(kept):
        return Spread(np.nan, np.nan)
    return Spread(float(kept.mean()), float(kept.std(ddof=1)) if len(kept) > 1 else np.nan)


def paired_accuracy(one: Judged, other: Judged) -> Paired:
    """Whether ``one``'s accuracy is another than ``other``'s, over the same folds."""
    from scipy.stats import ttest_rel

    a, b = (by_figure(model.each)["accuracy"] for model in (one, other))
    apart = a - b
    told = len(apart) > 1 and np.ptp(apart) > 1e-12
    p = float(ttest_rel(a, b).pvalue) if told else None
    return Paired(float(apart.mean()), p)
