"""The network of Liedes 2023: the original U-Net of Ronneberger et al. 2015, on single slices."""

from __future__ import annotations

import torch
from torch import nn


def _twice(channels_in: int, channels_out: int) -> nn.Sequential:
    """Two 3 x 3 convolutions, each with batch norm and ReLU."""
    layers: list[nn.Module] = []
    for before in (channels_in, channels_out):
        layers += [
            nn.Conv2d(before, channels_out, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels_out),
            nn.ReLU(inplace=True),
        ]
    return nn.Sequential(*layers)


class UNet2d(nn.Module):
    """2D U-Net: ``levels`` times two convolutions and 2 x 2 max pooling, and the same way back.

    Ronneberger et al. 2015, figure 1: ``base_filters`` channels, doubled at every level; up by
    2 x 2 transposed convolutions that halve them; the skipped features joined; a 1 x 1
    convolution at the end; ``dropout`` at the end of the way down; weights drawn as He et al. 2015
    do. Ours: padded convolutions, so that the output is as large as the input, and batch norm.

    Takes (batch, in_channels, y, x), sides divisible by 2 ** ``levels``; gives logits
    (batch, 1, y, x): the sigmoid is the caller's. Raises ValueError for other sides.
    """

    def __init__(
        self,
        in_channels: int = 2,
        base_filters: int = 64,
        levels: int = 4,
        dropout: float = 0.5,
    ):
        super().__init__()
        widths = [base_filters * 2**level for level in range(levels + 1)]
        self.down = nn.ModuleList(
            _twice(before, width)
            for before, width in zip((in_channels, *widths[:-1]), widths, strict=True)
        )
        self.pool = nn.MaxPool2d(2)
        self.dropout = nn.Dropout(dropout)
        steps = list(zip(widths[:0:-1], widths[-2::-1], strict=True))
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(wide, narrow, 2, stride=2) for wide, narrow in steps
        )
        self.joined = nn.ModuleList(_twice(2 * narrow, narrow) for _, narrow in steps)
        self.head = nn.Conv2d(base_filters, 1, 1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        shrink = 2 ** len(self.up)
        if x.shape[-1] % shrink or x.shape[-2] % shrink:
            raise ValueError(
                f"this network takes slices whose sides are divisible by {shrink}, not "
                f"{tuple(x.shape[-2:])}"
            )
        skips = []
        for block in self.down[:-1]:
            x = block(x)
            skips.append(x)
            x = self.pool(x)
        x = self.dropout(self.down[-1](x))
        for up, block in zip(self.up, self.joined, strict=True):
            x = block(torch.cat([skips.pop(), up(x)], dim=1))
        return self.head(x)
