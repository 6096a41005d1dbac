"""The hottest place of a volume node, of all of it and at one height of the body."""

from __future__ import annotations

import numpy as np
import pytest

from HNCLogic.scene.hottest import hottest_at, hottest_of
from HNCLogic.scene.volumes import add_volume
from Testing.scene.small_patient import CENTRE, FLIPPED, HOTTEST, TURNED, grid_around, positions


@pytest.fixture(
    params=[TURNED, FLIPPED, TURNED[:, [2, 0, 1]]], ids=["turned", "flipped", "sagittal"]
)
def case(request, application):
    """A volume with one warm place all along the body, hottest at HOTTEST; its node and voxels."""
    grid = grid_around(CENTRE, (30, 34, 26), (4.4, 3.9, 3.7), request.param)
    where = positions(grid)
    along = where - HOTTEST
    # The warm line leans: at another height the hottest place is another one.
    along[..., 0] -= 0.4 * along[..., 2]
    values = np.exp(-(along[..., 0] ** 2 + along[..., 1] ** 2) / 200 - along[..., 2] ** 2 / 2000)
    node = add_volume(application.scene, grid.image(values.astype(np.float32)), "heat")
    return node, where, values


def test_of_all_of_it_the_hottest_place_is_the_largest_voxels(case):
    node, where, values = case
    largest = where.reshape(-1, 3)[np.argmax(values)]
    assert largest == pytest.approx(HOTTEST, abs=4.0)  # a voxel
    assert hottest_of(node) == pytest.approx(tuple(largest), abs=1e-3)


@pytest.mark.parametrize("up", [-18.0, 0.0, 13.3])
def test_at_a_height_the_hottest_place_is_found_in_oblique_volumes_too(case, up):
    node, _, _ = case
    height = float(HOTTEST[2] + up)
    right, front, s = hottest_at(node, height)
    assert s == height
    assert right == pytest.approx(HOTTEST[0] + 0.4 * up, abs=4.0)  # a voxel
    assert front == pytest.approx(HOTTEST[1], abs=4.0)


def test_beyond_the_volume_and_in_an_empty_one_there_is_none(case, application):
    node, where, _values = case
    assert hottest_at(node, float(where[..., 2].max()) + 30) is None
    assert hottest_at(node, float(where[..., 2].min()) - 30) is None
    grid = grid_around(CENTRE, (8, 8, 8), (4, 4, 4), TURNED)
    empty = add_volume(application.scene, grid.image(np.zeros((8, 8, 8), np.float32)), "empty")
    assert hottest_at(empty, float(CENTRE[2])) is None
    assert hottest_of(empty) is None
