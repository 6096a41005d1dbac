"""Charts over the result's tables: probability along the neck, heat per slice."""

from __future__ import annotations

from typing import Any

from HNCLogic.job import Explanation, Presence
from HNCLogic.scene.tables import (
    ANNOTATED,
    HEAT,
    POSITION,
    PROBABILITY,
    THRESHOLD,
    add_slice_table,
    add_window_table,
)

BLUE = (0.12, 0.44, 0.75)
RED = (0.80, 0.15, 0.15)
VIOLET = (0.55, 0.10, 0.65)
GREEN = (0.20, 0.60, 0.30)


def add_window_chart(scene: Any, presence: Presence) -> tuple[Any, Any]:
    """The windows' table and a chart of their probabilities with the threshold as a line."""
    table = add_window_table(scene, presence)
    probability = _series(scene, table, PROBABILITY, BLUE, markers=True)
    threshold = _series(scene, table, THRESHOLD, RED, dashed=True)
    threshold.SetName(f"{THRESHOLD} {presence.threshold:.2f}")
    title = f"Probability of cancer along the neck ({presence.model})"
    chart = _chart(scene, table, title, PROBABILITY, [probability, threshold])
    return table, chart


def add_slice_chart(scene: Any, explanation: Explanation) -> tuple[Any, Any]:
    """The slices' table and a chart of the largest heat in each, beside annotated slices.

    The picture of Liedes 2025, Fig. 5.
    """
    table = add_slice_table(scene, explanation)
    series = [_series(scene, table, HEAT, VIOLET)]
    if table.GetColumnIndex(ANNOTATED) >= 0:
        series.append(_series(scene, table, ANNOTATED, GREEN, dashed=True))
    chart = _chart(scene, table, "Where the network looked, slice by slice", HEAT, series)
    return table, chart


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


def _chart(scene: Any, table: Any, title: str, y_title: str, series: list[Any]) -> Any:
    node = scene.AddNewNodeByClass("vtkMRMLPlotChartNode", f"{table.GetName()} (chart)")
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
