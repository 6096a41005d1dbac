"""Images become volume nodes, and come back, voxel for voxel and millimetre for millimetre."""

import numpy as np
import pytest
import SimpleITK as sitk

from HNCLogic.errors import InputError
from HNCLogic.images.grid import Grid
from HNCLogic.scene.volumes import (
    add_legend,
    add_volume,
    image_of,
    show_ct,
    show_mr,
    show_pet,
    vtk_matrix,
)

ROTATED = np.array([[0.8, -0.6, 0.0], [0.6, 0.8, 0.0], [0.0, 0.0, 1.0]])
TIPPED = np.array([[1.0, 0.0, 0.0], [0.0, 0.8, -0.6], [0.0, 0.6, 0.8]])
DIRECTIONS = {
    "straight": np.eye(3),
    "slices downward": np.diag([1.0, 1.0, -1.0]),
    "mirrored": np.diag([-1.0, 1.0, 1.0]),
    "axes swapped": np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, -1.0, 0.0]]),
    "doubly oblique": ROTATED @ TIPPED,
    "oblique and flipped": ROTATED @ TIPPED @ np.diag([-1.0, 1.0, -1.0]),
}


def image(direction: np.ndarray, dtype=np.float32) -> sitk.Image:
    array = np.random.default_rng(3).normal(40, 300, (5, 7, 9)).astype(dtype)
    made = sitk.GetImageFromArray(array)
    made.SetSpacing((0.7, 1.9, 3.3))
    made.SetOrigin((-120.5, 33.25, -871.125))
    made.SetDirection(direction.ravel())
    return made


@pytest.mark.parametrize("direction", DIRECTIONS.values(), ids=DIRECTIONS)
def test_geometry_is_exact_there_and_back(application, direction):
    original = image(direction)
    node = add_volume(application.scene, original, "it")

    import vtk

    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    for index in ((0, 0, 0), (8, 0, 0), (0, 6, 0), (0, 0, 4), (3, 2, 1)):
        x, y, z = original.TransformIndexToPhysicalPoint(index)
        placed = matrix.MultiplyPoint((*index, 1.0))[:3]
        assert placed == pytest.approx((-x, -y, z), abs=1e-9)

    back = image_of(node)
    assert Grid.of(back).same_as(Grid.of(original), 1e-9)
    assert np.array_equal(sitk.GetArrayFromImage(back), sitk.GetArrayFromImage(original))


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.float32, np.float64])
def test_pixel_type_is_kept(application, dtype):
    original = image(DIRECTIONS["doubly oblique"], dtype)
    back = image_of(add_volume(application.scene, original, "it"))
    assert back.GetPixelID() == original.GetPixelID()
    assert np.array_equal(sitk.GetArrayFromImage(back), sitk.GetArrayFromImage(original))


def test_the_node_does_not_share_the_images_memory(application):
    original = image(np.eye(3))
    before = sitk.GetArrayFromImage(original)
    node = add_volume(application.scene, original, "it")
    original *= 0
    assert np.array_equal(sitk.GetArrayFromImage(image_of(node)), before)


def test_a_linear_transform_above_the_node_counts(application):
    original = image(DIRECTIONS["oblique and flipped"])
    node = add_volume(application.scene, original, "it")
    transform = application.scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    shift = np.eye(4)
    shift[:3, 3] = (5.0, -7.0, 11.0)  # RAS
    transform.SetMatrixTransformToParent(vtk_matrix(shift))
    node.SetAndObserveTransformNodeID(transform.GetID())
    moved = np.array(image_of(node).GetOrigin()) - original.GetOrigin()
    assert moved == pytest.approx((-5.0, 7.0, 11.0), abs=1e-9)


def test_an_empty_volume_is_refused_by_name(application):
    node = application.scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "nothing here")
    with pytest.raises(InputError, match="nothing here is empty"):
        image_of(node)


def test_an_image_of_vectors_is_refused(application):
    with pytest.raises(InputError, match="three axes"):
        add_volume(application.scene, sitk.Image([4, 4, 4], sitk.sitkVectorFloat32, 3), "it")


def test_ct_has_the_necks_soft_tissue_window(application):
    node = add_volume(application.scene, image(np.eye(3)), "CT")
    display = show_ct(node)
    assert (display.GetWindow(), display.GetLevel()) == (350.0, 40.0)
    assert not display.GetAutoWindowLevel()
    assert node.GetVoxelValueUnits().GetCodeValue() == "[hnsf'U]"


def test_pet_has_a_fixed_window_and_its_units(application):
    node = add_volume(application.scene, image(np.eye(3)), "PET")
    display = show_pet(node, 8.0)
    assert (display.GetWindowLevelMin(), display.GetWindowLevelMax()) == (0.0, 8.0)
    assert display.GetApplyThreshold()
    assert display.GetLowerThreshold() == pytest.approx(1.6)
    assert display.GetColorNode().GetName() == "HNC-PET"
    assert node.GetVoxelValueQuantity().GetCodeMeaning() == "Standardized Uptake Value"
    assert node.GetVoxelValueUnits().GetCodeValue() == "{SUVbw}g/ml"


def test_pet_alone_is_inverted_grey_and_hides_nothing(application):
    display = show_pet(add_volume(application.scene, image(np.eye(3)), "PET"), alone=True)
    assert display.GetColorNode().GetName() == "InvertedGrey"
    assert not display.GetApplyThreshold()


def test_mr_window_leaves_out_background_and_a_bright_spot(application):
    array = np.zeros((20, 20, 20), np.float32)
    array[5:15, 5:15, 5:15] = np.random.default_rng(0).uniform(300, 700, (10, 10, 10))
    array[10, 10, 10] = 6000.0
    display = show_mr(add_volume(application.scene, sitk.GetImageFromArray(array), "T1"))
    assert 300 <= display.GetWindowLevelMin() <= 320
    assert 690 <= display.GetWindowLevelMax() <= 720


def test_mr_that_is_flat_still_gets_a_window(application):
    flat = sitk.Image([4, 4, 4], sitk.sitkFloat32) + 7.0
    display = show_mr(add_volume(application.scene, flat, "T1"))
    assert display.GetWindow() > 0


def test_legend_belongs_to_its_volume(application):
    node = add_volume(application.scene, image(np.eye(3)), "PET")
    legend = add_legend(show_pet(node), "SUVbw (g/ml)")
    assert legend.GetTitleText() == "SUVbw (g/ml)"
    assert legend.GetPrimaryDisplayNode() is node.GetScalarVolumeDisplayNode()
    assert legend.GetDisplayableNode() is node
