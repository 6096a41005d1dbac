"""FDG uptake of a patient's healthy tissues, in SUVbw, with what physiology adds to it.

Means and their sources are in ``tissues.py``. Tonsils and sublingual glands take up less with age
(Nakamoto et al., Radiology 2005); ranges are the benchmark's, the rest plausible figures.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from HNCLogic.phantom.body.landmarks import BROWN_FAT, Point
from HNCLogic.phantom.body.shapes import Canvas, ellipsoid
from HNCLogic.phantom.body.tissues import LABEL, NAMES, TISSUES, only

BRAIN = ("grey matter", "white matter", "deep grey", "cerebellum", "brainstem")
FALL_WITH_AGE = {"tonsil": 0.010, "sublingual": 0.008}  # share lost in a year after 60
RANGE = {"grey matter": (8, 14), "deep grey": (8, 14), "white matter": (3, 5), "vessel": (1.5, 2),
         "muscle": (0.6, 1), "tonsil": (1.8, 6.8), "masticator": (0.5, 6),
         "neck muscle": (0.5, 6), "myocardium": (0.8, 14)}  # fmt: skip
EVEN = 0.12  # how uneven a tissue is within one patient: standard deviation as a share
UNEVEN = {"tonsil": 0.28, "lingual tonsil": 0.22, "adenoid": 0.22, "soft palate": 0.2,
          "mucosa": 0.2, "parotid": 0.16, "submandibular": 0.16, "sublingual": 0.2, "tongue": 0.18,
          "myocardium": 0.25, "larynx": 0.18, "grey matter": 0.1}  # fmt: skip
ACTIVE = 0.15  # share of patients who spoke, chewed or were tense after the injection
ACTIVE_SUV = {"masticator": (2, 6), "neck muscle": (2, 3), "eye muscle": (3, 6),
              "vocal cord": (2.5, 5), "tongue": (2, 3.5)}  # fmt: skip
BROWN = 0.1  # share of patients with active brown fat


@dataclass(frozen=True)
class Uptake:
    """SUV of each tissue for one patient; (256,) float32, indexed by label."""

    left: np.ndarray
    right: np.ndarray
    tip: float = 0.0  # how much more than its middle the tip of the tongue takes up, as a share
    base: float = 0.0  # the same for its base
    speech: float = 0.0  # the same for the back of the larynx, where the cords are moved


def draw_uptake(rng: np.random.Generator, age: float) -> Uptake:
    """One patient's uptake: tissues vary on their own, the brain and the body also as a whole.

    ``age`` in years: tonsils and sublingual glands take up less with it.
    """
    body, brain = np.exp(0.06 * rng.standard_normal()), np.exp(0.08 * rng.standard_normal())
    left, right = np.zeros(256, np.float32), np.zeros(256, np.float32)
    for name in NAMES:
        index, tissue = LABEL[name], TISSUES[name]
        # The logarithm is centred so that the mean, not the median, is the table's.
        spread = tissue.suv_spread
        own = np.exp(spread * np.clip(rng.standard_normal(), -2, 2) - spread**2 / 2)
        tilt = np.exp(tissue.asymmetry * np.clip(rng.standard_normal(), -2, 2))
        whole = brain if name in BRAIN else body
        value = tissue.suv * own * whole * (1 - FALL_WITH_AGE.get(name, 0) * (age - 60))
        low, high = RANGE.get(name, (0, np.inf))
        left[index], right[index] = np.clip([value * tilt**0.5, value / tilt**0.5], low, high)
    active = rng.random() < ACTIVE
    name = str(rng.choice(list(ACTIVE_SUV)))
    suv, sides = rng.uniform(*ACTIVE_SUV[name]), rng.permutation([0, 1])[: rng.integers(1, 3)]
    if active:
        for side in (0, 1) if name == "tongue" else sides:
            values = (left, right)[side]
            values[LABEL[name]] = max(suv, values[LABEL[name]])
    tip, base, speech = rng.uniform(0, 0.7), rng.uniform(0, 0.7), rng.exponential(0.35)
    return Uptake(left, right, float(tip), float(base), float(min(speech, 1.5)))


def activity(canvas: Canvas, uptake: Uptake, texture: np.ndarray) -> np.ndarray:
    """SUVbw on the canvas: float32, axes (z, y, x).

    ``texture``: noise of mean 0 and variance 1 on the canvas, which makes organs uneven: most by
    about 12 %, tonsils the most.
    """
    middle = int(np.searchsorted(canvas.axes[0], _midline(canvas)))
    suv = np.empty(canvas.labels.shape, np.float32)
    suv[..., :middle] = uptake.right[canvas.labels[..., :middle]]
    suv[..., middle:] = uptake.left[canvas.labels[..., middle:]]
    amount = np.full(256, EVEN, np.float32)
    for name, share in UNEVEN.items():
        if name in LABEL:
            amount[LABEL[name]] = share
    suv *= np.maximum(1 + amount[canvas.labels] * np.clip(texture, -3, 3), 0.2)
    _along(canvas, suv, ("tongue",), uptake.tip, uptake.base)
    _along(canvas, suv, ("larynx", "vocal cord"), 0.0, uptake.speech)
    return suv


def _midline(canvas: Canvas) -> float:
    """x of the spinal cord, mm: parts left from right, also where a real body lies askew."""
    x = np.nonzero((canvas.labels == LABEL["cord"]).any(axis=(0, 1)))[0]
    return float(canvas.axes[0][x].mean()) if len(x) else 0.0


def _along(canvas: Canvas, suv: np.ndarray, names, front: float, back: float) -> None:
    """More uptake at the front and the back of an organ, the mean kept; changes ``suv``."""
    inside = only(*names)[canvas.labels]
    y = np.nonzero(inside)[1]
    if not len(y):
        return
    low, middle, high = np.percentile(y, (2, 50, 98))
    place = np.interp(y, (low, middle, max(high, middle + 1)), (-1, 0, 1))
    gain = 1 + np.where(place < 0, front, back) * place**2
    suv[inside] *= (gain / gain.mean()).astype(np.float32)


def add_brown_fat(
    rng: np.random.Generator,
    canvas: Canvas,
    suv: np.ndarray,
    place: Callable[[Point], np.ndarray] = np.asarray,
) -> bool:
    """In one patient of ten, active brown fat on both sides of the lower neck; changes ``suv``.

    ``place``: where a position of the atlas lies on the canvas, see ``anatomy.Anatomy``.
    """
    present = rng.random() < BROWN
    strength = float(np.clip(np.exp(rng.normal(np.log(4), 0.5)), 2, 15))
    fat = only("fat", "soft")
    for x, y, z in BROWN_FAT:
        for side in (-1, 1):
            centre = place((side * x, y, z)) + 4 * rng.standard_normal(3)
            share = rng.uniform(0.5, 1)
            if not present:
                continue
            cuts, inside = canvas.inside(ellipsoid(centre, (14, 7, 9), roughness=4))
            inside = inside & fat[canvas.labels[cuts]]
            suv[cuts][inside] = strength * share
            canvas.labels[cuts][inside] = LABEL["brown fat"]
    return bool(present)
