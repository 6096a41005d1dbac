"""An answer's nodes beside images that are in the scene already: heat map, tables, charts, text.

A second answer to the same question for the same image takes the first one's place, node by node,
so that views, plots and the user's own references stay where they were.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from HNCLogic.scene.adopt import STUDY_NAME, note_result, place_under_study_of
from HNCLogic.scene.heatmap import HEAT_NAME, show_heat
from HNCLogic.scene.notes import note_on, notes
from HNCLogic.scene.plots import (
    add_slice_chart,
    add_window_chart,
    set_slice_chart,
    set_window_chart,
)
from HNCLogic.scene.result_text import (
    EXTENSION,
    PAROTID,
    PET,
    PRESENCE,
    RESULT_NAME,
    find_text,
    own_text,
    part_of,
    refer,
    result_of,
    write_text,
)
from HNCLogic.scene.tables import set_columns, slice_columns, window_columns
from HNCLogic.scene.volumes import add_legend

if TYPE_CHECKING:  # pydantic is not there before the user agreed to install it
    from HNCLogic.job import Result

_PARTS = ("heatmap", "window_table", "window_chart", "slice_table", "slice_chart")
_HEAT_NAMES = {EXTENSION: f"{HEAT_NAME}, extension", PAROTID: f"{HEAT_NAME}, parotid"}
_STUDIES = {EXTENSION: "Neck CT (research use)", PAROTID: "Parotid MRI (research use)"}


@dataclass
class AnswerNodes:
    """The nodes of an answer (vtkMRML…Node), None where the result has nothing for them."""

    text: Any
    image: Any  # on which the results lie
    heatmap: Any = None
    window_table: Any = None
    window_chart: Any = None
    slice_table: Any = None
    slice_chart: Any = None

    @property
    def result(self) -> Result:
        return result_of(self.text)


def answer_nodes_of(text: Any) -> AnswerNodes:
    """The nodes that belong to an answer's text node; those that were deleted are None."""
    parts = {part: part_of(text, part) for part in _PARTS}
    return AnswerNodes(text, part_of(text, PET), **parts)


def find_answer(scene: Any, image_node: Any = None, answers: str = PRESENCE) -> AnswerNodes | None:
    """The last answer of its kind in the scene; that on this image, where one is given."""
    text = find_text(scene, answers, image_node)
    return None if text is None else answer_nodes_of(text)


def put_answer(
    scene: Any, image_node: Any, result: Result, heat_node: Any = None
) -> Generator[float, None, AnswerNodes]:
    """Put an answer's nodes into the scene; yields the share done, returns the nodes.

    ``result``: with its ``answer``, and ``explanation`` where there is one. ``heat_node``: the heat
    map as a volume node (float32, 0 to 1), in the scene already; where a former one is there, its
    voxels move into that and ``heat_node`` leaves the scene. Nodes stand under the image's study.
    The heat map is not yet laid over the views (``display.set_heat``). All nodes come in one step,
    so a closed generator leaves nothing half done but the ``heat_node`` it was given.
    """
    answers = _answers(result)
    former = find_text(scene, answers, image_node)
    yield 0.0
    text = own_text(scene, RESULT_NAME, answers, _PARTS, image_node, former)
    nodes = answer_nodes_of(text)
    _put_windows(scene, nodes, result)
    _put_slices(scene, nodes, result)
    _put_heat(scene, nodes, result, heat_node, _HEAT_NAMES.get(answers, HEAT_NAME))
    for part in _PARTS:
        refer(text, part, getattr(nodes, part))
    refer(text, "text", text)
    write_text(text, result)
    ordered = [*(getattr(nodes, part) for part in _PARTS), text]
    study = place_under_study_of(scene, image_node, ordered, _STUDIES.get(answers, STUDY_NAME))
    note_result(scene.GetSubjectHierarchyNode(), study, result)
    _select(scene, nodes)
    yield 1.0
    return nodes


def _answers(result: Result) -> str:
    if result.extension is not None:
        return EXTENSION
    return PAROTID if result.parotid is not None else PRESENCE


def _put_windows(scene: Any, nodes: AnswerNodes, result: Result) -> None:
    presence = result.presence
    if presence is None or not presence.windows:
        nodes.window_table, nodes.window_chart = _gone(nodes.window_table, nodes.window_chart)
    elif nodes.window_table is None or nodes.window_chart is None:
        _gone(nodes.window_table, nodes.window_chart)
        nodes.window_table, nodes.window_chart = add_window_chart(scene, presence)
    else:
        set_columns(nodes.window_table, window_columns(presence))
        set_window_chart(nodes.window_chart, nodes.window_table, presence)


def _put_slices(scene: Any, nodes: AnswerNodes, result: Result) -> None:
    explanation = result.explanation
    if explanation is None or not explanation.slices:
        nodes.slice_table, nodes.slice_chart = _gone(nodes.slice_table, nodes.slice_chart)
    elif nodes.slice_table is None or nodes.slice_chart is None:
        _gone(nodes.slice_table, nodes.slice_chart)
        nodes.slice_table, nodes.slice_chart = add_slice_chart(scene, explanation)
    else:
        set_columns(nodes.slice_table, slice_columns(explanation))
        set_slice_chart(nodes.slice_chart, nodes.slice_table)


def _put_heat(scene: Any, nodes: AnswerNodes, result: Result, heat_node: Any, name: str) -> None:
    if heat_node is None:
        _gone(nodes.heatmap)
        nodes.heatmap = None
        return
    if nodes.heatmap is None:
        nodes.heatmap = heat_node
        heat_node.SetName(name)
    elif nodes.heatmap is not heat_node:
        _move_voxels(heat_node, nodes.heatmap)
        scene.RemoveNode(heat_node)
    add_legend(show_heat(nodes.heatmap), "Grad-CAM")
    answer = result.answer
    note_on(nodes.heatmap, notes(result, answer.trained_on if answer else None))


def _move_voxels(source: Any, target: Any) -> None:
    import vtk

    matrix = vtk.vtkMatrix4x4()
    source.GetIJKToRASMatrix(matrix)
    changing = target.StartModify()
    target.SetAndObserveTransformNodeID(source.GetTransformNodeID())
    target.SetIJKToRASMatrix(matrix)
    target.SetAndObserveImageData(source.GetImageData())
    target.EndModify(changing)


def _gone(*nodes: Any) -> tuple[None, ...]:
    """Take nodes out of the scene, and the series of a chart or over a table with them."""
    for node in filter(None, nodes):
        scene = node.GetScene()
        every = scene.GetNodesByClass("vtkMRMLPlotSeriesNode")
        series = [every.GetItemAsObject(n) for n in range(every.GetNumberOfItems())]
        for one in series:
            drawn = node.IsA("vtkMRMLPlotChartNode") and node.HasPlotSeriesNodeID(one.GetID())
            if drawn or one.GetTableNode() is node:
                scene.RemoveNode(one)
        scene.RemoveNode(node)
    return (None,) * len(nodes)


def _select(scene: Any, nodes: AnswerNodes) -> None:
    """A layout with a plot opens on the windows."""
    selection = scene.GetFirstNodeByClass("vtkMRMLSelectionNode")
    chart = nodes.window_chart or nodes.slice_chart
    if selection is not None and chart is not None:
        selection.SetActivePlotChartID(chart.GetID())
