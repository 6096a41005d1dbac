"""Qt properties for the widgets that stand in for ctk's and Slicer's."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Property


def stored(kind: Any, attribute: str, then: str = "") -> Property:
    """A property kept in ``attribute``; ``then`` names the method to call after it changed.

    ``attribute`` may have a dot: then it is that of a part of the widget.
    """
    part, _, name = attribute.rpartition(".")

    def keeper(self: Any) -> Any:
        return getattr(self, part) if part else self

    def read(self: Any) -> Any:
        return getattr(keeper(self), name)

    def write(self: Any, value: Any) -> None:
        if value != read(self):
            setattr(keeper(self), name, value)
            if then:
                getattr(self, then)()

    return Property(kind, read, write)
