"""What a child process would answer for the small patient, made up; for tests."""

from __future__ import annotations

import json
from itertools import product

import numpy as np

from HNCAnalysisLib import SmallPatient
from HNCLogic.panels import fake_child

TRAINED_ON = "nothing: made up for a test"


class FakeChild(fake_child.FakeChild):
    """``probability``: of the verdict, and of a malignant tumour."""

    def __init__(self, ending="answer", says="", probability=0.81):
        self.probability = probability
        super().__init__(lambda job, out: writeAnswer(job, out, self.probability), ending, says)


def writeAnswer(job, out, probability):
    """A result folder for the small patient; gives the path of ``result.json``."""
    import SimpleITK as sitk

    from HNCLogic import RESEARCH_USE
    from HNCLogic.images.plain_nrrd import write_plain

    out.mkdir(parents=True)
    heat = np.exp(-((SmallPatient.distanceTo(SmallPatient.HOT) / 25.0) ** 2)).astype(np.float32)
    image = sitk.GetImageFromArray(heat)
    image.SetSpacing(SmallPatient.SPACING)
    image.SetOrigin([-v for v in SmallPatient.ORIGIN[:2]] + [SmallPatient.ORIGIN[2]])  # LPS
    write_plain(out / "heatmap.nrrd", image)
    threshold = job.get("threshold", 0.45)
    result = {
        "task": job["task"],
        "research_use": RESEARCH_USE,
        "simulated": job.get("simulated"),
        **_answer(job, probability, threshold),
        "explanation": {
            "slices": [
                {
                    "index": n,
                    "position_mm": SmallPatient.ORIGIN[2] + SmallPatient.SPACING[2] * n,
                    "heat": float(heat[n].max()),
                    "annotated": (18 <= n <= 22) if "mask" in job else None,
                }
                for n in range(len(heat))
            ],
            "hottest_ras": SmallPatient.HOT,
            "slice_auroc": 0.97 if "mask" in job else None,
        },
        "files": {"result": "result.json", "heatmap": "heatmap.nrrd"},
        "warnings": ["This answer was made up for a test."],
    }
    path = out / "result.json"
    path.write_text(json.dumps(result), encoding="utf-8")
    return path


def _answer(job, probability, threshold):
    """What the networks say, by the job's method."""
    method = job.get("method", "presence")
    if method == "extension":
        return {method: _extension(job, probability, threshold)}
    if method == "parotid":
        return {method: _parotid(job, probability)}
    return {method: _presence(job, probability, threshold)}


def _extension(job, probability, threshold):
    low, high = job.get("region_mm", (330.0, 480.0))
    centre = job.get("voi_centre", SmallPatient.HOT)
    sides = [(c - half, c + half) for c, half in zip(centre, (45.0, 45.0, 20.0), strict=True)]
    return {
        "probability": probability,
        "verdict": "positive" if probability >= threshold else "negative",
        "threshold": threshold,
        "threshold_source": "made up",
        "folds": [{"fold": 1, "probability": probability}],
        "fold_spread": 0.0,
        "voi_centre": centre,
        "voi_corners": list(product(*sides)),
        "voi_found_by": "set by hand" if "voi_centre" in job else "made up",
        "region": {
            "inferior_mm": low,
            "superior_mm": high,
            "found_by": "set by hand" if "region_mm" in job else "made up",
        },
        "model": "made-up 0.1",
        "trained_on": TRAINED_ON,
    }


def _parotid(job, probability):
    kinds = {"benign": 1.0 - probability, "malignant": probability}
    low, high = job["box_mm"][4:]
    heights = np.linspace(low, high, 7)[1::2]
    return {
        "kind": max(kinds, key=kinds.get),
        "probabilities": kinds,
        "folds": [kinds],
        "fold_spread": 0.0,
        "slices": [
            {"index": n, "position_mm": height, "attention": share, "contribution": share}
            for n, (height, share) in enumerate(zip(heights, (0.2, 0.5, 0.3), strict=True))
        ],
        "box_mm": job["box_mm"],
        "box_from": "set by hand",
        "planes": "CE-T1",
        "model": "made-up 0.1",
        "trained_on": TRAINED_ON,
    }


def _presence(job, probability, threshold):
    folds = [probability + off for off in (-0.06, -0.02, 0.0, 0.03, 0.05)]
    middles = [330.0 + 30.0 * n for n in range(7)]
    windows = []
    for n, middle in enumerate(middles):
        of_window = probability * float(np.exp(-(((middle - SmallPatient.HOT[2]) / 70.0) ** 2)))
        windows.append(
            {
                "index": n,
                "first_slice": 5 * n,
                "last_slice": 5 * n + 8,
                "inferior_mm": middle - 30.0,
                "superior_mm": middle + 30.0,
                "probability": of_window,
                "folds": [max(0.0, of_window + off) for off in (-0.05, -0.02, 0.0, 0.03, 0.04)],
            }
        )
    return {
        "probability": probability,
        "verdict": "positive" if probability >= threshold else "negative",
        "threshold": threshold,
        "threshold_source": "set by hand" if "threshold" in job else "made up",
        "aggregation": job.get("aggregation", "mean"),
        "folds": [{"fold": n, "probability": p} for n, p in enumerate(folds, 1)],
        "fold_spread": float(np.std(folds)),
        "windows": windows,
        "model": "made-up 0.1",
        "trained_on": TRAINED_ON,
    }
