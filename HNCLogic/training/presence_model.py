"""The end of a presence run: what each fold says of its validation patients, thresholds, model."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from HNCLogic.training.cards import common, settings_in_words
from HNCLogic.training.prepared import Prepared
from HNCLogic.training.presence_task import PresenceTraining, presence_task
from HNCLogic.training.run_folder import MODEL, fold_weights, seconds_trained, write_out_of_fold
from HNCLogic.training.splits import Fold
from HNCLogic.training.thresholds import equitable_threshold, nested_thresholds

if TYPE_CHECKING:
    from HNCLogic.training.run import Order


def finish(
    order: Order,
    chosen: PresenceTraining,
    scans: list[Prepared],
    folds: list[Fold],
    say: Callable[[str], None],
) -> None:
    """Writes ``out_of_fold.csv`` and the model folder."""
    from HNCLogic.models.writing import write_model
    from HNCLogic.networks.registry import make

    rows, states, thresholds = [], [], []
    arguments: dict[str, Any] = {}
    for number, fold in enumerate(folds, start=1):
        validation = [scan for scan in scans if scan.patient in fold.validation]
        train = [scan for scan in scans if scan.patient in fold.train]
        task = presence_task(chosen, train, validation, order.seed, number)
        arguments = task.network_arguments
        network = make("presence", arguments)
        weights = task.completed(fold_weights(order.out, number))
        network.load_state_dict(weights)
        states.append(weights)
        said = [task.probability(network, scan) for scan in validation]
        thresholds.append(equitable_threshold(said, [scan.label for scan in validation]))
        rows += [
            {"scan": scan.name, "label": int(scan.label), "fold": number, "probability": value}
            for scan, value in zip(validation, said, strict=True)
        ]
    nested = nested_thresholds(
        *([row[k] for row in rows] for k in ("probability", "label", "fold"))
    )
    for row in rows:
        row["threshold"] = thresholds[row["fold"] - 1]
        row["nested_threshold"] = nested[row["fold"]]
    write_out_of_fold(order.out, rows)
    figures = figures_of(rows)
    for one in figures:
        say(f"{one['name']}: {one['value']:.3f} ({one['data']})")
    seconds = seconds_trained(order.out, len(folds))
    left_out = {role for role, share in chosen.left_out.items() if share}
    card = common(order, scans, seconds, "a GPU" if order.device == "cuda" else "the CPU") | {
        "name": order.name or f"presence-{'-'.join(r.lower() for r in chosen.roles)}",
        "method": "presence",
        "network": {"name": "presence", "arguments": arguments},
        "inputs": [{"role": r, "required": r not in left_out} for r in chosen.roles],
        "preprocessing": chosen.preparation.model_dump(mode="json"),
        "classes": ["cancer"],
        "threshold": {
            "value": float(np.mean(thresholds)),
            "per_fold": thresholds,
            "chosen_by": "mean over the folds of the threshold where sensitivity and specificity "
            "are closest, on validation patients (Rainio 2024)",
        },
        "aggregation": chosen.aggregation,
        "metrics": figures,
        "defaults_taken": settings_in_words(chosen),
    }
    write_model(order.out / MODEL, card, states)
    say(f"{order.out / MODEL}: the model")


def figures_of(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """AUC by fold, and sensitivity and specificity the paper's way and nested."""
    from sklearn.metrics import roc_auc_score

    label, said, fold = (
        np.array([row[k] for row in rows]) for k in ("label", "probability", "fold")
    )
    chosen_on = "validation folds, on which epochs were chosen"
    each = [float(roc_auc_score(label[fold == n], said[fold == n])) for n in np.unique(fold)]
    figures = [{"name": "AUC, mean of folds", "value": float(np.mean(each)), "data": chosen_on}]
    figures += [
        {"name": f"AUC, fold {n}", "value": value, "data": chosen_on}
        for n, value in enumerate(each, start=1)
    ]
    for column, data in (
        ("threshold", "validation folds, on which epochs and thresholds were chosen"),
        ("nested_threshold", "validation folds, thresholds chosen on the other folds"),
    ):
        called = said >= np.array([row[column] for row in rows])
        for name, where in (("sensitivity", label == 1), ("specificity", label == 0)):
            right = float((called[where] == (label[where] == 1)).mean())
            figures.append({"name": name, "value": right, "data": data})
    return figures
