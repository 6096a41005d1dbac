"""Thresholds of probabilities: where a patient counts as positive."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def equitable_threshold(probabilities: Sequence[float], positive: Sequence[bool]) -> float:
    """The threshold at which sensitivity and specificity are closest (Rainio et al. 2024).

    Candidates lie midway between neighbouring probabilities; of several equally good ones the
    middle one is taken. Raises ValueError where one class is absent.
    """
    probabilities, positive = np.asarray(probabilities, float), np.asarray(positive, bool)
    if positive.all() or not positive.any():
        raise ValueError("a threshold needs positive and negative patients")
    values = np.unique(probabilities)
    candidates = np.concatenate([values[:1] / 2, (values[:-1] + values[1:]) / 2])
    sensitivity = np.array([(probabilities[positive] >= t).mean() for t in candidates])
    specificity = np.array([(probabilities[~positive] < t).mean() for t in candidates])
    gap = np.abs(sensitivity - specificity)
    good = np.flatnonzero(gap <= gap.min() + 1e-12)
    # Among equal gaps the better one: 0.9/0.9 beats 0.5/0.5.
    quality = (sensitivity + specificity)[good]
    good = good[quality >= quality.max() - 1e-12]
    return float(candidates[good[len(good) // 2]])


def nested_thresholds(
    probabilities: Sequence[float], positive: Sequence[bool], folds: Sequence[int]
) -> dict[int, float]:
    """For each fold the threshold that the other folds' patients give.

    A threshold chosen on the very patients it is then judged by flatters: the paper's way does
    that, and these are the figures beside it. ``folds``: which fold validated each patient.
    """
    probabilities, positive = np.asarray(probabilities, float), np.asarray(positive, bool)
    folds = np.asarray(folds)
    return {
        int(fold): equitable_threshold(probabilities[folds != fold], positive[folds != fold])
        for fold in np.unique(folds)
    }
