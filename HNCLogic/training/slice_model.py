"""The end of a slice-tumour run: thresholds, each fold on its test patients, the model folder."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from HNCLogic.methods.slice_tumour import scaled
from HNCLogic.training.cards import common, settings_in_words
from HNCLogic.training.prepared import Prepared
from HNCLogic.training.run_folder import MODEL, fold_weights, seconds_trained, write_out_of_fold
from HNCLogic.training.slice_task import SliceTask, SliceTraining, chosen_slices
from HNCLogic.training.splits import Fold

if TYPE_CHECKING:
    import torch

    from HNCLogic.training.run import Order

STEPS = 1000  # thresholds that are tried: 1/1000, 2/1000 …


def finish(
    order: Order,
    chosen: SliceTraining,
    scans: list[Prepared],
    folds: list[Fold],
    say: Callable[[str], None],
) -> None:
    """Writes ``out_of_fold.csv`` and the model folder.

    Each fold's threshold is chosen on its validation patients, its figures are of its test
    patients, which neither weights, epoch, repeat nor threshold were chosen by.
    """
    from HNCLogic.models.writing import write_model
    from HNCLogic.networks.registry import make

    rows: list[dict[str, Any]] = []
    thresholds, states, ranges = [], [], []
    arguments: dict[str, Any] = {}
    for number, fold in enumerate(folds, start=1):
        train, validation, test = (
            [scan for scan in scans if scan.patient in part]
            for part in (fold.train, fold.validation, fold.test)
        )
        task = SliceTask(chosen, train, validation, order.seed, number)
        arguments = task.network_arguments
        network = make("unet2d", arguments)
        weights = fold_weights(order.out, number)
        network.load_state_dict(weights)
        states.append(weights)
        ranges.append([list(window) for window in task.ranges])
        of_validation = list(_said(network, task, validation))
        thresholds.append(best_threshold(_counted(of_validation, chosen.threshold_on)))
        for part, found in (
            ("validation", of_validation),
            ("test", _said(network, task, test)),
        ):
            rows += _rows(found, part, number, thresholds[-1])
    write_out_of_fold(order.out, [r for r in rows if r["part"] == "test"])
    figures = _figures(rows)
    for one in figures:
        say(f"{one['name']}: {one['value']:.3f} ({one['data']})")
    card = common(order, scans, seconds_trained(order.out, len(folds))) | {
        "name": order.name or f"slice-tumour-{'-'.join(r.lower() for r in chosen.roles)}",
        "method": "slice-tumour",
        "network": {"name": "unet2d", "arguments": arguments},
        "inputs": [{"role": r, "required": r not in chosen.optional} for r in chosen.roles],
        "preprocessing": chosen.preparation.model_dump(mode="json") | {"ranges": ranges},
        "classes": ["tumour"],
        "threshold": {
            "value": float(np.mean(thresholds)),
            "per_fold": thresholds,
            "chosen_by": "mean over the folds of the threshold with the largest pooled Dice, by "
            f"brute force, on the {chosen.threshold_on} of validation patients",
        },
        "metrics": figures,
        "defaults_taken": settings_in_words(chosen),
    }
    write_model(order.out / MODEL, card, states)
    say(f"{order.out / MODEL}: the model")


# A scan, its probabilities and truth (z, y, x), and which slices the paper would look at.
_Said = tuple[Prepared, np.ndarray, np.ndarray, list[int]]


def _said(network: torch.nn.Module, task: SliceTask, scans: list[Prepared]) -> Iterable[_Said]:
    from HNCLogic.inference.slices import slice_probabilities

    places = chosen_slices(scans, task.chosen, task.fold)
    for number, scan in enumerate(scans):
        said = slice_probabilities(network, scaled(np.asarray(scan.values), task.ranges))
        yield scan, said, np.asarray(scan.truth) > 0, [z for n, z in places if n == number]


def _counted(said: Iterable[_Said], on: str) -> np.ndarray:
    """Pixels without and with tumour by probability, (2, STEPS + 1): of all slices, or chosen ones.

    Entry k counts probabilities from k / STEPS to below (k + 1) / STEPS.
    """
    counts = np.zeros((2, STEPS + 1), np.int64)
    for _, probability, truth, slices in said:
        where = slice(None) if on == "volumes" else slices
        for there in (0, 1):
            one = probability[where][truth[where] == bool(there)].astype(np.float64)
            counts[there] += np.bincount(np.int64(one * STEPS), minlength=STEPS + 1)
    return counts


def best_threshold(counts: np.ndarray) -> float:
    """The threshold with the largest Dice, every one tried; of equals the middle one.

    ``counts``: pixels without and with tumour by probability (2, n + 1), as ``_counted`` gives
    them; a probability at the threshold counts as tumour.
    """
    steps = counts.shape[1] - 1
    false, right = counts[:, ::-1].cumsum(axis=1)[:, ::-1][:, 1:].astype(float)
    dice = 2 * right / (right + false + counts[1].sum())
    best = np.flatnonzero(dice >= dice.max() - 1e-12)
    return float((best[len(best) // 2] + 1) / steps)


def _rows(
    said: Iterable[_Said], part: str, fold: int, threshold: float
) -> Iterable[dict[str, Any]]:
    for scan, probability, truth, slices in said:
        found = probability >= threshold
        row = {"scan": scan.name, "part": part, "fold": fold, "threshold": threshold}
        for name, where in (("volume", slice(None)), ("slices", slices)):
            row |= {
                f"{name} both": int((found & truth)[where].sum()),
                f"{name} found": int(found[where].sum()),
                f"{name} true": int(truth[where].sum()),
            }
        yield row


def _figures(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Dice and Jaccard index over all pixels as one; the paper's are those of slices."""
    words = {
        "slices": "slices with tumour and as many without",
        "volume": "all slices",
        "test": "test patients of each fold",
        "validation": "validation patients of each fold, on which epoch, repeat and threshold "
        "were chosen",
    }
    figures = []
    for part in ("test", "validation"):
        for name in ("slices", "volume"):
            chosen = [row for row in rows if row["part"] == part]
            both, found, true = (
                sum(row[f"{name} {k}"] for row in chosen) for k in ("both", "found", "true")
            )
            if not found + true:
                continue
            data = f"{words[name]}, {words[part]}, at the network's own pixels"
            for measure, value in (
                ("Dice", 2 * both / (found + true)),
                ("Jaccard index", both / (found + true - both)),
            ):
                figures.append({"name": f"{measure}, pooled", "value": value, "data": data})
    return figures
