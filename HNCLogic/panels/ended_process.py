"""Ending a child process: asked first, so that it cleans up, then made to."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import qt

PATIENCE_S = 3.0
LOOK_MS = 50

_waiting: set[_Ending] = set()  # a timer lives as long as somebody holds it


def end_process(process: Any, then: Callable[[], bool]) -> None:
    """Terminate ``process`` (a Popen, or None), kill it after three seconds, and when it is gone
    call ``then`` until that gives True, some more seconds long. Returns at once."""
    if process is None or process.poll() is not None:
        if then():
            return
    elif process is not None:
        process.terminate()
    _waiting.add(_Ending(process, then))


class _Ending:
    def __init__(self, process: Any, then: Callable[[], bool]):
        self._process, self._then = process, then
        self._began = time.monotonic()
        self._killed = False
        self._timer = qt.QTimer()
        self._timer.setInterval(LOOK_MS)
        self._timer.connect("timeout()", self._look)
        self._timer.start()

    def _look(self) -> None:
        waited = time.monotonic() - self._began
        alive = self._process is not None and self._process.poll() is None
        if alive and waited > PATIENCE_S and not self._killed:
            self._killed = True
            self._process.kill()
        gone = not alive and self._then()  # Windows holds a dead process's files for a moment
        if gone or waited > 3 * PATIENCE_S:
            self._timer.stop()
            _waiting.discard(self)
