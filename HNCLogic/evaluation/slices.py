"""Masks of single slices against annotations: overlap, slices with and without tumour, models.

As Liedes et al., J Med Biol Eng 2023 (Tables 1 to 3, Fig. 4). A slice is called positive where at
least as many pixels are segmented as cover a square of 5 mm, what readers of PET-MRI can tell: nine
of the paper's pixels of 1.7 mm.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from HNCLogic.evaluation.bootstrap import REPEATS, Interval, interval, rate_interval

FIDELITY_MM = 5.0


@dataclass(frozen=True)
class Slices:
    """Pixel counts of slices, one entry each: in both masks, segmented, annotated."""

    both: np.ndarray
    segmented: np.ndarray
    annotated: np.ndarray
    fewest: np.ndarray  # pixels that make a slice positive
    patients: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.both)


@dataclass(frozen=True)
class Spread:
    """Over slices; NaN-free: None stands where there is no slice."""

    mean: float
    interval: Interval | None
    deviation: float | None  # of a sample (n - 1); None for one slice


@dataclass(frozen=True)
class SliceScores:
    """``dice`` and ``jaccard``: over all slices' pixels as one (Table 1).

    By slice: "true positive" ones alone (Table 2), those "with tumour", and "all", in which an
    empty mask on an empty annotation counts 1.
    """

    dice: float | None
    dice_interval: Interval | None
    jaccard: float | None
    jaccard_interval: Interval | None
    dice_by_slice: dict[str, Spread | None]
    jaccard_by_slice: dict[str, Spread | None]
    slices: dict[str, int]
    tp: int
    tn: int
    fp: int
    fn: int
    sensitivity: float | None
    specificity: float | None
    accuracy: float | None
    sensitivity_interval: Interval | None
    specificity_interval: Interval | None
    accuracy_interval: Interval | None


@dataclass(frozen=True)
class SignedRank:
    """Wilcoxon's test of two models on the same slices; ``p`` None where no two values differ."""

    pairs: int
    p: float | None


@dataclass(frozen=True)
class Line:
    """Least squares: segmented = slope · annotated + intercept."""

    slope: float
    intercept: float
    r_squared: float


def fewest_pixels(spacing_mm: tuple[float, float], fidelity_mm: float = FIDELITY_MM) -> int:
    """How many pixels of ``spacing_mm`` (y, x) cover a square of ``fidelity_mm``.

    Raises ValueError for a size that is not above zero.
    """
    if not (min(spacing_mm) > 0 and fidelity_mm > 0):
        raise ValueError(f"pixels of {spacing_mm} mm and a square of {fidelity_mm} mm: give sizes")
    # A hair off, so that rounding of the spacing does not ask for a pixel more.
    return max(1, math.ceil(fidelity_mm**2 / (spacing_mm[0] * spacing_mm[1]) * (1 - 1e-6)))


def count_slices(
    segmented: np.ndarray,
    annotated: np.ndarray,
    patient: str,
    spacing_mm: tuple[float, float],
    fidelity_mm: float = FIDELITY_MM,
) -> Slices:
    """Of one patient's masks (slice, y, x) on one grid; whatever is not 0 is tumour.

    Raises ValueError for shapes that differ.
    """
    if segmented.shape != annotated.shape:
        raise ValueError(
            f"mask {segmented.shape} and annotation {annotated.shape} are not on one grid"
        )
    a, b = segmented != 0, annotated != 0
    count = len(a)
    return Slices(
        *(one.sum(axis=(1, 2)) for one in (a & b, a, b)),
        np.full(count, fewest_pixels(spacing_mm, fidelity_mm)),
        (patient,) * count,
    )


def together(parts: Sequence[Slices]) -> Slices:
    """Slices of several patients as one table."""
    names = ("both", "segmented", "annotated", "fewest")
    columns = (
        np.concatenate([getattr(one, name) for one in parts] or [np.zeros(0, int)])
        for name in names
    )
    return Slices(*columns, tuple(patient for one in parts for patient in one.patients))


def verdicts(slices: Slices, annotated_from: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """(called positive, truly positive), for each slice.

    ``annotated_from``: annotated pixels that make a slice truly positive. One by default, since
    the paper takes as positive every slice that presents annotated tissue.
    """
    return slices.segmented >= slices.fewest, slices.annotated >= max(1, annotated_from)


def dice_of(slices: Slices) -> np.ndarray:
    """Of each slice; 1 where both masks are empty."""
    total = slices.segmented + slices.annotated
    return np.where(total == 0, 1.0, 2 * slices.both / np.maximum(total, 1))


def jaccard_of(slices: Slices) -> np.ndarray:
    """Of each slice; 1 where both masks are empty."""
    union = slices.segmented + slices.annotated - slices.both
    return np.where(union == 0, 1.0, slices.both / np.maximum(union, 1))


def score(
    slices: Slices, annotated_from: int = 1, *, repeats: int = REPEATS, seed: int = 0
) -> SliceScores:
    """All of Tables 1 to 3 for one model, intervals by patients drawn again."""
    called, truly = verdicts(slices, annotated_from)
    table = np.column_stack([slices.both, slices.segmented, slices.annotated]).astype(float)
    signs = np.column_stack([called & truly, ~called & ~truly, called & ~truly, ~called & truly])
    every = np.arange(len(slices))

    def sure(figure) -> Interval | None:
        return interval(figure, slices.patients, repeats, seed) if repeats else None

    def pooled_dice(rows: np.ndarray) -> float | None:
        both, a, b = table[rows].sum(axis=0)
        return _share(2 * both, a + b)

    def pooled_jaccard(rows: np.ndarray) -> float | None:
        both, a, b = table[rows].sum(axis=0)
        return _share(both, a + b - both)

    def rate(name: str, top: list[int], bottom: list[int]) -> dict[str, float | Interval | None]:
        hits, of = signs[:, top].sum(axis=1), signs[:, bottom].sum(axis=1)
        surely = rate_interval(hits, of, slices.patients, repeats, seed) if repeats else None
        return {name: _share(hits.sum(), of.sum()), f"{name}_interval": surely}

    def spread(values: np.ndarray, which: np.ndarray) -> Spread | None:
        if not which.any():
            return None
        kept = values[which]
        sure_of_it = sure(lambda rows: _mean(values[rows[which[rows]]]))
        return Spread(
            float(kept.mean()), sure_of_it, float(kept.std(ddof=1)) if len(kept) > 1 else None
        )

    kinds = {"true positive": called & truly, "with tumour": truly, "all": every >= 0}
    dices, jaccards = dice_of(slices), jaccard_of(slices)
    tp, tn, fp, fn = signs.sum(axis=0).tolist()
    return SliceScores(
        dice=pooled_dice(every), dice_interval=sure(pooled_dice),
        jaccard=pooled_jaccard(every), jaccard_interval=sure(pooled_jaccard),
        dice_by_slice={name: spread(dices, which) for name, which in kinds.items()},
        jaccard_by_slice={name: spread(jaccards, which) for name, which in kinds.items()},
        slices={name: int(which.sum()) for name, which in kinds.items()},
        tp=tp, tn=tn, fp=fp, fn=fn,
        **rate("sensitivity", [0], [0, 3]),
        **rate("specificity", [1], [1, 2]),
        **rate("accuracy", [0, 1], [0, 1, 2, 3]),
    )  # fmt: skip


def signed_rank(one: Slices, other: Slices, measure=dice_of, annotated_from: int = 1) -> SignedRank:
    """Do two models differ on the slices that both of them found (true positive in both)?

    Two-sided; slices on which they are equal are left out, as Wilcoxon did. ``measure``:
    ``dice_of`` or ``jaccard_of``. Slices of one patient are not independent, as the paper's
    were not: p is then too small.

    Raises ValueError where the two do not hold the same slices.
    """
    same = len(one) == len(other) and one.patients == other.patients
    if not (same and np.array_equal(one.annotated, other.annotated)):
        raise ValueError("the two models' slices are not the same: compare them on one test set")
    found = [np.logical_and(*verdicts(each, annotated_from)) for each in (one, other)]
    which = found[0] & found[1]
    a, b = measure(one)[which], measure(other)[which]
    if not (a != b).any():
        return SignedRank(int(which.sum()), None)
    from scipy.stats import wilcoxon

    return SignedRank(int(which.sum()), float(wilcoxon(a, b).pvalue))


def regression(slices: Slices) -> Line | None:
    """Segmented on annotated pixel counts (Fig. 4); None where annotated counts do not differ."""
    if len(np.unique(slices.annotated)) < 2:
        return None
    from scipy.stats import linregress

    line = linregress(slices.annotated, slices.segmented)
    return Line(float(line.slope), float(line.intercept), float(line.rvalue**2))


def _mean(values: np.ndarray) -> float | None:
    return float(values.mean()) if len(values) else None


def _share(part: float, of: float) -> float | None:
    return float(part / of) if of else None
