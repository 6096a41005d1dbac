"""How the learning rate goes in the course of a training."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import torch

Decay = Literal["none", "cosine"]  # "cosine": up for a tenth of the time, then down to zero


def schedule_of(
    decay: Decay, optimiser: torch.optim.Optimizer, *, epochs: int, micro_batches: int, to_step: int
):
    """The schedule for ``engine.Task``; None where the rate stays.

    ``micro_batches``: to an epoch; ``to_step``: to a step.
    """
    import torch

    if decay == "none":
        return None
    steps = -(-micro_batches // to_step) * epochs
    return torch.optim.lr_scheduler.LambdaLR(optimiser, partial(warmed_cosine, steps=steps))


def warmed_cosine(step: int, steps: int) -> float:
    """Factor on the learning rate: linearly up for a tenth of ``steps``, then a cosine to zero."""
    up = max(steps // 10, 1)
    if step < up:
        return (step + 1) / up
    return 0.5 * (1 + math.cos(math.pi * min((step - up) / max(steps - up, 1), 1)))
