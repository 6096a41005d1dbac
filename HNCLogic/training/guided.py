"""Method 1 taught from a small cohort: one channel is shown where the tumour is.

From a few dozen patients the label alone teaches a network little: a lesion of 8 ml is a
thousandth of a window, and pooling dilutes it as much. So the last attention block's first
channel is taught to be tumour and nothing else, on small patches; what is pooled of it then says
how much tumour a window holds, and the dense layer learns only from how much on a window is
positive. The network itself stays the paper's, and so does what it computes.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from HNCLogic.training.losses import focal

LESION_WEIGHT = 3.0  # of tumour voxels in a patch, beside all others
CHANNEL = 0
KNOTS = (0.0, 0.2, 0.4, 0.6, 0.8, 0.95)  # quantiles at which the fitted logit may bend


class Guided(nn.Module):
    """``network`` (a PresenceNet), giving its tumour channel: (batch, z', y', x'), from 0 up.

    What the last residual block would put into that channel is switched off, so that it holds
    what the attention block's two branches make of all others: zero where they see no tumour.
    """

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network
        residual, attention = network.last_stage
        with torch.no_grad():
            for norm in (residual.body[-1], residual.shortcut[-1]):
                norm.weight[CHANNEL] = 0.0  # and stays 0: the ReLU behind it passes no gradient
                norm.bias[CHANNEL] = 0.0
            attention.features.bias[CHANNEL] = 0.5  # begin open: a closed ReLU never learns

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.network.entry(x)
        for stage in self.network.stages:
            x = stage(x)
        return x[:, CHANNEL]


def tumour_channel_loss(channel: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of the probability 1 - exp(-channel); ``mask`` (batch, z, y, x) of 0 and 1.

    A coarse voxel counts as tumour by the share of it that is. Elsewhere the loss is the channel
    itself, which drives it to zero and not only toward it.
    """
    channel = channel.float()
    share = nn.functional.adaptive_avg_pool3d(mask[:, None], channel.shape[1:])[:, 0]
    there = -torch.log(-torch.expm1(-channel.clamp(min=1e-3)))
    return (LESION_WEIGHT * share * there + (1 - share) * channel).mean()


def pooled_channel(network: nn.Module, windows: np.ndarray) -> np.ndarray:
    """What is pooled of the tumour channel, (window,), for float windows (window, channel, …)."""
    network.eval()
    with torch.inference_mode():
        x = network.entry(torch.from_numpy(windows.astype(np.float32)))
        for stage in network.stages:
            x = stage(x)
        return x[:, CHANNEL].mean(dim=(1, 2, 3)).double().numpy()


def fit_head(network: nn.Module, pooled: np.ndarray, positive: np.ndarray, seed: int) -> None:
    """Fit dense layer and logit to windows' ``pooled`` tumour channel and labels, both (window,).

    A large tumour pools a hundred times what a small one does. So the dense layer's first units
    bend at quantiles of the pooled values, which makes the logit a line with knots there; its
    slopes are fitted by focal loss with Adam. All other weights become 0.
    """
    torch.manual_seed(seed)
    knots = np.unique(np.quantile(pooled, KNOTS))[: network.dense.out_features]
    scale = float(knots[-1] - knots[0]) / len(knots) + 1e-9
    bends = np.maximum((pooled[:, None] - knots) / scale, 0.0)
    z, labels = (torch.from_numpy(np.asarray(a, dtype=np.float32)) for a in (bends, positive))
    slopes = nn.Linear(len(knots), 1)
    optimiser = torch.optim.Adam(slopes.parameters(), lr=5e-2, weight_decay=1e-3)
    for _ in range(600):
        optimiser.zero_grad()
        loss = focal(slopes(z)[:, 0], labels)
        loss.backward()
        optimiser.step()
    with torch.no_grad():
        for part in (*network.dense.parameters(), network.logit.weight):
            part.zero_()
        units = slice(0, len(knots))
        network.dense.weight[units, CHANNEL] = 1.0 / scale
        network.dense.bias[units] = torch.from_numpy(-knots / scale).float()
        network.logit.weight[0, units] = slopes.weight[0]
        network.logit.bias.copy_(slopes.bias)
