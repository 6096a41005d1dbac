"""Simulated tumours and what looks like them: sizes, heat, sites and shapes as stated."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from scipy.ndimage import binary_dilation, binary_erosion, gaussian_filter

from HNCLogic.phantom.body.anatomy import draw_anatomy
from HNCLogic.phantom.body.tissues import LABEL
from HNCLogic.phantom.disease.confounders import (
    KINDS,
    LOOK_ALIKES,
    apart,
    draw_harmless,
)
from HNCLogic.phantom.disease.lesions import (
    NECROTIC_ML,
    Lesion,
    draw_malignant,
    grow,
    paint_tissue,
    paint_uptake,
)
from HNCLogic.phantom.disease.matching import draw_heat
from HNCLogic.phantom.honesty import auc

BLUR_MM = 6.0


def _malignant(count, node_median_ml=2.7):
    drawn = []
    for seed in range(count):
        rng = np.random.default_rng((7, seed))
        hottest = draw_heat(rng).tumour
        drawn.append(draw_malignant(rng, node_median_ml=node_median_ml, hottest=hottest))
    return drawn


def _harmless(count, positive):
    drawn = []
    for seed in range(count):
        rng = np.random.default_rng((8, seed))
        heat = draw_heat(rng)
        drawn.append((heat, draw_harmless(rng, positive=positive, heat=heat)))
    return drawn


@pytest.fixture(scope="module")
def many():
    return _malignant(2000)


@pytest.fixture(scope="module")
def canvas():
    return draw_anatomy(np.random.default_rng(3)).painted(2.5)


def _copy(canvas):
    from copy import copy

    other = copy(canvas)
    other.labels = canvas.labels.copy()
    return other


def test_primaries_are_where_and_as_large_as_published(many):
    primaries = [found[0] for found in many]
    assert all(lesion.kind == "primary" for lesion in primaries)
    assert np.median([p.volume_ml for p in primaries]) == pytest.approx(8, rel=0.1)
    assert 11 < np.mean([p.volume_ml for p in primaries]) < 15  # the paper: 13.2
    sites = Counter(lesion.site for lesion in primaries)
    assert sites["oropharynx"] / 2000 == pytest.approx(0.63, abs=0.03)
    assert sites["larynx"] / 2000 == pytest.approx(0.17, abs=0.03)
    assert set(sites) == {"oropharynx", "larynx", "hypopharynx", "oral cavity", "nasopharynx"}
    suv = np.array([p.suv_max for p in primaries])
    assert suv.min() >= 4
    assert suv.max() <= 25
    assert np.percentile(suv, 99) > 12


@pytest.mark.parametrize("median", [2.7, 0.7])
def test_nodes_are_as_many_and_as_large_as_published(median):
    nodes = [lesion for found in _malignant(1500, median) for lesion in found[1:]]
    assert len(nodes) / 1500 == pytest.approx(1.5, abs=0.2)
    assert np.median([n.volume_ml for n in nodes]) == pytest.approx(median, rel=0.12)
    suv = np.array([n.suv_max for n in nodes])
    assert suv.min() >= 2
    assert suv.max() <= 12
    assert 0.25 < np.mean((suv >= 3) & (suv <= 4.5)) < 0.6
    assert {n.site for n in nodes} == {"Ib", "II", "III", "IV", "V", "retropharyngeal"}


def test_a_fifth_of_the_lesions_have_a_cold_core(many):
    assert np.mean([found[0].necrotic for found in many]) == pytest.approx(0.2, abs=0.03)
    nodes = [lesion for found in many for lesion in found[1:]]
    assert np.mean([n.necrotic for n in nodes]) == pytest.approx(0.2, abs=0.04)
    assert all(n.volume_ml > NECROTIC_ML for found in many for n in found if n.necrotic)


def test_some_nodes_touch_one_another_or_the_primary(many):
    def touch(a, b):
        reach = sum((3 * one.volume_ml * 1000 / (4 * np.pi)) ** (1 / 3) for one in (a, b))
        return np.linalg.norm(np.subtract(a.centre, b.centre)) < 1.05 * reach

    chains = [any(touch(a, b) for a, b in pairwise(f[1:])) for f in many]
    beside = [any(touch(f[0], node) for node in f[1:]) for f in many]
    assert 0.1 < np.mean(chains) < 0.6
    assert 0.05 < np.mean(beside) < 0.5


def test_both_of_a_pair_aim_at_the_same_heat():
    """Many times the pairs of the honesty gates: in no third may chance hide a difference."""
    pairs = []
    for seed in range(1500):
        heat = draw_heat(np.random.default_rng((9, seed)))
        of_positive, of_negative = (np.random.default_rng((10, seed, label)) for label in (1, 0))
        tumours = draw_malignant(of_positive, node_median_ml=0.7, hottest=heat.tumour)
        beside = draw_harmless(of_positive, positive=True, heat=heat, malignant=tumours)
        alone = draw_harmless(of_negative, positive=False, heat=heat)
        assert max(one.suv_max for one in alone) <= 1.1 * max(heat) + 1e-6
        beside = apart(beside, tumours)
        pairs.append([max(o.suv_max for o in found) for found in ([*tumours, *beside], alone)])
    both = np.array(pairs)
    ratio = np.log(both[:, 0] / both[:, 1])
    assert abs(np.median(ratio)) < 0.02
    assert np.mean(np.abs(ratio) < 0.05) > 0.4
    for third in np.array_split(both[np.argsort(both.mean(axis=1))], 3):
        labels = [True] * len(third) + [False] * len(third)
        assert auc(third.T.ravel(), labels) == pytest.approx(0.5, abs=0.05)


def test_the_hottest_look_alike_of_a_positive_stays_where_a_tumour_is_about():
    for seed in range(300):
        rng = np.random.default_rng((11, seed))
        heat = draw_heat(rng)
        tumours = draw_malignant(rng, node_median_ml=2.7, hottest=heat.tumour)
        found = draw_harmless(rng, positive=True, heat=heat, malignant=tumours)
        if found and max(o.suv_max for o in found) > heat.tumour:
            hottest = max(found, key=lambda one: one.suv_max)
            assert hottest.seed in {one.seed for one in apart(found, tumours)}


def test_look_alikes_are_of_every_kind_keep_to_their_ranges_and_come_in_pairs():
    negatives = [found for _, found in _harmless(600, positive=False)]
    positives = [found for _, found in _harmless(600, positive=True)]
    for found in (negatives, positives):
        assert {one.kind for harmless in found for one in harmless} == set(KINDS)
        assert not any(one.malignant for harmless in found for one in harmless)
    inflamed = [o.suv_max for found in negatives for o in found if o.kind == "inflammation"]
    # SUVmean 2.5 to 6 at about 0.6 of SUVmax; fainter only where the stratum is.
    assert min(inflamed) > 2
    assert max(inflamed) < 1.1 * 9.7
    limit = max(what.suv[1] for what in LOOK_ALIKES.values())
    assert max(o.suv_max for found in negatives for o in found) <= 1.1 * limit
    sites = [(o.site, o.side) for found in negatives for o in found if o.kind == "reactive node"]
    assert 0.4 < np.mean([side == "left" for _, side in sites]) < 0.6
    paired = [
        {o.side for o in found if o.kind == "reactive node"} >= {"left", "right"}
        for found in negatives
        if any(o.kind == "reactive node" for o in found)
    ]
    assert np.mean(paired) > 0.6


def test_look_alikes_change_sides_or_go_where_they_would_run_into_a_tumour():
    tumour = Lesion("primary", "oropharynx", "left", (19, -18, 34), 8.0, 9.0, False)
    near = Lesion("active tonsil", "tonsil", "left", (17, -18, 36), 2.0, 8.0, False)
    middle = Lesion("inflammation", "oropharynx", "midline", (2, -18, 34), 6.0, 5.0, False)
    far = Lesion("thyroid focus", "thyroid", "right", (-17, -16, -58), 3.0, 8.0, False)
    kept = apart([near, middle, far], [tumour])
    assert [(one.kind, one.side) for one in kept] == [
        ("active tonsil", "right"),
        ("thyroid focus", "right"),
    ]
    assert kept[0].centre == (-17, -18, 36)
    assert apart([near, middle, far], []) == [near, middle, far]


def test_suvmax_seen_through_the_blur_is_that_drawn(canvas):
    reached = []
    for found in _malignant(14):
        own = _copy(canvas)
        suv = np.full(own.labels.shape, 0.8, np.float32)
        grown, truth = paint_uptake(found, own, suv, BLUR_MM)
        blurred = gaussian_filter(suv, BLUR_MM / 2.3548 / own.spacing, truncate=3.0)
        nodes = 0
        for lesion in grown:
            nodes += lesion.kind == "node"
            label = 1 if lesion.kind == "primary" else 1 + nodes
            if lesion.volume_ml > 1.5 and (truth == label).any():
                reached.append(blurred[truth == label].max() / lesion.suv_max)
    assert len(reached) > 15
    assert np.median(reached) == pytest.approx(1, abs=0.03)
    assert np.mean(np.abs(np.array(reached) - 1) < 0.1) > 0.85


def test_a_tumour_beside_something_hotter_does_not_vanish(canvas):
    """Else the spill alone would reach its SUVmax, and true tumour lie there without uptake."""
    own = _copy(canvas)
    suv = np.full(own.labels.shape, 0.8, np.float32)
    suv[own.labels == LABEL["tongue"]] = 12.0
    primary = next(p[0] for p in _malignant(500) if p[0].site == "oral cavity" and p[0].suv_max < 6)
    (found,), truth = paint_uptake([primary], own, suv, 6.0)
    assert suv[truth == 1].mean() > 0.6 * found.suv_max


def test_each_node_has_its_label_and_the_core_is_not_in_the_truth(canvas):
    own = _copy(canvas)
    first = Lesion("primary", "oropharynx", "left", (19, -18, 34), 12.0, 9.0, True, seed=1)
    nodes = [
        Lesion("node", "II", "left", (46, 4, 24), 4.0, 5.0, False, seed=2),
        Lesion("node", "III", "left", (46, 4, 8), 4.0, 4.0, True, seed=3),
    ]
    suv = np.full(own.labels.shape, 0.8, np.float32)
    grown, truth = paint_uptake([first, *nodes], own, suv, BLUR_MM)
    assert set(np.unique(truth)) == {0, 1, 2, 3}
    assert [one.kind for one in grown] == ["primary", "node", "node"]
    core = own.labels == LABEL["necrosis"]
    assert core.any()
    assert not truth[core].any()
    assert np.all(suv[core] < 1)
    assert np.all(own.labels[truth > 0] == LABEL["tumour"])
    # A conglomerate: the two nodes touch and are still two.
    assert (binary_dilation(truth == 2) & (truth == 3)).any()
    # Of CT or MR the same shape, core included.
    other = _copy(canvas)
    paint_tissue([first, *nodes], other)
    assert np.array_equal(np.isin(other.labels, [LABEL["tumour"], LABEL["necrosis"]]),
                          (truth > 0) | core)  # fmt: skip


def test_surfaces_are_irregular(canvas):
    """A ball as large has less of a surface; the ellipsoid without bumps has 4 % more than that."""
    ratios = []
    for seed in range(6):
        lesion = Lesion("node", "V", "left", (52, 36, -22), 10.0, 6.0, False, seed=seed)
        _, mask, _ = grow(lesion, canvas)
        padded = np.pad(mask, 2)
        surface = (padded & ~binary_erosion(padded)).sum()
        r = (3 * mask.sum() / (4 * np.pi)) ** (1 / 3)
        z, y, x = np.indices((2 * int(r) + 9,) * 3) - (int(r) + 4)
        ball = z**2 + y**2 + x**2 <= r**2
        ratios.append(surface / (ball & ~binary_erosion(ball)).sum())
    assert min(ratios) > 1.06
    assert np.mean(ratios) > 1.1


def test_a_look_alike_keeps_to_its_organ_and_a_tumour_does_not(canvas):
    spot = {"volume_ml": 9.0, "suv_max": 7.0, "necrotic": False, "seed": 4}
    place = {"site": "oropharynx", "side": "left", "centre": (17.0, -18.0, 36.0)}
    tonsil = Lesion("active tonsil", **place, **spot, within=("tonsil",))
    tumour = Lesion("primary", **place, **spot)
    cuts, mask, _ = grow(tonsil, canvas)
    if mask.sum() * 2.5**3 / 1000 < 8:  # the tonsil was large enough, so nothing else is taken
        assert set(np.unique(canvas.labels[cuts][mask])) == {LABEL["tonsil"]}
    cuts, mask, _ = grow(tumour, canvas)
    assert len(np.unique(canvas.labels[cuts][mask])) > 2
