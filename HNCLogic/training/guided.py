"""Method 1 trained with a guide: what saves a small cohort, and is folded away afterwards.

From a few dozen patients the label alone teaches a network little: a lesion of 8 ml is a
thousandth of a window, and pooling dilutes it as much. Two things help while training. A side
branch is shown where the tumour is; it is thrown away. The pooled features are standardised over
the batch before the dense layer; that is folded into the dense layer's weights. The network that
is kept is the paper's.
"""

from __future__ import annotations

import torch
from torch import nn

from HNCLogic.training.loop import focal_loss

MASK_WEIGHT = 0.5  # of the side branch's loss beside that of the label
LESION_WEIGHT = 20.0  # lesions are a small part of a window


class Guided(nn.Module):
    """``network`` (a PresenceNet) with a side branch and standardised pooled features.

    Takes (batch, channel, z, y, x); gives (logits (batch, 1), map (batch, 1, z', y', x')).
    """

    def __init__(self, network: nn.Module, width: int):
        super().__init__()
        self.network = network
        self.branch = nn.Conv3d(width, 1, 1)
        self.standard = nn.BatchNorm1d(width, affine=False)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        network = self.network
        x = network.entry(x)
        for stage in network.stages:
            x = stage(x)
        pooled = self.standard(x.float().mean(dim=(2, 3, 4)))
        hidden = network.dropout(torch.relu(network.dense(pooled)))
        return network.logit(hidden), self.branch(x)

    def folded(self) -> dict[str, torch.Tensor]:
        """Weights of a PresenceNet that, alone, gives the logits this one gives in evaluation."""
        state = {k: v.detach().clone() for k, v in self.network.state_dict().items()}
        scale = torch.rsqrt(self.standard.running_var + self.standard.eps)
        weight = self.network.dense.weight.detach()
        state["dense.weight"] = weight * scale
        shift = (weight * scale) @ self.standard.running_mean
        state["dense.bias"] = self.network.dense.bias.detach() - shift
        return state


def guided_loss(output: tuple[torch.Tensor, torch.Tensor], mask: torch.Tensor) -> torch.Tensor:
    """Focal loss of the label plus cross-entropy of the map; ``mask`` (batch, z, y, x) of 0 and 1.

    A window is positive where the mask marks anything. A coarse voxel counts as lesion by the
    share of it that is.
    """
    logits, coarse = (part.float() for part in output)
    positive = (mask.flatten(1).amax(dim=1) > 0).float()
    share = nn.functional.adaptive_avg_pool3d(mask[:, None], coarse.shape[2:])
    on_map = nn.functional.binary_cross_entropy_with_logits(
        coarse, share, pos_weight=torch.tensor(LESION_WEIGHT, device=coarse.device)
    )
    return focal_loss(logits[:, 0], positive) + MASK_WEIGHT * on_map
