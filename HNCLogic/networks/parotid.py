"""Both stages of Liu 2022 together, with its ways to fuse MR sequences."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from HNCLogic.networks.parotid_fusion import Fusion, fused_channels
from HNCLogic.networks.parotid_sequence import SequenceClassifier, SequenceReading
from HNCLogic.networks.parotid_slice import SliceClassifier


class ParotidNet(nn.Module):
    """A slice classifier for each branch, and the sequence classifier over all of them.

    A single sequence is ``late-…`` with one channel. Takes slices (batch, slice, in_channels, y,
    x), boxes (batch, slice, 4) as ``SliceClassifier`` and ``present`` bool (batch, slice); gives
    logits (batch, classes). The slice classifiers are frozen (Liu 2022, two-stage training): no
    gradient, and their batch norm stays as it is in training, too. ``branches[i]`` by itself is
    what the first stage trains.
    """

    def __init__(
        self,
        in_channels: int = 3,
        classes: int = 2,
        fusion: Fusion = "late-splice",
        widths: Sequence[int] = (64, 128),
        roi: int = 7,
        features: int = 256,
        d_model: int = 256,
        heads: int = 4,
        layers: int = 1,
        feed_forward: int = 512,
        encoder_dropout: float = 0.1,
        dropout: float = 0.5,
    ):
        super().__init__()
        self.channels = fused_channels(fusion, in_channels)
        self.branches = nn.ModuleList(
            SliceClassifier(classes, widths, roi, features, dropout) for _ in self.channels
        )
        self.branches.requires_grad_(False)
        self.sequence = SequenceClassifier(
            classes,
            len(self.channels),
            "add" if fusion.endswith("add") else "splice",
            features,
            d_model,
            heads,
            layers,
            feed_forward,
            encoder_dropout,
            dropout,
        )
        self.train(self.training)

    def train(self, mode: bool = True) -> ParotidNet:
        super().train(mode)
        self.branches.eval()
        return self

    def vectors(
        self, slices: torch.Tensor, boxes: torch.Tensor, present: torch.Tensor
    ) -> torch.Tensor:
        """First stage: (batch, slice, branch, features), 0 at empty places.

        Nothing is remembered for gradients, but where an output inside is made a leaf (Grad-CAM):
        no parameter here asks for any.
        """
        shown, framed = slices[present], boxes[present]
        found = []
        for branch, channels in zip(self.branches, self.channels, strict=True):
            seen = shown[:, channels if len(channels) == 3 else channels * 3]
            found.append(branch.features(seen, framed))
        stacked = torch.stack(found, dim=1)
        out = stacked.new_zeros(*present.shape, *stacked.shape[1:])
        out[present] = stacked
        return out

    def read(
        self, slices: torch.Tensor, boxes: torch.Tensor, present: torch.Tensor
    ) -> SequenceReading:
        """Logits with attention and contribution of each slice."""
        return self.sequence.read(self.vectors(slices, boxes, present), present)

    def forward(
        self, slices: torch.Tensor, boxes: torch.Tensor, present: torch.Tensor
    ) -> torch.Tensor:
        return self.read(slices, boxes, present).logits
