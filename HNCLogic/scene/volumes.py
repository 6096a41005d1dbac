"""Images as volume nodes and back, and how each is shown.

SimpleITK places voxels in LPS, Slicer in RAS: IJKToRAS = diag(-1, -1, 1, 1) @ M with
M = [direction · spacing | origin]. Nothing is resampled or reordered on the way, so oblique and
flipped grids keep their voxels and their places.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import SimpleITK as sitk

from HNCLogic.errors import InputError
from HNCLogic.images.grid import Grid
from HNCLogic.scene.colours import (
    GREY,
    INVERTED_GREY,
    PET_COLOURS,
    PET_RAMP,
    colour_node,
    colour_ramp,
)

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
CT_SOFT_TISSUE = (350.0, 40.0)  # window and level, HU: the usual ones for the neck
PET_SUV_MAX = 10.0  # the PET is shown from 0 to this, in every patient alike

PET_SHOWN_FROM = 0.20  # of that: fainter uptake leaves the anatomy beneath it clear

# quantity and units as (value, scheme, meaning): DICOM PS3.16 context groups 7180 and 82
SUV = ("126400", "DCM", "Standardized Uptake Value")
SUV_UNITS = ("{SUVbw}g/ml", "UCUM", "Standardized Uptake Value body weight")
ATTENUATION = ("112031", "DCM", "Attenuation Coefficient")
HOUNSFIELD = ("[hnsf'U]", "UCUM", "Hounsfield unit")


def ijk_to_ras(grid: Grid) -> np.ndarray:
    """4x4: where index (i, j, k, 1) lies, RAS in mm."""
    lps = np.eye(4)
    lps[:3, :3] = grid.matrix * np.asarray(grid.spacing)
    lps[:3, 3] = grid.origin
    return LPS_TO_RAS @ lps


def vtk_matrix(matrix: np.ndarray) -> Any:
    """A vtkMatrix4x4 from a 4x4 array."""
    import vtk

    made = vtk.vtkMatrix4x4()
    made.DeepCopy(np.asarray(matrix, dtype=float).ravel())
    return made


def voxels_to_vtk(image: sitk.Image, into: Any) -> Any:
    """Copy ``image``'s voxels, once, into ``into`` (a vtkImageData, whose geometry stays)."""
    from vtkmodules.util import numpy_support

    array = sitk.GetArrayViewFromImage(image)
    if array.ndim != 3:
        raise InputError(f"A volume has three axes and one value per voxel, not {array.shape}")
    into.SetDimensions(image.GetSize())
    into.AllocateScalars(numpy_support.get_vtk_array_type(array.dtype), 1)
    np.copyto(voxels_of(into), array)
    return into


def voxels_of(data: Any) -> np.ndarray:
    """A view, axes (z, y, x), of a vtkImageData's voxels: writing to it writes to them."""
    from vtkmodules.util import numpy_support

    nx, ny, nz = data.GetDimensions()
    return numpy_support.vtk_to_numpy(data.GetPointData().GetScalars()).reshape(nz, ny, nx)


def add_volume(scene: Any, image: sitk.Image, name: str) -> Any:
    """A vtkMRMLScalarVolumeNode with ``image``'s voxels and exact geometry, not yet displayed."""
    import vtk

    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    node.SetAndObserveImageData(voxels_to_vtk(image, vtk.vtkImageData()))
    node.SetIJKToRASMatrix(vtk_matrix(ijk_to_ras(Grid.of(image))))
    return node


def grid_of(node: Any) -> Grid:
    """The grid of a volume node, a linear transform that it stands under included.

    Raises InputError where the volume is empty or stands under a warping transform.
    """
    import vtk

    data = node.GetImageData()
    if data is None or 0 in data.GetDimensions():
        raise InputError(f"The volume {node.GetName()} is empty")
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    return grid_from_matrix(to_world_of(node) @ array_of(matrix), data.GetDimensions())


def to_world_of(node: Any) -> np.ndarray:
    """4x4: from a node's own coordinates to the world's, by the linear transform over it.

    Raises InputError where it stands under a warping transform.
    """
    import vtk

    parent = node.GetParentTransformNode()
    if parent is None:
        return np.eye(4)
    if not parent.IsTransformToWorldLinear():
        raise InputError(f"{node.GetName()} stands under a warping transform: harden it first")
    matrix = vtk.vtkMatrix4x4()
    parent.GetMatrixTransformToWorld(matrix)
    return array_of(matrix)


def grid_from_matrix(ijk_to_ras_matrix: np.ndarray, size: tuple[int, int, int]) -> Grid:
    """The grid of ``size`` (x, y, z) whose indices a 4x4 IJK to RAS matrix places."""
    lps = LPS_TO_RAS @ ijk_to_ras_matrix
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    return Grid(
        tuple(int(n) for n in size),
        tuple(float(s) for s in spacing),
        tuple(float(o) for o in lps[:3, 3]),
        tuple(float(d) for d in (lps[:3, :3] / spacing).ravel()),
    )


def image_of(node: Any) -> sitk.Image:
    """A volume node's voxels, copied, as an image of the same pixel type with its geometry."""
    return grid_of(node).image(voxels_of(node.GetImageData()))


def show_ct(node: Any, window: float = CT_SOFT_TISSUE[0], level: float = CT_SOFT_TISSUE[1]) -> Any:
    """Display in grey with a soft-tissue window; values are marked as Hounsfield units."""
    _mark(node, ATTENUATION, HOUNSFIELD)
    return display_as(
        node, colour_node(node.GetScene(), GREY), level - window / 2, level + window / 2
    )


def show_mr(node: Any) -> Any:
    """Display in grey from the 1st to the 99.5th percentile of what is not background."""
    array = voxels_of(node.GetImageData())
    step = max(1, round((array.size / 500_000) ** (1 / 3)))
    some = array[::step, ::step, ::step]
    tissue = some[some > some.min() + 0.02 * float(np.ptp(some))]
    if tissue.size == 0:
        tissue = some.ravel()
    low, high = (float(v) for v in np.percentile(tissue, (1.0, 99.5)))
    return display_as(node, colour_node(node.GetScene(), GREY), min(low, high - 1e-6), high)


def show_pet(node: Any, suv_max: float = PET_SUV_MAX, alone: bool = False) -> Any:
    """Display from SUV 0 to ``suv_max``: ``alone`` in inverted grey, else in warm colours.

    Warm, it lies over an anatomical image, and is transparent below ``PET_SHOWN_FROM`` of the
    window. The node's values are marked as SUVbw.
    """
    mark_as_suv(node)
    return colour_pet(node, suv_max, alone)


def colour_pet(node: Any, suv_max: float, alone: bool) -> Any:
    """``show_pet`` without a word on what the node's values are."""
    if alone:
        colours = colour_node(node.GetScene(), INVERTED_GREY)
    else:
        colours = colour_ramp(node.GetScene(), PET_COLOURS, PET_RAMP)
    display = display_as(node, colours, 0.0, float(suv_max))
    if alone:
        display.SetApplyThreshold(False)
    else:
        show_from(display, PET_SHOWN_FROM * suv_max)
    return display


def add_legend(display: Any, title: str) -> Any:
    """A colour legend for a volume's display node, at the right edge of the views."""
    import slicer

    legend = slicer.vtkSlicerColorLogic.AddDefaultColorLegendDisplayNode(display)
    legend.SetTitleText(title)
    legend.SetLabelFormat("%.3g")
    legend.SetNumberOfLabels(3)
    legend.SetSize(0.12, 0.35)
    legend.SetPosition(0.98, 0.5)
    legend.GetTitleTextProperty().SetFontSize(12)
    legend.GetLabelTextProperty().SetFontSize(12)
    return legend


def display_as(node: Any, colours: Any, low: float, high: float) -> Any:
    """Give a volume node a display in these colours, a colour node, from ``low`` to ``high``."""
    display = node.GetScalarVolumeDisplayNode()
    if display is None:
        # Made by hand: the node's own default would first search the voxels for a window.
        display = node.GetScene().AddNewNodeByClass("vtkMRMLScalarVolumeDisplayNode")
        display.AutoWindowLevelOff()
        node.SetAndObserveDisplayNodeID(display.GetID())
    display.AutoWindowLevelOff()
    display.SetAndObserveColorNodeID(colours.GetID())
    display.SetWindowLevelMinMax(low, high)
    return display


def show_from(display: Any, value: float) -> None:
    """Make voxels below ``value`` transparent."""
    display.SetAutoThreshold(False)
    display.SetThreshold(value, 1.0e6)
    display.SetApplyThreshold(True)


def mark_as_suv(node: Any) -> None:
    """State on a volume node that its values are SUVbw."""
    _mark(node, SUV, SUV_UNITS)


def _mark(node: Any, quantity: tuple[str, str, str], units: tuple[str, str, str]) -> None:
    import slicer

    for code, give in (
        (quantity, node.SetVoxelValueQuantity),
        (units, node.SetVoxelValueUnits),
    ):
        entry = slicer.vtkCodedEntry()
        entry.SetValueSchemeMeaning(*code)
        give(entry)


def array_of(matrix: Any) -> np.ndarray:
    """A vtkMatrix4x4 as a 4x4 array."""
    return np.array([[matrix.GetElement(i, j) for j in range(4)] for i in range(4)])
