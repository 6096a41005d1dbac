"""Where things lie in a training run's folder, and what its end writes for every method."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from HNCLogic.errors import InputError
from HNCLogic.outputs import write_text_whole

if TYPE_CHECKING:
    import torch

RUN, FOLDS, CACHE, MODEL, OUT_OF_FOLD = (
    "run.json", "folds.json", "cache", "model", "out_of_fold.csv",
)  # fmt: skip
# Of tumour volume: the model of method 1 that judges by what is outlined, and its answers.
VERDICT, VERDICT_OUT_OF_FOLD = "verdict", "verdict_out_of_fold.csv"
BEST, DONE = "best.safetensors", "done.json"  # in a fold's folder
# Of extension: a plain DenseNet's folder in a fold's, and its out-of-fold answers.
PLAIN, PLAIN_OUT_OF_FOLD = "plain", "plain_out_of_fold.csv"
BESIDE = "beside"  # models that were trained beside the model, to be compared with


def fold_folder(out: Path, number: int) -> Path:
    return out / f"fold-{number}"


def fold_weights(out: Path, number: int) -> dict[str, torch.Tensor]:
    """The weights a finished fold keeps. Raises InputError where they are not there or damaged."""
    return weights_in(fold_folder(out, number) / BEST)


def weights_in(path: Path) -> dict[str, torch.Tensor]:
    """The weights of a finished training. Raises InputError as ``fold_weights``."""
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        return load(path.read_bytes())
    except (OSError, SafetensorError) as error:
        raise InputError(f"{path} cannot be read: the fold is not trained to its end") from error


def seconds_trained(out: Path, folds: int) -> float:
    """Of all folds, and of all repeats where there were some."""
    total = 0.0
    for number in range(1, folds + 1):
        total += seconds_in(fold_folder(out, number))
    return total


def seconds_in(folder: Path) -> float:
    """Of the finished training, or repeats of one, in ``folder``."""
    held = json.loads((folder / DONE).read_text(encoding="utf-8"))
    return held.get("all_seconds") or sum(entry["seconds"] for entry in held["history"])


def write_out_of_fold(out: Path, rows: list[dict[str, Any]], name: str = OUT_OF_FOLD) -> None:
    """What each fold says of patients it was not trained on; columns as of the first row."""
    text = io.StringIO()
    table = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    write_text_whole(out / name, text.getvalue())
