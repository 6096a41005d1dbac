"""A short child process that the panel waits for while the event loop goes on."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import slicer

PAUSE_S = 0.02


def run_child(
    arguments: list[str], patience_s: float, launch: Callable | None = None, **more: Any
) -> tuple[int | None, list[str]]:
    """Its exit code (None where it took longer than ``patience_s`` and was ended) and its lines.

    ``launch``: as ``slicer.util.launchConsoleProcess``, which is the default; ``more`` goes to it.
    """
    lines: list[str] = []
    ended: list[int] = []
    process = (launch or slicer.util.launchConsoleProcess)(
        arguments, blocking=False, logCallback=lines.append, completedCallback=ended.append, **more
    )
    began = time.monotonic()
    while not ended and time.monotonic() - began < patience_s:
        slicer.app.processEvents()
        time.sleep(PAUSE_S)
    if not ended:
        process.kill()
        return None, lines
    return ended[0], lines
