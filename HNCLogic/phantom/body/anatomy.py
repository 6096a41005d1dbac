"""A patient's anatomy: drawn by seed, painted as tissue labels at any spacing.

``Anatomy`` is what the rest of the package needs of one; ``BuiltIn`` is the procedural one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import SimpleITK as sitk

from HNCLogic.phantom.body import brain, chest, head, neck, outline, throat
from HNCLogic.phantom.body.atlas import HIGH, LOW
from HNCLogic.phantom.body.build import Build, Sex, draw_build
from HNCLogic.phantom.body.noise import on_grid, smooth_field
from HNCLogic.phantom.body.plan import Plan
from HNCLogic.phantom.body.pose import Pose, draw_pose
from HNCLogic.phantom.body.shapes import Canvas

__all__ = ["HIGH", "LOW", "Anatomy", "AnatomySource", "BuiltIn", "Sex", "draw_anatomy"]


class Anatomy(Protocol):
    """A patient's body, wherever it comes from, as the scanners and tumours need it."""

    source: str  # in words
    case: str | None  # the real CT it is made of, which others may be made of too

    def painted(self, spacing: float) -> Canvas:
        """The tissues (``tissues.py``) on a grid of ``spacing`` mm over the whole patient."""
        ...

    def place(self, atlas_point) -> np.ndarray:
        """Where a position of the built-in atlas (``landmarks.py``) lies on the canvas, mm."""
        ...

    def hu(self, canvas: Canvas) -> np.ndarray | None:
        """Real CT numbers on ``canvas``: float32 (z, y, x), NaN where the CT says nothing.

        None where the tissues are all that is known.
        """
        ...

    @property
    def teeth(self) -> np.ndarray:
        """Where the teeth are: (n, 3) mm on the canvas."""
        ...

    def pose(self, rng: np.random.Generator) -> Pose:
        """How the patient lies: from scanner space to the canvas's."""
        ...


class AnatomySource(Protocol):
    """Where bodies come from, other than the built-in one."""

    def draw(
        self, rng: np.random.Generator, of_build: np.random.Generator | None = None
    ) -> Anatomy:
        """A patient's body; ``of_build``: a stream that a matched pair shares, as its case."""
        ...


@dataclass(frozen=True)
class BuiltIn:
    """An anatomy made of analytic shapes; its canvas lies in atlas space (``atlas.py``)."""

    plan: Plan
    surface_noise: sitk.Image  # moves rough surfaces; atlas space
    folds: sitk.Image  # finer noise, in the head only: the folds of the brain
    build: Build
    source: str = "built in"
    case: None = None

    @property
    def sex(self) -> Sex:
        return self.build.sex

    @property
    def age(self) -> float:
        return self.build.age

    def painted(self, spacing: float) -> Canvas:
        canvas = Canvas(LOW, HIGH, spacing)
        canvas.roughness = on_grid(self.surface_noise, canvas.low, spacing, canvas.size)
        canvas.folds = np.zeros(canvas.labels.shape, np.float32)
        first = int((self.folds.GetOrigin()[2] - canvas.low[2]) // spacing)
        low, slices = canvas.low + np.array([0, 0, first * spacing]), canvas.size[2] - first
        canvas.folds[first:] = on_grid(self.folds, low, spacing, (*canvas.size[:2], slices))
        self.plan.paint(canvas)
        return canvas

    def place(self, atlas_point) -> np.ndarray:
        return np.asarray(atlas_point, float)

    def hu(self, canvas: Canvas) -> None:
        return None

    @property
    def teeth(self) -> np.ndarray:
        boxes = [(s.shape.low, s.shape.high) for s in self.plan.strokes if s.tissue == "teeth"]
        return np.asarray(boxes, float).reshape(-1, 2, 3).mean(axis=1)

    def pose(self, rng: np.random.Generator) -> Pose:
        build = self.build
        return draw_pose(rng, build.size, build.neck_length, build.neck_girth)


def draw_anatomy(
    rng: np.random.Generator,
    sex: Sex | None = None,
    age: float | None = None,
    of_build: np.random.Generator | None = None,
) -> BuiltIn:
    """A new patient's organs: sizes, places and surfaces vary with ``rng``, and with the build.

    ``sex`` and ``age`` (years) are drawn where they are None, and change no other draw where they
    are given. ``of_build``: a stream of its own for the build, which a matched pair shares.
    """
    build = draw_build(rng if of_build is None else of_build, sex, age)
    plan = Plan(rng)
    outline.add_outline(plan, build)
    neck.add_muscles(plan, build)
    chest.add_chest(plan, build)
    brain.add_skull_and_brain(plan, build)
    neck.add_vessels(plan)
    neck.add_glands(plan, build)
    head.add_face(plan)
    head.add_jaws(plan, build)
    neck.add_spine(plan, build)
    throat.add_throat(plan, build)
    folds = smooth_field(rng, (-80.0, -95.0, 55.0), (80.0, 105.0, 215.0), 7.0)
    return BuiltIn(plan, smooth_field(rng, LOW, HIGH, 12.0), folds, build)
