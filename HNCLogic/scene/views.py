"""Pictures of a case, as a clinician would look at it: three planes at the hottest lesion, MIPs.

The planes are drawn by Slicer's own slice logics and displayable managers, so a picture shows
what the scene shows when it is opened. They are drawn in views of our own, one after the other:
the user's views stay as they are, and an application stays alive between two pictures.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import SimpleITK as sitk

from HNCLogic.images.grid import Grid, resample
from HNCLogic.scene.application import SLICE_VIEWS
from HNCLogic.scene.colours import palette
from HNCLogic.scene.heatmap import OPACITY
from HNCLogic.scene.judged_box import draw_box
from HNCLogic.scene.layers import HEAT_LAYER, PET_OPACITY, set_field, set_layers
from HNCLogic.scene.mip import draw_mips
from HNCLogic.scene.overlay import Overlay
from HNCLogic.scene.own_view import OwnSliceView
from HNCLogic.scene.window import Canvas, write_png

if TYPE_CHECKING:  # pydantic is not there before the user agreed to install it
    from HNCLogic.job import Lesion
    from HNCLogic.scene.build import SceneNodes

PIXELS = 900
SEEN_SAMPLES = 300  # per side, when asking which lesions a view shows

DIRECTIONS = ((0, "R", "L"), (1, "A", "P"), (2, "S", "I"))  # RAS axis, letters of + and -

Picture = tuple[str, str]  # caption, file name


@dataclass
class _SlicePicture:
    """What draws one plane."""

    orientation: str
    view: OwnSliceView
    renderer: Any
    group: Any  # of displayable managers; kept, for they draw as long as it lives
    mapper: Any
    overlay: Overlay


def render_views(nodes: SceneNodes, folder: Path) -> dict[str, str]:
    """Write the pictures as PNG files into ``folder``, which exists.

    Returns caption → file name, in the order in which to show them. The scene is left as it was.
    Raises InputError where nothing can be drawn (no OpenGL), OSError when a file cannot be
    written.
    """
    return dict(picture for picture in draw_views(nodes, folder) if picture is not None)


def draw_views(nodes: SceneNodes, folder: Path) -> Iterator[Picture | None]:
    """The same in steps: yields caption and file name of each picture when it is written, and
    None where a step is done without one.

    However it ends, closed half-way or with an exception, the scene is left as it was; pictures
    already written stay.
    """
    folder = Path(folder)
    canvas = Canvas(PIXELS, PIXELS)
    planes: dict[str, _SlicePicture] = {}
    try:
        yield None
        canvas.begin()
        yield None
        for heat in (False, True) if nodes.heatmap is not None else (False,):
            for orientation in SLICE_VIEWS.values():
                if orientation not in planes:
                    planes[orientation] = _plane(nodes, canvas, orientation)
                    yield None
                plane = planes[orientation]
                file = f"{orientation.lower()}{'-heat' if heat else ''}.png"
                _set_layers(plane, nodes, heat)
                yield from _reslice(plane.view.logic)
                plane.overlay.clear()
                _draw(canvas, plane, nodes)
                yield None
                _annotate(plane, nodes, heat)
                yield None
                for _part in plane.overlay.add_parts():
                    _draw(canvas, plane, nodes)
                    yield None
                grabbed = canvas.grab()
                yield None
                write_png(grabbed, folder / file)
                yield f"{orientation}: {_layers(nodes, heat)}", file
        while planes:  # one by one: whoever looks at the scene hears of each of its nodes
            _close(planes.popitem()[1])
            yield None
        if "PET" in nodes.volumes:
            yield from draw_mips(nodes, canvas, folder)
        yield None
    finally:
        for plane in planes.values():
            _close(plane)
        canvas.close()


def _plane(nodes: SceneNodes, canvas: Canvas, orientation: str) -> _SlicePicture:
    import slicer
    import vtk

    view = OwnSliceView(nodes.application, orientation, PIXELS, nodes.background)
    set_field(view.node, nodes.frames[orientation])
    dark = nodes.content.anatomical_role is not None
    renderer = canvas.renderer((0.0, 0.0, 0.0) if dark else (1.0, 1.0, 1.0))
    group = slicer.vtkMRMLDisplayableManagerGroup()
    group.SetRenderer(renderer)
    # Only what draws outlines: an application's own group would draw its rulers and markups too.
    outlines = slicer.vtkMRMLSegmentationsDisplayableManager2D()
    outlines.SetMRMLApplicationLogic(nodes.application.logic)
    group.AddDisplayableManager(outlines)
    group.SetMRMLDisplayableNode(view.node)
    mapper = vtk.vtkImageMapper()
    mapper.SetColorWindow(255)
    mapper.SetColorLevel(127.5)
    image = vtk.vtkActor2D()
    image.SetMapper(mapper)
    image.GetProperty().SetDisplayLocationToBackground()
    renderer.AddViewProp(image)
    overlay = Overlay(renderer, PIXELS, PIXELS, dark)
    return _SlicePicture(orientation, view, renderer, group, mapper, overlay)


def _close(plane: _SlicePicture) -> None:
    plane.group.SetMRMLDisplayableNode(None)
    plane.view.close()


def _set_layers(plane: _SlicePicture, nodes: SceneNodes, heat: bool) -> None:
    """Show either the PET over the anatomy, or the heat map."""
    set_layers(
        plane.view.composite,
        nodes.background,
        nodes.foreground,
        nodes.heatmap,
        0.0 if heat else PET_OPACITY,
        OPACITY if heat else 0.0,
    )
    plane.mapper.SetInputConnection(plane.view.logic.GetImageDataConnection())  # may be another


def _reslice(logic: Any) -> Iterator[None]:
    """Have a slice logic make its image, layer by layer: at once it would take a tenth of a
    second."""
    further = logic.GetSliceCompositeNode().GetNumberOfAdditionalLayers()
    for number in (0, 1, *range(HEAT_LAYER, HEAT_LAYER + further)):
        layer = logic.GetNthLayer(number)
        if layer is not None and layer.GetVolumeNode() is not None:
            layer.GetImageDataConnection().GetProducer().Update()
            yield None
    logic.GetImageDataConnection().GetProducer().Update()
    yield None


def _draw(canvas: Canvas, plane: _SlicePicture, nodes: SceneNodes) -> None:
    with _seen(nodes.segmentation):
        canvas.draw(plane.renderer)


@contextmanager
def _seen(segmentation: Any) -> Iterator[None]:
    """A segmentation that the user has hidden is in sight while a picture is drawn."""
    display = segmentation.GetDisplayNode() if segmentation is not None else None
    if display is None or (display.GetVisibility() and display.GetVisibility2D()):
        yield
        return
    before = display.GetVisibility(), display.GetVisibility2D()
    display.SetVisibility(True)
    display.SetVisibility2D(True)
    try:
        yield
    finally:
        display.SetVisibility(before[0])
        display.SetVisibility2D(before[1])


def _annotate(plane: _SlicePicture, nodes: SceneNodes, heat: bool) -> None:
    content, result = nodes.content, nodes.content.result
    overlay, node = plane.overlay, plane.view.node
    overlay.sides(*sides(node.GetSliceToRAS()))
    overlay.scale(node.GetFieldOfView()[0] / PIXELS)
    draw_box(overlay, result, node.GetSliceToRAS(), node.GetFieldOfView()[0])
    axis, plus, minus = DIRECTIONS[{"Sagittal": 0, "Coronal": 1, "Axial": 2}[plane.orientation]]
    offset = nodes.focus[axis]
    where = f"{plus if offset >= 0 else minus} {abs(offset):.0f} mm"
    overlay.lines(
        [
            (plane.orientation, 26, None, True),
            (_layers(nodes, heat), 18, None, False),
            (where, 16, None, False),
        ],
        top=True,
    )
    rows = []
    if content.anatomical_role == "CT":
        rows.append((_window_words(nodes.background), 16, None, False))
    if result.simulated:
        rows.append(("Simulated patient", 16, overlay.warning_ink, True))
    rows.append(("Research use only", 16, overlay.warning_ink, False))
    overlay.lines(rows, top=False)
    bars = []
    pet = nodes.volumes.get("PET")
    if pet is not None and (not heat or nodes.foreground is None):
        bars.append((pet, *_ends(pet), "SUVbw"))
    if heat:
        bars.append((nodes.heatmap, "0", "1", "Grad-CAM"))
    for slot, (volume, low, high, title) in enumerate(bars):
        display = volume.GetScalarVolumeDisplayNode()
        overlay.colour_bar(palette(display), low, high, title, slot)
    overlay.lesions(
        _lesions_seen(nodes, node), content.colour_of, searched=nodes.segmentation is not None
    )


def _lesions_seen(nodes: SceneNodes, slice_node: Any) -> list[Lesion]:
    """The lesions that a slice view cuts within its field of view, in the result's order."""
    if nodes.content.labels is None:
        return []
    matrix = slice_node.GetSliceToRAS()
    axes = np.array([[matrix.GetElement(i, j) for j in range(3)] for i in range(3)])
    side = slice_node.GetFieldOfView()[0]
    corner = [matrix.GetElement(i, 3) for i in range(3)] - (axes[:, 0] + axes[:, 1]) * side / 2
    to_lps = np.array([-1.0, -1.0, 1.0])
    plane = Grid(
        (SEEN_SAMPLES, SEEN_SAMPLES, 1),
        (side / SEEN_SAMPLES, side / SEEN_SAMPLES, 1.0),
        tuple(corner * to_lps),
        tuple((axes * to_lps[:, None]).ravel()),
    )
    cut = resample(nodes.content.labels, plane, 0, sitk.sitkNearestNeighbor)
    seen = set(np.unique(sitk.GetArrayViewFromImage(cut)).tolist())
    return [lesion for lesion in nodes.content.result.lesions if lesion.label in seen]


def sides(slice_to_ras: Any) -> tuple[str, str, str, str]:
    """The patient's directions at a slice's left, right, bottom and top, as one letter each."""
    found = []
    for column in (0, 1):
        along = [slice_to_ras.GetElement(row, column) for row in range(3)]
        axis, plus, minus = DIRECTIONS[int(np.argmax(np.abs(along)))]
        found += [minus, plus] if along[axis] > 0 else [plus, minus]
    return (found[0], found[1], found[2], found[3])


def _layers(nodes: SceneNodes, heat: bool) -> str:
    role = nodes.content.anatomical_role
    base = role if role is not None else "FDG PET"
    if heat:
        return f"{base} + heat map (Grad-CAM)"
    return base if nodes.foreground is None else f"{base} + FDG PET"


def _ends(pet: Any) -> tuple[str, str]:
    display = pet.GetScalarVolumeDisplayNode()
    return f"{display.GetWindowLevelMin():g}", f"{display.GetWindowLevelMax():g}"


def _window_words(volume: Any) -> str:
    display = volume.GetScalarVolumeDisplayNode()
    return f"W {display.GetWindow():g}  L {display.GetLevel():g} HU"
