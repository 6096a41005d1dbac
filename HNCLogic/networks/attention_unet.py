"""The network of Nikulin 2023: residual 3D U-Net with self-attention at the bottom."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import nn

from HNCLogic.networks.blocks import ResidualBlock


class InstanceNorm(nn.Module):
    """Instance norm with weight and bias, in whichever of torch's kernels is fastest.

    One group per channel is instance norm, and the faster kernel forward. With one sample, batch
    norm over the batch's own statistics is instance norm too, and trains twice as fast on a CPU.
    """

    def __init__(self, channels: int, epsilon: float = 1e-5):
        super().__init__()
        self.epsilon = epsilon
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.training and len(x) == 1:
            return nn.functional.batch_norm(
                x, None, None, self.weight, self.bias, training=True, eps=self.epsilon
            )
        return nn.functional.group_norm(x, x.shape[1], self.weight, self.bias, self.epsilon)


def _norm(channels: int) -> nn.Module:
    return InstanceNorm(channels)


def _leaky() -> nn.Module:
    return nn.LeakyReLU(0.01, inplace=True)


class BottomAttention(nn.Module):
    """Multi-head self-attention over all voxels of a small volume, added to its input.

    Each voxel is a token; a learned position embedding is added first, and tokens are
    layer-normalised before attention. ``size`` is the volume's (z, y, x), which is fixed by the
    embedding.
    """

    def __init__(self, channels: int, heads: int, size: tuple[int, int, int]):
        super().__init__()
        self.position = nn.Parameter(torch.empty(1, math.prod(size), channels))
        nn.init.trunc_normal_(self.position, std=0.02)
        self.norm = nn.LayerNorm(channels)
        self.attention = nn.MultiheadAttention(channels, heads, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        tokens = x.flatten(2).transpose(1, 2) + self.position
        query = self.norm(tokens)
        tokens = tokens + self.attention(query, query, query, need_weights=False)[0]
        return tokens.transpose(1, 2).reshape(x.shape)


class AttentionUNet(nn.Module):
    """Residual 3D U-Net, one stride-2 step between ``widths``, self-attention at the bottom.

    Nikulin 2023 states the residual U-Net and the self-attention block; widths, heads, learned
    position embedding, instance norm, leaky ReLU and transposed convolutions are defaults.

    Takes (batch, in_channels, *patch), ``patch`` being (z, y, x), each divisible by 2 for every
    step down; gives logits (batch, classes, *patch): the softmax is the caller's. Any other size
    raises ValueError, for the position embedding is made for the patch.
    """

    def __init__(
        self,
        in_channels: int = 2,
        classes: int = 3,
        widths: Sequence[int] = (32, 64, 128, 256, 320),
        heads: int = 8,
        patch: Sequence[int] = (32, 128, 128),
    ):
        super().__init__()
        shrink = 2 ** (len(widths) - 1)
        if any(side % shrink for side in patch):
            raise ValueError(f"patch {tuple(patch)} must be divisible by {shrink} on every axis")
        if widths[-1] % heads:
            raise ValueError(f"the last width, {widths[-1]}, must be divisible by {heads} heads")
        self.patch = tuple(patch)
        self.down = nn.ModuleList(
            ResidualBlock(narrow, wide, 1 if level == 0 else 2, _norm, _leaky)
            for level, (narrow, wide) in enumerate(
                zip((in_channels, *widths[:-1]), widths, strict=True)
            )
        )
        bottom = tuple(side // shrink for side in patch)
        self.attention = BottomAttention(widths[-1], heads, bottom)
        steps = list(zip(widths[:0:-1], widths[-2::-1], strict=True))
        self.up = nn.ModuleList(
            nn.ConvTranspose3d(wide, narrow, 2, stride=2) for wide, narrow in steps
        )
        self.joined = nn.ModuleList(
            ResidualBlock(2 * narrow, narrow, 1, _norm, _leaky) for _, narrow in steps
        )
        self.head = nn.Conv3d(widths[0], classes, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if tuple(x.shape[2:]) != self.patch:
            raise ValueError(
                f"this network takes patches of {self.patch} (z, y, x), not {tuple(x.shape[2:])}"
            )
        skips = []
        for block in self.down[:-1]:
            x = block(x)
            skips.append(x)
        # The bottom is a few voxels and little work. In float32 also under autocast: oneDNN's
        # bfloat16 gradient of so small a convolution was seen to be infinite.
        with torch.autocast(x.device.type, enabled=False):
            x = self.attention(self.down[-1](x.to(self.head.weight.dtype)))
        for up, block in zip(self.up, self.joined, strict=True):
            x = block(torch.cat([up(x), skips.pop()], dim=1))
        return self.head(x)
