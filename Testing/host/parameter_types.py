"""What a parameter node keeps and how it is written: the text is that of desktop Slicer's.

A subset of slicer.parameterNodeWrapper's types: bool, int, float, str, pathlib.Path, enumerations
and MRML nodes. Another type raises TypeError, as does a value of another type.
"""

from __future__ import annotations

import enum
import pathlib
import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import slicer


class Validator:
    """What a value must be; ``validate`` raises ValueError where it is not."""

    def validate(self, value: Any) -> None:
        raise NotImplementedError(f"{type(self).__name__} has no validate()")


class WithinRange(Validator):
    def __init__(self, minimum: float, maximum: float):
        self.minimum, self.maximum = minimum, maximum

    def validate(self, value: Any) -> None:
        if not self.minimum <= value <= self.maximum:
            raise ValueError(f"{value} is not between {self.minimum} and {self.maximum}")


class Minimum(Validator):
    def __init__(self, minimum: float):
        self.minimum = minimum

    def validate(self, value: Any) -> None:
        if value < self.minimum:
            raise ValueError(f"{value} is below {self.minimum}")


class Maximum(Validator):
    def __init__(self, maximum: float):
        self.maximum = maximum

    def validate(self, value: Any) -> None:
        if value > self.maximum:
            raise ValueError(f"{value} is above {self.maximum}")


class Choice(Validator):
    def __init__(self, choices: list):
        self.choices = choices

    def validate(self, value: Any) -> None:
        if value not in self.choices:
            raise ValueError(f"{value!r} is not one of {self.choices}")


@dataclass(frozen=True)
class Decimals:
    """How many decimals a connected spin box or slider shows."""

    value: int


@dataclass(frozen=True)
class SingleStep:
    """The step of a connected spin box or slider."""

    value: float


class Default:
    """The value of a parameter that was never set."""

    def __init__(self, value: Any = None, *, generator: Callable[[], Any] | None = None):
        self._value, self._generator = value, generator

    @property
    def value(self) -> Any:
        return self._generator() if self._generator else self._value


def is_node_type(kind: Any) -> bool:
    """Whether a parameter's type is a class of MRML nodes."""
    return isinstance(kind, type) and issubclass(kind, slicer.vtkMRMLNode)


def is_enumeration(kind: Any) -> bool:
    """Whether a parameter's type is an enumeration."""
    return isinstance(kind, type) and issubclass(kind, enum.Enum)


class Parameter:
    """One parameter of a wrapper: its type, its checks, its default, and its text in the node."""

    def __init__(self, name: str, hint: Any, owner: type):
        self.basename, self.unalteredType = name, hint
        self.kind, self.annotations = split(hint)
        self._refuse_unknown(owner)
        self.validators = [each for each in self.annotations if isinstance(each, Validator)]
        self.default = self._default(owner)

    def _refuse_unknown(self, owner: type) -> None:
        where = f"{owner.__name__}.{self.basename}"
        simple = (bool, int, float, str, pathlib.Path)
        if not (self.kind in simple or is_node_type(self.kind) or is_enumeration(self.kind)):
            raise TypeError(f"{where} is a {self.kind}: this stand-in keeps {simple}, enum, nodes")
        if is_enumeration(self.kind) and not len(self.kind):
            raise ValueError(f"{where} is an enumeration without values")
        known = (Validator, Default, Decimals, SingleStep)
        for each in self.annotations:
            if not isinstance(each, known):
                raise TypeError(f"{where} has the annotation {each!r}, which Slicer does not use")

    def _default(self, owner: type) -> Default:
        if hasattr(owner, self.basename):
            return Default(getattr(owner, self.basename))
        given = [each for each in self.annotations if isinstance(each, Default)]
        if len(given) > 1:
            raise ValueError(f"{owner.__name__}.{self.basename} has several defaults")
        if given:
            return given[0]
        if is_node_type(self.kind):
            return Default(None)
        if is_enumeration(self.kind):
            return Default(next(iter(self.kind)))
        return Default(0 if self.kind is float else self.kind())

    def is_in(self, node: Any) -> bool:
        """Whether the vtkMRMLScriptedModuleNode has the parameter."""
        return node.HasParameter(self.basename)

    def check(self, value: Any) -> None:
        """Raise TypeError for another type, ValueError for a value that is not allowed."""
        if value is None and not (is_node_type(self.kind) or is_enumeration(self.kind)):
            raise ValueError(f"{self.basename} must not be None")
        kinds = (int, float) if self.kind is float else self.kind
        wrong = value is not None and not isinstance(value, kinds)
        if wrong or (isinstance(value, bool) and self.kind in (int, float)):
            found = f"a {type(value).__name__}: {value!r}"
            raise TypeError(f"{self.basename} is a {self.kind.__name__}, not {found}")
        try:
            for validator in self.validators:
                validator.validate(value)
        except ValueError as error:
            raise ValueError(f"{self.basename}: {error}") from None

    def write(self, node: Any, value: Any) -> None:
        """Check a value and put it into the node as text, or as a reference to another node."""
        self.check(value)
        if is_node_type(self.kind):
            node.SetParameter(self.basename, "")
            node.SetNodeReferenceID(self.basename, value.GetID() if value is not None else None)
        else:
            text = value.name if is_enumeration(self.kind) else str(value)
            node.SetParameter(self.basename, text)

    def read(self, node: Any) -> Any:
        """The value in the node; the default, which is then written, where there is none."""
        if not self.is_in(node):
            self.write(node, self.default.value)
        if is_node_type(self.kind):
            return node.GetNodeReference(self.basename)
        text = node.GetParameter(self.basename)
        if self.kind is bool:
            return text == "True"
        if is_enumeration(self.kind):
            if text not in self.kind.__members__:
                raise ValueError(f"{self.basename} holds {text!r}, which {self.kind} has not")
            return self.kind[text]
        return self.kind(text)


def split(hint: Any) -> tuple[Any, tuple]:
    """A type hint without ``Annotated``, and the annotations."""
    if typing.get_origin(hint) is typing.Annotated:
        kind, *annotations = typing.get_args(hint)
        return kind, tuple(annotations)
    return hint, ()
