"""GMGENet of Wang et al. 2022: an extractor points at a VOI, a classifier judges it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from HNCLogic.networks.dense_net_3d import DenseNet3d


class GMGENet(nn.Module):
    """Two 3D DenseNets that share no weights and are trained one after the other.

    ``extractor`` and ``classifier`` are the arguments of ``DenseNet3d`` for each but
    ``in_channels``, which both have. Each takes (batch, in_channels, z, y, x) and gives logits
    (batch, 1) of extension: the extractor of the whole volume, the classifier of the VOI that is
    cut out between the two (``methods.gradcam_voi``). So the module itself has no ``forward``.
    """

    def __init__(
        self, extractor: Mapping[str, Any], classifier: Mapping[str, Any], in_channels: int = 1
    ):
        super().__init__()
        self.extractor = DenseNet3d(in_channels=in_channels, **extractor)
        self.classifier = DenseNet3d(in_channels=in_channels, **classifier)


def joined(
    extractor: Mapping[str, torch.Tensor], classifier: Mapping[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    """The ``state_dict`` of a ``GMGENet`` from those of its two networks."""
    parts = {"extractor": extractor, "classifier": classifier}
    return {f"{part}.{name}": value for part, held in parts.items() for name, value in held.items()}
