"""The benchmark's honesty gates: on frozen seeds, 200 simulated patients a setting."""

import faulthandler
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from HNCLogic.errors import InputError
from HNCLogic.phantom.honesty import Facts, auc, dice, facts_of, fitted_auc, gates

# Frozen: the gates' figures are of these patients, and nothing is tuned on them.
PAIRS = 100
MAIN, EXTERNAL = 0, 1000  # first seeds
MAIN_CENTRES = ("north", "south", "midland")


def _facts(task: tuple[int, bool, int, str]) -> Facts:
    import SimpleITK as sitk

    from HNCLogic.phantom.patient import simulate

    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    seed, positive, match, centre = task
    return facts_of(simulate(seed, positive, match=match, centre=centre))


def _cohort(first: int, centres: tuple[str, ...]) -> list[Facts]:
    faulthandler.cancel_dump_traceback_later()  # minutes of work are no hang here
    tasks = []
    for pair in range(PAIRS):
        match, centre = first + 2 * pair, centres[pair % len(centres)]
        tasks += [(match, True, match, centre), (match + 1, False, match, centre)]
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"  # read where a worker starts
    try:
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(2, mp_context=context) as pool:
            return list(pool.map(_facts, tasks, chunksize=4))
    finally:
        if before is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = before


@pytest.fixture(scope="module")
def main_centres():
    return _cohort(MAIN, MAIN_CENTRES)


@pytest.fixture(scope="module")
def external_centre():
    return _cohort(EXTERNAL, ("east",))


@pytest.mark.parametrize("setting", ["main_centres", "external_centre"])
def test_all_gates_hold(setting, request):
    facts = request.getfixturevalue(setting)
    assert len(facts) == 2 * PAIRS
    found = gates(facts)
    table = "\n".join(f"{g.value:.3f} ({g.limit}) {g.name}, {g.words}" for g in found)
    assert not [g.name for g in found if not g.passed], f"{setting}\n{table}"
    assert sum(bool(g.limit) for g in found) >= 12


@pytest.mark.parametrize("setting", ["main_centres", "external_centre"])
def test_within_strata_the_heat_of_positives_and_negatives_is_the_same(setting, request):
    facts = request.getfixturevalue(setting)
    pairs = {}
    for one in facts:
        pairs.setdefault(one.match, {})[one.positive] = one.suv_max_outside
    both = np.array([(pair[True], pair[False]) for pair in pairs.values()])
    assert abs(np.median(np.log(both[:, 0] / both[:, 1]))) < 0.12
    order = np.argsort(both.mean(axis=1))
    for third in np.array_split(both[order], 3):
        values, labels = third.T.ravel(), [True] * len(third) + [False] * len(third)
        assert 0.3 < auc(values, labels) < 0.7


@pytest.mark.parametrize("setting", ["main_centres", "external_centre"])
def test_a_pair_has_one_header(setting, request):
    pairs = {}
    for one in request.getfixturevalue(setting):
        pairs.setdefault(one.match, []).append(one)
    for first, second in pairs.values():
        assert first.positive != second.positive
        assert first.metadata == second.metadata
        assert first.position["bottom"] == second.position["bottom"]
        assert first.position["top"] == second.position["top"]


def test_auc_is_scikit_learns():
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(0)
    for ties in (False, True):
        values, labels = rng.standard_normal(80), rng.random(80) < 0.4
        values = np.round(values) if ties else values
        assert auc(values, labels) == pytest.approx(roc_auc_score(labels, values), abs=1e-12)
    assert auc([1, 1, 1], [True, False, True]) == 0.5
    assert np.isnan(auc([1, 2], [True, True]))


def _invented(count: int, **changes) -> list[Facts]:
    """Facts of pairs that pass every gate, but for ``changes`` to the positives."""
    rng = np.random.default_rng(1)
    facts = []
    for pair in range(count // 2):
        header = {"age": float(rng.normal(60, 9)), "centre": float(pair % 2)}
        field = {"bottom": float(rng.normal(0, 50)), "top": float(rng.normal(400, 20))}
        for positive in (True, False):
            heat = [float(v) for v in rng.lognormal(2, 0.3, 4)]
            bad = {n: (20, 100, 40) for n in ("fixed", "percent", "percent of hottest")}
            one = Facts(
                positive, pair, *heat, hottest_mm=float(rng.normal(0, 30)), hot_ml=20.0,
                position=field, metadata=header,
                overlap=bad | {"adaptive": (36, 42, 40)} if positive else {},
            )  # fmt: skip
            facts.append(replace(one, **changes) if positive else one)
    return facts


def _failed(facts):
    return [gate.name for gate in gates(facts) if not gate.passed]


def test_a_leak_is_found_wherever_it_is():
    assert _failed(_invented(200)) == []
    assert "SUVpeak outside the brain" in _failed(_invented(200, suv_peak_outside=30.0))
    assert "SUVmax in the neck" in _failed(_invented(200, suv_max_neck=30.0))
    assert "height of the hottest spot" in _failed(_invented(200, hottest_mm=-300.0))
    leak = _failed(_invented(200, metadata={"age": 60.0, "centre": 5.0}))
    assert any(name.startswith("metadata, all together") for name in leak)
    assert any(name.startswith("metadata, each alone (worst: centre)") for name in leak)
    leak = _failed(_invented(200, position={"bottom": 0.0, "top": 900.0}))
    assert any(name.startswith("z-position, each alone (worst: top)") for name in leak)
    easy = {n: (40, 45, 40) for n in ("fixed", "percent", "percent of hottest")}
    found = _failed(_invented(200, overlap=easy | {"adaptive": (10, 40, 40)}))
    assert sum("SUVmax" in name or "fixed" in name for name in found) >= 4
    assert any("adaptive" in name for name in found)


def test_pairs_stay_together_when_a_classifier_is_fitted():
    """Apart, the one learned from would speak for the other, of the opposite label."""
    facts = _invented(200)
    assert fitted_auc([one.metadata for one in facts], facts) == pytest.approx(0.5, abs=1e-9)


def test_dice_is_pooled_over_voxels():
    assert dice([(10, 20, 20), (0, 0, 10)]) == pytest.approx(2 * 10 / 50)
    assert dice([(0, 0, 0)]) == 0


def test_too_few_patients_or_one_label_are_refused():
    facts = _invented(200)
    with pytest.raises(InputError, match="at least 20"):
        gates(facts[:10])
    with pytest.raises(InputError, match="of both labels"):
        gates([one for one in facts if one.positive])
