"""Healthy uptake: the table's means, differences of the sides, age, brown fat."""

import numpy as np
import pytest
from scipy.ndimage import binary_dilation, binary_erosion, gaussian_filter

from HNCLogic.phantom.body.anatomy import draw_anatomy
from HNCLogic.phantom.body.noise import on_grid, smooth_field
from HNCLogic.phantom.body.shapes import Canvas
from HNCLogic.phantom.body.tissues import LABEL, TISSUES
from HNCLogic.phantom.disease.activity import activity, add_brown_fat, draw_uptake, unevenness

# SUVmean; Nakamoto et al., Radiology 2005;234:879-885.
NAKAMOTO = {"tonsil": 3.48, "soft palate": 3.13, "lingual tonsil": 3.11, "sublingual": 2.93,
            "cord": 2.12, "submandibular": 2.11, "parotid": 1.90, "vocal cord": 1.77,
            "concha": 1.56, "tongue": 1.39, "thyroid": 1.31}  # fmt: skip
PAIRED = ("tonsil", "sublingual", "submandibular", "parotid", "vocal cord", "thyroid", "concha")


@pytest.fixture(scope="module")
def drawn():
    return [draw_uptake(np.random.default_rng((5, seed)), 60.0) for seed in range(800)]


@pytest.fixture(scope="module")
def canvas():
    return draw_anatomy(np.random.default_rng(3)).painted(2.5)


def _texture(canvas, seed):
    field = smooth_field(
        np.random.default_rng(seed), tuple(canvas.low), tuple(canvas.axes[i][-1] for i in range(3)),
        9.0,
    )  # fmt: skip
    return on_grid(field, canvas.low, canvas.spacing, canvas.size)


def test_uptake_is_that_of_the_table_on_average(drawn):
    for name, suv in NAKAMOTO.items():
        assert TISSUES[name].suv == suv
        index = LABEL[name]
        mean = np.mean([(one.left[index] + one.right[index]) / 2 for one in drawn])
        assert mean == pytest.approx(suv, rel=0.1), name


def test_ranges_are_those_stated(drawn):
    for name, low, high in (
        ("grey matter", 8, 14), ("white matter", 3, 5), ("vessel", 1.5, 2), ("muscle", 0.6, 1),
    ):  # fmt: skip
        values = [v for one in drawn for v in (one.left[LABEL[name]], one.right[LABEL[name]])]
        assert low - 1e-4 <= min(values), name
        assert max(values) <= high + 1e-4, name
    chewing = [max(one.left[LABEL["masticator"]], one.right[LABEL["masticator"]]) for one in drawn]
    active = [value for value in chewing if value >= 2]
    assert 0.01 < len(active) / len(drawn) < 0.1
    assert max(active) <= 6


def test_left_and_right_mostly_differ_by_less_than_half(drawn):
    ratios = np.array(
        [[one.left[LABEL[name]] / one.right[LABEL[name]] for name in PAIRED] for one in drawn]
    )
    ratios = np.maximum(ratios, 1 / ratios)
    assert 0.87 < np.mean(ratios < 1.5) < 0.98
    assert 0.85 < np.mean(ratios[:, 0] < 1.5) < 0.96  # tonsils, the least alike


def test_tonsils_and_sublingual_glands_fall_with_age():
    for name in ("tonsil", "sublingual", "parotid"):
        means = []
        for age in (40.0, 60.0, 80.0):
            found = [draw_uptake(np.random.default_rng((6, s)), age) for s in range(200)]
            means.append(np.mean([one.left[LABEL[name]] for one in found]))
        slope = (means[2] - means[0]) / 40 / means[1]
        if name == "parotid":
            assert slope == pytest.approx(0, abs=1e-6)
        else:
            assert -0.012 < slope < -0.005, name


def test_the_table_is_found_in_large_regions_through_the_blur(canvas):
    seen = {}
    for seed in range(6):
        uptake = draw_uptake(np.random.default_rng((9, seed)), 60.0)
        suv = activity(canvas, uptake, _texture(canvas, seed))
        blurred = gaussian_filter(suv, 6.0 / 2.3548 / 2.5, truncate=3.0)
        for name in ("parotid", "tongue", "muscle", "neck muscle", "marrow", "white matter"):
            inner = binary_erosion(canvas.labels == LABEL[name], iterations=2)
            if inner.sum() < 100:
                continue
            expected = (uptake.left[LABEL[name]] + uptake.right[LABEL[name]]) / 2
            seen.setdefault(name, []).append(blurred[inner].mean() / expected)
    assert {"parotid", "tongue", "muscle", "white matter"} <= set(seen)
    for name, ratios in seen.items():
        assert np.mean(ratios) == pytest.approx(1, abs=0.1), name


def test_small_organs_have_the_drawn_activity_and_are_uneven(canvas):
    uptake = draw_uptake(np.random.default_rng(2), 60.0)
    suv = activity(canvas, uptake, _texture(canvas, 1))
    patchy = {}
    for name in ("tonsil", "soft palate", "submandibular", "muscle", "sublingual"):
        inside = canvas.labels == LABEL[name]
        expected = (uptake.left[LABEL[name]] + uptake.right[LABEL[name]]) / 2
        assert suv[inside].mean() == pytest.approx(expected, rel=0.25), name
        patchy[name] = suv[inside].std() / suv[inside].mean()
    assert patchy["tonsil"] > 1.4 * patchy["muscle"]


def test_the_tongue_takes_up_more_at_tip_and_base(canvas):
    from dataclasses import replace

    still = np.zeros(canvas.labels.shape, np.float32)
    uptake = replace(draw_uptake(np.random.default_rng(2), 60.0), tip=0.6, base=0.6)
    suv = activity(canvas, uptake, still)
    inside = np.nonzero(canvas.labels == LABEL["tongue"])
    values, y = suv[inside], inside[1]
    low, middle, high = np.percentile(y, (5, 50, 95))
    assert values[y <= low].mean() > 1.25 * values[np.abs(y - middle) <= 2].mean()
    assert values[y >= high].mean() > 1.25 * values[np.abs(y - middle) <= 2].mean()
    both = (uptake.left[LABEL["tongue"]] + uptake.right[LABEL["tongue"]]) / 2
    assert values.mean() == pytest.approx(both, rel=0.02)


def test_the_cervical_cord_has_the_tables_uptake_and_the_thoracic_less(canvas):
    still = np.zeros(canvas.labels.shape, np.float32)
    uptake = draw_uptake(np.random.default_rng(2), 60.0)
    suv = activity(canvas, uptake, still)
    inside = canvas.labels == LABEL["cord"]
    down = (np.nonzero(inside)[0].max() - np.nonzero(inside)[0]) * canvas.spacing
    expected = (uptake.left[LABEL["cord"]] + uptake.right[LABEL["cord"]]) / 2
    assert suv[inside][down <= 130].mean() == pytest.approx(expected, rel=0.02)
    assert suv[inside][down > 190].mean() < 0.75 * expected


def test_lips_and_chin_take_up_more_than_cheeks_and_nothing_beyond_the_face(canvas):
    from dataclasses import replace

    still = np.zeros(canvas.labels.shape, np.float32)
    uptake = draw_uptake(np.random.default_rng(2), 60.0)
    plain = activity(canvas, replace(uptake, face=0.0), still)
    more = activity(canvas, replace(uptake, face=2.0), still) - plain
    z, y, _x = np.nonzero(more > 0)
    assert more.min() == 0
    assert 20 < (more > 0).sum() * canvas.spacing**3 / 1000 < 250  # ml
    level, back = canvas.axes[2][z], canvas.axes[1][y]
    assert level.min() > -40
    assert level.max() < 110
    assert back.max() < 0  # in front of the ears
    values = more[more > 0]
    assert values[back < -80].mean() > 1.5 * values[back > -40].mean()
    assert (plain + more)[canvas.labels == LABEL["fat"]].max() <= 2.0 + 1e-4


def test_the_mouths_mucosa_is_a_ring_round_the_tongue_and_no_more(canvas):
    from dataclasses import replace

    still = np.zeros(canvas.labels.shape, np.float32)
    uptake = draw_uptake(np.random.default_rng(2), 60.0)
    plain = activity(canvas, replace(uptake, lining=0.0), still)
    more = activity(canvas, replace(uptake, lining=2.5), still) - plain
    assert more.min() == 0
    assert not more[canvas.labels == LABEL["tongue"]].any()  # its mean stays the table's
    assert (plain + more)[more > 0].max() <= 2.5 + 1e-4
    mouth = binary_dilation(
        np.isin(canvas.labels, (LABEL["tongue"], LABEL["teeth"])), iterations=3
    )  # fmt: skip
    assert not more[~mouth].any()
    middle = np.nonzero(canvas.labels == LABEL["tongue"])[0]
    ringed = np.flatnonzero((more > 0).any(axis=(1, 2)))
    assert np.median(middle) in ringed
    assert ringed.min() > np.percentile(middle, 15)  # none beneath it


def test_unevenness_has_mean_0_variance_1_and_is_the_same_for_a_seed(canvas):
    first = unevenness(np.random.default_rng(1), canvas)
    assert first.shape == canvas.labels.shape
    assert first.dtype == np.float32
    assert abs(first.mean()) < 0.1
    # Read between the points of its own grid a field is a little flatter.
    assert 0.6 < first.std() < 1.05
    assert np.array_equal(first, unevenness(np.random.default_rng(1), canvas))


def test_left_and_right_are_told_apart_where_a_body_lies_askew(canvas):
    from copy import copy

    uptake = draw_uptake(np.random.default_rng(2), 60.0)
    still = np.zeros(canvas.labels.shape, np.float32)
    moved = copy(canvas)
    moved.low = canvas.low + np.array((30.0, 0, 0))
    assert np.array_equal(activity(canvas, uptake, still), activity(moved, uptake, still))


def test_brown_fat_in_a_tenth_of_the_patients_on_both_sides():
    canvas = Canvas((-130, 0, -120), (130, 90, -40), 5.0)
    found = []
    for seed in range(400):
        canvas.labels[:] = LABEL["fat"]
        suv = np.zeros(canvas.labels.shape, np.float32)
        present = add_brown_fat(np.random.default_rng((4, seed)), canvas, suv)
        assert present == bool(suv.any())
        if present:
            hot = suv.max()
            found.append(hot)
            assert 1 <= hot <= 15
            middle = suv.shape[2] // 2
            assert suv[..., :middle].any()
            assert suv[..., middle + 1 :].any()
    assert 0.06 < len(found) / 400 < 0.15
