"""A cohort on disk: a CSV with a row for each scan, as ``hnc phantom`` writes it and ``hnc train``
and ``hnc evaluate`` read it.

``patient,scan,centre``, a column for each role (PET, CT, T1 …), ``mask,label,time,event``; paths
are relative to the file. All but ``patient`` and one image may be missing or empty.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

from HNCLogic.errors import InputError
from HNCLogic.job import Role

ROLES = (*get_args(Role), "MR")  # "MR": a magnetic resonance image of whatever sequence
KNOWN = ("patient", "scan", "centre", "mask", "label", "time", "event")
LARGEST = 50_000_000  # bytes: no table of patients is larger
YES, NO = ("1", "1.0", "true", "yes", "positive"), ("0", "0.0", "false", "no", "negative")


@dataclass(frozen=True)
class Scan:
    """One row."""

    patient: str
    scan: str
    centre: str
    images: dict[str, Path]  # by role: a file or a DICOM folder
    mask: Path | None = None  # 1 primary, 2, 3, … a node each
    label: bool | None = None  # cancer present
    time: float | None = None  # months to death or the end of follow-up
    event: bool | None = None  # died
    facts: dict[str, str] = field(default_factory=dict)  # all further columns

    @property
    def name(self) -> str:
        """Patient and scan, as logs and tables give them."""
        return f"{self.patient}/{self.scan}" if self.scan else self.patient


@dataclass(frozen=True)
class Cohort:
    path: Path
    scans: tuple[Scan, ...]

    @property
    def patients(self) -> tuple[str, ...]:
        """Each patient once, in the order of the file."""
        return tuple(dict.fromkeys(scan.patient for scan in self.scans))

    def of(self, patients: Iterable[str]) -> tuple[Scan, ...]:
        """The scans of ``patients``, in the order of the file."""
        wanted = set(patients)
        return tuple(scan for scan in self.scans if scan.patient in wanted)


def read_cohort(path: Path) -> Cohort:
    """The cohort in the CSV at ``path``. Images and masks must exist; they are not read.

    Raises InputError, with row and column, where something is missing or cannot be.
    """
    path = Path(path)
    try:
        if path.stat().st_size > LARGEST:
            raise InputError(f"{path}: too large for a table of patients")
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"{path}: the cohort cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not a text file in UTF-8: save the table as CSV") from error
    try:
        table = csv.DictReader(text.splitlines(), strict=True)
        columns = _checked_columns(path, table.fieldnames or [])
        scans = tuple(
            _scan(path, number, row, columns)
            for number, row in enumerate(table, start=2)
            if any((value or "").strip() for value in row.values() if isinstance(value, str))
        )
    except csv.Error as error:
        raise InputError(f"{path}: not a CSV table: {error}") from error
    if not scans:
        raise InputError(f"{path}: the table has no rows")
    first: dict[tuple[str, str], int] = {}
    for number, scan in enumerate(scans, start=1):
        if (before := first.setdefault((scan.patient, scan.scan), number)) != number:
            raise InputError(
                f"{path}: entries {before} and {number} of the table are the same scan of the same "
                "patient: give every scan of a patient a name of its own in column 'scan'"
            )
    return Cohort(path, scans)


def _checked_columns(path: Path, columns: list[str]) -> list[str]:
    columns = [name.strip() for name in columns]
    twice = [name for name, times in Counter(columns).items() if times > 1]
    if twice:
        raise InputError(f"{path}: column {twice[0]!r} stands twice")
    if "patient" not in columns:
        raise InputError(f"{path}: there is no column 'patient'; the first line must name columns")
    if not any(role in columns for role in ROLES):
        raise InputError(f"{path}: there is no column with images: name one of {', '.join(ROLES)}")
    return columns


def _scan(path: Path, number: int, row: dict, columns: list[str]) -> Scan:
    where = f"{path}, row {number}"
    if None in row or None in row.values():
        raise InputError(f"{where}: not as many values as columns ({len(columns)})")
    values = {name: value.strip() for name, value in zip(columns, row.values(), strict=True)}
    if not values["patient"]:
        raise InputError(f"{where}: column 'patient' is empty")
    images = {
        role: _existing(path, where, role, values[role]) for role in ROLES if values.get(role)
    }
    if not images:
        raise InputError(f"{where}: no image is given, in any column of a role")
    mask = values.get("mask")
    return Scan(
        patient=values["patient"],
        scan=values.get("scan", ""),
        centre=values.get("centre", ""),
        images=images,
        mask=_existing(path, where, "mask", mask) if mask else None,
        label=_yes_or_no(where, "label", values.get("label", "")),
        time=_months(where, values.get("time", "")),
        event=_yes_or_no(where, "event", values.get("event", "")),
        facts={n: v for n, v in values.items() if n not in KNOWN and n not in ROLES},
    )


def _existing(path: Path, where: str, column: str, value: str) -> Path:
    found = path.parent / value
    if not found.exists():
        raise InputError(f"{where}: column {column!r}: there is no {found}")
    return found


def _yes_or_no(where: str, column: str, value: str) -> bool | None:
    if not value:
        return None
    if value.lower() in YES or value.lower() in NO:
        return value.lower() in YES
    raise InputError(f"{where}: column {column!r} must be 1 or 0, not {value!r:.40}")


def _months(where: str, value: str) -> float | None:
    if not value:
        return None
    try:
        months = float(value)
    except ValueError:
        months = -1.0
    if not 0 <= months < 10_000:  # also not a number
        raise InputError(f"{where}: column 'time' must be months from 0, not {value!r:.40}")
    return months
