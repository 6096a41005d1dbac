"""A patient's anatomy: drawn by seed, painted as tissue labels at any spacing.

Atlas space is the patient before he is laid down: millimetres, axes as LPS, the origin on the
midline between the ear canals (y) at the height of the hyoid (z).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from HNCLogic.phantom import brain, chest, head, neck
from HNCLogic.phantom.noise import on_grid, smooth_field
from HNCLogic.phantom.plan import Plan
from HNCLogic.phantom.shapes import Canvas

LOW = (-246.0, -130.0, -205.0)  # corner of atlas space, mm
HIGH = (246.0, 136.0, 226.0)


@dataclass(frozen=True)
class Anatomy:
    plan: Plan
    surface_noise: sitk.Image  # moves rough surfaces; atlas space
    folds: sitk.Image  # finer noise, in the head only: the folds of the brain

    def painted(self, spacing: float) -> Canvas:
        """The tissues on a grid of ``spacing`` mm over the whole of atlas space."""
        canvas = Canvas(LOW, HIGH, spacing)
        canvas.roughness = on_grid(self.surface_noise, canvas.low, spacing, canvas.size)
        canvas.folds = on_grid(self.folds, canvas.low, spacing, canvas.size)
        self.plan.paint(canvas)
        return canvas

    @property
    def teeth(self) -> np.ndarray:
        """Where the teeth are: (n, 3) mm, atlas space."""
        boxes = [(s.shape.low, s.shape.high) for s in self.plan.strokes if s.tissue == "teeth"]
        return np.asarray(boxes).mean(axis=1)


def draw_anatomy(rng: np.random.Generator) -> Anatomy:
    """A new patient's organs: sizes, places and surfaces all vary with ``rng``."""
    plan = Plan(rng)
    fatness = float(np.clip(np.exp(0.35 * rng.standard_normal()), 0.5, 2.2))
    head.add_outline(plan, fatness)
    chest.add_chest(plan)
    neck.add_muscles(plan)
    brain.add_skull_and_brain(plan)
    neck.add_vessels(plan)
    neck.add_glands(plan)
    head.add_face(plan)
    head.add_jaws(plan)
    neck.add_spine(plan)
    neck.add_airway(plan)
    folds = smooth_field(rng, (-80.0, -95.0, 70.0), (80.0, 100.0, 215.0), 7.0)
    return Anatomy(plan, smooth_field(rng, LOW, HIGH, 12.0), folds)
