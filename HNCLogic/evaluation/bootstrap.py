"""How sure a figure is: 95 % intervals from patients drawn again, with replacement.

Whole patients are drawn, with all their scans and slices: those of one patient are alike, and
drawing them one by one would make every interval too narrow.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from HNCLogic.evaluation.classification import wilson

REPEATS = 2000


@dataclass(frozen=True)
class Interval:
    low: float
    high: float


def draws(
    patients: Sequence[Hashable], repeats: int = REPEATS, seed: int = 0
) -> Iterator[np.ndarray]:
    """``repeats`` times the rows of a table whose rows belong to ``patients``, drawn by patient.

    A patient drawn twice has all rows twice. Deterministic by ``seed``.
    """
    rows: dict[Hashable, list[int]] = {}
    for row, patient in enumerate(patients):
        rows.setdefault(patient, []).append(row)
    members = [np.array(of) for of in rows.values()]
    # One row each, the usual case, needs no joining: several times as fast.
    single = np.concatenate(members) if members and len(members) == len(patients) else None
    rng = np.random.default_rng(seed)
    for _ in range(repeats if members else 0):
        chosen = rng.integers(len(members), size=len(members))
        if single is not None:
            yield single[chosen]
        else:
            yield np.concatenate([members[i] for i in chosen])


def interval(
    figure: Callable[[np.ndarray], float | None],
    patients: Sequence[Hashable],
    repeats: int = REPEATS,
    seed: int = 0,
) -> Interval | None:
    """The 2.5th to 97.5th percentile of ``figure(rows)`` over the draws.

    Draws for which the figure is None or NaN (all of one label, say) are left out; None where it
    is so for all, where all draws agree, which is no certainty, and where there is one patient
    only, who cannot tell how patients differ.
    """
    if len(set(patients)) < 2:
        return None
    found = [figure(rows) for rows in draws(patients, repeats, seed)]
    kept = [value for value in found if value is not None and not np.isnan(value)]
    if not kept:
        return None
    low, high = np.percentile(kept, (2.5, 97.5))
    return Interval(float(low), float(high)) if min(kept) < max(kept) else None


def rate_interval(
    hits: np.ndarray,
    of: np.ndarray,
    patients: Sequence[Hashable],
    repeats: int = REPEATS,
    seed: int = 0,
) -> Interval | None:
    """Of the rate Σ hits / Σ of, one entry of each a row.

    Where all or none are hits every draw says the same, as though it were certain: then Wilson's
    interval of as many trials as patients have any, since those of one patient are alike.
    """
    total = hits.sum()
    if 0 < total < of.sum():
        return interval(
            lambda rows: float(hits[rows].sum() / n) if (n := of[rows].sum()) else None,
            patients,
            repeats,
            seed,
        )
    owners = len({patient for patient, n in zip(patients, of, strict=True) if n > 0})
    if not owners:
        return None
    share = wilson(owners if total else 0, owners)
    return Interval(share.low, share.high)
