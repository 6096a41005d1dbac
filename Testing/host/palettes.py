"""The two looks of Slicer: Fusion with a light and with a dark palette, and its tight margins."""

from __future__ import annotations

from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication, QProxyStyle, QStyle

NAMES = ("light", "dark")
COLOURS = {  # role: light, dark
    "Window": ("#ffffff", "#323232"),
    "WindowText": ("#000000", "#ffffff"),
    "Base": ("#ffffff", "#1e1e1e"),
    "AlternateBase": ("#e4e4fe", "#323232"),
    "ToolTipBase": ("#ffffdc", "#ffffff"),
    "ToolTipText": ("#000000", "#323232"),
    "Text": ("#000000", "#ffffff"),
    "PlaceholderText": ("#808080", "#c0c0c0"),
    "Button": ("#fcfcfc", "#323232"),
    "ButtonText": ("#000000", "#ffffff"),
    "BrightText": ("#ff0000", "#ff4444"),
    "Light": ("#c8c8c8", "#828284"),
    "Midlight": ("#e6e6e6", "#5a5a5b"),
    "Dark": ("#aaaaaa", "#232323"),
    "Mid": ("#c8c8c8", "#2b2b2b"),
    "Shadow": ("#5a5a5a", "#141414"),
    "Highlight": ("#308cc6", "#3ca4ff"),
    "HighlightedText": ("#ffffff", "#ffffff"),
    "Link": ("#0000ff", "#3ca4ff"),
}
SWITCHED_OFF = {
    "WindowText": ("#bebebe", "#6d6d6d"),
    "Base": ("#ffffff", "#1e1e1e"),
    "Text": ("#bebebe", "#6d6d6d"),
    "ButtonText": ("#bebebe", "#b4b4b4"),
    "Highlight": ("#919191", "#505050"),
    "HighlightedText": ("#ffffff", "#6d6d6d"),
}


class Style(QProxyStyle):
    """Fusion with Slicer's distances, so that a panel is as tight here as it is there."""

    METRICS = {
        QStyle.PixelMetric.PM_LayoutLeftMargin: 6,
        QStyle.PixelMetric.PM_LayoutTopMargin: 6,
        QStyle.PixelMetric.PM_LayoutRightMargin: 6,
        QStyle.PixelMetric.PM_LayoutBottomMargin: 6,
        QStyle.PixelMetric.PM_LayoutHorizontalSpacing: 3,
        QStyle.PixelMetric.PM_LayoutVerticalSpacing: 3,
        QStyle.PixelMetric.PM_SliderLength: 12,
        QStyle.PixelMetric.PM_ButtonIconSize: 24,
    }

    def __init__(self):
        super().__init__("Fusion")

    def pixelMetric(self, metric, option=None, widget=None):
        found = self.METRICS.get(metric)
        return super().pixelMetric(metric, option, widget) if found is None else found


def palette(name: str) -> QPalette:
    """The palette called "light" or "dark". Raises ValueError for another."""
    if name not in NAMES:
        raise ValueError(f"there is no palette '{name}': light or dark")
    which = NAMES.index(name)
    made = QPalette()
    for role, colours in COLOURS.items():
        made.setColor(QPalette.ColorRole[role], QColor(colours[which]))
    for role, colours in SWITCHED_OFF.items():
        group = QPalette.ColorGroup.Disabled
        made.setColor(group, QPalette.ColorRole[role], QColor(colours[which]))
    return made


def dress(application: QApplication, name: str) -> None:
    """Show the whole application in Slicer's style and the palette called ``name``."""
    application.setStyle(Style())
    application.setPalette(palette(name))
