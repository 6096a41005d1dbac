"""Several folds, one after the other: the mean of what they say.

The folds come as an iterable that makes each network when its turn is there
(``Model.networks()``), so that the weights of one fold at a time are in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from HNCLogic.inference.volume import Activation, Numbers, predict_volume
from HNCLogic.inference.windows import pad_to, window_starts

if TYPE_CHECKING:
    import torch

Progress = Callable[[float, str], None]  # share done 0 to 1, what is being done


def mean_volume(
    networks: Iterable[torch.nn.Module],
    count: int,
    volume: np.ndarray,
    patch: Sequence[int],
    stride: Sequence[int],
    *,
    activation: Activation = "softmax",
    outside: float = 0.0,
    batch: int = 1,
    numbers: Numbers = "exact",
    progress: Progress | None = None,
) -> np.ndarray:
    """Mean over ``count`` networks of their probability maps, float32 (class, z, y, x).

    Arguments as of ``predict_volume``; Nikulin 2023 averages the five folds' maps before any
    class is chosen.
    """
    total = None
    for done, network in enumerate(networks):
        step = _fold_progress(progress, done, count)
        one = predict_volume(
            network,
            volume,
            patch,
            stride,
            activation=activation,
            outside=outside,
            batch=batch,
            numbers=numbers,
            progress=step,
        )
        total = one if total is None else np.add(total, one, out=total)
    return np.divide(total, count, out=total)


def window_probabilities(
    networks: Iterable[torch.nn.Module],
    count: int,
    stack: np.ndarray,
    window: int,
    stride: int,
    *,
    outside: float = 0.0,
    batch: int = 1,
    progress: Progress | None = None,
) -> np.ndarray:
    """What each of ``count`` networks says of each window, float64 (fold, window) in [0, 1].

    ``stack`` is (channel, z, y, x), inferior first; windows are ``window`` slices long and begin
    at ``window_starts(z, window, stride)``. A network gives one logit per window. A stack of
    fewer slices than a window is filled up with ``outside`` on both ends.
    """
    import torch

    stack, _ = pad_to(stack, (window, *stack.shape[2:]), outside)
    inputs = torch.from_numpy(np.ascontiguousarray(stack, dtype=np.float32))
    starts = window_starts(inputs.shape[1], window, stride)
    rows = []
    for done, network in enumerate(networks):
        network.eval()
        device = next(network.parameters()).device
        step = _fold_progress(progress, done, count)
        row: list[float] = []
        with torch.inference_mode():
            for first in range(0, len(starts), batch):
                chosen = starts[first : first + batch]
                windows = torch.stack([inputs[:, s : s + window] for s in chosen]).to(device)
                row += network(windows).double().sigmoid().flatten().tolist()
                if step is not None:
                    step(len(row) / len(starts))
        rows.append(row)
    return np.array(rows)


def _fold_progress(progress: Progress | None, done: int, count: int):
    """The share of one fold, told as a share of all ``count`` folds."""
    if progress is None:
        return None
    return lambda share: progress((done + share) / count, f"network {done + 1} of {count}")
