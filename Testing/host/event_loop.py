"""The one QApplication, and its event loop turned from outside."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QApplication


def application() -> QApplication:
    """The QApplication, made where there is none."""
    return QApplication.instance() or QApplication(["Slicer"])


def turn() -> None:
    """Do all that is waiting. What was given to ``deleteLater`` goes too, which
    ``processEvents`` alone would leave for the end."""
    application().processEvents()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
