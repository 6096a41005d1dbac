"""The lesion table: one row for each lesion, then the totals, as rows and as a CSV file."""

from __future__ import annotations

import csv
from pathlib import Path

from HNCLogic.errors import InputError
from HNCLogic.job import Lesion, Result, Totals

# Header (with its unit) and the place of the value; order of the columns.
_NUMBERS = {
    "MTV [ml]": ("mtv_ml", 3),
    "SUVmax [g/ml]": ("suv_max", 3),
    "SUVmean [g/ml]": ("suv_mean", 3),
    "SUVpeak [g/ml]": ("suv_peak", 3),
    "TLG [SUV*ml]": ("tlg_ml", 3),
    "Dmax [mm]": ("dmax_mm", 1),
}
_PLACES = {"Centroid": "centroid_ras", "SUVmax at": "suv_max_ras"}
_GROUP_NAMES = {"primary": "Total primary", "nodes": "Total nodes", "all": "Total all"}


def rows(
    lesions: list[Lesion], totals: list[Totals], method: str | None = None
) -> list[dict[str, str | int | float | None]]:
    """Lesions in their order, then the totals; every row has the same headers, units in them.

    ``method``: how the lesions were outlined, in words; the same in every row, so that a row
    copied out of the table still says it. What does not exist (the SUVmax of no lesion) is None.
    """
    table = []
    for lesion in lesions:
        first = {"Label": lesion.label, "Name": lesion.name, "Kind": lesion.kind, "Count": 1}
        table.append(first | _measures(lesion, method))
    for total in totals:
        name = _GROUP_NAMES[total.group]
        first = {"Label": None, "Name": name, "Kind": "total", "Count": total.count}
        table.append(first | _measures(total, method))
    return table


def write_csv(path: Path | str, result: Result) -> None:
    """The lesions and totals of a result as CSV (UTF-8, comma, decimal point, CRLF).

    With lesions or without, the header and the three totals are there. Every row says that it is
    for research use and what the network that outlined the lesions, if one did, was trained on. The
    text begins with the
    byte order mark by which Excel knows UTF-8. Raises InputError where the file cannot be
    written.
    """
    table = rows(result.lesions, result.totals, result.delineation)
    said = {"Use": result.research_use, "Trained on": result.delineation_trained_on}
    if result.simulated:
        said["Note"] = result.simulated
    table = [row | said for row in table]
    header = list(table[0]) if table else [*rows([], [Totals.none("all")], None)[0], *said]
    try:
        with open(path, "w", newline="", encoding="utf-8-sig") as file:
            writer = csv.DictWriter(file, header)
            writer.writeheader()
            writer.writerows(table)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror or error}") from error


def _measures(entry: Lesion | Totals, method: str | None) -> dict[str, str | float | None]:
    row: dict[str, str | float | None] = {}
    for header, (name, decimals) in _NUMBERS.items():
        row[header] = _rounded(getattr(entry, name), decimals)
    row["Side"] = entry.side
    for header, name in _PLACES.items():
        place = getattr(entry, name, None) or (None, None, None)
        for axis, value in zip("RAS", place, strict=True):
            row[f"{header} {axis} [mm]"] = _rounded(value, 1)
    row["Delineation"] = method
    return row


def _rounded(value: float | None, decimals: int) -> float | None:
    return None if value is None else round(value, decimals) + 0.0  # + 0.0: never "-0.0"
