"""From the probabilities of a patient's windows to one probability and a verdict."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from HNCLogic.job import Aggregation


class Aggregated(NamedTuple):
    probability: float | None  # None with "majority", which gives a verdict only
    positive: bool


def aggregate(
    probabilities: Sequence[float] | np.ndarray, how: Aggregation, threshold: float
) -> Aggregated:
    """One answer from the ``probabilities`` (window,) of a stack, inferior window first.

    Liedes 2025, section 3.4: ``mean``, ``median``, ``majority`` (positive where more than half
    of the windows are positive; a tie is negative), ``weighted`` (of n windows the i-th from the
    bottom, i = 0 … n - 1, weighs n - i: less and less toward the top of the head, where the
    brain is). Ours: ``max``, the most suspicious window's: one place with cancer is enough, however
    long the neck is. A probability at the threshold counts as positive, as in a ROC curve.
    """
    values = np.asarray(probabilities, dtype=float)
    if values.ndim != 1 or values.size == 0:
        raise ValueError(f"probabilities of one or more windows are needed, not {values.shape}")
    if how == "majority":
        return Aggregated(None, bool(2 * np.count_nonzero(values >= threshold) > values.size))
    if how == "mean":
        probability = values.mean()
    elif how == "median":
        probability = np.median(values)
    elif how == "weighted":
        probability = np.average(values, weights=np.arange(values.size, 0, -1))
    elif how == "max":
        probability = values.max()
    else:
        raise ValueError(f"unknown aggregation {how!r}")
    return Aggregated(float(probability), bool(probability >= threshold))
