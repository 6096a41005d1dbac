"""Grad-CAM: against captum, by hand, and merged over a stack."""

import numpy as np
import pytest
import torch
from captum.attr import LayerAttribution, LayerGradCam

from HNCLogic.explain.grad_cam import grad_cam, heat_stack
from HNCLogic.inference.ensemble import window_probabilities
from HNCLogic.networks.registry import make

ARGUMENTS = {"in_channels": 2, "entry_filters": 6, "filters": [8, 12], "dense": 16}


@pytest.fixture(autouse=True)
def seeded():
    torch.set_num_threads(1)
    torch.manual_seed(5)


def network():
    made = make("presence", ARGUMENTS)
    for _ in range(3):  # batch norm with statistics of its own, not the neutral ones
        made(torch.rand(4, 2, 8, 16, 12) * 2)
    with torch.no_grad():  # answers, and so maps, of a trained network's size and mostly for
        made.dense.weight.abs_()
        made.logit.weight.abs_().mul_(20)
    return made.eval()


@pytest.mark.parametrize(("where", "sign"), [("last_stage", 1), ("first stage", -1), ("entry", 1)])
def test_maps_are_captums(where, sign):
    made = network().double()
    with torch.no_grad():  # where the layer speaks against the answer, the map would be empty
        made.logit.weight.mul_(sign)
    layers = {"last_stage": made.last_stage, "first stage": made.stages[0], "entry": made.entry}
    batch = torch.rand(3, 2, 12, 20, 16, dtype=torch.double)
    layer = layers[where]
    coarse = LayerGradCam(made, layer).attribute(batch, target=0, relu_attributions=True)
    theirs = torch.nn.functional.interpolate(
        coarse.detach(), batch.shape[2:], mode="trilinear", align_corners=False
    )[:, 0]
    ours = grad_cam(made, layer, batch)
    assert ours.maps.shape == (3, 12, 20, 16)
    # Pooling makes gradients small; what counts is the difference beside the map's own height.
    height = theirs.max().item()
    assert height > 1e-5
    assert np.abs(ours.maps - theirs.numpy()).max() < 1e-5 * height
    assert ours.logits == pytest.approx(made(batch).detach()[:, 0].numpy(), abs=1e-9)
    # captum's own enlarging is nearest-neighbour by default; the two agree where nothing is
    # enlarged.
    if where != "last_stage":
        same = LayerAttribution.interpolate(coarse, batch.shape[2:])[:, 0].detach()
        assert np.abs(ours.maps - same.numpy()).max() < 1e-5 * height


def test_window_does_not_depend_on_its_batch():
    made, batch = network(), torch.rand(3, 2, 8, 16, 12)
    together = grad_cam(made, made.last_stage, batch)
    for index in range(3):
        alone = grad_cam(made, made.last_stage, batch[index : index + 1])
        assert np.abs(alone.maps[0] - together.maps[index]).max() < 1e-6


def test_one_pass_forward_and_nothing_left_behind():
    made = network()
    made.train()
    passes = []
    handle = made.entry.register_forward_hook(lambda *_: passes.append(1))
    before = {k: v.clone() for k, v in made.state_dict().items()}
    grad_cam(made, made.last_stage, torch.rand(2, 2, 8, 16, 12))
    handle.remove()
    assert len(passes) == 1
    assert all(p.requires_grad and p.grad is None for p in made.parameters())
    assert all(torch.equal(before[k], v) for k, v in made.state_dict().items())
    assert not made.last_stage._forward_hooks


def test_works_inside_inference_mode():
    made, batch = network(), torch.rand(1, 2, 8, 16, 12)
    outside = grad_cam(made, made.last_stage, batch)
    with torch.inference_mode():
        inside = grad_cam(made, made.last_stage, batch)
    assert np.array_equal(inside.maps, outside.maps)


class Spots(torch.nn.Module):
    """Looks for bright voxels: its heat map is known by hand."""

    def __init__(self, gain=1.0):
        super().__init__()
        self.last_stage = torch.nn.Conv3d(1, 1, 1, bias=False)
        torch.nn.init.ones_(self.last_stage.weight)
        self.gain = gain

    def forward(self, x):
        return self.gain * self.last_stage(x).sum(dim=(2, 3, 4))


def test_by_hand_and_negative_evidence_is_cut_off():
    batch = torch.rand(2, 1, 4, 4, 4)
    made = Spots(3.0)
    assert np.allclose(grad_cam(made, made.last_stage, batch).maps, 3 * batch[:, 0], atol=1e-6)
    against = Spots(-3.0)
    assert grad_cam(against, against.last_stage, batch).maps.max() == 0


def test_stack_is_hot_where_the_lesion_is_and_windows_leave_no_seams():
    stack = np.full((1, 21, 6, 5), 0.1, dtype=np.float32)
    stack[0, 13, 2, 3] = 1.0
    heat = heat_stack([Spots(), Spots(2.0)], 2, stack, 8, 4)
    # Every window says the same of a voxel, so the merged map is the stack itself, scaled.
    assert np.allclose(heat.values, stack[0], atol=1e-6)
    assert np.unravel_index(heat.values.argmax(), heat.values.shape) == (13, 2, 3)
    assert heat.values.max() == 1
    assert heat.peak == pytest.approx(1.5)  # mean of the two networks' gains


def test_windows_are_weighed_toward_their_middle():
    """Two windows that disagree: in the overlap the nearer centre counts more."""

    class Depth(Spots):
        def forward(self, x):
            self.gain = float(x[0, 0, 0, 0, 0]) + 1  # the window's first voxel sets its gain
            return super().forward(x)

    stack = np.ones((1, 12, 2, 2), dtype=np.float32)
    stack[0, 4, 0, 0] = 3.0  # windows at 0 and 4: gains 2 and 4
    heat = heat_stack([Depth()], 1, stack, 8, 4, batch=1)
    at = heat.values[:, 1, 1] * heat.peak
    assert at[:4] == pytest.approx([2] * 4)
    assert at[8:] == pytest.approx([4] * 4)
    assert np.all(np.diff(at[3:9]) > 0)
    weight = 0.5 ** ((2 * (np.arange(8) - 3.5) / 8) ** 2)
    expected = (2 * weight[5] + 4 * weight[1]) / (weight[5] + weight[1])
    assert at[5] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("batch", [1, 3])
def test_probabilities_come_from_the_same_passes(batch):
    networks = [network(), network()]
    stack = np.random.default_rng(3).random((2, 20, 16, 12), dtype=np.float32)
    told = []
    heat = heat_stack(
        networks, 2, stack, 8, 4, batch=batch, progress=lambda s, w: told.append((s, w))
    )
    expected = window_probabilities(networks, 2, stack, 8, 4)
    assert heat.probabilities.shape == (2, 4)
    assert np.abs(heat.probabilities - expected).max() < 1e-6
    ends = range(1, 9) if batch == 1 else (3, 4, 7, 8)  # four windows, two networks
    assert [round(s, 3) for s, _ in told] == [i / 8 for i in ends]
    alone = heat_stack(networks, 2, stack, 8, 4, batch=1)
    assert np.abs(heat.values - alone.values).max() < 1e-5


def test_short_stack_keeps_its_own_size():
    stack = np.random.default_rng(3).random((2, 5, 16, 12), dtype=np.float32)
    assert heat_stack([network()], 1, stack, 8, 4).values.shape == (5, 16, 12)


def test_nothing_for_cancer_is_an_empty_map_not_a_division_by_zero():
    heat = heat_stack([Spots(-1.0)], 1, np.ones((1, 8, 4, 4), dtype=np.float32), 8, 4)
    assert heat.peak == 0
    assert np.array_equal(heat.values, np.zeros((8, 4, 4), dtype=np.float32))
