"""The order of painting: which tissue goes where, with each patient's own variation.

A plan is drawn once for a patient and can be painted on canvases of any spacing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from HNCLogic.phantom.body.shapes import Canvas, Shape
from HNCLogic.phantom.body.tissues import LABEL, only


@dataclass(frozen=True)
class Stroke:
    tissue: str
    shape: Shape
    onto: np.ndarray | None  # bool (256,): labels that may be painted over; None: all


@dataclass
class Plan:
    """Strokes in order, and the variation with which they are drawn."""

    rng: np.random.Generator
    strokes: list[Stroke] = field(default_factory=list)

    def at(self, *point: float, spread: float = 1.5) -> np.ndarray:
        """A point (mm) moved by about ``spread`` mm."""
        return np.asarray(point) + spread * np.clip(self.rng.standard_normal(3), -2, 2)

    def size(self, *radii: float, spread: float = 0.08) -> np.ndarray:
        """Radii (mm) varied together and each on its own by about ``spread`` of themselves."""
        together, each = self.rng.standard_normal(), self.rng.standard_normal(len(radii))
        return np.asarray(radii) * np.exp(spread * np.clip(0.7 * together + 0.7 * each, -2, 2))

    def add(
        self, tissue: str, shapes: Shape | Iterable[Shape], onto: tuple[str, ...] | None = None
    ) -> None:
        """Paint ``tissue``, only over the tissues named in ``onto`` where given."""
        mask = None if onto is None else only(*onto)
        for shape in [shapes] if isinstance(shapes, Shape) else shapes:
            self.strokes.append(Stroke(tissue, shape, mask))

    def add_both(
        self,
        tissue: str,
        shapes: Shape | Iterable[Shape],
        onto: tuple[str, ...] | None = None,
        uneven: float = 0.5,
    ) -> None:
        """The shapes, drawn for the left, and their mirror images on the right.

        ``uneven``: by how much, mm, the right ones lie elsewhere; nobody is quite symmetric.
        """
        shapes = [shapes] if isinstance(shapes, Shape) else list(shapes)
        shift = uneven * np.clip(self.rng.standard_normal(3), -2, 2)
        self.add(tissue, shapes, onto)
        self.add(tissue, [shape.mirrored().moved(shift) for shape in shapes], onto)

    def paint(self, canvas: Canvas) -> None:
        for stroke in self.strokes:
            canvas.paint(LABEL[stroke.tissue], stroke.shape, stroke.onto)
