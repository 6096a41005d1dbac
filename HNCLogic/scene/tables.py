"""The result's numbers as table nodes: lesions with their totals, windows, slices.

Units stand in the columns' names; a value that does not exist is NaN. Positions are RAS. Numbers
have six digits, which is what a table keeps in a scene file; the result has them in full.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from HNCLogic.scene.segments import segment_id

if TYPE_CHECKING:  # pydantic is not there before the user agreed to install it
    from HNCLogic.job import Explanation, Lesion, LesionKind, Presence, Totals


KIND_WORDS = {"primary": "primary tumour", "node": "lymph node", "lesion": "unclassified"}
TOTAL_WORDS = {"primary": "All primary tumours", "nodes": "All lymph nodes", "all": "All lesions"}

LESION_TABLE_NAME = "Lesion measures"
WINDOW_TABLE_NAME = "Probability along the neck"
SLICE_TABLE_NAME = "Heat per slice"

SEGMENT = "Segment"
POSITION = "Position (mm, S)"
PROBABILITY = "Probability"
THRESHOLD = "Threshold"
HEAT = "Largest heat (0 to 1)"
ANNOTATED = "Annotated"

MEASURES = (
    ("MTV (ml)", "mtv_ml", "metabolic tumour volume"),
    ("SUVmax (g/ml)", "suv_max", "largest SUVbw"),
    ("SUVmean (g/ml)", "suv_mean", "mean SUVbw"),
    ("SUVpeak (g/ml)", "suv_peak", "mean of the hottest 1 ml sphere, SUVbw"),
    ("TLG (g)", "tlg_ml", "total lesion glycolysis: SUVmean times MTV"),
    ("Dmax (mm)", "dmax_mm", "largest distance between two voxels"),
)

Column = tuple[str, Sequence[Any], str]  # name, values, description


def add_table(scene: Any, name: str, columns: Sequence[Column]) -> Any:
    """A vtkMRMLTableNode. Columns of strings stay strings, of whole numbers whole numbers."""
    return set_columns(scene.AddNewNodeByClass("vtkMRMLTableNode", name), columns)


def set_columns(node: Any, columns: Sequence[Column]) -> Any:
    """Give a table node these columns in place of all it has; it keeps its name and its id."""
    import vtk

    changing = node.StartModify()
    node.RemoveAllColumns()
    for title, values, description in columns:
        array = _array(vtk, values)
        array.SetName(title)
        node.AddColumn(array)
        node.SetColumnDescription(title, description)
    node.SetUseColumnTitleAsColumnHeader(True)
    node.SetLocked(True)
    node.EndModify(changing)
    return node


def _array(vtk: Any, values: Sequence[Any]) -> Any:
    if any(isinstance(value, str) for value in values):
        array = vtk.vtkStringArray()
        blank: Any = ""
    elif all(isinstance(value, int) for value in values):
        array = vtk.vtkIntArray()
        blank = 0
    else:
        array = vtk.vtkDoubleArray()
        blank = float("nan")
        values = [None if value is None else float(f"{value:.6g}") for value in values]
    for value in values:
        array.InsertNextValue(blank if value is None else value)
    return array


@dataclass(frozen=True)
class EmptyLesion:
    """A segment without a voxel: it has a row, of 0 ml, and nothing else to measure."""

    name: str
    kind: LesionKind
    mtv_ml: float = 0.0


def add_lesion_table(scene: Any, lesions: list[Lesion], totals: list[Totals]) -> Any:
    """The table of ``lesion_columns``, each lesion's segment named after its label."""
    rows = [(segment_id(lesion.label), lesion) for lesion in lesions]
    return add_table(scene, LESION_TABLE_NAME, lesion_columns(rows, totals))


def lesion_columns(
    lesions: Sequence[tuple[str, Lesion | EmptyLesion]], totals: Sequence[Totals]
) -> list[Column]:
    """One row per (segment's id, lesion) in their order, then one per group of ``totals``.

    The column "Segment" is the id of the lesion's segment, empty in totals; the columns
    "R/A/S (mm)" say where the largest SUV is, or in totals the centroid.
    """
    rows = [*(lesion for _, lesion in lesions), *totals]
    kinds = [KIND_WORDS[lesion.kind] for _, lesion in lesions] + ["total"] * len(totals)
    names = [lesion.name for _, lesion in lesions]
    names += [f"{TOTAL_WORDS[total.group]} ({total.count})" for total in totals]
    where = [getattr(lesion, "suv_max_ras", None) for _, lesion in lesions]
    where += [total.centroid_ras for total in totals]
    columns: list[Column] = [
        ("Lesion", names, "the segment's name"),
        ("Kind", kinds, "kind"),
        ("Side", [getattr(row, "side", None) or "" for row in rows], "the patient's own side"),
    ]
    columns += [
        (title, [getattr(row, key, None) for row in rows], words) for title, key, words in MEASURES
    ]
    columns += [
        (f"{axis} (mm)", [None if at is None else at[i] for at in where], "of the largest SUV")
        for i, axis in enumerate("RAS")
    ]
    ids = [one for one, _ in lesions] + [""] * len(totals)
    columns.append((SEGMENT, ids, "id of the segment"))
    return columns


def window_columns(presence: Presence) -> list[Column]:
    """One row per window, inferior to superior: where it lies, its probability, each fold's."""
    windows = sorted(presence.windows, key=lambda window: window.inferior_mm)
    folds = max((len(window.folds) for window in windows), default=0)
    columns: list[Column] = [
        (POSITION, [(w.inferior_mm + w.superior_mm) / 2 for w in windows], "middle of the window"),
        ("From (mm, S)", [w.inferior_mm for w in windows], "lower end of the window"),
        ("To (mm, S)", [w.superior_mm for w in windows], "upper end of the window"),
        (PROBABILITY, [w.probability for w in windows], "mean of the folds"),
        (THRESHOLD, [presence.threshold for _ in windows], presence.threshold_source),
    ]
    columns += [
        (f"Fold {n + 1}", [w.folds[n] if n < len(w.folds) else None for w in windows], "one fold")
        for n in range(folds)
    ]
    return columns


def slice_columns(explanation: Explanation) -> list[Column]:
    """One row per slice of the heat map: its largest value, and whether it was annotated."""
    slices = sorted(explanation.slices, key=lambda one: one.position_mm)
    columns: list[Column] = [
        (POSITION, [one.position_mm for one in slices], "middle of the slice"),
        ("Slice", [one.index for one in slices], "of the heat map, along its slice axis"),
        (HEAT, [one.heat for one in slices], "largest Grad-CAM value in the slice"),
    ]
    if any(one.annotated is not None for one in slices):
        marks = [float(bool(one.annotated)) for one in slices]
        columns.append((ANNOTATED, marks, "1 where the given mask marks the slice"))
    return columns
