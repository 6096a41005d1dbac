"""What the cards of trained models have in common: on what they were trained, and for what use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from HNCLogic import __version__
from HNCLogic.job import Record
from HNCLogic.training.prepared import Prepared
from HNCLogic.training.start import start_hash

if TYPE_CHECKING:
    from HNCLogic.training.run import Order

INTENDED_USE = (
    "Research use only. Not a medical device, not for diagnosis, staging or treatment. What it was "
    "trained and measured on is said above; on anything else it has to be measured first."
)


def common(
    order: Order, scans: Sequence[Prepared], seconds: float, finding: str = "cancer"
) -> dict[str, Any]:
    """The fields of a card that do not hang on the method.

    ``seconds``: of training, all folds; ``finding``: what a positive label says.
    """
    device = "a GPU" if order.device == "cuda" else "the CPU"
    patients = {scan.patient: False for scan in scans}
    for scan in scans:
        patients[scan.patient] |= scan.label
    positive = sum(patients.values())
    begun = (
        [f"every fold began with trained weights (sha256 {start_hash(order.start)[:16]}…)"]
        if order.start
        else []
    )
    words = order.trained_on or (
        f"{len(scans)} scans of {len(patients)} patients, {positive} with {finding}, of the cohort "
        f"{order.cohort.name}; where they come from was not stated"
    )
    return {
        "version": "1.0.0",
        "training": {
            "words": words,
            "data": [
                f"{len(scans)} scans of {len(patients)} patients, "
                f"{positive} of them with {finding}",
                f"{order.folds} folds by patient, seed {order.seed}; HNC {__version__}; "
                f"{seconds / 60:.0f} minutes on {device}",
                *begun,
            ],
            "counts": {"patients": len(patients), f"patients with {finding}": positive},
        },
        "intended_use": INTENDED_USE,
        "licence": "Apache-2.0",
    }


def settings_in_words(chosen: Record, but: frozenset[str] = frozenset()) -> list[str]:
    """Every setting and its value, for ``defaults_taken``, ``but`` some."""
    held = chosen.model_dump(mode="json", exclude=set(but))
    return [f"{name} = {value}"[:300] for name, value in held.items()]
