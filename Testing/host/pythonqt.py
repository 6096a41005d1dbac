"""The `qt` module that panel code imports in Slicer, made of PySide6 with PythonQt's manners.

Properties are attributes, signals are connected by signature, no new attributes, no keywords, no
fractions for ints; and only what ``allowed`` lists. Where PythonQt fails in silence, this raises.
"""

from __future__ import annotations

import os
import sys
import traceback
import types
from typing import Any

# Before PySide6 is loaded: nothing is drawn on a screen.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6 import QtCore, QtGui, QtUiTools, QtWidgets

from Testing.host import allowed, qt_arguments, qt_attributes, qt_signals
from Testing.host.qt_signals import errors

__all__ = ["StrictModule", "errors", "install"]

QT_MODULES = (QtCore, QtGui, QtWidgets, QtUiTools)

# Values that are no QObjects, and whose constructors and methods take ints.
VALUES = (
    *("QAction", "QBuffer", "QByteArray", "QColor", "QFont", "QIcon", "QImage", "QImageReader"),
    *("QPalette", "QPixmap", "QPoint", "QSize", "QSizePolicy", "QTableWidgetItem", "QUrl"),
)


class StrictModule(types.ModuleType):
    """A module that gives bound code only the names on a list. Raises AttributeError for others."""

    def __init__(self, name: str, everything: dict[str, Any], listed: frozenset[str]):
        super().__init__(name)
        vars(self)["_everything"], vars(self)["_listed"] = everything, listed

    def __getattr__(self, name: str) -> Any:
        module = types.ModuleType.__getattribute__(self, "__name__")
        everything, listed = vars(self)["_everything"], vars(self)["_listed"]
        if name in everything:
            if name in listed or not allowed.is_bound(_caller()):
                return everything[name]
            raise AttributeError(
                f"{module}.{name} is not among what panels may use (Testing/host/allowed.py)"
            )
        raise AttributeError(f"module '{module}' has no attribute '{name}' in this stand-in")

    def __setattr__(self, name: str, value: Any) -> None:
        if not name.startswith("__"):
            vars(self)["_everything"][name] = value
        else:
            super().__setattr__(name, value)


def _caller() -> str:
    return sys._getframe(2).f_globals.get("__name__", "")


def install() -> types.ModuleType:
    """Make the `qt` module and put it in ``sys.modules``; a second call gives the same one."""
    if isinstance(sys.modules.get("qt"), StrictModule):
        return sys.modules["qt"]
    everything = {
        name: getattr(module, name)  # by name: PySide6 makes its classes when they are asked for
        for module in QT_MODULES
        for name in dir(module)
        if not name.startswith("_")
    }
    everything["QTimer"].singleShot = staticmethod(_single_shot)
    qt_attributes.install(*QT_MODULES)
    for name in (*VALUES, *(each for each in allowed.QT if each in everything)):
        if name != "Qt":
            _strict_constructor(everything[name])
    sys.modules["qt"] = StrictModule("qt", everything, allowed.QT)
    _note_uncaught()
    return sys.modules["qt"]


_waiting: set[QtCore.QTimer] = set()  # kept until they have gone off


def _single_shot(msec: int, slot: Any) -> None:
    """QTimer.singleShot(msec, callable), the one form that PythonQt adds."""
    if not isinstance(msec, int) or not callable(slot):
        raise TypeError(f"QTimer.singleShot takes an int and a callable, not {msec!r}, {slot!r}")
    # Not PySide6's own: beyond 0 ms that one connects by the attribute, which is ours now.
    timer = QtCore.QTimer()
    timer.setSingleShot(True)
    _waiting.add(timer)

    def call() -> None:
        _waiting.discard(timer)
        timer.deleteLater()
        try:
            slot()
        except Exception:
            qt_signals.note_error()

    timer.timeout.connect(call)
    timer.start(msec)


def _strict_constructor(kind: type) -> None:
    native = kind.__init__

    def __init__(self: Any, *arguments: Any, **keywords: Any) -> None:
        qt_arguments.check(kind, kind.__name__, arguments, keywords)
        native(self, *arguments)

    kind.__init__ = __init__


def _note_uncaught() -> None:
    """What leaves an event handler or a VTK observer comes to sys.excepthook."""
    shown = sys.excepthook

    def note(kind: type, error: BaseException, trace: Any) -> None:
        errors.append("".join(traceback.format_exception(kind, error, trace)))
        shown(kind, error, trace)

    sys.excepthook = note
