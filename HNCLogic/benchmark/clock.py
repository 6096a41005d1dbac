"""What time is taken by: the wall's, or on a machine that others use the processor's own."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Clock:
    now: Callable[[], float]  # seconds
    threads: int | None  # torch's, and with it OpenVINO's; None: one a core
    words: str

    def begin(self) -> None:
        """Let torch compute with these threads."""
        from HNCLogic.inference.device import use_threads

        use_threads(self.threads)


ALONE = Clock(time.perf_counter, None, "")
# Several threads wait for each other, which takes processor time too: only one can be timed so.
SHARED = Clock(
    time.process_time, 1, "one thread, seconds of processor time, for others used the machine"
)
