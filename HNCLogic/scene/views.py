"""Pictures of a case, as a clinician would look at it: three planes at the hottest lesion, MIPs.

The planes are drawn by Slicer's own slice logics and displayable managers, so a picture shows
what the scene shows when it is opened.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from HNCLogic.images.grid import Grid, resample
from HNCLogic.job import Lesion
from HNCLogic.scene.application import SLICE_VIEWS
from HNCLogic.scene.build import SceneNodes
from HNCLogic.scene.colours import palette
from HNCLogic.scene.layers import HEAT_LAYER, set_field
from HNCLogic.scene.mip import render_mips
from HNCLogic.scene.overlay import Overlay
from HNCLogic.scene.window import Canvas

PIXELS = 900
SEEN_SAMPLES = 300  # per side, when asking which lesions a view shows
MANAGERS = ("vtkMRMLSegmentationsDisplayableManager2D",)

DIRECTIONS = ((0, "R", "L"), (1, "A", "P"), (2, "S", "I"))  # RAS axis, letters of + and -


@dataclass
class _SlicePicture:
    """What draws one of the application's slice views."""

    orientation: str
    logic: Any
    renderer: Any
    group: Any  # of displayable managers; kept, for they draw as long as it lives
    mapper: Any
    overlay: Overlay


def render_views(nodes: SceneNodes, folder: Path) -> dict[str, str]:
    """Write the pictures as PNG files into ``folder``, which exists.

    Returns caption → file name, in the order in which to show them. The scene's layers and
    frames are left as they were. Raises InputError where nothing can be drawn (no OpenGL),
    OSError when a file cannot be written.
    """
    folder = Path(folder)
    canvas = Canvas(PIXELS, PIXELS)
    views = [
        _picture(nodes, canvas, logic, orientation)
        for name, orientation in SLICE_VIEWS.items()
        if (logic := nodes.application.slice_logic(name)) is not None
    ]
    written: dict[str, str] = {}
    for heat in (False, True) if nodes.heatmap is not None else (False,):
        for view in views:
            file = f"{view.orientation.lower()}{'-heat' if heat else ''}.png"
            with _layers_set(view, nodes, heat):
                _annotate(view, nodes, heat)
                view.overlay.draw()
                canvas.save(view.renderer, folder / file)
            written[f"{view.orientation}: {_layers(nodes, heat)}"] = file
    if "PET" in nodes.volumes:
        written |= render_mips(nodes, canvas, folder)
    return written


def _picture(nodes: SceneNodes, canvas: Canvas, logic: Any, orientation: str) -> _SlicePicture:
    import slicer
    import vtk

    factory = slicer.vtkMRMLSliceViewDisplayableManagerFactory.GetInstance()
    for manager in MANAGERS:
        if not factory.IsDisplayableManagerRegistered(manager):
            factory.RegisterDisplayableManager(manager)
    factory.SetMRMLApplicationLogic(nodes.application.logic)
    dark = nodes.content.anatomical_role is not None
    renderer = canvas.renderer((0.0, 0.0, 0.0) if dark else (1.0, 1.0, 1.0))
    group = slicer.vtkMRMLDisplayableManagerGroup()
    group.SetRenderer(renderer)
    group.Initialize(factory, renderer)
    logic.ResizeSliceNode(PIXELS, PIXELS)
    set_field(logic.GetSliceNode(), nodes.frames[orientation])
    group.SetMRMLDisplayableNode(logic.GetSliceNode())
    mapper = vtk.vtkImageMapper()
    mapper.SetColorWindow(255)
    mapper.SetColorLevel(127.5)
    image = vtk.vtkActor2D()
    image.SetMapper(mapper)
    image.GetProperty().SetDisplayLocationToBackground()
    renderer.AddViewProp(image)
    overlay = Overlay(renderer, PIXELS, PIXELS, dark)
    return _SlicePicture(orientation, logic, renderer, group, mapper, overlay)


@contextmanager
def _layers_set(view: _SlicePicture, nodes: SceneNodes, heat: bool) -> Iterator[None]:
    """Show either the PET over the anatomy, or the heat map; then both, as the scene has them."""
    composite = view.logic.GetSliceCompositeNode()
    front = composite.GetForegroundOpacity()
    top = composite.GetNthLayerOpacity(HEAT_LAYER)
    try:
        composite.SetForegroundOpacity(0.0 if heat else front)
        if nodes.heatmap is not None:
            composite.SetNthLayerOpacity(HEAT_LAYER, top if heat else 0.0)
        view.mapper.SetInputConnection(view.logic.GetImageDataConnection())
        yield
    finally:
        composite.SetForegroundOpacity(front)
        if nodes.heatmap is not None:
            composite.SetNthLayerOpacity(HEAT_LAYER, top)


def _annotate(view: _SlicePicture, nodes: SceneNodes, heat: bool) -> None:
    content, result = nodes.content, nodes.content.result
    overlay, node = view.overlay, view.logic.GetSliceNode()
    overlay.clear()
    overlay.sides(*sides(node.GetSliceToRAS()))
    overlay.scale(node.GetFieldOfView()[0] / PIXELS)
    axis, plus, minus = DIRECTIONS[{"Sagittal": 0, "Coronal": 1, "Axial": 2}[view.orientation]]
    offset = nodes.focus[axis]
    where = f"{plus if offset >= 0 else minus} {abs(offset):.0f} mm"
    overlay.lines(
        [
            (view.orientation, 26, None, True),
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
        bars.append((pet, "0", f"{content.suv_max:g}", "SUVbw"))
    if heat:
        bars.append((nodes.heatmap, "0", "1", "Grad-CAM"))
    for slot, (volume, low, high, title) in enumerate(bars):
        display = volume.GetScalarVolumeDisplayNode()
        overlay.colour_bar(palette(display), low, high, title, slot)
    overlay.lesions(
        _lesions_seen(nodes, node), result.lesions, searched=nodes.segmentation is not None
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


def _window_words(volume: Any) -> str:
    display = volume.GetScalarVolumeDisplayNode()
    return f"W {display.GetWindow():g}  L {display.GetLevel():g} HU"
