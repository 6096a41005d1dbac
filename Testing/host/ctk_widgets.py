"""The `ctk` module that panel code imports in Slicer: the section that folds, and the slider.

As in CTK, what can be called are their slots; their other values are properties only. They are
drawn by the application's style, so they follow the palette and the scale of the screen.
"""

from __future__ import annotations

import sys

from Testing.host import allowed
from Testing.host.ctk_collapsible_button import ctkCollapsibleButton
from Testing.host.ctk_slider_widget import ctkSliderWidget
from Testing.host.pythonqt import StrictModule

__all__ = ["ctkCollapsibleButton", "ctkSliderWidget", "install"]


def install() -> StrictModule:
    """Make the `ctk` module and put it in ``sys.modules``; a second call gives the same one."""
    if not isinstance(sys.modules.get("ctk"), StrictModule):
        widgets = {each.__name__: each for each in (ctkCollapsibleButton, ctkSliderWidget)}
        sys.modules["ctk"] = StrictModule("ctk", widgets, allowed.CTK)
    return sys.modules["ctk"]
