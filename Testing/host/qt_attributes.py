"""Attributes of Qt objects as PythonQt has them: properties are values, and nothing new is put on.

PySide6's classes get ``__getattribute__`` and ``__setattr__`` of our own, in place, because .ui
files, layouts and dialogues hand out objects of those very classes.
"""

from __future__ import annotations

import functools
import inspect
import operator
from collections.abc import Callable, Iterator
from typing import Any

from PySide6 import QtCore

from Testing.host import allowed, qt_arguments, qt_signals

PROPERTY, SIGNAL, METHOD, PLAIN, MISSING = "property", "signal", "method", "plain", "missing"

# Virtual getters: Qt looks for a Python class's own by the attribute, and must not find a value.
VIRTUAL = ("sizeHint", "minimumSizeHint")
HANDLERS = ("event", "eventFilter")  # these, and all that end with "Event"

_object_property = QtCore.QObject.property
_object_set_property = QtCore.QObject.setProperty
being_loaded: list[str] = []  # .ui files that QUiLoader is at
_found: dict[tuple[type, str], tuple[str, Any]] = {}


def is_pyside(kind: type) -> bool:
    """Whether a class is Qt's own, not one written in Python."""
    return kind.__module__.startswith(("PySide6.", "Shiboken"))


def classes(*modules: Any) -> Iterator[type]:
    """The classes of PySide6's modules."""
    for module in modules:
        members = (getattr(module, name) for name in dir(module))
        yield from (each for each in members if isinstance(each, type))


class Property:
    """How one property of a class is read and written."""

    def __init__(self, kind: type, name: str, meta: QtCore.QMetaProperty):
        self.name, self.kind, self.type_name = name, kind.__name__, meta.typeName()
        self.writable = meta.isWritable()
        capital = name[0].upper() + name[1:]
        self._get = _method(kind, name) or _method(kind, f"is{capital}")
        self._set = _method(kind, f"set{capital}")

    def read(self, target: QtCore.QObject) -> Any:
        return self._get(target) if self._get else _object_property(target, self.name)

    def write(self, target: QtCore.QObject, value: Any) -> None:
        """Raises AttributeError where it cannot be written, TypeError for a wrong value."""
        if not self.writable:
            raise AttributeError(f"Property '{self.name}' of {self.kind} object is not writable")
        value = self._fitting(value)
        if self._set:
            self._set(target, value)
        elif not _object_set_property(target, self.name, value):
            raise TypeError(self._refusal(value))

    def _fitting(self, value: Any) -> Any:
        if self.type_name == "int":
            if qt_arguments.is_fraction(value):
                raise TypeError(self._refusal(value))
            try:
                return operator.index(value)
            except TypeError:
                raise TypeError(self._refusal(value)) from None
        if self.type_name == "double":
            if isinstance(value, str) or not hasattr(value, "__float__"):
                raise TypeError(self._refusal(value))
            return float(value)
        if self.type_name == "bool":
            return bool(value)
        if self.type_name == "QStringList":
            if isinstance(value, str) or not all(isinstance(each, str) for each in value):
                raise TypeError(self._refusal(value))
            return list(value)
        if self.type_name == "QString" and not isinstance(value, str):
            raise TypeError(self._refusal(value))
        return value

    def _refusal(self, value: Any) -> str:
        return (
            f"Property '{self.name}' of type '{self.type_name}' of {self.kind} does not accept "
            f"an object of type {type(value).__name__} ({value!r})"
        )


def _method(kind: type, name: str) -> Callable | None:
    """A getter or setter that Qt's own class has; one written in Python stands for itself."""
    found = inspect.getattr_static(kind, name, None)
    return found if inspect.ismethoddescriptor(found) else None


def find(kind: type, name: str) -> tuple[str, Any]:
    """What an attribute of that name is on objects of a class, as PythonQt looks it up."""
    key = (kind, name)
    if key not in _found:
        _found[key] = _look_up(kind, name)
    return _found[key]


def _look_up(kind: type, name: str) -> tuple[str, Any]:
    owner = next((each for each in kind.__mro__ if name in vars(each)), None)
    own = owner is not None and not is_pyside(owner)  # written in Python, and so found first
    if not own or isinstance(vars(owner)[name], QtCore.Property):
        meta = _property(kind, name)
        if meta is not None:
            return PROPERTY, Property(kind, meta.name(), meta)
    for signature in qt_signals.signals_of(kind):
        if signature.partition("(")[0] == name:
            return SIGNAL, signature
    if owner is None:
        return MISSING, None
    return (PLAIN if own else METHOD), inspect.getattr_static(kind, name)


def _property(kind: type, name: str) -> QtCore.QMetaProperty | None:
    # QTimer.singleShot is the function; the property has setSingleShot and isSingleShot.
    if name == "singleShot" and issubclass(kind, QtCore.QTimer):
        return None
    if name in VIRTUAL and not is_pyside(kind):
        return None
    meta = kind.staticMetaObject
    index = meta.indexOfProperty("objectName" if name == "name" else name)
    return meta.property(index) if index >= 0 else None


def read(self: QtCore.QObject, name: str, own: Callable) -> Any:
    """``self.name`` as PythonQt gives it; ``own`` is PySide6's way."""
    if name.startswith("__"):
        return own(self, name)
    kind = type(self)
    if name in SPECIAL:
        return SPECIAL[name].__get__(self, kind)
    what, detail = find(kind, name)
    if what is PROPERTY:
        return detail.read(self)
    if what is SIGNAL:
        return qt_signals.Signal(self, detail)
    if what is METHOD and name not in allowed.PYSIDE_ONLY:
        return _strict(own(self, name), detail, name)
    if what is METHOD or (what is MISSING and name not in own(self, "__dict__")):
        value = _object_property(self, name)
        if value is None:
            raise AttributeError(f"{kind.__name__} has no attribute named '{name}'")
        return value  # a property that setProperty made
    return own(self, name)


def write(self: QtCore.QObject, name: str, value: Any) -> None:
    """``self.name = value`` as PythonQt takes it. Raises AttributeError, TypeError."""
    kind = type(self)
    what, detail = find(kind, name)
    if type(value).__name__ == "SignalInstance":  # where PySide6 keeps the signals it has bound
        vars(self)[name] = value
    elif what is PROPERTY:
        detail.write(self, value)
    elif what in (SIGNAL, METHOD):
        raise AttributeError(
            f"{what.capitalize()} '{name}' can not be overwritten on {kind.__name__} object"
        )
    elif _object_property(self, name) is not None:
        _object_set_property(self, name, value)
    elif is_pyside(kind) and being_loaded:
        return  # QUiLoader's own way to hand over the children, which PythonQt does not have
    elif is_pyside(kind):
        raise AttributeError(
            f"'{name}' does not exist on {kind.__name__} and creating new attributes on C++ "
            "objects is not allowed"
        )
    elif hasattr(type(detail), "__set__"):
        detail.__set__(self, value)
    else:
        vars(self)[name] = value


def _strict(bound: Any, function: Any, name: str) -> Any:
    """A method of Qt's own, with its arguments looked at before C++ gets them."""
    if not _is_native(function):
        return bound

    def call(*arguments: Any, **keywords: Any) -> Any:
        qt_arguments.check(function, name, arguments, keywords)
        return bound(*arguments)

    return call


@functools.cache
def _is_native(function: Any) -> bool:
    return inspect.ismethoddescriptor(function)


def _class_name(self: QtCore.QObject) -> str:
    return type(self).staticMetaObject.className()


def _exec(self: QtCore.QObject, *arguments: Any) -> Any:
    return self.exec_(*arguments)


SPECIAL: dict[str, Callable] = {
    "exec": _exec,
    "connect": qt_signals.connect,
    "disconnect": qt_signals.disconnect,
    "className": _class_name,
}


def _guard_handlers(cls: type, **_keywords: Any) -> None:
    """An exception in an event handler written in Python is noted, and the event is done with.

    PySide6 lets it out later, from whatever code it comes back to; PythonQt prints it there.
    """
    for name, member in list(vars(cls).items()):
        if inspect.isfunction(member) and (name.endswith("Event") or name in HANDLERS):
            setattr(cls, name, _guarded(member))


def _guarded(handler: Callable) -> Callable:
    @functools.wraps(handler)
    def handle(*arguments: Any) -> Any:
        try:
            return handler(*arguments)
        except Exception:
            qt_signals.note_error()
            return False if handler.__name__ in HANDLERS else None

    return handle


def install(*modules: Any) -> None:
    """Give the Qt classes of these modules of PySide6 their PythonQt manners, in place."""
    QtCore.QObject.__init_subclass__ = classmethod(_guard_handlers)
    for kind in set(classes(*modules)):
        if not issubclass(kind, QtCore.QObject):
            continue
        if "__getattribute__" in vars(kind) or kind is QtCore.QObject:
            own = kind.__getattribute__
            kind.__getattribute__ = lambda self, name, own=own: read(self, name, own)
        if "__setattr__" in vars(kind) or kind is QtCore.QObject:
            kind.__setattr__ = write
        if "exec" in vars(kind):
            kind.exec_ = kind.exec
