"""Grad-CAM of a network that reads a tumour's slices: which places of them speak for a class.

As ``grad_cam`` (Selvaraju et al. 2017), with the channels of all branches as one layer's: what a
class gains over all others together is explained, so that of two classes one is the other's
opposite.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from HNCLogic.explain.grad_cam import explained

if TYPE_CHECKING:
    import torch

    from HNCLogic.networks.parotid import ParotidNet
    from HNCLogic.networks.parotid_sequence import SequenceReading


class SliceCam(NamedTuple):
    reading: SequenceReading  # of the same pass
    maps: np.ndarray  # float32 (class, slice, y', x'), not negative: on the layer's own cells


def slice_cam(network: ParotidNet, slices: torch.Tensor, boxes: torch.Tensor) -> SliceCam:
    """Of one patient's ``slices`` (slice, channel, y, x) with ``boxes`` (slice, 4), for each class.

    The layer is the last before the box is cut out (``stages`` of each branch). One pass forward;
    backward only from the logits to that layer, once a class.
    """
    import torch

    network.eval()
    device = next(network.parameters()).device
    present = torch.ones((1, len(slices)), dtype=torch.bool, device=device)
    with explained(network, [branch.stages for branch in network.branches]) as layers:
        reading = network.read(slices[None].to(device), boxes[None].to(device), present)
        logits = reading.logits[0]
        gradients = []
        for index in range(len(logits)):
            others = torch.cat([logits[:index], logits[index + 1 :]])
            gain = logits[index] - others.logsumexp(dim=0)
            gradients.append(torch.autograd.grad(gain, layers, retain_graph=True))
    with torch.no_grad():
        maps = [
            sum(
                (each.mean(dim=(2, 3), keepdim=True) * layer).sum(dim=1)
                for each, layer in zip(of_class, layers, strict=True)
            ).relu()
            for of_class in gradients
        ]
        return SliceCam(reading, torch.stack(maps).float().cpu().numpy())
