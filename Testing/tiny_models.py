"""Model folders of random weights, small enough for tests: ``write_tiny_models(FOLDER)``.

Writing them needs torch. Where a test's own process stands for Slicer's, which never imports it,
a child process writes: ``python -m Testing.tiny_models FOLDER``.
"""

from __future__ import annotations

import sys
from pathlib import Path

PRESENCE = {"in_channels": 1, "entry_filters": 2, "filters": [2, 4], "dense": 4}
SLOW = {"in_channels": 1, "entry_filters": 8, "filters": [8, 16], "dense": 4}
VOLUME = {"in_channels": 2, "classes": 3, "widths": [2, 4, 8], "heads": 2, "patch": [16, 32, 32]}
WORDS = {
    "version": "0.1",
    "training": {"words": "nothing: random weights, for tests"},
    "intended_use": "Tests.",
    "licence": "Apache-2.0",
}
NAMES = {"presence": "tiny-presence", "volume": "tiny-volume", "slow": "slow-presence"}


def presence_card(name: str, arguments: dict, **preprocessing) -> dict:
    """The card of a model of method 1 that takes a PET."""
    return {
        **WORDS,
        "name": name,
        "method": "presence",
        "network": {"name": "presence", "arguments": arguments},
        "inputs": [{"role": "PET"}],
        "preprocessing": preprocessing,
        "classes": ["cancer"],
        "threshold": {"value": 0.5, "chosen_by": "hand"},
        "aggregation": "mean",
    }


def tiny_model_folders(folder: Path) -> dict[str, Path]:
    """Where ``write_tiny_models`` puts them: "presence", "volume" and "slow"."""
    return {key: folder / name for key, name in NAMES.items()}


def write_tiny_models(folder: Path) -> dict[str, Path]:
    """Models of both methods, two folds each, and ``slow``: one of method 1 that takes a minute,
    its many folds large enough to be stopped half-way."""
    import torch

    from HNCLogic.models.writing import write_model
    from HNCLogic.networks.registry import make

    torch.manual_seed(0)

    def states(name, arguments):
        return [make(name, arguments).state_dict() for _ in range(2)]

    presence = presence_card(NAMES["presence"], PRESENCE, pixels=16, window=8, stride=4)
    volume = {
        **WORDS,
        "name": NAMES["volume"],
        "method": "tumour-volume",
        "network": {"name": "attention-unet", "arguments": VOLUME},
        "inputs": [{"role": "PET"}, {"role": "CT", "required": False}],
        "preprocessing": {"spacing_mm": 6.0, "pixels": 32, "patch_slices": 16, "stride": 8},
        "classes": ["background", "primary", "node"],
    }
    slow = presence_card(NAMES["slow"], SLOW, pixels=64, window=16, stride=1)
    folders = tiny_model_folders(folder)
    write_model(folders["presence"], presence, states("presence", PRESENCE))
    write_model(folders["volume"], volume, states("attention-unet", VOLUME))
    write_model(folders["slow"], slow, states("presence", SLOW) * 30)
    return folders


if __name__ == "__main__":
    write_tiny_models(Path(sys.argv[1]))
