"""Arguments as strict as C++ takes them: a float is no int, and there are no keywords.

PySide6 cuts a float to an int without a word, and takes any property as a keyword. PythonQt has
no keywords, and takes a float for an int only where no overload fits better; code that leans on
that is wrong in one place or the other, so here it raises.
"""

from __future__ import annotations

import inspect
import numbers
from functools import cache
from typing import Any

from shibokensupport.signature import get_signature


def check(function: Any, name: str, arguments: tuple, keywords: dict) -> None:
    """Raise TypeError for keywords, and for a float where each overload takes an int."""
    if keywords:
        raise TypeError(f"{name}() takes no keyword arguments in PythonQt: {sorted(keywords)}")
    for position, value in enumerate(arguments):
        if is_fraction(value) and _takes_int_only(function, position, len(arguments)):
            raise TypeError(f"{name}() takes an int as argument {position + 1}, not {value!r}")


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
    kinds = []
    for overload in _overloads(function):
        parameters = [p for p in overload.parameters.values() if p.name != "self"]
        required = [p for p in parameters if p.default is inspect.Parameter.empty]
        if len(required) <= count <= len(parameters):
            kinds.append(parameters[position].annotation)
    return bool(kinds) and all(kind is int for kind in kinds)
