"""Which patients a fold is trained, validated and tested on: never scans, never slices.

Follow-up scans are the same patient; what else must stay together (twins of one simulated pair,
a body that two patients share) say the cohort's columns ``group`` and ``match``.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from HNCLogic.errors import InputError
from HNCLogic.training.cohort import Cohort

FOLDS = 5
TOGETHER = ("group", "match")  # columns of a cohort that say which patients are never parted


@dataclass(frozen=True)
class Fold:
    """Patients by what they are for; no patient is in two of them."""

    train: frozenset[str]
    validation: frozenset[str]
    test: frozenset[str] = frozenset()

    def __post_init__(self):
        shared = (
            (self.train & self.validation)
            | (self.train & self.test)
            | (self.validation & self.test)
        )
        if shared:
            raise InputError(
                f"{len(shared)} patients are in two parts of a fold, which would make its figures "
                "worthless"
            )


def cross_validation(cohort: Cohort, seed: int, folds: int = FOLDS) -> list[Fold]:
    """Each patient validates one fold and trains the others (Liedes et al. 2025)."""
    parts = _parts(cohort, folds, seed)
    return [Fold(frozenset().union(*(p for p in parts if p is not part)), part) for part in parts]


def nested_cross_validation(cohort: Cohort, seed: int, folds: int = FOLDS) -> list[Fold]:
    """Each patient tests one fold; of the others a fifth validates: 64/16/20 % (Nikulin 2023)."""
    parts = _parts(cohort, folds, seed)
    found = []
    for number, test in enumerate(parts):
        rest = _only(cohort, frozenset().union(*(p for p in parts if p is not test)))
        inner = _parts(rest, folds, seed + 1 + number)
        validation = inner[0]
        found.append(Fold(frozenset().union(*inner[1:]), validation, test))
    return found


def _only(cohort: Cohort, patients: Iterable[str]) -> Cohort:
    return Cohort(cohort.path, cohort.of(patients))


def _parts(cohort: Cohort, folds: int, seed: int) -> list[frozenset[str]]:
    """The patients in ``folds`` parts alike in label and centre, groups kept whole.

    Raises InputError where there are fewer groups with or without cancer than parts.
    """
    from sklearn.model_selection import StratifiedKFold

    group, centre = groups_of(cohort), {}
    label = dict.fromkeys(cohort.patients, False)
    for scan in cohort.scans:
        label[scan.patient] |= bool(scan.label)
        centre[scan.patient] = scan.centre
    members = defaultdict(list)
    for patient in cohort.patients:
        members[group[patient]].append(patient)
    for value, words in ((True, "with"), (False, "without")):
        count = sum(any(label[p] is value for p in each) for each in members.values())
        if 0 < count < folds:
            raise InputError(
                f"{cohort.path}: {count} patients {words} cancer are too few for {folds} folds: "
                "bring more, or ask for fewer folds"
            )
    # Whole groups are dealt out; like is what has the same labels and, where there are enough of
    # them, the same centres.
    labels = [str(sorted(label[p] for p in each)) for each in members.values()]
    strata = [
        f"{a} {sorted(centre[p] for p in each)}"
        for a, each in zip(labels, members.values(), strict=True)
    ]
    times = Counter(strata)
    strata = [s if times[s] >= folds else a for s, a in zip(strata, labels, strict=True)]
    times = Counter(strata)
    common = max(times, key=times.get)
    rare = {s for s in times if times[s] < folds}
    rare_together = sum(times[s] for s in rare) >= folds
    strata = [("rare" if rare_together else common) if s in rare else s for s in strata]
    splitter = StratifiedKFold(folds, shuffle=True, random_state=seed)
    whole = list(members.values())
    try:
        cuts = list(splitter.split(np.zeros(len(whole)), strata))
    except ValueError as error:
        raise InputError(
            f"{cohort.path}: {len(whole)} patients or groups are too few for {folds} folds"
        ) from error
    return [frozenset(p for i in chosen for p in whole[i]) for _, chosen in cuts]


def groups_of(cohort: Cohort) -> dict[str, int]:
    """A number for each patient, the same for those that must stay together."""
    together = defaultdict(set)
    for scan in cohort.scans:
        together["patient", scan.patient].add(scan.patient)
        for column in TOGETHER:
            if scan.facts.get(column):
                together[column, scan.facts[column]].add(scan.patient)
    # Groups that share a patient are one.
    number: dict[str, int] = {}
    for index, members in enumerate(together.values()):
        joined = {number[m] for m in members if m in number}
        for patient, old in list(number.items()):
            if old in joined:
                number[patient] = index
        number.update(dict.fromkeys(members, index))
    return number
