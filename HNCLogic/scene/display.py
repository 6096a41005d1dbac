"""What a panel's sliders and buttons do to the views: SUV window, fusion, outlines, heat map.

Nothing here touches a voxel. Opening a panel needs no more than this.
"""

from __future__ import annotations

from typing import Any

from HNCLogic.errors import InputError
from HNCLogic.scene.application import Application
from HNCLogic.scene.colours import PET_COLOURS
from HNCLogic.scene.layers import HEAT_LAYER, OPACITY_ATTRIBUTE, PET_OPACITY, composites
from HNCLogic.scene.rotating_mip import mip_shown, mip_view, set_mip_window, spin, stop_mip
from HNCLogic.scene.volumes import (
    PET_SHOWN_FROM,
    PET_SUV_MAX,
    add_legend,
    colour_pet,
    show_ct,
    show_from,
    show_mr,
)

__all__ = [
    "fuse",
    "fusion_of",
    "heat_opacity",
    "is_outline",
    "mip_shown",
    "mip_view",
    "set_fusion",
    "set_heat",
    "set_outline",
    "set_suv_window",
    "spin",
    "stop_mip",
    "suv_window",
]


def set_suv_window(pet_node: Any, suv_max: float) -> None:
    """Show a PET from SUV 0 to ``suv_max``, in slices and in its rotating MIP alike.

    The colours stay; in those for lying over anatomy what is faint stays transparent. Raises
    InputError where ``suv_max`` is not above 0.
    """
    if not suv_max > 0:
        raise InputError(f"the SUV window ends at {suv_max:g}; give a value above 0")
    display = pet_node.GetScalarVolumeDisplayNode()
    if display is None or display.GetColorNode() is None:
        display = colour_pet(pet_node, suv_max, alone=True)
    changing = display.StartModify()
    display.AutoWindowLevelOff()
    display.SetWindowLevelMinMax(0.0, float(suv_max))
    if display.GetColorNode().GetName() == PET_COLOURS:
        show_from(display, PET_SHOWN_FROM * suv_max)
    display.EndModify(changing)
    set_mip_window(pet_node, suv_max)


def suv_window(pet_node: Any) -> float:
    """The SUV at which a PET's window ends; that of a PET never shown is the usual one."""
    display = pet_node.GetScalarVolumeDisplayNode()
    return PET_SUV_MAX if display is None else float(display.GetWindowLevelMax())


def fuse(
    application: Application,
    pet: Any,
    background: Any = None,
    background_role: str = "CT",
    suv_max: float = PET_SUV_MAX,
    opacity: float = PET_OPACITY,
) -> None:
    """PET in warm colours over a CT or MR in grey; without either, the PET alone in inverted grey.

    ``pet`` must be in SUV. A CT gets a soft-tissue window; an MR keeps the window it has.
    """
    if background is not None:
        if background_role == "CT":
            show_ct(background)
        elif background.GetScalarVolumeDisplayNode() is None:
            show_mr(background)
    add_legend(colour_pet(pet, suv_max, alone=background is None), "SUVbw (g/ml)")
    set_mip_window(pet, suv_max)
    set_fusion(application, background, pet, opacity)


def set_fusion(application: Application, background: Any, pet: Any, opacity: float) -> None:
    """The PET over ``background`` at ``opacity``, 0 to 1, in every slice view; alone without one.

    The heat map above them stays as it is.
    """
    behind = pet if background is None else background
    for composite in composites(application):
        changing = composite.StartModify()
        composite.SetBackgroundVolumeID(behind.GetID())
        composite.SetForegroundVolumeID(None if background is None else pet.GetID())
        composite.SetForegroundOpacity(min(1.0, max(0.0, opacity)))
        composite.SetClipToBackgroundVolume(True)  # else the PET shades what lies beside the CT
        composite.SetLinkedControl(True)
        composite.EndModify(changing)


def fusion_of(application: Application) -> float | None:
    """The opacity of what lies over the background in the slice views; None without views."""
    return next((float(c.GetForegroundOpacity()) for c in composites(application)), None)


def set_outline(segmentation_node: Any, outline: bool) -> None:
    """Lesions in slices as outlines alone, or filled as well."""
    display = segmentation_node.GetDisplayNode()
    if display is None:
        segmentation_node.CreateDefaultDisplayNodes()
        display = segmentation_node.GetDisplayNode()
    display.SetVisibility2DOutline(True)
    display.SetVisibility2DFill(not outline)


def is_outline(segmentation_node: Any) -> bool:
    display = segmentation_node.GetDisplayNode()
    return display is not None and not display.GetVisibility2DFill()


def set_heat(application: Application, heat: Any, opacity: float, shown: bool = True) -> None:
    """The heat map over everything in the slice views, at ``opacity`` or, not ``shown``, at 0.

    The node remembers it as an attribute, for scene files do not (``layers.restore_opacity``).
    """
    opacity = min(1.0, max(0.0, opacity)) if shown else 0.0
    for composite in composites(application):
        changing = composite.StartModify()
        composite.SetNthLayerVolumeID(HEAT_LAYER, heat.GetID())
        composite.SetNthLayerOpacity(HEAT_LAYER, opacity)
        composite.EndModify(changing)
    heat.SetAttribute(OPACITY_ATTRIBUTE, f"{opacity:g}")
    legend = _legend_of(heat)
    if legend is not None:
        legend.SetVisibility(opacity > 0)


def heat_opacity(heat: Any) -> float:
    """What ``set_heat`` set last; 0 where the heat map is not shown."""
    return float(heat.GetAttribute(OPACITY_ATTRIBUTE) or 0.0)


def _legend_of(volume: Any) -> Any:
    import slicer

    display = volume.GetScalarVolumeDisplayNode()
    if display is None:
        return None
    return slicer.vtkSlicerColorLogic.GetColorLegendDisplayNode(display)
