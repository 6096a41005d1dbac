"""What an MR examination of a simulated patient consists of: sequences, grids, motion.

Nothing here knows of disease: it is drawn from the patient's position and a stream of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import SimpleITK as sitk
from scipy.spatial.transform import Rotation

from HNCLogic.images.grid import Grid
from HNCLogic.phantom.body.landmarks import NODAL_LEVELS
from HNCLogic.phantom.body.pose import Pose
from HNCLogic.phantom.mr.sequences import Habits, Sequence, draw_protocol

# What lies in the middle of a neck's study: between the nodal levels, mm in atlas space.
NECK = tuple(float(v) for v in np.mean(list(NODAL_LEVELS.values()), axis=0) * (0, 1, 1))


@dataclass(frozen=True)
class Acquisition:
    """One sequence of one patient: its settings, its voxels, and where they are on the canvas."""

    sequence: Sequence
    grid: Grid
    to_canvas: sitk.Transform  # scanner (LPS mm) → canvas, the patient's motion in it
    blur_mm: tuple[float, float, float]  # standard deviation of its voxel: x, y, z
    hertz: float = 0.0  # bandwidth of a pixel along y; 0: no echo-planar image


def plan_study(
    pose: Pose,
    rng: np.random.Generator,
    *,
    centre: np.ndarray | tuple[float, float, float] = NECK,
    length_mm: float = 220.0,
    habits: Habits | None = None,
) -> dict[str, Acquisition]:
    """Every sequence but the ADC map, which is made of two of them; see ``simulate_mr``.

    Slices follow the patient as a technologist tilts them, to some degrees.
    """
    habits = habits or Habits()
    protocol = draw_protocol(rng, habits)
    middle = pose.scanner_point(centre)
    steps = 10.0 * np.eye(3)
    bent = np.array([pose.atlas_point(middle + d) - pose.atlas_point(middle - d) for d in steps])
    u, _, vt = np.linalg.svd(np.linalg.inv(bent.T))
    tilt = Rotation.from_euler("xyz", rng.normal(0, (4.0, 1.5, 1.5)), degrees=True).as_matrix()
    upright = u @ vt @ tilt
    middle = middle + rng.normal(0, (2.5, 4.0, 4.0))
    field_of_view, slab, polarity = (
        rng.uniform(222, 250),
        rng.uniform(*habits.slice_mm),
        rng.random(),
    )
    hertz = rng.uniform(26, 45) * (1 if polarity < 0.5 else -1)
    study = {}
    for role, matrix in (("T1", 320), ("T2", 352), ("CE-T1", 320), ("DWI-b0", 116)):
        turned = Rotation.from_euler("xyz", rng.normal(0, 0.4, 3), degrees=True).as_matrix()
        shift, angles = rng.normal(0, 0.6, 3), np.radians(rng.normal(0, 0.4, 3))
        motion = sitk.Euler3DTransform(middle.tolist(), *angles.tolist(), shift.tolist())
        wide = role == "DWI-b0"
        pixel = field_of_view / matrix
        spacing = (pixel, pixel, slab * (1.1 if wide else 1.0))
        size = (matrix, matrix, round(length_mm / spacing[2]) + 1)
        direction = upright @ turned
        origin = middle - direction @ (np.asarray(spacing) * (np.asarray(size) - 1) / 2)
        grid = Grid(
            size,
            tuple(float(v) for v in spacing),
            tuple(float(v) for v in origin),
            tuple(direction.ravel().tolist()),
        )
        # A voxel's box has its width over sqrt(12); echo-planar images blur along y by T2*.
        blur = np.asarray(spacing) / np.sqrt(12) * ((1.2, 1.9, 1.0) if wide else (1.0, 1.0, 1.0))
        study[role] = Acquisition(
            protocol[role],
            grid,
            sitk.CompositeTransform([pose.to_atlas, motion]),
            tuple(float(v) for v in blur),
            hertz if wide else 0.0,
        )
    study["DWI-b1000"] = replace(study["DWI-b0"], sequence=protocol["DWI-b1000"])
    return study


def view_box(study: dict[str, Acquisition], margin: float = 8.0) -> tuple[np.ndarray, np.ndarray]:
    """The box of the canvas that holds all fields of view: low and high corner, mm."""
    points = []
    for acquisition in study.values():
        ends = [np.linspace(-0.5, n - 0.5, 5) for n in acquisition.grid.size]
        cells = np.stack(np.meshgrid(*ends, indexing="ij"), axis=-1).reshape(-1, 3)
        for point in acquisition.grid.points(cells):
            points.append(acquisition.to_canvas.TransformPoint(point.tolist()))
    return np.min(points, axis=0) - margin, np.max(points, axis=0) + margin
