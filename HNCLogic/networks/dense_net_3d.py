"""3D DenseNet, the core of both networks of GMGENet (Wang et al. 2022)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn.functional import avg_pool3d


class DenseLayer(nn.Module):
    """Batch norm, ReLU and convolution; what it finds is put behind its input's channels.

    Huang et al. 2017, section 3: a 1x1x1 bottleneck to ``bottleneck`` x ``growth`` channels
    comes before the 3x3x3 convolution (DenseNet-B); without one where ``bottleneck`` is 0.
    Takes (batch, channels, z, y, x), gives (batch, channels + growth, z, y, x).
    """

    def __init__(self, channels: int, growth: int, bottleneck: int, dropout: float):
        super().__init__()
        narrow = bottleneck * growth
        parts = [nn.BatchNorm3d(channels), nn.ReLU(inplace=True)]
        if narrow:
            parts += [nn.Conv3d(channels, narrow, 1, bias=False)]
            parts += [nn.BatchNorm3d(narrow), nn.ReLU(inplace=True)]
        parts += [nn.Conv3d(narrow or channels, growth, 3, padding=1, bias=False)]
        parts += [nn.Dropout(dropout)]
        self.layers = nn.Sequential(*parts)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([x, self.layers(x)], dim=1)


class Transition(nn.Module):
    """Between two dense blocks: batch norm, ReLU, 1x1x1 convolution, averages of 2x2x2 voxels.

    Odd sides are rounded up, the last voxel's mean being over what is there: a VOI of 25 slices
    keeps one after any number of transitions.
    """

    def __init__(self, channels: int, fewer: int):
        super().__init__()
        self.layers = nn.Sequential(
            nn.BatchNorm3d(channels),
            nn.ReLU(inplace=True),
            nn.Conv3d(channels, fewer, 1, bias=False),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.layers(x)
        sides = [min(2, side) for side in x.shape[2:]]  # a side of one voxel cannot be halved
        return avg_pool3d(x, sides, sides, ceil_mode=True)


class DenseNet3d(nn.Module):
    """3D DenseNet with one output, size-invariant.

    Wang et al. 2022, section 3.1: a 3D DenseNet (Huang et al. 2017) with five dense blocks. The
    rest is ours where the paper is silent: ``growth`` channels a layer, ``layers`` of each block,
    ``compression`` the share of channels a transition keeps, ``bottleneck`` as of ``DenseLayer``,
    a first 3x3x3 convolution to ``stem_filters`` channels with stride ``stem_stride``, ``dropout``
    after each layer; global average pooling and one dense layer end it.

    Takes (batch, in_channels, z, y, x) of any size from 1 voxel a side (training: several voxels
    or scans, as batch norm needs); gives logits (batch, 1): the sigmoid is the caller's.
    ``last_stage`` is the last dense block with the batch norm and ReLU behind it, whose output is
    what is pooled: Grad-CAM explains it.
    """

    def __init__(
        self,
        in_channels: int = 1,
        growth: int = 16,
        layers: Sequence[int] = (2, 2, 4, 4, 4),
        compression: float = 0.5,
        bottleneck: int = 4,
        stem_filters: int = 32,
        stem_stride: int = 2,
        dropout: float = 0.0,
    ):
        super().__init__()
        self.stem = nn.Conv3d(
            in_channels, stem_filters, 3, stride=stem_stride, padding=1, bias=False
        )
        channels, stages = stem_filters, []
        for level, count in enumerate(layers):
            parts: list[nn.Module] = []
            if level:
                fewer = max(int(channels * compression), 1)
                parts.append(Transition(channels, fewer))
                channels = fewer
            for _ in range(count):
                parts.append(DenseLayer(channels, growth, bottleneck, dropout))
                channels += growth
            if level == len(layers) - 1:
                parts += [nn.BatchNorm3d(channels), nn.ReLU(inplace=True)]
            stages.append(nn.Sequential(*parts))
        self.stages = nn.ModuleList(stages)
        self.logit = nn.Linear(channels, 1)

    @property
    def last_stage(self) -> nn.Module:
        return self.stages[-1]

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """What ``last_stage`` gives, (batch, channel, z', y', x'): what is pooled."""
        x = self.stem(x)
        for stage in self.stages:
            x = stage(x)
        return x

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.logit(self.features(x).mean(dim=(2, 3, 4)))
