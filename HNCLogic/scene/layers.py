"""What the slice views show: anatomy, PET over it, heat map on top; and where they look."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from HNCLogic.scene.application import SLICE_VIEWS, Application
from HNCLogic.scene.framing import Frame

if TYPE_CHECKING:  # pydantic is not there before the user agreed to install it
    from HNCLogic.job import Position


PET_OPACITY = 0.6
HEAT_LAYER = 3  # 0 to 2 are background, foreground and label
OPACITY_ATTRIBUTE = "HNC.LayerOpacity"


def show_layers(
    application: Application,
    background: Any,
    foreground: Any = None,
    heat: Any = None,
    foreground_opacity: float = PET_OPACITY,
    heat_opacity: float = 0.6,
) -> None:
    """The same layers, from back to front, in every slice view that there is."""
    for composite in composites(application):
        changing = composite.StartModify()
        set_layers(composite, background, foreground, heat, foreground_opacity, heat_opacity)
        composite.SetLinkedControl(True)
        composite.EndModify(changing)
    if heat is not None:
        heat.SetAttribute(OPACITY_ATTRIBUTE, f"{heat_opacity:g}")


def set_layers(
    composite: Any,
    background: Any,
    foreground: Any,
    heat: Any,
    foreground_opacity: float,
    heat_opacity: float,
) -> None:
    """The layers of one slice view, by its vtkMRMLSliceCompositeNode; None is no such layer."""
    changing = composite.StartModify()
    composite.SetBackgroundVolumeID(background.GetID())
    composite.SetForegroundVolumeID(foreground.GetID() if foreground is not None else None)
    composite.SetForegroundOpacity(foreground_opacity)
    composite.SetLabelVolumeID(None)
    composite.SetClipToBackgroundVolume(True)  # else the PET shades what lies beside the CT
    if heat is not None:
        composite.SetNthLayerVolumeID(HEAT_LAYER, heat.GetID())
        composite.SetNthLayerOpacity(HEAT_LAYER, heat_opacity)
    elif composite.GetNumberOfAdditionalLayers() > 0:
        composite.SetNthLayerVolumeID(HEAT_LAYER, None)
    composite.EndModify(changing)


def restore_opacity(scene: Any) -> None:
    """Give heat maps their opacity back: a scene file forgets that of further layers."""
    nodes = scene.GetNodesByClass("vtkMRMLSliceCompositeNode")
    for i in range(nodes.GetNumberOfItems()):
        composite = nodes.GetItemAsObject(i)
        for layer in range(HEAT_LAYER, HEAT_LAYER + composite.GetNumberOfAdditionalLayers()):
            volume = composite.GetNthLayerVolume(layer)
            opacity = volume.GetAttribute(OPACITY_ATTRIBUTE) if volume is not None else None
            if opacity and float(opacity) != composite.GetNthLayerOpacity(layer):
                composite.SetNthLayerOpacity(layer, float(opacity))


def look_at(application: Application, frames: dict[str, Frame]) -> None:
    """Move each slice view to its frame (by orientation) and set it to that orientation."""
    for view, orientation in SLICE_VIEWS.items():
        logic = application.slice_logic(view)
        if logic is None:
            continue
        node, frame = logic.GetSliceNode(), frames[orientation]
        node.SetOrientation(orientation)
        set_field(node, frame)


def set_field(node: Any, frame: Frame) -> None:
    """Show ``frame`` in a slice node, whatever its size in pixels: the shorter side holds it."""
    across, up, _ = node.GetDimensions()
    pixel = frame.side_mm / max(1, min(across, up))
    changing = node.StartModify()
    node.SetXYZOrigin(0.0, 0.0, 0.0)
    node.SetFieldOfView(across * pixel, up * pixel, node.GetFieldOfView()[2])
    node.JumpSliceByCentering(*frame.centre)
    node.EndModify(changing)


def jump(application: Application, at: Position) -> None:
    """Move every slice view so that it passes through ``at`` (RAS) and has it in its middle."""
    for view in SLICE_VIEWS:
        logic = application.slice_logic(view)
        if logic is not None:
            logic.GetSliceNode().JumpSliceByCentering(*at)


def composites(application: Application) -> list[Any]:
    """The composite nodes of the slice views that there are."""
    logics = [application.slice_logic(view) for view in SLICE_VIEWS]
    return [logic.GetSliceCompositeNode() for logic in logics if logic is not None]
