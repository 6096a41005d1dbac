"""ResNet-18's stem and first two stages, by torchvision's names: He et al. 2016, CVPR."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from HNCLogic.errors import InputError

STRIDE = 8  # input pixels to a pixel of the features: stem 4, second stage 2


class BasicBlock(nn.Module):
    """Two 3x3 convolutions, each normalised, added to the input, then activated.

    Named as in torchvision (conv1, bn1, conv2, bn2, downsample), so that its weights fit.
    """

    def __init__(self, channels_in: int, channels_out: int, stride: int = 1):
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels_out, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels_out)
        self.conv2 = nn.Conv2d(channels_out, channels_out, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels_out)
        self.downsample = (
            None
            if stride == 1 and channels_in == channels_out
            else nn.Sequential(
                nn.Conv2d(channels_in, channels_out, 1, stride, bias=False),
                nn.BatchNorm2d(channels_out),
            )
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        along = x if self.downsample is None else self.downsample(x)
        body = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        return torch.relu(body + along)


class ResNetStages(nn.Module):
    """conv1, bn1, ReLU, max-pool, layer1, layer2 of ResNet-18.

    Takes (batch, 3, y, x); gives (batch, widths[1], ceil(y / 8), ceil(x / 8)). With the default
    ``widths`` (of stem and layer1, and of layer2) the weights are those of torchvision's resnet18.
    """

    def __init__(self, widths: Sequence[int] = (64, 128)):
        super().__init__()
        first, second = widths
        self.conv1 = nn.Conv2d(3, first, 7, 2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(first)
        self.layer1 = nn.Sequential(BasicBlock(first, first), BasicBlock(first, first))
        self.layer2 = nn.Sequential(BasicBlock(first, second, 2), BasicBlock(second, second))
        for module in self.modules():  # as He et al. 2015 begin where no weights are given
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.bn1(self.conv1(x)))
        return self.layer2(self.layer1(nn.functional.max_pool2d(x, 3, 2, padding=1)))


def begin_with_imagenet(stages: ResNetStages, path: Path) -> None:
    """Put the weights of a resnet18 in a safetensors file into ``stages``.

    The file has torchvision's names; what belongs to later stages is left out. Raises InputError
    where the file cannot be read, lacks a weight or has one of another shape or not finite;
    ``stages`` is then as it was.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        held = load_file(path)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error
    except SafetensorError as error:
        raise InputError(f"{path} is not a safetensors file: give resnet18's weights") from error
    wanted = stages.state_dict()
    taken = {}
    for name, own in wanted.items():
        if name.endswith("num_batches_tracked"):  # a counter that no answer depends on
            taken[name] = held.get(name, own)
            continue
        if name not in held:
            raise InputError(f"{path} has no {name}: give resnet18's weights, torchvision's names")
        if held[name].shape != own.shape:
            raise InputError(
                f"{path}: {name} is of shape {tuple(held[name].shape)}, needed is "
                f"{tuple(own.shape)}: give resnet18's weights, and keep the default widths"
            )
        if not torch.isfinite(held[name]).all():
            raise InputError(f"{path}: {name} is not finite: fetch the weights again")
        taken[name] = held[name]
    stages.load_state_dict(taken)
