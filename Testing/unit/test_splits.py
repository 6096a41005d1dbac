"""Folds: no patient and no group in two parts, every patient in its turn, alike in label."""

from pathlib import Path

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from HNCLogic.errors import InputError
from HNCLogic.training.cohort import Cohort, Scan
from HNCLogic.training.splits import Fold, cross_validation, nested_cross_validation


def cohort_of(scans):
    return Cohort(
        Path("cohort.csv"),
        tuple(
            Scan(str(patient), str(number), centre, {"PET": Path("x")}, label=label,
                 facts={"group": group} if group else {})
            for number, (patient, centre, label, group) in enumerate(scans)
        ),
    )  # fmt: skip


def plain(count):
    return cohort_of((n, "north" if n % 3 else "south", n % 2 == 0, "") for n in range(count))


@settings(max_examples=30, deadline=None)
@given(st.integers(50, 90), st.integers(0, 5), st.randoms(use_true_random=False))
def test_nothing_that_belongs_together_is_parted(count, seed, chance):
    scans = []
    for n in range(count):
        group = f"g{chance.randrange(count)}" if chance.random() < 0.3 else ""
        for _ in range(chance.choice((1, 1, 2))):
            scans.append((n, "north", n % 2 == 0, group))
    cohort = cohort_of(scans)
    together = {}
    for scan in cohort.scans:
        together.setdefault(scan.facts.get("group") or scan.patient, set()).add(scan.patient)
    try:
        folds = cross_validation(cohort, seed) + nested_cross_validation(cohort, seed)
    except InputError:  # chance joined so many that there are too few groups
        reject()
    for fold in folds:
        parts = (fold.train, fold.validation, fold.test)
        assert frozenset().union(*parts) == set(cohort.patients)
        assert sum(map(len, parts)) == len(cohort.patients)
        for members in together.values():
            assert sum(bool(members & part) for part in parts) == 1


def test_every_patient_has_its_turn_and_parts_are_of_the_papers_sizes():
    cohort = plain(100)
    folds = cross_validation(cohort, 3)
    assert sorted(p for f in folds for p in f.validation) == sorted(cohort.patients)
    assert {len(f.validation) for f in folds} == {20}
    folds = nested_cross_validation(cohort, 3)
    assert sorted(p for f in folds for p in f.test) == sorted(cohort.patients)
    for fold in folds:
        assert (len(fold.train), len(fold.validation), len(fold.test)) == (64, 16, 20)
    assert nested_cross_validation(cohort, 3) == folds
    assert nested_cross_validation(cohort, 4) != folds


def test_parts_are_alike_in_label_and_centre():
    cohort = plain(120)
    facts = {scan.patient: scan for scan in cohort.scans}
    for fold in cross_validation(cohort, 0):
        part = [facts[p] for p in fold.validation]
        assert sum(scan.label for scan in part) == 12
        assert sum(scan.centre == "south" for scan in part) == 8


def test_a_later_scan_with_cancer_makes_a_patient_one_with_cancer():
    scans = [(n, "", n < 5 and turn, "") for n in range(10) for turn in (False, True)]
    for fold in cross_validation(cohort_of(scans), 0):
        assert sum(int(p) < 5 for p in fold.validation) == 1


def test_too_few_and_shared_patients_are_refused():
    with pytest.raises(InputError, match="4 patients without cancer are too few for 5 folds"):
        cross_validation(plain(9), 0)
    with pytest.raises(InputError, match="1 patients are in two parts"):
        Fold(frozenset("ab"), frozenset("bc"))
