"""Pictures of a case, as a clinician would look at it: three planes at the hottest lesion, MIPs.

The planes are drawn by Slicer's own slice logics and displayable managers, so a picture shows
what the scene shows when it is opened.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from HNCLogic.scene.application import SLICE_VIEWS
from HNCLogic.scene.build import SceneNodes
from HNCLogic.scene.colours import palette
from HNCLogic.scene.heatmap import OPACITY
from HNCLogic.scene.layers import HEAT_LAYER, PET_OPACITY, set_field
from HNCLogic.scene.overlay import Overlay
from HNCLogic.scene.window import Canvas

PIXELS = 900
MANAGERS = ("vtkMRMLSegmentationsDisplayableManager2D",)

DIRECTIONS = ((0, "R", "L"), (1, "A", "P"), (2, "S", "I"))  # RAS axis, letters of + and -


@dataclass
class _SlicePicture:
    """A renderer for one of the application's slice views."""

    renderer: Any
    group: Any
    mapper: Any
    overlay: Overlay


def render_views(nodes: SceneNodes, folder: Path) -> dict[str, str]:
    """Write the pictures as PNG files into ``folder``, which exists.

    Returns caption → file name, in the order in which to show them. The slice views are left as
    they were. Raises InputError where nothing can be drawn (no OpenGL), OSError when a file
    cannot be written.
    """
    from HNCLogic.scene.mip import render_mips

    folder = Path(folder)
    written: dict[str, str] = {}
    canvas = Canvas(PIXELS, PIXELS)
    views = {name: _open(nodes, canvas) for name in SLICE_VIEWS}
    variants = ["fusion", "heat"] if nodes.heatmap is not None else ["fusion"]
    for variant in variants:
        for name, orientation in SLICE_VIEWS.items():
            file = f"{orientation.lower()}{'-heat' if variant == 'heat' else ''}.png"
            with_layers = _layers(nodes, variant)
            _draw(canvas, views[name], nodes, name, orientation, variant, folder / file)
            written[f"{orientation}: {with_layers}"] = file
    if "PET" in nodes.volumes:
        written |= render_mips(nodes, canvas, folder)
    return written


def _open(nodes: SceneNodes, canvas: Canvas) -> _SlicePicture:
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
    mapper = vtk.vtkImageMapper()
    mapper.SetColorWindow(255)
    mapper.SetColorLevel(127.5)
    image = vtk.vtkActor2D()
    image.SetMapper(mapper)
    image.GetProperty().SetDisplayLocationToBackground()
    renderer.AddViewProp(image)
    return _SlicePicture(renderer, group, mapper, Overlay(renderer, PIXELS, PIXELS, dark))


def _draw(
    canvas: Canvas,
    view: _SlicePicture,
    nodes: SceneNodes,
    name: str,
    orientation: str,
    variant: str,
    path: Path,
) -> None:
    logic = nodes.application.slice_logic(name)
    node, composite = logic.GetSliceNode(), logic.GetSliceCompositeNode()
    logic.ResizeSliceNode(PIXELS, PIXELS)
    set_field(node, nodes.frames[orientation])
    heat = variant == "heat"
    if nodes.heatmap is not None:
        composite.SetNthLayerOpacity(HEAT_LAYER, OPACITY if heat else 0.0)
    composite.SetForegroundOpacity(0.0 if heat else PET_OPACITY)
    view.group.SetMRMLDisplayableNode(node)
    view.mapper.SetInputConnection(logic.GetImageDataConnection())
    view.overlay.clear()
    _annotate(view.overlay, nodes, node, orientation, variant)
    canvas.save(view.renderer, path)
    composite.SetForegroundOpacity(PET_OPACITY)
    if nodes.heatmap is not None:
        composite.SetNthLayerOpacity(HEAT_LAYER, OPACITY)


def _annotate(
    overlay: Overlay, nodes: SceneNodes, node: Any, orientation: str, variant: str
) -> None:
    content, result = nodes.content, nodes.content.result
    overlay.sides(*sides(node.GetSliceToRAS()))
    overlay.scale(node.GetFieldOfView()[0] / PIXELS)
    axis = {"Axial": 2, "Coronal": 1, "Sagittal": 0}[orientation]
    where = (
        f"{DIRECTIONS[axis][1 if nodes.focus[axis] >= 0 else 2]} {abs(nodes.focus[axis]):.0f} mm"
    )
    overlay.lines(
        [
            (orientation, 26, None, True),
            (_layers(nodes, variant), 18, None, False),
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
    if pet is not None and (variant == "fusion" or nodes.foreground is None):
        bars.append((pet, "0", f"{content.suv_max:g}", "SUVbw"))
    if variant == "heat":
        bars.append((nodes.heatmap, "0", "1", "Grad-CAM"))
    for slot, (volume, low, high, title) in enumerate(bars):
        display = volume.GetScalarVolumeDisplayNode()
        overlay.colour_bar(palette(display), low, high, title, slot)
    overlay.lesions(result.lesions)


def sides(slice_to_ras: Any) -> tuple[str, str, str, str]:
    """The patient's directions at a slice's left, right, bottom and top, as one letter each."""
    found = []
    for column in (0, 1):
        along = [slice_to_ras.GetElement(row, column) for row in range(3)]
        axis, plus, minus = DIRECTIONS[int(np.argmax(np.abs(along)))]
        found += [minus, plus] if along[axis] > 0 else [plus, minus]
    return (found[0], found[1], found[2], found[3])


def _layers(nodes: SceneNodes, variant: str) -> str:
    role = nodes.content.anatomical_role
    base = role if role is not None else "FDG PET"
    if variant == "heat":
        return f"{base} + heat map (Grad-CAM)"
    return base if nodes.foreground is None else f"{base} + FDG PET"


def _window_words(volume: Any) -> str:
    display = volume.GetScalarVolumeDisplayNode()
    return f"W {display.GetWindow():g}  L {display.GetLevel():g} HU"
