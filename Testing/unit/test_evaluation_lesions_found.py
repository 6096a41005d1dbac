"""Lesions found, by hand-made cases and by a second way of counting."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from HNCLogic.evaluation.lesions_found import find_lesions, found, separate_lesions

ML = 0.01
LABELS = arrays(np.uint8, (3, 5, 6), elements=st.sampled_from([0, 0, 0, 1, 2, 3]))


def _row(*runs):
    """A row of labels, thick enough that nothing is small: (label, voxels), …"""
    line = np.concatenate([np.full(n, label, np.uint8) for label, n in runs])
    return np.broadcast_to(line, (4, 4, len(line))).copy()


def _figures(outlined, annotated, **options):
    answer = found([find_lesions(outlined, annotated, ML, **options)], repeats=0)
    return {
        target: (one.tp_man, one.tp_cnn, one.fn, one.fp)
        for target, one in answer.items()
        if one.tp_man + one.tp_cnn + one.fn + one.fp
    }


def test_one_outline_over_two_nodes_finds_both_but_is_one():
    annotated = _row((0, 2), (2, 5), (0, 1), (3, 5), (0, 2))
    merged = _row((0, 2), (2, 11), (0, 2))
    assert _figures(merged, annotated)["nodes"] == (2, 1, 0, 0)


def test_a_node_outlined_in_two_parts_is_one_found_and_two_real():
    annotated = _row((0, 2), (2, 11), (0, 2))
    split = _row((0, 2), (2, 5), (0, 1), (3, 5), (0, 2))
    assert _figures(split, annotated)["nodes"] == (1, 2, 0, 0)


def test_a_node_in_two_parts_that_together_cover_too_little_is_missed_and_they_are_real():
    annotated = _row((2, 12))
    split = _row((2, 3), (0, 6), (2, 2), (0, 1))
    assert _figures(split, annotated)["nodes"] == (0, 2, 1, 0)


def test_empty_on_one_side_and_on_both():
    annotated, empty = _row((1, 5), (0, 2), (2, 5)), _row((0, 12))
    assert _figures(empty, annotated) == {
        "primary": (0, 0, 1, 0), "nodes": (0, 0, 1, 0), "union": (0, 0, 2, 0)
    }  # fmt: skip
    assert _figures(annotated, empty) == {
        "primary": (0, 0, 0, 1), "nodes": (0, 0, 0, 1), "union": (0, 0, 0, 2)
    }  # fmt: skip
    assert _figures(empty, empty) == {}
    rates = found([find_lesions(empty, empty, ML)])["union"]
    assert (rates.tpr, rates.ppv, rates.missed_ml, rates.tpr_interval) == (None,) * 4


def test_touching_lesions_stay_apart_by_kind_and_by_node():
    annotated = _row((1, 4), (2, 4), (3, 4))
    assert [kind for kind, _ in separate_lesions(annotated)] == ["primary", "nodes", "nodes"]
    # The outline has classes alone: its two nodes are one.
    outlined = _row((1, 4), (2, 8))
    assert _figures(outlined, annotated) == {
        "primary": (1, 1, 0, 0), "nodes": (2, 1, 0, 0), "union": (3, 2, 0, 0)
    }  # fmt: skip


def test_nodes_of_one_value_are_told_apart_where_they_do_not_touch():
    annotated = _row((2, 3), (0, 2), (2, 3))
    assert _figures(_row((2, 3), (0, 5)), annotated)["nodes"] == (1, 1, 1, 0)


def test_just_half_covered_is_found_but_not_real():
    # The paper: a lesion "at least 50 %" covered, a structure "over 50 %".
    annotated, outlined = _row((2, 6), (0, 3)), _row((0, 3), (2, 6))
    assert _figures(outlined, annotated)["nodes"] == (1, 0, 0, 1)
    one_more = _row((0, 2), (2, 6), (0, 1))
    assert _figures(one_more, annotated)["nodes"] == (1, 1, 0, 0)
    one_less = _row((0, 4), (2, 5))
    assert _figures(one_less, annotated)["nodes"] == (0, 0, 1, 1)


def test_a_node_called_primary_is_missed_and_false_or_found_where_kind_is_no_matter():
    annotated, outlined = _row((2, 6)), _row((1, 6))
    assert _figures(outlined, annotated) == {
        "primary": (0, 0, 0, 1), "nodes": (0, 0, 1, 0), "union": (0, 0, 1, 1)
    }  # fmt: skip
    assert _figures(outlined, annotated, same_kind=False)["union"] == (1, 1, 0, 0)


def test_small_regions_are_nobodys_lesions():
    annotated = np.zeros((6, 6, 30), np.uint8)
    annotated[0, 0, :9], annotated[4, 4, :10] = 2, 3  # 0.09 and 0.1 ml
    lesions = find_lesions(np.zeros_like(annotated), annotated, ML).annotated
    assert [(one.kind, one.ml) for one in lesions] == [("nodes", pytest.approx(0.1))]
    assert found([find_lesions(np.zeros_like(annotated), annotated, ML)], repeats=0)[
        "nodes"
    ].missed_ml == pytest.approx(0.1)


def _second_way(of, by, half_suffices):
    """True positives and lesions of ``of``, with scipy's labels and plain loops."""
    from scipy import ndimage

    real = total = 0
    for value in (1, 2, 3):
        labels, n = ndimage.label(of == value, np.ones((3, 3, 3)))
        for region in range(1, n + 1):
            inside = labels == region
            share = ((by[inside] == 1) if value == 1 else (by[inside] > 1)).mean()
            real += share >= 0.5 if half_suffices else share > 0.5
            total += 1
    return real, total


@given(LABELS, LABELS)
@settings(deadline=None)
def test_counts_are_those_of_a_second_way(outlined, annotated):
    answer = found([find_lesions(outlined, annotated, ML, minimum_ml=0)], repeats=0)["union"]
    tp_man, lesions = _second_way(annotated, outlined, True)
    tp_cnn, structures = _second_way(outlined, annotated, False)
    assert (answer.tp_man, answer.fn) == (tp_man, lesions - tp_man)
    assert (answer.tp_cnn, answer.fp) == (tp_cnn, structures - tp_cnn)


@given(LABELS)
@settings(deadline=None)
def test_an_outline_finds_all_of_itself(labels):
    answer = find_lesions(labels, labels, ML, minimum_ml=0)
    assert all(one.counts and one.covered == 1 for one in answer.annotated + answer.outlined)
    assert sum(one.ml for one in answer.annotated) == pytest.approx((labels > 0).sum() * ML)


def test_rates_add_up_over_scans_and_intervals_hold_them():
    hit, miss = _row((2, 6), (0, 6)), _row((0, 12))
    scans = [find_lesions(hit if i % 4 else miss, hit, ML) for i in range(40)]
    scans += [find_lesions(hit, miss, ML)] * 10
    answer = found(scans, [str(i) for i in range(50)])
    nodes, union = answer["nodes"], answer["union"]
    assert nodes == union
    assert (nodes.tpr, nodes.ppv) == (30 / 40, 30 / 40)
    assert nodes.tpr_interval.low < 0.75 < nodes.tpr_interval.high
    assert answer["primary"].tpr is None
    # Of 40 independent patients, as wide as the binomial's.
    assert nodes.tpr_interval.high - nodes.tpr_interval.low == pytest.approx(
        2 * 1.96 * (0.75 * 0.25 / 40) ** 0.5, rel=0.15
    )
    with pytest.raises(ValueError, match="not on one grid"):
        find_lesions(hit, hit[:2], ML)
