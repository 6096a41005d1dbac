"""A verdict comes into a scene that has images, is replaced by the next, and is found again."""

import time

import numpy as np
import pytest
import SimpleITK as sitk

from HNCLogic.errors import InputError
from HNCLogic.scene.answer_nodes import AnswerNodes, find_answer, put_answer
from HNCLogic.scene.build import build
from HNCLogic.scene.display import set_heat
from HNCLogic.scene.layers import HEAT_LAYER, composites
from HNCLogic.scene.notes import SIMULATED, TRAINED_ON, noted_on
from HNCLogic.scene.result_text import LESIONS, PRESENCE, find_text, result_of
from HNCLogic.scene.save import load_scene, save_scene
from HNCLogic.scene.tables import HEAT, PROBABILITY
from HNCLogic.scene.volumes import add_volume, image_of

PARTS = ("text", "heatmap", "window_table", "window_chart", "slice_table", "slice_chart")


@pytest.fixture
def scene(application):
    return application.scene


@pytest.fixture
def pet_node(scene, pet):
    return add_volume(scene, pet, "PET")


@pytest.fixture
def verdict(result):
    return result.model_copy(update={"lesions": [], "totals": []})


def finish(steps):
    """What the generator returns; none of its steps may take long."""
    slowest = 0.0
    while True:
        begin = time.thread_time()  # of this thread alone: the machine may be busy
        try:
            next(steps)
        except StopIteration as stop:
            assert slowest < 0.2
            return stop.value
        finally:
            slowest = max(slowest, time.thread_time() - begin)


def put(scene, pet_node, result, heat=None) -> AnswerNodes:
    node = None if heat is None else add_volume(scene, heat, "new")
    return finish(put_answer(scene, pet_node, result, node))


def test_all_of_a_verdict_is_there(scene, pet_node, verdict, heat):
    nodes = put(scene, pet_node, verdict, heat)
    assert nodes.image is pet_node
    assert nodes.result == verdict
    windows = nodes.window_table.GetTable()
    assert windows.GetNumberOfRows() == 3
    assert [round(windows.GetValueByName(n, PROBABILITY).ToDouble(), 3) for n in range(3)] == [
        0.3,
        0.9,
        0.6,
    ]
    assert nodes.window_chart.GetNumberOfPlotSeriesNodes() == 2
    assert nodes.slice_table.GetTable().GetNumberOfRows() == 38
    assert nodes.slice_chart.GetNumberOfPlotSeriesNodes() == 2
    assert nodes.heatmap.GetScalarVolumeDisplayNode().GetApplyThreshold()
    said = noted_on(nodes.heatmap)
    assert said[TRAINED_ON] == "simulated patients"
    assert said[SIMULATED] == "A simulated patient"
    tree = scene.GetSubjectHierarchyNode()
    study = tree.GetItemParent(tree.GetItemByDataNode(pet_node))
    assert tree.GetItemAttribute(study, "HNC.Simulated") == "A simulated patient"
    for part in PARTS:
        assert tree.GetItemParent(tree.GetItemByDataNode(getattr(nodes, part))) == study


def test_the_next_answer_takes_the_place_of_the_first(application, scene, pet_node, verdict, heat):
    first = put(scene, pet_node, verdict, heat)
    set_heat(application, first.heatmap, 0.5)
    ids = {part: getattr(first, part).GetID() for part in PARTS}
    count = scene.GetNumberOfNodes()
    presence = verdict.presence.model_copy(update={"windows": verdict.presence.windows[:2]})
    slices = [one.model_copy(update={"heat": 0.5}) for one in verdict.explanation.slices]
    explanation = verdict.explanation.model_copy(update={"slices": slices})
    other = verdict.model_copy(update={"presence": presence, "explanation": explanation})
    smaller = heat[3:20, 4:30, 5:25] * 0.5
    second = put(scene, pet_node, other, smaller)
    assert {part: getattr(second, part).GetID() for part in PARTS} == ids
    assert scene.GetNumberOfNodes() == count
    assert second.result == other
    assert second.window_table.GetTable().GetNumberOfRows() == 2
    assert second.slice_table.GetTable().GetValueByName(7, HEAT).ToDouble() == 0.5
    shown = image_of(second.heatmap)
    assert np.array_equal(sitk.GetArrayFromImage(shown), sitk.GetArrayFromImage(smaller))
    assert shown.GetOrigin() == pytest.approx(smaller.GetOrigin())
    for composite in composites(application):
        assert composite.GetNthLayerVolumeID(HEAT_LAYER) == ids["heatmap"]
        assert composite.GetNthLayerOpacity(HEAT_LAYER) == pytest.approx(0.5)


def test_an_answer_with_less_leaves_nothing_of_the_former(scene, pet_node, verdict, heat):
    put(scene, pet_node, verdict, heat)
    less = verdict.model_copy(update={"explanation": None})
    nodes = put(scene, pet_node, less)
    assert nodes.heatmap is nodes.slice_table is nodes.slice_chart is None
    assert scene.GetFirstNodeByName("Heat map (Grad-CAM)") is None
    assert scene.GetNumberOfNodesByClass("vtkMRMLTableNode") == 1
    assert scene.GetNumberOfNodesByClass("vtkMRMLPlotChartNode") == 1
    assert scene.GetNumberOfNodesByClass("vtkMRMLPlotSeriesNode") == 2
    assert find_answer(scene).heatmap is None


def test_what_somebody_deleted_comes_back(scene, pet_node, verdict, heat):
    nodes = put(scene, pet_node, verdict, heat)
    scene.RemoveNode(nodes.heatmap)
    scene.RemoveNode(nodes.window_chart)
    found = find_answer(scene, pet_node)
    assert found.heatmap is found.window_chart is None
    again = put(scene, pet_node, verdict, heat)
    assert again.heatmap is not None
    assert again.window_chart is not None
    assert scene.GetNumberOfNodesByClass("vtkMRMLTableNode") == 2
    assert scene.GetNumberOfNodesByClass("vtkMRMLPlotSeriesNode") == 4


def test_each_pet_has_its_own_verdict(scene, pet_node, verdict, pet, heat):
    other_pet = add_volume(scene, pet, "another patient's PET")
    first = put(scene, pet_node, verdict, heat)
    second = put(scene, other_pet, verdict, heat)
    assert first.text is not second.text
    assert find_answer(scene, pet_node).text is first.text
    assert find_answer(scene, other_pet).heatmap is second.heatmap
    assert find_answer(scene).text is second.text
    tree = scene.GetSubjectHierarchyNode()
    studies = {tree.GetItemParent(tree.GetItemByDataNode(n.text)) for n in (first, second)}
    assert len(studies) == 2


def test_a_cancelled_answer_leaves_the_scene_as_it_was(scene, pet_node, verdict):
    before = scene.GetNumberOfNodes()
    steps = put_answer(scene, pet_node, verdict)
    next(steps)
    steps.close()
    assert scene.GetNumberOfNodes() == before
    assert find_answer(scene) is None


def test_it_is_found_again_in_a_scene_that_was_saved(
    application, scene, pet_node, verdict, heat, tmp_path
):
    put(scene, pet_node, verdict, heat)
    save_scene(application, tmp_path / "s.mrb")
    load_scene(application, tmp_path / "s.mrb")
    found = find_answer(scene)
    assert found.result == verdict
    assert found.image.GetName() == "PET"
    for part in PARTS:
        assert getattr(found, part) is not None, part
    again = put(scene, found.image, verdict, heat)
    assert again.heatmap is found.heatmap


def test_a_case_of_the_command_line_is_found_and_gives_up_its_verdict_only(
    application, content, verdict, heat
):
    """There one text holds both answers: a new verdict leaves the lesions' text alone."""
    scene = application.scene
    built = build(application, content)
    pet_node = built.volumes["PET"]
    found = find_answer(scene, pet_node)
    assert found.text is built.text is find_text(scene, LESIONS)
    assert found.heatmap is built.heatmap
    nodes = put(scene, pet_node, verdict, heat)
    assert nodes.heatmap is built.heatmap
    assert nodes.text is not built.text
    assert find_text(scene, PRESENCE) is nodes.text
    assert find_text(scene, LESIONS) is built.text
    assert result_of(built.text).lesions == content.result.lesions


def test_a_foreign_text_holds_no_result(scene):
    text = scene.AddNewNodeByClass("vtkMRMLTextNode", "my notes")
    text.SetText("{}")
    with pytest.raises(InputError, match="my notes"):
        result_of(text)
