"""The networks: shapes, what they are made of, and that a card cannot make them harmful."""

import math

import pytest
import torch
from torch import nn

from HNCLogic.errors import InputError
from HNCLogic.networks.attention_unet import AttentionUNet, BottomAttention
from HNCLogic.networks.blocks import GatedAttention, ResidualBlock
from HNCLogic.networks.registry import make

SMALL_UNET = {"widths": [4, 8, 8, 16, 16], "heads": 2, "patch": [16, 32, 48]}
SMALL_2D = {"in_channels": 2, "base_filters": 4, "levels": 3}
SMALL_PRESENCE = {"in_channels": 2, "entry_filters": 4, "filters": [6, 8], "dense": 10}


@pytest.fixture(autouse=True)
def seeded():
    torch.set_num_threads(1)
    torch.manual_seed(7)


def convolutions(network):
    return [m for m in network.modules() if isinstance(m, nn.Conv3d)]


def test_presence_default_is_the_papers():
    network = make("presence")
    first = network.entry[0]
    assert isinstance(first, nn.Conv3d)
    assert (first.in_channels, first.out_channels, first.kernel_size) == (1, 32, (3, 3, 3))
    assert [type(m) for m in network.entry] == [nn.Conv3d, nn.BatchNorm3d, nn.ReLU]
    assert [[type(b) for b in stage] for stage in network.stages] == [
        [ResidualBlock, GatedAttention]
    ] * 2
    assert [stage[0].body[0].out_channels for stage in network.stages] == [64, 128]
    assert [stage[0].body[0].stride[0] for stage in network.stages] == [1, 2]
    assert (network.dense.in_features, network.dense.out_features) == (128, 512)
    assert (network.dropout.p, network.logit.out_features) == (0.3, 1)


def test_presence_takes_any_size_and_gives_one_logit():
    network = make("presence", SMALL_PRESENCE).eval()
    assert network(torch.rand(3, 2, 8, 12, 10)).shape == (3, 1)
    assert network(torch.rand(1, 2, 7, 5, 9)).shape == (1, 1)
    assert network.last_stage(torch.rand(1, 6, 8, 12, 10)).shape == (1, 8, 4, 6, 5)
    # Pooling averages, so a deeper stack of the same gives nearly the same answer: only the share
    # of border voxels, whose neighbours are padding, differs.
    constant = torch.full((1, 2, 32, 32, 32), 0.5)
    deep = torch.full((1, 2, 64, 32, 32), 0.5)
    assert torch.allclose(network(constant), network(deep), atol=1e-2)


def test_presence_logit_is_not_bounded():
    network = make("presence", SMALL_PRESENCE).eval()
    with torch.no_grad():
        network.logit.bias.fill_(9.0)
    assert network(torch.rand(1, 2, 8, 8, 8)).item() > 1


def test_gated_attention_by_hand():
    block = GatedAttention(2)
    with torch.no_grad():
        block.features.weight.copy_(torch.tensor([[1.0, -2.0], [0.5, 1.0]]).reshape(2, 2, 1, 1, 1))
        block.features.bias.copy_(torch.tensor([0.5, 0.0]))
        block.gate.weight.copy_(torch.tensor([[0.0, 1.0], [1.0, 0.0]]).reshape(2, 2, 1, 1, 1))
        block.gate.bias.copy_(torch.tensor([0.0, -1.0]))
    out = block(torch.tensor([3.0, -4.0]).reshape(1, 2, 1, 1, 1)).flatten()
    sigmoid = [1 / (1 + math.exp(4.0)), 1 / (1 + math.exp(-2.0))]
    # features: 3 + 8 + 0.5 = 11.5 and 1.5 - 4 = -2.5 -> 0; the sum of the second is negative.
    assert out[0].item() == pytest.approx(3 + 11.5 * sigmoid[0], rel=1e-6)
    assert out[1].item() == 0


def test_attention_unet_default_is_the_papers():
    with torch.device("meta"):
        network = AttentionUNet()
    assert [block.body[0].out_channels for block in network.down] == [32, 64, 128, 256, 320]
    assert [block.body[0].stride[0] for block in network.down] == [1, 2, 2, 2, 2]
    assert network.attention.position.shape == (1, 2 * 8 * 8, 320)
    assert network.attention.attention.num_heads == 8
    assert network.head.out_channels == 3


def test_attention_unet_gives_logits_on_its_patch_and_refuses_others():
    network = make("attention-unet", SMALL_UNET).eval()
    assert network(torch.rand(2, 2, 16, 32, 48)).shape == (2, 3, 16, 32, 48)
    with pytest.raises(ValueError, match=r"takes patches of \(16, 32, 48\).*not \(16, 32, 32\)"):
        network(torch.rand(1, 2, 16, 32, 32))


def test_attention_unet_sees_the_whole_patch_through_its_attention():
    """Instance norm carries only statistics; a far voxel's gradient must come via attention."""
    network = make("attention-unet", SMALL_UNET).eval().double()
    for module in network.modules():
        if isinstance(module, nn.GroupNorm):
            module.forward = lambda x: x
    x = torch.rand(1, 2, 16, 32, 48, dtype=torch.double, requires_grad=True)
    network(x)[0, 1, 0, 0, 0].backward()
    reach = x.grad.abs().sum(dim=1)[0]
    assert reach[-1, -1, -1] > 0


def test_normalisation_is_instance_norm():
    network = make("attention-unet", SMALL_UNET)
    norm = network.down[1].body[1]
    x = torch.randn(2, 8, 4, 6, 5) * 3 + 1
    with torch.no_grad():
        norm.weight.uniform_()
        norm.bias.uniform_()
    expected = nn.functional.instance_norm(x, weight=norm.weight, bias=norm.bias)
    assert torch.allclose(norm(x), expected, atol=1e-5)


def test_bottom_attention_is_softmax_of_scaled_products():
    block = BottomAttention(8, 2, (2, 3, 2)).double().eval()
    x = torch.randn(2, 8, 2, 3, 2, dtype=torch.double)
    tokens = x.reshape(2, 8, 12).transpose(1, 2) + block.position
    a = block.attention
    nn.init.normal_(a.in_proj_bias)
    q, k, v = (
        (block.norm(tokens) @ w.T + b).reshape(2, 12, 2, 4).transpose(1, 2)
        for w, b in zip(a.in_proj_weight.chunk(3), a.in_proj_bias.chunk(3), strict=True)
    )
    weights = torch.softmax(q @ k.transpose(-1, -2) / math.sqrt(4), dim=-1)
    mixed = (weights @ v).transpose(1, 2).reshape(2, 12, 8)
    expected = tokens + mixed @ a.out_proj.weight.T + a.out_proj.bias
    with torch.no_grad():
        out = block(x)
    assert torch.allclose(out, expected.transpose(1, 2).reshape(x.shape), atol=1e-12)


@pytest.mark.parametrize("name", ["presence", "attention-unet"])
def test_every_weight_learns(name):
    arguments = {"presence": SMALL_PRESENCE, "attention-unet": SMALL_UNET}[name]
    network = make(name, arguments)
    network(torch.rand(2, 2, 16, 32, 48)).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())


@pytest.mark.parametrize("name", ["presence", "attention-unet", "unet2d"])
def test_same_seed_same_weights(name):
    states = []
    for _ in range(2):
        torch.manual_seed(3)
        states.append(make(name).state_dict())
    assert all(torch.equal(states[0][k], states[1][k]) for k in states[0])


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("resnet-900", {}, "unknown network 'resnet-900': known are .*, unet2d"),
        ("presence", {"filters": []}, "filters"),
        ("presence", {"filters": [64, 10**9]}, r"filters\.1"),
        ("presence", {"filters": "64"}, "filters"),
        ("presence", {"dropout": float("nan")}, "dropout"),
        ("presence", {"dense": 2.5}, "dense"),
        ("presence", {"device": "cuda"}, "device"),
        ("attention-unet", {"patch": [30, 128, 128]}, "patch must be divisible by 16"),
        ("unet2d", {"levels": 9}, "levels"),
        ("unet2d", {"base_filters": 2048, "levels": 6}, "parameters, the limit is"),
        ("attention-unet", {"heads": 7}, "must be divisible by heads"),
        ("attention-unet", {"widths": [2048] * 7, "patch": [64] * 3}, "parameters, the limit is"),
        ("attention-unet", {"widths": [1, 2048], "patch": [512] * 3}, "parameters, the limit is"),
    ],
)
def test_what_a_card_may_not_ask_for(name, arguments, words):
    with pytest.raises(InputError, match=words):
        make(name, arguments)


def test_what_is_outlined_weighs_into_one_logit():
    torch.manual_seed(0)
    outlining = make("attention-unet", SMALL_UNET).eval()
    regressed = {"voxel_ml": 0.064, "least_ml": 0.2, "slope": 1.5, "offset": -2.0}
    judging = make("outline-presence", SMALL_UNET | regressed).eval()
    judging.load_state_dict(outlining.state_dict())  # the same weights, name by name
    x = torch.rand(2, 2, *SMALL_UNET["patch"])
    tumour = 1 - outlining(x).softmax(1)[:, 0]
    volume = tumour.flatten(1).sum(1) * 0.064
    assert torch.allclose(judging(x)[:, 0], 1.5 * torch.log(volume + 0.2) - 2.0, atol=1e-4)
    with pytest.raises(InputError, match="slope"):
        make("outline-presence", {"slope": -1.0})


def test_unet2d_is_the_originals():
    """Ronneberger 2015, figure 1: widths, and all parameters counted by hand."""
    with torch.device("meta"):
        network = make("unet2d")
    widths = [64, 128, 256, 512, 1024]
    assert [block[0].out_channels for block in network.down] == widths
    assert [up.out_channels for up in network.up] == widths[-2::-1]
    assert [block[0].in_channels for block in network.joined] == widths[:0:-1]
    three = sum(9 * (a * b + b * b) for a, b in zip([2, *widths[:-1]], widths, strict=True))
    three += sum(9 * (2 * b * b + b * b) for b in widths[:-1])
    norms = sum(2 * 2 * width for width in [*widths, *widths[:-1]])
    ups = sum(4 * a * b + b for a, b in zip(widths[1:], widths[:-1], strict=True))
    total = sum(parameter.numel() for parameter in network.parameters())
    assert total == three + norms + ups + 64 + 1 == 31_037_057


def test_unet2d_has_the_parameters_of_monais():
    """MONAI's U-Net differs in two things: its convolutions have a bias before the norm, and its
    last step up keeps the 128 channels that the original halves."""
    from monai.networks.nets import BasicUNet

    widths = (8, 16, 32, 64, 128)
    theirs = BasicUNet(2, 2, 1, (*widths, 8), norm=("batch", {"affine": True}))
    ours = make("unet2d", {"base_filters": 8})
    biases = sum(2 * width for width in (*widths, *widths[:-1]))
    kept = (4 * 16 * 16 + 16 + 9 * 24 * 8) - (4 * 16 * 8 + 8 + 9 * 16 * 8)
    counts = [sum(p.numel() for p in each.parameters()) for each in (theirs, ours)]
    assert counts[0] - counts[1] == biases + kept


def test_unet2d_gives_a_logit_for_each_pixel_and_refuses_odd_sides():
    network = make("unet2d", SMALL_2D).eval()
    assert network(torch.rand(3, 2, 32, 48)).shape == (3, 1, 32, 48)
    with pytest.raises(ValueError, match=r"divisible by 8, not \(32, 36\)"):
        network(torch.rand(1, 2, 32, 36))


def test_unet2d_sees_as_far_as_its_levels_reach():
    """Each pixel's logit hangs on the pixels that the levels' convolutions reach, no others.

    Along an axis, in pixels of the input: two convolutions reach 2 ** level each way at every
    level, down and up, two times that at the bottom; pooling and transposed convolution add what
    lies in their blocks.
    """
    network = make("unet2d", {"in_channels": 1, "base_filters": 2, "levels": 2, "dropout": 0.0})
    network = network.eval().double()
    for module in network.modules():
        if isinstance(module, nn.ReLU):
            module.forward = lambda x: x
        if isinstance(module, nn.MaxPool2d):
            module.forward = lambda x: nn.functional.avg_pool2d(x, 2)
        if isinstance(module, nn.Conv2d):
            nn.init.constant_(module.weight, 0.1)
        if isinstance(module, nn.ConvTranspose2d):
            nn.init.constant_(module.weight, 0.1)
    x = torch.rand(1, 1, 64, 64, dtype=torch.double, requires_grad=True)
    network(x)[0, 0, 32, 32].backward()
    seen = torch.nonzero(x.grad[0, 0].abs().sum(dim=0)).flatten()
    # From pixel 32 up the layers: 2 pixels; blocks of 2 and 2 of those; blocks of 4 and 2 of those;
    # and the same down again.
    low, high = 32 - 2, 32 + 2
    low, high = low // 2 - 2, high // 2 + 2
    low, high = low // 2 - 2, high // 2 + 2
    low, high = low * 2 - 2, high * 2 + 1 + 2
    low, high = low * 2 - 2, high * 2 + 1 + 2
    assert (int(seen[0]), int(seen[-1])) == (low, high)


def test_unet2d_learns_in_every_weight():
    network = make("unet2d", SMALL_2D | {"dropout": 0.0})
    network(torch.rand(4, 2, 32, 32)).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())


def test_unet2d_in_a_slice_does_not_hang_on_the_others():
    network = make("unet2d", SMALL_2D).eval()
    slices = torch.rand(4, 2, 16, 16)
    assert torch.allclose(network(slices)[1:2], network(slices[1:2]), atol=1e-5)


def test_instance_norm_is_torchs_own_in_every_kernel():
    from HNCLogic.networks.attention_unet import InstanceNorm

    ours, theirs = InstanceNorm(6), torch.nn.InstanceNorm3d(6, affine=True)
    theirs.load_state_dict(ours.state_dict())
    for training in (True, False):
        ours.train(training)
        for count in (1, 3):
            x = torch.randn(count, 6, 4, 5, 7) * 3 + 1
            assert torch.allclose(ours(x), theirs(x), atol=1e-5)
