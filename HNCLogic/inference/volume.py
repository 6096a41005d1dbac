"""One network over a whole volume, patch by patch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from typing import TYPE_CHECKING, Literal

import numpy as np

from HNCLogic.errors import InputError
from HNCLogic.inference.device import computes_in_bf16
from HNCLogic.inference.merging import GaussianMerge
from HNCLogic.inference.windows import pad_to, window_starts

if TYPE_CHECKING:
    import torch

Activation = Literal["softmax", "sigmoid"]
Numbers = Literal["exact", "quick"]


def predict_volume(
    network: torch.nn.Module,
    volume: np.ndarray,
    patch: Sequence[int],
    stride: Sequence[int],
    *,
    activation: Activation = "softmax",
    outside: float = 0.0,
    batch: int = 1,
    numbers: Numbers = "exact",
    progress: Callable[[float], None] | None = None,
) -> np.ndarray:
    """Class probabilities, float32 (class, z, y, x), of ``volume`` (channel, z, y, x).

    ``network`` takes (batch, channel, *patch) and gives logits (batch, class, *patch); it is put
    into evaluation mode, on whatever device it is. ``patch`` and ``stride`` are (z, y, x) in
    voxels; the last patch on each axis ends flush with the volume. ``activation`` turns each
    patch's logits into probabilities before overlapping patches are merged with Gaussian weights
    (``GaussianMerge``). A volume smaller than the patch is filled up with ``outside``, and cut
    back after. ``numbers``: "exact" computes in float32; "quick" in bfloat16 where the processor
    computes in it by itself (several times as fast; probabilities differ by up to 0.03), and in
    float32 elsewhere. Probabilities are summed in float32 in any case. ``progress`` is called with
    the share of patches done; if it raises, work stops.

    Raises InputError where the network is made for patches of another size (its ``patch``).
    """
    import torch

    made_for = tuple(getattr(network, "patch", patch))
    if made_for != tuple(patch):
        raise InputError(
            f"the model's card contradicts itself: its network takes patches of {made_for} voxels "
            f"(z, y, x), its preprocessing asks for {tuple(patch)}"
        )
    network.eval()
    padded, back = pad_to(volume, patch, outside)
    inputs = torch.from_numpy(np.ascontiguousarray(padded, dtype=np.float32))
    size = inputs.shape[1:]
    starts = [window_starts(*each) for each in zip(size, patch, stride, strict=True)]
    corners = list(product(*starts))
    device = next(network.parameters()).device
    quick = numbers == "quick" and computes_in_bf16(device)
    # Channels last is what convolutions in bfloat16 want; float32 ones gain little or lose.
    layout = torch.channels_last_3d if quick else torch.contiguous_format
    network.to(memory_format=layout)
    merge = None
    with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=quick):
        for first in range(0, len(corners), batch):
            chosen = corners[first : first + batch]
            windows = torch.stack([_cut(inputs, corner, patch) for corner in chosen])
            given = windows.to(device).contiguous(memory_format=layout)
            probabilities = _activate(network(given).float(), activation)
            if merge is None:
                merge = GaussianMerge(probabilities.shape[1], size, patch, starts, device)
            for corner, values in zip(chosen, probabilities, strict=True):
                merge.add(corner, values)
            if progress is not None:
                progress((first + len(chosen)) / len(corners))
        merged = merge.mean()[(slice(None), *back)]
        return np.ascontiguousarray(merged.cpu().numpy())


def _cut(inputs: torch.Tensor, corner: Sequence[int], patch: Sequence[int]) -> torch.Tensor:
    z, y, x = (slice(c, c + side) for c, side in zip(corner, patch, strict=True))
    return inputs[:, z, y, x]


def _activate(logits: torch.Tensor, activation: Activation) -> torch.Tensor:
    if activation == "softmax":
        return logits.softmax(dim=1)
    if activation == "sigmoid":
        return logits.sigmoid()
    raise ValueError(f"activation {activation!r} is neither softmax nor sigmoid")
