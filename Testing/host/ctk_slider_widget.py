"""ctkSliderWidget: a slider and a spin box that show and change one number."""

from __future__ import annotations

from PySide6 import QtGui, QtWidgets
from PySide6.QtCore import Property, Qt, Signal

from Testing.host.qt_properties import stored


class ctkSliderWidget(QtWidgets.QWidget):
    """A slider and a spin box that show and change one number."""

    valueChanged = Signal(float)
    valueIsChanging = Signal(float)
    decimalsChanged = Signal(int)
    cppSignals = {
        "valueChanged(double)": "valueChanged(double)",
        "valueIsChanging(double)": "valueIsChanging(double)",
        "decimalsChanged(int)": "decimalsChanged(int)",
    }

    def __init__(self, parent: QtWidgets.QWidget | None = None):
        super().__init__(parent)
        self._slider = QtWidgets.QSlider(Qt.Orientation.Horizontal)
        self._box = QtWidgets.QDoubleSpinBox()
        self._page, self._tracking, self._following, self._sent = 10.0, True, False, 0.0
        row = QtWidgets.QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._slider)
        row.addWidget(self._box)
        self._box.setMaximum(99.0)
        self._rule()
        policy = QtWidgets.QSizePolicy.Policy
        self.setSizePolicy(policy.Minimum, policy.Fixed)
        self._slider.valueChanged.connect(self._on_slider)
        self._slider.sliderReleased.connect(self._on_released)
        self._box.valueChanged.connect(self._on_box)

    def _rule(self) -> None:
        """Divide the slider into the single steps of the box."""
        box = self._box
        steps = round((box.maximum - box.minimum) / box.singleStep) if box.singleStep > 0 else 0
        self._following = True
        self._slider.setRange(0, max(1, min(steps, 1_000_000)))
        self._slider.setPageStep(max(1, round(self._page / box.singleStep)))
        self._follow_box()
        self._following = False
        self._send()

    def _follow_box(self) -> None:
        box, span = self._box, self._box.maximum - self._box.minimum
        share = (box.value - box.minimum) / span if span > 0 else 0.0
        self._following = True
        self._slider.setValue(round(share * self._slider.maximum))
        self._following = False

    def _on_box(self, _value: float) -> None:
        self._follow_box()
        self._send()

    def _on_slider(self, position: int) -> None:
        if self._following:
            return
        box, share = self._box, position / self._slider.maximum
        self._following = True
        box.setValue(box.minimum + share * (box.maximum - box.minimum))
        self._following = False

    def _on_released(self) -> None:
        self._send()

    def _send(self) -> None:
        value = self._box.value
        if value == self._sent:
            return
        if not self._tracking and self._slider.isSliderDown():
            self.valueIsChanging.emit(value)
            return
        self._sent = value
        self.valueChanged.emit(value)

    def _set_minimum(self, minimum: float) -> None:
        self._box.minimum = minimum
        self._rule()

    def _set_maximum(self, maximum: float) -> None:
        self._box.maximum = maximum
        self._rule()

    def _set_single_step(self, step: float) -> None:
        self._box.singleStep = step
        self._rule()

    def _set_decimals(self, decimals: int) -> None:
        if decimals != self._box.decimals:
            self._box.decimals = decimals
            self._rule()
            self.decimalsChanged.emit(decimals)

    minimum = Property(float, lambda self: self._box.minimum, _set_minimum)
    maximum = Property(float, lambda self: self._box.maximum, _set_maximum)
    singleStep = Property(float, lambda self: self._box.singleStep, _set_single_step)
    decimals = Property(int, lambda self: self._box.decimals, _set_decimals)
    value = stored(float, "_box.value")
    prefix = stored(str, "_box.prefix")
    suffix = stored(str, "_box.suffix")
    pageStep = stored(float, "_page", "_rule")
    tracking = stored(bool, "_tracking")
    spinBoxVisible = Property(
        bool, lambda self: not self._box.isHidden(), lambda self, on: self._box.setVisible(on)
    )

    def setValue(self, value: float) -> None:
        self._box.setValue(value)

    def setDecimals(self, decimals: int) -> None:
        self._set_decimals(decimals)

    def setSpinBoxVisible(self, visible: bool) -> None:
        self._box.setVisible(visible)

    def reset(self) -> None:
        self._box.setValue(0.0)

    def showEvent(self, event: QtGui.QShowEvent) -> None:
        """Sliders below one another get boxes of one width, as in CTK."""
        super().showEvent(event)
        parent = self.parentWidget()
        siblings = parent.findChildren(ctkSliderWidget) if parent is not None else [self]
        boxes = [each._box for each in siblings if each.parentWidget() is parent]
        widest = max(box.sizeHint.width() for box in boxes)
        for box in boxes:
            box.setMinimumWidth(widest)
