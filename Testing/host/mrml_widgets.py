"""Slicer's own widgets that panels use: qMRMLWidget and qMRMLNodeComboBox, on the real scene.

As in Slicer, what can be called are their slots and what C++ marks as invokable; their other
values are properties only.
"""

from __future__ import annotations

from typing import Any

import slicer
from PySide6 import QtWidgets
from PySide6.QtCore import Signal

from Testing.host.node_combo_box import qMRMLNodeComboBox

__all__ = ["install", "qMRMLNodeComboBox", "qMRMLWidget"]


class qMRMLWidget(QtWidgets.QWidget):
    """A widget that passes its scene on to those in it."""

    mrmlSceneChanged = Signal(object)
    cppSignals = {"mrmlSceneChanged(vtkMRMLScene*)": "mrmlSceneChanged(PyObject)"}
    cppSlots = ("setMRMLScene(vtkMRMLScene*)",)

    def __init__(self, parent: QtWidgets.QWidget | None = None):
        super().__init__(parent)
        self._scene = None

    def mrmlScene(self) -> Any:
        return self._scene

    def setMRMLScene(self, scene: Any) -> None:
        if scene is not self._scene:
            self._scene = scene
            self.mrmlSceneChanged.emit(scene)


def install() -> None:
    """Put the widgets into ``slicer``."""
    slicer.qMRMLWidget = qMRMLWidget
    slicer.qMRMLNodeComboBox = qMRMLNodeComboBox
