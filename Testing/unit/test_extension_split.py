"""The extractor's patients are nobody's else: whatever the cohort and whoever builds the folds."""

from pathlib import Path

import pytest

from HNCLogic.errors import InputError
from HNCLogic.training.cohort import Cohort, Scan
from HNCLogic.training.extension_split import (
    ExtensionFold,
    extension_folds,
    refuse_extractor_leaks,
)
from HNCLogic.training.leakage import ScanFacts


def cohort(count=40, pairs=False, scans=1):
    rows = [
        Scan(f"p{n:02d}", str(s), "here", {"CT": Path("ct")}, label=n % 2 == 0,
             facts={"match": str(n // 2)} if pairs else {})
        for n in range(count)
        for s in range(scans)
    ]  # fmt: skip
    return Cohort(Path("cohort.csv"), tuple(rows))


def facts(which, **same):
    """Each patient's own hashes, but for ``same``: patient=hash."""
    return [
        ScanFacts(p, True, frozenset({same.get(p, p)}), frozenset({f"v{p}"}), {}, {})
        for p in which.patients
    ]


@pytest.mark.parametrize("pairs", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_extractor_and_folds_never_meet_and_nobody_is_lost(pairs, seed):
    table = cohort(pairs=pairs, scans=2)
    folds = extension_folds(table, seed, 5, 10)
    extractor = folds[0].extractor
    assert len(extractor) == 10
    assert sum(int(p[1:]) % 2 == 0 for p in extractor) == 5  # labels as in the cohort
    validated = set()
    for fold in folds:
        assert fold.extractor == extractor
        assert not extractor & (fold.train | fold.validation | fold.test)
        assert fold.extractor | fold.train | fold.validation == set(table.patients)
        validated |= fold.validation
    assert validated == set(table.patients) - extractor
    if pairs:
        assert all(f"p{int(p[1:]) ^ 1:02d}" in extractor for p in extractor)
    refuse_extractor_leaks(table, facts(table), folds)
    assert folds == extension_folds(table, seed, 5, 10)


def test_another_seed_draws_others():
    drawn = {extension_folds(cohort(), seed, 5, 10)[0].extractor for seed in range(5)}
    assert len(drawn) > 1


def test_patient_on_both_sides_cannot_be_built():
    for part in ("train", "validation", "test"):
        sides = {"train": frozenset("a"), "validation": frozenset("b"), "test": frozenset("c")}
        with pytest.raises(InputError, match="among the extractor's and in a fold") as refused:
            ExtensionFold(**sides, extractor=sides[part])
        assert "\n" not in str(refused.value)


def test_same_group_is_refused():
    table = cohort(pairs=True)
    whole = frozenset(table.patients)
    fold = ExtensionFold(whole - {"p00", "p02", "p03"}, frozenset({"p02", "p03"}),
                         extractor=frozenset({"p00"}))  # fmt: skip
    with pytest.raises(InputError, match=r"^1 patients of fold 1 are, or belong to the same group"):
        refuse_extractor_leaks(table, facts(table), [fold])


@pytest.mark.parametrize("where", ["p05", "p07"])
def test_same_image_under_another_name_is_refused(where):
    table = cohort(8)
    fold = ExtensionFold(frozenset({"p04", "p05"}), frozenset({"p06", "p07"}),
                         extractor=frozenset({"p00", "p01", "p02", "p03"}))  # fmt: skip
    refuse_extractor_leaks(table, facts(table), [fold])
    with pytest.raises(InputError, match=r"^an image that the extractor is trained on"):
        refuse_extractor_leaks(table, facts(table, **{where: "p01"}), [fold])


def test_mirrored_copy_is_refused():
    table = cohort(8)
    fold = ExtensionFold(frozenset({"p04", "p05"}), frozenset({"p06", "p07"}),
                         extractor=frozenset({"p00", "p01", "p02", "p03"}))  # fmt: skip
    copies = [
        *facts(table),
        ScanFacts("p06", True, frozenset({"new"}), frozenset({"vp02"}), {}, {}),
    ]
    with pytest.raises(InputError, match=r"or a copy of it, stands under another"):
        refuse_extractor_leaks(table, copies, [fold])


def test_extractor_without_patients_is_refused():
    table = cohort(8)
    fold = ExtensionFold(frozenset({"p00"}), frozenset({"p01"}))
    with pytest.raises(InputError, match="no patients of their own"):
        refuse_extractor_leaks(table, facts(table), [fold])


@pytest.mark.parametrize(
    ("patients", "wanted", "words"),
    [(40, 2, "it needs two of either"), (10, 10, "none the classifier"), (14, 8, "too few for 5")],
)
def test_too_few_for_either_are_refused(patients, wanted, words):
    with pytest.raises(InputError, match=words):
        extension_folds(cohort(patients), 0, 5, wanted)
