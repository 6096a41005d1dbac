"""The colours of images: which of Slicer's own tables, and two of ours."""

from __future__ import annotations

from typing import Any

import numpy as np

from HNCLogic.errors import InputError

GREY = "Grey"
INVERTED_GREY = "InvertedGrey"
PET_COLOURS = "HNC-PET"
HEAT_COLOURS = "HNC-Heat"

Ramp = tuple[tuple[float, tuple[float, float, float]], ...]  # place from 0 to 1, RGB

# Slicer's PET-Heat is white over its upper half, and white mixed with grey anatomy reads as grey:
# this one stays red, orange and yellow when it lies over a CT.
PET_RAMP: Ramp = (
    (0.00, (0.00, 0.00, 0.00)),
    (0.15, (0.42, 0.02, 0.02)),
    (0.35, (0.88, 0.10, 0.02)),
    (0.65, (1.00, 0.52, 0.00)),
    (1.00, (1.00, 0.97, 0.25)),
)
# Violet to pink: warm as well, yet nothing that the PET beneath it shows.
HEAT_RAMP: Ramp = (
    (0.00, (0.16, 0.02, 0.30)),
    (0.35, (0.48, 0.05, 0.62)),
    (0.70, (0.93, 0.12, 0.62)),
    (1.00, (1.00, 0.50, 0.82)),
)


def colour_node(scene: Any, name: str) -> Any:
    """One of the colour nodes that every scene of Slicer's has."""
    node = scene.GetFirstNode(name, "vtkMRMLColorNode")
    if node is None:
        raise InputError(f"The scene has no colours called {name}: it was made without defaults")
    return node


def colour_ramp(scene: Any, name: str, ramp: Ramp) -> Any:
    """A colour table of 256 steps along ``ramp``, made in the scene when it is not there yet."""
    found = scene.GetFirstNode(name, "vtkMRMLColorTableNode")
    if found is not None:
        return found
    import slicer

    node = slicer.vtkMRMLColorTableNode()
    node.SetName(name)
    node.SetTypeToUser()
    node.SetNumberOfColors(256)
    at = np.linspace(0.0, 1.0, 256)
    places = [place for place, _ in ramp]
    rgb = [np.interp(at, places, [colour[i] for _, colour in ramp]) for i in range(3)]
    for index, (red, green, blue) in enumerate(zip(*rgb, strict=True)):
        node.SetColor(index, f"{at[index]:.3f}", red, green, blue, 1.0)
    return scene.AddNode(node)


def palette(display: Any, shown_only: bool = True) -> np.ndarray:
    """A volume display's colours, (256, 3) from 0 to 255, lowest value first.

    With ``shown_only`` those below the display's threshold are black.
    """
    table = display.GetColorNode().CreateLookupTableCopy()
    low, high = table.GetTableRange()
    rgb = [0.0, 0.0, 0.0]
    found = np.empty((256, 3))
    for n, value in enumerate(np.linspace(low, high, 256)):
        table.GetColor(value, rgb)
        found[n] = rgb
    if shown_only and display.GetApplyThreshold():
        values = np.linspace(display.GetWindowLevelMin(), display.GetWindowLevelMax(), 256)
        found[values < display.GetLowerThreshold()] = 0.0
    return np.round(found * 255)
