"""The aggregations, by hand."""

import numpy as np
import pytest

from HNCLogic.inference.aggregation import aggregate

WINDOWS = [0.9, 0.2, 0.4, 0.1, 0.3]  # inferior to superior


@pytest.mark.parametrize(
    ("how", "probability"),
    [
        ("mean", 0.38),
        ("median", 0.3),
        ("weighted", (5 * 0.9 + 4 * 0.2 + 3 * 0.4 + 2 * 0.1 + 1 * 0.3) / 15),
    ],
)
def test_by_hand(how, probability):
    got = aggregate(WINDOWS, how, 0.5)
    assert got.probability == pytest.approx(probability)
    assert got.positive is False
    assert aggregate(WINDOWS, how, probability - 0.01).positive is True


def test_the_most_suspicious_window_alone_counts():
    assert aggregate(WINDOWS, "max", 0.9) == (pytest.approx(0.9), True)
    assert aggregate(WINDOWS, "max", 0.91).positive is False


def test_weight_falls_toward_the_top_of_the_head():
    low_down, high_up = [0.8, 0.1, 0.1], [0.1, 0.1, 0.8]
    assert aggregate(low_down, "weighted", 0.5).probability == pytest.approx(0.45)
    assert aggregate(high_up, "weighted", 0.5).probability == pytest.approx(0.1 + 0.7 / 6)


@pytest.mark.parametrize(
    ("windows", "positive"),
    [
        ([0.6, 0.6, 0.1], True),
        ([0.6, 0.1, 0.1], False),
        ([0.6, 0.1], False),  # a tie is negative
        ([0.9, 0.9, 0.1, 0.1], False),
        ([0.5, 0.5, 0.0], True),  # at the threshold is positive
        ([0.6], True),
    ],
)
def test_majority_is_strict_and_gives_no_probability(windows, positive):
    assert aggregate(windows, "majority", 0.5) == (None, positive)


def test_two_windows_make_mean_and_median_equal():
    """48 slices give two windows: the paper's two columns cannot differ."""
    rng = np.random.default_rng(2)
    for pair in rng.random((20, 2)):
        mean, median = (aggregate(pair, how, 0.5) for how in ("mean", "median"))
        assert mean.probability == pytest.approx(median.probability)


def test_at_the_threshold_is_positive():
    assert aggregate([0.25, 0.75], "mean", 0.5).positive is True


def test_what_makes_no_sense():
    with pytest.raises(ValueError, match="one or more windows"):
        aggregate([], "mean", 0.5)
    with pytest.raises(ValueError, match="unknown aggregation"):
        aggregate([0.5], "least", 0.5)
