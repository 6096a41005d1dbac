"""ctkCollapsibleButton: a titled section that folds, drawn by the application's style."""

from __future__ import annotations

from typing import Any

import shiboken6
from PySide6 import QtCore, QtGui, QtWidgets
from PySide6.QtCore import Property, QEvent, QSize, Qt, Signal
from PySide6.QtWidgets import QStyle

from Testing.host.qt_properties import stored

HIDDEN_BY_MODULE = "visibilityToParent"
TITLE_TEXT = (
    Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextShowMnemonic
)


class ctkCollapsibleButton(QtWidgets.QAbstractButton):
    """A titled section: a click on the title folds away what lies in its layout."""

    contentsCollapsed = Signal(bool)

    def __init__(self, *arguments: Any):
        text, parent = _text_and_parent(arguments)
        super().__init__(parent)
        self._collapsed = False
        self._collapsed_height = 14
        self._flat = False
        self._folding = False
        self._open_maximum = self.maximumHeight
        self.setCheckable(True)
        self.setChecked(True)
        self.setText(text)
        policy = QtWidgets.QSizePolicy.Policy
        self.setSizePolicy(policy.Minimum, policy.Preferred)
        self.setBackgroundRole(QtGui.QPalette.ColorRole.Window)
        self._leave_room_for_title()
        self.toggled.connect(self._on_toggled)

    def _get_collapsed(self) -> bool:
        return self._collapsed

    def _set_collapsed(self, collapsed: bool) -> None:
        self.setChecked(not collapsed)

    collapsed = Property(bool, _get_collapsed, _set_collapsed, notify=contentsCollapsed)
    collapsedHeight = stored(int, "_collapsed_height", "updateGeometry")
    flat = stored(bool, "_flat", "update")

    def setCollapsed(self, collapsed: bool) -> None:
        self._set_collapsed(collapsed)

    def _on_toggled(self, checked: bool) -> None:
        if self._collapsed == (not checked):
            return
        self._collapsed = not checked
        if self._collapsed:
            self._open_maximum = self.maximumHeight
            self.setMaximumHeight(self.sizeHint().height())
        else:
            self.setMaximumHeight(self._open_maximum)
        for child in self._contents():
            self._show_or_hide(child)
        self.updateGeometry()
        self.contentsCollapsed.emit(self._collapsed)

    def _contents(self) -> list[QtWidgets.QWidget]:
        return [child for child in self.children() if isinstance(child, QtWidgets.QWidget)]

    def _show_or_hide(self, child: QtWidgets.QWidget) -> None:
        explicit = Qt.WidgetAttribute.WA_WState_ExplicitShowHide
        wanted = child.property(HIDDEN_BY_MODULE)
        if wanted is None:
            hidden = child.testAttribute(Qt.WidgetAttribute.WA_WState_Hidden)
            wanted = not (child.testAttribute(explicit) and hidden)
            child.setProperty(HIDDEN_BY_MODULE, wanted)
            child.installEventFilter(self)
        self._folding = True
        child.setVisible(wanted and not self._collapsed)
        # It is the section that hides it: the module's own wish stays to be seen.
        child.setAttribute(explicit, not wanted)
        self._folding = False

    def event(self, event: QEvent) -> bool:
        kind = event.type()
        if kind in (QEvent.Type.StyleChange, QEvent.Type.FontChange):
            self._leave_room_for_title()
            if self._collapsed:
                self.setMaximumHeight(self.sizeHint().height())
        elif kind == QEvent.Type.ChildPolished and isinstance(event.child(), QtWidgets.QWidget):
            self._show_or_hide(event.child())
        return super().event(event)

    def showEvent(self, event: QtGui.QShowEvent) -> None:
        super().showEvent(event)
        for child in self._contents():
            self._show_or_hide(child)

    def eventFilter(self, child: QtCore.QObject, event: QEvent) -> bool:
        """What a module shows stays hidden while the section is folded, and comes with it."""
        if not self._folding and shiboken6.isValid(self):
            if event.type() == QEvent.Type.ShowToParent:
                child.setProperty(HIDDEN_BY_MODULE, True)
                if self._collapsed:
                    self._show_or_hide(child)
            elif event.type() == QEvent.Type.HideToParent:
                child.setProperty(HIDDEN_BY_MODULE, False)
        return False

    def _leave_room_for_title(self) -> None:
        self.setContentsMargins(0, self._title_size().height(), 0, 0)

    def _option(self) -> QtWidgets.QStyleOptionButton:
        option = QtWidgets.QStyleOptionButton()
        option.initFrom(self)
        if self.isDown():
            option.state |= QStyle.StateFlag.State_Sunken
        else:
            option.state |= QStyle.StateFlag.State_Raised
        if self._flat:
            option.features |= QtWidgets.QStyleOptionButton.ButtonFeature.Flat
        option.text = self.text
        option.rect.setHeight(self._title_size().height())
        return option

    def _indicator(self) -> QSize:
        metric = self.style().pixelMetric
        return QSize(
            metric(QStyle.PixelMetric.PM_IndicatorWidth, None, self),
            metric(QStyle.PixelMetric.PM_IndicatorHeight, None, self),
        )

    def _gap(self) -> int:
        return self.style().pixelMetric(QStyle.PixelMetric.PM_CheckBoxLabelSpacing, None, self)

    def _title_size(self) -> QSize:
        option = QtWidgets.QStyleOptionButton()
        option.initFrom(self)
        indicator = self._indicator()
        text = self.fontMetrics().size(Qt.TextFlag.TextShowMnemonic, self.text or "XXXX")
        width = indicator.width() + self._gap() + text.width()
        size = QSize(width, max(indicator.height(), text.height()))
        kind = QStyle.ContentsType.CT_PushButton
        return self.style().sizeFromContents(kind, option, size, self)

    def sizeHint(self) -> QSize:
        title, fold = self._title_size(), QSize(0, self._collapsed_height)
        if self._collapsed or self.layout() is None:
            return title + fold
        return self.layout().totalSizeHint().expandedTo(title + fold)

    def minimumSizeHint(self) -> QSize:
        title = self._title_size()
        if self._collapsed:
            return title + QSize(0, self._collapsed_height)
        if self.layout() is None:
            return title
        return self.layout().totalMinimumSize().expandedTo(title)

    def hitButton(self, position: QtCore.QPoint) -> bool:
        return self._option().rect.contains(position)

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:
        painter = QtGui.QPainter(self)
        option, style = self._option(), self.style()
        if any(child.underMouse() for child in self._contents()):
            option.state &= ~QStyle.StateFlag.State_MouseOver
        style.drawControl(QStyle.ControlElement.CE_PushButtonBevel, option, painter, self)
        size, height = self._indicator(), option.rect.height()
        arrow = QtWidgets.QStyleOption()
        arrow.initFrom(self)
        arrow.rect = QtCore.QRect(
            (height - size.width()) // 2,
            (height - size.height()) // 2,
            size.width(),
            size.height(),
        )
        element = QStyle.PrimitiveElement
        folded, opened = element.PE_IndicatorArrowRight, element.PE_IndicatorArrowDown
        style.drawPrimitive(folded if self._collapsed else opened, arrow, painter, self)
        text = QtCore.QRect(option.rect)
        text.setLeft(arrow.rect.right() + self._gap())
        style.drawItemText(
            painter,
            text,
            TITLE_TEXT,
            option.palette,
            self.isEnabled(),
            option.text,
            QtGui.QPalette.ColorRole.ButtonText,
        )
        painter.end()


def _text_and_parent(arguments: tuple) -> tuple[str, QtWidgets.QWidget | None]:
    text = arguments[0] if arguments and isinstance(arguments[0], str) else ""
    rest = arguments[1:] if arguments and isinstance(arguments[0], str) else arguments
    if len(rest) > 1:
        raise TypeError(f"a collapsible button takes a text and a parent, not {arguments}")
    return text, rest[0] if rest else None
