"""The one QApplication, and its event loop turned from outside."""

from __future__ import annotations

import logging
from typing import Any

from PySide6.QtCore import QCoreApplication, QEvent, QtMsgType, qInstallMessageHandler
from PySide6.QtWidgets import QApplication

log = logging.getLogger(__name__)

OFFSCREEN = "This plugin does not support"  # what the screenless platform says of itself


def application() -> QApplication:
    """The QApplication, made where there is none."""
    qInstallMessageHandler(_heard)
    return QApplication.instance() or QApplication(["Slicer"])


def _heard(kind: QtMsgType, _where: Any, text: str) -> None:
    """Qt's own messages go to Python's logging."""
    if not text.startswith(OFFSCREEN):
        level = logging.DEBUG if kind == QtMsgType.QtDebugMsg else logging.WARNING
        log.log(level, "Qt: %s", text)


def turn() -> None:
    """Do all that is waiting. What was given to ``deleteLater`` goes too, which
    ``processEvents`` alone would leave for the end."""
    QCoreApplication.processEvents()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
