"""What someone else's method said of the benchmark's patients, from files.

``--predictions FOLDER``: a mask for each patient, named after it (``simulated-31000.nii.gz``; 1
primary, 2 and up nodes), anywhere below the folder, and a table ``probabilities.csv`` with the
columns ``patient`` and ``probability``, or one of the two.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from pathlib import Path

from HNCLogic.errors import InputError

TABLE = "probabilities.csv"
ENDINGS = (".seg.nrrd", ".nrrd", ".nii.gz", ".nii", ".mha")
THRESHOLD = 0.5  # a probability from which on a verdict is positive


@dataclass(frozen=True)
class Predictions:
    name: str
    masks: dict[str, Path] = field(default_factory=dict)  # by patient
    probabilities: dict[str, float] = field(default_factory=dict)

    def of(self, patients: list[str]) -> Predictions | None:
        """Those of a setting's patients; None where there is none of them.

        Raises InputError where some are there and others are missing.
        """
        chosen = {}
        for what in ("masks", "probabilities"):
            given = getattr(self, what)
            kept = {name: given[name] for name in patients if name in given}
            if kept and len(kept) < len(patients):
                missing = next(name for name in patients if name not in kept)
                raise InputError(
                    f"{self.name}: {what} of {len(kept)} of {len(patients)} patients, none of "
                    f"{missing}: give all, or none, of a setting"
                )
            chosen[what] = kept
        return Predictions(self.name, **chosen) if any(chosen.values()) else None


def read_predictions(folder: Path) -> Predictions:
    """All that ``folder`` holds. Raises InputError where it holds nothing, or nonsense."""
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder of predictions")
    masks: dict[str, Path] = {}
    for path in sorted(folder.rglob("simulated-*")):
        ending = next((e for e in ENDINGS if path.name.endswith(e)), None)
        if ending is None or not path.is_file():
            continue
        name = path.name.removesuffix(ending)
        if name in masks:
            raise InputError(f"{folder}: two masks of {name}: {masks[name].name} and {path.name}")
        masks[name] = path
    table = folder / TABLE
    probabilities = _probabilities(table) if table.exists() else {}
    if not masks and not probabilities:
        raise InputError(
            f"{folder} holds neither masks named after the benchmark's patients nor {TABLE}"
        )
    return Predictions(folder.resolve().name, masks, probabilities)


def _probabilities(path: Path) -> dict[str, float]:
    found: dict[str, float] = {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            for number, row in enumerate(csv.DictReader(file), start=2):
                try:
                    value = float(row["probability"])
                    name = row["patient"].strip()
                except (KeyError, TypeError, ValueError, AttributeError):
                    raise InputError(
                        f"{path}, line {number}: the table needs the columns patient and "
                        "probability, a number in each row"
                    ) from None
                if not 0 <= value <= 1:
                    raise InputError(f"{path}, line {number}: {value:g} is no probability")
                if name in found:
                    raise InputError(f"{path}, line {number}: {name} stands there twice")
                found[name] = value
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}") from error
    return found
