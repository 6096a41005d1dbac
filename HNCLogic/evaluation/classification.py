"""Verdicts against the truth: confusion counts, the shares made of them, and how sure these are.

Shares have the interval of Wilson, J Am Stat Assoc 1927; 22: 209; what is made of two shares
(balanced accuracy, predictive values at another prevalence) has that of the method of variance
estimates recovery (MOVER: Zou and Donner, Stat Med 2008; 27: 1693; of ratios: Donner and Zou,
Stat Methods Med Res 2012; 21: 347), which needs no further assumption and holds at 0 and 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

Z = 1.959964  # of a 95 % interval
PREVALENCES = (0.05, 0.2, 0.5)
NAN = float("nan")


@dataclass(frozen=True)
class Share:
    """A share with its 95 % interval; all NaN where it is of nothing."""

    value: float
    low: float
    high: float
    of: int


class Confusion(NamedTuple):
    tn: int
    fp: int
    fn: int
    tp: int


@dataclass(frozen=True)
class Rates:
    """What is made of one confusion table."""

    confusion: Confusion
    accuracy: Share
    sensitivity: Share
    specificity: Share
    ppv: Share
    npv: Share
    balanced_accuracy: Share  # mean of sensitivity and specificity


@dataclass(frozen=True)
class AtPrevalence:
    """What a verdict would be worth where ``prevalence`` of the patients have cancer."""

    prevalence: float
    accuracy: Share
    ppv: Share
    npv: Share


def wilson(successes: int, of: int) -> Share:
    """``successes`` of ``of`` with Wilson's interval (no correction for continuity)."""
    if of == 0:
        return Share(NAN, NAN, NAN, 0)
    share, square = successes / of, Z**2 / of
    middle = (share + square / 2) / (1 + square)
    half = Z * np.sqrt(share * (1 - share) / of + square / (4 * of)) / (1 + square)
    low, high = float(middle - half), float(middle + half)
    # Rounding must not part the share from its own interval at 0 and 1.
    return Share(share, min(max(0.0, low), share), max(min(1.0, high), share), of)


def confusion(labels: Sequence[bool], positive: Sequence[bool]) -> Confusion:
    """Counts of verdicts ``positive`` (scan,) against ``labels`` (scan,).

    Raises ValueError where they are not as many.
    """
    truth, said = np.asarray(labels, bool), np.asarray(positive, bool)
    if truth.shape != said.shape or truth.ndim != 1:
        raise ValueError(f"a verdict for each label is needed: {truth.shape}, {said.shape}")
    return Confusion(
        tn=int((~said & ~truth).sum()), fp=int((said & ~truth).sum()),
        fn=int((~said & truth).sum()), tp=int((said & truth).sum()),
    )  # fmt: skip


def rates(labels: Sequence[bool], positive: Sequence[bool]) -> Rates:
    """All shares of one confusion table; those of nothing are NaN."""
    counts = confusion(labels, positive)
    return rates_of(counts)


def rates_of(counts: Confusion) -> Rates:
    """As ``rates``, of counts."""
    tn, fp, fn, tp = counts
    sensitivity, specificity = wilson(tp, tp + fn), wilson(tn, tn + fp)
    return Rates(
        counts,
        accuracy=wilson(tp + tn, sum(counts)),
        sensitivity=sensitivity,
        specificity=specificity,
        ppv=wilson(tp, tp + fp),
        npv=wilson(tn, tn + fn),
        balanced_accuracy=weighted(sensitivity, specificity, 0.5),
    )


def weighted(one: Share, other: Share, weight: float) -> Share:
    """``weight`` times ``one`` and the rest times ``other``, two shares of different patients."""
    value = weight * one.value + (1 - weight) * other.value
    below = np.hypot(weight * (one.value - one.low), (1 - weight) * (other.value - other.low))
    above = np.hypot(weight * (one.high - one.value), (1 - weight) * (other.high - other.value))
    return Share(value, float(value - below), float(value + above), one.of + other.of)


def at_prevalence(sensitivity: Share, specificity: Share, prevalence: float) -> AtPrevalence:
    """Accuracy, PPV and NPV by Bayes' rule. Raises ValueError for a prevalence of 0, 1 or beyond.

    Accuracy at 50 % is the balanced accuracy.
    """
    if not 0 < prevalence < 1:
        raise ValueError(f"a prevalence lies between 0 and 1, not {prevalence}")
    missed, alarmed = _other(sensitivity), _other(specificity)
    return AtPrevalence(
        prevalence,
        accuracy=weighted(sensitivity, specificity, prevalence),
        ppv=_predictive(sensitivity, alarmed, (1 - prevalence) / prevalence),
        npv=_predictive(specificity, missed, prevalence / (1 - prevalence)),
    )


def _other(share: Share) -> Share:
    return Share(1 - share.value, 1 - share.high, 1 - share.low, share.of)


def _predictive(right: Share, wrong: Share, odds: float) -> Share:
    """1 / (1 + odds x wrong / right), falling with the ratio; NaN where both shares are 0."""
    of = right.of + wrong.of
    if not right.value + wrong.value > 0:
        return Share(NAN, NAN, NAN, of)
    if right.value > 0:
        low, high = ratio_interval(wrong, right)
        value = 1 / (1 + odds * wrong.value / right.value)
        return Share(value, 1 / (1 + odds * high), 1 / (1 + odds * low), of)
    # Never right: the ratio the other way round is 0, with an interval.
    _, high = ratio_interval(right, wrong)
    return Share(0.0, 0.0, 1 / (1 + odds / high), of)


def ratio_interval(one: Share, other: Share) -> tuple[float, float]:
    """95 % interval of ``one`` / ``other``, two shares of different patients, by MOVER.

    ``other`` must be above 0.
    """
    a, b = one.value, other.value
    low_root = (a * b) ** 2 - one.low * other.high * (2 * a - one.low) * (2 * b - other.high)
    high_root = (a * b) ** 2 - one.high * other.low * (2 * a - one.high) * (2 * b - other.low)
    low_part = a * b + np.sqrt(max(low_root, 0.0))
    low = one.low * (2 * a - one.low) / low_part if low_part > 0 else 0.0
    high = (a * b + np.sqrt(max(high_root, 0.0))) / (other.low * (2 * b - other.low))
    return float(low), float(high)
