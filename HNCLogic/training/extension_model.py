"""Around the folds of an extension run: first the extractor and its VOIs, at the end the model."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from HNCLogic.errors import InputError
from HNCLogic.methods import extension
from HNCLogic.outputs import write_text_whole
from HNCLogic.training.cards import common, settings_in_words
from HNCLogic.training.cohort import Cohort
from HNCLogic.training.extension_split import ExtensionFold, refuse_extractor_leaks
from HNCLogic.training.extension_task import ExtensionTask, ExtensionTraining, seen, voxels_only
from HNCLogic.training.prepared import Prepared
from HNCLogic.training.run_folder import (
    BEST,
    MODEL,
    PLAIN,
    PLAIN_OUT_OF_FOLD,
    fold_folder,
    fold_weights,
    seconds_in,
    seconds_trained,
    weights_in,
)
from HNCLogic.training.splits import cross_validation
from HNCLogic.training.verdicts import Verdicts

if TYPE_CHECKING:
    import torch

    from HNCLogic.training.ranks import Ranks
    from HNCLogic.training.run import Order

EXTRACTOR = "extractor"  # its folder in a run's
SAID = "said.json"  # in a plain network's folder: probabilities by scan's name


def vois_by_extractor(
    order: Order,
    chosen: ExtensionTraining,
    cohort: Cohort,
    scans: list[Prepared],
    folds: list[ExtensionFold],
    teach: Callable[[ExtensionTask, Path, str], None],
    ranks: Ranks,
) -> list[Prepared]:
    """Train the extractor, and give the VOIs of all patients but those it was trained on.

    Where ``chosen.plain``, then also the networks that judge the folds' whole volumes.
    ``teach`` trains a task in a folder. Raises InputError where the extractor knows a patient of
    the folds, in whatever way, and for weights to start with, which fit only one of the networks.
    """
    if order.start is not None:
        raise InputError("--start has no effect on extension, which has two networks: leave it out")
    refuse_extractor_leaks(cohort, [scan.facts for scan in scans], folds)
    apart = folds[0].extractor
    own = cross_validation(
        Cohort(cohort.path, cohort.of(apart)), order.seed, chosen.extractor_parts
    )[0]
    task = ExtensionTask(
        chosen,
        [scan for scan in scans if scan.patient in own.train],
        [scan for scan in scans if scan.patient in own.validation],
        order.seed,
        0,
        chosen.extractor,
    )
    folder = order.out / EXTRACTOR
    folder.mkdir(parents=True, exist_ok=True)
    teach(task, folder, "extractor")
    ranks.told(True)  # the first process has written its weights
    network = task.network()
    network.load_state_dict(weights_in(folder / BEST))
    others = [scan for scan in scans if scan.patient not in apart]
    if chosen.plain:
        _train_plain(order, chosen, others, folds, teach, ranks)
    return [cut_out(network, scan, chosen) for scan in others]


def _train_plain(order, chosen, scans, folds, teach, ranks) -> None:
    """A network on whole volumes for each fold, and what it says of the scans it validates."""
    for number in order.only or range(1, len(folds) + 1):
        train, validation = (
            [scan for scan in scans if scan.patient in part]
            for part in (folds[number - 1].train, folds[number - 1].validation)
        )
        task = ExtensionTask(chosen, train, validation, order.seed, number, chosen.extractor)
        folder = fold_folder(order.out, number) / PLAIN
        folder.mkdir(parents=True, exist_ok=True)
        teach(task, folder, f"fold {number}, plain DenseNet")
        if ranks.first and not (folder / SAID).exists():
            network = task.network()
            network.load_state_dict(weights_in(folder / BEST))
            said = {scan.name: task.probability(network, scan) for scan in validation}
            write_text_whole(folder / SAID, json.dumps(said))


def cut_out(extractor: torch.nn.Module, scan: Prepared, chosen: ExtensionTraining) -> Prepared:
    """``scan`` with its VOI in place of its volume: values (1, z, y, x), and the truth there."""
    body = np.asarray(scan.values[1]) > 0.5
    volume = extension.Volume(seen(scan), body, voxels_only(body.shape))
    heat = extension.refined_heat(extractor, volume)
    cut = extension.extracted(heat, volume, chosen.preparation).cut
    return replace(scan, values=volume.values[(slice(None), *cut)], truth=scan.truth[cut])


def finish(
    order: Order,
    chosen: ExtensionTraining,
    scans: list[Prepared],
    folds: list[ExtensionFold],
    say: Callable[[str], None],
) -> None:
    """Writes ``out_of_fold.csv`` and the model folder. ``scans``: VOIs, of the folds' patients."""
    from HNCLogic.models.writing import write_model
    from HNCLogic.networks.gmgenet import joined

    extractor = weights_in(order.out / EXTRACTOR / BEST)
    verdicts, states = Verdicts(), []
    for number, fold in enumerate(folds, start=1):
        task = ExtensionTask(chosen, [], [], order.seed, number)
        network, weights = task.network(), fold_weights(order.out, number)
        network.load_state_dict(weights)
        states.append(joined(extractor, weights))
        validation = [scan for scan in scans if scan.patient in fold.validation]
        verdicts.add(validation, [task.probability(network, scan) for scan in validation])
    figures = verdicts.written(order.out, say)
    if chosen.plain:
        plain = Verdicts()
        for number, fold in enumerate(folds, start=1):
            path = fold_folder(order.out, number) / PLAIN / SAID
            said = json.loads(path.read_text(encoding="utf-8"))
            validation = [scan for scan in scans if scan.patient in fold.validation]
            plain.add(validation, [said[scan.name] for scan in validation])
        plain.written(order.out, say, PLAIN_OUT_OF_FOLD, "plain DenseNet, ")
    seconds = seconds_trained(order.out, len(folds)) + seconds_in(order.out / EXTRACTOR)
    write_model(
        order.out / MODEL,
        common(order, scans, seconds, "extension")
        | _card(order, chosen, folds, verdicts.threshold, figures),
        states,
    )
    say(f"{order.out / MODEL}: the model")


def _card(order, chosen, folds, threshold, figures) -> dict[str, Any]:
    """What of the card is this method's."""
    return {
        "name": order.name or "extension-ct",
        "method": "extension",
        "network": {
            "name": "gmgenet",
            "arguments": {
                "extractor": chosen.extractor.model_dump(),
                "classifier": chosen.classifier.model_dump(),
            },
        },
        "inputs": [{"role": "CT"}],
        "preprocessing": chosen.preparation.model_dump(mode="json"),
        "classes": ["extracapsular extension"],
        "threshold": threshold,
        "metrics": figures,
        "defaults_taken": [
            *settings_in_words(chosen),
            f"the extractor was trained on {len(folds[0].extractor)} further patients, who are in "
            "none of the folds",
        ],
    }
