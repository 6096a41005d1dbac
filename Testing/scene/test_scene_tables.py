"""The numbers as tables and charts: what a clinician reads, with units, and where it comes from."""

import math

import pytest

from HNCLogic.scene.plots import add_slice_chart, add_window_chart
from HNCLogic.scene.tables import add_lesion_table


def column(node, name: str) -> list:
    table = node.GetTable()
    array = table.GetColumnByName(name)
    assert array is not None, f"no column {name}"
    return [array.GetValue(i) for i in range(array.GetNumberOfValues())]


def test_lesion_table_has_lesions_then_totals(application, result):
    table = add_lesion_table(application.scene, result.lesions, result.totals)
    names = [table.GetTable().GetColumnName(i) for i in range(table.GetNumberOfColumns())]
    assert names == [
        "Lesion",
        "Kind",
        "Side",
        "MTV (ml)",
        "SUVmax (g/ml)",
        "SUVmean (g/ml)",
        "SUVpeak (g/ml)",
        "TLG (g)",
        "Dmax (mm)",
        "R (mm)",
        "A (mm)",
        "S (mm)",
        "Segment",
    ]
    assert column(table, "Lesion") == [
        "Primary tumour",
        "Node 1",
        "All primary tumours (1)",
        "All lymph nodes (0)",
        "All lesions (2)",
    ]
    assert column(table, "Kind")[:3] == ["primary tumour", "lymph node", "total"]
    assert column(table, "MTV (ml)") == pytest.approx([9.2, 4.6, 13.8, 13.8, 13.8])
    assert column(table, "SUVmax (g/ml)")[:2] == [14.0, 6.0]
    assert all(math.isnan(value) for value in column(table, "SUVmax (g/ml)")[2:])
    assert column(table, "Segment") == ["lesion-1", "lesion-2", "", "", ""]
    where = [column(table, f"{axis} (mm)")[0] for axis in "RAS"]
    assert where == pytest.approx(result.lesions[0].suv_max_ras)
    assert table.GetLocked()


def test_no_lesions_still_give_the_totals_rows(application, result):
    table = add_lesion_table(application.scene, [], result.totals)
    assert table.GetNumberOfRows() == 3
    assert column(table, "Segment") == ["", "", ""]


def test_window_chart_shows_probabilities_and_the_threshold(application, result):
    table, chart = add_window_chart(application.scene, result.presence)
    assert column(table, "Position (mm, S)") == [180.0, 220.0, 260.0]
    assert column(table, "Probability") == [0.3, 0.9, 0.6]
    assert column(table, "Threshold") == [0.45] * 3
    assert column(table, "Fold 2") == pytest.approx([0.4, 1.0, 0.7])
    series = [chart.GetNthPlotSeriesNode(i) for i in range(chart.GetNumberOfPlotSeriesNodes())]
    assert [one.GetYColumnName() for one in series] == ["Probability", "Threshold"]
    assert all(one.GetTableNode() is table for one in series)
    assert all(one.GetXColumnName() == "Position (mm, S)" for one in series)
    assert series[1].GetName() == "Threshold 0.45"


def test_slice_chart_sets_heat_beside_annotated_slices(application, result):
    table, chart = add_slice_chart(application.scene, result.explanation)
    assert column(table, "Slice") == list(range(38))
    assert column(table, "Largest heat (0 to 1)")[:3] == pytest.approx([0.0, 0.02, 0.04])
    assert column(table, "Annotated")[:6] == [1, 0, 0, 0, 0, 1]
    assert chart.GetNumberOfPlotSeriesNodes() == 2


def test_slice_chart_without_annotation_has_heat_alone(application, result):
    bare = result.explanation.model_copy(
        update={
            "slices": [
                one.model_copy(update={"annotated": None}) for one in result.explanation.slices
            ]
        }
    )
    table, chart = add_slice_chart(application.scene, bare)
    assert table.GetTable().GetColumnByName("Annotated") is None
    assert chart.GetNumberOfPlotSeriesNodes() == 1
