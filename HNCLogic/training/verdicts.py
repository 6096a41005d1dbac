"""The end of a run whose networks say one probability: thresholds, out-of-fold answers, figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from HNCLogic.training.prepared import Prepared
from HNCLogic.training.run_folder import OUT_OF_FOLD, write_out_of_fold
from HNCLogic.training.thresholds import equitable_threshold, nested_thresholds

CHOSEN_ON = "validation folds, on which epochs were chosen"


class Verdicts:
    """What each fold says of the scans that it validates, gathered fold by fold."""

    def __init__(self, chosen_on: str = CHOSEN_ON):
        """``chosen_on``: whose answers these are, and what was chosen on them."""
        self._chosen_on = chosen_on
        self._rows: list[dict[str, Any]] = []
        self._thresholds: list[float] = []

    def add(self, validation: Sequence[Prepared], said: Sequence[float]) -> None:
        """The next fold's probabilities ``said``, one of each scan that it validates.

        Raises ValueError where all of them have one label.
        """
        number = len(self._thresholds) + 1
        self._thresholds.append(equitable_threshold(said, [scan.label for scan in validation]))
        self._rows += [
            {"scan": scan.name, "label": int(scan.label), "fold": number, "probability": value}
            for scan, value in zip(validation, said, strict=True)
        ]

    @property
    def threshold(self) -> dict[str, Any]:
        """As a card has it."""
        return {
            "value": float(np.mean(self._thresholds)),
            "per_fold": list(self._thresholds),
            "chosen_by": "mean over the folds of the threshold where sensitivity and specificity "
            "are closest, on validation patients (Rainio 2024)",
        }

    def written(
        self, out: Path, say: Callable[[str], None], name: str = OUT_OF_FOLD, of: str = ""
    ) -> list[dict[str, Any]]:
        """Writes table ``name`` into the run's folder ``out``; gives, and says, the card's figures.

        ``of``: whose they are, where that is not the run's model.
        """
        nested = nested_thresholds(
            *([row[k] for row in self._rows] for k in ("probability", "label", "fold"))
        )
        for row in self._rows:
            row["threshold"] = self._thresholds[row["fold"] - 1]
            row["nested_threshold"] = nested[row["fold"]]
        write_out_of_fold(out, self._rows, name)
        figures = _figures(self._rows, self._chosen_on)
        for one in figures:
            say(f"{of}{one['name']}: {one['value']:.3f} ({one['data']})")
        return figures


def _figures(rows: list[dict[str, Any]], chosen_on: str) -> list[dict[str, Any]]:
    """AUC by fold, and sensitivity and specificity the paper's way and nested."""
    from sklearn.metrics import roc_auc_score

    label, said, fold = (
        np.array([row[k] for row in rows]) for k in ("label", "probability", "fold")
    )
    each = [float(roc_auc_score(label[fold == n], said[fold == n])) for n in np.unique(fold)]
    figures = [{"name": "AUC, mean of folds", "value": float(np.mean(each)), "data": chosen_on}]
    figures += [
        {"name": f"AUC, fold {n}", "value": value, "data": chosen_on}
        for n, value in enumerate(each, start=1)
    ]
    for column, data in (
        ("threshold", f"{chosen_on}, and so were the thresholds"),
        ("nested_threshold", f"{chosen_on}; thresholds chosen on the other folds"),
    ):
        called = said >= np.array([row[column] for row in rows])
        for name, where in (("sensitivity", label == 1), ("specificity", label == 0)):
            right = float((called[where] == (label[where] == 1)).mean())
            figures.append({"name": name, "value": right, "data": data})
    return figures
