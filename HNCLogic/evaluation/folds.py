"""A cross-validation: figures by fold, their mean and median (Liedes 2025, Tables 5 and 6)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from HNCLogic.evaluation.bootstrap import REPEATS
from HNCLogic.evaluation.classification import Rates, rates
from HNCLogic.evaluation.roc import Area, auc, stratified_draws

FIGURES = ("accuracy", "sensitivity", "specificity", "AUC")


@dataclass(frozen=True)
class Validated:
    """Scans and what the fold that they validate says of them; all (scan,)."""

    patients: Sequence[str]
    labels: np.ndarray
    probabilities: np.ndarray
    positive: np.ndarray
    folds: np.ndarray  # 1, 2, …


class FoldFigures(NamedTuple):
    fold: int
    rates: Rates
    auc: float | None


class Summary(NamedTuple):
    """Over folds, by figure; intervals by patients drawn again within their folds."""

    mean: dict[str, Area]
    median: dict[str, Area]


def by_fold(scans: Validated) -> list[FoldFigures]:
    """The figures of each fold, in their order."""
    found = []
    for fold in np.unique(scans.folds):
        own = scans.folds == fold
        labels = scans.labels[own]
        found.append(
            FoldFigures(
                int(fold), rates(labels, scans.positive[own]), auc(labels, scans.probabilities[own])
            )
        )
    return found


def over_folds(scans: Validated, repeats: int = REPEATS, seed: int = 0) -> Summary:
    """Mean and median over folds of accuracy, sensitivity, specificity and AUC.

    A fold that lacks a class has no such figure, and is left out of that one.
    """
    own = [np.flatnonzero(scans.folds == fold) for fold in np.unique(scans.folds)]
    whole = _figures(scans, own)
    streams = [
        stratified_draws(
            scans.labels[rows], [scans.patients[i] for i in rows], repeats, seed + number
        )
        for number, rows in enumerate(own)
    ]
    drawn = np.array(
        [
            _figures(scans, [rows[part] for rows, part in zip(own, parts, strict=True)])
            for parts in zip(*streams, strict=True)
        ]
    ).reshape(-1, len(own), len(FIGURES))
    return Summary(_areas(whole, drawn, np.nanmean), _areas(whole, drawn, np.nanmedian))


def _figures(scans: Validated, folds: list[np.ndarray]) -> np.ndarray:
    """(fold, figure); NaN where a fold lacks a class."""
    table = np.full((len(folds), len(FIGURES)), np.nan)
    for row, rows in zip(table, folds, strict=True):
        truth, said = scans.labels[rows], scans.positive[rows]
        row[0] = (truth == said).mean()
        if truth.any():
            row[1] = said[truth].mean()
        if not truth.all():
            row[2] = (~said[~truth]).mean()
        value = auc(truth, scans.probabilities[rows])
        row[3] = np.nan if value is None else value
    return table


def _areas(whole: np.ndarray, drawn: np.ndarray, how: Callable) -> dict[str, Area]:
    found = {}
    for column, name in enumerate(FIGURES):
        if np.isnan(whole[:, column]).all():
            continue
        value = float(how(whole[:, column]))
        kept = drawn[:, ~np.isnan(whole[:, column]), column]
        low, high = np.percentile(how(kept, axis=1), (2.5, 97.5)) if len(kept) else (value, value)
        found[name] = Area(value, float(min(low, value)), float(max(high, value)))
    return found
