"""Grids: positions, resampling, the way there and back, on oblique and flipped grids."""

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from HNCLogic.images.grid import (
    Grid,
    overlap_fraction,
    ras,
    resample,
    shrink_toward,
    to_patient_axes,
)

FLIPS = st.tuples(*[st.sampled_from([-1.0, 1.0])] * 3)
ANGLES = st.tuples(*[st.floats(-25, 25)] * 3)
SPACINGS = st.tuples(*[st.floats(0.4, 6.0)] * 3)


def grid_of(angles, flips, spacing, size=(7, 6, 5), origin=(-31.0, 12.5, 400.0)) -> Grid:
    direction = Rotation.from_euler("xyz", angles, degrees=True).as_matrix() * np.array(flips)
    return Grid(size, spacing, origin, tuple(direction.ravel()))


@given(ANGLES, FLIPS, SPACINGS)
@settings(max_examples=40, deadline=None)
def test_points_are_those_of_simpleitk(angles, flips, spacing):
    grid = grid_of(angles, flips, spacing)
    image = grid.empty()
    indices = [(0, 0, 0), (6, 5, 4), (3, 1, 2)]
    points = grid.points(np.array(indices))
    for index, point in zip(indices, points, strict=True):
        assert image.TransformIndexToPhysicalPoint(index) == pytest.approx(point, abs=1e-6)
    assert grid.indices(points) == pytest.approx(np.array(indices), abs=1e-6)
    assert Grid.of(image).same_as(grid)


@given(ANGLES, FLIPS, SPACINGS)
@settings(max_examples=25, deadline=None)
def test_a_linear_field_survives_resampling_between_any_two_grids(angles, flips, spacing):
    # A field that is linear in space is reproduced exactly by linear interpolation.
    source = grid_of((0, 0, 0), (1, 1, 1), (5.0, 5.0, 5.0), (60, 60, 60), (-150, -150, 250))
    target = grid_of(angles, flips, spacing)
    z, y, x = np.meshgrid(*[np.arange(60)] * 3, indexing="ij")
    points = source.points(np.stack([x, y, z], -1).reshape(-1, 3))
    field = (points @ [0.3, -0.2, 0.1] + 5).reshape(60, 60, 60).astype(np.float32)
    out = sitk.GetArrayFromImage(resample(source.image(field), target, -1000.0))
    z, y, x = np.meshgrid(np.arange(5), np.arange(6), np.arange(7), indexing="ij")
    where = target.points(np.stack([x, y, z], -1).reshape(-1, 3))
    assert out.ravel() == pytest.approx(where @ [0.3, -0.2, 0.1] + 5, abs=1e-3)


def test_outside_the_field_of_view_is_the_value_asked_for():
    image = grid_of((0, 0, 10), (1, 1, 1), (2.0, 2.0, 4.0)).image(np.ones((5, 6, 7), np.float32))
    wide = Grid((40, 40, 40), (3.0, 3.0, 3.0), (-90.0, -50.0, 350.0), tuple(np.eye(3).ravel()))
    values = sitk.GetArrayFromImage(resample(image, wide, -1000.0))
    assert set(np.unique(values)) == {-1000.0, 1.0}  # nothing in between: no smear


@given(ANGLES, FLIPS)
@settings(max_examples=25, deadline=None)
def test_patient_axes_keep_every_voxel_where_it_was(angles, flips):
    grid = grid_of(angles, flips, (1.0, 2.0, 3.0))
    values = np.arange(7 * 6 * 5, dtype=np.float32).reshape(5, 6, 7)
    turned = to_patient_axes(grid.image(values))
    matrix = Grid.of(turned).matrix
    assert np.all(np.argmax(np.abs(matrix), axis=0) == [0, 1, 2])
    assert np.all(np.diag(matrix) > 0)
    for value, index in ((0.0, (0, 0, 0)), (209.0, (6, 5, 4)), (17.0, (3, 2, 0))):
        where = np.argwhere(sitk.GetArrayFromImage(turned) == value)[0][::-1]
        point = turned.TransformIndexToPhysicalPoint([int(v) for v in where])
        assert point == pytest.approx(grid.points(np.array([index]))[0], abs=1e-6)


def test_shrinking_averages_and_keeps_positions():
    grid = grid_of((8, -5, 12), (1, -1, 1), (0.5, 0.5, 4.0), (40, 40, 6))
    z, y, x = np.meshgrid(np.arange(6), np.arange(40), np.arange(40), indexing="ij")
    points = grid.points(np.stack([x, y, z], -1).reshape(-1, 3))
    field = (points @ [0.5, 0.25, -0.1]).reshape(6, 40, 40).astype(np.float32)
    small = shrink_toward(grid.image(field), (4.0, 4.0, 4.0))
    assert small.GetSize() == (5, 5, 6)
    there = Grid.of(small).points(np.array([[2, 3, 4]]))[0]
    assert small.GetPixel(2, 3, 4) == pytest.approx(there @ [0.5, 0.25, -0.1], abs=1e-3)
    assert shrink_toward(small, (4.0, 4.0, 4.0)) is small


@pytest.mark.parametrize("flips", [(1, 1, 1), (1, -1, -1)])
def test_shrinking_keeps_the_far_end_of_every_axis(flips):
    grid = grid_of((8, -5, 12), flips, (0.5, 0.6, 1.1), (43, 41, 11))
    values = np.zeros((11, 41, 43), np.float32)
    values[10, 40, 42] = 8.0  # alone in its block, but for what fills the block up
    values[:8, :36, :40] = 1.0  # whole blocks
    small = shrink_toward(grid.image(values), (4.0, 4.0, 4.0))
    assert small.GetSize() == (6, 7, 4)  # blocks of 8 x 6 x 3
    found = sitk.GetArrayFromImage(small)
    assert found[:2, :6, :5].min() == found[:2, :6, :5].max() == 1.0
    share = (6 * 2 * 2) / (8 * 6 * 3)  # of the block, after its edge voxels are repeated
    assert found[3, 6, 5] == pytest.approx(8.0 * share, rel=1e-5)
    first = Grid.of(small).points(np.array([[0, 0, 0]]))[0]
    assert first == pytest.approx(grid.points(np.array([[3.5, 2.5, 1.0]]))[0], abs=1e-6)
    low, high = (
        Grid.of(small).indices(grid.corners()).min(0),
        Grid.of(small).indices(grid.corners()).max(0),
    )
    assert (low >= -0.5 - 1e-6).all()
    assert (high <= np.array(small.GetSize()) - 0.5 + 1e-6).all()


def test_overlap_is_a_share_of_the_volume():
    base = Grid((10, 10, 10), (2.0, 2.0, 2.0), (0.0, 0.0, 0.0), tuple(np.eye(3).ravel()))
    half = Grid((10, 10, 10), (2.0, 2.0, 2.0), (0.0, 0.0, 10.0), tuple(np.eye(3).ravel()))
    away = Grid((10, 10, 10), (2.0, 2.0, 2.0), (0.0, 50.0, 0.0), tuple(np.eye(3).ravel()))
    assert overlap_fraction(base, base) == 1.0
    assert overlap_fraction(half, base) == pytest.approx(0.5, abs=0.05)
    assert overlap_fraction(away, base) == 0.0


def test_ras_negates_left_and_posterior():
    assert ras((10.0, -20.0, 30.0)) == (-10.0, 20.0, 30.0)
