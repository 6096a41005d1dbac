"""Maximum intensity projections of the PET, from the front and from the left, lesions outlined.

Projected along the patient's own axes: an oblique PET is first laid straight.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import SimpleITK as sitk

from HNCLogic.images.grid import Grid, resample, to_patient_axes
from HNCLogic.in_steps import at_once
from HNCLogic.scene.overlay import Colour, Overlay
from HNCLogic.scene.window import Canvas, write_png

if TYPE_CHECKING:  # pydantic is not there before the user agreed to install it
    from HNCLogic.job import Region
    from HNCLogic.scene.build import SceneNodes

FINEST_MM = 2.0  # of the straight grid that an oblique image is laid on
SLAB_VOXELS = 2_000_000  # resampled at once
MARGIN = 1.08


@dataclass(frozen=True)
class Direction:
    """Who looks from where: the LPS axis looked along, the one across the picture, its ends."""

    name: str
    file: str
    along: int
    across: int
    left: str
    right: str


DIRECTIONS = (
    Direction("from the front", "mip-anterior.png", 1, 0, "R", "L"),
    Direction("from the left", "mip-left.png", 0, 1, "A", "P"),
)


def draw_mips(nodes: SceneNodes, canvas: Canvas, folder: Path) -> Iterator[tuple[str, str] | None]:
    """Write a picture for each direction into ``folder``, in steps.

    Yields caption and file name of each picture when it is written, None after other steps.
    """
    content = nodes.content
    pet = yield from straightened(content.images["PET"], sitk.sitkLinear)
    yield None
    labels = None
    if content.labels is not None and content.result.lesions:
        labels = yield from straightened(marked_part(content.labels), sitk.sitkNearestNeighbor)
        yield None
    for direction in DIRECTIONS:
        yield from _draw(canvas, nodes, pet, labels, direction)
        grabbed = canvas.grab()
        yield None
        write_png(grabbed, folder / direction.file)
        yield f"PET seen {direction.name} (maximum intensity projection)", direction.file


def marked_part(labels: sitk.Image) -> sitk.Image:
    """The part of a label image that holds lesions, with a voxel around; all where none does."""
    array = sitk.GetArrayViewFromImage(labels)
    flat = array.any(axis=0)
    marked = [flat.any(axis=0), flat.any(axis=1), array.any(axis=(1, 2))]  # along x, y, z
    if not flat.any():
        return labels
    ends = [(int(np.flatnonzero(one)[0]), int(np.flatnonzero(one)[-1])) for one in marked]
    return labels[tuple(slice(max(0, low - 1), high + 2) for low, high in ends)]


def straighten(image: sitk.Image, interpolator: int) -> sitk.Image:
    """The image with x to the left, y to posterior, z to superior; resampled only if oblique."""
    return at_once(straightened(image, interpolator))


def straightened(image: sitk.Image, interpolator: int) -> Generator[None, None, sitk.Image]:
    """``straighten`` in steps, a slab at a time; returns the image."""
    image = to_patient_axes(image)
    grid = Grid.of(image)
    if np.allclose(grid.matrix, np.eye(3), atol=1e-3):
        return image
    low, high = grid.corners().min(axis=0), grid.corners().max(axis=0)
    step = max(FINEST_MM, min(grid.spacing))
    size = tuple(int(n) for n in np.ceil((high - low) / step))
    origin = low + step / 2
    straight = Grid(size, (step,) * 3, tuple(origin), tuple(np.eye(3).ravel()))
    array = np.empty(size[::-1], sitk.GetArrayViewFromImage(image).dtype)
    slices = max(1, SLAB_VOXELS // (size[0] * size[1]))
    for first in range(0, size[2], slices):
        here = origin + np.array([0.0, 0.0, first * step])
        count = min(slices, size[2] - first)
        slab = Grid((*size[:2], count), straight.spacing, tuple(here), straight.direction)
        part = resample(image, slab, 0.0, interpolator)  # kept: a view does not keep its image
        array[first : first + count] = sitk.GetArrayViewFromImage(part)
        yield
    return straight.image(array)


def project(image: sitk.Image, direction: Direction) -> np.ndarray:
    """The largest value along the view: rows upward (S), columns across the picture."""
    return sitk.GetArrayViewFromImage(image).max(axis=2 - direction.along)


def _draw(
    canvas: Canvas,
    nodes: SceneNodes,
    pet: sitk.Image,
    labels: sitk.Image | None,
    direction: Direction,
) -> Iterator[None]:
    content = nodes.content
    renderer = canvas.renderer((1.0, 1.0, 1.0))
    picture = _plane(project(pet, direction), Grid.of(pet), direction)
    renderer.AddViewProp(_image_actor(picture, content.suv_max))
    yield
    colour_of = content.colour_of
    if labels is not None:
        array = sitk.GetArrayViewFromImage(labels)
        for lesion in content.result.lesions:
            mask = (array == lesion.label).max(axis=2 - direction.along).astype(np.float32)
            outline = _plane(mask, Grid.of(labels), direction, rim=1)
            renderer.AddViewProp(_outline_actor(outline, colour_of[lesion.label]))
            yield
    mm_per_pixel = _aim(renderer, nodes, direction) / canvas.height
    overlay = Overlay(renderer, canvas.width, canvas.height, dark=False)
    _annotate(overlay, nodes, direction, mm_per_pixel)
    if content.result.region is not None:
        _mark_region(overlay, renderer, content.result.region, mm_per_pixel)
    yield
    for _part in overlay.add_parts():
        canvas.draw(renderer)
        yield


def _plane(array: np.ndarray, grid: Grid, direction: Direction, rim: int = 0) -> Any:
    """A flat vtkImageData whose x is mm across the picture (LPS) and y is mm toward S.

    ``rim`` pixels of 0 are put around it, so that a lesion at the border gets a closed outline.
    """
    import vtk
    from vtkmodules.util import numpy_support

    array = np.pad(array, rim)
    across, up = direction.across, 2
    data = vtk.vtkImageData()
    rows, columns = array.shape
    data.SetDimensions(columns, rows, 1)
    data.SetSpacing(grid.spacing[across], grid.spacing[up], 1.0)
    data.SetOrigin(
        grid.origin[across] - rim * grid.spacing[across],
        grid.origin[up] - rim * grid.spacing[up],
        0.0,
    )
    flat = np.ascontiguousarray(array, dtype=np.float32).ravel()
    data.GetPointData().SetScalars(numpy_support.numpy_to_vtk(flat, deep=True))
    return data


def _image_actor(data: Any, suv_max: float) -> Any:
    import vtk

    mapper = vtk.vtkImageSliceMapper()
    mapper.SetInputData(data)
    actor = vtk.vtkImageSlice()
    actor.SetMapper(mapper)
    table = vtk.vtkLookupTable()
    table.SetRange(0.0, suv_max)
    table.SetHueRange(0.0, 0.0)
    table.SetSaturationRange(0.0, 0.0)
    table.SetValueRange(1.0, 0.0)
    table.SetRampToLinear()
    table.Build()
    style = actor.GetProperty()
    style.SetLookupTable(table)
    style.UseLookupTableScalarRangeOn()
    style.SetInterpolationTypeToCubic()
    return actor


def _outline_actor(data: Any, colour: Colour) -> Any:
    import vtk

    contour = vtk.vtkMarchingSquares()
    contour.SetInputData(data)
    contour.SetValue(0, 0.5)
    mapper = vtk.vtkPolyDataMapper()
    mapper.SetInputConnection(contour.GetOutputPort())
    mapper.ScalarVisibilityOff()
    actor = vtk.vtkActor()
    actor.SetMapper(mapper)
    actor.SetPosition(0.0, 0.0, 0.5)
    actor.GetProperty().SetColor(*colour)
    actor.GetProperty().SetLineWidth(2.5)
    actor.GetProperty().LightingOff()
    return actor


def _aim(renderer: Any, nodes: SceneNodes, direction: Direction) -> float:
    """Point the camera at the body; returns the mm from top to bottom."""
    box = nodes.body
    across = direction.across
    side = max(box.size[across], box.size[2]) * MARGIN
    camera = renderer.GetActiveCamera()
    x, y = -box.centre[across], box.centre[2]  # the box is RAS, the picture LPS
    camera.SetFocalPoint(x, y, 0.0)
    camera.SetPosition(x, y, 100.0)
    camera.SetViewUp(0.0, 1.0, 0.0)
    camera.SetClippingRange(1.0, 200.0)
    camera.SetParallelScale(side / 2)
    return float(side)


def _annotate(
    overlay: Overlay, nodes: SceneNodes, direction: Direction, mm_per_pixel: float
) -> None:
    content, result = nodes.content, nodes.content.result
    overlay.sides(direction.left, direction.right, "I", "S")
    overlay.scale(mm_per_pixel)
    overlay.lines(
        [
            ("MIP", 26, None, True),
            (f"FDG PET {direction.name}", 18, None, False),
        ],
        top=True,
    )
    rows: list[tuple[str, int, Colour | None, bool]] = []
    if result.simulated:
        rows.append(("Simulated patient", 16, overlay.warning_ink, True))
    rows.append(("Research use only", 16, overlay.warning_ink, False))
    overlay.lines(rows, top=False)
    grey = np.repeat(np.linspace(255.0, 0.0, 256)[:, None], 3, axis=1)
    overlay.colour_bar(grey, "0", f"{content.suv_max:g}", "SUVbw", 0)
    overlay.lesions(result.lesions, content.colour_of, searched=content.labels is not None)


def _mark_region(overlay: Overlay, renderer: Any, region: Region, mm_per_pixel: float) -> None:
    """A bracket at the left border along the stretch of the body that was analysed."""
    middle = renderer.GetActiveCamera().GetFocalPoint()[1]
    low, high = (
        float(np.clip(overlay.height / 2 + (s - middle) / mm_per_pixel, 6, overlay.height - 6))
        for s in (region.inferior_mm, region.superior_mm)
    )
    if high - low < 30 or high - low > overlay.height - 20:  # too short, or simply everything
        return
    overlay.polyline([(14, high), (7, high), (7, low), (14, low)], overlay.ink, 1.5)
    # A quarter up, for the side's letter stands at the middle of the border.
    overlay.text("analysed", 16, low + (high - low) / 4, 14, up="centered")
