"""How long the networks will take on this machine: by the pace of an earlier patient, of one patch
that is tried, or of their first patches."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from HNCLogic.inference.memory import GIB
from HNCLogic.progress import Progress

if TYPE_CHECKING:
    import torch


def seconds_a_patch(
    digest: str, network: torch.nn.Module, channels: int, patch: tuple[int, int, int]
) -> float:
    """Seconds that one network takes for one patch (z, y, x) of ``channels``, by the backend that
    is taken for it: as kept of an earlier patient by the same one (``digest``: the model's);
    else of the second of two that are tried now, for the first makes ready."""
    import torch

    from HNCLogic.inference.backends import choose_backend
    from HNCLogic.inference.graphics import made_ready
    from HNCLogic.inference.pace import kept_pace

    backend = choose_backend("auto", "quick", network)
    device = next(network.parameters()).device
    kept = kept_pace(digest)
    if kept is not None and kept.computed_by == backend.words(device):
        return kept.seconds
    # What the card cannot do here is told when the patient's patches come.
    run = made_ready(backend, network, lambda _: None)
    nothing = torch.zeros(backend.at_once, channels, *patch, device=device)
    for _ in range(2):
        began = time.perf_counter()
        run(nothing).cpu()  # asked for, so that a graphics card has really done it
    return (time.perf_counter() - began) / backend.at_once


def in_all(seconds: float, needed: int) -> str:
    """Time and memory (bytes) as words, for before and while it computes."""
    return f"about {in_words(seconds)} in all, {needed / GIB:.1f} GiB"


def with_estimate(
    needed: int,
    progress: Progress,
    clock: Callable[[], float] = time.monotonic,
    seconds: float | None = None,
) -> Progress:
    """``progress`` that adds to each step's words what all steps together will take: ``needed``
    bytes of memory from the first, seconds from the second on.

    The estimate is made once, so that it can be held against what came; or before, where it is
    known what it will take (``seconds``). The first step is taken as it was and not for the pace:
    libraries are loaded and the first network is made ready in it.
    """
    began = clock()
    memory = f"{needed / GIB:.1f} GiB"
    first: tuple[float, float] | None = None  # share and seconds at the end of the first step
    estimate = None if seconds is None else in_all(seconds, needed)

    def told(share: float, words: str) -> None:
        nonlocal first, estimate
        passed = clock() - began
        if first is None:
            first = share, passed
        elif estimate is None and share > first[0]:
            pace = (passed - first[1]) / (share - first[0])
            estimate = in_all(first[1] + pace * (1 - first[0]), needed)
        progress(share, f"{words} ({estimate or memory})")

    return told


def in_words(seconds: float) -> str:
    """Whole seconds up to a minute and a half, whole minutes from there."""
    if seconds < 90:
        return f"{max(round(seconds), 1)} s"
    return f"{round(seconds / 60)} min"
