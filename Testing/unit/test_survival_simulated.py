"""The survival drawn for simulated patients is the one that is stated, found by lifelines."""

import numpy as np
import pytest

from HNCLogic.phantom.disease import survival

PATIENTS = 6000


@pytest.fixture(scope="module")
def drawn():
    """TTB (ml), months and events of many patients, primary and nodes as volumes are drawn."""
    rng = np.random.default_rng(11)
    primary = np.exp(rng.normal(np.log(8.0), 0.9, PATIENTS))
    counts = rng.choice(6, PATIENTS, p=[0.25, 0.25, 0.2, 0.15, 0.1, 0.05])
    nodes = [float(np.exp(rng.normal(np.log(2.7), 0.9, n)).sum()) for n in counts]
    ttb = primary + np.array(nodes)
    answers = [survival.draw_survival(rng, v) for v in ttb]
    months, events = (np.array(column) for column in zip(*answers, strict=True))
    return ttb, months, events


def _cox(covariate, months, events):
    pandas, lifelines = pytest.importorskip("pandas"), pytest.importorskip("lifelines")
    table = pandas.DataFrame({"x": covariate, "time": months, "event": events})
    return lifelines.CoxPHFitter().fit(table, "time", "event").summary.loc["x"]


def test_the_coefficient_comes_back(drawn):
    ttb, months, events = drawn
    found = _cox(np.log2(1 + ttb), months, events)
    assert found["coef lower 95%"] < survival.BETA < found["coef upper 95%"]
    assert found["coef"] == pytest.approx(survival.BETA, rel=0.1)
    assert found["p"] < 1e-10


def test_the_ratio_above_to_below_the_median_is_as_stated(drawn):
    ttb, months, events = drawn
    found = _cox((ttb > np.median(ttb)).astype(float), months, events)
    assert found["exp(coef)"] == pytest.approx(survival.HAZARD_RATIO, abs=0.2)
    low, high = found["exp(coef) lower 95%"], found["exp(coef) upper 95%"]
    assert low < survival.HAZARD_RATIO < high


def test_the_median_at_the_reference_and_the_doubling_are_exact():
    reference = survival.hazard(survival.REFERENCE_ML)
    assert np.log(2) / reference == pytest.approx(survival.MEDIAN_MONTHS, rel=1e-12)
    doubled = survival.hazard(2 * survival.REFERENCE_ML + 1)
    assert np.log(doubled / reference) == pytest.approx(survival.BETA, rel=1e-12)


def test_follow_up_ends_within_its_range_and_draws_are_repeatable(drawn):
    _, months, events = drawn
    low, high = survival.FOLLOW_UP_MONTHS
    assert months[events == 0].min() >= low
    assert months.max() <= high
    assert 0.2 < events.mean() < 0.6
    one, other = (survival.draw_survival(np.random.default_rng(3), 9.0) for _ in range(2))
    assert one == other


def test_a_larger_burden_never_lives_longer_with_the_same_draw():
    times = [survival.draw_survival(np.random.default_rng(5), ml)[0] for ml in (0.5, 5, 50, 500)]
    assert times == sorted(times, reverse=True)
