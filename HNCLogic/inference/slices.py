"""2D networks over the slices of a stack, one slice at a time or several side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import numpy as np

from HNCLogic.inference.ensemble import Progress

if TYPE_CHECKING:
    import torch

BATCH = 8  # slices at once: more is no faster on a CPU, and takes more memory


def slice_probabilities(
    network: torch.nn.Module,
    stack: np.ndarray,
    *,
    batch: int = BATCH,
    progress: Callable[[float], None] | None = None,
) -> np.ndarray:
    """Probability of tumour, float32 (z, y, x), in each pixel of ``stack`` (channel, z, y, x).

    ``network`` takes (batch, channel, y, x) and gives logits (batch, 1, y, x); it is put into
    evaluation mode, on whatever device it is. In bfloat16 where the processor computes in it.
    """
    import torch

    from HNCLogic.inference.device import computes_in_bf16

    network.eval()
    device = next(network.parameters()).device
    slices = np.ascontiguousarray(stack.swapaxes(0, 1), dtype=np.float32)
    found = np.empty(stack.shape[1:], np.float32)
    quick = computes_in_bf16(device)
    with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=quick):
        for first in range(0, len(slices), batch):
            given = torch.from_numpy(slices[first : first + batch]).to(device)
            if quick:
                given = given.contiguous(memory_format=torch.channels_last)
            said = network(given).float().sigmoid()
            found[first : first + batch] = said[:, 0].cpu().numpy()
            if progress is not None:
                progress(min(first + batch, len(slices)) / len(slices))
    return found


def mean_slices(
    networks: Iterable[torch.nn.Module],
    count: int,
    stack_of: Callable[[int], np.ndarray],
    *,
    batch: int = BATCH,
    progress: Progress | None = None,
) -> np.ndarray:
    """Mean over ``count`` networks of their probabilities, float32 (z, y, x).

    ``stack_of`` gives each network's own input, from 0: each was trained on its own scale.
    """
    total: np.ndarray | None = None
    for done, network in enumerate(networks):

        def tell(share: float, done: int = done) -> None:
            if progress is not None:
                progress((done + share) / count, f"network {done + 1} of {count}")

        one = slice_probabilities(network, stack_of(done), batch=batch, progress=tell)
        total = one if total is None else np.add(total, one, out=total)
    return np.divide(total, count, out=total)
