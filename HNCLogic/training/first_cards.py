"""Cards of the first models, and packing a finished run into a model folder.

python -m HNCLogic.training.first_cards presence --run RUN --out FOLDER
python -m HNCLogic.training.first_cards volume --run RUN --out FOLDER [--held-out FILE]
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from HNCLogic.methods import presence, tumour_volume
from HNCLogic.training.first_models import (
    CT_MISSING,
    FOLDS,
    HELD_OUT,
    PRESENCE_NETWORK,
    VOLUME_NETWORK,
)

INTENDED_USE = (
    "Research use only: to try the software, and as a starting point. Not a medical device, not "
    "for diagnosis, staging or treatment. It was never trained on a real head-and-neck PET."
)
LICENCE = "Apache-2.0"


def presence_card(folds: list[dict], settings: dict) -> dict:
    """The card of method 1's first model; figures are those of the validation folds."""
    probabilities = [p for fold in folds for p in fold["patients"]]
    simulated = settings["base"] + settings["patients"]
    thresholds = [fold["threshold"] for fold in folds]
    return {
        "name": "presence-pet",
        "version": "0.1.0",
        "method": "presence",
        "network": {"name": "presence", "arguments": PRESENCE_NETWORK},
        "inputs": [{"role": "PET", "required": True}],
        "preprocessing": presence.Preparation().model_dump(mode="json"),
        "classes": ["cancer"],
        "threshold": {
            "value": float(np.mean(thresholds)),
            "per_fold": thresholds,
            "chosen_by": "mean over five folds of the threshold where sensitivity and "
            "specificity are closest, on validation patients (Rainio 2024)",
        },
        "aggregation": "mean",
        "training": {
            "words": f"{simulated} simulated patients and {settings['real']} real patients with "
            "soft-tissue sarcoma (each also with the tumour painted out, as a negative); no real "
            "head-and-neck PET",
            "data": [
                *_simulated_words(settings),
                f"{settings['real']} patients of TCIA Soft-tissue-Sarcoma, PET cropped about the "
                f"tumour, and their twins; held out: {', '.join(HELD_OUT)}",
            ],
            "counts": {"simulated": simulated, "real, sarcoma": settings["real"]},
        },
        "metrics": [
            *_auc_rows(folds, "validation folds, simulated and sarcoma, chosen on"),
            {
                "name": "sensitivity at the folds' thresholds",
                "value": _rate(folds, True),
                "data": "validation folds, on which thresholds were chosen",
            },
            {
                "name": "specificity at the folds' thresholds",
                "value": _rate(folds, False),
                "data": "validation folds, on which thresholds were chosen",
            },
            {
                "name": "patients in validation",
                "value": float(len(probabilities)),
                "data": "five validation folds",
            },
        ],
        "intended_use": INTENDED_USE,
        "licence": LICENCE,
        "defaults_taken": [
            "filters 16 and 32, not the paper's 64 and 128; entry 8, dense 64: a small model",
            "one channel of the last attention block was taught on patches of 64 x 128 x 128 mm "
            "where the tumour is, with 1 - exp(-channel) as its probability",
            "the dense layer was fitted to what is pooled of that channel, with six knots at "
            "quantiles; its weights for the other channels are 0",
            "field of view 256 mm; slices 4 mm apart where the image's are under 3 or over 5 mm",
            "PET clipped to SUV 0-25 and scaled to 0-1, not min-max of each image",
            f"AdamW with one cycle, batch 8 patches, {settings['base_epochs']} short epochs for "
            f"the start and {settings['epochs']} for a fold (the better of start and epoch is "
            "kept), instead of Adam 1e-4 to early stopping",
            "focal loss gamma 2, alpha 0.25; dropout 0.3",
            "attention blocks: ReLU branch times sigmoid branch, added to the input",
            "the head was fitted to all windows of negatives and those of positives with tumour",
            "augmentation besides flips and quarter turns: shifts, PET scaled by up to a fifth",
        ],
    }


def _simulated_words(settings: dict) -> list[str]:
    return [
        f"{settings['base']} patients of HNC's built-in simulation, half of them with tumour, for "
        "the network that all folds start from",
        f"{settings['patients']} more of them in the five folds",
    ]


def _auc_rows(folds: list[dict], data: str) -> list[dict]:
    values = [fold["auc"] for fold in folds]
    rows = [{"name": "AUC, mean of folds", "value": float(np.mean(values)), "data": data}]
    return rows + [
        {"name": f"AUC, fold {number}", "value": value, "data": data}
        for number, value in enumerate(values, start=1)
    ]


def _rate(folds: list[dict], positive: bool) -> float:
    right = [
        (p["probability"] >= fold["threshold"]) == positive
        for fold in folds
        for p in fold["patients"]
        if p["positive"] == positive
    ]
    return float(np.mean(right))


def volume_card(folds: list[dict], settings: dict, held_out: dict | None) -> dict:
    """The card of method 3's first model."""
    simulated = settings["base"] + settings["patients"]
    metrics = [
        {
            "name": f"soft Dice, fold {number}",
            "value": fold["soft_dice"],
            "data": "validation patients of the fold, simulated and sarcoma, chosen on",
        }
        for number, fold in enumerate(folds, start=1)
    ]
    if held_out:
        metrics += [
            {
                "name": f"mean Dice, {way}",
                "value": value,
                "data": f"{len(held_out['patients'])} held-out patients with soft-tissue sarcoma",
            }
            for way, value in held_out["mean"].items()
        ]
    return {
        "name": "tumour-volume-petct",
        "version": "0.1.0",
        "method": "tumour-volume",
        "network": {"name": "attention-unet", "arguments": VOLUME_NETWORK},
        "inputs": [{"role": "PET", "required": True}, {"role": "CT", "required": False}],
        "preprocessing": tumour_volume.Preparation().model_dump(mode="json"),
        "classes": ["background", "primary tumour", "lymph node metastasis"],
        "training": {
            "words": f"{simulated} simulated patients and {settings['real']} real "
            "patients with soft-tissue sarcoma; no real head-and-neck PET",
            "data": [
                *_simulated_words(settings),
                f"{settings['real']} patients of TCIA Soft-tissue-Sarcoma, PET and CT cropped "
                f"about the tumour; held out: {', '.join(HELD_OUT)}",
            ],
            "counts": {"simulated": simulated, "real, sarcoma": settings["real"]},
        },
        "metrics": metrics,
        "intended_use": INTENDED_USE,
        "licence": LICENCE,
        "defaults_taken": [
            "widths 8-16-24-32-40 instead of 32-64-128-256-320: a small model",
            "eight attention heads, learned position embedding, instance norm",
            "PET clipped to SUV 0-25 and scaled to 0-1",
            "in-plane field of view centred on the body",
            f"CT left out of {CT_MISSING:.0%} of the training patches, so that PET alone works",
            f"AdamW with one cycle, batch 1, {settings['base_epochs']} and {settings['epochs']} "
            "epochs, instead of Adadelta, batch 16, 200 epochs",
            "augmentation: left-right flips, shifts to a tenth, PET scaled to a fifth",
            "sarcomas count as primary; real patients are seen three times as often",
        ],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("method", choices=("presence", "volume"))
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--held-out", type=Path)
    options = parser.parse_args()

    from safetensors.torch import load_file

    from HNCLogic.models.writing import write_model

    numbers = range(1, FOLDS + 1)
    folds = [json.loads((options.run / f"fold-{n}.json").read_text()) for n in numbers]
    settings = json.loads((options.run / "settings.json").read_text())
    with np.load(options.run / "samples.npz") as kept:
        facts = json.loads(str(kept["facts"]))
    settings["real"] = len({each["patient"] for each in facts if each["real"]})
    if options.method == "presence":
        card = presence_card(folds, settings)
    else:
        held_out = json.loads(options.held_out.read_text()) if options.held_out else None
        card = volume_card(folds, settings, held_out)
    states = [load_file(options.run / f"fold-{n}.safetensors") for n in numbers]
    model = write_model(options.out, card, states)
    size = sum(path.stat().st_size for path in options.out.iterdir()) / 1e6
    print(f"{model.card.name} {model.card.version}: {size:.2f} MB")


if __name__ == "__main__":
    main()
