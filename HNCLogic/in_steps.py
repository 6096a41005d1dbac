"""Work in steps: a generator that yields what is done so far and returns what came of it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing
from typing import Any, TypeVar

Outcome = TypeVar("Outcome")
Said = TypeVar("Said")


def at_once(steps: Generator[Any, None, Outcome]) -> Outcome:
    """Do all ``steps`` without a pause; gives what they return."""
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return stop.value


def retold(
    steps: Generator[Any, None, Outcome], tell: Callable[[Any], Said]
) -> Generator[Said, None, Outcome]:
    """The same ``steps``, yielding ``tell`` of what they yield; returns what they return.

    Closed half-way, it closes them.
    """
    with closing(steps):
        while True:
            try:
                said = next(steps)
            except StopIteration as stop:
                return stop.value
            yield tell(said)
