"""The end of a tumour-volume run: what each fold makes of its test patients, and the model."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from HNCLogic.evaluation.segmentation import TARGETS, shared_voxels
from HNCLogic.training.cards import common, settings_in_words
from HNCLogic.training.outline_verdict import windows_of, write_verdict
from HNCLogic.training.prepared import Prepared
from HNCLogic.training.run_folder import MODEL, fold_weights, seconds_trained, write_out_of_fold
from HNCLogic.training.splits import Fold
from HNCLogic.training.volume_task import VolumeTask, VolumeTraining

if TYPE_CHECKING:
    from HNCLogic.training.run import Order


def finish(
    order: Order,
    chosen: VolumeTraining,
    scans: list[Prepared],
    folds: list[Fold],
    say: Callable[[str], None],
) -> None:
    """Writes ``out_of_fold.csv``, the model folder, and that of the verdict by outlines."""
    from HNCLogic.inference.ensemble import mean_volume
    from HNCLogic.models.writing import write_model
    from HNCLogic.networks.registry import make

    p = chosen.preparation
    rows, states, windows = [], [], []
    arguments: dict[str, Any] = {}
    for number, fold in enumerate(folds, start=1):
        arguments = VolumeTask(chosen, [], [], order.seed, number).network_arguments
        network = make("attention-unet", arguments)
        weights = fold_weights(order.out, number)
        network.load_state_dict(weights)
        states.append(weights)
        for scan in (s for s in scans if s.patient in fold.test):
            said = mean_volume(
                [network], 1, np.asarray(scan.values, np.float32),
                (p.patch_slices, p.pixels, p.pixels), (p.stride, p.pixels, p.pixels),
                numbers="quick", backend="auto",
            )  # fmt: skip
            counts = overlap(said.argmax(axis=0), np.asarray(scan.truth))
            rows.append({"scan": scan.name, "fold": number, **counts})
            windows.append(windows_of(network, scan, number, p))
    write_out_of_fold(order.out, rows)
    figures = _figures(rows)
    for one in figures:
        say(f"{one['name']}: {one['value']:.3f} ({one['data']})")
    card = common(order, scans, seconds_trained(order.out, len(folds))) | {
        "name": order.name or "tumour-volume",
        "method": "tumour-volume",
        "network": {"name": "attention-unet", "arguments": arguments},
        "inputs": [{"role": "PET"}, {"role": "CT", "required": chosen.ct_left_out == 0}],
        "preprocessing": p.model_dump(mode="json"),
        "classes": ["background", "primary", "node"],
        "metrics": figures,
        "defaults_taken": settings_in_words(chosen),
    }
    write_model(order.out / MODEL, card, states)
    say(f"{order.out / MODEL}: the model")
    write_verdict(order, card, p, windows, folds, states, say)


def overlap(outlined: np.ndarray, truth: np.ndarray) -> dict[str, int]:
    """Voxels in both, and in each, for primary (1), nodes (2) and union: what pooled Dice needs."""
    counts = {}
    for name in TARGETS:
        shared = shared_voxels(outlined, truth, name)
        counts |= {
            f"{name} both": shared.both,
            f"{name} found": shared.outlined,
            f"{name} true": shared.annotated,
        }
    return counts


def _figures(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    figures = []
    for name in TARGETS:
        both, found, true = (sum(r[f"{name} {k}"] for r in rows) for k in ("both", "found", "true"))
        if found + true:
            figures.append(
                {
                    "name": f"Dice, {name}, pooled",
                    "value": 2 * both / (found + true),
                    "data": "test patients of each fold, at the network's own voxels",
                }
            )
    return figures
