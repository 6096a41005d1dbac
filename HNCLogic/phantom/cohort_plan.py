"""Who is in a cohort of simulated patients: seeds, labels, pairs, neutral names in mixed order.

Patients come in pairs, one with the label and one without, who share centre, scanner settings,
position, field of view, age, sex and weight (``match``). Neither name nor place in the list tells
the label: the order is shuffled by the seed. Two cohorts of different seeds have no patient in
common, however large they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from HNCLogic.errors import InputError

MR_ROLES = ("T1", "T2", "CE-T1", "DWI-b0", "DWI-b1000", "ADC")
# What each kind of case has images of, and what it is written with unless something else is asked.
ROLES = {"presence": ("PET", "CT", *MR_ROLES), "parotid": MR_ROLES, "extension": ("CT",)}
USUAL = {"presence": ("PET", "CT"), "parotid": MR_ROLES, "extension": ("CT",)}
GROUPS = ("main", "external")  # of centres, see centres.py
BLOCK = 20  # patients that are shuffled together


@dataclass(frozen=True)
class Cohort:
    """What is asked for; see ``hnc phantom --help``. Raises InputError where it contradicts
    itself."""

    count: int
    seed: int
    cases: Literal["presence", "parotid", "extension"] = "presence"
    form: Literal["nrrd", "dicom"] = "nrrd"
    modalities: tuple[str, ...] = ()  # empty: the usual ones of these cases
    scanner: Literal["fast", "full"] = "fast"
    centre: str | None = None  # a centre, or "main" or "external" for those of a group
    anatomy: Path | None = None  # folder of real CTs
    malignant: float | None = None  # share of parotid tumours; None: by prevalence

    def __post_init__(self) -> None:
        if self.cases not in ROLES:
            raise InputError(f"no cases {self.cases!r}: choose {', '.join(ROLES)}")
        unknown = [role for role in self.modalities if role not in ROLES[self.cases]]
        if unknown:
            raise InputError(
                f"{self.cases} cases have no {unknown[0]}: choose of {', '.join(ROLES[self.cases])}"
            )
        if self.cases != "presence":
            given = {
                "--centre": self.centre is not None and self.cases != "parotid",
                "--anatomy": self.anatomy is not None,
                "--scanner full": self.scanner == "full",
                "--as dicom": self.form == "dicom",
            }
            wrong = [name for name, there in given.items() if there]
            if wrong:
                raise InputError(f"{wrong[0]} has no effect on {self.cases} cases: leave it out")
        if self.malignant is not None and self.cases != "parotid":
            raise InputError("--malignant is a share of parotid cases: add --cases parotid")
        if self.anatomy is not None and not Path(self.anatomy).is_dir():
            raise InputError(f"{self.anatomy}: no such folder of CTs")
        if self.centre is not None:
            from HNCLogic.phantom.scanners.centres import CENTRES

            known = [*CENTRES, *GROUPS]
            if self.centre not in known:
                raise InputError(f"unknown centre {self.centre!r}; there are: {', '.join(known)}")

    @property
    def roles(self) -> tuple[str, ...]:
        """The images that are written, in the order of ``ROLES``."""
        wanted = self.modalities or USUAL[self.cases]
        return tuple(role for role in ROLES[self.cases] if role in wanted)


@dataclass(frozen=True)
class Planned:
    """One patient of a cohort, before it is made."""

    name: str  # also of the patient's folder
    seed: int
    positive: bool
    match: int  # seed of what the pair shares
    pair: int  # number of the pair, from 1
    centre: str | None = None  # None: drawn from ``match``, by the centres' shares


def plan(cohort: Cohort) -> list[Planned]:
    """The patients in their order in the list.

    Each BLOCK of patients is shuffled in itself, so that a larger cohort of the same seed begins
    with a smaller one's patients, where that has whole blocks. Of an odd number the last pair is a
    positive alone; so is the one patient of a cohort of one.
    """
    found: list[Planned] = []
    for start in range(0, cohort.count, BLOCK):
        size = min(BLOCK, cohort.count - start)
        rng = np.random.default_rng(np.random.SeedSequence([cohort.seed, start, size]))
        numbers = [int(n) for n in rng.permutation(size)]
        pairs = rng.permutation((size + 1) // 2)
        for row, number in enumerate(numbers, start=start):
            own, second = divmod(number, 2)
            pair = np.random.SeedSequence([cohort.seed, start, 0, own])
            seeds = pair.generate_state(3)
            found.append(
                Planned(
                    name=f"simulated-{cohort.seed + row:04d}",
                    seed=int(seeds[second]),
                    positive=second == 0,
                    match=int(seeds[2]),
                    pair=start // 2 + int(pairs[own]) + 1,
                    centre=_centre(cohort.centre, np.random.default_rng(pair)),
                )
            )
    return found


def _centre(asked: str | None, rng: np.random.Generator) -> str | None:
    """The pair's centre, drawn by the centres' shares where a group of them is asked for."""
    if asked not in GROUPS:
        return asked
    from HNCLogic.phantom.scanners.centres import CENTRES

    group = [c for c in CENTRES.values() if c.cohort == asked and not c.held_out]
    shares = np.array([centre.share for centre in group])
    return group[int(rng.choice(len(group), p=shares / shares.sum()))].name
