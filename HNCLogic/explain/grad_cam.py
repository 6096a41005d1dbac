"""Grad-CAM in 3D: which places made the network's answer what it is.

Selvaraju et al. 2017: a layer's channels, each weighed by the mean of the answer's gradient over
that channel, summed, negative values cut off. The answer is the logit: a map summed over the
layer's voxels is what these places add to the log-odds, so maps of windows of one size can be
compared and averaged as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from HNCLogic.inference.backends import Numbers, in_numbers
from HNCLogic.inference.ensemble import AT_ONCE
from HNCLogic.inference.merging import gaussian
from HNCLogic.inference.windows import pad_to, window_starts

if TYPE_CHECKING:
    import torch


class GradCam(NamedTuple):
    maps: np.ndarray  # float32 (n, z, y, x), not negative, on the windows' voxels
    logits: np.ndarray  # float64 (n,): the answers, from the same pass


@dataclass
class HeatStack:
    """Grad-CAM of a whole stack.

    ``values`` float32 (z, y, x), 0 to 1, 1 at the hottest voxel of this patient; all 0 where
    nothing speaks for cancer. ``peak`` is what was divided by. ``probabilities``, float64
    (fold, window), come from the same passes and equal ``window_probabilities``.
    """

    values: np.ndarray
    peak: float
    probabilities: np.ndarray


def grad_cam(
    network: torch.nn.Module,
    layer: torch.nn.Module,
    batch: torch.Tensor,
    numbers: Numbers = "exact",
) -> GradCam:
    """Grad-CAM of each window of ``batch`` (n, channel, z, y, x) at ``layer``'s output.

    ``network`` gives one logit per window and is put into evaluation mode, so that windows do
    not depend on each other. The map is enlarged to the window trilinearly, voxel corners kept
    in place. One pass forward; backward only from the logit to the layer.
    """
    import torch
    from torch.nn.functional import interpolate

    layout, casting = in_numbers(network, numbers == "quick")
    with explained(network, [layer]) as kept, casting():
        device = next(network.parameters()).device
        given = batch.to(device).contiguous(memory_format=layout)
        logits = network(given).reshape(len(batch), -1).sum(dim=1)
        (gradient,) = torch.autograd.grad(logits.sum(), kept)
    with torch.no_grad():
        weights = gradient.float().mean(dim=(2, 3, 4), keepdim=True)
        coarse = (weights * kept[0].float()).sum(dim=1, keepdim=True).relu()
        maps = interpolate(coarse, batch.shape[2:], mode="trilinear", align_corners=False)[:, 0]
        return GradCam(maps.float().cpu().numpy(), logits.double().cpu().numpy())


@contextmanager
def explained(network: torch.nn.Module, layers: Iterable[torch.nn.Module]):
    """Gives the list in which the outputs of ``layers`` stand once ``network`` has run.

    Each is a leaf of its own: gradients are asked for here, and nothing before it is remembered.
    """
    import torch

    kept: list[torch.Tensor] = []

    def keep(_module, _inputs, output):
        kept.append(output.detach().requires_grad_())
        return kept[-1]

    handles = [layer.register_forward_hook(keep) for layer in layers]
    try:
        with _frozen(network), torch.inference_mode(False), torch.enable_grad():
            yield kept
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def _frozen(network: torch.nn.Module):
    """No parameter asks for a gradient meanwhile; without it the whole network is remembered."""
    asking = [p for p in network.parameters() if p.requires_grad]
    for parameter in asking:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in asking:
            parameter.requires_grad_(True)


def heat_stack(
    networks: Iterable[torch.nn.Module],
    count: int,
    stack: np.ndarray,
    window: int,
    stride: int,
    *,
    outside: float = 0.0,
    batch: int = AT_ONCE,
    numbers: Numbers = "exact",
    progress: Callable[[float, str], None] | None = None,
) -> HeatStack:
    """Grad-CAM of ``stack`` (channel, z, y, x), mean of ``count`` networks.

    Each network has ``last_stage``, the layer that is explained. Windows lie as in
    ``window_probabilities``. Where windows overlap, the mean is taken, each weighed along z by
    a Gaussian as wide as the window: a window knows least about its ends. Windows and networks
    are merged as they are, and only the patient's whole map is scaled to 0 … 1,
    so that a window that found nothing does not glow.
    """
    import torch

    padded, back = pad_to(stack, (window, *stack.shape[2:]), outside)
    inputs = torch.from_numpy(np.ascontiguousarray(padded, dtype=np.float32))
    starts = window_starts(inputs.shape[1], window, stride)
    weight = gaussian(window)[:, None, None]
    total = np.zeros(inputs.shape[1:], dtype=np.float32)
    covered = np.zeros((inputs.shape[1], 1, 1), dtype=np.float32)
    for start in starts:
        covered[start : start + window] += count * weight
    rows = []
    for done, network in enumerate(networks):
        row: list[float] = []
        for first in range(0, len(starts), batch):
            chosen = starts[first : first + batch]
            windows = torch.stack([inputs[:, start : start + window] for start in chosen])
            cam = grad_cam(network, network.last_stage, windows, numbers)
            for start, one in zip(chosen, cam.maps, strict=True):
                total[start : start + window] += weight * one
            row += (0.5 + 0.5 * np.tanh(cam.logits / 2)).tolist()  # the sigmoid, never overflowing
            if progress is not None:
                share = (done + len(row) / len(starts)) / count
                progress(share, f"heat map, network {done + 1} of {count}")
        rows.append(row)
    merged = np.ascontiguousarray((total / covered)[back])
    peak = float(merged.max())
    return HeatStack(merged / peak if peak > 0 else merged, peak, np.array(rows))
