"""True labels on an image's grid: the same as reading each label over the whole grid."""

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.spatial.transform import Rotation

from HNCLogic.images.grid import Grid
from HNCLogic.phantom.body.pose import draw_pose
from HNCLogic.phantom.body.shapes import Canvas
from HNCLogic.phantom.scanners import scanner
from HNCLogic.phantom.scanners.truth_grid import labels_on

OBLIQUE = tuple(Rotation.from_euler("xyz", (12, -7, 20), degrees=True).as_matrix().ravel())
GRIDS = {
    "PET": ((60, 50, 70), (4.0, 4.0, 3.3), scanner.AXIAL),
    "oblique": ((90, 80, 40), (2.3, 2.9, 6.0), OBLIQUE),
    "flipped": ((60, 50, 70), (4.0, 4.0, 4.0), (-1.0, 0, 0, 0, -1.0, 0, 0, 0, 1.0)),
}


def bodies():
    """Balls on a canvas with labels 1, 2, 4 and 9: two touch, one is tiny, one at the border."""
    canvas = Canvas((-130.0, -120.0, -150.0), (130.0, 110.0, 140.0), 2.5)
    x, y, z = (axis.reshape(shape) for axis, shape in zip(
        canvas.axes, ((1, 1, -1), (1, -1, 1), (-1, 1, 1)), strict=True))  # fmt: skip
    labels = np.zeros(canvas.labels.shape, np.uint8)
    for value, (cx, cy, cz), radius in (
        (1, (20, -30, 10), 14), (2, (38, -30, 14), 9), (4, (-60, 40, -70), 3), (9, (0, 0, 140), 20),
    ):  # fmt: skip
        labels[(x - cx) ** 2 + (y - cy) ** 2 + (z - cz) ** 2 < radius**2] = value
    return labels, canvas


@pytest.mark.parametrize("name", GRIDS)
def test_as_each_label_read_over_the_whole_grid(name):
    labels, canvas = bodies()
    pose = draw_pose(np.random.default_rng(5))
    size, spacing, direction = GRIDS[name]
    half = np.reshape(direction, (3, 3)) @ (np.array(spacing) * (np.array(size) - 1) / 2)
    origin = pose.scanner_point((0.0, -10.0, 20.0)) - half
    grid = Grid(size, spacing, tuple(float(v) for v in origin), direction)
    found = labels_on(grid, labels, canvas, pose.to_atlas)
    wanted = np.zeros_like(found)
    for value in (1, 2, 4, 9):
        share = scanner.read(labels == value, canvas, grid, pose.to_atlas, 0.0)
        wanted[share >= 0.5] = value
    assert found.dtype == np.uint8
    assert np.array_equal(found, wanted)
    assert {0, 1, 2} <= set(np.unique(found))
    ml = (found == 1).sum() * grid.voxel_ml
    assert ml == pytest.approx(4 / 3 * np.pi * 14**3 / 1000, rel=0.25)  # the pose may stretch


def test_what_is_not_in_view_is_left_out():
    labels, canvas = bodies()
    still = sitk.Transform(3, sitk.sitkIdentity)
    far = Grid((20, 20, 20), (4.0, 4.0, 4.0), (900.0, 0.0, 0.0), scanner.AXIAL)
    assert not labels_on(far, labels, canvas, still).any()
    near = Grid((60, 60, 70), (4.0, 4.0, 4.0), (-110.0, -110.0, -140.0), scanner.AXIAL)
    assert not labels_on(near, np.zeros_like(labels), canvas, still).any()
    assert set(np.unique(labels_on(near, labels, canvas, still))) >= {0, 1, 2}
