"""Several folds, one after the other: the mean of what they say.

The folds come as an iterable that makes each network when its turn is there
(``Model.networks()``), so that not all folds' weights are in memory at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from HNCLogic.inference.backends import Numbers, Wanted, Windows, choose_backend
from HNCLogic.inference.graphics import free_on, made_ready, windows_at_once
from HNCLogic.inference.volume import Activation, Patches, check_patch
from HNCLogic.inference.windows import pad_to, window_starts

if TYPE_CHECKING:
    import torch

Progress = Callable[[float, str], None]  # share done 0 to 1, what is being done

# Windows of method 1. One alone goes through torch's slow convolution on a CPU wherever its maps
# are small (1.6 times the time, measured); more than a few only take memory.
AT_ONCE = 4


def mean_volume(
    networks: Iterable[torch.nn.Module],
    count: int,
    volume: np.ndarray,
    patch: Sequence[int],
    stride: Sequence[int],
    *,
    activation: Activation = "softmax",
    outside: float = 0.0,
    batch: int | None = None,
    numbers: Numbers = "exact",
    backend: Wanted = "torch",
    for_one: int | None = None,
    tell: Callable[[str], None] = lambda words: None,
    computing: Callable[[str], None] = lambda words: None,
    progress: Progress | None = None,
) -> np.ndarray:
    """Mean over ``count`` networks of their probability maps, float32 (class, z, y, x).

    Arguments as of ``predict_volume``; Nikulin 2023 averages the five folds' maps before any
    class is chosen. Where the backend keeps its own copy of the weights, the next fold's are
    read and made ready while one computes. On a graphics card as many patches at once as its
    free memory holds, ``for_one`` bytes each (None: ``batch``, and without it the backend's own
    ``at_once``, as on a CPU); where it runs out, fewer, then the CPU, and ``tell`` is told
    (``in_less_memory``). ``computing`` is told for each fold what computes it, in words.
    """
    import torch

    patches = Patches(volume, patch, stride, outside)
    total = None
    for done, ready in enumerate(_each_ready(networks, patch, numbers, backend, tell)):
        computing(ready.words)
        free = free_on(ready.device)
        together = batch or ready.at_once
        if free is not None and for_one is not None:
            together = windows_at_once(free, for_one)
        step = _fold_progress(progress, done, count)
        one = patches.merged(ready.run, ready.device, activation, together, step)
        with torch.inference_mode():
            total = one if total is None else total.add_(one.to(total.device))
    with torch.inference_mode():
        return total.div_(count).cpu().numpy()


class _Ready(NamedTuple):
    """One fold's network, ready to be given windows; the rest as of a Backend."""

    run: Windows
    device: torch.device
    copies: bool
    at_once: int
    words: str


def _each_ready(
    networks: Iterable[torch.nn.Module],
    patch: Sequence[int],
    numbers: Numbers,
    backend: Wanted,
    tell: Callable[[str], None],
) -> Iterator[_Ready]:
    """Each network made ready, in turn; the next one ahead of its turn where that is safe.

    It is where the backend copies the weights. Where it does not, they may be the same tensors,
    filled anew for each fold; there reading them takes hundredths of a second.
    """
    from concurrent.futures import ThreadPoolExecutor

    turns = iter(networks)

    def make_ready() -> _Ready | None:
        network = next(turns, None)
        if network is None:
            return None
        check_patch(network, patch)
        chosen = choose_backend(backend, numbers, network)
        device = next(network.parameters()).device
        run = made_ready(chosen, network, tell)
        return _Ready(run, device, chosen.copies, chosen.at_once, chosen.words(device))

    with ThreadPoolExecutor(1) as ahead:
        current = make_ready()
        while current is not None:
            coming = ahead.submit(make_ready) if current.copies else None
            yield current
            del current  # one fold's memory is free before the next but one is taken
            current = coming.result() if coming is not None else make_ready()


def window_probabilities(
    networks: Iterable[torch.nn.Module],
    count: int,
    stack: np.ndarray,
    window: int,
    stride: int,
    *,
    outside: float = 0.0,
    batch: int = AT_ONCE,
    numbers: Numbers = "exact",
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
        run = choose_backend("torch", numbers, network).ready(network)
        device = next(network.parameters()).device
        step = _fold_progress(progress, done, count)
        row: list[float] = []
        with torch.inference_mode():
            for first in range(0, len(starts), batch):
                chosen = starts[first : first + batch]
                windows = torch.stack([inputs[:, s : s + window] for s in chosen]).to(device)
                row += run(windows).double().sigmoid().flatten().tolist()
                if step is not None:
                    step(len(row) / len(starts))
        rows.append(row)
    return np.array(rows)


def _fold_progress(progress: Progress | None, done: int, count: int):
    """The share of one fold, told as a share of all ``count`` folds."""
    if progress is None:
        return None
    return lambda share: progress((done + share) / count, f"network {done + 1} of {count}")
