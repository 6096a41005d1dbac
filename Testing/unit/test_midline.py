"""The body's middle is the same however the PET is stored, and in however many steps."""

import numpy as np
import pytest
import SimpleITK as sitk

from HNCLogic.images import midline as finding
from HNCLogic.images.grid import Grid
from HNCLogic.images.midline import midline, midline_steps


@pytest.fixture(scope="module")
def pet() -> sitk.Image:
    """A neck that bends to the left, shoulders, and an arm held up beside them; voxels of 2 mm."""
    grid = Grid((90, 60, 70), (2.0, 2.4, 3.0), (-85.0, -70.0, 40.0), tuple(np.eye(3).ravel()))
    z, y, x = np.indices(grid.size[::-1])
    where = grid.points(np.stack([x, y, z], -1).reshape(-1, 3)).reshape(*x.shape, 3)
    bend = 0.1 * (where[..., 2] - 40.0)
    wide = np.where(where[..., 2] < 100.0, 60.0, 32.0)
    body = np.hypot((where[..., 0] - bend) / wide, where[..., 1] / 40.0) < 1
    body |= np.hypot(where[..., 0] + 75.0, where[..., 1]) < 7
    rough = 0.1 * np.random.default_rng(2).random(body.shape)
    return grid.image((body * 0.8 + rough).astype(np.float32))


def test_the_line_bends_with_the_neck_and_leaves_the_arm_aside(pet):
    line = midline(pet)
    for s in (60.0, 140.0, 220.0):
        assert line.left_of_middle_mm((0.1 * (s - 40.0), 0.0, s)) == pytest.approx(0.0, abs=2.5)


@pytest.mark.parametrize("order", ["LPS", "RAI", "PIR", "SLA"])
def test_however_the_pet_is_stored(pet, order):
    line, other = midline(pet), midline(sitk.DICOMOrient(pet, order))
    for s in (60.0, 140.0, 220.0):
        point = (7.0, 3.0, s)
        assert other.left_of_middle_mm(point) == pytest.approx(
            line.left_of_middle_mm(point), abs=1.5
        )


@pytest.mark.parametrize("voxels", [1, 9_000, 50_000])
def test_however_short_the_steps(pet, voxels, monkeypatch):
    whole = midline(pet)
    monkeypatch.setattr(finding, "_STEP_VOXELS", voxels)
    steps = midline_steps(sitk.GetArrayViewFromImage(pet), Grid.of(pet))
    count = 0
    while True:
        try:
            next(steps)
            count += 1
        except StopIteration as stop:
            line = stop.value
            break
    assert count > 4
    assert np.array_equal(line.centres, whole.centres)
    assert line.grid == whole.grid
