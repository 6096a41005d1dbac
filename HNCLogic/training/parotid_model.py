"""Around the folds of a parotid run: before each its slice networks, at the end the models."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from HNCLogic.errors import InputError
from HNCLogic.training.cards import common, settings_in_words
from HNCLogic.training.parotid_settings import ParotidTraining
from HNCLogic.training.parotid_slices import with_vectors
from HNCLogic.training.parotid_task import (
    SequenceTask,
    SliceTask,
    class_auc,
    class_of,
)
from HNCLogic.training.prepared import Prepared
from HNCLogic.training.run_folder import (
    BESIDE,
    BEST,
    MODEL,
    fold_folder,
    seconds_in,
    seconds_trained,
    weights_in,
    write_out_of_fold,
)
from HNCLogic.training.splits import Fold

if TYPE_CHECKING:
    import torch

    from HNCLogic.training.ranks import Ranks
    from HNCLogic.training.run import Order

FIGURES_OF = "validation folds, on which epochs were chosen"


def vectors_by_slice_networks(
    order: Order,
    chosen: ParotidTraining,
    train: list[Prepared],
    validation: list[Prepared],
    number: int,
    teach: Callable[..., None],
    ranks: Ranks,
) -> tuple[list[Prepared], list[Prepared]]:
    """The first stage of fold ``number``: give the parts with vectors for slices.

    ``teach`` trains a task in a folder, by a stage's settings. What is trained beside the chosen
    fusion is trained here, too. Raises InputError for weights to start with, which fit one of
    many networks only.
    """
    from HNCLogic.inference.device import choose_device

    if order.start is not None:
        raise InputError(
            "--start has no effect on parotid, which has several networks: leave it out, or give "
            "resnet18's weights with --set imagenet=FILE.safetensors"
        )
    folder = fold_folder(order.out, number)
    ways = [chosen.fusion, *chosen.ways]
    networks: dict[tuple[str, ...], torch.nn.Module] = {}
    for group in dict.fromkeys(group for way in ways for group in chosen.groups(way)):
        task = SliceTask(chosen, train, validation, order.seed, number, group=group)
        place = _slices_folder(folder, group)
        place.mkdir(parents=True, exist_ok=True)
        teach(task, place, f"fold {number}, slices of {' + '.join(group)}", chosen.slices)
        ranks.told(True)  # the first process has written the weights
        networks[group] = task.network()
        networks[group].load_state_dict(weights_in(place / BEST))
        networks[group].to(choose_device(order.device)).requires_grad_(False)
    # Of the parts every slice network's vectors are computed once; a way takes its own.
    groups, chance = list(networks), (order.seed, number, 4)
    parts = [
        with_vectors(networks, train, chosen, groups, chance),
        with_vectors(networks, validation, chosen, groups, None),
    ]
    for way in chosen.ways:
        own = (_branches(part, [groups.index(g) for g in chosen.groups(way)]) for part in parts)
        task = SequenceTask(chosen, *own, order.seed, number, way=way)
        place = folder / way
        place.mkdir(exist_ok=True)
        teach(task, place, f"fold {number}, {way}", chosen.sequence)
    own = [groups.index(group) for group in chosen.groups(chosen.fusion)]
    return tuple(_branches(part, own) for part in parts)


def _branches(scans: list[Prepared], branches: list[int]) -> list[Prepared]:
    from dataclasses import replace

    return [replace(scan, values=scan.values[:, :, branches]) for scan in scans]


def _slices_folder(folder: Path, group: tuple[str, ...]) -> Path:
    return folder / f"slices-{'+'.join(group)}"


def finish(
    order: Order,
    chosen: ParotidTraining,
    scans: list[Prepared],
    folds: list[Fold],
    say: Callable[[str], None],
) -> None:
    """Writes ``out_of_fold.csv``, the model folder, and a model for each way beside it."""
    for way in [*chosen.ways, chosen.fusion]:
        rows, states = _folds_of(order, chosen, scans, folds, way)
        figures = figures_of(rows, chosen)
        for one in figures[:1]:
            say(f"{way}: {one['name']} {one['value']:.3f} ({one['data']})")
        out = order.out / MODEL
        if way == chosen.fusion:
            write_out_of_fold(
                order.out, [{k: v for k, v in r.items() if k != "said"} for r in rows]
            )
        else:
            out = order.out / BESIDE / way
            out.parent.mkdir(exist_ok=True)
            if out.exists():
                continue  # of a run that was killed between models
        _write(order, chosen, scans, folds, way, figures, states, out)
        say(f"{out}: the model")


def _folds_of(order, chosen, scans, folds, way) -> tuple[list[dict], list[dict]]:
    """What each fold's network says of the scans it validates, and its weights."""
    from HNCLogic.networks.registry import make

    network = make("parotid", chosen.network_arguments(way))
    rows: list[dict[str, Any]] = []
    states = []
    for number, fold in enumerate(folds, start=1):
        states.append(_joined(order, chosen, number, way))
        network.load_state_dict(states[-1])
        for scan in scans:
            if scan.patient not in fold.validation:
                continue
            said = probabilities(network, scan, chosen, way)
            rows.append(
                {"scan": scan.name, "label": int(scan.label), "fold": number,
                 "probability": float(said[-1])}
                | {name: float(p) for name, p in zip(chosen.class_names, said, strict=True)}
                | {"said": said, "true class": class_of(scan, chosen)}
            )  # fmt: skip
    return rows, states


def _joined(order: Order, chosen: ParotidTraining, number: int, way: str) -> dict:
    """The ``state_dict`` of a ``ParotidNet`` from those of its parts."""
    folder = fold_folder(order.out, number)
    last = folder if way == chosen.fusion else folder / way
    held = {f"sequence.{name}": value for name, value in weights_in(last / BEST).items()}
    for branch, group in enumerate(chosen.groups(way)):
        own = weights_in(_slices_folder(folder, group) / BEST)
        held |= {f"branches.{branch}.{name}": value for name, value in own.items()}
    return held


def probabilities(
    network: torch.nn.Module, scan: Prepared, chosen: ParotidTraining, way: str
) -> np.ndarray:
    """What a whole network of ``way`` says of a scan, (class,)."""
    import torch

    channels = [chosen.roles.index(role) for role in chosen.roles_of(way)]
    values = np.asarray(scan.values[channels], np.float32).swapaxes(0, 1)
    slices = torch.from_numpy(np.ascontiguousarray(values))[None]
    boxes = torch.from_numpy(np.array(scan.boxes, np.float32))[None]
    network.eval()
    with torch.inference_mode():
        logits = network(slices, boxes, torch.ones(slices.shape[:2], dtype=torch.bool))
    return logits[0].double().softmax(dim=0).numpy()


def figures_of(rows: list[dict[str, Any]], chosen: ParotidTraining) -> list[dict[str, Any]]:
    """AUC, mean of folds and by fold, and how the most probable class does."""
    truth, fold = (np.array([row[k] for row in rows]) for k in ("true class", "fold"))
    said = np.stack([row["said"] for row in rows])
    each = [class_auc(truth[fold == n], said[fold == n]) for n in np.unique(fold)]
    figures = [{"name": "AUC, mean of folds", "value": float(np.mean(each)), "data": FIGURES_OF}]
    figures += [
        {"name": f"AUC, fold {n}", "value": value, "data": FIGURES_OF}
        for n, value in enumerate(each, start=1)
    ]
    called, malignant = said.argmax(axis=1), len(chosen.class_names) - 1
    figures.append(
        {"name": "accuracy", "value": float((called == truth).mean()), "data": FIGURES_OF}
    )
    for name, where in (("sensitivity", truth == malignant), ("specificity", truth != malignant)):
        right = (called[where] == malignant) == (truth[where] == malignant)
        figures.append(
            {"name": f"{name} for malignant", "value": float(right.mean()), "data": FIGURES_OF}
        )
    return figures


def _write(order, chosen, scans, folds, way, figures, states, out: Path) -> None:
    from HNCLogic.models.writing import write_model

    seconds = seconds_trained(order.out, len(folds))
    for number in range(1, len(folds) + 1):
        folder = fold_folder(order.out, number)
        for group in dict.fromkeys(chosen.groups(way)):
            seconds += seconds_in(_slices_folder(folder, group))
    begun = []
    if chosen.imagenet is not None:
        digest = hashlib.sha256(chosen.imagenet.read_bytes()).hexdigest()
        begun = [f"slice networks began with resnet18's weights (sha256 {digest[:16]}…)"]
    name = order.name or f"parotid-{chosen.classes}-{chosen.fusion}"
    card = common(order, scans, seconds, "a malignant tumour") | {
        "name": name if way == chosen.fusion else f"{name}-beside-{way.lower()}",
        "method": "parotid",
        "network": {"name": "parotid", "arguments": chosen.network_arguments(way)},
        "inputs": [{"role": role} for role in chosen.roles_of(way)],
        "preprocessing": chosen.preparation.model_dump(mode="json"),
        "classes": list(chosen.class_names),
        "metrics": figures,
        "defaults_taken": [*settings_in_words(chosen, frozenset({"imagenet"})), *begun],
    }
    write_model(out, card, states)
