"""Ending a child process: asked first, so that it cleans up, then made to.

Slicer's PythonSlicer is a launcher that starts the Python that works and waits for it: to end the
launcher alone would leave the worker running. So the worker says which process it is, and is
ended itself; the launcher follows it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

import qt

PATIENCE_S = 3.0
LOOK_MS = 50


class EndedProcess:
    """Ends ``process`` (a Popen) and the worker, and kills them after three seconds.

    ``worker``: its process id, None as long as nobody knows it. ``then`` is called when both are
    gone, until it gives True: Windows holds a dead process's files for a moment.
    """

    def __init__(self, process: Any, worker: int | None, then: Callable[[], bool]):
        self._process, self._worker, self._then = process, worker, then
        self._began = time.monotonic()
        self._killed = False
        if process.poll() is None:
            if self._apart:
                _send(worker, signal.SIGTERM)
            else:
                process.terminate()
        self._look()

    def told_worker(self, worker: int) -> None:
        """The worker's id comes late, from one whose launcher is gone already."""
        if self._worker is None:
            self._worker = worker
            if self._apart:
                _send(worker, signal.SIGTERM)
                self._began, self._killed = time.monotonic(), False
                self._look()

    def completed(self) -> None:
        """Nobody holds the output any more: both are gone for certain."""
        self._then()

    @property
    def _apart(self) -> bool:
        return self._worker not in (None, getattr(self._process, "pid", None))

    def _look(self) -> None:
        waited = time.monotonic() - self._began
        alive = self._process.poll() is None or (self._apart and _runs(self._worker))
        if alive and waited > PATIENCE_S and not self._killed:
            self._killed = True
            kill(self._process, self._worker)
        if (not alive and self._then()) or waited > 3 * PATIENCE_S:
            return
        qt.QTimer.singleShot(LOOK_MS, self._look)


def kill(process: Any, worker: int | None) -> None:
    """End both at once."""
    if worker is not None:
        _send(worker, getattr(signal, "SIGKILL", signal.SIGTERM))
    process.kill()


def _send(process_id: int, number: int) -> None:
    with contextlib.suppress(OSError):  # it is gone
        os.kill(process_id, number)


def _runs(process_id: int) -> bool:
    if sys.platform == "win32":  # there SIGTERM ends it at once, and 0 would be Ctrl-C
        return False
    try:
        os.kill(process_id, 0)
    except OSError:
        return False
    return True
