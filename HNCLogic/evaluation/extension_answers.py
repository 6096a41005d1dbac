"""What a model of method 5 says of each scan of a cohort, by the code that answers a user, and
what a plain DenseNet that was trained beside it says of the whole volume."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from HNCLogic.errors import InputError
from HNCLogic.evaluation.each_scan import each_scan
from HNCLogic.evaluation.heatmaps import Fidelity, fidelity
from HNCLogic.images.neck_landmarks import neck_range
from HNCLogic.images.study import read_study
from HNCLogic.methods import extension
from HNCLogic.progress import Progress
from HNCLogic.training.run_folder import BEST, PLAIN, PLAIN_OUT_OF_FOLD, fold_folder, weights_in

if TYPE_CHECKING:
    import numpy as np
    import torch

    from HNCLogic.evaluation.presence_answers import Asked
    from HNCLogic.evaluation.run_folder import TrainingRun
    from HNCLogic.models.folder import Model
    from HNCLogic.training.cohort import Cohort


@dataclass(frozen=True)
class Plain:
    """The plain DenseNets of a run, fold 1 first, and the threshold of each."""

    networks: list[torch.nn.Module]
    thresholds: list[float]


@dataclass(frozen=True)
class Answer:
    """Probabilities by fold: of all, or of the one fold that judges the scan."""

    asked: Asked
    two_step: dict[int, float]
    plain: dict[int, float]  # empty without plain networks
    heat: Fidelity
    warnings: list[str]


def plain_of(run: TrainingRun | None, model: Model) -> Plain | None:
    """The plain networks in ``run``; None where it trained none.

    Raises InputError where weights or table are damaged.
    """
    from HNCLogic.networks.registry import make

    if run is None or not (run.folder / PLAIN_OUT_OF_FOLD).is_file():
        return None
    # As in training: of the extractor's kind.
    arguments = model.card.network.arguments["extractor"]
    networks = []
    for number in range(1, model.folds + 1):
        network = make("dense-net-3d", arguments)
        network.load_state_dict(weights_in(fold_folder(run.folder, number) / PLAIN / BEST))
        networks.append(network.eval())
    return Plain(networks, _thresholds(run.folder / PLAIN_OUT_OF_FOLD, model.folds))


def _thresholds(path: Path, folds: int) -> list[float]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            found = {int(row["fold"]): float(row["threshold"]) for row in csv.DictReader(file)}
        return [found[number] for number in range(1, folds + 1)]
    except (OSError, UnicodeDecodeError, csv.Error, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path} is not the table of a training run: train anew") from error


def ask_all(
    asked: Sequence[Asked],
    model: Model,
    plain: Plain | None,
    cohort: Cohort,
    folds: Mapping[str, int] | None,
    progress: Progress,
) -> list[Answer]:
    """Each scan in turn. ``folds``: by scan's name the one fold that judges it; None: all.

    Raises InputError, with the entry of the table, where an image or a mask cannot be used.
    """
    preparation = model.preparation(extension.Preparation)
    networks = [deepcopy(network) for network in model.networks()]  # one and the same, filled anew

    def answer(place: int, one: Asked, tell: Progress) -> Answer:
        ct = read_study(one.images)
        region, warnings = neck_range(ct.image("CT"), margin_mm=preparation.margin_mm)
        volume = extension.prepare(ct, region, preparation)
        numbers = range(1, len(networks) + 1) if folds is None else [folds[one.scan.name]]
        # The extractor is the same in all folds.
        heat = extension.refined_heat(networks[numbers[0] - 1].extractor, volume)
        voi = extension.extracted(heat, volume, preparation)
        said = {n: extension.judged(networks[n - 1].classifier, volume, voi) for n in numbers}
        whole = {n: _of_whole(plain.networks[n - 1], volume) for n in numbers} if plain else {}
        return Answer(one, said, whole, _fidelity(one, heat, volume, region), warnings)

    return each_scan(asked, cohort.path, progress, answer)


def _of_whole(network: torch.nn.Module, volume: extension.Volume) -> float:
    import torch

    with torch.inference_mode():
        return float(network(torch.from_numpy(volume.values)[None]).double().sigmoid().item())


def _fidelity(one: Asked, heat: np.ndarray, volume: extension.Volume, region) -> Fidelity:
    """The heat map against contoured nodes, on the volume's own voxels."""
    from HNCLogic.images.read import read_mask

    mask = None
    if one.scan.mask is not None:
        mask = read_mask(one.scan.mask, volume.grid, resample=True)
    return fidelity(volume.grid.image(heat), region, mask)
