"""The panel's sliders and buttons: window, fusion, outlines, heat map, and the rotating MIP."""

import numpy as np
import pytest
import SimpleITK as sitk

from HNCLogic.errors import InputError
from HNCLogic.images.grid import Grid
from HNCLogic.scene import display
from HNCLogic.scene.colours import INVERTED_GREY, PET_COLOURS
from HNCLogic.scene.heatmap import add_heat_map
from HNCLogic.scene.layers import HEAT_LAYER, composites, restore_opacity
from HNCLogic.scene.mip import DIRECTIONS, project, straighten
from HNCLogic.scene.rotating_mip import MIP
from HNCLogic.scene.save import load_scene, save_scene
from HNCLogic.scene.segments import add_segmentation
from HNCLogic.scene.volumes import add_volume, show_mr, show_pet
from HNCLogic.scene.window import Canvas
from Testing.scene.small_patient import CENTRE, NODE, PRIMARY, grid_around

PIXELS = 400


@pytest.fixture
def pet_node(application, pet):
    return add_volume(application.scene, pet, "PET")


@pytest.fixture
def ct_node(application, ct):
    return add_volume(application.scene, ct, "CT")


@pytest.fixture
def heat_node(application, heat):
    return add_heat_map(application.scene, heat)


def test_one_click_puts_the_pet_over_the_ct(application, pet_node, ct_node):
    display.fuse(application, pet_node, ct_node)
    shown = pet_node.GetScalarVolumeDisplayNode()
    assert shown.GetColorNode().GetName() == PET_COLOURS
    assert (shown.GetWindowLevelMin(), shown.GetWindowLevelMax()) == (0.0, 10.0)
    assert shown.GetApplyThreshold()
    behind = ct_node.GetScalarVolumeDisplayNode()
    assert (behind.GetWindow(), behind.GetLevel()) == (350.0, 40.0)
    assert len(composites(application)) == 3
    for composite in composites(application):
        assert composite.GetBackgroundVolumeID() == ct_node.GetID()
        assert composite.GetForegroundVolumeID() == pet_node.GetID()
        assert composite.GetForegroundOpacity() == pytest.approx(0.6)
    display.set_fusion(application, ct_node, pet_node, 0.25)
    assert display.fusion_of(application) == 0.25


def test_an_mr_keeps_the_window_that_somebody_gave_it(application, pet_node, ct_node):
    show_mr(ct_node)
    ct_node.GetScalarVolumeDisplayNode().SetWindowLevelMinMax(5.0, 77.0)
    display.fuse(application, pet_node, ct_node, background_role="T1")
    behind = ct_node.GetScalarVolumeDisplayNode()
    assert (behind.GetWindowLevelMin(), behind.GetWindowLevelMax()) == (5.0, 77.0)


def test_a_pet_alone_is_dark_on_white_and_back_again(application, pet_node, ct_node):
    display.fuse(application, pet_node, ct_node)
    display.fuse(application, pet_node)
    shown = pet_node.GetScalarVolumeDisplayNode()
    assert shown.GetColorNode().GetName() == INVERTED_GREY
    assert not shown.GetApplyThreshold()
    for composite in composites(application):
        assert composite.GetBackgroundVolumeID() == pet_node.GetID()
        assert not composite.GetForegroundVolumeID()
    display.fuse(application, pet_node, ct_node)
    assert pet_node.GetScalarVolumeDisplayNode().GetApplyThreshold()


def test_fusion_leaves_the_heat_map_where_it_is(application, pet_node, ct_node, heat_node):
    display.set_heat(application, heat_node, 0.4)
    display.fuse(application, pet_node, ct_node)
    for composite in composites(application):
        assert composite.GetNthLayerVolumeID(HEAT_LAYER) == heat_node.GetID()
        assert composite.GetNthLayerOpacity(HEAT_LAYER) == pytest.approx(0.4)


def test_the_suv_window_moves_with_its_transparent_part(application, pet_node, ct_node):
    display.fuse(application, pet_node, ct_node)
    display.set_suv_window(pet_node, 5.0)
    shown = pet_node.GetScalarVolumeDisplayNode()
    assert display.suv_window(pet_node) == 5.0
    assert shown.GetLowerThreshold() == pytest.approx(1.0)
    assert shown.GetColorNode().GetName() == PET_COLOURS


def test_a_window_without_width_is_refused(pet_node):
    with pytest.raises(InputError, match="above 0"):
        display.set_suv_window(pet_node, 0.0)


def test_outline_or_fill(application, labels, result):
    node = add_segmentation(application.scene, labels, result.lesions, "Lesions")
    assert display.is_outline(node)
    display.set_outline(node, False)
    assert node.GetDisplayNode().GetVisibility2DFill()
    assert not display.is_outline(node)
    display.set_outline(node, True)
    assert node.GetDisplayNode().GetVisibility2DOutline()
    assert display.is_outline(node)


def test_the_heat_map_fades_goes_and_comes(application, pet_node, ct_node, heat_node):
    display.fuse(application, pet_node, ct_node)

    def opacities():
        return {round(c.GetNthLayerOpacity(HEAT_LAYER), 3) for c in composites(application)}

    display.set_heat(application, heat_node, 0.7)
    assert opacities() == {0.7}
    display.set_heat(application, heat_node, 0.7, shown=False)
    assert opacities() == {0.0}
    assert display.heat_opacity(heat_node) == 0.0
    display.set_heat(application, heat_node, 0.35)
    for composite in composites(application):
        composite.SetNthLayerOpacity(HEAT_LAYER, 1.0)  # as a scene file brings it back
    restore_opacity(application.scene)
    assert opacities() == {0.35}


def still(application, view, path) -> np.ndarray:
    """What a 3D view shows, drawn by Slicer's displayable managers: (rows from the top, x, RGB)."""
    import slicer
    import vtk

    factory = slicer.vtkMRMLThreeDViewDisplayableManagerFactory.GetInstance()
    for name in ("Camera", "View", "VolumeRendering"):
        manager = f"vtkMRML{name}DisplayableManager"
        if not factory.IsDisplayableManagerRegistered(manager):
            factory.RegisterDisplayableManager(manager)
    factory.SetMRMLApplicationLogic(application.logic)
    canvas = Canvas(PIXELS, PIXELS)
    renderer = vtk.vtkRenderer()
    canvas.window.AddRenderer(renderer)
    group = slicer.vtkMRMLDisplayableManagerGroup()
    group.SetRenderer(renderer)
    group.Initialize(factory, renderer)
    group.SetMRMLDisplayableNode(view)
    canvas.save(renderer, path)
    group.SetMRMLDisplayableNode(None)
    return sitk.GetArrayFromImage(sitk.ReadImage(str(path))).astype(float)


def test_the_rotating_mip_looks_like_a_mip(application, pet, pet_node, tmp_path):
    """Against the projection computed from the voxels: dark on white, upright, unmirrored."""
    show_pet(pet_node, 10.0)
    view = display.mip_view(application.scene, pet_node, turning=False)
    picture = still(application, view, tmp_path / "mip.png")
    assert np.ptp(picture, axis=2).max() <= 2  # grey
    assert picture[:4].min() > 250  # on white
    straight = straighten(pet, sitk.sitkLinear)
    grid = Grid.of(straight)
    projected = project(straight, DIRECTIONS[0])
    camera = next(iter(application.scene.GetNodesByClass("vtkMRMLCameraNode")))
    x, _, z = camera.GetFocalPoint()
    mm = 2 * view.GetFieldOfView() / PIXELS
    for at in (PRIMARY, NODE, CENTRE):  # seen from the front the patient's right is at the left
        column = round(PIXELS / 2 - (at[0] - x) / mm)
        row = round(PIXELS / 2 - (at[2] - z) / mm)
        i, _, k = np.rint(grid.indices(np.array([at]) * (-1, -1, 1)))[0].astype(int)
        expected = 255 * (1 - min(projected[k, i], 10.0) / 10.0)
        assert picture[row, column, 0] == pytest.approx(expected, abs=12), at
    display.set_suv_window(pet_node, 30.0)
    paler = still(application, view, tmp_path / "paler.png")
    assert paler.mean() > picture.mean() + 1
    assert paler.min() > 100


def test_the_mip_turns_stops_and_gives_the_view_back(application, pet_node):
    scene = application.scene
    display.mip_view(scene, pet_node)
    display.stop_mip(scene)
    view = scene.GetFirstNodeByClass("vtkMRMLViewNode")
    view.SetBackgroundColor(0.1, 0.2, 0.3)
    view.SetBoxVisible(True)
    view.SetRenderMode(view.Perspective)
    (camera,) = scene.GetNodesByClass("vtkMRMLCameraNode")
    camera.SetPosition(1.0, 2.0, 3.0)

    assert display.mip_shown(scene) is None
    assert display.mip_view(scene, pet_node) is view
    assert display.mip_shown(scene) is view
    assert view.GetAnimationMode() == view.Spin
    assert view.GetRaycastTechnique() == view.MaximumIntensityProjection
    assert view.GetBackgroundColor() == (1.0, 1.0, 1.0)
    display.spin(view, False)
    assert view.GetAnimationMode() == view.Off
    display.mip_view(scene, pet_node)  # again: what the view was before is not forgotten
    display.stop_mip(scene)
    assert view.GetBackgroundColor() == pytest.approx((0.1, 0.2, 0.3))
    assert view.GetBoxVisible()
    assert view.GetRenderMode() == view.Perspective
    assert view.GetAnimationMode() == view.Off
    assert view.GetRaycastTechnique() == view.Composite
    assert camera.GetPosition() == pytest.approx((1.0, 2.0, 3.0))
    assert scene.GetNumberOfNodesByClass("vtkMRMLVolumeRenderingDisplayNode") == 0
    assert scene.GetNumberOfNodesByClass("vtkMRMLVolumePropertyNode") == 0
    display.stop_mip(scene)


def test_a_saved_scene_turns_on_and_still_knows_what_the_view_was(application, pet_node, tmp_path):
    scene = application.scene
    show_pet(pet_node)
    display.mip_view(scene, pet_node)
    save_scene(application, tmp_path / "s.mrb")
    load_scene(application, tmp_path / "s.mrb")
    view = display.mip_shown(scene)
    assert view.GetRaycastTechnique() == view.MaximumIntensityProjection
    assert view.GetAnimationMode() == view.Spin
    display.set_suv_window(scene.GetFirstNodeByName("PET"), 6.0)
    (node,) = scene.GetNodesByClass("vtkMRMLVolumeRenderingDisplayNode")
    assert node.GetVolumePropertyNode().GetScalarOpacity().GetValue(3.0) == pytest.approx(0.5)
    display.stop_mip(scene)
    assert view.GetRaycastTechnique() == view.Composite
    assert scene.GetNumberOfNodesByClass("vtkMRMLVolumeRenderingDisplayNode") == 0


def test_another_patients_mip_takes_the_place_of_the_first(application, pet, pet_node):
    scene = application.scene
    other = add_volume(
        scene,
        grid_around(CENTRE, pet.GetSize(), (2.0, 2.0, 2.0), np.eye(3)).image(
            sitk.GetArrayFromImage(pet)
        ),
        "other",
    )
    display.mip_view(scene, pet_node)
    view = display.mip_view(scene, other, suv_max=7.0)
    (node,) = scene.GetNodesByClass("vtkMRMLVolumeRenderingDisplayNode")
    assert node.GetAttribute(MIP)
    assert node.GetVolumeNode() is other
    assert node.GetVolumePropertyNode().GetScalarOpacity().GetValue(3.5) == pytest.approx(0.5)
    assert list(node.GetViewNodeIDs()) == [view.GetID()]
    display.stop_mip(scene)
    assert display.mip_shown(scene) is None


def test_the_layout_gets_a_3d_view(application, pet_node):
    import slicer

    layout = slicer.vtkMRMLLayoutNode()
    application.scene.AddNode(layout)
    layout.SetViewArrangement(layout.SlicerLayoutOneUpRedSliceView)
    display.mip_view(application.scene, pet_node)
    assert layout.GetViewArrangement() == layout.SlicerLayoutFourUpView
