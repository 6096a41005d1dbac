"""Does the heat map follow what a reader marked? Slice by slice, in numbers.

Liedes 2025, figure 5: the largest Grad-CAM value of each transaxial slice beside whether the
slice holds cancer.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Agreement(NamedTuple):
    auroc: float | None  # None where all slices, or none, are annotated
    spearman: float | None  # None where heat or annotation is the same in all slices


def slice_maxima(heat: np.ndarray) -> np.ndarray:
    """Largest value of each slice, (z,), of a heat map (z, y, x)."""
    return heat.max(axis=(1, 2))


def slice_agreement(maxima: np.ndarray, annotated: np.ndarray) -> Agreement:
    """How slices' heat ``maxima`` (z,) agree with ``annotated`` (z,), true where cancer is marked.

    The area under the ROC curve is the share of pairs of an annotated and another slice in
    which the annotated one is hotter, ties half (Hanley and McNeil 1982); Spearman's rho is the
    correlation of ranks, ties sharing the mean of theirs.
    """
    from scipy.stats import rankdata

    heat, marked = np.asarray(maxima, dtype=float), np.asarray(annotated, dtype=bool)
    if heat.shape != marked.shape or heat.ndim != 1:
        raise ValueError(f"one heat value per slice is needed: {heat.shape}, {marked.shape}")
    ranks = rankdata(heat)
    positives, negatives = int(marked.sum()), int((~marked).sum())
    if positives == 0 or negatives == 0:
        return Agreement(None, None)
    above = ranks[marked].sum() - positives * (positives + 1) / 2
    auroc = float(above / (positives * negatives))
    if np.ptp(heat) == 0:
        return Agreement(auroc, None)
    return Agreement(auroc, float(np.corrcoef(ranks, rankdata(marked))[0, 1]))
