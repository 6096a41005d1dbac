"""Figures of verdicts and probabilities, against scikit-learn, scipy and ways of our own."""

import numpy as np
import pytest
from scipy.stats import norm

from HNCLogic.errors import InputError
from HNCLogic.evaluation import calibration, classification, reader, roc


@pytest.fixture(params=[1, 2, 3])
def scans(request):
    """Labels, values with ties, and patients with one scan or two."""
    rng = np.random.default_rng(request.param)
    patients = [f"p{n // 2 if n < 60 else n}" for n in range(150)]
    labels = rng.random(150) < 0.4
    values = np.clip(np.round(rng.normal(0.4 + 0.25 * labels, 0.2), 2), 0, 1)
    return labels, values, patients


def test_counts_and_shares_are_scikit_learns(scans):
    from sklearn import metrics

    labels, values, _ = scans
    said = values >= 0.5
    found = classification.rates(labels, said)
    assert found.confusion == tuple(metrics.confusion_matrix(labels, said).ravel())
    assert found.accuracy.value == pytest.approx(metrics.accuracy_score(labels, said))
    assert found.sensitivity.value == pytest.approx(metrics.recall_score(labels, said))
    assert found.specificity.value == pytest.approx(metrics.recall_score(~labels, ~said))
    assert found.ppv.value == pytest.approx(metrics.precision_score(labels, said))
    assert found.npv.value == pytest.approx(metrics.precision_score(~labels, ~said))
    balanced = metrics.balanced_accuracy_score(labels, said)
    assert found.balanced_accuracy.value == pytest.approx(balanced)


def test_intervals_of_shares_are_scipys():
    from scipy.stats import binomtest

    for of in (1, 2, 7, 10, 20, 101):
        for successes in range(of + 1):
            theirs = binomtest(successes, of).proportion_ci(0.95, "wilson")
            ours = classification.wilson(successes, of)
            assert ours.low == pytest.approx(theirs.low, abs=1e-6)
            assert ours.high == pytest.approx(theirs.high, abs=1e-6)
            assert ours.low <= ours.value <= ours.high
    assert np.isnan(classification.wilson(0, 0).value)


def test_verdicts_and_labels_must_be_as_many():
    with pytest.raises(ValueError, match="a verdict for each label"):
        classification.confusion([True, False], [True])


def test_at_another_prevalence_bayes_holds():
    """Against a population made up of as many with and without as the prevalence says."""
    found = classification.rates_of(classification.Confusion(tn=45, fp=5, fn=10, tp=40))
    for prevalence in classification.PREVALENCES:
        at = classification.at_prevalence(found.sensitivity, found.specificity, prevalence)
        sick, well = 10_000 * prevalence, 10_000 * (1 - prevalence)
        assert at.ppv.value == pytest.approx(0.8 * sick / (0.8 * sick + 0.1 * well))
        assert at.npv.value == pytest.approx(0.9 * well / (0.9 * well + 0.2 * sick))
        assert at.accuracy.value == pytest.approx((0.8 * sick + 0.9 * well) / 10_000)
        for share in (at.ppv, at.npv, at.accuracy):
            assert 0 <= share.low < share.value < share.high <= 1
    assert at.accuracy == found.balanced_accuracy  # at 50 %


def test_intervals_at_another_prevalence_hold_the_truth_in_95_of_100_trials():
    rng = np.random.default_rng(0)
    inside = {"ppv": 0, "npv": 0, "accuracy": 0}
    truth = {
        "ppv": 0.2 * 0.85 / (0.2 * 0.85 + 0.8 * 0.1),
        "npv": 0.8 * 0.9 / (0.8 * 0.9 + 0.2 * 0.15),
        "accuracy": 0.2 * 0.85 + 0.8 * 0.9,
    }
    for _ in range(2000):
        tp, tn = int(rng.binomial(40, 0.85)), int(rng.binomial(50, 0.9))
        found = classification.rates_of(classification.Confusion(tn, 50 - tn, 40 - tp, tp))
        at = classification.at_prevalence(found.sensitivity, found.specificity, 0.2)
        for name in inside:
            share = getattr(at, name)
            inside[name] += share.low <= truth[name] <= share.high
    for name, count in inside.items():
        assert 0.93 <= count / 2000 <= 0.975, name


@pytest.mark.parametrize("counts", [(10, 0, 0, 10), (10, 0, 10, 0), (0, 10, 10, 0), (0, 10, 0, 10)])
def test_intervals_at_the_ends_are_neither_empty_nor_beyond(counts):
    found = classification.rates_of(classification.Confusion(*counts))
    at = classification.at_prevalence(found.sensitivity, found.specificity, 0.05)
    for share in (at.ppv, at.npv, at.accuracy, found.balanced_accuracy):
        if not np.isnan(share.value):
            assert 0 <= share.low <= share.value <= share.high <= 1 + 1e-12
            assert share.high - share.low > 0.01
    never = classification.rates_of(classification.Confusion(10, 0, 10, 0))
    assert np.isnan(
        classification.at_prevalence(never.sensitivity, never.specificity, 0.2).ppv.value
    )
    with pytest.raises(ValueError, match="prevalence lies between"):
        classification.at_prevalence(found.sensitivity, found.specificity, 0)


def test_curves_and_areas_are_scikit_learns(scans):
    from sklearn import metrics

    labels, values, _ = scans
    x, y, at = roc.roc_curve(labels, values)
    theirs = metrics.roc_curve(labels, values, drop_intermediate=False)
    np.testing.assert_allclose(x, theirs[0])
    np.testing.assert_allclose(y, theirs[1])
    np.testing.assert_allclose(at, theirs[2])
    assert roc.auc(labels, values) == pytest.approx(metrics.roc_auc_score(labels, values))
    assert roc.average_precision(labels, values) == pytest.approx(
        metrics.average_precision_score(labels, values)
    )
    precision, recall, _ = metrics.precision_recall_curve(labels, values)
    ours = roc.precision_recall_curve(labels, values)
    np.testing.assert_allclose(ours.x, recall[:-1][::-1])
    np.testing.assert_allclose(ours.y, precision[:-1][::-1])


def test_curves_need_both_classes():
    assert roc.auc([True, True], [0.1, 0.2]) is None
    assert roc.average_precision([False, False], [0.1, 0.2]) is None
    with pytest.raises(ValueError, match="with and without cancer"):
        roc.roc_curve([True, True], [0.1, 0.2])
    with pytest.raises(ValueError, match="not finite"):
        roc.auc([True, False], [0.1, float("nan")])


def test_patients_are_drawn_whole_and_as_many_of_each_kind(scans):
    labels, _, patients = scans
    sick = {p for p, label in zip(patients, labels, strict=True) if label}
    rows_of = {p: [i for i, q in enumerate(patients) if q == p] for p in patients}
    for rows in roc.stratified_draws(labels, patients, repeats=20, seed=4):
        times = np.bincount(rows, minlength=len(labels))
        drawn = 0
        for patient, own in rows_of.items():
            assert len({times[i] for i in own}) == 1
            drawn += times[own[0]] * (patient in sick)
        assert drawn == len(sick)


def test_the_interval_of_the_auc_is_about_hanleys_and_the_same_each_time(scans):
    labels, values, _ = scans
    patients = [str(n) for n in range(len(labels))]
    found = roc.area(roc.auc, labels, values, patients, seed=1)
    assert found == roc.area(roc.auc, labels, values, patients, seed=1)
    a, n, m = found.value, labels.sum(), (~labels).sum()
    q1, q2 = a / (2 - a), 2 * a * a / (1 + a)
    error = np.sqrt((a * (1 - a) + (n - 1) * (q1 - a * a) + (m - 1) * (q2 - a * a)) / (n * m))
    assert found.high - found.low == pytest.approx(2 * 1.96 * error, rel=0.2)
    assert roc.area(roc.auc, [True, False], [0.9, 0.1], ["a", "a"]) == (1.0, None, None)
    assert roc.area(roc.auc, [True, True], [0.9, 0.1], ["a", "b"]) is None


def test_perfect_separation_is_not_certainty():
    """Twenty trials' worth of neat parting: the bootstrap alone would say 1 to 1."""
    labels, values = [True] * 10 + [False] * 10, [0.9] * 10 + [0.1] * 10
    patients = [str(n) for n in range(20)]
    found = roc.area(roc.auc, labels, values, patients, repeats=50)
    assert (found.value, found.high) == (1.0, 1.0)
    # At the lower end the distance to 1 is 1.96 of that area's own standard errors.
    a, n = found.low, 10
    q1, q2 = a / (2 - a), 2 * a * a / (1 + a)
    spread = a * (1 - a) + (n - 1) * ((q1 - a * a) + (q2 - a * a))
    assert 1 - a == pytest.approx(1.96 * np.sqrt(spread / n**2), abs=1e-3)
    assert 0.7 < a < 0.9
    low, high = roc.newcombe_interval(0.0, 10, 10)
    assert (low, high) == (0.0, pytest.approx(1 - a))
    wide = roc.newcombe_interval(0.8, 10, 10)
    assert roc.newcombe_interval(0.8, 100, 100)[0] > wide[0]
    # With chance at stake it holds the truth in 95 of 100 trials.
    rng, inside = np.random.default_rng(1), 0
    sick = np.arange(60) < 25
    for _ in range(400):
        value = roc.auc(sick, rng.normal(sick * 1.0, 1))
        low, high = roc.newcombe_interval(value, 25, 35)
        inside += low <= 0.7602 <= high  # Φ(1/√2)
    assert 0.92 <= inside / 400 <= 0.98


def test_a_perfect_average_precision_is_not_certain_either():
    """Its lower end is that of normal values whose AUC is the lower end of the AUC's interval."""
    from sklearn.metrics import average_precision_score

    labels, values = np.arange(40) < 10, np.where(np.arange(40) < 10, 0.9, 0.1)
    patients = [str(n) for n in range(40)]
    found = roc.area(roc.average_precision, labels, values, patients, repeats=20)
    assert (found.value, found.high) == (1.0, 1.0)
    lowest = roc.area(roc.auc, labels, values, patients, repeats=20).low
    apart = np.sqrt(2) * norm.ppf(lowest)
    rng = np.random.default_rng(2)
    sick = np.arange(400_000) < 100_000
    drawn = average_precision_score(sick, rng.normal(apart * sick, 1))
    assert found.low == pytest.approx(drawn, abs=0.005)
    # The ends: nothing learned gets the share of positives; all wrong, all negatives come first.
    assert roc.binormal_precision(0.5, 0.3) == pytest.approx(0.3, abs=1e-6)
    worst = average_precision_score(sick, -sick.astype(float) - np.arange(400_000) * 1e-9)
    assert roc.binormal_precision(0.0, 0.25) == pytest.approx(worst, abs=1e-4)
    # One value for all: the AUC is a half, as unsure as so few patients make it.
    flat = roc.area(roc.average_precision, labels, np.ones(40), patients, repeats=20)
    assert flat.low < flat.value == 0.25 < flat.high
    none = roc.area(roc.average_precision, [True, True], [0.9, 0.1], ["a", "b"])
    assert none == (1.0, None, None)


def test_calibration_is_scikit_learns(scans):
    from sklearn.calibration import calibration_curve
    from sklearn.metrics import brier_score_loss

    labels, values, patients = scans
    values = np.where(values == 0.0, 0.003, values) + 0.0005  # off the bins' edges
    values = np.minimum(values, 0.9995)
    found = calibration.calibration(labels, values, patients, repeats=200)
    observed, predicted = calibration_curve(labels, values, n_bins=10)
    assert [b.observed.value for b in found.bins] == pytest.approx(observed.tolist())
    assert [b.predicted for b in found.bins] == pytest.approx(predicted.tolist())
    assert found.brier.value == pytest.approx(brier_score_loss(labels, values))
    by_hand = sum(b.observed.of * abs(b.predicted - b.observed.value) for b in found.bins)
    assert found.ece.value == pytest.approx(by_hand / len(labels))
    assert found.ece.low <= found.ece.value <= found.ece.high
    with pytest.raises(ValueError, match="from 0 to 1"):
        calibration.calibration(labels, values + 1, patients)


def test_verdicts_are_compared_as_by_a_binomial_test():
    from scipy.stats import binomtest

    truth = np.array([True] * 10 + [False] * 10)
    model, them = truth.copy(), truth.copy()
    model[:2] ^= True
    them[2:9] ^= True
    found = reader.mcnemar(truth, model, them)
    assert (found.both_right, found.only_model, found.only_reader, found.both_wrong) == (
        11,
        7,
        2,
        0,
    )
    assert found.p == pytest.approx(binomtest(7, 9).pvalue)
    assert reader.mcnemar(truth, model, model).p == 1.0


def test_a_reader_beside_the_model():
    rng = np.random.default_rng(3)
    labels = np.arange(120) % 2 == 0
    values = rng.normal(labels * 1.5, 1)
    weak = np.clip(np.round(rng.normal(3 + 0.2 * labels, 1)), 1, 5).astype(int).tolist()
    patients = [str(n) for n in range(120)]
    found = reader.beside(labels, values, values > 0.75, weak, patients)
    assert found.scans == 120
    assert found.difference.value == pytest.approx(roc.auc(labels, values) - roc.auc(labels, weak))
    assert found.difference.low > 0
    assert found.p_difference < 0.01
    assert found.reader.confusion == classification.confusion(labels, np.array(weak) >= 3)
    # The same scores twice: no difference, and no doubt about it.
    same = reader.beside(labels, weak, np.array(weak) >= 3, weak, patients, repeats=100)
    assert same.difference == (0.0, 0.0, 0.0)
    assert same.p_difference == 1.0
    # Only what the reader has seen is compared.
    part = reader.beside(labels, values, values > 0.75, [*weak[:40], *[None] * 80], patients)
    assert part.scans == 40
    assert part.model.confusion == classification.confusion(labels[:40], (values > 0.75)[:40])
    assert reader.beside(labels, values, values > 0, [None] * 120, patients) is None


@pytest.mark.parametrize("text", ["6", "0", "2.5", "maybe", "nan"])
def test_a_score_that_is_none_is_refused(text):
    with pytest.raises(InputError, match=r"row 3: column 'reader_score' must be 1, 2, 3, 4 or 5"):
        reader.reader_score({"reader_score": text}, "cohort.csv, row 3")


def test_scores_are_read():
    assert reader.reader_score({"reader_score": "4.0"}, "") == 4
    assert reader.reader_score({"reader_score": " "}, "") is None
    assert reader.reader_score({}, "") is None
