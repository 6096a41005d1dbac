"""Boxes that hold the body: what is worked out in them alone is what a whole scan gives."""

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.ndimage import gaussian_filter
from scipy.spatial.transform import Rotation

from HNCLogic.images.grid import Grid
from HNCLogic.phantom.body.anatomy import draw_anatomy
from HNCLogic.phantom.scanners import scanner
from HNCLogic.phantom.scanners.places import blurred, boxes_on


@pytest.fixture(scope="module")
def patient():
    body = draw_anatomy(np.random.default_rng(20_001))
    canvas = body.painted(4.0)
    return canvas, body.pose(np.random.default_rng(20_002)), scanner.column("hu")[canvas.labels]


def grids(pose):
    """Axial, and oblique with flipped slices; both cut through the body."""
    middle = pose.offset
    axial = scanner.axial_grid((3.1, 3.1, 4.7), (150, 140), middle[:2], middle[2] - 190, 
                               middle[2] + 300)  # fmt: skip
    turn = Rotation.from_euler("xyz", (14, -9, 20), degrees=True).as_matrix() * (1, 1, -1)
    size, spacing = np.array((90, 70, 60)), np.array((5.0, 4.0, 6.5))
    origin = middle - turn @ (spacing * (size - 1) / 2)
    return axial, Grid(tuple(size.tolist()), tuple(spacing), tuple(origin), tuple(turn.ravel()))


@pytest.mark.parametrize("which", [0, 1])
def test_read_in_boxes_is_a_resampling_of_the_whole(patient, which):
    canvas, pose, hu = patient
    grid = grids(pose)[which]
    image = sitk.GetImageFromArray(hu)
    image.SetSpacing([canvas.spacing] * 3)
    image.SetOrigin([float(v) for v in canvas.low])
    whole = sitk.GetArrayFromImage(
        sitk.Resample(
            image, grid.size, pose.to_atlas, sitk.sitkLinear, grid.origin, grid.spacing,
            grid.direction, -1000.0,
        )
    )  # fmt: skip
    found = scanner.read(hu, canvas, grid, pose.to_atlas, -1000.0)
    assert np.abs(found - whole).max() < 1e-2
    assert (whole > -900).mean() > 0.1
    held = np.zeros(whole.shape, bool)
    for box in boxes_on(grid, canvas.labels > 0, canvas, pose.to_atlas):
        assert not held[box].any()  # boxes do not overlap
        held[box] = True
    assert held.mean() < 0.8


def test_nothing_is_read_of_an_empty_canvas(patient):
    canvas, pose, hu = patient
    grid = grids(pose)[0]
    assert (scanner.read(np.full_like(hu, -1000), canvas, grid, pose.to_atlas, -1000.0)).max() == (
        -1000.0
    )


@pytest.mark.parametrize(("sigma", "truncate", "every"), [(0.4, 4.0, 32), (1.1, 3.0, 7)])
def test_blurred_in_boxes_is_the_blur_of_the_whole(patient, sigma, truncate, every):
    canvas, _, hu = patient
    found = blurred(hu, canvas.labels > 0, sigma, truncate, every)
    np.testing.assert_array_equal(found, gaussian_filter(hu, sigma, truncate=truncate))
