"""How the learning rate goes in the course of a training."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    import torch

Decay = Literal["none", "cosine"]  # "cosine": up for a tenth of the time, then down to zero


class Decaying(Protocol):
    """The settings of a training whose rate may decay."""

    decay: Decay
    epochs: int

    @property
    def accumulate(self) -> int: ...  # micro-batches to a step


def schedule_of(chosen: Decaying, optimiser: torch.optim.Optimizer, micro_batches: int):
    """The schedule for ``engine.Task``; None where the rate stays.

    ``micro_batches``: to an epoch.
    """
    import torch

    if chosen.decay == "none":
        return None
    steps = -(-micro_batches // chosen.accumulate) * chosen.epochs
    return torch.optim.lr_scheduler.LambdaLR(optimiser, partial(warmed_cosine, steps=steps))


def warmed_cosine(step: int, steps: int) -> float:
    """Factor on the learning rate: linearly up for a tenth of ``steps``, then a cosine to zero."""
    up = max(steps // 10, 1)
    if step < up:
        return (step + 1) / up
    return 0.5 * (1 + math.cos(math.pi * min((step - up) / max(steps - up, 1), 1)))
