"""qt.QUiLoader: .ui files with ctk's and Slicer's widgets, and nothing passed over in silence.

Qt's loader takes an unknown class for a plain widget, makes an unknown property a dynamic one, and
drops a connection that does not fit; Slicer's would do so too, or refuse the file. Here each of
these raises ValueError.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from typing import Any

from PySide6 import QtCore, QtUiTools, QtWidgets

from Testing.host import (
    allowed,
    ctk_widgets,
    mrml_widgets,
    pythonqt,
    qt_attributes,
    qt_signals,
)

# What Designer writes for a layout and a form loader sets by itself.
MARGINS = ("leftMargin", "topMargin", "rightMargin", "bottomMargin", "margin")
LAYOUT_PROPERTIES = frozenset((*MARGINS, "spacing", "horizontalSpacing", "verticalSpacing"))


# The classes that are not Qt's own.
CUSTOM = {name: getattr(ctk_widgets, name) for name in allowed.CTK} | {
    name: getattr(mrml_widgets, name) for name in allowed.QMRML
}


class QUiLoader(QtUiTools.QUiLoader):
    """Loads a .ui file whole, or raises ValueError for what it cannot take."""

    def createWidget(self, class_name: str, parent: Any = None, name: str = "") -> Any:
        made = CUSTOM.get(class_name)
        if made is None:
            return super().createWidget(class_name, parent, name)
        widget = made(parent)
        widget.setObjectName(name)
        return widget

    def load(self, file: Any, parent: Any = None) -> Any:
        """The file's widget with all that is in it. ``file`` is an open qt.QFile or QBuffer."""
        root = ElementTree.fromstring(bytes(file.readAll()))
        check(root)
        connections = _take_connections(root)
        buffer = QtCore.QBuffer()
        buffer.setData(ElementTree.tostring(root))
        buffer.open(QtCore.QIODevice.OpenModeFlag.ReadOnly)
        words: list[str] = []
        known_errors = len(pythonqt.errors)
        shown = QtCore.qInstallMessageHandler(lambda _kind, _where, text: words.append(text))
        qt_attributes.being_loaded.append(root.findtext("class") or "")
        try:
            widget = super().load(buffer, parent)
        finally:
            qt_attributes.being_loaded.pop()
            QtCore.qInstallMessageHandler(shown)
        words = [each for each in words if "propagateSizeHints" not in each]
        while len(pythonqt.errors) > known_errors:  # what a property's setter raised
            words.append(pythonqt.errors.pop().strip().splitlines()[-1])
        if words or widget is None:
            raise ValueError(f"the .ui file does not fit: {'; '.join(words) or self.errorString()}")
        for sender, signal, receiver, slot in connections:
            qt_signals.connect(_named(widget, sender), signal, _named(widget, receiver), slot)
        return widget


def check(root: ElementTree.Element) -> None:
    """Raise ValueError for a class, property or value in a .ui file that a panel may not use."""
    names = [each.get("name") for each in root.iter("widget")]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ValueError(f"the .ui file has two widgets of the name {sorted(twice)}")
    declared = {each.findtext("class") for each in root.iter("customwidget")}
    for widget in root.iter("widget"):
        class_name, name = widget.get("class"), widget.get("name")
        if class_name == "Line":
            class_name = "QSlider"  # for a line's one property of its own, orientation
        elif class_name not in allowed.UI_WIDGETS:
            raise ValueError(f"the .ui file's '{name}' is a {class_name}: not in allowed.py")
        if class_name in CUSTOM and class_name not in declared:
            raise ValueError(f"the .ui file does not declare {class_name} under customwidgets")
        _check_properties(widget, _class_of(class_name), f"{class_name} '{name}'")
    for layout in root.iter("layout"):
        class_name = layout.get("class")
        if class_name not in allowed.UI_LAYOUTS:
            raise ValueError(f"the .ui file has a {class_name}: not in allowed.py")
        kind = getattr(QtWidgets, class_name)
        _check_properties(layout, kind, f"{class_name} '{layout.get('name')}'", LAYOUT_PROPERTIES)


def _check_properties(
    element: ElementTree.Element, kind: type, what: str, also: frozenset[str] = frozenset()
) -> None:
    meta = kind.staticMetaObject
    for each in element.findall("property"):
        name, dynamic = each.get("name"), each.get("stdset") == "0"
        index = meta.indexOfProperty(name)
        known = index >= 0 and meta.property(index).isWritable()
        if not (known or dynamic or name in also or (name == "buddy" and kind is QtWidgets.QLabel)):
            raise ValueError(f"the .ui file's {what} has no property '{name}' that can be set")
        if known and meta.property(index).isEnumType():
            _check_names(each, meta.property(index).enumerator(), f"{what}.{name}")


def _check_names(element: ElementTree.Element, enumeration: Any, what: str) -> None:
    """Qt's loader takes an enumeration's unknown name for its first."""
    known = {enumeration.key(index) for index in range(enumeration.keyCount())}
    for name in (element.findtext("enum") or element.findtext("set") or "").split("|"):
        if name and name.split("::")[-1] not in known:
            raise ValueError(f"the .ui file's {what} is '{name}', which is none of {sorted(known)}")


def _class_of(class_name: str) -> type:
    return CUSTOM.get(class_name) or getattr(QtWidgets, class_name)


def _take_connections(root: ElementTree.Element) -> list[tuple[str, str, str, str]]:
    """The file's connections, taken out of it: nodes and scenes do not pass through Qt's own."""
    taken = []
    for parent in root.findall("connections"):
        for each in parent.findall("connection"):
            keys = ("sender", "signal", "receiver", "slot")
            taken.append(tuple(each.findtext(key) for key in keys))
        root.remove(parent)
    return taken


def _named(widget: Any, name: str) -> Any:
    found = widget if widget.objectName == name else widget.findChild(QtCore.QObject, name)
    if found is None:
        raise ValueError(f"the .ui file connects '{name}', which is not in it")
    return found


def install() -> None:
    """Put the loader into the `qt` module."""
    pythonqt.install().QUiLoader = QUiLoader
