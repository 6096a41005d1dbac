"""Qt properties for the widgets that stand in for ctk's and Slicer's."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Property


def stored(kind: Any, attribute: str, then: str = "") -> Property:
    """A property kept in ``attribute``; ``then`` names the method to call after it changed."""

    def read(self: Any) -> Any:
        return getattr(self, attribute)

    def write(self: Any, value: Any) -> None:
        if value != getattr(self, attribute):
            setattr(self, attribute, value)
            if then:
                getattr(self, then)()

    return Property(kind, read, write)


def passed_on(kind: Any, part: str, name: str) -> Property:
    """The property ``name`` of the Qt widget that stands in the attribute ``part``."""

    def read(self: Any) -> Any:
        return getattr(getattr(self, part), name)

    def write(self: Any, value: Any) -> None:
        setattr(getattr(self, part), name, value)

    return Property(kind, read, write)
