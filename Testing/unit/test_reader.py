"""The simulated reader: errs as stated, and never beyond what a reader would let pass."""

from dataclasses import dataclass

import numpy as np
import pytest
import SimpleITK as sitk
from scipy import ndimage

from HNCLogic.errors import InputError
from HNCLogic.images.grid import Grid
from HNCLogic.phantom import reader, reader_score

GRID = Grid((50, 52, 60), (3.1, 3.1, 3.4), (-80.0, -60.0, 40.0), (1, 0, 0, 0, 1, 0, 0, 0, 1))
PATIENTS = 40


def _scene(rng):
    """A neck of SUV 1 with a primary of SUV 8, a node of SUV 4 and hot tissue at the primary.

    Blurred with 6 mm and made noisy. Gives PET and truth on one grid."""
    z, y, x = np.meshgrid(*[np.arange(n) * s for n, s in zip((60, 52, 50), (3.4, 3.1, 3.1),
                          strict=True)], indexing="ij")  # fmt: skip
    ball = lambda at, r: (z - at[0]) ** 2 + (y - at[1]) ** 2 + (x - at[2]) ** 2 < r**2  # noqa: E731
    place = np.array([110, 80, 60]) + rng.uniform(-2, 2, 3)
    primary, node = ball(place, rng.uniform(9, 15)), ball((60, 70, 110), rng.uniform(6, 9))
    beside = ball(place + np.array([0, 0, 20]), 9) & ~primary
    suv = 1.0 + 7.0 * primary + 3.0 * node + 5.0 * beside
    suv = ndimage.gaussian_filter(suv, np.array([6 / 2.3548] * 3) / (3.4, 3.1, 3.1))
    suv += 0.1 * np.sqrt(suv) * rng.standard_normal(suv.shape)
    truth = primary.astype(np.uint8)
    truth[node] = 2
    return GRID.image(suv.astype(np.float32)), GRID.image(truth)


def _dice(a, b):
    return 2 * (a & b).sum() / (a.sum() + b.sum())


@pytest.fixture(scope="module")
def readings():
    found = []
    for seed in range(PATIENTS):
        pet, truth = _scene(np.random.default_rng(seed))
        outlines = reader.read_by_eye(pet, truth, np.random.default_rng([1, seed]))
        found.append((pet, truth, outlines))
    return found


def test_reader_and_truth_agree_like_two_readers():
    from HNCLogic.phantom.patient import simulate

    scores = []
    for seed in range(8):
        patient = simulate(seed, centre="north")
        outlines = reader.read_by_eye(patient.pet, patient.truth, np.random.default_rng(seed))
        a, b = (sitk.GetArrayViewFromImage(i) > 0 for i in (patient.truth, outlines))
        scores.append(_dice(a, b))
    assert np.median(scores) == pytest.approx(reader.AGREEMENT, abs=0.07)
    assert np.std(scores) > 0.01


def test_even_spheres_leave_little_to_differ_about(readings):
    both = [[sitk.GetArrayViewFromImage(i) > 0 for i in images[1:]] for images in readings]
    assert 0.85 < np.median([_dice(*pair) for pair in both]) < 0.99


def test_labels_are_kept_and_the_primary_is_always_there(readings):
    for _, truth, outlines in readings:
        drawn, true = (sitk.GetArrayViewFromImage(i) for i in (outlines, truth))
        assert outlines.GetPixelID() == sitk.sitkUInt8
        assert Grid.of(outlines).same_as(GRID)
        assert {0, 1} <= set(np.unique(drawn)) <= {0, 1, 2}
        for value in set(np.unique(drawn)) - {0}:
            assert _dice(drawn == value, true == value) > 0.3


def test_no_outline_goes_farther_than_a_leak(readings):
    beyond = []
    for _, truth, outlines in readings:
        outside = ndimage.distance_transform_edt(
            sitk.GetArrayViewFromImage(truth) == 0, sampling=GRID.spacing[::-1]
        )
        beyond.append(outside[sitk.GetArrayViewFromImage(outlines) > 0].max())
    assert max(beyond) <= reader.LEAK_MM + 1e-6
    assert 0 < np.mean(np.array(beyond) > reader.CUT_BACK_MM) < 0.4


def test_the_same_stream_draws_the_same_outline_and_another_reader_another(readings):
    pet, truth, outlines = readings[3]
    again = reader.read_by_eye(pet, truth, np.random.default_rng([1, 3]))
    other = reader.read_by_eye(pet, truth, np.random.default_rng([2, 3]))
    first = sitk.GetArrayViewFromImage(outlines)
    assert np.array_equal(first, sitk.GetArrayViewFromImage(again))
    assert not np.array_equal(first, sitk.GetArrayViewFromImage(other))


def test_small_and_faint_nodes_are_missed_as_often_as_stated():
    rng = np.random.default_rng(5)
    suv = np.full((60, 52, 50), 1.0, np.float32)
    truth = np.zeros(suv.shape, np.uint8)
    truth[20:30, 20:30, 20:30] = 1
    suv[truth == 1] = 8.0
    value, ml = 2, GRID.voxel_ml
    for z in range(4, 56, 8):
        for x in (5, 15, 35, 45):
            cut = (slice(z, z + 2), slice(42, 45), slice(x, x + 2))  # 12 voxels, 0.39 ml
            truth[cut], suv[cut] = value, 2.6
            value += 1
    nodes = value - 2
    drawn = [
        len(np.unique(sitk.GetArrayFromImage(
            reader.read_by_eye(GRID.image(suv), GRID.image(truth), stream)))) - 2
        for stream in rng.spawn(8)
    ]  # fmt: skip
    expected = reader.missed_probability(12 * ml, 2.6)
    assert 0.2 < expected < 0.6
    assert 1 - sum(drawn) / (8 * nodes) == pytest.approx(expected, abs=0.1)


def test_missing_falls_with_size_and_uptake():
    half = reader.missed_probability(reader.HALF_MISSED_ML, reader.HALF_MISSED_SUV)
    assert half == pytest.approx(0.5)
    by_size = [reader.missed_probability(ml, 3.0) for ml in (0.1, 0.3, 1, 3)]
    by_suv = [reader.missed_probability(0.5, suv) for suv in (2, 3, 4, 8)]
    assert by_size == sorted(by_size, reverse=True)
    assert by_suv == sorted(by_suv, reverse=True)
    assert reader.missed_probability(0.5, 2.5) == pytest.approx(0.27, abs=0.005)
    assert reader.missed_probability(1.0, 3.7) == pytest.approx(0.05, abs=0.005)


def test_nothing_is_outlined_where_nothing_is():
    pet, truth = _scene(np.random.default_rng(0))
    outlines = reader.read_by_eye(pet, truth * 0, np.random.default_rng(0))
    assert not sitk.GetArrayViewFromImage(outlines).any()


def test_a_truth_on_another_grid_is_refused():
    pet, truth = _scene(np.random.default_rng(0))
    truth.SetOrigin((0, 0, 0))
    with pytest.raises(InputError, match="another grid"):
        reader.read_by_eye(pet, truth, np.random.default_rng(0))


@pytest.mark.parametrize("point", [reader_score.PRESENCE, reader_score.PAROTID])
def test_scores_have_the_stated_operating_point(point):
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(9)
    labels = np.arange(20000) % 2 == 0
    # Conspicuity as it comes: standard normal, the hottest and faintest drawn in.
    stands_out = np.clip(rng.standard_normal(20000), -2, 2)
    scores = np.array([
        reader_score.draw_score(rng, bool(label), point, z)
        for label, z in zip(labels, stands_out, strict=True)
    ])  # fmt: skip
    assert set(scores) == {1, 2, 3, 4, 5}
    yes = scores >= reader_score.YES_FROM
    assert yes[labels].mean() == pytest.approx(point.sensitivity, abs=0.015)
    assert 1 - yes[~labels].mean() == pytest.approx(point.specificity, abs=0.015)
    # Five steps lose a little of the area under the curve.
    assert roc_auc_score(labels, scores) == pytest.approx(point.auc, abs=0.03)


def test_the_operating_point_holds_for_patients_as_they_are_drawn():
    from HNCLogic.phantom.disease.confounders import draw_harmless
    from HNCLogic.phantom.disease.lesions import draw_malignant
    from HNCLogic.phantom.disease.matching import draw_heat

    yes = {True: [], False: []}
    for seed in range(1500):
        rng = np.random.default_rng(seed)
        heat = draw_heat(rng)
        seen = {
            True: draw_malignant(rng, node_median_ml=2.7, hottest=heat.tumour),
            False: draw_harmless(rng, positive=False, heat=heat),
        }
        for label, found in seen.items():
            stands_out = reader_score.conspicuity(label, found)
            score = reader_score.draw_score(rng, label, stands_out=stands_out)
            yes[label].append(score >= reader_score.YES_FROM)
    point = reader_score.PRESENCE
    assert np.mean(yes[True]) == pytest.approx(point.sensitivity, abs=0.03)
    assert 1 - np.mean(yes[False]) == pytest.approx(point.specificity, abs=0.03)


def test_the_conspicuous_is_believed():
    @dataclass
    class Seen:
        volume_ml: float
        suv_max: float

    faint = reader_score.conspicuity(True, [Seen(0.5, 3.0)])
    clear = reader_score.conspicuity(True, [Seen(0.5, 3.0), Seen(20.0, 15.0)])
    assert -2 <= faint < clear <= 2
    assert reader_score.conspicuity(False, []) < 0
    chance = [
        np.mean([
            reader_score.draw_score(np.random.default_rng(s), True, stands_out=z) >= 3
            for s in range(2000)
        ])
        for z in (faint, clear)
    ]  # fmt: skip
    assert chance[0] < 0.93 < chance[1]
