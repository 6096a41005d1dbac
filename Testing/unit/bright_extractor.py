"""A network that looks at what is bright, for tests of what follows its Grad-CAM."""

from __future__ import annotations

import torch


class Bright(torch.nn.Module):
    """An extractor whose heat map is the input itself."""

    def __init__(self):
        super().__init__()
        self.last_stage = torch.nn.Conv3d(1, 1, 1, bias=False)
        torch.nn.init.ones_(self.last_stage.weight)

    def forward(self, x):
        return self.last_stage(x).sum(dim=(2, 3, 4))
