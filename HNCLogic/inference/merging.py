"""Overlapping windows back into one volume, windows' centres weighing most."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

# Full width at half maximum of a Gaussian, in standard deviations.
FWHM = 2 * math.sqrt(2 * math.log(2))


def gaussian(side: int) -> np.ndarray:
    """Weights (side,), float32, of a Gaussian whose full width at half maximum is ``side``.

    Nikulin 2023: "full-widths at half-maximum equal to the patch side lengths", which makes the
    standard deviation 0.4247 sides. Centred between the voxels' centres, 1 in the middle.
    """
    sigma = side / FWHM
    x = np.arange(side) - (side - 1) / 2
    return np.exp(-(x**2) / (2 * sigma**2)).astype(np.float32)


class GaussianMerge:
    """Weighted mean of overlapping patches in one volume.

    Patches of ``patch`` (z, y, x) voxels are added where they belong; ``mean`` is then, voxel by
    voxel, the mean of the patches that cover it, each weighed by a 3D Gaussian (``gaussian`` on
    every axis, multiplied). The windows must be all combinations of the ``starts`` per axis,
    which makes the sum of their weights a product of three short sums.
    """

    def __init__(
        self,
        channels: int,
        size: Sequence[int],
        patch: Sequence[int],
        starts: Sequence[Sequence[int]],
        device: torch.device | str = "cpu",
    ):
        import torch

        self.patch = tuple(patch)
        self.total = torch.zeros((channels, *size), device=device)
        self.weight = torch.ones((1, 1, 1), device=device)
        self.covered = []
        for axis, (side, length) in enumerate(zip(patch, size, strict=True)):
            shape = [-1 if other == axis else 1 for other in range(3)]
            own = gaussian(side)
            self.weight = self.weight * torch.from_numpy(own).to(device).reshape(shape)
            along = np.zeros(length)
            for start in starts[axis]:
                along[start : start + side] += own
            self.covered.append(torch.from_numpy(along).float().to(device).reshape(shape))

    def add(self, start: Sequence[int], values: torch.Tensor) -> None:
        """Add the patch ``values`` (channel, *patch) that begins at ``start`` (z, y, x)."""
        z, y, x = (slice(s, s + side) for s, side in zip(start, self.patch, strict=True))
        self.total[:, z, y, x].addcmul_(values, self.weight)

    def mean(self) -> torch.Tensor:
        """The merged volume (channel, z, y, x). Nothing can be added afterwards."""
        for along in self.covered:
            self.total /= along
        return self.total
