"""The colours of words and boxes in a panel: the report's, on whatever ground the panel has."""

from __future__ import annotations

from functools import lru_cache

import qt

from HNCLogic.report.standalone import colours_on

_colours_on = lru_cache(maxsize=8)(colours_on)

WARN_LIGHT, WARN_DARK = "#8a5a00", "#f0c060"


def tones(widget: qt.QWidget) -> dict[str, str]:
    """Name → "#rrggbb" in the widget's palette: accent, yes, no, warn, quiet, ink and others."""
    palette = widget.palette
    ground = palette.color(qt.QPalette.Window)
    ink = palette.color(qt.QPalette.WindowText)
    dark = ground.lightness() < ink.lightness()
    return _colours_on(ground.name(), ink.name()) | {"warn": WARN_DARK if dark else WARN_LIGHT}


def colour_words(label: qt.QLabel, tone: str | None) -> None:
    """Show a label's words in one of the tones; None: in the panel's own colour."""
    if label.parentWidget() is None:
        label.setStyleSheet("")  # else the tones would be taken from the colour it has had
    _dress(label, "" if tone is None else f"color: {_around(label)[tone]};")


def box(label: qt.QLabel, tone: str) -> None:
    """Set a label apart by a bar of that tone at its left."""
    label.setIndent(0)  # else as wide as half a letter, where there is a frame
    _dress(
        label,
        f"QLabel {{ border: none; border-left: 4px solid {_around(label)[tone]}; "
        "padding: 3px 0px 3px 8px; }",
    )


def _around(label: qt.QLabel) -> dict[str, str]:
    """By what the label lies on: its own palette may have the colour that was given to it here."""
    return tones(label.parentWidget() or label)


def _dress(label: qt.QLabel, style: str) -> None:
    """Setting a style lays the panel out anew, so it is done only where there is a change."""
    if label.styleSheet != style:
        label.setStyleSheet(style)
