"""How long the event loop did not turn: what a user feels as a frozen panel."""

from __future__ import annotations

import time

import qt

BEAT_MS = 2


class Heartbeat:
    """Counts from entering to leaving the ``with``; ``longest_ms`` is the longest pause, in ms.

    The time between two turns of the event loop, whatever was done in it: a click that is handled
    before it returns counts, and so does work in a timer. ``pauses_ms`` holds those above 20 ms.
    """

    def __init__(self):
        self.longest_ms = 0.0
        self.pauses_ms: list[float] = []
        self._timer = qt.QTimer()
        self._timer.setTimerType(qt.Qt.PreciseTimer)
        self._timer.setInterval(BEAT_MS)
        self._timer.timeout.connect(self._beat)
        self._last = 0.0

    def __enter__(self) -> Heartbeat:
        self._last = time.perf_counter()
        self._timer.start()
        return self

    def __exit__(self, *_exception) -> None:
        self._timer.stop()
        self._beat()

    def _beat(self) -> None:
        now = time.perf_counter()
        pause = 1000 * (now - self._last)
        self._last = now
        self.longest_ms = max(self.longest_ms, pause)
        if pause > 20:
            self.pauses_ms.append(pause)
