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
DENSE = {"growth": 2, "layers": [1, 1], "stem_filters": 2}
EXTENSION = {"extractor": DENSE, "classifier": DENSE | {"stem_stride": 1}}
PAROTID = {
    "in_channels": 3, "classes": 2, "fusion": "late-splice", "widths": [4, 6], "roi": 2,
    "features": 8, "d_model": 12, "heads": 2, "feed_forward": 10,
}  # fmt: skip
WORDS = {
    "version": "0.1",
    "training": {"words": "nothing: random weights, for tests"},
    "intended_use": "Tests.",
    "licence": "Apache-2.0",
}
NAMES = {
    "presence": "tiny-presence",
    "volume": "tiny-volume",
    "slow": "slow-presence",
    "extension": "tiny-extension",
    "parotid": "tiny-parotid",
}


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


def extension_card(name: str, arguments: dict, **preprocessing) -> dict:
    """The card of a model of method 5."""
    return {
        **WORDS,
        "name": name,
        "method": "extension",
        "network": {"name": "gmgenet", "arguments": arguments},
        "inputs": [{"role": "CT"}],
        "preprocessing": preprocessing,
        "classes": ["extracapsular extension"],
        "threshold": {"value": 0.5, "chosen_by": "hand"},
    }


def parotid_card(name: str, arguments: dict, roles: list[str], classes: list[str], **chosen):
    """The card of a model of method 4."""
    return {
        **WORDS,
        "name": name,
        "method": "parotid",
        "network": {"name": "parotid", "arguments": arguments},
        "inputs": [{"role": role} for role in roles],
        "preprocessing": chosen,
        "classes": classes,
    }


def extension_states(arguments: dict, folds: int) -> list[dict]:
    """One extractor, and a classifier for each fold, as training joins them."""
    from HNCLogic.networks.gmgenet import joined
    from HNCLogic.networks.registry import make

    extractor = make("gmgenet", arguments).extractor.state_dict()
    each = [make("gmgenet", arguments).classifier.state_dict() for _ in range(folds)]
    return [joined(extractor, classifier) for classifier in each]


def tiny_model_folders(folder: Path) -> dict[str, Path]:
    """Where ``write_tiny_models`` puts them, by the keys of ``NAMES``."""
    return {key: folder / name for key, name in NAMES.items()}


def write_tiny_models(folder: Path) -> dict[str, Path]:
    """Models of four methods, two folds each, and ``slow``: one of method 1 that takes a minute,
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
    small = {"size": [18, 30, 30], "voi": [5, 18, 18], "spacing_mm": 3.0}
    extension = extension_card(NAMES["extension"], EXTENSION, **small)
    write_model(folders["extension"], extension, extension_states(EXTENSION, 2))
    roles, kinds = ["T2", "CE-T1", "DWI-b1000"], ["benign", "malignant"]
    parotid = parotid_card(NAMES["parotid"], PAROTID, roles, kinds, pixels=64)
    write_model(folders["parotid"], parotid, states("parotid", PAROTID))
    return folders


if __name__ == "__main__":
    write_tiny_models(Path(sys.argv[1]))
