"""Are probabilities what they say: of scans given 0.7, do seven in ten have cancer?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from HNCLogic.evaluation.bootstrap import REPEATS
from HNCLogic.evaluation.classification import Share, wilson
from HNCLogic.evaluation.roc import Area, area

BINS = 10


@dataclass(frozen=True)
class Bin:
    """Scans whose probability lies in one stretch of 0 to 1."""

    predicted: float  # their mean probability
    observed: Share  # how many have cancer


@dataclass(frozen=True)
class Calibration:
    bins: list[Bin]  # those with scans in them, lowest first
    ece: Area
    brier: Area


def _bins(probabilities: np.ndarray, count: int) -> np.ndarray:
    """Which of ``count`` bins of equal width each probability lies in; 1 lies in the last."""
    return np.minimum((probabilities * count).astype(int), count - 1)


def expected_calibration_error(
    labels: Sequence[bool], probabilities: Sequence[float], bins: int = BINS
) -> float:
    """Mean over scans of how far a bin's share of cancer is from its mean probability.

    Bins of equal width (Guo et al., ICML 2017).
    """
    truth, said = np.asarray(labels, bool), np.asarray(probabilities, float)
    which = _bins(said, bins)
    weights = np.bincount(which, minlength=bins)
    gaps = np.bincount(which, weights=said - truth, minlength=bins)
    return float(np.abs(gaps).sum() / weights.sum())


def brier_score(labels: Sequence[bool], probabilities: Sequence[float]) -> float:
    """Mean squared distance of probability and truth (Brier 1950); 0.25 for a coin's 0.5."""
    truth, said = np.asarray(labels, float), np.asarray(probabilities, float)
    return float(np.mean((said - truth) ** 2))


def calibration(
    labels: Sequence[bool],
    probabilities: Sequence[float],
    patients: Sequence[str],
    *,
    bins: int = BINS,
    repeats: int = REPEATS,
    seed: int = 0,
) -> Calibration:
    """Curve and figures. Raises ValueError for probabilities beyond 0 to 1, and without any."""
    truth, said = np.asarray(labels, bool), np.asarray(probabilities, float)
    if said.size == 0 or not ((said >= 0) & (said <= 1)).all():
        raise ValueError("probabilities from 0 to 1 are needed")
    which = _bins(said, bins)
    error = partial(expected_calibration_error, bins=bins)
    return Calibration(
        bins=[
            Bin(float(said[which == b].mean()), wilson(int(truth[which == b].sum()), int(n)))
            for b, n in enumerate(np.bincount(which, minlength=bins))
            if n
        ],
        ece=area(error, truth, said, patients, repeats, seed),
        brier=area(brier_score, truth, said, patients, repeats, seed),
    )
