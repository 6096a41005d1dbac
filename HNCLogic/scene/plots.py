"""Charts over the result's tables: probability along the neck, heat per slice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from HNCLogic.scene.tables import (
    ANNOTATED,
    HEAT,
    POSITION,
    PROBABILITY,
    SLICE_TABLE_NAME,
    THRESHOLD,
    WINDOW_TABLE_NAME,
    add_table,
    slice_columns,
    window_columns,
)

if TYPE_CHECKING:  # pydantic is not there before the user agreed to install it
    from HNCLogic.job import Explanation, Presence


BLUE = (0.12, 0.44, 0.75)
RED = (0.80, 0.15, 0.15)
VIOLET = (0.55, 0.10, 0.65)
GREEN = (0.20, 0.60, 0.30)


def add_window_chart(scene: Any, presence: Presence) -> tuple[Any, Any]:
    """The windows' table and a chart of their probabilities with the threshold as a line."""
    table = add_table(scene, WINDOW_TABLE_NAME, window_columns(presence))
    return table, set_window_chart(_chart(scene, table), table, presence)


def set_window_chart(chart: Any, table: Any, presence: Presence) -> Any:
    """Let a chart node show the windows' table, in place of what it showed."""
    _drop_series(chart)
    scene = chart.GetScene()
    probability = _series(scene, table, PROBABILITY, BLUE, markers=True)
    threshold = _series(scene, table, THRESHOLD, RED, dashed=True)
    threshold.SetName(f"{THRESHOLD} {presence.threshold:.2f}")
    title = f"Probability of cancer along the neck ({presence.model})"
    return _show(chart, title, PROBABILITY, [probability, threshold])


def add_slice_chart(scene: Any, explanation: Explanation) -> tuple[Any, Any]:
    """The slices' table and a chart of the largest heat in each, beside annotated slices.

    The picture of Liedes 2025, Fig. 5.
    """
    table = add_table(scene, SLICE_TABLE_NAME, slice_columns(explanation))
    return table, set_slice_chart(_chart(scene, table), table)


def set_slice_chart(chart: Any, table: Any) -> Any:
    """Let a chart node show the slices' table, in place of what it showed."""
    _drop_series(chart)
    scene = chart.GetScene()
    series = [_series(scene, table, HEAT, VIOLET)]
    if table.GetColumnIndex(ANNOTATED) >= 0:
        series.append(_series(scene, table, ANNOTATED, GREEN, dashed=True))
    return _show(chart, "Where the network looked, slice by slice", HEAT, series)


def _drop_series(chart: Any) -> None:
    """Take a chart's series out of the scene, a former answer's say."""
    scene = chart.GetScene()
    for n in reversed(range(chart.GetNumberOfPlotSeriesNodes())):
        series = chart.GetNthPlotSeriesNode(n)
        chart.RemoveNthPlotSeriesNodeID(n)
        if series is not None:
            scene.RemoveNode(series)


def _series(
    scene: Any,
    table: Any,
    column: str,
    colour: tuple[float, float, float],
    markers: bool = False,
    dashed: bool = False,
) -> Any:
    node = scene.AddNewNodeByClass("vtkMRMLPlotSeriesNode", column)
    node.SetAndObserveTableNodeID(table.GetID())
    node.SetPlotType(node.PlotTypeScatter)  # x against y; a line joins the points
    node.SetXColumnName(POSITION)
    node.SetYColumnName(column)
    node.SetColor(*colour)
    node.SetLineWidth(2)
    node.SetLineStyle(node.LineStyleDash if dashed else node.LineStyleSolid)
    node.SetMarkerStyle(node.MarkerStyleCircle if markers else node.MarkerStyleNone)
    node.SetMarkerSize(9)
    return node


def _chart(scene: Any, table: Any) -> Any:
    return scene.AddNewNodeByClass("vtkMRMLPlotChartNode", f"{table.GetName()} (chart)")


def _show(node: Any, title: str, y_title: str, series: list[Any]) -> Any:
    for one in series:
        node.AddAndObservePlotSeriesNodeID(one.GetID())
    node.SetTitle(title)
    node.SetXAxisTitle("Position (mm toward the head)")
    node.SetYAxisTitle(y_title)
    node.SetYAxisRangeAuto(False)
    node.SetYAxisRange(0.0, 1.05)
    node.SetLegendVisibility(True)
    node.SetGridVisibility(True)
    return node
