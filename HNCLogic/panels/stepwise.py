"""Work inside the application, a bit at a time: the panel stays alive between the bits."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import qt

SOON_MS = 50  # events come in bursts; what they ask for is done once
TURN_S = 0.01  # of work at once, between two turns of the event loop


class _Turns:
    """Whose turn it is: between two turns of any works the event loop turns once.

    Each with a timer of its own, all of them would have their turns in one turn of the loop, and
    the user waits for the sum.
    """

    def __init__(self) -> None:
        self._waiting: deque[Stepwise] = deque()
        self._asked = False

    def wait(self, work: Stepwise) -> None:
        self._waiting.append(work)
        self._ask()

    def _ask(self) -> None:
        if not self._asked:
            self._asked = True
            # Not 0, which Qt answers before it lets anything else have its turn.
            qt.QTimer.singleShot(1, self._next)

    def _next(self) -> None:
        self._asked = False
        work = self._waiting.popleft()
        if self._waiting:  # before the turn: a dialogue may be opened in it
            self._ask()
        work._turn()


_turns = _Turns()


class Stepwise:
    """Runs a generator a bit at a time between turns of the event loop.

    A turn lasts 10 ms, and is one step of the generator at least: where a long step comes last,
    the user waits for both. ``on_step`` gets what it yields, ``on_done`` what it returns,
    ``on_error`` the exception it ends with; one of the last two is called at most once, and
    after ``cancel`` none of the three.
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
        self.running = False

    def start(self) -> None:
        self.running = True
        _turns.wait(self)

    def cancel(self) -> None:
        """Close the generator, so that it cleans up; nothing is called after this."""
        self.running = False
        if not self._inside:  # else ``_turn`` closes it, once it is out of its step
            self._work.close()

    def finish(self) -> None:
        """Do at once what is left, for whom it cannot wait. Nothing from within its own steps."""
        while self.running and not self._inside:
            self._step()

    def _turn(self) -> None:
        until = time.perf_counter() + TURN_S
        try:
            while self.running and not self._inside:
                self._step()
                if time.perf_counter() >= until:
                    break
        finally:  # also where what is told raises: the work itself goes on
            if self.running:
                _turns.wait(self)
            elif not self._inside:
                self._work.close()

    def _step(self) -> None:
        self._inside = True
        try:
            step = next(self._work)
        except StopIteration as stop:
            self._finish(self._on_done, stop.value)
        except Exception as error:
            self._finish(self._on_error, error)
        else:
            self._inside = False
            if self.running and self._on_step is not None:
                self._on_step(step)

    def _finish(self, tell: Callable[[Any], None], what: Any) -> None:
        self._inside = False
        if self.running:  # not where a step itself led to ``cancel``
            self.running = False
            tell(what)


class Soon:
    """Calls ``call()`` once after a burst of events, in a turn of its own: what several parts of a
    panel do after the same events would keep the user for the sum."""

    def __init__(self, call: Callable[[], None]):
        self._call = call
        self._turn: Stepwise | None = None
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.setInterval(SOON_MS)
        self._timer.connect("timeout()", self._ring)

    @property
    def due(self) -> bool:
        return self._timer.active or (self._turn is not None and self._turn.running)

    def start(self) -> None:
        """Another event: wait anew."""
        self._timer.start()

    def stop(self) -> None:
        self._timer.stop()
        if self._turn is not None:
            self._turn.cancel()

    def _ring(self) -> None:
        self._turn = Stepwise(self._steps(), lambda _none: None, raised)
        self._turn.start()

    def _steps(self) -> Iterator[None]:
        self._call()
        yield


def raised(error: Exception) -> None:
    raise error
