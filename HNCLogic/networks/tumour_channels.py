"""The presence network while it is taught where the tumour is: its two tumour channels."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

CHANNELS = 2


class Guided(nn.Module):
    """``network`` (a PresenceNet), giving its tumour channels: (batch, 2, z', y', x'), from 0 up.

    What the last residual block would put into those channels is switched off, so that they hold
    what the attention block's two branches make of all others: zero where they see no tumour.
    Its weights go by the network's own names.
    """

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network
        residual, attention = network.last_stage
        with torch.no_grad():
            for norm in (residual.body[-1], residual.shortcut[-1]):
                norm.weight[:CHANNELS] = 0.0  # and stays 0: the ReLU behind passes no gradient
                norm.bias[:CHANNELS] = 0.0
            attention.features.bias[:CHANNELS] = 0.5  # begin open: a closed ReLU never learns

    def state_dict(self, *args, **keywords) -> dict[str, torch.Tensor]:
        return self.network.state_dict(*args, **keywords)

    def load_state_dict(self, state, *args, **keywords):
        return self.network.load_state_dict(state, *args, **keywords)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.network.features(x)[:, :CHANNELS]


def pooled_channels(network: nn.Module, windows: np.ndarray) -> np.ndarray:
    """What is pooled of the tumour channels, (window, 2), for windows (window, channel, …)."""
    network.eval()
    device = next(network.parameters()).device
    with torch.inference_mode():
        x = network.features(torch.from_numpy(windows.astype(np.float32)).to(device))
        return x[:, :CHANNELS].mean(dim=(2, 3, 4)).double().cpu().numpy()
