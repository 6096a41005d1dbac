"""The network of Nikulin 2023 as a graph of OpenVINO's operations, its weights copied in.

Written out, not traced: OpenVINO's own converter runs the network several times before its first
answer, which takes longer than a patient. A module that is not known here makes no graph.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import torch
    from torch import nn

    from HNCLogic.networks.attention_unet import AttentionUNet, BottomAttention, InstanceNorm
    from HNCLogic.networks.blocks import ResidualBlock


def is_known(network: nn.Module) -> bool:
    """Can ``graph_of`` write this network out?"""
    from HNCLogic.networks.attention_unet import AttentionUNet

    return type(network) is AttentionUNet


def graph_of(network: AttentionUNet, exact: bool = True):
    """An ``openvino.Model`` that gives ``network``'s logits (1, class, *patch) for one patch
    (1, channel, *patch), as it is in evaluation mode. It keeps copies of the weights. ``exact``:
    is it to be computed in float32?"""
    import openvino
    from openvino import opset13 as ops

    channels = network.down[0].body[0].in_channels
    patch = ops.parameter([1, channels, *network.patch], np.float32, name="patch")
    return openvino.Model([_written(network, patch, exact)], [patch], "attention-unet")


def _written(module: nn.Module, x, exact: bool):
    """What ``module`` makes of the graph's node ``x``, as a node. KeyError: not known."""
    return _writers()[type(module)](module, x, exact)


def _constant(values: torch.Tensor, *shape: int):
    """A copy, for the network may get another fold's weights while this graph is in use.

    Made by itself: an operation that is given an array turns it into a list of numbers first,
    which takes as long as several patches.
    """
    from openvino.op import Constant

    array = np.ascontiguousarray(values.detach().float().cpu().numpy())
    return Constant(array.reshape(shape) if shape else array)


def _plus_bias(module: nn.Module, node):
    from openvino import opset13 as ops

    if module.bias is None:
        return node
    return ops.add(node, _constant(module.bias, 1, -1, 1, 1, 1))


def _convolution(module: nn.Conv3d, x, exact: bool):
    from openvino import opset13 as ops

    pads, weight = list(module.padding), _constant(module.weight)
    node = ops.convolution(x, weight, list(module.stride), pads, pads, list(module.dilation))
    return _plus_bias(module, node)


def _transposed_convolution(module: nn.ConvTranspose3d, x, exact: bool):
    from openvino import opset13 as ops

    weight = _constant(module.weight)
    return _plus_bias(module, ops.convolution_backprop_data(x, weight, strides=list(module.stride)))


def _instance_norm(module: InstanceNorm, x, exact: bool):
    """Not as group normalisation, which OpenVINO reshapes: each convolution's layout would be
    turned for it and back again, which takes a third of the time."""
    from openvino import opset13 as ops

    weight, bias = (_constant(each, 1, -1, 1, 1, 1) for each in (module.weight, module.bias))
    if exact:
        # OpenVINO's own norm sums up a channel's voxels one by one, which shows in the third
        # decimal of a probability: first by slices, the sums stay short.
        apart = ops.subtract(x, _mean_by_slices(x))
        variance = _mean_by_slices(ops.multiply(apart, apart))
        scale = ops.divide(weight, ops.sqrt(ops.add(variance, np.float32(module.epsilon))))
        return ops.add(ops.multiply(apart, scale), bias)
    normal = ops.mvn(x, np.array([2, 3, 4]), True, module.epsilon, "inside_sqrt")
    return ops.add(ops.multiply(normal, weight), bias)


def _mean_by_slices(x):
    """Mean of each channel (1, channel, 1, 1, 1): of each slice by pooling, then of the slices."""
    from openvino import opset13 as ops

    plane, none = [1, *list(x.get_output_shape(0))[3:]], [0, 0, 0]
    slices = ops.avg_pool(x, plane, none, none, plane, True)
    return ops.reduce_mean(slices, np.array([2]), True)


def _leaky_relu(module: nn.LeakyReLU, x, exact: bool):
    from openvino import opset13 as ops

    return ops.prelu(x, np.array([module.negative_slope], np.float32))


def _sequence(module: nn.Sequential, x, exact: bool):
    for each in module:
        x = _written(each, x, exact)
    return x


def _residual_block(module: ResidualBlock, x, exact: bool):
    from openvino import opset13 as ops

    summed = ops.add(_written(module.body, x, exact), _written(module.shortcut, x, exact))
    return _written(module.activation, summed, exact)


def _linear(x, weight: torch.Tensor, bias: torch.Tensor):
    from openvino import opset13 as ops

    product = ops.matmul(x, _constant(weight), False, True)
    return ops.add(product, _constant(bias, 1, 1, -1))


def _attention(module: BottomAttention, x, exact: bool):
    """Tokens are (1, voxel, channel); heads' (1, head, voxel, channel of the head)."""
    from openvino import opset13 as ops

    attention, norm = module.attention, module.norm
    channels, heads = attention.embed_dim, attention.num_heads
    size = list(x.get_output_shape(0))
    flat = ops.reshape(x, np.array([1, channels, -1]), False)
    swap = np.array([0, 2, 1])
    tokens = ops.add(ops.transpose(flat, swap), _constant(module.position))
    query = ops.mvn(tokens, np.array([-1]), True, norm.eps, "inside_sqrt")
    query = ops.multiply(query, _constant(norm.weight, 1, 1, -1))
    query = ops.add(query, _constant(norm.bias, 1, 1, -1))
    joined = _linear(query, attention.in_proj_weight, attention.in_proj_bias)
    of_heads = []
    for part in ops.split(joined, np.array(2), 3).outputs():
        split = ops.reshape(part, np.array([1, -1, heads, channels // heads]), False)
        of_heads.append(ops.transpose(split, np.array([0, 2, 1, 3])))
    mixed = ops.scaled_dot_product_attention(*of_heads)
    mixed = ops.transpose(mixed, np.array([0, 2, 1, 3]))
    mixed = ops.reshape(mixed, np.array([1, -1, channels]), False)
    out = attention.out_proj
    tokens = ops.add(tokens, _linear(mixed, out.weight, out.bias))
    return ops.reshape(ops.transpose(tokens, swap), np.array(size), False)


def _unet(module: AttentionUNet, x, exact: bool):
    from openvino import opset13 as ops

    skips = []
    for block in module.down:
        x = _written(block, x, exact)
        skips.append(x)
    x = _written(module.attention, skips.pop(), exact)
    for up, block in zip(module.up, module.joined, strict=True):
        x = _written(block, ops.concat([_written(up, x, exact), skips.pop()], 1), exact)
    return _written(module.head, x, exact)


@lru_cache(1)
def _writers() -> dict[type[nn.Module], Callable[[Any, Any, bool], Any]]:
    from torch import nn

    from HNCLogic.networks.attention_unet import AttentionUNet, BottomAttention, InstanceNorm
    from HNCLogic.networks.blocks import ResidualBlock

    return {
        nn.Conv3d: _convolution,
        nn.ConvTranspose3d: _transposed_convolution,
        InstanceNorm: _instance_norm,
        nn.LeakyReLU: _leaky_relu,
        nn.Identity: lambda module, x, exact: x,
        nn.Sequential: _sequence,
        ResidualBlock: _residual_block,
        BottomAttention: _attention,
        AttentionUNet: _unet,
    }
