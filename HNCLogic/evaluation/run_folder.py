"""A training run as an evaluation reads it: method, cohort, what its folds said out of fold."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from HNCLogic.errors import InputError
from HNCLogic.training.cohort import Cohort, Scan
from HNCLogic.training.run_folder import BESIDE, FOLDS, MODEL, OUT_OF_FOLD, RUN

if TYPE_CHECKING:
    from HNCLogic.models.folder import Model

PRESENCE_COLUMNS = ("scan", "label", "fold", "probability", "threshold", "nested_threshold")


@dataclass(frozen=True)
class TrainingRun:
    folder: Path
    method: str
    cohort: Path  # as it was given to the training
    cohort_sha256: str

    @property
    def model(self) -> Path:
        return self.folder / MODEL


@dataclass(frozen=True)
class OutOfFold:
    """What each scan's fold says of it; arrays (scan,)."""

    scans: list[Scan]
    labels: np.ndarray
    folds: np.ndarray
    probabilities: np.ndarray
    thresholds: np.ndarray
    nested_thresholds: np.ndarray


def is_run(folder: Path) -> bool:
    """Does a training run lie in ``folder``?"""
    return (Path(folder) / RUN).is_file()


def open_run(folder: Path) -> TrainingRun:
    """The run in ``folder``. Raises InputError where it is not one, or not trained to its end."""
    folder = Path(folder)
    path = folder / RUN
    try:
        about: Any = json.loads(path.read_text(encoding="utf-8"))
        run = TrainingRun(
            folder, str(about["method"]), Path(about["cohort"]), str(about["cohort_sha256"])
        )
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, KeyError, TypeError) as error:
        raise InputError(f"{path} is not the record of a training run of ours") from error
    if not run.model.is_dir() or not (folder / OUT_OF_FOLD).is_file():
        raise InputError(
            f"{folder} is a training run that has not come to its end: finish it with "
            "hnc train … --resume, then evaluate it"
        )
    return run


def run_of(model: Path) -> TrainingRun | None:
    """The run whose model the folder ``model`` is; None of a model that lies by itself."""
    folder = Path(model)
    return open_run(folder.parent) if folder.name == MODEL and is_run(folder.parent) else None


def beside_models(run: TrainingRun) -> list[Model]:
    """The models that were trained beside the run's, to be compared with, by name."""
    from HNCLogic.models.folder import open_model

    folder = run.folder / BESIDE
    return [open_model(each) for each in sorted(folder.iterdir())] if folder.is_dir() else []


def is_its_cohort(run: TrainingRun, path: Path) -> bool:
    """Is the table at ``path`` the one that the run was trained on, byte for byte?"""
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest() == run.cohort_sha256
    except OSError as error:
        raise InputError(f"{path}: the cohort cannot be read: {error.strerror}") from error


def scan_folds(run: TrainingRun, cohort: Cohort) -> dict[str, int]:
    """By scan's name the fold (1, 2, …) that it was validated or tested in.

    Raises InputError where table and cohort do not fit.
    """
    return {scan.name: int(row["fold"]) for scan, row in _rows(run, cohort, ("scan", "fold"))}


def out_of_fold(run: TrainingRun, cohort: Cohort) -> OutOfFold:
    """Method 1's out-of-fold answers, with the scans of ``cohort`` they are of.

    Raises InputError for a table that is damaged or of another cohort.
    """
    rows = _rows(run, cohort, PRESENCE_COLUMNS)
    try:
        columns = {
            name: np.array([float(row[name]) for _, row in rows])
            for name in PRESENCE_COLUMNS
            if name != "scan"
        }
    except ValueError as error:
        raise InputError(f"{run.folder / OUT_OF_FOLD}: not a number: {error}") from error
    probabilities = columns["probability"]
    if not ((probabilities >= 0) & (probabilities <= 1)).all():
        raise InputError(f"{run.folder / OUT_OF_FOLD}: a probability is not between 0 and 1")
    return OutOfFold(
        [scan for scan, _ in rows],
        columns["label"] == 1,
        columns["fold"].astype(int),
        probabilities,
        columns["threshold"],
        columns["nested_threshold"],
    )


def refuse_other_labels(
    run: TrainingRun, cohort: Cohort, found: OutOfFold, labels: Sequence[bool]
) -> None:
    """Raises InputError where ``labels``, of the cohort's scans, are not those of the training."""
    trained = {
        scan.name: bool(label) for scan, label in zip(found.scans, found.labels, strict=True)
    }
    for number, (scan, label) in enumerate(zip(cohort.scans, labels, strict=True), start=1):
        if label != trained[scan.name]:
            raise InputError(
                f"{cohort.path}, entry {number}: {run.folder} was trained with the other label of "
                f"{scan.name!r:.60}: train anew, or put the label back"
            )


def patients_by_fold(run: TrainingRun) -> list[dict[str, list[str]]]:
    """Of each fold the patients by what they are for. Raises InputError where it is damaged."""
    path = run.folder / FOLDS
    try:
        folds: Any = json.loads(path.read_text(encoding="utf-8"))
        return [{str(part): list(names) for part, names in fold.items()} for fold in folds]
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, AttributeError, TypeError) as error:
        raise InputError(f"{path} is not the record of the folds of a training run") from error


def without_set_apart(run: TrainingRun, cohort: Cohort) -> Cohort:
    """``cohort`` without patients who are in no fold, as those of an extractor."""
    apart = {name for fold in patients_by_fold(run) for name in fold.get("extractor", [])}
    return Cohort(cohort.path, tuple(s for s in cohort.scans if s.patient not in apart))


def _rows(
    run: TrainingRun, cohort: Cohort, columns: tuple[str, ...]
) -> list[tuple[Scan, dict[str, str]]]:
    path = run.folder / OUT_OF_FOLD
    by_name = {scan.name: scan for scan in cohort.scans}
    try:
        with path.open(newline="", encoding="utf-8") as file:
            table = csv.DictReader(file, strict=True)
            # Method 2 tells of validation patients as well, who chose its threshold.
            rows = [row for row in table if row.get("part", "test") == "test"]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} cannot be read as a table") from error
    if not rows or any(row.get(name) in (None, "") for row in rows for name in columns):
        raise InputError(f"{path} lacks one of the columns {', '.join(columns)}, or a value in it")
    if {row["scan"] for row in rows} != set(by_name) or len(rows) != len(by_name):
        raise InputError(
            f"{path} and {cohort.path} do not name the same scans: give the cohort that the run "
            "was trained on"
        )
    return [(by_name[row["scan"]], row) for row in rows]
