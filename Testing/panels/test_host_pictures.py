"""The stand-in for Slicer: its views are really drawn, and pictures show them beside the panel."""

import numpy as np
import pytest
from PySide6.QtGui import QImage

from Testing.host.arrangement import places
from Testing.host.pictures import BAR, GAP, PANEL_WIDTH, in_child
from Testing.panels.tiny_module import write_tiny_module


def pixels(path) -> np.ndarray:
    """A PNG as rows, columns, RGB."""
    image = QImage(str(path)).convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(bytes(image.constBits()), np.uint8).reshape(image.height(), -1)
    return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3)


def test_a_picture_shows_panel_and_views_in_both_palettes(host, tiny, small_patient, tmp_path):
    light = pixels(host.picture(tmp_path / "light.png"))
    host.palette = "dark"
    dark = pixels(host.picture(tmp_path / "dark.png"))
    host.palette = "light"
    assert light.shape == dark.shape
    assert light[:, :PANEL_WIDTH].mean() > 200
    assert dark[:, :PANEL_WIDTH].mean() < 80
    views = np.s_[:, PANEL_WIDTH + GAP :]
    np.testing.assert_array_equal(light[views], dark[views])
    red = light[BAR:300, PANEL_WIDTH + GAP : PANEL_WIDTH + GAP + 300]
    colourful = np.ptp(red.astype(int), axis=2) > 60  # the PET's warm colours, over grey
    assert 50 < colourful.sum() < 20_000
    assert (red.max(axis=2) > 60).mean() > 0.03


def test_the_views_follow_the_layout(host, tiny, small_patient, tmp_path):
    import slicer

    manager = slicer.app.layoutManager()
    assert manager.layout == 3
    assert {place.tag for place in places(manager.description())} == {"Red", "Green", "Yellow", "1"}
    four = pixels(host.picture(tmp_path / "four.png"))
    manager.setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutOneUpRedSliceView)
    (only,) = places(manager.description())
    assert (only.tag, only.left, only.width, only.height) == ("Red", 0, 1, 1)
    one = pixels(host.picture(tmp_path / "one.png"))
    assert one.shape == four.shape
    assert (one != four).any()
    with pytest.raises(ValueError, match="4711"):
        manager.setLayout(4711)


@pytest.mark.parametrize(
    ("layout", "views"),
    [
        ("SlicerLayoutConventionalWidescreenView", 4),
        ("SlicerLayoutThreeByThreeSliceView", 9),
        ("SlicerLayoutTabbedSliceView", 1),
    ],
)
def test_views_of_a_layout_fill_it_without_overlap(host, layout, views):
    import slicer

    host.app.layoutManager().setLayout(getattr(slicer.vtkMRMLLayoutNode, layout))
    found = places(host.app.layoutManager().description())
    assert len(found) == views
    assert sum(place.width * place.height for place in found) == pytest.approx(1.0)
    for place in found:
        assert place.left + place.width <= 1 + 1e-9
        assert place.top + place.height <= 1 + 1e-9


def test_an_empty_scene_gives_dark_views(host, tiny, small_patient, tmp_path):
    host.picture(tmp_path / "full.png")
    host.close_scene()
    empty = pixels(host.picture(tmp_path / "empty.png"))
    left = PANEL_WIDTH + GAP
    assert empty[BAR:200, left : left + 200].max() == 0


def test_slice_widgets_are_the_applications_own(host, small_patient):
    import slicer

    manager = slicer.app.layoutManager()
    assert manager.sliceViewNames() == ("Red", "Green", "Yellow")
    red = manager.sliceWidget("Red")
    assert red.sliceLogic() is slicer.app.applicationLogic().GetSliceLogicByLayoutName("Red")
    assert red.mrmlSliceNode().GetOrientation() == "Axial"
    red.sliceController().setSliceOffsetValue(small_patient.primary_ras[2])
    assert red.sliceLogic().GetSliceOffset() == pytest.approx(small_patient.primary_ras[2])
    before = red.mrmlSliceNode().GetFieldOfView()
    slicer.util.forceRenderAllViews()
    slicer.util.resetThreeDViews()
    assert red.mrmlSliceNode().GetFieldOfView() == before
    assert manager.threeDViewCount == 1
    node = manager.threeDWidget(0).mrmlViewNode()
    assert node is slicer.util.getFirstNodeByClassByName("vtkMRMLViewNode", "View1")
    assert manager.sliceWidget("Purple") is None


def test_the_3d_view_draws_a_rendered_volume_from_the_side_asked_for(host, small_patient):
    import slicer

    logic = slicer.modules.volumerendering.logic()
    display = logic.CreateDefaultVolumeRenderingNodes(small_patient.pet_node)
    display.SetVisibility(True)
    view = slicer.app.layoutManager().threeDWidget(0).threeDView()
    view.mrmlViewNode().SetBoxVisible(False)
    view.mrmlViewNode().SetAxisLabelsVisible(False)
    background = view.pixels((200, 200))[0, 0].astype(int)
    pictures = []
    for axis in (3, 0):  # from the front, from the left
        view.rotateToViewAxis(axis)
        view.resetFocalPoint()
        view.resetCamera(False)
        pixels = view.pixels((200, 200)).astype(int)
        assert (np.abs(pixels - background).max(axis=2) > 60).mean() > 0.005
        pictures.append(pixels)
    assert (pictures[0] != pictures[1]).any()
    position = view.cameraNode().GetPosition()
    focus = view.cameraNode().GetFocalPoint()
    assert position[0] < focus[0] - 100
    with pytest.raises(ValueError, match="0 to 5"):
        view.rotateToViewAxis(6)


@pytest.mark.parametrize(("palette", "scale"), [("light", 2), ("dark", 1)])
def test_a_child_process_draws_at_another_scale(tmp_path, palette, scale):
    module = write_tiny_module(tmp_path)
    path = in_child(
        module, tmp_path / "out.png", palette, scale, "Testing.panels.tiny_module:show_patient"
    )
    image = pixels(path)
    assert image.shape[0] >= 640 * scale
    assert (image[:, : PANEL_WIDTH * scale].mean() > 128) == (palette == "light")
    red = image[BAR * scale : 300 * scale, (PANEL_WIDTH + GAP) * scale :]
    assert red.max() > 100


def test_a_child_process_that_fails_says_why(tmp_path):
    with pytest.raises(RuntimeError, match="NoSuchModule"):
        in_child("NoSuchModule.py", tmp_path / "out.png")
