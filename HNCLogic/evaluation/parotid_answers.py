"""What models of method 4 say of each scan of a cohort: the whole sequence, and each slice alone.

The model and those that were trained beside it (other ways to fuse, sequences alone) look at the
very same slices, which are prepared once, by the code that answers a user.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from HNCLogic.errors import InputError
from HNCLogic.evaluation.each_scan import each_scan
from HNCLogic.images.study import read_study
from HNCLogic.methods import parotid
from HNCLogic.methods.box_slices import box_of
from HNCLogic.networks.parotid_fusion import fused_channels
from HNCLogic.progress import Progress

if TYPE_CHECKING:
    from HNCLogic.evaluation.presence_answers import Asked
    from HNCLogic.models.folder import Model
    from HNCLogic.networks.parotid import ParotidNet
    from HNCLogic.training.cohort import Cohort


@dataclass(frozen=True)
class Answer:
    """``sequences``: by model the probabilities (class,), mean of the folds' networks. ``slices``:
    by what a slice network looks at ("T2", or three sequences) those of each slice (slice, class).
    """

    asked: Asked
    subtype: str | None
    sequences: dict[str, np.ndarray]
    slices: dict[str, np.ndarray]
    warnings: list[str]


@dataclass(frozen=True)
class _Way:
    """One model: its networks, and which channels of the prepared slices are its own."""

    networks: list[ParotidNet]
    channels: list[int]
    groups: list[str]  # what each branch looks at, in words


def way_name(model: Model) -> str:
    """What a model is called in tables: the one sequence it looks at, or its way to fuse."""
    roles = [source.role for source in model.card.inputs]
    return roles[0] if len(roles) == 1 else model.card.network.arguments["fusion"]


def ask_all(
    asked: Sequence[Asked],
    models: Mapping[str, Model],
    cohort: Cohort,
    folds: Mapping[str, int] | None,
    progress: Progress,
) -> list[Answer]:
    """Each scan in turn. ``models``: the model, then those beside it, whose sequences it has all.

    ``folds``: by scan's name the one fold that judges it; None: all folds. Raises InputError, with
    the entry of the table, where box or images cannot be used.
    """
    first = next(iter(models.values()))
    roles = [source.role for source in first.card.inputs]
    preparation = first.preparation(parotid.Preparation)
    ways = {name: _way(model, roles) for name, model in models.items()}

    def answer(place: int, one: Asked, tell: Progress) -> Answer:
        facts = one.scan.facts
        if not facts.get("box"):
            raise InputError("there is no box about the tumour: fill in column 'box'")
        study = read_study(one.images)
        slices = parotid.prepare(study, box_of(facts["box"]), preparation, roles)
        fold = None if folds is None else folds[one.scan.name]
        sequences: dict[str, np.ndarray] = {}
        alone: dict[str, np.ndarray] = {}
        for name, way in ways.items():
            networks = way.networks if fold is None else [way.networks[fold - 1]]
            sequences[name], own = _said(networks, way, slices, alone)
            alone |= own
        return Answer(one, facts.get("subtype") or None, sequences, alone, slices.warnings)

    return each_scan(asked, cohort.path, progress, answer)


def _way(model: Model, roles: Sequence[str]) -> _Way:
    own = [source.role for source in model.card.inputs]
    arguments = model.card.network.arguments
    groups = fused_channels(arguments["fusion"], arguments["in_channels"])
    return _Way(
        [deepcopy(network) for network in model.networks()],  # one and the same, filled anew
        [roles.index(role) for role in own],
        [" + ".join(own[channel] for channel in group) for group in groups],
    )


def _said(
    networks: Sequence[ParotidNet], way: _Way, slices: parotid.TumourSlices, known
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Of the sequence, and of each slice by each branch that is not ``known`` yet."""
    import torch

    values = torch.from_numpy(np.ascontiguousarray(slices.values[:, way.channels]))
    boxes = torch.from_numpy(slices.boxes)
    present = torch.ones((1, len(boxes)), dtype=torch.bool)
    whole, alone = [], {}
    with torch.inference_mode():
        for network in networks:
            logits = network(values[None], boxes[None], present)[0]
            whole.append(logits.double().softmax(dim=0).numpy())
            for group, branch, channels in zip(
                way.groups, network.branches, network.channels, strict=True
            ):
                if group in known:
                    continue
                seen = values[:, channels if len(channels) == 3 else channels * 3]
                said = branch(seen, boxes).double().softmax(dim=1).numpy()
                alone.setdefault(group, []).append(said)
    return np.mean(whole, axis=0), {g: np.mean(said, axis=0) for g, said in alone.items()}
