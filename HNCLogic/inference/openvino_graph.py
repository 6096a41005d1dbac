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


def graph_of(network: AttentionUNet):
    """An ``openvino.Model`` that gives ``network``'s logits (1, class, *patch) for one patch
    (1, channel, *patch), as it is in evaluation mode. It keeps copies of the weights."""
    import openvino
    from openvino import opset13 as ops

    channels = network.down[0].body[0].in_channels
    patch = ops.parameter([1, channels, *network.patch], np.float32, name="patch")
    return openvino.Model([_written(network, patch)], [patch], "attention-unet")


def _written(module: nn.Module, x):
    """What ``module`` makes of the graph's node ``x``, as a node. KeyError: not known."""
    return _writers()[type(module)](module, x)


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


def _convolution(module: nn.Conv3d, x):
    from openvino import opset13 as ops

    pads, weight = list(module.padding), _constant(module.weight)
    node = ops.convolution(x, weight, list(module.stride), pads, pads, list(module.dilation))
    return _plus_bias(module, node)


def _transposed_convolution(module: nn.ConvTranspose3d, x):
    from openvino import opset13 as ops

    weight = _constant(module.weight)
    return _plus_bias(module, ops.convolution_backprop_data(x, weight, strides=list(module.stride)))


def _instance_norm(module: InstanceNorm, x):
    from openvino import opset13 as ops

    # Not as group normalisation, which OpenVINO reshapes: each convolution's layout would be
    # turned for it and back again, which takes a third of the time.
    normal = ops.mvn(x, np.array([2, 3, 4]), True, module.epsilon, "inside_sqrt")
    scaled = ops.multiply(normal, _constant(module.weight, 1, -1, 1, 1, 1))
    return ops.add(scaled, _constant(module.bias, 1, -1, 1, 1, 1))


def _leaky_relu(module: nn.LeakyReLU, x):
    from openvino import opset13 as ops

    return ops.prelu(x, np.array([module.negative_slope], np.float32))


def _sequence(module: nn.Sequential, x):
    for each in module:
        x = _written(each, x)
    return x


def _residual_block(module: ResidualBlock, x):
    from openvino import opset13 as ops

    summed = ops.add(_written(module.body, x), _written(module.shortcut, x))
    return _written(module.activation, summed)


def _linear(x, weight: torch.Tensor, bias: torch.Tensor):
    from openvino import opset13 as ops

    product = ops.matmul(x, _constant(weight), False, True)
    return ops.add(product, _constant(bias, 1, 1, -1))


def _attention(module: BottomAttention, x):
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


def _unet(module: AttentionUNet, x):
    from openvino import opset13 as ops

    skips = []
    for block in module.down:
        x = _written(block, x)
        skips.append(x)
    x = _written(module.attention, skips.pop())
    for up, block in zip(module.up, module.joined, strict=True):
        x = _written(block, ops.concat([_written(up, x), skips.pop()], 1))
    return _written(module.head, x)


@lru_cache(1)
def _writers() -> dict[type[nn.Module], Callable[[Any, Any], Any]]:
    from torch import nn

    from HNCLogic.networks.attention_unet import AttentionUNet, BottomAttention, InstanceNorm
    from HNCLogic.networks.blocks import ResidualBlock

    return {
        nn.Conv3d: _convolution,
        nn.ConvTranspose3d: _transposed_convolution,
        InstanceNorm: _instance_norm,
        nn.LeakyReLU: _leaky_relu,
        nn.Identity: lambda module, x: x,
        nn.Sequential: _sequence,
        ResidualBlock: _residual_block,
        BottomAttention: _attention,
        AttentionUNet: _unet,
    }
