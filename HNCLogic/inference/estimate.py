"""How long the networks will take on this machine: from the pace of their first patches."""

from __future__ import annotations

import time
from collections.abc import Callable

from HNCLogic.inference.memory import GIB
from HNCLogic.progress import Progress


def with_estimate(
    needed: int, progress: Progress, clock: Callable[[], float] = time.monotonic
) -> Progress:
    """``progress`` that adds to each step's words what all steps together will take: ``needed``
    bytes of memory from the first, seconds from the second on.

    The estimate is made once, so that it can be held against what came. The first step is taken
    as it was and not for the pace: libraries are loaded and the first network is made ready in it.
    """
    began = clock()
    memory = f"{needed / GIB:.1f} GiB"
    first: tuple[float, float] | None = None  # share and seconds at the end of the first step
    estimate: str | None = None

    def told(share: float, words: str) -> None:
        nonlocal first, estimate
        passed = clock() - began
        if first is None:
            first = share, passed
        elif estimate is None and share > first[0]:
            pace = (passed - first[1]) / (share - first[0])
            estimate = f"about {in_words(first[1] + pace * (1 - first[0]))} in all, {memory}"
        progress(share, f"{words} ({estimate or memory})")

    return told


def in_words(seconds: float) -> str:
    """Whole seconds up to a minute and a half, whole minutes from there."""
    if seconds < 90:
        return f"{max(round(seconds), 1)} s"
    return f"{round(seconds / 60)} min"
