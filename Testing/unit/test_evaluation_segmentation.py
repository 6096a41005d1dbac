"""Overlap of outlines, against MONAI, scikit-learn, scipy and worked examples."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from HNCLogic.evaluation import bootstrap
from HNCLogic.evaluation import segmentation as seg

ML = 2.5**3 / 1000  # the paper's voxel

LABELS = arrays(np.uint8, (4, 5, 6), elements=st.integers(0, 4))


@pytest.fixture(scope="module")
def pairs():
    """Ten pairs (outlined, annotated) that overlap by chance; one without primary, one missed."""
    rng = np.random.default_rng(5)
    found = []
    for number in range(10):
        annotated = rng.choice(4, (8, 9, 10), p=[0.6, 0.2, 0.1, 0.1]).astype(np.uint8)
        outlined = np.where(rng.random(annotated.shape) < 0.5 + number / 20, annotated, 0)
        swapped = rng.random(annotated.shape) < 0.1
        outlined = np.where(swapped & (outlined > 0), 3 - np.minimum(outlined, 2), outlined)
        if number == 3:
            annotated[annotated == 1], outlined[outlined == 1] = 0, 0
        if number == 4:
            outlined[:] = 0
        found.append((outlined.astype(np.uint8), annotated))
    return found


@pytest.fixture(scope="module")
def scans(pairs):
    return [seg.compare(*pair, ML, minimum_ml=0) for pair in pairs]


def _one_hot(labels):
    import torch

    classes = np.stack([seg.mask_of(labels, target) for target in ("primary", "nodes", "union")])
    return torch.from_numpy(classes)[None].float()


def test_dice_and_jaccard_are_monais(pairs, scans):
    metrics = pytest.importorskip("monai.metrics")
    dices, jaccards = [], []
    for pair in pairs:
        outlined, annotated = map(_one_hot, pair)
        both = {"y_pred": outlined, "y": annotated}
        dices.append(metrics.DiceMetric(ignore_empty=False)(**both)[0].numpy())
        jaccards.append(metrics.MeanIoU(ignore_empty=False)(**both)[0].numpy())
    for at, target in enumerate(seg.TARGETS):
        ours = [one.shared[target] for one in scans]
        theirs = np.array(dices)[:, at]
        assert [seg.dice(one) for one in ours] == pytest.approx(theirs.tolist(), abs=1e-6)
        found = seg.overlap(ours, both_empty=True, repeats=0)
        assert found.mean == pytest.approx(theirs.mean(), abs=1e-6)
        assert found.median == pytest.approx(np.median(theirs), abs=1e-6)
        assert found.mean_jaccard == pytest.approx(np.mean(jaccards, axis=0)[at], abs=1e-6)
        assert found.failed == (theirs == 0).sum() >= 1
        assert found.scans == 10


def test_pooled_dice_is_that_of_all_scans_laid_side_by_side(pairs, scans):
    from sklearn.metrics import f1_score, jaccard_score

    for target in seg.TARGETS:
        outlined, annotated = (
            np.concatenate([seg.mask_of(pair[i], target).ravel() for pair in pairs]) for i in (0, 1)
        )
        found = seg.overlap([one.shared[target] for one in scans], repeats=0)
        assert found.pooled == pytest.approx(f1_score(annotated, outlined), abs=1e-12)
        assert found.pooled_jaccard == pytest.approx(jaccard_score(annotated, outlined), abs=1e-12)


def test_pooling_weighs_by_volume_and_not_by_voxels():
    coarse = seg.compare(np.ones((1, 1, 4), np.uint8), np.ones((1, 1, 4), np.uint8), 1.0)
    fine = seg.compare(np.zeros((1, 8, 8), np.uint8), np.ones((1, 8, 8), np.uint8), 0.01)
    found = seg.overlap([coarse.shared["primary"], fine.shared["primary"]], repeats=0)
    assert found.pooled == pytest.approx(2 * 4 / (2 * 4 + 0.64))
    assert (found.mean, found.failed) == (0.5, 1)


def test_the_class_of_voxels_in_both_is_scikit_learns_confusion(pairs, scans):
    from sklearn.metrics import accuracy_score, confusion_matrix, recall_score

    said, truly = [], []
    for outlined, annotated in pairs:
        both = (outlined > 0) & (annotated > 0)
        said.append(outlined[both] == 1)
        truly.append(annotated[both] == 1)
    said, truly = np.concatenate(said), np.concatenate(truly)
    found = seg.classification(scans, repeats=50)
    (t_ln, f_pt), (f_ln, t_pt) = confusion_matrix(truly, said) / len(said)
    assert found.contingency == pytest.approx((t_pt, f_pt, t_ln, f_ln))
    assert found.tpr_pt == pytest.approx(recall_score(truly, said))
    assert found.tpr_ln == pytest.approx(recall_score(~truly, ~said))
    assert found.accuracy == pytest.approx(accuracy_score(truly, said))
    assert found.voxels == len(said)
    assert found.accuracy_interval.low < found.accuracy < found.accuracy_interval.high
    assert found.scans_without_error == 2  # the one that was missed, and the one without primary


def test_class_rates_are_monais_confusion_metrics(pairs, scans):
    import torch

    metrics = pytest.importorskip("monai.metrics")
    outlined, annotated = (np.concatenate([p[i].ravel() for p in pairs]) for i in (0, 1))
    both = (outlined > 0) & (annotated > 0)
    a, b = (
        torch.from_numpy(np.stack([one[both] == 1, one[both] > 1]))[None].float()
        for one in (outlined, annotated)
    )
    metric = metrics.ConfusionMatrixMetric(metric_name=["sensitivity"], include_background=True)
    metric(a, b)
    rates = metrics.compute_confusion_matrix_metric(
        "sensitivity", metrics.get_confusion_matrix(a, b)
    )[0]
    found = seg.classification(scans, repeats=0)
    assert (found.tpr_pt, found.tpr_ln) == pytest.approx(tuple(rates.tolist()), abs=1e-6)


@given(LABELS, st.integers(1, 12))
@settings(deadline=None)
def test_small_regions_go_as_scipy_labels_them(labels, fewest):
    from scipy import ndimage

    kept = seg.without_small(labels, 0.01, fewest * 0.01)
    expected = labels.copy()
    for of in ((1,), (2, 3, 4)):
        found, n = ndimage.label(np.isin(labels, of), np.ones((3, 3, 3)))
        for region in range(1, n + 1):
            if (found == region).sum() < fewest:
                expected[found == region] = 0
    assert np.array_equal(kept, expected)
    assert np.array_equal(seg.without_small(kept, 0.01, fewest * 0.01), kept)


@given(LABELS, LABELS)
@settings(deadline=None)
def test_overlap_is_the_same_both_ways_and_bounded(a, b):
    there, back = (seg.compare(*pair, ML, 0.02) for pair in ((a, b), (b, a)))
    for target in seg.TARGETS:
        one, other = there.shared[target], back.shared[target]
        assert seg.dice(one) == seg.dice(other)
        d, j = seg.dice(one), seg.jaccard(one)
        assert 0 <= j <= d <= 1
        assert j == pytest.approx(d / (2 - d))
    union = sum(there.classified)
    assert union == pytest.approx(there.shared["union"].both)
    assert there.classified.f_pt == pytest.approx(back.classified.f_ln)


@given(LABELS)
@settings(deadline=None)
def test_an_outline_on_itself_is_perfect(labels):
    one = seg.compare(labels, labels, ML)
    assert {seg.dice(one.shared[t]) for t in seg.TARGETS} == {1.0}
    assert one.classified.f_pt == one.classified.f_ln == 0


def test_a_region_of_exactly_a_tenth_of_a_millilitre_stays():
    labels = np.zeros((5, 5, 40), np.uint8)
    labels[0, 0, :10] = 1  # 0.1 ml
    labels[0, 4, :9] = 2  # 0.09 ml
    labels[4, 4, :9] = 3
    labels[4, 3, 9:12] = 4  # touches the one before at a corner only: 0.12 ml together
    kept = seg.without_small(labels, 0.01)
    assert sorted(np.unique(kept)) == [0, 1, 3, 4]
    assert (labels == 2).sum() == 9  # what was given is as it was


def test_patients_without_the_target():
    none, spurious, right = seg.Shared(0, 0, 0), seg.Shared(0, 5, 0), seg.Shared(4, 4, 4)
    found = seg.overlap([none, spurious, right], repeats=0)
    assert (found.scans, found.failed, found.mean) == (2, 1, 0.5)
    counted = seg.overlap([none, spurious, right], both_empty=True, repeats=0)
    assert (counted.scans, counted.failed, counted.mean) == (3, 1, pytest.approx(2 / 3))
    assert counted.pooled == found.pooled
    assert seg.overlap([none]) is None
    nothing = seg.classification([seg.compare(*[np.zeros((2, 2, 2), np.uint8)] * 2, ML)], repeats=9)
    assert (nothing.accuracy, nothing.contingency, nothing.scans_without_error) == (None, None, 1)


def test_grids_that_differ_are_refused():
    with pytest.raises(ValueError, match="not on one grid"):
        seg.compare(np.zeros((2, 2, 2), np.uint8), np.zeros((2, 2, 3), np.uint8), ML)


def test_the_bootstrap_interval_is_scipys():
    from scipy import stats

    rng = np.random.default_rng(0)
    annotated = rng.uniform(5, 30, 80)
    outlined = annotated * rng.uniform(0.7, 1.2, 80)
    both = np.minimum(annotated, outlined) * rng.uniform(0.8, 1, 80)
    table = [seg.Shared(*row) for row in zip(both, outlined, annotated, strict=True)]
    found = seg.overlap(table, repeats=4000, seed=1)
    theirs = stats.bootstrap(
        (both, outlined, annotated),
        lambda x, y, z, axis: 2 * x.sum(axis) / (y.sum(axis) + z.sum(axis)),
        paired=True, vectorized=True, n_resamples=4000, method="percentile", rng=2,
    ).confidence_interval  # fmt: skip
    assert found.pooled_interval.low == pytest.approx(theirs.low, abs=0.003)
    assert found.pooled_interval.high == pytest.approx(theirs.high, abs=0.003)
    assert found == seg.overlap(table, repeats=4000, seed=1)
    mean = found.mean_interval
    spread = np.std([seg.dice(one) for one in table]) / np.sqrt(80)
    assert (mean.high - mean.low) == pytest.approx(2 * 1.96 * spread, rel=0.1)


def test_scans_of_a_patient_are_drawn_together():
    patients = ["a", "b", "a", "c", "b", "a"]
    for rows in bootstrap.draws(patients, 200, seed=3):
        counts = np.bincount(rows, minlength=6)
        assert counts[0] == counts[2] == counts[5]
        assert counts[1] == counts[4]
        assert counts[0] + counts[1] + counts[3] == 3
    # The same scan twenty times tells no more than once.
    values = np.random.default_rng(1).random(12)
    once = bootstrap.interval(lambda rows: values[rows].mean(), range(12))
    again = np.repeat(values, 20)
    many = bootstrap.interval(lambda rows: again[rows].mean(), np.repeat(range(12), 20).tolist())
    assert (many.low, many.high) == pytest.approx((once.low, once.high))
    assert bootstrap.interval(lambda rows: 1.0, ["a", "a"]) is None
    assert bootstrap.interval(lambda rows: None, ["a", "b"], repeats=5) is None
