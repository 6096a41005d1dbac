"""FDG uptake of a patient's healthy tissues, in SUVbw, with what physiology adds to it.

Means and their sources are in ``tissues.py``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from HNCLogic.phantom.landmarks import BROWN_FAT
from HNCLogic.phantom.shapes import Canvas, ellipsoid
from HNCLogic.phantom.tissues import LABEL, NAMES, TISSUES, only

BRAIN = ("grey matter", "white matter", "deep grey", "cerebellum", "brainstem")
FALL_WITH_AGE = {"tonsil": 0.010, "sublingual": 0.008}  # share lost in a year after 60


@dataclass(frozen=True)
class Uptake:
    """SUV of each tissue for one patient; (256,) float32, indexed by label."""

    left: np.ndarray
    right: np.ndarray


def draw_uptake(rng: np.random.Generator, age: float) -> Uptake:
    """One patient's uptake: tissues vary on their own, the brain and the body also as a whole.

    ``age`` in years: tonsils and sublingual glands take up less with it.
    """
    body, brain = np.exp(0.06 * rng.standard_normal()), np.exp(0.1 * rng.standard_normal())
    left, right = np.zeros(256, np.float32), np.zeros(256, np.float32)
    for index, name in enumerate(NAMES):
        tissue = TISSUES[name]
        own = np.exp(tissue.suv_spread * np.clip(rng.standard_normal(), -2, 2))
        tilt = np.exp(tissue.asymmetry * np.clip(rng.standard_normal(), -2, 2))
        whole = brain if name in BRAIN else body
        value = tissue.suv * own * whole * (1 - FALL_WITH_AGE.get(name, 0) * (age - 60))
        left[index], right[index] = value * np.sqrt(tilt), value / np.sqrt(tilt)
    if rng.random() < 0.08:  # spoke, chewed or was tense after the injection
        name = rng.choice(["masticator", "neck muscle", "vocal cord", "eye muscle"])
        factor = rng.uniform(2, 4)
        for values in rng.permutation([0, 1])[: rng.integers(1, 3)]:
            (left, right)[values][LABEL[name]] *= factor
    return Uptake(left, right)


def activity(canvas: Canvas, uptake: Uptake, texture: np.ndarray) -> np.ndarray:
    """SUVbw on the canvas: float32, axes (z, y, x).

    ``texture``: noise of variance 1 on the canvas, which makes organs uneven by about 12 %.
    """
    x = canvas.axes[0]
    middle = int(np.searchsorted(x, 0.0))
    suv = np.empty(canvas.labels.shape, np.float32)
    suv[..., :middle] = uptake.right[canvas.labels[..., :middle]]
    suv[..., middle:] = uptake.left[canvas.labels[..., middle:]]
    suv *= 1 + 0.12 * np.clip(texture, -3, 3)
    return suv


def add_brown_fat(rng: np.random.Generator, canvas: Canvas, suv: np.ndarray) -> bool:
    """In one patient of ten, active brown fat on both sides of the lower neck; changes ``suv``."""
    present = rng.random() < 0.1
    strength = float(np.clip(np.exp(rng.normal(np.log(4), 0.5)), 2, 15))
    fat = only("fat", "soft")
    for x, y, z in BROWN_FAT:
        for side in (-1, 1):
            centre = np.array([side * x, y, z]) + 4 * rng.standard_normal(3)
            share = rng.uniform(0.5, 1)
            if not present:
                continue
            cuts, inside = canvas.inside(ellipsoid(centre, (14, 7, 9), roughness=4))
            inside = inside & fat[canvas.labels[cuts]]
            suv[cuts][inside] = strength * share
            canvas.labels[cuts][inside] = LABEL["brown fat"]
    return bool(present)
