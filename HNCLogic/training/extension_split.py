"""Who trains the extractor of GMGENet and who its classifiers: never the same patients.

Wang et al. 2022, section 4.1: 30 patients, drawn at random, train the extractor and have no part in
training or testing the classifier. An extractor points at what it learnt: had it seen a patient,
the VOI of that patient would give the label away.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from HNCLogic.errors import InputError
from HNCLogic.training.cohort import Cohort
from HNCLogic.training.leakage import ScanFacts
from HNCLogic.training.splits import Fold, cross_validation, groups_of


@dataclass(frozen=True)
class ExtensionFold(Fold):
    """A fold of the classifier, and the patients that the extractor is trained on."""

    extractor: frozenset[str] = frozenset()

    def __post_init__(self):
        super().__post_init__()
        shared = self.extractor & (self.train | self.validation | self.test)
        if shared:
            raise InputError(
                f"{len(shared)} patients are among the extractor's and in a fold of the "
                "classifier, which would make its figures worthless"
            )


def extension_folds(
    cohort: Cohort, seed: int, folds: int, extractor_patients: int
) -> list[ExtensionFold]:
    """The extractor's patients, the same for all folds, and the others in ``folds`` parts.

    Whole groups are drawn, alike in label to the cohort, until ``extractor_patients`` are reached.
    Raises InputError where too few are left for the folds, or where the extractor would have
    fewer than two patients of either label: it could neither be trained nor validated.
    """
    apart = _drawn(cohort, seed, extractor_patients)
    positive = _labels(cohort)
    for value, words in ((True, "with"), (False, "without")):
        count = sum(positive[patient] is value for patient in apart)
        if count < 2:
            raise InputError(
                f"{cohort.path}: {extractor_patients} patients for the extractor are {count} "
                f"{words} extension, and it needs two of either: set extractor_patients higher, or "
                "bring more patients"
            )
    rest = [patient for patient in cohort.patients if patient not in apart]
    if not rest:
        raise InputError(
            f"{cohort.path}: all {len(cohort.patients)} patients would train the extractor and "
            "none the classifier: set extractor_patients lower"
        )
    parts = cross_validation(Cohort(cohort.path, cohort.of(rest)), seed, folds)
    return [ExtensionFold(part.train, part.validation, extractor=apart) for part in parts]


def refuse_extractor_leaks(
    cohort: Cohort, facts: Iterable[ScanFacts], folds: Sequence[ExtensionFold]
) -> None:
    """Raises InputError where a classifier's patient is known to the extractor in any way.

    As the same patient, as one of the same group (columns ``group`` and ``match``), by the same
    image, or by a mirrored, turned or shifted copy of one. Also where the extractor has none.
    """
    group = groups_of(cohort)
    owners = defaultdict(set)
    for one in facts:
        for digest in (*one.hashes, *one.voxels):
            owners[digest].add(one.patient)
    for number, fold in enumerate(folds, start=1):
        theirs = fold.train | fold.validation | fold.test
        if not fold.extractor:
            raise InputError(f"fold {number} has no patients of their own for the extractor")
        known = {group[patient] for patient in fold.extractor}
        related = sum(group[patient] in known for patient in theirs)
        if related:
            raise InputError(
                f"{related} patients of fold {number} are, or belong to the same group as, "
                "patients that the extractor is trained on: keep groups whole"
            )
        shared = sum(bool(p & fold.extractor) and bool(p & theirs) for p in owners.values())
        if shared:
            raise InputError(
                "an image that the extractor is trained on, or a copy of it, stands under another "
                f"patient in fold {number}: give such patients one name, or leave the copies out"
            )


def _drawn(cohort: Cohort, seed: int, count: int) -> frozenset[str]:
    """About ``count`` patients in whole groups, labels mixed as in the cohort."""
    positive, members = _labels(cohort), defaultdict(list)
    group = groups_of(cohort)
    for patient in cohort.patients:
        members[group[patient]].append(patient)
    whole = list(members.values())
    order = np.random.default_rng((seed, 5)).permutation(len(whole))
    kinds = [str(sorted(positive[p] for p in each)) for each in whole]
    times, met = Counter(kinds), Counter()
    rank = {}
    for index in order:  # groups of a kind are spread evenly over the line they are drawn from
        rank[index] = (met[kinds[index]] + 0.5) / times[kinds[index]]
        met[kinds[index]] += 1
    drawn: set[str] = set()
    for index in sorted(order, key=lambda i: rank[i]):
        if len(drawn) >= count:
            break
        drawn |= set(whole[index])
    return frozenset(drawn)


def _labels(cohort: Cohort) -> dict[str, bool]:
    found = dict.fromkeys(cohort.patients, False)
    for scan in cohort.scans:
        found[scan.patient] |= bool(scan.label)
    return found
