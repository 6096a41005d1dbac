"""Figures by fold: the paper's own tables come out of its own counts; scikit-learn agrees."""

import numpy as np
import pytest

from HNCLogic.evaluation import classification_tables as tables
from HNCLogic.evaluation.folds import Validated, by_fold, over_folds

# Liedes 2025, Table 6, PET: true negatives, false positives, false negatives, true positives.
PET = [(14, 6, 7, 14), (18, 3, 4, 16), (14, 6, 7, 13), (16, 4, 5, 15), (16, 4, 5, 15)]


def made_of(counts):
    labels, positive, folds = [], [], []
    for fold, (tn, fp, fn, tp) in enumerate(counts, start=1):
        labels += [False] * (tn + fp) + [True] * (fn + tp)
        positive += [False] * tn + [True] * fp + [False] * fn + [True] * tp
        folds += [fold] * (tn + fp + fn + tp)
    labels, positive, folds = map(np.array, (labels, positive, folds))
    rng = np.random.default_rng(0)
    probabilities = np.clip(rng.normal(0.4 + 0.3 * positive, 0.1), 0, 1)
    patients = [str(n) for n in range(len(labels))]
    return Validated(patients, labels, probabilities, positive, folds)


def test_table_5_of_the_paper_comes_out_of_its_table_6():
    found = over_folds(made_of(PET), repeats=200)
    means = {name: round(found.mean[name].value, 2) for name in found.mean}
    medians = {name: round(found.median[name].value, 2) for name in found.median}
    # The paper's sensitivities are those of its counts within a hundredth of rounding.
    for name, mean, median in (("accuracy", 0.75, 0.78), ("specificity", 0.77, 0.80),
                               ("sensitivity", 0.72, 0.75)):  # fmt: skip
        assert means[name] == pytest.approx(mean, abs=0.011), name
        assert medians[name] == pytest.approx(median, abs=0.011), name
    for area in (*found.mean.values(), *found.median.values()):
        assert area.low <= area.value <= area.high
        assert area.high - area.low < 0.3


def test_each_fold_is_as_scikit_learn_says():
    from sklearn.metrics import accuracy_score, recall_score, roc_auc_score

    scans = made_of(PET)
    for one, counts in zip(by_fold(scans), PET, strict=True):
        own = scans.folds == one.fold
        assert one.rates.confusion == counts
        assert one.rates.accuracy.value == pytest.approx(
            accuracy_score(scans.labels[own], scans.positive[own])
        )
        assert one.rates.sensitivity.value == pytest.approx(
            recall_score(scans.labels[own], scans.positive[own])
        )
        exact = roc_auc_score(scans.labels[own], scans.probabilities[own])
        assert one.auc.value == pytest.approx(exact)
        assert one.auc.low < exact < one.auc.high  # these values rank with errors


def test_a_fold_without_a_class_is_left_out_of_what_it_lacks():
    scans = made_of([(5, 1, 0, 0), (4, 2, 1, 5)])
    found = over_folds(scans, repeats=50)
    assert found.mean["sensitivity"].value == pytest.approx(5 / 6)
    assert found.mean["specificity"].value == pytest.approx((5 / 6 + 4 / 6) / 2)
    assert by_fold(scans)[0].auc is None
    none = over_folds(made_of([(5, 1, 0, 0)]), repeats=50)
    assert "AUC" not in none.mean
    text = tables.mean_and_median([("own", none)]).markdown()
    assert "| own | Mean | 0.83 (" in text


def test_folds_that_are_all_right_are_not_certain():
    """Every draw is right as well: Wilson's and Newcombe's intervals are what is left."""
    from scipy.stats import binomtest

    scans = made_of([(5, 0, 0, 6), (4, 0, 0, 5)])
    scans = Validated(scans.patients, scans.labels, scans.labels * 0.8, scans.positive, scans.folds)
    for found in over_folds(scans, repeats=20):
        for name, of in (("accuracy", 20), ("sensitivity", 11), ("specificity", 9)):
            low = binomtest(of, of).proportion_ci(0.95, "wilson").low
            assert found[name] == (1.0, pytest.approx(low, abs=1e-6), 1.0)
        assert found["AUC"].high == 1.0
        assert 0.7 < found["AUC"].low < 0.9
    first, second = by_fold(scans, repeats=20)
    assert (first.auc.value, first.auc.high) == (1.0, 1.0)
    assert second.auc.low < first.auc.low < found["AUC"].low  # the fewer, the less sure
    text = tables.confusion_by_fold([first, second]).markdown()
    assert f"| 1 | 5 | 0 | 0 | 6 | 1.00 ({first.auc.low:.2f}–1.00) |" in text
    assert "Newcombe" in text


def test_the_tables_hold_the_papers_columns():
    each = by_fold(made_of(PET))
    text = tables.confusion_by_fold(each).markdown()
    ranked = each[1].auc
    area = f"{ranked.value:.2f} ({ranked.low:.2f}–{ranked.high:.2f})"
    assert f"| 2 | 18 | 3 | 4 | 16 | {area} |" in text
    assert "| All | 78 | 23 | 28 | 73 | – |" in text
