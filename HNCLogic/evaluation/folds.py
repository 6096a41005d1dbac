"""A cross-validation: figures by fold, their mean and median (Liedes 2025, Tables 5 and 6)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from HNCLogic.evaluation.bootstrap import REPEATS
from HNCLogic.evaluation.classification import Rates, rates, wilson
from HNCLogic.evaluation.roc import Area, area, auc, newcombe_interval, stratified_draws

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
    auc: Area | None  # None where the fold lacks a class


class Summary(NamedTuple):
    """Over folds, by figure; intervals by patients drawn again within their folds, or, where all
    draws agree, as if all folds' patients were one fold's (Wilson; Newcombe of the AUC)."""

    mean: dict[str, Area]
    median: dict[str, Area]


def by_fold(scans: Validated, repeats: int = REPEATS, seed: int = 0) -> list[FoldFigures]:
    """The figures of each fold, in their order; the AUC's interval by the fold's own patients,
    drawn again with and without cancer apart."""
    found = []
    for fold in np.unique(scans.folds):
        own = scans.folds == fold
        labels, patients = scans.labels[own], [scans.patients[i] for i in np.flatnonzero(own)]
        ranked = area(auc, labels, scans.probabilities[own], patients, repeats, seed)
        found.append(FoldFigures(int(fold), rates(labels, scans.positive[own]), ranked))
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
    return Summary(*(_areas(scans, whole, drawn, how) for how in (np.nanmean, np.nanmedian)))


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


def _areas(
    scans: Validated, whole: np.ndarray, drawn: np.ndarray, how: Callable
) -> dict[str, Area]:
    found = {}
    for column, name in enumerate(FIGURES):
        if np.isnan(whole[:, column]).all():
            continue
        value = float(how(whole[:, column]))
        kept = drawn[:, ~np.isnan(whole[:, column]), column]
        low, high = np.percentile(how(kept, axis=1), (2.5, 97.5)) if len(kept) else (value, value)
        if low == high:  # draws that never differ say nothing of how sure the value is
            low, high = _of_one_fold(scans, name, value)
        found[name] = Area(value, float(min(low, value)), float(max(high, value)))
    return found


def _of_one_fold(scans: Validated, name: str, value: float) -> tuple[float, float]:
    """The interval of ``value`` as if all scans were of one fold, by numbers of patients."""
    whose = np.asarray(scans.patients, object)
    sick, well = (len(set(whose[of])) for of in (scans.labels, ~scans.labels))
    if name == "AUC":
        return newcombe_interval(value, sick, well)
    number = {"accuracy": len(set(scans.patients)), "sensitivity": sick, "specificity": well}[name]
    share = wilson(round(value * number), number)
    return share.low, share.high
