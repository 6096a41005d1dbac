"""Is there cancer in this stretch of the neck? As much as a network that outlines tumours finds."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from HNCLogic.networks.attention_unet import AttentionUNet


class OutlinePresence(AttentionUNet):
    """The network of Nikulin 2023, and what it outlines weighed into one logit.

    Ours. The probabilities of every class but the first (background) are summed over the window;
    that is an expected tumour volume in ml, and the logit is
    ``offset + slope * log(volume + least_ml)``. The weights are those of an ``AttentionUNet`` as
    they are; ``slope`` and ``offset`` are a logistic regression on patients it did not see.

    Takes (batch, in_channels, *patch), voxels of ``voxel_ml`` each; gives logits (batch, 1): the
    sigmoid is the caller's. ``last_stage``, the last block before the classes, is what Grad-CAM
    explains.
    """

    def __init__(
        self,
        *,
        voxel_ml: float = 0.015625,
        least_ml: float = 0.1,
        slope: float = 1.0,
        offset: float = 0.0,
        **outlining: Any,
    ):
        """``outlining``: the arguments of ``AttentionUNet``."""
        super().__init__(**outlining)
        self.voxel_ml, self.least_ml = voxel_ml, least_ml
        self.slope, self.offset = slope, offset

    @property
    def last_stage(self) -> nn.Module:
        return self.joined[-1]

    def volume_ml(self, x: torch.Tensor) -> torch.Tensor:
        """Expected volume of tumour in each window, (batch,), float32."""
        # Summed in float32: half precision ends at a few thousand voxels.
        tumour = super().forward(x).float().softmax(dim=1)[:, 1:]
        return tumour.sum(dim=(1, 2, 3, 4)) * self.voxel_ml

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logit = self.offset + self.slope * torch.log(self.volume_ml(x) + self.least_ml)
        return logit[:, None]
