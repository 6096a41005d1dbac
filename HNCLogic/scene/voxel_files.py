"""Nodes to plain NRRD files and back, a piece at a time: what goes to the child process, and what
comes from it.

Each function is a generator that yields the share done, a step of some milliseconds; its return
value is the answer. A caller that stops half-way closes it, and nothing is left behind: no file,
no node.
"""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from HNCLogic.errors import InputError
from HNCLogic.images.grid import Grid
from HNCLogic.images.plain_nrrd import read_header, read_pieces, write_pieces
from HNCLogic.in_steps import retold
from HNCLogic.scene.volumes import grid_of, ijk_to_ras, voxels_of, vtk_matrix

Steps = Generator[float, None, Any]


def write_node(node: Any, path: Path) -> Generator[float, None, None]:
    """Write a volume node's voxels as they are, in their type, with the grid on which they lie in
    the world: a linear transform over the node is included.

    Raises InputError where the node is empty, has several values a voxel, stands under a warping
    transform or is sheared, and where it changes meanwhile; the messages name the file.
    """
    data, grid = node.GetImageData(), grid_of(node)
    scalars = data.GetPointData().GetScalars()
    if scalars is None or scalars.GetNumberOfComponents() != 1:
        raise InputError(f"{path.name}: an image with one value a voxel is needed")
    changed = scalars.GetMTime()

    def voxels(first: int, end: int) -> np.ndarray:
        # Looked up anew for each piece: what VTK has reallocated must not be read.
        if data.GetPointData().GetScalars() is not scalars or scalars.GetMTime() != changed:
            raise InputError(f"{path.name}: the image was changed meanwhile: start again")
        return voxels_of(data).ravel()[first:end]

    dtype = voxels_of(data).dtype
    for share in write_pieces(path, grid, dtype, voxels):
        if share == 1.0 and (node.GetImageData() is not data or grid_of(node) != grid):
            raise InputError(f"{path.name}: the image was changed meanwhile: start again")
        yield share


def read_node(
    scene: Any, path: Path, name: str, node_class: str = "vtkMRMLScalarVolumeNode"
) -> Generator[float, None, Any]:
    """Returns a volume node of ``node_class`` with the voxels and the geometry of the plain NRRD
    at ``path``; it is added to the scene when all is read, and not displayed.

    Raises InputError for any other file, before a voxel is read.
    """
    import vtk
    from vtkmodules.util import numpy_support

    header = read_header(path)
    data = vtk.vtkImageData()
    data.SetDimensions(header.grid.size)
    data.AllocateScalars(numpy_support.get_vtk_array_type(header.dtype), 1)
    into = voxels_of(data).reshape(-1)
    for _first, end in read_pieces(path, header, into):
        yield end / header.voxels
    node = scene.AddNewNodeByClass(node_class, name)
    node.SetIJKToRASMatrix(vtk_matrix(ijk_to_ras(header.grid)))
    node.SetAndObserveImageData(data)
    return node


def read_labels(path: Path) -> Generator[float, None, sitk.Image]:
    """Returns the label image (its own type) in the plain NRRD at ``path``, cropped to what is
    marked and a voxel around, so that it is small; one that marks nothing is a single voxel.

    ``segments.add_segmentation`` takes it, with the PET node as reference. Raises InputError.
    """
    header = read_header(path)
    if header.dtype.kind not in "ui":
        raise InputError(f"{path}: labels are whole numbers")
    array = np.empty(header.voxels, header.dtype)
    marked = _Extent(header.grid)
    for first, end in read_pieces(path, header, array):
        marked.take(array, first, end)
        yield end / header.voxels
    low, high = marked.box()
    there = tuple(slice(a, b) for a, b in zip(low[::-1], high[::-1], strict=True))
    cropped = np.ascontiguousarray(array.reshape(header.grid.size[::-1])[there])
    origin = tuple(header.grid.points([low])[0].tolist())
    size = tuple(b - a for a, b in zip(low, high, strict=True))
    return Grid(size, header.grid.spacing, origin, header.grid.direction).image(cropped)


class _Extent:
    """Where voxels are not 0, gathered from stretches of them in the order x fastest."""

    def __init__(self, grid: Grid):
        self._size = grid.size
        self._any = [np.zeros(n, bool) for n in grid.size]  # along x, y, z

    def take(self, array: np.ndarray, first: int, end: int) -> None:
        """Look at ``array[first:end]``, and again at the slices that it only completes."""
        area = self._size[0] * self._size[1]
        a, b = first // area, -(-end // area)
        plane = array[first:end]
        if not plane.any():
            return
        whole = array[a * area : b * area].reshape(b - a, self._size[1], self._size[0])
        if b * area > end:  # the last slice is still to be read: what stands there is nothing yet
            whole = whole.copy()
            whole.reshape(-1)[end - a * area :] = 0
        hot = whole != 0
        self._any[0] |= hot.any(axis=(0, 1))
        self._any[1] |= hot.any(axis=(0, 2))
        self._any[2][a:b] |= hot.any(axis=(1, 2))

    def box(self) -> tuple[list[int], list[int]]:
        """First index and end, x y z, a voxel wider than what is marked where there are more."""
        if not self._any[2].any():
            return [0, 0, 0], [1, 1, 1]
        ends = [np.flatnonzero(along)[[0, -1]] for along in self._any]
        low = [max(int(a) - 1, 0) for a, _ in ends]
        high = [min(int(b) + 2, n) for (_, b), n in zip(ends, self._size, strict=True)]
        return low, high


def write_segmentation(node: Any, path: Path, grid: Grid | None = None) -> Steps:
    """Write a segmentation node's segments as one label image (uint16) on ``grid``, else on the
    segmentation's own; what kind of lesion each is stands in the header.

    A linear transform over the node is included. Raises InputError as ``write_node``, and where
    the segmentation has no geometry.
    """
    from HNCLogic.scene.segments import paint_array
    from HNCLogic.scene.terminology import term_for

    array, grid, segments = yield from retold(paint_array(node, grid), lambda share: 0.5 * share)
    values = array.ravel()
    notes = {}
    for number, segment in enumerate(segments):
        notes[f"Segment{number}_LabelValue"] = str(segment.label)
        notes[f"Segment{number}_Layer"] = "0"
        notes[f"Segment{number}_Tags"] = f"TerminologyEntry:{term_for(segment.kind).tag}|"
    pieces = write_pieces(path, grid, values.dtype, lambda a, b: values[a:b], notes)
    for share in pieces:
        yield 0.5 + 0.5 * share
