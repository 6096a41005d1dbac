"""Connected components: connectivity, the 0.1 ml limit, order, against another labeller."""

import numpy as np
import pytest
import SimpleITK as sitk
from scipy import ndimage

from HNCLogic.errors import InputError
from HNCLogic.images.grid import Grid
from HNCLogic.lesions.components import separate


def oblique(array, spacing=(1.3, 0.9, 2.4)):
    """An image with a rotated, mirrored, anisotropic grid far from the origin."""
    turn = sitk.Euler3DTransform((0, 0, 0), 0.3, -0.2, 0.4)
    matrix = np.array(turn.GetMatrix()).reshape(3, 3) @ np.diag([1, 1, -1])
    grid = Grid(array.shape[::-1], spacing, (-80.0, 33.0, 412.0), tuple(matrix.ravel()))
    return grid.image(array)


def test_corner_neighbours_are_one_lesion_and_the_grid_is_kept():
    classes = np.zeros((8, 9, 10), np.uint8)
    classes[2, 2, 2] = classes[3, 3, 3] = classes[4, 4, 4] = 3
    classes[7, 8, 9] = 3
    image = oblique(classes)
    labels, kinds = separate(image, minimum_ml=0)
    found = sitk.GetArrayFromImage(labels)
    assert Grid.of(labels) == Grid.of(image)
    assert labels.GetPixelID() == sitk.sitkUInt16
    assert kinds == {1: "lesion", 2: "lesion"}
    assert found[2, 2, 2] == found[3, 3, 3] == found[4, 4, 4] == 1
    assert found[7, 8, 9] == 2
    assert (found > 0).sum() == 4


def test_exactly_the_minimum_stays_and_one_voxel_less_goes():
    classes = np.zeros((5, 12, 20), np.uint8)
    classes[1, 1, 1:11] = 2  # 10 voxels of 0.01 ml
    classes[3, 1, 1:10] = 2  # 9
    labels, kinds = separate(oblique(classes, (2.0, 2.0, 2.5)))
    found = sitk.GetArrayFromImage(labels)
    assert kinds == {1: "node"}
    assert (found == 1).sum() == 10
    assert found[3].sum() == 0


def test_spacing_stored_in_single_precision_does_not_drop_an_exact_minimum():
    classes = np.zeros((3, 4, 30), np.uint8)
    classes[1, 1, 1:26] = 1  # 25 voxels of 0.004 ml
    spacing = tuple(float(np.float32(v)) for v in (1.6, 1.0, 2.5))
    assert separate(oblique(classes, spacing))[1] == {1: "primary"}


def test_primary_touching_a_node_stays_two_and_order_is_kind_then_volume():
    classes = np.zeros((10, 20, 30), np.uint8)
    classes[2:4, 2:4, 2:4] = 1
    classes[2:4, 2:4, 4:9] = 2  # touches the primary
    classes[7:9, 2:12, 2:12] = 1  # the larger primary, stored later
    classes[2:4, 12:19, 12:19] = 2
    classes[7:9, 15:18, 15:18] = 3
    labels, kinds = separate(oblique(classes), minimum_ml=0)
    found = sitk.GetArrayFromImage(labels)
    assert kinds == {1: "primary", 2: "primary", 3: "node", 4: "node", 5: "lesion"}
    assert found[7, 5, 5] == 1
    assert found[2, 2, 2] == 2
    assert found[2, 15, 15] == 3
    assert found[2, 2, 5] == 4
    assert ((found > 0) == (classes > 0)).all()


def test_agrees_with_scipy_on_noise():
    noise = np.random.default_rng(3).random((20, 25, 30)) > 0.93
    labels, kinds = separate(oblique(noise.astype(np.uint8)), minimum_ml=0)
    found = sitk.GetArrayFromImage(labels)
    others, count = ndimage.label(noise, np.ones((3, 3, 3)))
    assert len(kinds) == count
    pairs = np.unique(np.stack([found[noise], others[noise]]), axis=1)
    assert pairs.shape[1] == count  # a one-to-one match of the two labellings
    sizes = np.bincount(found.ravel())[1:]
    assert (np.diff(sizes.astype(int)) <= 0).all()


def test_empty_mask_and_float_masks():
    empty = np.zeros((3, 4, 5), np.float32)
    labels, kinds = separate(oblique(empty))
    assert kinds == {}
    assert sitk.GetArrayViewFromImage(labels).max() == 0
    empty[1, 1, 1] = 2.0
    assert separate(oblique(empty), 0)[1] == {1: "node"}


@pytest.mark.parametrize(
    ("value", "words"), [(4.0, "4"), (-1.0, "-1"), (0.5, "whole"), (np.nan, "nan")]
)
def test_other_values_are_refused(value, words):
    classes = np.zeros((3, 4, 5), np.float32)
    classes[1, 1, 1] = value
    with pytest.raises(InputError, match=words):
        separate(oblique(classes))


def test_negative_minimum_is_refused():
    with pytest.raises(InputError, match="0 or more"):
        separate(oblique(np.zeros((3, 4, 5), np.uint8)), -1.0)
