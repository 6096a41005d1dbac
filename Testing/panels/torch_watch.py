"""Sees to it that nothing imports torch in the process that stands for Slicer's application."""

from __future__ import annotations

import builtins
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_torch() -> Iterator[None]:
    """Raises AssertionError at the end where something in it imported torch, loaded or not.

    Looking at ``sys.modules`` would not do: other tests of the same process may have loaded it.
    What has no file is torch's own compiled code, tidying up after such a test.
    """
    before = builtins.__import__
    by: list[str] = []

    def noting(name, globals=None, locals=None, fromlist=(), level=0):
        file = (globals or {}).get("__file__")
        if level == 0 and name.split(".")[0] == "torch" and file:
            by.append(str(file))
        return before(name, globals, locals, fromlist, level)

    builtins.__import__ = noting
    try:
        yield
    finally:
        builtins.__import__ = before
    assert not by, f"torch was imported in the application, by {', '.join(dict.fromkeys(by))}"
