"""How long the event loop did not turn: what a user feels as a frozen panel."""

from __future__ import annotations

import time

import qt

BEAT_MS = 2


class Heartbeat:
    """Counts from entering to leaving the ``with``; ``longest_ms`` is the longest pause, in ms.

    The time between two turns of the event loop, whatever was done in it: a click that is handled
    before it returns counts, and so does work in a timer. ``pauses_ms`` holds those above 20 ms.
    ``busiest_ms`` is the most processor time that was spent in one: what is left of a pause where
    other programs do not keep this one waiting.
    """

    def __init__(self):
        self.longest_ms = self.busiest_ms = 0.0
        self.pauses_ms: list[float] = []
        self._timer = qt.QTimer()
        self._timer.setTimerType(qt.Qt.PreciseTimer)
        self._timer.setInterval(BEAT_MS)
        self._timer.timeout.connect(self._beat)
        self._last = self._worked = 0.0

    def __enter__(self) -> Heartbeat:
        self.begin_anew()
        self._timer.start()
        return self

    def begin_anew(self) -> None:
        """What was before this counts no more."""
        self.longest_ms = self.busiest_ms = 0.0
        self.pauses_ms = []
        self._last, self._worked = time.perf_counter(), time.thread_time()

    @staticmethod
    def now() -> tuple[float, float]:
        """Seconds of the wall's clock, and of this thread's work."""
        return time.perf_counter(), time.thread_time()

    def leave_out(self, began: tuple[float, float]) -> None:
        """What was done since ``began`` (as of ``now``) is Slicer's own, no pause of ours."""
        ended = self.now()
        self._last += ended[0] - began[0]
        self._worked += ended[1] - began[1]

    def __exit__(self, *_exception) -> None:
        self._timer.stop()
        self._beat()

    def _beat(self) -> None:
        now, worked = time.perf_counter(), time.thread_time()
        pause = 1000 * (now - self._last)
        self.busiest_ms = max(self.busiest_ms, 1000 * (worked - self._worked))
        self._last, self._worked = now, worked
        self.longest_ms = max(self.longest_ms, pause)
        if pause > 20:
            self.pauses_ms.append(pause)
