"""Scores of methods on patients whose truth is known, with how sure they are.

Verdicts: AUC, sensitivity, specificity. Outlines: Dice of primary, nodes and both, pooled over all
patients ("cohort" in Nikulin et al. 2023) and as mean and median of patients.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

TARGETS = ("primary", "nodes", "union")
Z = 1.959964  # of a 95 % interval
REPEATS = 2000  # of a bootstrap
Counts = tuple[int, int, int]  # voxels in both outlines, in the method's, in the truth's


@dataclass(frozen=True)
class Share:
    """A share of patients with its 95 % interval."""

    value: float
    low: float
    high: float
    of: int


@dataclass(frozen=True)
class Verdicts:
    auc: float | None  # None: of one label only
    auc_interval: tuple[float, float] | None
    sensitivity: Share
    specificity: Share


@dataclass(frozen=True)
class Overlap:
    """Dice over patients who have the target, or were given one where there is none."""

    pooled: float
    mean: float
    median: float
    quartiles: tuple[float, float]
    failed: int  # patients whose Dice is 0
    patients: int


def wilson(successes: int, of: int) -> Share:
    """A share with the interval of Wilson, J Am Stat Assoc 1927; 22: 209. NaN where ``of`` is 0."""
    if of == 0:
        return Share(float("nan"), float("nan"), float("nan"), 0)
    share, square = successes / of, Z**2 / of
    middle = (share + square / 2) / (1 + square)
    half = Z * np.sqrt(share * (1 - share) / of + square / (4 * of)) / (1 + square)
    return Share(share, max(0.0, float(middle - half)), min(1.0, float(middle + half)), of)


def auc(labels: Sequence[bool], values: Sequence[float]) -> float | None:
    """Area under the ROC curve: the chance that a positive's value is the higher one, ties half.

    None where only one label is there.
    """
    from scipy.stats import rankdata

    positive = np.asarray(labels, bool)
    ones, zeros = int(positive.sum()), int((~positive).sum())
    if not ones or not zeros:
        return None
    ranks = rankdata(np.asarray(values, float))
    return float((ranks[positive].sum() - ones * (ones + 1) / 2) / (ones * zeros))


def auc_interval(
    labels: Sequence[bool], values: Sequence[float], groups: Sequence[int], seed: int = 0
) -> tuple[float, float] | None:
    """The 95 % interval of the AUC by a bootstrap of ``groups``: a matched pair is drawn whole."""
    labels, values = np.asarray(labels, bool), np.asarray(values, float)
    members = [np.flatnonzero(np.asarray(groups) == group) for group in np.unique(groups)]
    rng, found = np.random.default_rng(seed), []
    for _ in range(REPEATS):
        drawn = np.concatenate([members[i] for i in rng.integers(len(members), size=len(members))])
        value = auc(labels[drawn], values[drawn])
        if value is not None:
            found.append(value)
    if not found:
        return None
    low, high = np.percentile(found, (2.5, 97.5))
    return float(low), float(high)


def verdicts(
    labels: Sequence[bool],
    values: Sequence[float],
    positive: Sequence[bool],
    groups: Sequence[int],
) -> Verdicts:
    """Scores of verdicts: ``values`` rank the patients, ``positive`` is what was said of each."""
    labels, said = np.asarray(labels, bool), np.asarray(positive, bool)
    return Verdicts(
        auc(labels, values),
        auc_interval(labels, values, groups),
        wilson(int((said & labels).sum()), int(labels.sum())),
        wilson(int((~said & ~labels).sum()), int((~labels).sum())),
    )


def counts(outlined: np.ndarray, truth: np.ndarray) -> dict[str, Counts]:
    """Voxel counts by target of two label arrays of one shape: 1 primary, 2 and up nodes."""
    pairs = {
        "primary": (outlined == 1, truth == 1),
        "nodes": (outlined >= 2, truth >= 2),
        "union": (outlined > 0, truth > 0),
    }
    return {
        name: (int((a & b).sum()), int(a.sum()), int(b.sum())) for name, (a, b) in pairs.items()
    }


def dice(one: Counts) -> float:
    """Dice coefficient; 1 where both outlines are empty."""
    both, outlined, truth = one
    return 1.0 if outlined + truth == 0 else 2.0 * both / (outlined + truth)


def overlap(patients: Sequence[Counts]) -> Overlap | None:
    """Of all patients' counts of one target; None where no one has it or was given it."""
    real = [one for one in patients if one[1] + one[2] > 0]
    if not real:
        return None
    each = np.array([dice(one) for one in real])
    low, high = np.percentile(each, (25, 75))
    return Overlap(
        pooled=dice(tuple(int(n) for n in np.sum(real, axis=0))),
        mean=float(each.mean()),
        median=float(np.median(each)),
        quartiles=(float(low), float(high)),
        failed=int((each == 0).sum()),
        patients=len(real),
    )
