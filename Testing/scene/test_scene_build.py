"""A case in the scene: what is shown, where the views look, in what order things stand."""

import json

import numpy as np
import pytest

from HNCLogic.errors import InputError
from HNCLogic.job import Explanation, Region, Result
from HNCLogic.scene.application import SLICE_VIEWS, start
from HNCLogic.scene.build import SceneContent, build
from HNCLogic.scene.layers import HEAT_LAYER, composites
from HNCLogic.scene.volumes import image_of
from Testing.scene.small_patient import CENTRE, HOTTEST, PRIMARY


def passes_through(slice_node, point, tolerance=1e-6) -> bool:
    to_slice = slice_node.GetSliceToRAS()
    normal = np.array([to_slice.GetElement(i, 2) for i in range(3)])
    origin = np.array([to_slice.GetElement(i, 3) for i in range(3)])
    return abs(normal @ (np.asarray(point) - origin)) < tolerance


def bare(**changes) -> Result:
    return Result(task="analyze", research_use="Research use only.", **changes)


def test_views_hold_anatomy_pet_and_heat_map(application, content):
    nodes = build(application, content)
    assert len(composites(application)) == len(SLICE_VIEWS)
    for composite in composites(application):
        assert composite.GetBackgroundVolumeID() == nodes.volumes["CT"].GetID()
        assert composite.GetForegroundVolumeID() == nodes.volumes["PET"].GetID()
        assert 0.4 <= composite.GetForegroundOpacity() <= 0.7
        assert composite.GetNthLayerVolumeID(HEAT_LAYER) == nodes.heatmap.GetID()
        assert composite.GetNthLayerOpacity(HEAT_LAYER) == pytest.approx(0.6)
        assert composite.GetClipToBackgroundVolume()


def test_views_pass_through_the_hottest_lesion(application, content):
    nodes = build(application, content)
    assert nodes.focus == pytest.approx(content.result.lesions[0].suv_max_ras)
    assert nodes.focus == pytest.approx(tuple(PRIMARY), abs=2.0)
    for view, orientation in SLICE_VIEWS.items():
        slice_node = application.slice_logic(view).GetSliceNode()
        assert slice_node.GetOrientation() == orientation
        assert passes_through(slice_node, nodes.focus)


def test_without_lesions_views_go_to_the_hottest_of_the_heat_map(application, content):
    explained = bare(explanation=content.result.explanation)
    nodes = build(application, SceneContent(content.images, explained, heatmap=content.heatmap))
    assert nodes.focus == pytest.approx(tuple(HOTTEST))


def test_without_either_views_go_to_the_pets_hottest_in_the_region(application, content):
    anywhere = build(application, SceneContent(content.images, bare()))
    assert anywhere.focus == pytest.approx(tuple(PRIMARY), abs=2.0)
    low = Region(inferior_mm=170.0, superior_mm=195.0, found_by="set by hand")
    empty = Explanation(slices=content.result.explanation.slices)  # a heat map without heat
    explained = bare(region=low, explanation=empty)
    nodes = build(application, SceneContent(content.images, explained))
    assert nodes.focus == build(start(), SceneContent(content.images, bare(region=low))).focus
    assert 170.0 <= nodes.focus[2] <= 195.0
    assert nodes.focus[0] < CENTRE[0]  # the node, on the patient's left


def test_frames_are_the_body_not_the_empty_field(application, content):
    nodes = build(application, content)
    for view, orientation in SLICE_VIEWS.items():
        slice_node = application.slice_logic(view).GetSliceNode()
        across, up, _ = slice_node.GetFieldOfView()
        assert across == pytest.approx(nodes.frames[orientation].side_mm)
        assert across == pytest.approx(up)
        assert 140.0 <= across <= 240.0  # the body is 150 by 190 mm and cut at 150 in height


def test_pet_alone_is_the_background_in_inverted_grey(application, content):
    only = SceneContent({"PET": content.images["PET"]}, content.result, labels=content.labels)
    nodes = build(application, only)
    for composite in composites(application):
        assert composite.GetBackgroundVolumeID() == nodes.volumes["PET"].GetID()
        assert composite.GetForegroundVolumeID() is None
        assert composite.GetNumberOfAdditionalLayers() == 0
    colours = nodes.volumes["PET"].GetScalarVolumeDisplayNode().GetColorNode()
    assert colours.GetName() == "InvertedGrey"
    assert nodes.heatmap is None


def test_mr_comes_before_ct_beneath_the_pet(application, content):
    images = {**content.images, "T1": content.images["CT"]}
    nodes = build(application, SceneContent(images, content.result))
    assert nodes.background is nodes.volumes["T1"]
    assert nodes.foreground is nodes.volumes["PET"]


def test_anatomy_alone_needs_no_pet(application, content):
    nodes = build(application, SceneContent({"CT": content.images["CT"]}, bare()))
    assert nodes.background is nodes.volumes["CT"]
    assert nodes.foreground is None
    assert nodes.focus == pytest.approx(tuple(CENTRE), abs=1e-6)


def test_everything_stands_in_one_study_in_order(application, content):
    nodes = build(application, content)
    tree = application.scene.GetSubjectHierarchyNode()
    items = [tree.GetItemByDataNode(node) for node in (nodes.volumes["PET"], nodes.text)]
    study = tree.GetItemParent(items[0])
    assert tree.GetItemParent(items[1]) == study
    assert tree.GetItemName(study) == "FDG PET/CT (simulated, research use)"
    assert tree.GetItemAttribute(study, "HNC.ResearchUse") == content.result.research_use
    assert tree.GetItemAttribute(study, "HNC.Version") == "0.1.0"
    import vtk

    below = vtk.vtkIdList()
    tree.GetItemChildren(study, below, False)
    names = [tree.GetItemName(below.GetId(i)) for i in range(below.GetNumberOfIds())]
    assert names == [
        "PET (SUVbw)",
        "CT",
        "Lesions",
        "Heat map (Grad-CAM)",
        "Lesion measures",
        "Probability along the neck",
        "Probability along the neck (chart)",
        "Heat per slice",
        "Heat per slice (chart)",
        "Result (JSON)",
    ]


def test_the_result_is_in_the_scene_word_for_word(application, content):
    nodes = build(application, content)
    assert Result.model_validate_json(nodes.text.GetText()) == content.result
    assert json.loads(nodes.text.GetText())["research_use"] == content.result.research_use


def test_table_and_chart_are_chosen_for_the_desktops_views(application, content):
    nodes = build(application, content)
    selection = application.logic.GetSelectionNode()
    assert selection.GetActiveTableID() == nodes.lesion_table.GetID()
    assert selection.GetActivePlotChartID() == nodes.window_chart.GetID()


def test_two_cases_share_colours_not_nodes(application, content):
    first = build(application, content)
    count = application.scene.GetNumberOfNodesByClass("vtkMRMLColorTableNode")
    second = build(application, content)
    assert application.scene.GetNumberOfNodesByClass("vtkMRMLColorTableNode") == count
    assert second.volumes["PET"] is not first.volumes["PET"]
    assert composites(application)[0].GetForegroundVolumeID() == second.volumes["PET"].GetID()


def test_images_are_in_the_scene_unchanged(application, content):
    import SimpleITK as sitk

    nodes = build(application, content)
    for role, image in content.images.items():
        back = sitk.GetArrayFromImage(image_of(nodes.volumes[role]))
        assert np.array_equal(back, sitk.GetArrayFromImage(image))


def test_no_image_is_refused(application, result):
    with pytest.raises(InputError, match="at least one image"):
        build(application, SceneContent({}, result))


def test_slicer_core_missing_says_what_to_install(monkeypatch):
    import builtins

    from HNCLogic.scene import application as module

    real = builtins.__import__

    def without(name, *rest, **named):
        if name == "slicer":
            raise ImportError("No module named 'slicer'")
        return real(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(InputError, match=r'pip install "slicer-core>=5\.12"'):
        module.start()


def test_another_package_called_slicer_is_told_apart(monkeypatch):
    import sys
    import types

    from HNCLogic.scene import application as module

    monkeypatch.setitem(sys.modules, "slicer", types.ModuleType("slicer"))
    with pytest.raises(InputError, match="another Python package called slicer"):
        module.start()


def test_importing_the_scene_loads_neither_slicer_nor_vtk():
    """A panel and the command line import it at once; slicer-core alone takes over a second."""
    import subprocess
    import sys
    from pathlib import Path

    modules = "application, build, save, segments, views"
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            f"import sys; from HNCLogic.scene import {modules}; "
            "print(sorted({'slicer', 'vtk', 'vtkmodules'} & set(sys.modules)))",
        ],
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.strip() == "[]"
