"""First stage of Liu 2022: what kind of tumour does one slice show within its box?"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from HNCLogic.networks.resnet_stages import STRIDE, ResNetStages
from HNCLogic.networks.roi_align import roi_align


class SliceClassifier(nn.Module):
    """ResNet-18's first two stages, ROIAlign on the box, fully connected with dropout.

    Liu 2022, Deep Learning Paradigms and figure 2. Where the paper is silent: ``roi`` cells a
    side, a fully connected layer of ``features`` values before the last one, whose output is the
    vector of the slice that the second stage goes on with.

    Takes slices (n, 3, y, x) and boxes (n, 4), x0, y0, x1, y1 in pixels as edges (see
    ``roi_align``); gives logits (n, classes).
    """

    def __init__(
        self,
        classes: int = 2,
        widths: Sequence[int] = (64, 128),
        roi: int = 7,
        features: int = 256,
        dropout: float = 0.5,
    ):
        super().__init__()
        self.roi = roi
        self.stages = ResNetStages(widths)
        self.vector = nn.Linear(widths[1] * roi * roi, features)
        self.dropout = nn.Dropout(dropout)
        self.logits = nn.Linear(features, classes)

    def features(self, slices: torch.Tensor, boxes: torch.Tensor) -> torch.Tensor:
        """The vector of each slice, (n, features), none below 0."""
        inside = roi_align(self.stages(slices), boxes, self.roi, 1 / STRIDE)
        return torch.relu(self.vector(inside.flatten(1)))

    def forward(self, slices: torch.Tensor, boxes: torch.Tensor) -> torch.Tensor:
        return self.logits(self.dropout(self.features(slices, boxes)))
