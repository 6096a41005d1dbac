"""Signals as PythonQt connects them: by their C++ signature, to any callable.

A slot gets as many of the signal's arguments as its code takes, and an exception in it is printed
and noted in ``errors``, not passed on. Where PythonQt only prints that a signal does not exist,
this raises ValueError.
"""

from __future__ import annotations

import inspect
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import shiboken6
from PySide6 import QtCore

errors: list[str] = []  # tracebacks of the exceptions that left a slot, an observer or an event

_connect = QtCore.QObject.connect
_disconnect = QtCore.QObject.disconnect

# Connections by the address of the sending C++ object: its Python side may come and go.
_connections: dict[int, list[tuple[str, Any, Any]]] = {}


class Signal:
    """A signal of one object, as the attribute of its name gives it."""

    def __init__(self, sender: QtCore.QObject, signature: str):
        self._sender, self._signature = sender, signature

    def connect(self, slot: Callable) -> bool:
        """Call ``slot`` whenever the signal is sent."""
        return connect(self._sender, self._signature, slot)

    def disconnect(self, slot: Callable | None = None) -> bool:
        """No longer call ``slot``, or any slot; False where it was not connected."""
        return disconnect(self._sender, self._signature, slot)

    def emit(self, *arguments: Any) -> None:
        """Send the signal."""
        pyside_signal(self._sender, self._signature).emit(*arguments)

    __call__ = emit

    def __repr__(self) -> str:
        return f"<qt signal {self._signature} of {type(self._sender).__name__}>"


def connect(sender: QtCore.QObject, signal: str, *to: Any) -> bool:
    """``sender.connect(signal, callable)`` or ``(signal, receiver, slot)``.

    Raises ValueError for a signal or slot that does not exist, TypeError for what is not callable.
    """
    signature = signature_of(sender, signal)
    slot = _slot(to)
    key = shiboken6.getCppPointer(sender)[0]
    if key not in _connections:
        _connections[key] = []
        sender_gone = QtCore.SIGNAL("destroyed()")
        _connect(sender, sender_gone, lambda: _connections.pop(key, None))

    def call(*arguments: Any) -> None:
        taken = arguments_taken(slot)
        try:
            slot(*(arguments if taken is None else arguments[:taken]))
        except Exception:
            note_error()

    connection = _connect(sender, QtCore.SIGNAL(_pyside_signature(sender, signature)), call)
    if not connection:
        raise ValueError(f"'{signal}' of {type(sender).__name__} cannot be connected")
    _connections[key].append((signature, slot, connection))
    return True


def disconnect(sender: QtCore.QObject, signal: str, *to: Any) -> bool:
    """Undo one ``connect``, or all of the signal where no slot is given; False where none was.

    Raises ValueError for a signal that does not exist.
    """
    signature = signature_of(sender, signal)
    slot = None if not to or to[0] is None else _slot(to)
    made = _connections.get(shiboken6.getCppPointer(sender)[0], [])
    found = [c for c in made if c[0] == signature and (slot is None or c[1] == slot)]
    for each in found if slot is None else found[:1]:
        _disconnect(each[2])
        made.remove(each)
    return bool(found)


def signature_of(sender: QtCore.QObject, signal: str) -> str:
    """The signal's normalized C++ signature. Raises ValueError where there is no such signal."""
    if not isinstance(signal, str):
        raise TypeError(f"a signal is named by its C++ signature, not by {signal!r}")
    signature = bytes(QtCore.QMetaObject.normalizedSignature(signal)).decode()
    known = signals_of(type(sender))
    if signature not in known:
        name = signature.partition("(")[0]
        near = [each for each in known if each.startswith(name + "(")]
        there = f"; there is {' and '.join(near)}" if near else ""
        raise ValueError(f"{type(sender).__name__} has no signal '{signal}'{there}")
    return signature


def signals_of(kind: type) -> list[str]:
    """The signatures of a class's signals as C++ has them, nearest class first."""
    if kind not in _signals:
        meta, found = kind.staticMetaObject, []
        while meta is not None:
            for index in range(meta.methodOffset(), meta.methodCount()):
                method = meta.method(index)
                if method.methodType() == QtCore.QMetaMethod.Signal:
                    found.append(bytes(method.methodSignature()).decode())
            meta = meta.superClass()
        # What stands in for a class with MRML nodes in its signals says their C++ names.
        standing_in = getattr(kind, "cppSignals", {})
        hidden = set(standing_in.values())
        _signals[kind] = list(standing_in) + [each for each in found if each not in hidden]
    return _signals[kind]


_signals: dict[type, list[str]] = {}


def _pyside_signature(sender: QtCore.QObject, signature: str) -> str:
    return getattr(type(sender), "cppSignals", {}).get(signature, signature)


def pyside_signal(sender: QtCore.QObject, signature: str) -> Any:
    """PySide6's own object for a signal, to send it."""
    name, _, kinds = _pyside_signature(sender, signature).partition("(")
    signal = object.__getattribute__(sender, name)
    try:
        return signal[kinds[:-1]]
    except (IndexError, KeyError, TypeError):
        return signal


def _slot(to: tuple) -> Callable:
    if len(to) == 2:
        return _slot_of(*to)
    if len(to) != 1 or not callable(to[0]):
        raise TypeError(f"a signal is connected to a callable, not to {to}")
    return to[0]


def _slot_of(receiver: QtCore.QObject, slot: str) -> Callable:
    signature = bytes(QtCore.QMetaObject.normalizedSignature(slot)).decode()
    kind = type(receiver)
    known = signature in getattr(kind, "cppSlots", ())
    if not known and kind.staticMetaObject.indexOfMethod(signature) < 0:
        raise ValueError(f"{kind.__name__} has no slot '{slot}'")
    name, _, kinds = signature.partition("(")
    count = len(kinds[:-1].split(",")) if kinds != ")" else 0
    return _Slot(receiver, name, count)


@dataclass(frozen=True)
class _Slot:
    """A slot of a Qt object, called with as many arguments as its signature has."""

    receiver: QtCore.QObject
    name: str
    count: int

    def __call__(self, *arguments: Any) -> None:
        if shiboken6.isValid(self.receiver):
            getattr(self.receiver, self.name)(*arguments[: self.count])


def arguments_taken(slot: Callable) -> int | None:
    """How many positional arguments PythonQt gives a slot at most; None: all there are."""
    bound = inspect.ismethod(slot)
    function = slot.__func__ if bound else slot
    if not inspect.isfunction(function) or function.__code__.co_flags & inspect.CO_VARARGS:
        return None
    return function.__code__.co_argcount - bound


def note_error() -> None:
    """Keep and print the exception that is being handled."""
    errors.append(traceback.format_exc())
    traceback.print_exc(file=sys.stderr)
