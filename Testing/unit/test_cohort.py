"""The plan of a simulated cohort: pairs, neutral names, nothing that tells the label."""

import csv
import os
from collections import Counter

import numpy as np
import pytest

from HNCLogic.errors import InputError
from HNCLogic.phantom import cohort, readme
from HNCLogic.phantom.cohort_plan import ROLES, Cohort, Planned, plan
from HNCLogic.phantom.scanners.centres import CENTRES


def test_pairs_have_one_of_each_label_and_their_match_in_common():
    found = plan(Cohort(200, 5))
    by_pair = {}
    for one in found:
        by_pair.setdefault(one.pair, []).append(one)
    assert sorted(by_pair) == list(range(1, 101))
    for pair in by_pair.values():
        assert {one.positive for one in pair} == {True, False}
        assert len({one.match for one in pair}) == 1
        assert len({one.seed for one in pair}) == 2
    assert len({one.match for one in found}) == 100


def test_neither_name_nor_order_nor_seed_tells_the_label():
    labels, features = [], []
    for seed in range(40):
        found = plan(Cohort(100, seed))
        labels += [one.positive for one in found]
        features += [
            (row, row % 2, one.seed, one.seed % 2, one.pair) for row, one in enumerate(found)
        ]
    table = np.array(features, float)
    label = np.array(labels)
    assert label.mean() == 0.5
    for column in table.T:
        # 4000 patients: a correlation of 0.05 is three standard errors.
        assert abs(np.corrcoef(column, label)[0, 1]) < 0.05
    names = [one.name for one in plan(Cohort(100, 3))]
    assert names == sorted(names)
    assert names[0] == "simulated-0003"


def test_cohorts_of_neighbouring_seeds_share_no_patient():
    a, b = (plan(Cohort(300, seed)) for seed in (7, 8))
    assert not {one.seed for one in a} & {one.seed for one in b}
    assert plan(Cohort(300, 7)) == a


def test_a_larger_cohort_begins_with_a_smaller_one_of_whole_blocks():
    assert plan(Cohort(200, 7))[:40] == plan(Cohort(40, 7))


def test_a_group_of_centres_is_drawn_by_pair_and_never_holds_the_held_out():
    found = plan(Cohort(400, 7, centre="main"))
    by_pair = {}
    for one in found:
        by_pair.setdefault(one.pair, set()).add(one.centre)
    assert all(len(centres) == 1 for centres in by_pair.values())
    counts = Counter(one.centre for one in found)
    main = {name: c.share for name, c in CENTRES.items() if c.cohort == "main" and c.share}
    assert set(counts) == set(main)
    for name, share in main.items():
        assert counts[name] / 400 == pytest.approx(share / sum(main.values()), abs=0.08)
    assert {one.centre for one in plan(Cohort(40, 7, centre="external"))} == {"east"}
    assert {one.centre for one in plan(Cohort(4, 7, centre="west"))} == {"west"}


def test_a_single_patient_and_the_odd_one_are_positive():
    for seed in range(8):
        assert [one.positive for one in plan(Cohort(1, seed))] == [True]
        assert sum(one.positive for one in plan(Cohort(5, seed))) == 3


def test_roles_come_in_one_order_and_nonsense_is_refused():
    assert Cohort(1, 0, modalities=("T1", "PET")).roles == ("PET", "T1")
    assert Cohort(1, 0, cases="parotid").roles == ROLES["parotid"]
    assert Cohort(1, 0, cases="extension").roles == ("CT",)
    with pytest.raises(InputError, match="no cases 'heart'"):
        Cohort(1, 0, cases="heart")
    with pytest.raises(InputError, match="no effect on extension cases"):
        Cohort(1, 0, cases="extension", form="dicom")


def _double(planned):
    if planned.seed < 0:
        raise InputError(f"no patient {planned.name}")
    return 2 * planned.seed


def _planned(seeds):
    return [Planned(f"p{i}", seed, True, 0, 1) for i, seed in enumerate(seeds)]


@pytest.mark.parametrize("jobs", [1, 2])
def test_work_comes_back_in_order_and_errors_pass(jobs):
    seen = []
    found = cohort.in_processes(
        _double, _planned(range(6)), jobs, lambda share, words: seen.append(share)
    )
    assert found == [0, 2, 4, 6, 8, 10]
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    with pytest.raises(InputError, match="no patient p1"):
        cohort.in_processes(_double, _planned([1, -1, 3]), jobs)


def _threads(planned):
    from threadpoolctl import threadpool_info

    return [(pool["user_api"], pool["num_threads"]) for pool in threadpool_info()]


def test_workers_do_linear_algebra_in_one_thread_each(monkeypatch):
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "2")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    before = dict(os.environ)
    for found in cohort.in_processes(_threads, _planned([1, 2]), 2):
        assert ("blas", 1) in found
        assert {threads for _, threads in found} == {1}
    assert dict(os.environ) == before


def _die(planned):
    os._exit(1)  # as when the system is short of memory


def test_a_process_that_is_ended_from_outside_is_told():
    with pytest.raises(InputError, match="fewer than 2 jobs"):
        cohort.in_processes(_die, _planned([1, 2, 3]), 2)


@pytest.mark.parametrize("cases", list(ROLES))
def test_every_column_is_explained(cases):
    wanted = Cohort(2, 0, cases=cases, modalities=ROLES[cases])
    columns = (*cohort.FIRST, *wanted.roles, *cohort.COLUMNS[cases])
    assert set(columns) <= set(readme.COLUMNS)
    rows = [{"label": n, "centre": "north", "patient": f"p{n}"} for n in (0, 1)]
    text = readme.readme(wanted, rows)
    for module in readme.MAKERS[cases]:
        assert f"### {module}\n" in text
    assert "2: 1 with label 1, 1 0" in text


def test_the_list_has_a_column_for_each_thing_and_leaves_unknown_ones_empty(tmp_path):
    wanted = Cohort(1, 0)
    cohort.write_list(tmp_path / "cohort.csv", [{"patient": "a", "label": 0}], wanted)
    with (tmp_path / "cohort.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert row["time"] == row["event"] == ""
    assert list(row)[:6] == ["patient", "scan", "centre", "PET", "CT", "mask"]


def test_constants_are_read_with_their_comments():
    from HNCLogic.phantom.disease import survival

    found = {name: (value, words) for name, value, words in readme.constants(survival)}
    assert found["BETA"][0] == survival.BETA
    assert found["BETA"][1].startswith("log hazard")
