"""The VOI a heat map points at: against brute force, at the edges, and back in the patient."""

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.spatial.transform import Rotation

from HNCLogic.images.grid import Grid, resample
from HNCLogic.methods.gradcam_voi import box_sums, hottest_voi, voi_about

OBLIQUE = Rotation.from_euler("xyz", [17, -9, 31], degrees=True).as_matrix()
FLIPPED = OBLIQUE @ np.diag([-1.0, 1.0, -1.0])
SWAPPED = OBLIQUE[:, [2, 0, 1]]


def grid(direction=OBLIQUE, size=(14, 11, 9), spacing=(1.5, 2.0, 3.1)):
    return Grid(size, spacing, (-31.0, 12.0, -420.0), tuple(direction.ravel().tolist()))


def summed_one_by_one(values, box):
    shape = [n - side + 1 for n, side in zip(values.shape, box, strict=True)]
    out = np.zeros(shape)
    for z, y, x in np.ndindex(*shape):
        out[z, y, x] = values[z : z + box[0], y : y + box[1], x : x + box[2]].sum()
    return out


@pytest.mark.parametrize("box", [(1, 1, 1), (3, 4, 5), (9, 2, 14), (9, 11, 14)])
def test_box_sums_are_those_added_up_one_by_one(box):
    values = np.random.default_rng(sum(box)).random((9, 11, 14)).astype(np.float32)
    expected = summed_one_by_one(values.astype(float), box)
    assert np.allclose(box_sums(values, box), expected, rtol=1e-12, atol=1e-9)


def test_hottest_box_is_brute_forces():
    for seed in range(8):
        heat = np.random.default_rng(seed).random((9, 11, 14)) ** 8
        size = (3, 5, 6)
        sums = summed_one_by_one(heat, size)
        voi = hottest_voi(heat, grid(), size)
        assert voi.start == tuple(int(v) for v in np.unravel_index(sums.argmax(), sums.shape))
        assert heat[voi.cut].sum() == pytest.approx(sums.max())


def test_box_is_the_arg_max_of_the_padded_sum_clipped_inside():
    """As specified: centred where the box-summed map (zeros around) is highest, then clipped."""
    from scipy.ndimage import uniform_filter

    for seed in range(8):
        heat = np.random.default_rng(seed).random((9, 11, 14)) ** 6
        size = (3, 5, 7)
        padded = uniform_filter(heat, size, mode="constant") * np.prod(size)
        centre = np.array(np.unravel_index(padded.argmax(), padded.shape))
        start = np.clip(centre - np.array(size) // 2, 0, np.array(heat.shape) - size)
        cut = tuple(slice(s, s + n) for s, n in zip(start, size, strict=True))
        assert heat[hottest_voi(heat, grid(), size).cut].sum() == pytest.approx(heat[cut].sum())


def test_spot_in_the_middle_is_centred_and_at_a_corner_the_box_stays_inside():
    heat = np.zeros((9, 11, 14))
    heat[4, 5, 7] = 1.0
    assert hottest_voi(heat, grid(), (3, 5, 5)).start == (3, 3, 5)
    for corner in np.ndindex(2, 2, 2):
        at = tuple(c * (n - 1) for c, n in zip(corner, heat.shape, strict=True))
        one = np.zeros(heat.shape)
        one[at] = 2.0
        voi = hottest_voi(one, grid(), (3, 5, 6))
        expected = [c * (n - side) for c, n, side in zip(corner, one.shape, voi.size, strict=True)]
        assert list(voi.start) == expected
        assert voi.found
        assert one[voi.cut].shape == voi.size
        assert one[voi.cut].sum() == 2.0


def test_empty_map_gives_the_middle_and_says_so():
    voi = hottest_voi(np.zeros((9, 11, 14)), grid(), (3, 5, 6))
    assert (voi.start, voi.found) == ((3, 3, 4), False)


def test_box_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="does not fit"):
        hottest_voi(np.ones((9, 11, 14)), grid(), (10, 5, 6))
    with pytest.raises(ValueError, match="does not fit"):
        voi_about((0.0, 0.0, 0.0), grid(), (3, 12, 6))


@pytest.mark.parametrize("direction", [OBLIQUE, FLIPPED, SWAPPED, np.eye(3)])
def test_its_grid_lies_voxel_on_voxel_in_the_patient(direction):
    whole = grid(direction)
    values = np.random.default_rng(2).random(whole.size[::-1]).astype(np.float32)
    heat = np.zeros(values.shape)
    heat[7, 1, 12] = 1.0
    voi = hottest_voi(heat, whole, (3, 5, 6))
    there = sitk.GetArrayFromImage(resample(whole.image(values), voi.grid, -1.0))
    assert np.allclose(there, values[voi.cut], atol=1e-5)
    # Outer corners, in RAS: those of the voxels half a voxel farther out.
    ends = np.array([voi.start[::-1], np.add(voi.start, voi.size)[::-1]]) - 0.5
    index = [(x, y, z) for x in ends[:, 0] for y in ends[:, 1] for z in ends[:, 2]]
    expected = whole.points(np.array(index)) * (-1, -1, 1)
    assert np.allclose(voi.corners_ras, expected, atol=1e-9)


@pytest.mark.parametrize("direction", [OBLIQUE, FLIPPED, SWAPPED])
def test_box_placed_by_hand_there_and_back(direction):
    whole = grid(direction)
    heat = np.zeros(whole.size[::-1])
    heat[3, 6, 8] = 1.0
    voi = hottest_voi(heat, whole, (3, 5, 7))
    centre = np.mean(voi.corners_ras, axis=0)
    assert voi_about(centre, whole, voi.size) == voi
    far = whole.points(np.array([[500.0, -500.0, 4.0]]))[0] * (-1, -1, 1)
    clipped = voi_about(far, whole, voi.size)
    assert clipped.start == (3, 0, 14 - 7)
