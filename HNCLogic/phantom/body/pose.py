"""How the patient lies: from atlas space to the scanner's, by a smooth deformation.

Size and build, the head's pitch, roll and yaw against the shoulders, and a gentle warp that
makes no two patients alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from scipy.spatial.transform import Rotation

from HNCLogic.phantom.body.atlas import HIGH, LOW
from HNCLogic.phantom.body.noise import on_grid, smooth_field

PIVOT = np.array([0.0, 16.0, -5.0])  # the head turns about the middle of the cervical spine
NECK, NECK_MIDDLE = (-60.0, 45.0), -8.0  # mm: heights between which necks differ in length
STEP = 10.0  # mm between the points at which the deformation is kept


@dataclass(frozen=True)
class Pose:
    """The deformation that says for each scanner position (LPS mm) where it is in the atlas."""

    to_atlas: sitk.Transform
    low: np.ndarray  # box in scanner space that holds the patient, mm
    high: np.ndarray
    offset: np.ndarray  # mm: where the atlas's origin lies, before head pose and warp

    def atlas_point(self, point) -> np.ndarray:
        return np.asarray(self.to_atlas.TransformPoint([float(v) for v in point]))

    def scanner_point(self, point) -> np.ndarray:
        """Where an atlas position lies in the scanner, LPS mm, to about 0.1 mm."""
        target = np.asarray(point, float)
        guess = target + self.offset
        for _ in range(30):
            guess = guess + 0.8 * (target - self.atlas_point(guess))
        return guess


def draw_pose(
    rng: np.random.Generator, size: float = 1.0, neck_length: float = 1.0, neck_girth: float = 1.0
) -> Pose:
    """How a patient lies whose body and neck are so many times as large as the atlas's."""
    scale = size * np.exp(0.02 * np.clip(rng.standard_normal(), -2, 2)
                          + 0.02 * np.clip(rng.standard_normal(3), -2, 2))  # fmt: skip
    pitch, roll, yaw = np.clip(rng.standard_normal(3), -2, 2) * (5.0, 2.0, 3.2)
    tilt = np.clip(rng.standard_normal(3), -2, 2) * (2.0, 1.5, 1.5)
    offset = np.array([rng.uniform(-12, 12), rng.uniform(-40, 0), rng.uniform(-700, -150)])
    low, high = np.asarray(LOW) * scale - 20, np.asarray(HIGH) * scale + 20
    axes = [np.arange(a, b + STEP, STEP) for a, b in zip(low, high, strict=True)]
    z, y, x = np.meshgrid(*axes[::-1], indexing="ij")
    points = np.stack([x, y, z], axis=-1)  # about the patient's own origin
    # The neck is longer or shorter, thicker or thinner than the atlas's.
    points_in = _with_neck(points, neck_length, neck_girth)
    # Shoulders stay, the head turns; in between the neck bends.
    rise = np.clip((axes[2] + 60) / 110, 0, 1)
    share = (rise**2 * (3 - 2 * rise))[:, None]
    turned = _rotated(points_in, share * np.array([pitch, roll, yaw]) + tilt)
    atlas = turned / scale
    for length, amount in ((110.0, 3.0), (45.0, 1.2)):
        for axis in range(3):
            field = smooth_field(rng, tuple(low), tuple(high), length)
            atlas[..., axis] += amount * _read(field, low, atlas.shape[:3])
    return pose_of(points, atlas, low, offset)


def pose_of(points: np.ndarray, there: np.ndarray, low: np.ndarray, offset: np.ndarray) -> Pose:
    """A pose by which ``points`` about the patient's own origin lie at ``there`` on the canvas.

    Both (z, y, x, 3) mm, on a grid ``STEP`` apart that starts at ``low``; ``offset`` is where the
    origin lies in the scanner. Beyond the grid nothing is deformed.
    """
    image = sitk.GetImageFromArray((there - points).astype(np.float64), isVector=True)
    image.SetSpacing([STEP] * 3)
    image.SetOrigin([float(v) for v in low])
    # Moved first, deformed then: the deformation ends at its grid, the move must not.
    moved = sitk.TranslationTransform(3, [-float(v) for v in offset])
    to_atlas = sitk.CompositeTransform([sitk.DisplacementFieldTransform(image), moved])
    high = low + STEP * (np.asarray(points.shape[2::-1]) - 1)
    return Pose(to_atlas, low + offset, high + offset, offset)


def _with_neck(points: np.ndarray, length: float, girth: float) -> np.ndarray:
    """Where in a body with the usual neck the points (mm) lie of one with another neck."""
    z = points[..., 2]
    # From 60 mm above to 60 mm below the hyoid heights are stretched; head and chest move along.
    low, high = NECK
    inner = np.clip(z, low * length, high * length)
    usual = np.stack([points[..., 0], points[..., 1], inner / length + (z - inner)], axis=-1)
    rise = np.clip(1 - np.abs(usual[..., 2] - NECK_MIDDLE) / 75.0, 0, 1)
    factor = 1 + (girth - 1) * rise**2 * (3 - 2 * rise)
    usual[..., 0] /= factor
    usual[..., 1] = PIVOT[1] + (usual[..., 1] - PIVOT[1]) / factor
    return usual


def _rotated(points: np.ndarray, degrees: np.ndarray) -> np.ndarray:
    """Points (z, y, x, 3) turned about the pivot, each layer by its own ``degrees`` (z, 3)."""
    turns = Rotation.from_euler("xyz", degrees, degrees=True).as_matrix()
    layers = (points - PIVOT).reshape(len(points), -1, 3)
    return (layers @ turns.transpose(0, 2, 1)).reshape(points.shape) + PIVOT


def _read(field: sitk.Image, low: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    return on_grid(field, low, STEP, shape[::-1])
