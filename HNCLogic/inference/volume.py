"""One network over a whole volume, patch by patch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from typing import TYPE_CHECKING, Literal

import numpy as np

from HNCLogic.errors import InputError
from HNCLogic.inference.backends import Numbers, Wanted, Windows, choose_backend
from HNCLogic.inference.merging import GaussianMerge
from HNCLogic.inference.windows import pad_to, window_starts

if TYPE_CHECKING:
    import torch

Activation = Literal["softmax", "sigmoid"]


def predict_volume(
    network: torch.nn.Module,
    volume: np.ndarray,
    patch: Sequence[int],
    stride: Sequence[int],
    *,
    activation: Activation = "softmax",
    outside: float = 0.0,
    batch: int | None = None,
    numbers: Numbers = "exact",
    backend: Wanted = "torch",
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
    float32 elsewhere. Probabilities are summed in float32 in any case. ``backend`` as of
    ``choose_backend``; ``batch`` patches at once (None: as many as suit it). ``progress`` is
    called with the share of patches done; if it raises, work stops.

    Raises InputError where the network is made for patches of another size (its ``patch``).
    """
    check_patch(network, patch)
    patches = Patches(volume, patch, stride, outside)
    chosen = choose_backend(backend, numbers, network)
    run = chosen.ready(network)
    device = next(network.parameters()).device
    together = batch or chosen.at_once
    return patches.merged(run, device, activation, together, progress).cpu().numpy()


def check_patch(network: torch.nn.Module, patch: Sequence[int]) -> None:
    """Raises InputError where ``network`` is made for patches of another size."""
    made_for = tuple(getattr(network, "patch", patch))
    if made_for != tuple(patch):
        raise InputError(
            f"the model's card contradicts itself: its network takes patches of {made_for} voxels "
            f"(z, y, x), its preprocessing asks for {tuple(patch)}"
        )


class Patches:
    """The overlapping patches of one volume; arguments as of ``predict_volume``.

    A patch in which nothing is to be seen (every channel one value throughout: air, or what a
    short volume was filled up with) is the same as any other such patch, and computed once.
    """

    def __init__(
        self, volume: np.ndarray, patch: Sequence[int], stride: Sequence[int], outside: float
    ):
        padded, self._back = pad_to(volume, patch, outside)
        self.values = np.ascontiguousarray(padded, dtype=np.float32)  # (channel, z, y, x)
        self.patch = tuple(patch)
        size = self.values.shape[1:]
        self.starts = [window_starts(*each) for each in zip(size, patch, stride, strict=True)]
        groups: dict[tuple, list[tuple[int, ...]]] = {}
        for corner in product(*self.starts):
            groups.setdefault(self._seen_at(corner), []).append(corner)
        self.groups = list(groups.values())  # corners (z, y, x) of patches that are the same

    def _seen_at(self, corner: tuple[int, ...]) -> tuple:
        """The same for two patches only where they hold the same."""
        window = self._cut(corner)
        first = window[:, 0, 0, 0]
        flat = (window == first[:, None, None, None]).all()
        return ("flat", *first.tolist()) if flat else corner

    def _cut(self, corner: tuple[int, ...]) -> np.ndarray:
        z, y, x = (slice(c, c + side) for c, side in zip(corner, self.patch, strict=True))
        return self.values[:, z, y, x]

    def merged(
        self,
        run: Windows,
        device: torch.device,
        activation: Activation,
        batch: int = 1,
        progress: Callable[[float], None] | None = None,
    ) -> torch.Tensor:
        """Probabilities (class, z, y, x) on ``device`` by one network, which ``run`` runs."""
        import torch

        merge = None
        with torch.inference_mode():
            for first in range(0, len(self.groups), batch):
                chosen = self.groups[first : first + batch]
                windows = torch.from_numpy(np.stack([self._cut(same[0]) for same in chosen]))
                probabilities = _activate(run(windows.to(device)), activation)
                if merge is None:
                    classes, size = probabilities.shape[1], self.values.shape[1:]
                    merge = GaussianMerge(classes, size, self.patch, self.starts, device)
                for same, values in zip(chosen, probabilities, strict=True):
                    for corner in same:
                        merge.add(corner, values)
                if progress is not None:
                    progress((first + len(chosen)) / len(self.groups))
            return merge.mean()[(slice(None), *self._back)].contiguous()


def _activate(logits: torch.Tensor, activation: Activation) -> torch.Tensor:
    if activation == "softmax":
        return logits.softmax(dim=1)
    if activation == "sigmoid":
        return logits.sigmoid()
    raise ValueError(f"activation {activation!r} is neither softmax nor sigmoid")
