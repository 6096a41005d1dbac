"""The heat map of where the network looked (Grad-CAM) as a volume of its own over the images."""

from __future__ import annotations

from typing import Any

import SimpleITK as sitk

from HNCLogic.scene.colours import HEAT_COLOURS, HEAT_RAMP, colour_ramp
from HNCLogic.scene.volumes import add_volume, display_as, show_from

HEAT_NAME = "Heat map (Grad-CAM)"
LOWER_THRESHOLD = 0.25  # weaker attention is left transparent
OPACITY = 0.6


def add_heat_map(
    scene: Any, heat: sitk.Image, name: str = HEAT_NAME, threshold: float = LOWER_THRESHOLD
) -> Any:
    """A volume node of ``heat`` (float32, 0 to 1), transparent below ``threshold``."""
    node = add_volume(scene, heat, name)
    show_heat(node, threshold)
    return node


def show_heat(node: Any, threshold: float = LOWER_THRESHOLD) -> Any:
    """Give a volume node the heat map's colours, transparent below ``threshold``."""
    display = display_as(node, colour_ramp(node.GetScene(), HEAT_COLOURS, HEAT_RAMP), 0.0, 1.0)
    show_from(display, threshold)
    return display
