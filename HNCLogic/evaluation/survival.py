"""What tumour burden says of survival: Cox, Kaplan–Meier and log-rank, annotated beside network.

As Nikulin et al., EJNMMI 2023 ("Survival analysis", Fig. 5): the median burden of the annotations
in cross-validation parts low from high, for the annotations and the network alike, and again in
external data. lifelines does the work.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from HNCLogic.errors import InputError

# Burden (ml) as it enters the continuous models: what a hazard ratio is "for each" of.
SCALES = {"10 ml": lambda ttb: ttb / 10, "doubling of 1 + TTB/ml": lambda ttb: np.log2(1 + ttb)}


@dataclass(frozen=True)
class Hazard:
    """A hazard ratio of a univariate Cox model; all None where it cannot be worked out."""

    ratio: float | None
    low: float | None  # 95 %
    high: float | None
    p: float | None


@dataclass(frozen=True)
class Curve:
    """Kaplan–Meier: ``survival`` holds from each of ``times`` to the next, from 1 at time 0."""

    times: tuple[float, ...]
    survival: tuple[float, ...]
    low: tuple[float, ...]  # 95 %, log-log
    high: tuple[float, ...]
    at_risk: tuple[int, ...]  # followed just before each of the times
    censored: tuple[float, ...]  # times
    patients: int
    events: int
    median: float | None  # None: more than half survive

    def followed(self, when: float) -> int:
        """How many are at risk just before ``when``."""
        later = [n for time, n in zip(self.times, self.at_risk, strict=True) if time >= when]
        return later[0] if later else 0


@dataclass(frozen=True)
class Prognosis:
    """By one outline's burden."""

    grouped: Hazard  # high against low
    continuous: dict[str, Hazard]  # by SCALES
    concordance: float | None  # of the burden itself (Harrell)
    logrank_p: float | None
    curves: dict[str, Curve]  # "low", "high"; without those that nobody is in


@dataclass(frozen=True)
class Survival:
    cutoff_ml: float
    patients: int
    events: int
    annotated: Prognosis
    network: Prognosis
    grouped_differently: float  # share of patients


def survival(
    time: Sequence[float],
    event: Sequence[bool],
    annotated_ml: Sequence[float],
    network_ml: Sequence[float],
    cutoff_ml: float | None = None,
) -> Survival:
    """One entry a patient; ``time`` to death or the end of follow-up, in any unit.

    Those with more than ``cutoff_ml`` are the high group; None: the median of ``annotated_ml``.
    For external data give the cutoff of the cross-validation.

    Raises InputError for lists of unequal length, no patients, and values that are missing,
    negative, or no numbers.
    """
    columns = {"time": time, "event": event, "annotated": annotated_ml, "network": network_ml}
    arrays = {name: np.asarray(column, float) for name, column in columns.items()}
    if len({len(one) for one in arrays.values()}) != 1 or not len(arrays["time"]):
        raise InputError("survival needs time, event and both burdens of at least one patient")
    for name, one in arrays.items():
        bad = ~(np.isfinite(one) & (one >= 0))
        if bad.any():
            raise InputError(
                f"survival: {name} of entry {int(np.argmax(bad)) + 1} is missing or below zero; "
                "leave such patients out, or correct the cohort"
            )
    events = arrays["event"] > 0
    cutoff = float(np.median(arrays["annotated"])) if cutoff_ml is None else float(cutoff_ml)
    high = {name: arrays[name] > cutoff for name in ("annotated", "network")}
    return Survival(
        cutoff_ml=cutoff,
        patients=len(events),
        events=int(events.sum()),
        annotated=_prognosis(arrays["time"], events, arrays["annotated"], high["annotated"]),
        network=_prognosis(arrays["time"], events, arrays["network"], high["network"]),
        grouped_differently=float((high["annotated"] != high["network"]).mean()),
    )


def cox(covariate: np.ndarray, time: np.ndarray, event: np.ndarray) -> Hazard:
    """Hazard ratio for one more of ``covariate`` (n), ties by Efron, p by Wald.

    All None where the covariate is constant, nobody died, or each that died had the highest (or
    each the lowest) of all then followed: the ratio has no bound there.
    """
    nothing = Hazard(None, None, None, None)
    if not event.any() or covariate.min() == covariate.max():
        return nothing
    if _unbounded(covariate, time, event) or _unbounded(-covariate, time, event):
        return nothing
    import pandas
    from lifelines import CoxPHFitter
    from lifelines.exceptions import ConvergenceError, ConvergenceWarning

    table = pandas.DataFrame({"x": covariate, "time": time, "event": event})
    try:
        with warnings.catch_warnings():
            # It warns of separation by a rule of thumb; what has no bound is out already.
            warnings.simplefilter("ignore", ConvergenceWarning)
            row = CoxPHFitter().fit(table, "time", "event").summary.loc["x"]
    except ConvergenceError:
        return nothing
    names = ("exp(coef)", "exp(coef) lower 95%", "exp(coef) upper 95%", "p")
    values = [float(row[name]) for name in names]
    return Hazard(*values) if np.isfinite(values).all() else nothing


def _unbounded(covariate: np.ndarray, time: np.ndarray, event: np.ndarray) -> bool:
    """Was it always one with the highest covariate, of those still followed, who died?"""
    return all(
        value >= covariate[time >= when].max()
        for value, when in zip(covariate[event], time[event], strict=True)
    )


def kaplan_meier(time: np.ndarray, event: np.ndarray) -> Curve:
    """Of one group of at least one patient."""
    from lifelines import KaplanMeierFitter

    fitted = KaplanMeierFitter().fit(time, event)
    bounds = fitted.confidence_interval_survival_function_.to_numpy()
    median = float(fitted.median_survival_time_)
    return Curve(
        times=tuple(fitted.survival_function_.index.astype(float)),
        survival=tuple(fitted.survival_function_.iloc[:, 0].tolist()),
        low=tuple(np.nan_to_num(bounds[:, 0], nan=1.0).tolist()),
        high=tuple(np.nan_to_num(bounds[:, 1], nan=1.0).tolist()),
        at_risk=tuple(int(n) for n in fitted.event_table["at_risk"]),
        censored=tuple(sorted(time[~event].tolist())),
        patients=len(time),
        events=int(event.sum()),
        median=median if np.isfinite(median) else None,
    )


def _prognosis(time: np.ndarray, event: np.ndarray, ttb: np.ndarray, high: np.ndarray) -> Prognosis:
    from lifelines.statistics import logrank_test
    from lifelines.utils import concordance_index

    groups = {"low": ~high, "high": high}
    curves = {
        name: kaplan_meier(time[which], event[which])
        for name, which in groups.items()
        if which.any()
    }
    logrank = None
    if len(curves) == 2 and event.any():
        logrank = float(logrank_test(time[high], time[~high], event[high], event[~high]).p_value)
    try:
        concordance = float(concordance_index(time, -ttb, event))
    except ZeroDivisionError:  # no two patients of whom it is known who died first
        concordance = None
    return Prognosis(
        grouped=cox(high.astype(float), time, event),
        continuous={name: cox(scale(ttb), time, event) for name, scale in SCALES.items()},
        concordance=concordance,
        logrank_p=logrank,
        curves=curves,
    )
