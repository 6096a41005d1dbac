"""Arguments as strict as C++ takes them: a float is no int, and there are no keywords.

PySide6 cuts a float to an int without a word, and takes any property as a keyword. PythonQt has
no keywords, and takes a float for an int only where no overload fits better; code that leans on
that is wrong in one place or the other, so here it raises. Flags are to PythonQt but numbers: where
an overload takes another enumeration in their place, that one may be called.
"""

from __future__ import annotations

import enum
import inspect
import numbers
from functools import cache
from typing import Any

from PySide6 import QtCore, QtWidgets
from shibokensupport.signature import get_signature

# Methods to which the panels hand what has to be looked at, one for each class.
LOOKED_AT = (
    QtCore.QFile.open,
    QtCore.QBuffer.open,
    QtWidgets.QWidget.setFocusPolicy,
    QtWidgets.QLabel.setTextInteractionFlags,
    QtWidgets.QDoubleSpinBox.setMaximum,
    QtWidgets.QProxyStyle.drawItemText,
)


def look_ahead() -> None:
    """Have PySide work out what these methods take: each class costs it some 10 ms, but once.

    Slicer never does: whoever measures a panel wants it done before.
    """
    for method in LOOKED_AT:
        _overloads(method)


def check(function: Any, name: str, arguments: tuple, keywords: dict) -> None:
    """Raise TypeError for keywords, for a float where each overload takes an int, and for flags
    where an overload takes another enumeration."""
    if keywords:
        raise TypeError(f"{name}() takes no keyword arguments in PythonQt: {sorted(keywords)}")
    for position, value in enumerate(arguments):
        if is_fraction(value) and _takes_int_only(function, position, len(arguments)):
            raise TypeError(f"{name}() takes an int as argument {position + 1}, not {value!r}")
        others = _other_enumerations(function, position, len(arguments), value)
        if others:
            raise TypeError(
                f"{name}() takes {' or '.join(others)} as argument {position + 1} too: PythonQt "
                f"cannot tell {value!r} from it: use the setter"
            )


def is_fraction(value: Any) -> bool:
    """Whether a value is a float of any make, and so no int even where it is whole."""
    if type(value) in (int, bool, str):
        return False
    return isinstance(value, numbers.Real) and not isinstance(value, numbers.Integral)


@cache
def _overloads(function: Any) -> tuple:
    found = get_signature(function)
    if found is None:
        return ()
    return tuple(found) if isinstance(found, list) else (found,)


def _takes_int_only(function: Any, position: int, count: int) -> bool:
    kinds = _kinds(function, position, count)
    return bool(kinds) and all(kind is int for kind in kinds)


def _other_enumerations(function: Any, position: int, count: int, value: Any) -> list[str]:
    """The enumerations that overloads take in the place of flags of another kind."""
    if not isinstance(value, enum.Flag):
        return []
    kinds = [k for k in _kinds(function, position, count) if isinstance(k, type)]
    return sorted({k.__name__ for k in kinds if issubclass(k, enum.Enum) and k is not type(value)})


def _kinds(function: Any, position: int, count: int) -> list[Any]:
    """What overloads with so many arguments take in that place."""
    kinds = []
    for overload in _overloads(function):
        parameters = [p for p in overload.parameters.values() if p.name != "self"]
        required = [p for p in parameters if p.default is inspect.Parameter.empty]
        if len(required) <= count <= len(parameters):
            kinds.append(parameters[position].annotation)
    return kinds
