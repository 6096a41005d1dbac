"""How long a piece of work will still take, from the share done so far."""

from __future__ import annotations

import time
from collections.abc import Callable

ENOUGH_S, ENOUGH_SHARE = 2.0, 0.05  # seen of the work before an estimate means something
NEW = 0.3  # weight of what the last report says, beside what was estimated before


class TimeLeft:
    """Fed with the share done, gives the seconds left, smoothed."""

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        self._first: tuple[float, float] | None = None  # time and share
        self._end: float | None = None  # the time at which the work will be done

    def after(self, share: float) -> float | None:
        """Seconds left when ``share`` (0 to 1) is done; None as long as nobody can tell."""
        now = self._clock()
        if self._first is None:
            if share > 0:  # what comes before is loading, at another pace
                self._first = now, share
            return None
        began, at = self._first
        if now - began < ENOUGH_S or share - at < ENOUGH_SHARE:
            return None
        end = now + (now - began) * (1.0 - share) / (share - at)
        self._end = end if self._end is None else self._end + NEW * (end - self._end)
        return max(self._end - now, 0.0)
