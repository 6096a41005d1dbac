"""What a user cannot read to its end in a panel, as it is drawn."""

from __future__ import annotations

from typing import Any

BUTTON_EDGE = 6  # pixels between the words and the edge, both sides together


def cut_words(panel: Any) -> list[str]:
    """The words that do not fit into what shows them."""
    from PySide6.QtWidgets import QAbstractButton, QComboBox, QLabel

    found = []
    for kind in (QAbstractButton, QLabel, QComboBox):
        for widget in panel.findChildren(kind):
            if not widget.visible or widget.className() == "ctkCollapsibleButton":
                continue
            words = widget.currentText if isinstance(widget, QComboBox) else widget.text
            if isinstance(widget, QLabel) and (widget.wordWrap or "<" in words):
                if widget.heightForWidth(widget.width) > widget.height:
                    found.append(words)
                continue
            room = widget.width - (BUTTON_EDGE if isinstance(widget, QAbstractButton) else 0)
            if widget.fontMetrics().horizontalAdvance(words) > room:
                found.append(words)
    return found
