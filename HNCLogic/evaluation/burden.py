"""Total tumour burden (TTB, ml; primary and nodes) by a method beside the annotated one.

As Nikulin et al., EJNMMI 2023 (Fig. 2): the hundredth of scans whose absolute difference is largest
is left out of the correlation, the line and the mean difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from HNCLogic.evaluation.bootstrap import REPEATS, Interval, interval

TOP = 1.0  # percent of scans left out


@dataclass(frozen=True)
class Agreement:
    """``kept``: a flag for each scan. The line is least squares, method on annotated."""

    scans: int
    outliers: int
    kept: tuple[bool, ...]
    r_squared: float | None  # None where there are too few scans, or all of one burden
    r_squared_interval: Interval | None
    mean_difference: float  # ml, absolute
    mean_difference_interval: Interval | None
    bias: float  # ml, method less annotated
    slope: float | None
    intercept: float | None


def agreement(
    annotated: Sequence[float],
    outlined: Sequence[float],
    patients: Sequence[str] | None = None,
    *,
    top_percent: float = TOP,
    repeats: int = REPEATS,
    seed: int = 0,
) -> Agreement | None:
    """Of TTBs in ml, one entry a scan; None without any.

    Raises ValueError for lists of unequal length, and for burdens that are no finite numbers.
    """
    x, y = np.asarray(annotated, float), np.asarray(outlined, float)
    if x.shape != y.shape or not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ValueError("give as many finite burdens of the method as annotated ones")
    if not len(x):
        return None
    difference = np.abs(y - x)
    # Beyond the percentile, so that scans which all agree alike are none of them outliers.
    kept = difference <= np.percentile(difference, 100 - top_percent)
    whose = np.arange(len(x)) if patients is None else np.asarray(patients)
    owners = whose[kept].tolist()
    a, b = x[kept], y[kept]

    def sure(figure) -> Interval | None:
        return interval(figure, owners, repeats, seed) if repeats else None

    slope, intercept = _line(a, b)
    return Agreement(
        scans=len(x),
        outliers=int((~kept).sum()),
        kept=tuple(kept.tolist()),
        r_squared=_r_squared(a, b),
        r_squared_interval=sure(lambda rows: _r_squared(a[rows], b[rows])),
        mean_difference=float(np.abs(b - a).mean()),
        mean_difference_interval=sure(lambda rows: float(np.abs(b[rows] - a[rows]).mean())),
        bias=float((b - a).mean()),
        slope=slope,
        intercept=intercept,
    )


def prediction_band(
    annotated: Sequence[float], outlined: Sequence[float], at: Sequence[float]
) -> tuple[np.ndarray, np.ndarray] | None:
    """Where 95 % of further single scans are expected about the line, at burdens ``at``.

    y ± t · s · √(1 + 1/n + (x − x̄)² / Σ(x − x̄)²); None for fewer than three scans or one burden.
    """
    from scipy.stats import t

    x, y, at = (np.asarray(one, float) for one in (annotated, outlined, at))
    slope, intercept = _line(x, y)
    if slope is None or len(x) < 3:
        return None
    scatter = np.sqrt(np.square(y - slope * x - intercept).sum() / (len(x) - 2))
    wide = np.sqrt(1 + 1 / len(x) + (at - x.mean()) ** 2 / np.square(x - x.mean()).sum())
    half = t.ppf(0.975, len(x) - 2) * scatter * wide
    return slope * at + intercept - half, slope * at + intercept + half


def _line(x: np.ndarray, y: np.ndarray) -> tuple[float | None, float | None]:
    spread = np.square(x - x.mean()).sum()
    if not spread:
        return None, None
    slope = float(((x - x.mean()) * (y - y.mean())).sum() / spread)
    return slope, float(y.mean() - slope * x.mean())


def _r_squared(x: np.ndarray, y: np.ndarray) -> float | None:
    """Square of Pearson's correlation, what the line explains; None where either is constant."""
    if len(x) < 3 or x.min() == x.max() or y.min() == y.max():
        return None
    return float(np.corrcoef(x, y)[0, 1] ** 2)
