"""Outlines taken apart: into their pieces, or where they are narrow."""

import numpy as np
import pytest

from HNCLogic.lesions.splitting import split

PET = np.array([3.0, 4.07, 4.07])  # mm along z, y, x
FINE = np.array([2.0, 1.5, 1.5])


def balls(spacing, *given) -> np.ndarray:
    """Balls of (z, y, x in mm, radius) in a box of 40 by 56 by 72 mm."""
    axes = np.meshgrid(
        *[np.arange(-n / 2, n / 2, s) for n, s in zip((40.0, 56.0, 72.0), spacing, strict=True)],
        indexing="ij",
    )
    where = np.stack(axes, axis=-1)
    return np.logical_or.reduce(
        [np.linalg.norm(where - ball[:3], axis=-1) < ball[3] for ball in given]
    )


def dice(a, b) -> float:
    return 2 * (a & b).sum() / (a.sum() + b.sum())


def assert_a_division(parts, whole):
    assert np.array_equal(np.sum(parts, axis=0), whole)
    assert [part.sum() for part in parts] == sorted((part.sum() for part in parts), reverse=True)


def test_pieces_fall_apart_the_largest_first():
    given = ((0, 0, -25, 7), (0, 15, 20, 9), (10, -18, 0, 8))
    whole = balls(FINE, *given)
    parts = split(whole, FINE)
    assert_a_division(parts, whole)
    for part, ball in zip(parts, (given[1], given[2], given[0]), strict=True):
        assert np.array_equal(part, balls(FINE, ball))


def test_crumbs_stay_with_the_largest_piece():
    whole = balls(FINE, (0, 0, -20, 9), (0, 0, 20, 8))
    whole[2, 2, 2] = True
    parts = split(whole, FINE)
    assert len(parts) == 2
    assert_a_division(parts, whole)
    assert parts[0][2, 2, 2]


def test_a_crumb_alone_can_be_parted_off():
    whole = balls(FINE, (0, 0, 0, 9))
    whole[2, 2, 2] = True
    parts = split(whole, FINE)
    assert [int(part.sum()) for part in parts] == [int(whole.sum()) - 1, 1]


def test_pieces_that_touch_by_a_corner_are_one():
    whole = np.zeros((4, 4, 4), bool)
    whole[:2, :2, :2] = whole[2:, 2:, 2:] = True
    assert len(split(whole, np.full(3, 20.0))) in (1, 2)  # one piece, cut if anything at the corner
    parts = split(whole, np.full(3, 2.0))
    assert_a_division(parts, whole)


@pytest.mark.parametrize("spacing", [PET, FINE])
@pytest.mark.parametrize("radii", [(10, 10), (11, 8), (8, 7)])
def test_touching_balls_are_cut_between_them(spacing, radii):
    apart = 0.9 * sum(radii)
    given = [(2, 0, -apart / 2, radii[0]), (0, 1, apart / 2, radii[1])]
    whole = balls(spacing, *given)
    parts = split(whole, spacing)
    assert len(parts) == 2
    assert_a_division(parts, whole)
    truths = [balls(spacing, ball) for ball in given]
    for part in parts:
        assert max(dice(part, truth) for truth in truths) > 0.85


def test_a_chain_of_three_is_cut_twice():
    given = [(0, 0, -17, 10), (0, 0, 0, 10), (0, 0, 17, 10)]
    whole = balls(FINE, *given)
    parts = split(whole, FINE)
    assert len(parts) == 3
    assert_a_division(parts, whole)


@pytest.mark.parametrize("spacing", [PET, FINE])
def test_a_body_without_a_neck_stays_whole(spacing):
    ball = balls(spacing, (0, 0, 0, 12))
    assert len(split(ball, spacing)) == 1
    longish = balls(spacing, *[(0, 0, x, 8) for x in range(-12, 13, 2)])
    assert len(split(longish, spacing)) == 1


def test_one_voxel_and_thin_plates_stay_whole():
    assert len(split(np.ones((1, 1, 1), bool), PET)) == 1
    assert len(split(np.ones((1, 6, 7), bool), PET)) == 1


def test_a_huge_outline_takes_no_more_than_a_moment():
    import time

    whole = np.repeat(np.repeat(balls(FINE, (0, 0, -15, 16), (0, 0, 15, 16)), 4, 0), 4, 1)
    begin = time.perf_counter()
    assert len(split(whole, FINE / (4, 4, 1))) == 2
    assert time.perf_counter() - begin < 5  # 0.3 s where nothing else runs
