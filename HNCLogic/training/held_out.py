"""Scores the tumour-volume model on the five real patients it never saw, beside thresholds.

    python -m HNCLogic.training.held_out --sarcoma FOLDER [--model NAME] [--json FILE]

Every method gets the same PET (and CT), the same stretch of the body, and no hint of where the
tumour is. Dice is that of everything outlined against the contour, on the PET's own grid.
These are soft-tissue sarcomas, not cancers of the head and neck.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from HNCLogic import outlines, steps
from HNCLogic.evaluation.segmentation import dice, shared_voxels
from HNCLogic.images.region import head_and_neck
from HNCLogic.images.study import Study
from HNCLogic.job import Delineation, Job
from HNCLogic.training.first_models import HELD_OUT, sarcoma_study

THRESHOLDS = {
    "fixed SUV 2.5": Delineation(method="fixed", fixed_suv=2.5),
    "fixed SUV 4": Delineation(method="fixed", fixed_suv=4.0),
    "41 % of SUVmax": Delineation(method="percent", percent=41),
    "adaptive": Delineation(method="adaptive"),
}


def score(study: Study, mask: sitk.Image, delineation: Delineation, model: str) -> float:
    """Dice of one way of outlining on one patient."""
    job = Job(
        task="segment", images={}, out=Path("unused"), delineation=delineation, volume_model=model
    )
    found = steps.Findings(study, head_and_neck(study)[0])
    outlines.lesions(job, found, outlines.open_model(job), lambda share, words: None)
    both = (sitk.GetArrayViewFromImage(one) for one in (found.labels, mask))
    return dice(shared_voxels(*both, "union"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sarcoma", type=Path, required=True)
    parser.add_argument("--model", default="tumour-volume-petct")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    network = Delineation()
    table: dict[str, dict[str, float]] = {}
    for name in HELD_OUT:
        study, mask = sarcoma_study(options.sarcoma / name)
        alone = Study({"PET": study.pet})
        table[name] = {
            "network PET+CT": score(study, mask, network, options.model),
            "network PET alone": score(alone, mask, network, options.model),
            **{words: score(study, mask, way, options.model) for words, way in THRESHOLDS.items()},
        }
    ways = list(next(iter(table.values())))
    print("| patient | " + " | ".join(ways) + " |")
    print("|---|" + "---|" * len(ways))
    for name, row in table.items():
        print(f"| {name} | " + " | ".join(f"{row[way]:.3f}" for way in ways) + " |")
    means = {way: float(np.mean([row[way] for row in table.values()])) for way in ways}
    print("| mean | " + " | ".join(f"{means[way]:.3f}" for way in ways) + " |")
    if options.json:
        options.json.write_text(json.dumps({"patients": table, "mean": means}, indent=1))


if __name__ == "__main__":
    main()
