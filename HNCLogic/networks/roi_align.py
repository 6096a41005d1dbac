"""ROIAlign: the features within a box, as a small grid of fixed size. He et al. 2017, ICCV."""

from __future__ import annotations

import torch
from torch import nn


def roi_align(
    features: torch.Tensor,
    boxes: torch.Tensor,
    size: int = 7,
    spatial_scale: float = 1 / 8,
    samples: int = 2,
) -> torch.Tensor:
    """One box of each image: (n, channel, size, size) from ``features`` (n, channel, y, x).

    ``boxes`` (n, 4): x0, y0, x1, y1 in pixels of the input, as edges: pixel i reaches from i to
    i + 1. Each cell of the grid is the mean of ``samples`` by ``samples`` bilinear samples at
    evenly spaced points within it; no edge is rounded. As in Detectron2's "aligned" version half
    a pixel is taken off the scaled edges, for a feature's value stands at its pixel's middle.
    Points up to one pixel of the features outside have the value at the border, beyond 0.
    """
    height, width = features.shape[-2:]
    points = size * samples
    # Coordinates in float32 whatever the features are computed in: bf16 would shift the box.
    edges = boxes.float() * spatial_scale - 0.5
    share = (torch.arange(points, device=boxes.device, dtype=torch.float32) + 0.5) / points
    x = edges[:, 0:1] + (edges[:, 2:3] - edges[:, 0:1]) * share  # (n, points)
    y = edges[:, 1:2] + (edges[:, 3:4] - edges[:, 1:2]) * share
    # grid_sample with align_corners: -1 is the middle of the first pixel, 1 that of the last.
    across = (2 * x / max(width - 1, 1) - 1)[:, None, :].expand(-1, points, -1)
    down = (2 * y / max(height - 1, 1) - 1)[:, :, None].expand(-1, -1, points)
    grid = torch.stack((across, down), dim=-1)
    sampled = nn.functional.grid_sample(
        features.float(), grid, mode="bilinear", padding_mode="border", align_corners=True
    )
    near_x = ((x >= -1) & (x <= width))[:, None, None, :]
    near_y = ((y >= -1) & (y <= height))[:, None, :, None]
    sampled = sampled * (near_x & near_y)
    return nn.functional.avg_pool2d(sampled, samples).to(features.dtype)
