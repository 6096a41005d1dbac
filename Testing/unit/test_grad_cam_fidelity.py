"""Heat against annotated slices: against scikit-learn and scipy."""

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

from HNCLogic.explain.fidelity import slice_agreement, slice_maxima


def test_maxima_by_hand():
    heat = np.zeros((3, 4, 5), dtype=np.float32)
    heat[1, 2, 3], heat[2, 0, 0], heat[2, 1, 1] = 0.5, 0.25, 1.0
    assert slice_maxima(heat).tolist() == [0, 0.5, 1.0]


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_numbers_are_the_libraries(seed, ties):
    rng = np.random.default_rng(seed)
    heat = rng.random(40)
    if ties:
        heat = np.round(heat, 1)
    marked = rng.random(40) < 0.3 + 0.3 * heat
    got = slice_agreement(heat, marked)
    assert got.auroc == pytest.approx(roc_auc_score(marked, heat))
    assert got.spearman == pytest.approx(spearmanr(heat, marked).statistic)


def test_perfect_and_reversed():
    heat = np.arange(10) / 10
    assert slice_agreement(heat, heat > 0.5).auroc == 1
    assert slice_agreement(heat, heat < 0.5).auroc == 0


def test_where_there_is_nothing_to_compare():
    heat = np.arange(4) / 4
    assert slice_agreement(heat, np.zeros(4)) == (None, None)
    assert slice_agreement(heat, np.ones(4)) == (None, None)
    assert slice_agreement(np.zeros(4), np.array([0, 1, 0, 0])) == (0.5, None)
    with pytest.raises(ValueError, match="one heat value per slice"):
        slice_agreement(heat, np.zeros(5))
