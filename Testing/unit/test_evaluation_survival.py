"""Survival by tumour burden: against a likelihood and an estimator written out, and lifelines."""

import numpy as np
import pytest

from HNCLogic.errors import InputError
from HNCLogic.evaluation import burden
from HNCLogic.evaluation import survival as sv

pytest.importorskip("lifelines")


@pytest.fixture(scope="module")
def cohort():
    """Time, event, annotated and network burden of 300; hazard 1.6 for each doubling of 1 + TTB."""
    rng = np.random.default_rng(4)
    ttb = np.exp(rng.normal(2.6, 0.9, 300))
    wait = rng.exponential(40 / 1.6 ** (np.log2(1 + ttb) - 4))
    follow_up = rng.uniform(6, 60, 300)
    time = np.round(np.minimum(wait, follow_up), 3)
    network = ttb * rng.lognormal(0, 0.15, 300)
    return time, wait <= follow_up, ttb, network


def _log_likelihood(beta, x, time, event):
    """Cox's partial likelihood without ties, written out."""
    return sum(
        beta * x[i] - np.log(np.exp(beta * x[time >= time[i]]).sum()) for i in np.flatnonzero(event)
    )


def test_cox_maximises_the_partial_likelihood_and_its_interval_is_of_wald(cohort):
    from scipy.optimize import minimize_scalar
    from scipy.stats import norm

    time, event, ttb, _ = cohort
    assert len(np.unique(time[event])) == event.sum()  # no ties
    x = (ttb > np.median(ttb)).astype(float)
    found = sv.cox(x, time, event)
    best = minimize_scalar(lambda b: -_log_likelihood(b, x, time, event), (0, 1), tol=1e-9).x
    assert np.log(found.ratio) == pytest.approx(best, abs=1e-4)
    step = 1e-3
    values = [_log_likelihood(best + d, x, time, event) for d in (-step, 0, step)]
    error = (-(values[0] - 2 * values[1] + values[2]) / step**2) ** -0.5
    assert np.log(found.high / found.low) == pytest.approx(2 * 1.959964 * error, rel=1e-3)
    assert found.p == pytest.approx(2 * norm.sf(abs(best) / error), rel=0.01)


def test_the_hazard_put_in_comes_back_for_both_outlines(cohort):
    found = sv.survival(*cohort)
    for outline in (found.annotated, found.network):
        doubling = outline.continuous["doubling of 1 + TTB/ml"]
        assert doubling.low < 1.6 < doubling.high
        assert outline.grouped.low > 1
        assert outline.grouped.p < 0.01
        assert 0.55 < outline.concordance < 0.8
    assert found.cutoff_ml == np.median(cohort[2])
    assert (found.patients, found.events) == (300, cohort[1].sum())
    high = [one > found.cutoff_ml for one in cohort[2:]]
    assert found.grouped_differently == (high[0] != high[1]).mean() > 0


def test_the_hazard_of_simulated_patients_lies_inside_both_intervals():
    from HNCLogic.phantom.disease import survival as stated

    rng = np.random.default_rng(12)
    ttb = np.exp(rng.normal(2.6, 0.75, 400))
    months, events = zip(*(stated.draw_survival(rng, one) for one in ttb), strict=True)
    found = sv.survival(months, events, ttb, ttb * rng.lognormal(0, 0.1, 400))
    for outline in (found.annotated, found.network):
        doubling = outline.continuous["doubling of 1 + TTB/ml"]
        assert np.log(doubling.low) < stated.BETA < np.log(doubling.high)
        assert outline.grouped.low < stated.HAZARD_RATIO < outline.grouped.high
        assert outline.grouped.p < 0.001


def test_the_cutoff_of_cross_validation_serves_external_data(cohort):
    time, event, ttb, network = (one[:80] for one in cohort)
    found = sv.survival(time, event, ttb, network, cutoff_ml=20.0)
    assert found.cutoff_ml == 20.0
    assert found.network.curves["high"].patients == (network > 20).sum()
    assert found.annotated.curves["low"].patients == (ttb <= 20).sum()


def test_log_rank_and_concordance_are_a_second_ways(cohort):
    from scipy.stats import CensoredData, chi2, logrank

    time, event, ttb, network = cohort
    found = sv.survival(time, event, ttb, network).annotated
    high = ttb > np.median(ttb)
    sides = [
        CensoredData.right_censored(time[which], ~event[which]) for which in (high, ~high)
    ]  # fmt: skip
    theirs = logrank(*sides)
    assert found.logrank_p == pytest.approx(theirs.pvalue, rel=1e-6)
    assert found.logrank_p == pytest.approx(chi2.sf(theirs.statistic**2, 1), rel=1e-6)
    right = total = 0.0
    for i in np.flatnonzero(event):
        later = time > time[i]
        total += later.sum()
        right += (ttb[i] > ttb[later]).sum() + 0.5 * (ttb[i] == ttb[later]).sum()
    assert found.concordance == pytest.approx(right / total)


def test_the_curve_is_kaplan_and_meiers_product(cohort):
    time, event, *_ = cohort
    curve = sv.kaplan_meier(time, event)
    assert curve.times[0] == 0
    for when, share, followed in zip(curve.times, curve.survival, curve.at_risk, strict=True):
        product = np.prod(
            [1 - 1 / (time >= t).sum() for t in time[event] if t <= when]
        )  # fmt: skip
        assert share == pytest.approx(product)
        assert followed == (time >= when).sum()
    assert curve.followed(30.0) == (time >= 30).sum()
    assert curve.followed(1e6) == 0
    assert np.all(np.array(curve.low) <= curve.survival)
    assert np.all(np.array(curve.high) >= curve.survival)
    assert len(curve.censored) == (~event).sum()


def test_five_patients_by_hand():
    curve = sv.kaplan_meier(np.array([1.0, 2, 3, 4, 5]), np.array([1, 0, 1, 0, 1], bool))
    assert curve.survival == pytest.approx((1, 0.8, 0.8, 0.8 * 2 / 3, 0.8 * 2 / 3, 0))
    assert (curve.median, curve.censored, curve.events) == (5.0, (2.0, 4.0), 3)


def test_what_cannot_be_worked_out_is_none():
    time = np.array([1.0, 2, 3, 4, 5, 6])
    ttb = np.array([30.0, 25, 20, 3, 2, 1])
    # Everyone above the cutoff dies first: the ratio has no bound.
    early = sv.survival(time, [1, 1, 1, 0, 0, 0], ttb, ttb, cutoff_ml=10)
    assert early.annotated.grouped == sv.Hazard(None, None, None, None)
    assert early.annotated.logrank_p < 0.1
    nobody = sv.survival(time, [0] * 6, ttb, ttb)
    assert nobody.network.grouped.ratio is None
    assert (nobody.network.logrank_p, nobody.network.concordance) == (None, None)
    assert nobody.network.curves["high"].median is None
    alike = sv.survival(time, [1] * 6, [5.0] * 6, ttb)
    assert alike.annotated.grouped.ratio is None
    assert set(alike.annotated.curves) == {"low"}


def test_a_ratio_is_given_where_only_the_censored_are_alike():
    # lifelines' rule of thumb warns here; the likelihood has its maximum all the same.
    time, event = np.array([1.0, 2, 3, 4, 9, 9, 9, 9]), np.array([1] * 4 + [0] * 4, bool)
    x = np.array([1.0, 1, 0, 1, 0, 0, 0, 0])
    found = sv.cox(x, time, event)
    assert found.low < found.ratio < found.high
    grid = np.linspace(0, 6, 6001)
    best = grid[np.argmax([_log_likelihood(b, x, time, event) for b in grid])]
    assert np.log(found.ratio) == pytest.approx(best, abs=2e-3)


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        (([], [], [], []), "at least one patient"),
        (([1, 2], [1, 0], [3, 4], [3]), "at least one patient"),
        (([1, -2], [1, 0], [3, 4], [3, 4]), "time of entry 2 is missing or below zero"),
        (([1, 2], [1, 0], [3, 4], [np.nan, 4]), "network of entry 1"),
    ],
)
def test_columns_that_do_not_serve_are_refused(columns, says):
    with pytest.raises(InputError, match=says):
        sv.survival(*columns)


def test_agreement_leaves_out_the_top_hundredth():
    from sklearn.linear_model import LinearRegression
    from sklearn.metrics import mean_absolute_error

    rng = np.random.default_rng(9)
    annotated = rng.lognormal(2.5, 0.8, 300)
    outlined = annotated * rng.normal(0.95, 0.1, 300) + 0.5
    worst = [10, 20, 30]
    outlined[worst] += 500
    found = burden.agreement(annotated, outlined)
    assert np.flatnonzero(~np.array(found.kept)).tolist() == worst
    kept = np.setdiff1d(np.arange(300), worst)
    a, b = annotated[kept], outlined[kept]
    fit = LinearRegression().fit(a[:, None], b)
    assert found.r_squared == pytest.approx(fit.score(a[:, None], b))
    assert (found.slope, found.intercept) == pytest.approx((fit.coef_[0], fit.intercept_))
    assert found.mean_difference == pytest.approx(mean_absolute_error(a, b))
    assert found.bias == pytest.approx(b.mean() - a.mean())
    assert found.r_squared_interval.low < found.r_squared < found.r_squared_interval.high
    assert found.mean_difference_interval.low < found.mean_difference
    everything = burden.agreement(annotated, outlined, top_percent=0, repeats=0)
    assert (everything.outliers, found.outliers) == (0, 3)
    assert everything.r_squared < found.r_squared


def test_agreement_of_too_little_is_none():
    assert burden.agreement([], []) is None
    same = burden.agreement([4.0, 4, 4], [5.0, 5, 5])
    assert (same.r_squared, same.slope, same.mean_difference, same.outliers) == (None, None, 1, 0)
    assert burden.prediction_band([1.0, 1, 1], [1, 2, 3], [1]) is None
    with pytest.raises(ValueError, match="finite"):
        burden.agreement([1.0, np.nan], [1.0, 2.0])


def test_the_band_holds_95_percent_of_new_scans():
    rng = np.random.default_rng(1)
    held = []
    for _ in range(400):
        x = rng.uniform(0, 50, 12)
        y = 2 + 0.9 * x + rng.normal(0, 3, 12)
        new = rng.uniform(0, 50, 20)
        low, high = burden.prediction_band(x, y, new)
        value = 2 + 0.9 * new + rng.normal(0, 3, 20)
        held.append(((value > low) & (value < high)).mean())
    assert np.mean(held) == pytest.approx(0.95, abs=0.01)
