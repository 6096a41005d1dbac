"""Weights that a training begins with, instead of fresh ones: of a model, or of another run's fold.

Trained weights know the patients they were trained on: where such a patient is in the new cohort,
the new folds' figures would be worthless. So a run's own images are asked for by their hashes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from HNCLogic.errors import InputError
from HNCLogic.training.known_images import known_images
from HNCLogic.training.prepared import Prepared
from HNCLogic.training.run_folder import RUN

if TYPE_CHECKING:
    import torch


def start_weights(path: Path, fold: int) -> dict[str, torch.Tensor]:
    """Of fold ``fold`` of the model folder ``path`` (its first where it has fewer), or of a file.

    Tensors float32. Raises InputError where there are none.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    file = _file(path, fold)
    try:
        return {name: tensor.float() for name, tensor in load(file.read_bytes()).items()}
    except (OSError, SafetensorError) as error:
        raise InputError(f"{file} holds no weights (.safetensors) to start with") from error


def start_hash(path: Path) -> str:
    """SHA-256 of all the weights that ``path`` offers."""
    digest = hashlib.sha256()
    for file in sorted(path.glob("fold-*.safetensors")) if path.is_dir() else [path]:
        try:
            digest.update(file.read_bytes())
        except OSError as error:
            raise InputError(f"{file} cannot be read: {error.strerror}") from error
    return digest.hexdigest()


def refuse_known_images(path: Path, scans: Sequence[Prepared]) -> None:
    """Raises InputError where the run that ``path`` lies in was made with images of ``scans``, or
    with mirrored or shifted copies of them."""
    run = next((p for p in path.absolute().parents if (p / RUN).exists()), None)
    if run is None:
        return
    known = known_images(run)
    shared = sum(bool(known.patients(scan.facts)) for scan in scans) if known else 0
    if shared:
        raise InputError(
            f"{path} was trained in a run that holds {shared} of this cohort's scans: start with "
            "weights of other patients, or the folds' figures would be worthless"
        )


def _file(path: Path, fold: int) -> Path:
    if not path.exists():
        raise InputError(f"{path}: no such model or weights to start with")
    if not path.is_dir():
        return path
    own = path / f"fold-{fold}.safetensors"
    return own if own.exists() else path / "fold-1.safetensors"
