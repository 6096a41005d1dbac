"""Building blocks that the networks share. Tensors have axes (batch, channel, z, y, x)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn


class ResidualBlock(nn.Module):
    """Two 3x3x3 convolutions, each normalised, added to the input, then activated.

    Where width or size change, the input is brought along by a normalised 1x1x1 convolution with
    the same stride (He et al. 2016, projection shortcut).

    ``norm`` makes a normalisation from a number of channels, ``activation`` an activation.
    """

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        stride: int,
        norm: Callable[[int], nn.Module],
        activation: Callable[[], nn.Module],
    ):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv3d(channels_in, channels_out, 3, stride=stride, padding=1, bias=False),
            norm(channels_out),
            activation(),
            nn.Conv3d(channels_out, channels_out, 3, padding=1, bias=False),
            norm(channels_out),
        )
        self.shortcut = (
            nn.Identity()
            if stride == 1 and channels_in == channels_out
            else nn.Sequential(
                nn.Conv3d(channels_in, channels_out, 1, stride=stride, bias=False),
                norm(channels_out),
            )
        )
        self.activation = activation()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.activation(self.body(x) + self.shortcut(x))


class GatedAttention(nn.Module):
    """Two parallel 1x1x1 convolutions that learn different channel-wise transformations.

    Liedes 2025, section 3.3, has the two outputs "merged and reactivated". The paper does not
    say how; here one branch (ReLU) is scaled voxel by voxel by the other (sigmoid), the product
    is added to the input and the sum goes through a ReLU. Shape is kept.
    """

    def __init__(self, channels: int):
        super().__init__()
        self.features = nn.Conv3d(channels, channels, 1)
        self.gate = nn.Conv3d(channels, channels, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(x + torch.relu(self.features(x)) * torch.sigmoid(self.gate(x)))
