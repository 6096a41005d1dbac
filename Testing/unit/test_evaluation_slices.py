"""Scores of single slices, against MONAI, scikit-learn, scipy and the paper's own arithmetic."""

import numpy as np
import pytest

from HNCLogic.evaluation import slices as sl

PAPERS = (1.7, 1.7)


def _masks(seed, reach=0.8, count=12, shift=0):
    """Masks of slices, half of them with a disc of tumour; those of a model that errs a little."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:48, :48]
    annotated, segmented = np.zeros((2, count, 48, 48), bool)
    for at in range(count):
        cy, cx = rng.integers(14, 34, 2)
        radius = rng.uniform(2.5, 8)
        if at % 2:
            annotated[at] = np.hypot(y - cy, x - cx) < radius
        if rng.random() < (reach if at % 2 else 1 - reach):
            by = rng.normal(0, 1.2, 3) + shift
            segmented[at] = np.hypot(y - cy - by[0], x - cx - by[1]) < radius + by[2] / 2
    return segmented, annotated


@pytest.fixture(scope="module")
def models():
    """Two models on the slices of eight patients: masks, and their counts."""
    masks = [[_masks(patient, shift=shift) for patient in range(8)] for shift in (0, 0.8)]
    counted = [
        sl.together([sl.count_slices(*pair, f"p{i}", PAPERS) for i, pair in enumerate(one)])
        for one in masks
    ]
    return masks, counted


def test_nine_of_the_papers_pixels_cover_what_a_reader_can_tell():
    assert sl.fewest_pixels(PAPERS) == 9
    assert sl.fewest_pixels((5, 5)) == 1
    assert sl.fewest_pixels((1, 1)) == 25
    assert sl.fewest_pixels((0.1, 0.1), 0.3) == 9  # not ten by rounding
    assert sl.fewest_pixels((20, 20)) == 1
    with pytest.raises(ValueError, match="give sizes"):
        sl.fewest_pixels((0, 1.7))


def test_a_slice_of_nine_pixels_is_positive_and_one_of_eight_is_not():
    segmented, annotated = np.zeros((2, 4, 8, 8), bool)
    for at, pixels in enumerate((9, 8, 0, 9)):
        segmented[at].ravel()[:pixels] = True
    annotated[:2, 0, :3] = True
    found = sl.score(sl.count_slices(segmented, annotated, "a", PAPERS), repeats=0)
    assert (found.tp, found.fn, found.tn, found.fp) == (1, 1, 1, 1)
    strict = sl.score(sl.count_slices(segmented, annotated, "a", PAPERS), 4, repeats=0)
    assert (strict.tp, strict.fn, strict.tn, strict.fp) == (0, 0, 2, 2)


def test_the_rates_are_those_of_the_papers_table_3():
    for tp, tn, fp, fn, sensitivity, specificity, accuracy in (
        (18, 23, 19, 6, 0.75, 0.55, 0.62), (20, 27, 13, 6, 0.77, 0.68, 0.71),
        (17, 26, 8, 15, 0.53, 0.77, 0.65),
    ):  # fmt: skip
        called = np.repeat([True, False, True, False], (tp, tn, fp, fn))
        truly = np.repeat([True, False, False, True], (tp, tn, fp, fn))
        counts = [20 * one.astype(int) for one in (called & truly, called, truly)]
        table = sl.Slices(*counts, np.full(66, 9), ("a",) * 66)
        found = sl.score(table, repeats=0)
        # 26 of 34 is printed as 0.77
        assert found.sensitivity == pytest.approx(sensitivity, abs=0.0055)
        assert found.specificity == pytest.approx(specificity, abs=0.0055)
        assert found.accuracy == pytest.approx(accuracy, abs=0.0055)


def test_dice_and_jaccard_are_monais_and_scikit_learns(models):
    import torch
    from sklearn.metrics import f1_score, jaccard_score

    metrics = pytest.importorskip("monai.metrics")
    masks, (counted, _) = models
    segmented, annotated = (np.concatenate([pair[i] for pair in masks[0]]) for i in (0, 1))
    a, b = (torch.from_numpy(one)[:, None].float() for one in (segmented, annotated))
    dice = metrics.DiceMetric(ignore_empty=False)(a, b)[:, 0].numpy()
    jaccard = metrics.MeanIoU(ignore_empty=False)(a, b)[:, 0].numpy()
    found = sl.score(counted, repeats=0)
    assert sl.dice_of(counted) == pytest.approx(dice.tolist(), abs=1e-6)
    assert sl.jaccard_of(counted) == pytest.approx(jaccard.tolist(), abs=1e-6)
    assert found.dice == pytest.approx(f1_score(annotated.ravel(), segmented.ravel()))
    assert found.jaccard == pytest.approx(jaccard_score(annotated.ravel(), segmented.ravel()))

    truly = annotated.any(axis=(1, 2))
    hit = truly & (segmented.sum(axis=(1, 2)) >= 9)
    for name, which in (("true positive", hit), ("with tumour", truly), ("all", truly >= 0)):
        assert found.slices[name] == which.sum() > 0
        spread = found.dice_by_slice[name]
        assert spread.mean == pytest.approx(dice[which].mean(), abs=1e-6)
        assert spread.deviation == pytest.approx(np.std(dice[which], ddof=1), abs=1e-6)
        assert found.jaccard_by_slice[name].mean == pytest.approx(jaccard[which].mean(), abs=1e-6)
    assert (
        found.dice_by_slice["true positive"].mean
        > found.dice_by_slice["with tumour"].mean
    )  # fmt: skip


def test_verdicts_are_scikit_learns_confusion(models):
    from sklearn.metrics import accuracy_score, confusion_matrix

    masks, (counted, _) = models
    segmented, annotated = (np.concatenate([pair[i] for pair in masks[0]]) for i in (0, 1))
    called, truly = segmented.sum(axis=(1, 2)) >= 9, annotated.any(axis=(1, 2))
    (tn, fp), (fn, tp) = confusion_matrix(truly, called)
    found = sl.score(counted, repeats=400)
    assert (found.tp, found.tn, found.fp, found.fn) == (tp, tn, fp, fn)
    assert found.accuracy == accuracy_score(truly, called)
    for name in ("sensitivity", "specificity", "accuracy", "dice", "jaccard"):
        sure = getattr(found, f"{name}_interval")
        assert sure.low <= getattr(found, name) <= sure.high
        assert sure.low < sure.high
    assert found == sl.score(counted, repeats=400)


def test_models_are_compared_on_the_slices_that_both_found(models):
    from scipy.stats import wilcoxon

    _, (one, other) = models
    found = sl.signed_rank(one, other)
    hit = (one.segmented >= 9) & (other.segmented >= 9) & (one.annotated > 0)
    pairs = sl.dice_of(one)[hit], sl.dice_of(other)[hit]
    assert found.pairs == hit.sum() > 10
    assert found.p == pytest.approx(wilcoxon(*pairs).pvalue)
    assert found.p < 0.05
    assert sl.signed_rank(other, one).p == pytest.approx(found.p)
    assert sl.signed_rank(one, other, sl.jaccard_of).p < 0.05
    assert sl.signed_rank(one, one) == sl.SignedRank(sl.score(one, repeats=0).tp, None)
    with pytest.raises(ValueError, match="not the same"):
        sl.signed_rank(one, sl.together([one, other]))


def test_the_line_is_numpys_and_r_squared_scikit_learns(models):
    from sklearn.linear_model import LinearRegression

    _, (counted, _) = models
    line = sl.regression(counted)
    slope, intercept = np.polyfit(counted.annotated, counted.segmented, 1)
    assert (line.slope, line.intercept) == pytest.approx((slope, intercept))
    x = counted.annotated[:, None]
    theirs = LinearRegression().fit(x, counted.segmented)
    assert line.r_squared == pytest.approx(theirs.score(x, counted.segmented))
    empty = sl.count_slices(*np.zeros((2, 3, 4, 4), bool), "a", PAPERS)
    assert sl.regression(empty) is None


def test_nothing_to_score_is_none_and_not_a_number():
    empty = sl.count_slices(*np.zeros((2, 3, 4, 4), bool), "a", PAPERS)
    found = sl.score(empty)
    assert (found.dice, found.sensitivity, found.dice_by_slice["true positive"]) == (None,) * 3
    assert (found.specificity, found.dice_by_slice["all"].mean) == (1.0, 1.0)
    none = sl.score(sl.together([]))
    assert (none.accuracy, none.dice_by_slice["all"]) == (None, None)
    with pytest.raises(ValueError, match="not on one grid"):
        sl.count_slices(np.zeros((1, 2, 2)), np.zeros((2, 2, 2)), "a", PAPERS)
