"""From one module to another."""

from __future__ import annotations

import slicer


def open_module(name: str) -> None:
    """Show the module of that name; without a main window there is no place to show it in."""
    if slicer.util.mainWindow() is not None:
        slicer.util.selectModule(name)
