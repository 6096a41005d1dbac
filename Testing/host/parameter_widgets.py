"""Widgets connected to a parameter: how each is read, written and noticed, as in desktop Slicer.

A pair of widget and type that Slicer does not connect raises RuntimeError, as it does there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6 import QtWidgets

from Testing.host import parameter_types as types
from Testing.host.ctk_widgets import ctkSliderWidget
from Testing.host.mrml_widgets import qMRMLNodeComboBox


class Connector:
    """A widget seen as a parameter's value."""

    signal = ""

    def __init__(self, widget: Any, parameter: types.Parameter):
        self.widget, self.parameter = widget, parameter
        self._changed: Callable | None = None
        self.prepare()

    def prepare(self) -> None:
        """Give the widget the parameter's limits and choices."""

    def on_changed(self, callback: Callable | None) -> None:
        """Call ``callback`` when the user or a program changes the widget; None: no longer."""
        if self._changed is not None:
            getattr(self.widget, self.signal).disconnect(self._call)
        self._changed = callback
        if callback is not None:
            getattr(self.widget, self.signal).connect(self._call)

    def _call(self) -> None:
        if self._changed is not None:
            self._changed()

    def read(self) -> Any:
        raise NotImplementedError

    def write(self, value: Any) -> None:
        raise NotImplementedError

    def annotation(self, kind: type) -> Any:
        return next((each for each in self.parameter.annotations if isinstance(each, kind)), None)


class Checked(Connector):
    """QCheckBox and a push button that stays down ↔ bool."""

    signal = "toggled"

    def prepare(self) -> None:
        self.widget.checkable = True

    def read(self) -> bool:
        return self.widget.checked

    def write(self, value: bool) -> None:
        self.widget.checked = value


class Number(Connector):
    """QSpinBox ↔ int; QDoubleSpinBox and ctkSliderWidget ↔ float and int."""

    signal = "valueChanged"

    def prepare(self) -> None:
        whole, widget = type(self.widget) is QtWidgets.QSpinBox, self.widget
        if not whole:
            decimals = self.annotation(types.Decimals)
            if self.parameter.kind is int:
                widget.decimals = 0
            elif decimals is not None:
                widget.decimals = decimals.value
        step = self.annotation(types.SingleStep)
        if step is not None:
            widget.singleStep = step.value
        limits = self.annotation(types.WithinRange)
        lower = limits or self.annotation(types.Minimum)
        upper = limits or self.annotation(types.Maximum)
        if type(widget) is ctkSliderWidget and not (lower and upper):
            raise RuntimeError(
                f"{self.parameter.basename}: a ctkSliderWidget needs a minimum and a maximum"
            )
        lowest, highest = (-(2**31), 2**31 - 1) if whole else (float("-inf"), float("inf"))
        widget.minimum = lower.minimum if lower else lowest
        widget.maximum = upper.maximum if upper else highest

    def read(self) -> float | int:
        value = self.widget.value
        return int(value) if self.parameter.kind is int else value

    def write(self, value: float) -> None:
        self.widget.value = value


class Chosen(Connector):
    """QComboBox ↔ an enumeration, or a plain value with Choice; its items are made anew."""

    signal = "currentIndexChanged"

    def prepare(self) -> None:
        choice = self.annotation(types.Choice)
        if types.is_enumeration(self.parameter.kind):
            label = getattr(self.parameter.kind, "label", lambda each: each.name)
            self._items = [(label(each), each) for each in self.parameter.kind]
        elif choice is None:
            raise RuntimeError(
                f"{self.parameter.basename}: a QComboBox needs the annotation Choice"
            )
        else:
            self._items = [(str(each), each) for each in choice.choices]
        self.widget.clear()
        for label, _value in self._items:
            self.widget.addItem(label)

    def read(self) -> Any:
        return self._items[self.widget.currentIndex][1]

    def write(self, value: Any) -> None:
        for index, (_label, each) in enumerate(self._items):
            if each == value:
                self.widget.currentIndex = index
                return
        raise ValueError(f"{self.parameter.basename}: {value!r} is not among the choices")


class Written(Connector):
    """QLineEdit ↔ str."""

    signal = "textChanged"

    def read(self) -> str:
        return self.widget.text

    def write(self, value: str) -> None:
        if value != self.widget.text:
            self.widget.text = value


class Shown(Connector):
    """QLabel, which shows a str and is never changed by the user."""

    def on_changed(self, callback: Callable | None) -> None:
        pass

    def read(self) -> str:
        return self.widget.text

    def write(self, value: str) -> None:
        self.widget.text = value


class Node(Connector):
    """qMRMLNodeComboBox ↔ a node; its node types become the parameter's."""

    signal = "currentNodeChanged"

    def prepare(self) -> None:
        self.widget.nodeTypes = [self.parameter.kind().GetClassName()]

    def read(self) -> Any:
        return self.widget.currentNode()

    def write(self, value: Any) -> None:
        self.widget.setCurrentNode(value)


def connector(widget: Any, parameter: types.Parameter) -> Connector:
    """The connection of a widget to a parameter. Raises RuntimeError where Slicer has none."""
    kind = parameter.kind
    simple = kind in (bool, int, float, str)
    fits = {
        QtWidgets.QCheckBox: (Checked, kind is bool),
        QtWidgets.QPushButton: (Checked, kind is bool),
        QtWidgets.QSpinBox: (Number, kind is int),
        QtWidgets.QDoubleSpinBox: (Number, kind in (int, float)),
        ctkSliderWidget: (Number, kind in (int, float)),
        QtWidgets.QComboBox: (Chosen, simple or types.is_enumeration(kind)),
        QtWidgets.QLineEdit: (Written, kind is str),
        QtWidgets.QLabel: (Shown, kind is str),
        qMRMLNodeComboBox: (Node, types.is_node_type(kind)),
    }
    made, fitting = fits.get(type(widget), (None, False))
    if not fitting:
        raise RuntimeError(
            f"Slicer cannot connect a {type(widget).__name__} to {parameter.basename}, a {kind}"
        )
    return made(widget, parameter)
