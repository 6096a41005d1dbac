"""The box that an answer rests on, as pictures show it: the tumour's, or the volume judged."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from HNCLogic.scene.rois import corners_of

if TYPE_CHECKING:  # pydantic is not there before the user agreed to install it
    from HNCLogic.job import Result
    from HNCLogic.scene.overlay import Overlay
    from HNCLogic.scene.segments import Colour

ON_DARK: Colour = (0.10, 0.75, 0.95)  # as the ROI in the slice views
ON_LIGHT: Colour = (0.0, 0.38, 0.55)
WIDTH = 2  # pixels


def judged_box(result: Result) -> tuple[str, np.ndarray] | None:
    """Its name and its corners, RAS in mm (8, 3); None for an answer of the whole region."""
    if result.extension is not None:
        return "Judged volume", np.array(result.extension.voi_corners)
    if result.parotid is not None:
        return "Box", corners_of(result.parotid.box_mm)
    return None


def draw_box(overlay: Overlay, result: Result, slice_to_ras: Any, field_mm: float) -> None:
    """Outline and name where the slice cuts the box. ``slice_to_ras``: a vtkMatrix4x4 from mm about
    the picture's middle, to the right and up; ``field_mm``: the length of a side of the picture."""
    named = judged_box(result)
    if named is None:
        return
    name, corners = named
    matrix = np.array([[slice_to_ras.GetElement(i, j) for j in range(4)] for i in range(4)])
    outline = cut(corners, matrix)
    if len(outline) < 3:
        return
    pixels = (outline / field_mm + 0.5) * (overlay.width, overlay.height)
    colour = ON_DARK if overlay.dark else ON_LIGHT
    overlay.polyline([tuple(one) for one in (*pixels, pixels[0])], colour, WIDTH)
    x, y = pixels[:, 0].min(), pixels[:, 1].max()
    overlay.text(name, max(float(x), 4), float(y) + 4, 16, colour)


def cut(corners: np.ndarray, slice_to_ras: np.ndarray) -> np.ndarray:
    """Where a slice cuts a box: the corners (n, 2) of the polygon in order, mm in the slice.

    ``corners`` (8, 3) RAS in any order, ``slice_to_ras`` (4, 4). n is 0 where it passes by.
    """
    from scipy.spatial import ConvexHull, QhullError

    local = (np.linalg.inv(slice_to_ras) @ np.c_[corners, np.ones(len(corners))].T).T[:, :3]
    # A box is convex: lines between any two corners, edges or not, cross the slice inside of it.
    met = [a + (b - a) * a[2] / (a[2] - b[2]) for a, b in combinations(local, 2) if a[2] * b[2] < 0]
    met += [corner for corner in local if corner[2] == 0]
    flat = np.array(met).reshape(-1, 3)[:, :2]
    if len(flat) < 3:
        return np.empty((0, 2))
    try:
        return flat[ConvexHull(flat).vertices]
    except QhullError:  # an edge or a corner alone
        return np.empty((0, 2))
