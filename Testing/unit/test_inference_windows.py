"""Windows and how they are merged: by hand, and against MONAI."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from monai.data.utils import compute_importance_map

from HNCLogic.errors import InputError
from HNCLogic.inference.merging import FWHM, GaussianMerge, gaussian
from HNCLogic.inference.windows import pad_to, window_starts


@pytest.mark.parametrize(
    ("length", "window", "stride", "starts"),
    [
        (48, 32, 16, [0, 16]),  # the paper's test data: exactly two windows
        (49, 32, 16, [0, 16, 17]),
        (64, 32, 16, [0, 16, 32]),
        (66, 32, 16, [0, 16, 32, 34]),
        (32, 32, 16, [0]),
        (33, 32, 16, [0, 1]),
        (7, 32, 16, [0]),
        (10, 3, 3, [0, 3, 6, 7]),
    ],
)
def test_window_starts_by_hand(length, window, stride, starts):
    assert window_starts(length, window, stride) == starts


@given(st.integers(1, 300), st.integers(1, 60), st.integers(1, 60))
def test_windows_cover_everything_and_stay_inside(length, window, stride):
    if stride > window:
        with pytest.raises(InputError, match="would not be seen"):
            window_starts(length, window, stride)
        return
    starts = window_starts(length, window, stride)
    seen = np.zeros(max(length, window), dtype=int)
    for start in starts:
        assert start + window <= len(seen)
        seen[start : start + window] += 1
    assert seen.min() >= 1
    assert starts[-1] + window == len(seen)
    assert all(0 < b - a <= stride for a, b in pairwise(starts))


def test_padding_is_put_on_both_sides_and_cut_off_again():
    volume = np.arange(2 * 3 * 4 * 5, dtype=np.float32).reshape(2, 3, 4, 5)
    padded, back = pad_to(volume, (8, 2, 6), outside=-7.0)
    assert padded.shape == (2, 8, 4, 6)
    assert back == (slice(2, 5), slice(0, 4), slice(0, 5))
    assert np.array_equal(padded[(slice(None), *back)], volume)
    assert (padded == -7).sum() == padded.size - volume.size
    same, _ = pad_to(volume, (3, 1, 5), outside=0.0)
    assert same is volume


@pytest.mark.parametrize("side", [1, 5, 32, 128])
def test_gaussian_is_half_at_half_the_side(side):
    weights = gaussian(side)
    x = np.arange(side) - (side - 1) / 2
    # Half the side away from the centre a Gaussian of that full width at half maximum is 1/2.
    assert np.allclose(weights, 0.5 ** ((2 * x / side) ** 2), atol=1e-6)
    assert round(1 / FWHM, 4) == 0.4247


def test_weights_are_monais_with_its_sigma_set_to_the_papers():
    patch = (8, 12, 20)
    theirs = compute_importance_map(patch, mode="gaussian", sigma_scale=1 / FWHM).numpy()
    merge = GaussianMerge(1, patch, patch, [[0]] * 3)
    assert np.allclose(merge.weight.numpy(), theirs, atol=1e-6)


def test_merge_is_the_weighted_mean_by_hand():
    starts = [[0, 2, 3], [0], [0, 1]]
    size, patch = (7, 3, 5), (4, 3, 4)
    rng = np.random.default_rng(5)
    merge = GaussianMerge(2, size, patch, starts)
    total, covered = np.zeros((2, *size)), np.zeros(size)
    weight = np.einsum("i,j,k->ijk", *(gaussian(s).astype(float) for s in patch))
    for z in starts[0]:
        for x in starts[2]:
            values = rng.random((2, *patch)).astype(np.float32)
            merge.add((z, 0, x), torch.from_numpy(values))
            total[:, z : z + 4, :, x : x + 4] += values * weight
            covered[z : z + 4, :, x : x + 4] += weight
    assert np.allclose(merge.mean().numpy(), total / covered, atol=1e-6)
