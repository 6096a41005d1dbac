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
from HNCLogic.job import Delineation
from HNCLogic.lesions.peak import peak_in_box
from HNCLogic.lesions.thresholds import delineate

if TYPE_CHECKING:
    from HNCLogic.phantom.patient import SimulatedPatient

FIXED_SUV, PERCENT = 2.5, 41.0
HALO_MM = 12.0  # how far beyond its mask the brain's blur is left out, too
NEAR_MM = 10.0  # how far round a lesion the adaptive threshold may look
MASKS = {
    "fixed": f"fixed SUV {FIXED_SUV:g}",
    "percent": f"{PERCENT:g} % of each hot spot's SUVmax",
    "percent of hottest": f"{PERCENT:g} % of the neck's SUVmax",
    "adaptive": "adaptive threshold, told where the lesions are",
}


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
    outside = np.where(_wider(in_brain, grid, HALO_MM), 0, suv)
    hottest = np.unravel_index(int(outside.argmax()), suv.shape)
    in_neck = np.where(neck, outside, 0)
    region = grid.image(neck.astype(np.uint8))
    fixed = _outlined(pet, region, brain, method="fixed", fixed_suv=FIXED_SUV)
    overlap = {}
    if patient.positive:
        truth = sitk.GetArrayViewFromImage(patient.truth)
        masks = {
            "fixed": fixed,
            "percent": _outlined(pet, region, brain, method="percent", percent=PERCENT),
            "percent of hottest": in_neck >= PERCENT / 100 * in_neck.max(),
            "adaptive": _told_where(pet, truth, in_brain, grid),
        }
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
        hot_ml=float(fixed.sum()) * grid.voxel_ml,
        position=_position(patient, heights),
        metadata=_metadata(patient, grid),
        overlap=overlap,
    )


def _wider(mask: np.ndarray, grid: Grid, by_mm: float) -> np.ndarray:
    """A mask grown by a box."""
    from scipy.ndimage import maximum_filter1d

    grown = mask.view(np.uint8)
    for axis, spacing in enumerate(grid.spacing[::-1]):
        width = 2 * max(1, round(by_mm / spacing)) + 1
        grown = maximum_filter1d(grown, width, axis=axis, mode="constant")
    return grown.view(bool)


def _outlined(pet, region, brain, **options) -> np.ndarray:
    return sitk.GetArrayFromImage(delineate(pet, Delineation(**options), region, brain)) != 0


def _peak(suv: np.ndarray, outside: np.ndarray, grid: Grid) -> float:
    """SUVpeak, centred where the uptake is at least 60 % of the maximum: quick, and the same."""
    from scipy.ndimage import find_objects, label

    hot = outside >= 0.6 * outside.max()
    parts, _ = label(hot)
    boxes = find_objects(parts)
    return max(
        peak_in_box(suv, parts[box] == number, box, grid) for number, box in enumerate(boxes, 1)
    )


def _told_where(pet: sitk.Image, truth: np.ndarray, in_brain: np.ndarray, grid: Grid) -> np.ndarray:
    """The adaptive outlines of the lesions, each from a seed on its peak, within 1 cm of any.

    As with a seed in the program; a lesion cooler than its usual lowest peak is looked for down to
    0.7 of its own. The part of the PET around a lesion is looked at alone, which spares time.
    """
    from scipy.ndimage import find_objects, maximum_filter

    suv, found = sitk.GetArrayViewFromImage(pet), np.zeros(truth.shape, bool)
    margin = [int(np.ceil(3 * NEAR_MM / step)) for step in grid.spacing[::-1]]
    for number, box in enumerate(find_objects(truth), 1):
        if box is None:
            continue
        wide = tuple(
            slice(max(s.start - m, 0), min(s.stop + m, n))
            for s, m, n in zip(box, margin, truth.shape, strict=True)
        )
        part = pet[wide[2], wide[1], wide[0]]
        here, own, values = Grid.of(part), truth[wide] == number, suv[wide]
        peaks = own & (values == maximum_filter(values, 3))
        at = np.argwhere(peaks if peaks.any() else own)
        place = at[values[tuple(at.T)].argmax()]
        seed = part.TransformIndexToPhysicalPoint([int(i) for i in place[::-1]])
        near = here.image(_wider(truth[wide] > 0, here, NEAR_MM).astype(np.uint8))
        brain = here.image(in_brain[wide].astype(np.uint8))
        lowest = max(min(2.5, 0.7 * float(values[tuple(place)])), 0.5)
        try:
            found[wide] |= _outlined(
                part, near, brain, method="adaptive", candidate_suv=lowest,
                seeds=[(-seed[0], -seed[1], seed[2])],
            )  # fmt: skip
        except InputError:  # no peak of its own: the slope of something hotter, or too faint
            continue
    return found


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
    from HNCLogic.phantom.centres import CENTRES

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
