"""Honesty gates: what must not tell a simulated positive from a negative, and what must not find
the tumour.

Recognition is to be hard: neither the heat of the hottest spot, nor position, nor metadata may
tell the label, and no simple threshold may outline the tumours. Delineation is to be feasible: an
adaptive threshold that is told where a lesion is has to find its extent. ``facts_of`` measures one
patient, label-blind but for what compares with the truth; ``gates`` judges a cohort of matched
pairs (patients of the same ``match``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from HNCLogic.errors import InputError
from HNCLogic.images.grid import Grid
from HNCLogic.images.neck import BELOW_CROWN_MM, CROWN_ABOVE_BRAIN_MM, brain_mask
from HNCLogic.lesions.peak import peak_in_box
from HNCLogic.phantom.simple_masks import MASKS, simple_masks, wider

if TYPE_CHECKING:
    from HNCLogic.phantom.patient import SimulatedPatient

HALO_MM = 12.0  # how far beyond its mask the brain's blur is left out, too


@dataclass(frozen=True)
class Facts:
    """One patient's numbers."""

    positive: bool
    match: int
    suv_max: float  # of the whole image
    suv_max_outside: float  # of what is not brain
    suv_max_neck: float  # the same, down to 33 cm below the crown
    suv_peak_outside: float
    hottest_mm: float  # height of the hottest voxel outside the brain over the brain's base
    hot_ml: float  # at or above SUV 2.5 in the neck, brain left out
    position: dict[str, float]  # of the field of view, along the body
    metadata: dict[str, float]
    # By mask: voxels in the mask and the truth, in the mask, in the truth; only where there is one.
    overlap: dict[str, tuple[int, int, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Gate:
    """One figure and what it must be; ``limit`` in words, "" where it is only reported."""

    name: str
    value: float
    limit: str
    passed: bool
    words: str


def facts_of(patient: SimulatedPatient) -> Facts:
    """The numbers of one patient; raises InputError where no brain is found in the PET."""
    pet = patient.pet
    grid, suv = Grid.of(pet), sitk.GetArrayViewFromImage(pet)
    brain = brain_mask(pet)
    if brain is None:
        raise InputError("no brain was found in the simulated PET")
    in_brain = sitk.GetArrayViewFromImage(brain) != 0
    heights = grid.origin[2] + grid.spacing[2] * np.arange(grid.size[2])
    of_brain = heights[in_brain.any(axis=(1, 2))]
    neck_from = of_brain[-1] + CROWN_ABOVE_BRAIN_MM - BELOW_CROWN_MM
    neck = np.broadcast_to((heights >= neck_from)[:, None, None], suv.shape)
    outside = np.where(wider(in_brain, grid, HALO_MM), 0, suv)
    hottest = np.unravel_index(int(outside.argmax()), suv.shape)
    in_neck = np.where(neck, outside, 0)
    truth = sitk.GetArrayViewFromImage(patient.truth)
    masks = simple_masks(pet, in_neck, neck, in_brain, truth if patient.positive else None)
    overlap = {}
    if patient.positive:
        overlap = {
            name: (int((mask & (truth > 0)).sum()), int(mask.sum()), int((truth > 0).sum()))
            for name, mask in masks.items()
        }
    return Facts(
        positive=patient.positive,
        match=patient.match,
        suv_max=float(suv.max()),
        suv_max_outside=float(outside.max()),
        suv_max_neck=float(in_neck.max()),
        suv_peak_outside=_peak(suv, outside, grid),
        hottest_mm=float(heights[hottest[0]] - of_brain[0]),
        hot_ml=float(masks["fixed"].sum()) * grid.voxel_ml,
        position=_position(patient, heights),
        metadata=_metadata(patient, grid),
        overlap=overlap,
    )


def _peak(suv: np.ndarray, outside: np.ndarray, grid: Grid) -> float:
    """SUVpeak, centred where the uptake is at least 60 % of the maximum: quick, and the same."""
    from scipy.ndimage import find_objects, label

    hot = outside >= 0.6 * outside.max()
    parts, _ = label(hot)
    boxes = find_objects(parts)
    return max(
        peak_in_box(suv, parts[box] == number, box, grid) for number, box in enumerate(boxes, 1)
    )


def _position(patient: SimulatedPatient, heights: np.ndarray) -> dict[str, float]:
    hyoid = patient.landmark((0, 0, 0))[2]
    return {
        "bottom": float(heights[0]),
        "top": float(heights[-1]),
        "length": float(heights[-1] - heights[0]),
        "bottom below the hyoid": float(hyoid - heights[0]),
        "top above the hyoid": float(heights[-1] - hyoid),
    }


def _metadata(patient: SimulatedPatient, grid: Grid) -> dict[str, float]:
    from HNCLogic.phantom.scanners.centres import CENTRES

    found = {f"centre {name}": float(patient.centre == name) for name in CENTRES}
    for axis, name in enumerate("xyz"):
        found[f"spacing {name}"] = float(grid.spacing[axis])
        found[f"size {name}"] = float(grid.size[axis])
        found[f"origin {name}"] = float(grid.origin[axis])
    found |= {"age": patient.age, "weight": patient.weight_kg}
    found["male"] = float(patient.sex == "male")
    found["contrast"] = float(any("contrast" in note for note in patient.notes))
    return found


def auc(values: Sequence[float], positive: Sequence[bool]) -> float:
    """Area under the ROC curve of ``values``: the chance that a positive's is the larger one.

    Ties count half (Mann and Whitney). NaN where there is but one class.
    """
    from scipy.stats import rankdata

    positive = np.asarray(positive, bool)
    ones, zeros = int(positive.sum()), int((~positive).sum())
    if not ones or not zeros:
        return float("nan")
    ranks = rankdata(np.asarray(values, float))
    return float((ranks[positive].sum() - ones * (ones + 1) / 2) / (ones * zeros))


def fitted_auc(features: Sequence[dict[str, float]], facts: Sequence[Facts]) -> float:
    """AUC of a logistic regression on ``features``, cross-validated five-fold.

    The two of a pair are always in one fold: apart, the one that was learned from would speak
    for the other, of the opposite label and the same metadata.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GroupKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    table = np.array([list(one.values()) for one in features])
    labels = np.array([one.positive for one in facts])
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    folds = GroupKFold(5).split(table, labels, [one.match for one in facts])
    # Rounded: what is equal but for the order of a sum stays equal.
    said = cross_val_predict(model, table, labels, cv=list(folds), method="predict_proba")[:, 1]
    return auc(np.round(said, 9), labels)


def dice(overlaps: Sequence[tuple[int, int, int]]) -> float:
    """Dice of masks and truths, all patients' voxels pooled."""
    both, mask, truth = np.sum(overlaps, axis=0)
    return float(2 * both / max(mask + truth, 1))


def gates(facts: Sequence[Facts]) -> list[Gate]:
    """What the benchmark promises, one gate a line; with reports that have no limit.

    Raises InputError with fewer than 20 patients or a label that is missing.
    """
    labels = [one.positive for one in facts]
    if len(facts) < 20 or all(labels) or not any(labels):
        raise InputError("the honesty gates need at least 20 simulated patients, of both labels")

    def of(what: Callable[[Facts], float]) -> float:
        return auc([what(one) for one in facts], labels)

    found = [
        _at_most("SUVmax, whole image", of(lambda f: f.suv_max), 0.70),
        _at_most("SUVmax outside the brain", of(lambda f: f.suv_max_outside), 0.70),
        _at_most("SUVmax in the neck", of(lambda f: f.suv_max_neck), 0.70),
        _at_most("SUVpeak outside the brain", of(lambda f: f.suv_peak_outside), 0.75),
    ]
    for name, features in (
        ("z-position", [one.position for one in facts]),
        ("metadata", [one.metadata for one in facts]),
    ):
        alone = {key: auc([one[key] for one in features], labels) for key in features[0]}
        worst = max(alone, key=lambda key: abs(alone[key] - 0.5))
        found.append(_chance(f"{name}, all together", fitted_auc(features, facts)))
        found.append(_chance(f"{name}, each alone (worst: {worst})", alone[worst]))
    height = of(lambda f: f.hottest_mm)
    found.append(_at_most("height of the hottest spot", 0.5 + abs(height - 0.5), 0.60))
    found.append(_reported("volume above SUV 2.5", of(lambda f: f.hot_ml), "patient-level AUC"))
    overlaps = [one.overlap for one in facts if one.positive]
    for name, words in MASKS.items():
        each = [one[name] for one in overlaps]
        mean = float(np.mean([dice([one]) for one in each]))
        pooled = dice(each)
        if name == "adaptive":
            passed = pooled >= 0.8
            found.append(Gate(words, pooled, "at least 0.80", passed, "Dice, pooled"))
            found.append(_reported(words, mean, "Dice, mean of patients"))
            continue
        for value, how in ((pooled, "pooled"), (mean, "mean of patients")):
            found.append(Gate(words, value, "at most 0.50", value <= 0.5, f"Dice, {how}"))
    return found


def _at_most(name: str, value: float, limit: float) -> Gate:
    return Gate(name, value, f"at most {limit:.2f}", value <= limit, "patient-level AUC")


def _chance(name: str, value: float) -> Gate:
    return Gate(name, value, "0.45 to 0.55", abs(value - 0.5) <= 0.05, "patient-level AUC")


def _reported(name: str, value: float, words: str) -> Gate:
    return Gate(name, value, "", True, words)
