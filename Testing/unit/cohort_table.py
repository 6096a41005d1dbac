"""A cohort's table beside its images."""

from __future__ import annotations

import csv
from pathlib import Path


def write_table(folder: Path, rows: list[dict]) -> Path:
    """``cohort.csv`` in ``folder``, under the columns of the first of ``rows``."""
    path = folder / "cohort.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
    return path
