"""Pictures one at a time, from nodes that are in the scene: the user's views stay as they are."""

import os

import numpy as np
import pytest
import SimpleITK as sitk

from HNCLogic.errors import InputError
from HNCLogic.in_steps import at_once
from HNCLogic.scene.application import SLICE_VIEWS
from HNCLogic.scene.build import SceneContent, build
from HNCLogic.scene.gather import gather
from HNCLogic.scene.layers import HEAT_LAYER, jump
from HNCLogic.scene.segments import segment_id
from HNCLogic.scene.views import PIXELS, draw_views, render_views
from Testing.scene.small_patient import CENTRE


@pytest.fixture
def case(application, content):
    return build(application, content)


def gathered(case, result=None, **more):
    nodes = {"segmentation": case.segmentation, "heatmap": case.heatmap} | more
    return at_once(gather(case.application, case.volumes, result or case.content.result, **nodes))


def pixels(path) -> np.ndarray:
    return sitk.GetArrayFromImage(sitk.ReadImage(path)).astype(int)


def near(rgb: np.ndarray, colour) -> np.ndarray:
    return np.abs(rgb - np.asarray(colour) * 255).max(axis=-1) < 25


def users_views(application) -> list:
    """Everything about the user's slice views that a picture could have moved."""
    found = []
    for view in SLICE_VIEWS:
        logic = application.slice_logic(view)
        node, composite = logic.GetSliceNode(), logic.GetSliceCompositeNode()
        matrix = node.GetSliceToRAS()
        found.append(
            (
                [round(matrix.GetElement(i, j), 6) for i in range(4) for j in range(4)],
                node.GetDimensions(),
                node.GetFieldOfView(),
                node.GetXYZOrigin(),
                composite.GetBackgroundVolumeID(),
                composite.GetForegroundVolumeID(),
                composite.GetForegroundOpacity(),
                composite.GetNthLayerOpacity(HEAT_LAYER),
                composite.GetLinkedControl(),
            )
        )
    return found


def names(scene) -> list[str]:
    return sorted(scene.GetNthNode(i).GetID() for i in range(scene.GetNumberOfNodes()))


def test_a_picture_at_a_time_and_the_views_stay(case, tmp_path):
    application, scene = case.application, case.application.scene
    jump(application, tuple(CENTRE + 7.0))  # the user looks elsewhere
    for view in SLICE_VIEWS:
        composite = application.slice_logic(view).GetSliceCompositeNode()
        composite.SetForegroundOpacity(0.23)
    before, there = users_views(application), names(scene)

    files = []
    for picture in draw_views(case, tmp_path):
        assert users_views(application) == before
        if picture is not None:
            files.append(picture[1])
            assert sorted(os.listdir(tmp_path)) == sorted(files)
            assert pixels(tmp_path / picture[1]).shape == (PIXELS, PIXELS, 3)
        for i in range(scene.GetNumberOfNodes()):
            node = scene.GetNthNode(i)
            assert node.GetID() in there or not node.GetSaveWithScene(), node.GetName()
    assert files == [
        *(f"{plane}.png" for plane in ("axial", "coronal", "sagittal")),
        *(f"{plane}-heat.png" for plane in ("axial", "coronal", "sagittal")),
        "mip-anterior.png",
        "mip-left.png",
    ]
    assert users_views(application) == before
    assert names(scene) == there


def test_our_views_are_in_nobodys_layout(case, tmp_path):
    """The desktop makes a widget for each slice node that has no owner, when it is added."""
    scene = case.application.scene
    there = names(scene)
    owners = []

    def added(_caller, _event):
        for i in range(scene.GetNumberOfNodes()):
            node = scene.GetNthNode(i)
            if node.IsA("vtkMRMLSliceNode") and node.GetID() not in there:
                owners.append(node.GetParentLayoutNode())

    tag = scene.AddObserver(scene.NodeAddedEvent, added)
    steps = draw_views(case, tmp_path)
    while next(steps) is None:
        pass
    scene.RemoveObserver(tag)
    steps.close()
    assert owners
    assert all(owner is case.background for owner in owners)


def test_closed_half_way_leaves_nothing_in_the_scene(case, tmp_path):
    there = names(case.application.scene)
    steps = draw_views(case, tmp_path)
    for _ in range(4):
        next(steps)
    assert names(case.application.scene) != there
    steps.close()
    assert names(case.application.scene) == there


def test_the_scene_may_be_closed_between_two_steps(case, tmp_path):
    scene = case.application.scene
    steps = draw_views(case, tmp_path)
    for _ in range(3):
        next(steps)
    scene.Clear(False)
    there = names(scene)
    steps.close()
    assert set(names(scene)) <= set(there)
    assert not [one for one in names(scene) if "HNC picture" in scene.GetNodeByID(one).GetName()]


def test_nodes_in_the_scene_give_the_pictures_of_the_images(case, tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "nodes").mkdir()
    told = render_views(case, tmp_path / "images")
    assert render_views(gathered(case), tmp_path / "nodes") == told
    for name in told.values():
        one, other = (pixels(tmp_path / kind / name) for kind in ("images", "nodes"))
        assert (np.abs(one - other).max(axis=-1) > 8).mean() < 0.001, name


def test_a_case_is_gathered_in_steps_and_reads_no_more_than_it_needs(case, monkeypatch):
    from HNCLogic.scene import gather as module

    read = []
    real = module.image_of
    monkeypatch.setattr(module, "image_of", lambda node: read.append(node) or real(node))
    steps = gather(case.application, case.volumes, case.content.result, case.segmentation)
    assert sum(1 for _ in steps) >= 3
    assert read == [case.volumes["PET"]]


def test_deleted_recoloured_and_swapped_lesions_are_drawn_as_they_are(case, tmp_path):
    segmentation = case.segmentation.GetSegmentation()
    result = case.content.result
    yellow = (0.9, 0.9, 0.1)
    segmentation.RemoveSegment(segment_id(1))
    segmentation.GetSegment(segment_id(2)).SetColor(*yellow)
    left = result.lesions[1].model_copy(update={"label": 1, "name": "All that is left"})
    changed = result.model_copy(update={"lesions": [left]})
    for match in (None, {segment_id(2): left}):
        nodes = gathered(case, changed, lesions_of=match)
        assert np.unique(sitk.GetArrayViewFromImage(nodes.content.labels)).tolist() == [0, 1]
        assert nodes.content.colour_of == {1: pytest.approx(yellow)}
        assert nodes.focus == left.suv_max_ras
    render_views(nodes, tmp_path)
    for name in ("axial.png", "mip-anterior.png"):
        rgb = pixels(tmp_path / name)
        assert near(rgb[:740, :780], yellow).sum() > 100, name
        assert near(rgb[740:860, 600:], yellow).sum() > 100, name  # beside its name
        assert not near(rgb[:, :600], (0.0, 0.8, 0.3)).any(), name  # the primary is gone


def test_an_empty_segment_is_no_lesion(case):
    result = case.content.result
    only = result.model_copy(update={"lesions": result.lesions[1:]})
    case.segmentation.GetSegmentation().RemoveSegment(segment_id(1))
    case.segmentation.GetSegmentation().AddEmptySegment("drawn-nothing-yet", "New")
    nodes = gathered(case, only)
    assert nodes.content.colour_of.keys() == {2}


def test_what_is_measured_live_fits(case):
    """With an empty segment, and one that lies beside the PET."""
    import slicer

    from HNCLogic.scene.live_measures import remeasure

    segmentation = case.segmentation.GetSegmentation()
    segmentation.RemoveSegment(segment_id(1))
    segmentation.AddEmptySegment("nothing", "Nothing yet")
    away = slicer.vtkSegment()
    away.SetName("In the air")
    away.DeepCopy(segmentation.GetSegment(segment_id(2)))
    image = away.GetRepresentation("Binary labelmap")
    origin = image.GetOrigin()
    image.SetOrigin(origin[0] + 2000, origin[1], origin[2])
    segmentation.AddSegment(away, "away")
    measured = at_once(remeasure(case.segmentation, case.volumes["PET"], {}))
    assert list(measured.by_segment) == [segment_id(2), "nothing", "away"]
    assert len(measured.lesions) == 1
    changed = case.content.result.model_copy(update={"lesions": measured.lesions})
    nodes = gathered(case, changed, lesions_of=measured.by_segment)
    assert list(nodes.content.colour_of) == [measured.lesions[0].label]


def test_outlines_that_were_not_measured_are_refused(case):
    result = case.content.result
    fewer = result.model_copy(update={"lesions": result.lesions[:1]})
    with pytest.raises(InputError, match="2 lesions are outlined and 1 measured"):
        gathered(case, fewer)
    with pytest.raises(InputError, match="at least one image"):
        at_once(gather(case.application, {}, result))


def test_a_hidden_segmentation_is_drawn_and_stays_hidden(case, tmp_path):
    display = case.segmentation.GetDisplayNode()
    display.SetVisibility(False)
    steps = draw_views(case, tmp_path)
    while next(steps) is None:
        assert not display.GetVisibility()
    steps.close()
    assert near(pixels(tmp_path / "axial.png")[:740, :780], (0.0, 0.8, 0.3)).sum() > 200
    assert not display.GetVisibility()
    assert display.GetVisibility2D()


def test_a_case_without_a_pet_is_drawn_from_its_anatomy(application, ct, heat, result, tmp_path):
    only = result.model_copy(update={"lesions": [], "totals": []})
    case = build(application, SceneContent({"CT": ct}, only, heatmap=heat))
    nodes = gathered(case, only, segmentation=None)
    assert nodes.content.images.get("PET") is None
    assert list(nodes.content.images) == ["CT"]
    assert set(render_views(nodes, tmp_path)) == {
        f"{plane}: {layer}"
        for plane in ("Axial", "Coronal", "Sagittal")
        for layer in ("CT", "CT + heat map (Grad-CAM)")
    }
