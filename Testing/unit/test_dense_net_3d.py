"""The 3D DenseNet of the extension method: channels by hand, any size, MONAI's building blocks."""

import numpy as np
import pytest
import torch
from monai.networks.nets.densenet import _DenseBlock, _Transition

from HNCLogic.errors import InputError
from HNCLogic.explain.grad_cam import grad_cam
from HNCLogic.networks.dense_net_3d import DenseLayer, Transition
from HNCLogic.networks.registry import make

SMALL = {"growth": 4, "layers": [1, 2], "stem_filters": 6, "bottleneck": 2, "stem_stride": 1}


@pytest.fixture(autouse=True)
def seeded():
    torch.set_num_threads(1)
    torch.manual_seed(11)


def used(network):
    """Batch norm with statistics of its own, not the neutral ones."""
    for _ in range(3):
        network(torch.randn(4, *NETWORK_INPUT) * 2 + 1)
    return network.eval()


NETWORK_INPUT = (1, 8, 12, 10)


def copied(ours, theirs):
    """MONAI's module with our weights: both list them in the same order."""
    held = ours.state_dict().values()
    theirs.load_state_dict(dict(zip(theirs.state_dict(), held, strict=True)))
    return theirs.eval()


def test_default_channels_by_hand():
    network = make("dense-net-3d")
    assert len(network.stages) == 5
    assert [sum(isinstance(m, DenseLayer) for m in stage) for stage in network.stages] == [
        2, 2, 4, 4, 4,
    ]  # fmt: skip
    # 32 + 2*16 = 64 -> 32 + 32 = 64 -> 32 + 64 = 96 -> 48 + 64 = 112 -> 56 + 64 = 120
    ins = [s[0].layers[0].num_features for s in network.stages]
    assert ins == [32, 64, 64, 96, 112]
    assert network.logit.in_features == 120
    # A layer: norm (2n), 1x1x1 (64n), norm (128), 3x3x3 of 64 to 16 (27648).
    layers = (32, 48, 32, 48, 32, 48, 64, 80, 48, 64, 80, 96, 56, 72, 88, 104)
    transitions = ((64, 32), (64, 32), (96, 48), (112, 56))
    expected = 27 * 32 + sum(66 * n + 128 + 27648 for n in layers)
    expected += sum(2 * n + n * fewer for n, fewer in transitions) + 2 * 120 + 121
    assert sum(p.numel() for p in network.parameters()) == expected


def test_any_size_and_one_logit():
    network = make("dense-net-3d", SMALL).eval()
    assert network(torch.rand(3, 1, 8, 12, 10)).shape == (3, 1)
    assert network(torch.rand(1, 1, 7, 5, 9)).shape == (1, 1)
    assert network(torch.rand(1, 1, 1, 1, 1)).shape == (1, 1)
    assert network.features(torch.rand(1, 1, 7, 5, 9)).shape == (1, 5 + 2 * 4, 4, 3, 5)
    # A VOI of 25 slices is not used up by stem and four transitions: 13, 7, 4, 2, 1.
    five = make("dense-net-3d", {"growth": 2, "layers": [1] * 5, "stem_filters": 2}).eval()
    assert five.features(torch.rand(1, 1, 25, 90, 90)).shape[2:] == (1, 3, 3)


def test_pooling_makes_it_size_invariant():
    """A volume of twice the same repeated pattern gets the same answer, but for its border."""
    network = used(make("dense-net-3d", SMALL))
    constant = torch.full((1, 1, 48, 48, 48), 0.5)
    deep = torch.full((1, 1, 96, 48, 48), 0.5)
    assert torch.allclose(network(constant), network(deep), atol=2e-2)
    # With 1x1x1 kernels only there is no border, and the answer is the same to the last digit.
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, torch.nn.Conv3d) and module.kernel_size == (3, 3, 3):
                middle = module.weight[:, :, 1:2, 1:2, 1:2].clone()
                module.weight.zero_()
                module.weight[:, :, 1:2, 1:2, 1:2] = middle
    tile = torch.rand(1, 1, 8, 8, 8)
    assert torch.allclose(network(tile), network(tile.repeat(1, 1, 2, 3, 1)), atol=1e-5)


def test_dense_layers_are_monais():
    ours = torch.nn.Sequential(DenseLayer(5, 4, 3, 0.0), DenseLayer(9, 4, 3, 0.0))
    for _ in range(2):
        ours(torch.randn(3, 5, 6, 4, 5))
    theirs = copied(ours.eval(), _DenseBlock(3, 2, 5, 3, 4, 0.0))
    x = torch.randn(2, 5, 6, 7, 5)
    assert torch.allclose(ours(x), theirs(x), atol=1e-6)
    assert torch.equal(ours(x)[:, :5], x)


def test_transition_is_monais_where_sides_are_even_and_rounds_up_where_odd():
    ours = Transition(6, 3)
    for _ in range(2):
        ours(torch.randn(3, 6, 4, 4, 4))
    theirs = copied(ours.eval(), _Transition(3, 6, 3))
    x = torch.randn(2, 6, 8, 6, 4)
    assert torch.allclose(ours(x), theirs(x), atol=1e-6)
    odd = ours(torch.randn(1, 6, 5, 4, 7))
    assert odd.shape == (1, 3, 3, 2, 4)
    # The last mean is over the one slice that is there, not over a slice of zeros beside it.
    ends = torch.randn(1, 6, 5, 2, 2)
    assert torch.allclose(ours(ends)[:, :, 2], ours(ends[:, :, 4:])[:, :, 0], atol=1e-6)


def test_grad_cam_is_the_class_map_of_the_last_dense_block():
    """Pooled features and one dense layer: Grad-CAM is then Zhou's class activation map."""
    network = used(make("dense-net-3d", SMALL | {"stem_stride": 2}))
    batch = torch.rand(2, *NETWORK_INPUT)
    with torch.no_grad():
        network.logit.weight.abs_()
        features = network.features(batch)
        voxels = features[0, 0].numel()
        weights = network.logit.weight[0][None, :, None, None, None] / voxels
        coarse = (features * weights).sum(1, keepdim=True).relu()
        expected = torch.nn.functional.interpolate(coarse, batch.shape[2:], mode="trilinear")[:, 0]
    found = grad_cam(network, network.last_stage, batch)
    height = float(expected.max())
    assert height > 0
    assert np.abs(found.maps - expected.numpy()).max() < 1e-5 * height
    assert found.logits == pytest.approx(network(batch).detach()[:, 0].numpy(), abs=1e-5)


@pytest.mark.parametrize(
    "wrong",
    [{"growth": 0}, {"layers": []}, {"compression": 0.0}, {"compression": 1.5}, {"stem_stride": 9}],
)
def test_arguments_out_of_bounds_are_refused(wrong):
    with pytest.raises(InputError, match=r"^network dense-net-3d cannot be made: "):
        make("dense-net-3d", wrong)


def test_every_parameter_learns():
    network = make("dense-net-3d", SMALL)
    network(torch.rand(4, *NETWORK_INPUT)).square().sum().backward()
    silent = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert not silent
