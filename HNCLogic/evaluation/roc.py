"""How well probabilities rank patients: ROC and precision-recall curves and the areas under them.

Intervals by bootstrap: patients are drawn again, with all their scans, those with and those without
cancer apart, so that every draw has as many of each as the cohort. Where all draws agree (values
that part the two neatly, say) the bootstrap would feign certainty: then by Newcombe's method.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from HNCLogic.evaluation.bootstrap import REPEATS, Interval, interval
from HNCLogic.evaluation.classification import Z


class Curve(NamedTuple):
    """Points of a curve, (point,) each; ``thresholds``: positive from there on."""

    x: np.ndarray
    y: np.ndarray
    thresholds: np.ndarray


class Area(NamedTuple):
    value: float
    low: float | None  # None where nothing can be drawn again
    high: float | None


def _checked(labels: Sequence[bool], values: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    truth, said = np.asarray(labels, bool), np.asarray(values, float)
    if truth.shape != said.shape or truth.ndim != 1:
        raise ValueError(f"a value for each label is needed: {truth.shape}, {said.shape}")
    if not np.isfinite(said).all():
        raise ValueError("values that are not finite cannot be ranked")
    return truth, said


def _counts(truth: np.ndarray, said: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """True and false positives at each threshold, highest first."""
    order = np.argsort(-said, kind="stable")
    said, truth = said[order], truth[order]
    last = np.append(np.flatnonzero(np.diff(said)), said.size - 1)
    true = np.cumsum(truth)[last]
    return true, last + 1 - true, said[last]


def roc_curve(labels: Sequence[bool], values: Sequence[float]) -> Curve:
    """False positive rate and sensitivity at every threshold, from (0, 0) to (1, 1).

    Raises ValueError where one class is absent.
    """
    truth, said = _checked(labels, values)
    if truth.all() or not truth.any():
        raise ValueError("a ROC curve needs scans with and without cancer")
    true, false, at = _counts(truth, said)
    return Curve(
        np.append(0.0, false / false[-1]),
        np.append(0.0, true / true[-1]),
        np.append(np.inf, at),
    )


def auc(labels: Sequence[bool], values: Sequence[float]) -> float | None:
    """Area under the ROC curve: the chance that a positive's value is the higher one, ties half.

    None where only one label is there (Hanley and McNeil, Radiology 1982; 143: 29).
    """
    from scipy.stats import rankdata

    truth, said = _checked(labels, values)
    ones, zeros = int(truth.sum()), int((~truth).sum())
    if not ones or not zeros:
        return None
    ranks = rankdata(said)
    return float((ranks[truth].sum() - ones * (ones + 1) / 2) / (ones * zeros))


def precision_recall_curve(labels: Sequence[bool], values: Sequence[float]) -> Curve:
    """Sensitivity (x) and PPV (y) at every threshold, highest first. Raises ValueError without
    positives."""
    truth, said = _checked(labels, values)
    if not truth.any():
        raise ValueError("a precision-recall curve needs scans with cancer")
    true, false, at = _counts(truth, said)
    return Curve(true / true[-1], true / (true + false), at)


def average_precision(labels: Sequence[bool], values: Sequence[float]) -> float | None:
    """Area under the precision-recall curve by steps: sum of PPV times the gain in sensitivity.

    No line is drawn between points, which would flatter (Davis and Goadrich 2006). None without
    positives; a method that knows nothing gets the share of positives.
    """
    if not np.asarray(labels, bool).any():
        return None
    recall, precision, _ = precision_recall_curve(labels, values)
    return float(np.sum(np.diff(recall, prepend=0.0) * precision))


def stratified_draws(
    labels: Sequence[bool],
    patients: Sequence[Hashable],
    repeats: int = REPEATS,
    seed: int = 0,
) -> Iterator[np.ndarray]:
    """``repeats`` times the rows of scans, drawn by patient within those with and without cancer.

    A patient with cancer in one scan at least is one with cancer. Deterministic by ``seed``.
    """
    rows: dict[Hashable, list[int]] = {}
    for row, patient in enumerate(patients):
        rows.setdefault(patient, []).append(row)
    truth = np.asarray(labels, bool)
    strata = [
        [np.array(of) for of in rows.values() if truth[of].any() == sick] for sick in (True, False)
    ]
    rng = np.random.default_rng(seed)
    for _ in range(repeats):
        drawn = [
            stratum[i]
            for stratum in strata
            if stratum
            for i in rng.integers(len(stratum), size=len(stratum))
        ]
        yield np.concatenate(drawn)


def stratified_interval(
    figure: Callable[[np.ndarray], float | None],
    labels: Sequence[bool],
    patients: Sequence[Hashable],
    repeats: int = REPEATS,
    seed: int = 0,
) -> Interval | None:
    """The 2.5th to 97.5th percentile of ``figure(rows)``; None where it is never there, and for
    one patient, who cannot tell how patients differ."""
    if len(set(patients)) < 2:
        return None
    found = [figure(rows) for rows in stratified_draws(labels, patients, repeats, seed)]
    kept = [value for value in found if value is not None and np.isfinite(value)]
    if not kept:
        return None
    low, high = np.percentile(kept, (2.5, 97.5))
    return Interval(float(low), float(high))


def area(
    figure: Callable[[np.ndarray, np.ndarray], float | None],
    labels: Sequence[bool],
    values: Sequence[float],
    patients: Sequence[Hashable],
    repeats: int = REPEATS,
    seed: int = 0,
) -> Area | None:
    """``figure(labels, values)``, ``auc`` or ``average_precision`` say, with its interval; None
    where it has no value."""
    truth, said = _checked(labels, values)
    value = figure(truth, said)
    if value is None:
        return None
    found = stratified_interval(
        lambda rows: figure(truth[rows], said[rows]), truth, patients, repeats, seed
    )
    if found is None:
        return Area(value, None, None)
    if found.low == found.high:  # draws that never differ say nothing of how sure the value is
        return _of_agreeing_draws(figure, value, truth, said, patients)
    # A percentile interval need not hold the value itself; one that is printed must.
    return Area(value, min(found.low, value), max(found.high, value))


def _of_agreeing_draws(figure, value: float, truth, said, patients) -> Area:
    """Newcombe's interval of an AUC; of an average precision what that one amounts to."""
    ranked = auc(truth, said)
    if figure not in (auc, average_precision) or ranked is None:
        return Area(value, None, None)
    whose = np.asarray(patients, object)
    sick, well = (len(set(whose[of])) for of in (truth, ~truth))
    ends = newcombe_interval(ranked, sick, well)
    if figure is average_precision:
        ends = tuple(binormal_precision(end, float(truth.mean())) for end in ends)
    return Area(value, min(ends[0], value), max(ends[1], value))


def binormal_precision(area: float, prevalence: float) -> float:
    """The average precision of values that are normal in either class, of equal spread, and have
    this area under the ROC curve; ``prevalence``: the share of positives, above 0 and below 1."""
    from scipy.stats import norm

    if area <= 0 or area >= 1:
        odds = 1 / prevalence - 1  # at 0 all negatives come first
        return 1.0 if area >= 1 else float(1 - odds * np.log1p(1 / odds))
    apart = np.sqrt(2) * norm.ppf(area)
    thresholds = np.linspace(max(apart, 0.0) + 12, min(apart, 0.0) - 12, 20_001)
    true, false = norm.sf(thresholds - apart), norm.sf(thresholds)
    precision = prevalence * true / (prevalence * true + (1 - prevalence) * false)
    return float(np.sum(np.diff(true) * (precision[1:] + precision[:-1]) / 2))


def newcombe_interval(value: float, positives: int, negatives: int) -> tuple[float, float]:
    """95 % interval of an AUC from its value and numbers alone, which holds at 0 and 1 too.

    The areas θ whose own standard error is at least |value − θ| / z (Newcombe, Stat Med 2006; 25:
    559, method 5).
    """
    from scipy.optimize import brentq

    more = (positives + negatives) / 2 - 1

    def error(area: float) -> float:
        spread = 1 + more * ((1 - area) / (2 - area) + area / (1 + area))
        return float(np.sqrt(area * (1 - area) * spread / (positives * negatives)))

    tiny = 1e-12
    low = 0.0 if value <= tiny else brentq(lambda a: value - a - Z * error(a), 0.0, value - tiny)
    high = (
        1.0 if value >= 1 - tiny else brentq(lambda a: a - value - Z * error(a), value + tiny, 1.0)
    )
    return float(low), float(high)


def mean_area(
    values: Sequence[float | None],
    patients: Sequence[Hashable],
    repeats: int = REPEATS,
    seed: int = 0,
) -> Area | None:
    """The mean of ``values`` (scan,) with its interval; None and NaN are left out."""
    table = np.array([np.nan if value is None else value for value in values], float)
    there = np.isfinite(table)
    if not there.any():
        return None
    kept, owners = table[there], [p for p, t in zip(patients, there, strict=True) if t]
    found = interval(lambda rows: float(kept[rows].mean()), owners, repeats, seed)
    value = float(kept.mean())
    if found is None:
        return Area(value, None, None)
    return Area(value, min(found.low, value), max(found.high, value))
