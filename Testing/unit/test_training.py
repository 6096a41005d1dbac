"""Training's own arithmetic: losses, folds, thresholds, windows."""

import numpy as np
import pytest

from HNCLogic.training import samples
from HNCLogic.training.leakage import ScanFacts
from HNCLogic.training.losses import focal
from HNCLogic.training.prepared import Prepared
from HNCLogic.training.thresholds import equitable_threshold, nested_thresholds


def test_focal_loss_is_weighted_cross_entropy_where_gamma_is_zero():
    import torch

    logits, targets = torch.tensor([2.0, -1.0, 0.3]), torch.tensor([1.0, 0.0, 1.0])
    p = torch.sigmoid(logits)
    plain = -(targets * p.log() + (1 - targets) * (1 - p).log())
    expected = (torch.tensor([0.25, 0.75, 0.25]) * plain).mean()
    assert float(focal(logits, targets, gamma=0.0)) == pytest.approx(float(expected), rel=1e-5)


def test_focal_loss_follows_its_formula_and_matches_monai():
    import torch
    from monai.losses import FocalLoss

    logits = torch.linspace(-4, 4, 9)
    targets = torch.tensor([0, 1, 0, 1, 1, 0, 0, 1, 1.0])
    theirs = FocalLoss(gamma=2.0, alpha=0.25, reduction="mean")(logits[:, None], targets[:, None])
    assert float(focal(logits, targets)) == pytest.approx(float(theirs), rel=1e-4)


def test_equitable_threshold_makes_sensitivity_equal_specificity():
    probabilities = np.array([0.1, 0.2, 0.35, 0.6, 0.4, 0.55, 0.8, 0.9])
    positive = np.array([0, 0, 0, 0, 1, 1, 1, 1], bool)
    threshold = equitable_threshold(probabilities, positive)
    sensitivity = (probabilities[positive] >= threshold).mean()
    specificity = (probabilities[~positive] < threshold).mean()
    assert sensitivity == specificity == 0.75
    apart = equitable_threshold(np.array([0.1, 0.2, 0.7, 0.9]), np.array([0, 0, 1, 1], bool))
    assert apart == pytest.approx(0.45)
    with pytest.raises(ValueError, match="positive and negative"):
        equitable_threshold(np.array([0.1, 0.2]), np.array([True, True]))


def sample(depth: int, tumour: slice | None) -> Prepared:
    truth = np.zeros((depth, 8, 8), np.uint8)
    if tumour is not None:
        truth[tumour, 2:4, 3:5] = 1
    facts = ScanFacts("p", tumour is not None, frozenset(), frozenset(), {}, {})
    return Prepared("p", "p", tumour is not None, np.zeros((1, depth, 8, 8)), truth, facts)


def test_augmentation_moves_image_and_truth_together():
    rng = np.random.default_rng(3)
    values = np.zeros((1, 6, 20, 20), np.float32)
    truth = np.zeros((6, 20, 20), np.uint8)
    values[0, 2, 8:12, 9:11], truth[2, 8:12, 9:11] = 0.5, 1
    for _ in range(30):
        moved, mask = samples.augmented(values, truth, rng, turns=True)
        assert moved.shape == values.shape
        assert np.array_equal(moved[0] > 0, mask > 0)
        assert 0.39 <= moved.max() <= 0.61


def test_slices_beyond_the_end_are_zero():
    array = np.ones((2, 5, 3, 3))
    piece = samples.cut(array, 2, 8)
    assert piece.shape == (2, 8, 3, 3)
    assert piece[:, :3].min() == 1
    assert piece[:, 3:].max() == 0


def test_the_tumour_channel_is_zero_without_its_branch_and_the_fitted_head_is_the_networks_own():
    import torch

    from HNCLogic.networks.registry import make
    from HNCLogic.networks.tumour_channels import Guided, pooled_channels
    from HNCLogic.training.presence_masks import fit_head

    torch.manual_seed(0)
    network = make("presence", {"entry_filters": 2, "filters": [4, 6], "dense": 12})
    guided = Guided(network)
    x = torch.rand(4, 1, 8, 12, 12)
    assert guided(x).shape == (4, 2, 4, 6, 6)
    residual, _ = network.last_stage
    seen = []
    handle = residual.register_forward_hook(lambda m, i, o: seen.append(o))
    guided(x).sum().backward()
    handle.remove()
    assert not seen[0][:, :2].any()
    assert not residual.body[-1].weight.grad[:2].any()
    rng = np.random.default_rng(0)
    windows = rng.random((40, 1, 8, 12, 12)) * np.linspace(0.1, 3, 40)[:, None, None, None, None]
    pooled = pooled_channels(network, windows)
    fit_head(network, pooled, pooled[:, 0] > np.median(pooled[:, 0]), seed=1)
    with torch.inference_mode():
        logits = network.eval()(torch.from_numpy(windows).float())[:, 0].numpy()
    order = np.argsort(pooled[:, 0])
    assert logits[order[-5:]].min() > logits[order[:5]].max()


def test_tumour_channel_loss_is_the_cross_entropy_of_its_probability():
    import torch

    from HNCLogic.training.losses import tumour_channel_loss

    channels = torch.tensor([[[[[0.2, 1.5]]], [[[0.1, 0.7]]]]])
    mask = torch.tensor([[[[0.0, 1.0]]]])
    first = (0.2 + 4.0 * -np.log(1 - np.exp(-1.5))) / 2
    expected = first + (0.1 + 0.4 * -np.log(1 - np.exp(-0.7))) / 2
    loss = tumour_channel_loss(channels, mask, lesion_weight=4.0)
    assert float(loss) == pytest.approx(expected, rel=1e-5)


def test_patches_lie_about_tumour_or_hot_spots():
    rng = np.random.default_rng(0)
    positive = sample(60, slice(40, 44))
    positive.values[0, 10:12, 5, 5] = 0.4, 0.5
    assert samples.hot_spots(positive).tolist() == [[11, 5, 5]]
    for places in (np.argwhere(positive.truth), samples.hot_spots(positive)):
        for _ in range(20):
            values, truth = samples.patch_about(positive, (16, 8, 8), rng, places)
            assert values.shape == (1, 16, 8, 8)
            assert truth.any() == (len(places) > 1)
            assert values.max() == (0 if truth.any() else np.float32(0.5))
    values, _ = samples.patch_about(sample(60, None), (16, 8, 8), rng, np.zeros((0, 3), int))
    assert values.shape == (1, 16, 8, 8)


def test_nested_thresholds_never_see_their_own_fold():
    said, label = [0.1, 0.9, 0.2, 0.6, 0.3, 0.99], [0, 1, 0, 1, 0, 1]
    found = nested_thresholds(said, label, [1, 1, 2, 2, 3, 3])
    assert found[1] == equitable_threshold(said[2:], label[2:])
    assert found[3] == equitable_threshold(said[:4], label[:4])
    changed = nested_thresholds([*said[:4], 0.5, 0.5], label, [1, 1, 2, 2, 3, 3])
    assert changed[3] == found[3]
    assert changed[1] != found[1]


def test_the_learning_rate_warms_up_and_falls_to_zero():
    from HNCLogic.training.decay import warmed_cosine

    rate = [warmed_cosine(step, 100) for step in range(101)]
    assert rate[:2] == [0.1, 0.2]
    assert rate[9] == rate[10] == 1.0
    assert rate[55] == pytest.approx(0.5)
    assert rate[100] == pytest.approx(0.0)
    assert all(np.diff(rate[10:]) <= 0)
    assert warmed_cosine(0, 1) == 1.0


def test_a_volume_network_begins_with_the_classes_shares():
    import torch

    from HNCLogic.training.volume_task import VolumeTask, VolumeTraining

    chosen = VolumeTraining(
        preparation={"spacing_mm": 8.0, "pixels": 32, "patch_slices": 8, "stride": 4},
        widths=[4, 8, 8], heads=2,
    )  # fmt: skip
    scan = sample(16, slice(4, 8))
    network = VolumeTask(chosen, [scan], [], seed=0, fold=1).network()
    voxels = scan.truth.size + 3  # each class counts one more than it has
    share = network.head.bias.softmax(0)[1].item()
    assert share == pytest.approx((16 + 1) / voxels, rel=1e-5)
    assert torch.isfinite(network.head.bias).all()


def test_dice_and_cross_entropy_follow_their_formulas():
    import torch

    from HNCLogic.training.losses import dice_and_cross_entropy

    torch.manual_seed(0)
    logits = torch.randn(2, 3, 2, 4, 4, dtype=torch.float64)
    classes = torch.randint(0, 3, (2, 2, 4, 4))
    p, truth = logits.softmax(1).numpy(), np.eye(3)[classes.numpy()].transpose(0, 4, 1, 2, 3)
    dice = [2 * (p[:, c] * truth[:, c]).sum() / (p[:, c].sum() + truth[:, c].sum()) for c in (1, 2)]
    weight = np.array([1.0, 5.0, 5.0])[classes.numpy()]
    entropy = (weight * -np.log((p * truth).sum(1))).sum() / weight.sum()
    got = float(dice_and_cross_entropy(logits, classes, lesion_weight=5.0))
    assert got == pytest.approx(1 - np.mean(dice) + entropy, rel=1e-4)


def test_what_is_outlined_of_a_class_that_is_not_there_can_be_made_to_cost():
    import torch

    from HNCLogic.training.losses import ABSENT_VOXELS, dice_and_cross_entropy

    torch.manual_seed(1)
    logits = torch.randn(2, 3, 4, 8, 8, dtype=torch.float64)
    p = logits.softmax(1).numpy()
    primary = torch.zeros(2, 4, 8, 8, dtype=torch.long)
    primary[1, 2, 3:5, 3:5] = 1

    def added(classes):
        plain = dice_and_cross_entropy(logits, classes, 2.0)
        return float(dice_and_cross_entropy(logits, classes, 2.0, absent_weight=0.8) - plain)

    cost = [p[:, c].sum() / (p[:, c].sum() + ABSENT_VOXELS) for c in (1, 2)]
    assert added(primary) == pytest.approx(0.8 * cost[1] / 2, rel=1e-4)  # nodes only
    assert added(torch.zeros_like(primary)) == pytest.approx(0.8 * sum(cost) / 2, rel=1e-4)
    primary[0, 0, 0, 0] = 2
    assert added(primary) == 0


def test_patches_without_a_class_do_not_teach_that_there_is_none():
    """Of Dice: the cross-entropy says all there is to say of them."""
    import torch

    from HNCLogic.training.losses import dice_and_cross_entropy

    logits = torch.zeros(1, 3, 4, 8, 8)
    logits[:, 2] = -6.0  # little is called node, as early in training
    logits.requires_grad_()
    nothing = torch.zeros(1, 4, 8, 8, dtype=torch.long)
    dice_and_cross_entropy(logits, nothing).backward()
    theirs = logits.grad.clone()
    logits.grad = None
    torch.nn.functional.cross_entropy(logits, nothing).backward()
    assert torch.allclose(theirs, logits.grad, atol=1e-6)
