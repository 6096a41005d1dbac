"""Heat maps against annotations and under random weights; scikit-learn, scipy, SimpleITK agree."""

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

from HNCLogic.evaluation import heatmaps, randomised
from HNCLogic.evaluation.roc import Area
from HNCLogic.images.grid import Grid
from HNCLogic.job import Region

WHOLE = Region(inferior_mm=-1e4, superior_mm=1e4, found_by="test")
TURN = np.deg2rad(12)
# Anisotropic, turned about the patient's x axis, first slice at the head.
GRID = Grid(
    (17, 19, 23),
    (2.0, 2.5, 4.0),
    (-20.0, 30.0, 90.0),
    (1, 0, 0, 0, np.cos(TURN), np.sin(TURN), 0, np.sin(TURN), -np.cos(TURN)),
)


def blob(centre, wide):
    """(z, y, x), 1 at ``centre``, an index (x, y, z)."""
    z, y, x = np.meshgrid(*map(np.arange, GRID.size[::-1]), indexing="ij")
    squares = sum((a - c) ** 2 for a, c in zip((x, y, z), centre, strict=True))
    return np.exp(-squares / (2 * wide**2)).astype(np.float32)


def compared(heat, marked):
    mask = GRID.image(marked.astype(np.uint8))
    return heatmaps.fidelity(GRID.image(heat), WHOLE, mask)


def test_heat_in_the_lesion():
    heat, marked = blob((8, 9, 6), 2.0), blob((8, 9, 7), 2.0) > 0.6
    found = compared(heat, marked)
    assert found.hit is True
    assert found.distance_mm == 0.0
    assert found.energy_inside == pytest.approx(heat[marked].sum() / heat.sum(), rel=1e-5)
    assert found.annotated_share == pytest.approx(marked.mean())
    maxima, slices = heat.max(axis=(1, 2)), marked.any(axis=(1, 2))
    assert found.slice_auroc == pytest.approx(roc_auc_score(slices, maxima))
    assert found.slice_spearman == pytest.approx(spearmanr(maxima, slices).statistic)
    # The first slice of this grid is the uppermost: slices are told from the feet.
    assert [one.index for one in found.slices] == list(range(22, -1, -1))
    assert [one.annotated for one in found.slices] == slices[::-1].tolist()


def test_heat_beside_the_lesion_is_as_far_as_simpleitk_says():
    heat, marked = blob((3, 3, 18), 1.0), np.zeros(GRID.size[::-1], bool)
    marked[4:6, 10:12, 12:14] = True
    found = compared(heat, marked)
    image = GRID.image(heat)
    place = np.array(image.TransformIndexToPhysicalPoint((3, 3, 18)))
    others = [
        image.TransformIndexToPhysicalPoint([int(n) for n in index[::-1]])
        for index in np.argwhere(marked)
    ]
    nearest = min(np.linalg.norm(np.array(one) - place) for one in others)
    assert found.distance_mm == pytest.approx(nearest)
    assert found.hit is False
    assert found.near(float(nearest) + 0.01) is True
    assert found.near(float(nearest) - 0.01) is False


def test_where_there_is_nothing_to_compare():
    heat, marked = blob((8, 9, 6), 2.0), blob((8, 9, 7), 2.0) > 0.6
    nothing = np.zeros_like(heat)
    healthy = compared(heat, marked & False)
    assert healthy.annotated_share is None
    assert healthy.hit is None
    assert not any(one.annotated for one in healthy.slices)
    unknown = heatmaps.fidelity(GRID.image(heat), WHOLE, None)
    assert {one.annotated for one in unknown.slices} == {None}
    cold = compared(nothing, marked)
    assert cold.distance_mm is None
    assert cold.slice_auroc == 0.5
    assert cold.slice_spearman is None
    other = sitk.GetImageFromArray(marked.astype(np.uint8))
    with pytest.raises(ValueError, match="not on one grid"):
        heatmaps.fidelity(GRID.image(heat), WHOLE, other)


def test_over_scans_an_empty_map_is_a_miss():
    marked = blob((8, 9, 7), 2.0) > 0.6
    hot, cold = (
        compared(blob((8, 9, 6), 2.0), marked),
        compared(np.zeros_like(marked, float), marked),
    )
    off = compared(blob((8, 9, 14), 2.0), marked)
    healthy = compared(blob((8, 9, 6), 2.0), marked & False)
    found = heatmaps.fidelity_figures([hot, cold, off, healthy], ["a", "b", "c", "d"])
    assert (found.scans, found.without_heat) == (3, 1)
    assert (found.hits.value, found.hits.of) == (pytest.approx(1 / 3), 3)
    assert found.near.value == pytest.approx((1 + (off.distance_mm <= 10)) / 3)
    assert found.energy_inside.value == pytest.approx((hot.energy_inside + off.energy_inside) / 2)
    assert found.slice_auroc.low <= found.slice_auroc.value <= found.slice_auroc.high
    assert heatmaps.fidelity_figures([healthy], ["d"]) is None


@pytest.fixture(scope="module")
def network():
    """A network whose map of ``stack`` is not empty."""
    torch = pytest.importorskip("torch")
    from HNCLogic.explain.grad_cam import heat_stack
    from HNCLogic.networks.presence import PresenceNet

    rng = np.random.default_rng(0)
    stack = rng.random((1, 12, 16, 16)).astype(np.float32)
    stack[0, 5:8, 6:10, 6:10] += 2
    for seed in range(30):
        torch.manual_seed(seed)
        one = PresenceNet(1, 4, (4, 8), 8, 0.0).eval()
        if heat_stack([one], 1, stack, 8, 4).peak > 0:
            return one, stack
    raise AssertionError("every random network has an empty map")


def test_stages_are_drawn_anew_from_the_output(network):
    import copy

    import torch

    one, _ = network
    assert [name for name, _ in randomised.stages_of(one)] == [
        "logit", "dense", "stages 2", "stages 1", "entry",
    ]  # fmt: skip
    copied = copy.deepcopy(one)
    state = torch.random.get_rng_state()
    randomised.randomise(copied, 3, seed=5)
    assert torch.equal(torch.random.get_rng_state(), state)
    kept = {name: torch.equal(p, copied.state_dict()[name]) for name, p in one.state_dict().items()}
    assert all(kept[name] for name in kept if name.startswith(("entry", "stages.0")))
    assert not kept["logit.weight"]
    assert not kept["dense.weight"]
    assert not kept["stages.1.0.body.0.weight"]
    again = copy.deepcopy(one)
    randomised.randomise(again, 3, seed=5)
    assert all(torch.equal(p, again.state_dict()[n]) for n, p in copied.state_dict().items())


def test_a_cascade_compares_with_the_trained_map(network):
    import copy

    from HNCLogic.explain.grad_cam import heat_stack

    one, stack = network
    before = {name: p.clone() for name, p in one.state_dict().items()}
    told = []
    steps = randomised.cascade(
        lambda: iter([copy.deepcopy(one), copy.deepcopy(one)]), 2, stack, 8, 4, seed=3,
        progress=told.append,
    )  # fmt: skip
    assert [step.randomised for step in steps] == [
        "logit",
        "dense",
        "stages 2",
        "stages 1",
        "entry",
    ]
    assert told == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert all((p == before[name]).all() for name, p in one.state_dict().items())
    trained = heat_stack([one], 1, stack, 8, 4).values
    anew = []
    for number in range(2):
        copied = copy.deepcopy(one)
        randomised.randomise(copied, 4, 3 + 1000 * number)
        anew.append(copied)
    values = heat_stack(anew, 2, stack, 8, 4).values
    expected = spearmanr(trained.ravel(), values.ravel()).statistic if np.ptp(values) else 0.0
    assert steps[3].voxels == pytest.approx(expected)
    assert abs(steps[-1].voxels) < 0.9


def test_correlation_is_scipys_and_nothing_of_a_flat_map():
    rng = np.random.default_rng(1)
    one = np.round(rng.random((4, 5, 6)), 1)
    other = np.round(one + rng.random((4, 5, 6)), 1)
    assert randomised.correlation(one, other) == pytest.approx(
        spearmanr(one.ravel(), other.ravel()).statistic
    )
    assert randomised.correlation(one, np.zeros_like(one)) == 0.0
    step = randomised.Step
    steps = randomised.mean_cascade(
        [[step("logit", 0.8, 0.6), step("entry", 0.2, 0.0)],
         [step("logit", 0.6, 0.4), step("entry", 0.0, 0.2)]], ["a", "b"],
    )  # fmt: skip
    assert steps[0].voxels == (pytest.approx(0.7), pytest.approx(0.6), pytest.approx(0.8))
    assert randomised.destroyed(steps)
    kept = [randomised.CascadeStep("entry", Area(0.8, None, None), Area(0.1, None, None))]
    assert not randomised.destroyed(kept)
