"""The networks of the parotid method: names, padding, fusion, what is frozen."""

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from HNCLogic.errors import InputError
from HNCLogic.networks.parotid import ParotidNet
from HNCLogic.networks.parotid_fusion import fused_channels
from HNCLogic.networks.parotid_sequence import EncoderLayer, SequenceClassifier, slice_places
from HNCLogic.networks.parotid_slice import SliceClassifier
from HNCLogic.networks.registry import make
from HNCLogic.networks.resnet_stages import ResNetStages, begin_with_imagenet

SMALL = {"widths": (4, 6), "roi": 2, "features": 8, "d_model": 12, "heads": 2, "feed_forward": 10}


@pytest.fixture(autouse=True)
def seeded():
    torch.set_num_threads(1)
    torch.manual_seed(5)


def patients(channels, slices=(3, 1), longest=4):
    """Slices, boxes and which places hold one, of as many patients as ``slices`` has counts."""
    images = torch.rand(len(slices), longest, channels, 32, 40)
    boxes = torch.tensor([8.0, 6.0, 30.0, 26.0]).expand(len(slices), longest, 4).clone()
    present = torch.arange(longest)[None] < torch.tensor(slices)[:, None]
    return images, boxes, present


# ResNet-18's first stages


def resnet18_names():
    """Names and shapes of torchvision's resnet18 up to layer2, written out by its rule."""
    shapes = {"conv1.weight": (64, 3, 7, 7)}

    def norm(name, n):
        for part in ("weight", "bias", "running_mean", "running_var"):
            shapes[f"{name}.{part}"] = (n,)
        shapes[f"{name}.num_batches_tracked"] = ()

    norm("bn1", 64)
    for layer, (n_in, n) in (("layer1", (64, 64)), ("layer2", (64, 128))):
        for block in (0, 1):
            first = n_in if block == 0 else n
            shapes[f"{layer}.{block}.conv1.weight"] = (n, first, 3, 3)
            norm(f"{layer}.{block}.bn1", n)
            shapes[f"{layer}.{block}.conv2.weight"] = (n, n, 3, 3)
            norm(f"{layer}.{block}.bn2", n)
    shapes["layer2.0.downsample.0.weight"] = (128, 64, 1, 1)
    norm("layer2.0.downsample.1", 128)
    return shapes


def imagenet_like(shapes):
    held = {}
    for name, shape in shapes.items():
        count = name.endswith("num_batches_tracked")
        held[name] = torch.tensor(7) if count else torch.rand(shape) + 0.1
    return held


def test_names_and_shapes_are_torchvisions():
    state = ResNetStages().state_dict()
    assert {name: tuple(value.shape) for name, value in state.items()} == resnet18_names()


def test_an_eighth_of_the_side():
    stages = ResNetStages((4, 6)).eval()
    assert stages(torch.rand(2, 3, 64, 48)).shape == (2, 6, 8, 6)
    assert stages(torch.rand(1, 3, 33, 41)).shape == (1, 6, 5, 6)


def test_imagenet_weights_from_a_file_are_taken_and_later_stages_left(tmp_path):
    held = imagenet_like(resnet18_names())
    later = {"layer3.0.conv1.weight": torch.zeros(256, 128, 3, 3), "fc.bias": torch.zeros(1000)}
    save_file(held | later, tmp_path / "resnet18.safetensors")
    stages = ResNetStages()
    begin_with_imagenet(stages, tmp_path / "resnet18.safetensors")
    assert all(torch.equal(value, held[name]) for name, value in stages.state_dict().items())


@pytest.mark.parametrize("spoilt", ["lacking", "shape", "nan", "text", "none"])
def test_weights_that_do_not_fit_are_refused_and_nothing_is_changed(tmp_path, spoilt):
    path = tmp_path / "resnet18.safetensors"
    held = imagenet_like(resnet18_names())
    if spoilt == "lacking":
        del held["layer2.1.bn2.bias"]
    if spoilt == "shape":
        held["conv1.weight"] = torch.rand(64, 1, 7, 7)
    if spoilt == "nan":
        held["conv1.weight"][0, 0, 0, 0] = torch.nan
    if spoilt == "text":
        path.write_text("no weights")
    elif spoilt != "none":
        save_file(held, path)
    stages = ResNetStages()
    before = {name: value.clone() for name, value in stages.state_dict().items()}
    with pytest.raises(InputError) as refused:
        begin_with_imagenet(stages, path)
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)
    assert all(torch.equal(value, before[name]) for name, value in stages.state_dict().items())


# First stage


def test_slice_classifier_looks_within_the_box():
    network = SliceClassifier(classes=4, widths=(4, 6), roi=3, features=8).eval()
    slices = torch.rand(2, 3, 224, 224)
    boxes = torch.tensor([[20.0, 20.0, 60.0, 50.0], [20.0, 20.0, 60.0, 50.0]])
    said = network(slices, boxes)
    assert said.shape == (2, 4)
    far = slices.clone()
    far[:, :, 160:, 160:] = 0  # out of reach of any feature about the box
    assert torch.allclose(network(far, boxes), said)
    near = slices.clone()
    near[:, :, 30:40, 30:40] = 0
    assert not torch.allclose(network(near, boxes), said)


def test_slice_classifier_learns_everywhere():
    network = SliceClassifier(widths=(4, 6), roi=2, features=8)
    images, boxes, _ = patients(3)
    network(images[:, 0], boxes[:, 0]).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())


# Second stage


def test_encoder_layer_is_torchs():
    ours, theirs = EncoderLayer(12, 2, 10, 0.0), nn.TransformerEncoderLayer(12, 2, 10, 0.0)
    theirs.self_attn.batch_first = True
    theirs.load_state_dict(ours.state_dict())
    theirs.train()  # its plain way, not the fused kernel
    _, _, present = patients(1)
    x = torch.rand(2, 4, 12)
    wanted = theirs(x, src_key_padding_mask=~present)
    assert torch.allclose(ours(x, present)[0][present], wanted[present], atol=1e-6)


@pytest.mark.parametrize("junk", [0.0, 1e6, torch.nan, torch.inf])
def test_what_stands_at_empty_places_changes_nothing(junk):
    network = SequenceClassifier(4, 2, features=8, d_model=12, heads=2, feed_forward=10).eval()
    vectors = torch.rand(2, 3, 2, 8)
    all_there = torch.ones(2, 3, dtype=torch.bool)
    padded = torch.cat([vectors, torch.full((2, 5, 2, 8), junk)], dim=1)
    present = torch.arange(8).expand(2, 8) < 3
    plain, filled = network.read(vectors, all_there), network.read(padded, present)
    assert torch.allclose(plain.logits, filled.logits, atol=1e-6)
    assert torch.allclose(plain.attention, filled.attention[:, :3], atol=1e-6)
    assert torch.equal(plain.contribution, filled.contribution[:, :3])
    for share in (filled.attention, filled.contribution):
        assert torch.allclose(share.sum(dim=1), torch.ones(2))
        assert share[:, 3:].abs().max() == 0


def test_max_pool_never_takes_an_empty_place():
    network = SequenceClassifier(2, 1, features=8, d_model=12, heads=2, feed_forward=10).eval()
    with torch.no_grad():
        network.layers[0].norm2.bias.fill_(-50.0)  # every value of a true slice far below 0
    reading = network.read(torch.rand(1, 2, 1, 8), torch.tensor([[True, False]]))
    assert torch.equal(reading.contribution, torch.tensor([[1.0, 0.0]]))


def test_order_of_slices_matters_and_places_differ():
    network = SequenceClassifier(2, 1, features=8, d_model=12, heads=2, feed_forward=10).eval()
    vectors, present = torch.rand(1, 4, 1, 8), torch.ones(1, 4, dtype=torch.bool)
    assert not torch.allclose(network(vectors, present), network(vectors.flip(1), present))
    code = slice_places(30, 9)
    assert code.shape == (30, 9)
    assert torch.cdist(code, code).add(torch.eye(30)).min() > 0.1


def test_a_patient_without_a_slice_is_refused():
    network = SequenceClassifier(2, 1, features=8, d_model=12, heads=2, feed_forward=10)
    with pytest.raises(ValueError, match="without a slice"):
        network(torch.rand(2, 3, 1, 8), torch.tensor([[True] * 3, [False] * 3]))


# Fusion


def test_channels_of_each_fusion():
    assert fused_channels("early", 3) == [[0, 1, 2]]
    assert fused_channels("late-add", 3) == fused_channels("late-splice", 3) == [[0], [1], [2]]
    assert fused_channels("late-splice", 1) == [[0]]
    for way in ("early-late-add", "early-late-splice"):
        assert fused_channels(way, 6) == [[0, 1, 2], [3, 4, 5]]
        with pytest.raises(ValueError, match="two triplets"):
            fused_channels(way, 3)
    with pytest.raises(ValueError, match="three sequences"):
        fused_channels("early", 6)


@pytest.mark.parametrize(
    ("fusion", "channels"),
    [("early", 3), ("late-add", 2), ("late-splice", 6), ("early-late-add", 6),
     ("early-late-splice", 6), ("late-splice", 1)],
)  # fmt: skip
def test_every_fusion_gives_logits_that_empty_places_do_not_change(fusion, channels):
    network = ParotidNet(channels, 4, fusion, **SMALL).eval()
    images, boxes, present = patients(channels)
    said = network(images, boxes, present)
    assert said.shape == (2, 4)
    images[~present], boxes[~present] = torch.nan, torch.nan
    assert torch.equal(network(images, boxes, present), said)
    alone = network(images[1:, :1], boxes[1:, :1], present[1:, :1])
    assert torch.allclose(alone, said[1:], atol=1e-6)


def test_early_fusion_of_one_sequence_thrice_is_the_single_sequence():
    early, single = ParotidNet(3, fusion="early", **SMALL), ParotidNet(1, **SMALL)
    single.load_state_dict(early.state_dict())
    images, boxes, present = patients(1)
    thrice = images.expand(-1, -1, 3, -1, -1)
    assert torch.allclose(
        early.eval()(thrice, boxes, present), single.eval()(images, boxes, present), atol=1e-6
    )


@pytest.mark.parametrize(
    ("add", "splice", "channels"),
    [("late-add", "late-splice", 3), ("early-late-add", "early-late-splice", 6)],
)
def test_splicing_whose_entry_treats_branches_alike_is_addition(add, splice, channels):
    added, spliced = (ParotidNet(channels, fusion=f, **SMALL).eval() for f in (add, splice))
    images, boxes, present = patients(channels)
    state = added.state_dict()
    state["sequence.entry.weight"] = torch.cat(
        [state["sequence.entry.weight"]] * len(added.channels), dim=1
    )
    spliced.load_state_dict(state)
    one, other = added(images, boxes, present), spliced(images, boxes, present)
    assert torch.allclose(one, other, atol=1e-5)


def test_addition_does_not_mind_the_order_of_branches_and_splicing_does():
    images, boxes, present = patients(2)
    for fusion, same in (("late-add", True), ("late-splice", False)):
        network = ParotidNet(2, fusion=fusion, **SMALL).eval()
        said = network(images, boxes, present)
        network.channels.reverse()
        network.branches = nn.ModuleList(reversed(network.branches))
        assert torch.allclose(network(images, boxes, present), said, atol=1e-6) == same


def test_first_stage_is_frozen_and_second_learns():
    network = ParotidNet(2, **SMALL).train()
    before = {name: value.clone() for name, value in network.branches.state_dict().items()}
    network(*patients(2)).square().sum().backward()
    assert all(p.grad is None for p in network.branches.parameters())
    assert all(p.grad is not None for p in network.sequence.parameters())
    assert network.sequence.training
    assert not any(m.training for m in network.branches.modules())
    after = network.branches.state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.items())


def test_made_by_name_and_arguments_that_do_not_fit_are_refused():
    network = make("parotid", SMALL | {"in_channels": 6, "fusion": "early-late-add"})
    assert isinstance(network, ParotidNet)
    assert len(network.branches) == 2
    for wrong, named in (
        ({"fusion": "early", "in_channels": 2}, "three sequences"),
        ({"d_model": 250}, "heads"),
        ({"fusion": "sum"}, "fusion"),
        ({"widths": [4]}, "widths"),
    ):
        with pytest.raises(InputError, match=named):
            make("parotid", wrong)
