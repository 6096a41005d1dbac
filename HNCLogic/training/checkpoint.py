"""The state of a training run on disk: one safetensors file, whole or not there, no pickle.

Weights, the optimiser's moments and the best weights so far are its tensors; all else (epoch,
scores, learning rates) is JSON in its header. One file, so that one rename makes it the last good
state whatever happens while it is written.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from HNCLogic.errors import InputError
from HNCLogic.outputs import write_file_whole

if TYPE_CHECKING:
    import torch

FORMAT = "hnc-checkpoint-1"
LARGEST_HEADER = 50_000_000  # bytes
WEIGHTS, MOMENTS, BEST = "weights/", "optimiser/", "best/"


@dataclass
class Checkpoint:
    """All that an uninterrupted run would have in memory after ``epoch``."""

    epoch: int
    weights: dict[str, torch.Tensor]
    optimiser: dict[str, Any]  # as the optimiser's ``state_dict``
    schedule: dict[str, Any] | None = None  # the same of the learning rate's schedule
    scaler: dict[str, Any] | None = None  # of float16's loss scaling
    best: dict[str, torch.Tensor] = field(default_factory=dict)
    best_epoch: int = 0
    history: list[dict[str, float]] = field(default_factory=list)  # an entry for each epoch
    settings: dict[str, Any] = field(default_factory=dict)  # what must not change on resuming


def save_checkpoint(path: Path, state: Checkpoint) -> None:
    """Write ``state`` to ``path``; the file before stays until the new one is whole and on disk.

    Raises InputError where it cannot be written, as on a full disk.
    """
    from safetensors.torch import save

    tensors = {WEIGHTS + name: _plain(value) for name, value in state.weights.items()}
    tensors |= {BEST + name: _plain(value) for name, value in state.best.items()}
    moments, scalars = _split(state.optimiser["state"])
    tensors |= moments
    header = {
        "format": FORMAT,
        "epoch": state.epoch,
        "best_epoch": state.best_epoch,
        "history": state.history,
        "settings": state.settings,
        "scalars": scalars,
        "groups": state.optimiser["param_groups"],
        "schedule": state.schedule,
        "scaler": state.scaler,
    }
    held = save(tensors, {"state": json.dumps(header)})

    def write(part: Path) -> None:
        with part.open("wb") as file:
            file.write(held)
            file.flush()
            os.fsync(file.fileno())

    write_file_whole(path, write)


def load_checkpoint(path: Path) -> Checkpoint | None:
    """The state in ``path``; None where there is none.

    Raises InputError where the file is no checkpoint of ours or damaged.
    """
    from safetensors import SafetensorError, safe_open

    if not path.exists():
        return None
    try:
        with safe_open(path, "pt") as file:
            said = (file.metadata() or {}).get("state", "")
            if len(said) > LARGEST_HEADER:
                raise ValueError("header too large")
            header = json.loads(said)
            if header.get("format") != FORMAT:
                raise ValueError("another format")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        optimiser = {"state": _joined(tensors, header["scalars"]), "param_groups": header["groups"]}
        return Checkpoint(
            epoch=int(header["epoch"]),
            weights=_named(tensors, WEIGHTS),
            optimiser=optimiser,
            schedule=header["schedule"],
            scaler=header["scaler"],
            best=_named(tensors, BEST),
            best_epoch=int(header["best_epoch"]),
            history=header["history"],
            settings=header["settings"],
        )
    except (SafetensorError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path} is no checkpoint, or a damaged one ({str(error)[:80]}): remove it, and this "
            "fold starts anew"
        ) from error


def _plain(tensor: torch.Tensor) -> torch.Tensor:
    """A copy of its own on the CPU: safetensors takes neither views nor shared memory."""
    return tensor.detach().cpu().contiguous().clone()


def _named(tensors: dict, prefix: str) -> dict[str, torch.Tensor]:
    return {
        name.removeprefix(prefix): value
        for name, value in tensors.items()
        if name.startswith(prefix)
    }


def _split(state: dict) -> tuple[dict[str, torch.Tensor], dict[str, dict[str, float]]]:
    """An optimiser's state by parameter, parted into tensors and plain numbers."""
    import torch

    tensors, scalars = {}, {}
    for number, held in state.items():
        for key, value in held.items():
            if isinstance(value, torch.Tensor):
                tensors[f"{MOMENTS}{number}/{key}"] = _plain(value)
            else:
                scalars.setdefault(str(number), {})[key] = value
    return tensors, scalars


def _joined(tensors: dict, scalars: dict) -> dict[int, dict[str, Any]]:
    state: dict[int, dict[str, Any]] = {int(n): dict(held) for n, held in scalars.items()}
    for name, value in _named(tensors, MOMENTS).items():
        number, key = name.split("/", 1)
        state.setdefault(int(number), {})[key] = value
    return state
