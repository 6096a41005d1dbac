"""The network of Liedes 2025: is there cancer in this stretch of the neck?"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from HNCLogic.networks.blocks import GatedAttention, ResidualBlock


def _relu() -> nn.Module:
    return nn.ReLU(inplace=True)


class PresenceNet(nn.Module):
    """3D residual network with attention blocks and one output, size-invariant.

    Liedes 2025, section 3.3 and figure 1: an entry block (convolution, batch norm, ReLU), then
    per width in ``filters`` a residual and an attention block, global average pooling, a dense
    layer, one logit. Defaults where the paper is silent: ``entry_filters`` 32, stride 2 on
    entering every stage after the first, ``dropout`` 0.3 before the last layer.

    Takes (batch, in_channels, z, y, x) of any size from 2 voxels a side; gives logits (batch, 1):
    the sigmoid is the caller's. ``last_stage`` is the last convolutional stage before pooling,
    whose output Grad-CAM explains.
    """

    def __init__(
        self,
        in_channels: int = 1,
        entry_filters: int = 32,
        filters: Sequence[int] = (64, 128),
        dense: int = 512,
        dropout: float = 0.3,
    ):
        super().__init__()
        self.entry = nn.Sequential(
            nn.Conv3d(in_channels, entry_filters, 3, padding=1, bias=False),
            nn.BatchNorm3d(entry_filters),
            _relu(),
        )
        before = (entry_filters, *filters[:-1])
        self.stages = nn.ModuleList(
            nn.Sequential(
                ResidualBlock(narrow, wide, 1 if level == 0 else 2, nn.BatchNorm3d, _relu),
                GatedAttention(wide),
            )
            for level, (narrow, wide) in enumerate(zip(before, filters, strict=True))
        )
        self.dense = nn.Linear(filters[-1], dense)
        self.dropout = nn.Dropout(dropout)
        self.logit = nn.Linear(dense, 1)

    @property
    def last_stage(self) -> nn.Module:
        return self.stages[-1]

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """What ``last_stage`` gives, (batch, filters[-1], z', y', x'): what is pooled."""
        x = self.entry(x)
        for stage in self.stages:
            x = stage(x)
        return x

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        pooled = self.features(x).mean(dim=(2, 3, 4))
        return self.logit(self.dropout(torch.relu(self.dense(pooled))))
