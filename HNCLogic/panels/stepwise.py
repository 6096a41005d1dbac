"""Work inside the application, a bit at a time: the panel stays alive between the bits."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import qt

TURN_S = 0.03  # of work at once, between two turns of the event loop


class Stepwise:
    """Runs a generator a bit at a time between turns of the event loop.

    A turn lasts 30 ms, or one step of the generator where that is longer. ``on_step`` gets what
    it yields, ``on_done`` what it returns, ``on_error`` the exception it ends with; one of the
    last two is called at most once, and after ``cancel`` none of the three.
    """

    def __init__(
        self,
        work: Iterator,
        on_done: Callable[[Any], None],
        on_error: Callable[[Exception], None],
        on_step: Callable[[Any], None] | None = None,
    ):
        self._work = work
        self._on_done, self._on_error, self._on_step = on_done, on_error, on_step
        self._inside = False  # the generator is at work: a step of it may turn the event loop
        self._timer = qt.QTimer()
        self._timer.setInterval(0)
        self._timer.connect("timeout()", self._turn)
        self.running = False

    def start(self) -> None:
        self.running = True
        self._timer.start()

    def cancel(self) -> None:
        """Close the generator, so that it cleans up; nothing is called after this."""
        self._end()
        if not self._inside:  # else ``_turn`` closes it, once it is out of its step
            self._work.close()

    def _end(self) -> None:
        self.running = False
        self._timer.stop()

    def _turn(self) -> None:
        if self._inside or not self.running:
            return
        until = time.perf_counter() + TURN_S
        while self.running and time.perf_counter() < until:
            try:
                step = self._next()
            except StopIteration as stop:
                self._finish(self._on_done, stop.value)
            except Exception as error:
                self._finish(self._on_error, error)
            else:
                if self.running and self._on_step is not None:
                    self._on_step(step)
        if not self.running:
            self._work.close()

    def _next(self) -> Any:
        self._inside = True
        try:
            return next(self._work)
        finally:
            self._inside = False

    def _finish(self, tell: Callable[[Any], None], what: Any) -> None:
        if self.running:  # not where a step itself led to ``cancel``
            self._end()
            tell(what)
