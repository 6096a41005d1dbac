"""A benchmark's figures written out to be kept: JSON, a table, and plots."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from HNCLogic import __version__
from HNCLogic.benchmark import machine
from HNCLogic.benchmark.machine import Point, Row


def as_json(parts: Mapping[str, Sequence[Row]], remarks: Sequence[str]) -> str:
    return json.dumps(
        {
            "hnc": __version__,
            "machine": machine.described(),
            "parts": {name: [row.as_dict() for row in rows] for name, rows in parts.items()},
            "not measured": list(remarks),
        },
        indent=1,
        ensure_ascii=False,
    )


def write(parts: Mapping[str, Sequence[Row]], remarks: Sequence[str], out: Path) -> None:
    """``benchmark.json``, ``README.md`` and plots into the folder ``out``, all or none.

    Raises InputError where it cannot be written, or holds something already.
    """
    from HNCLogic.benchmark import pictures
    from HNCLogic.outputs import LIST, whole_or_nothing

    described = machine.described()
    drawn = {}
    if parts.get("network"):
        drawn["network.svg"] = pictures.bars(parts["network"], described)
    if parts.get("costs"):
        points = [row for row in parts["costs"] if isinstance(row, Point)]
        drawn["costs.svg"] = pictures.cost_curves(points, described)
    with whole_or_nothing(out) as folder:
        text = as_json(parts, remarks)
        (folder / "benchmark.json").write_text(text + "\n", encoding="utf-8")
        (folder / "README.md").write_text(markdown(parts, remarks, drawn), encoding="utf-8")
        for name, picture in drawn.items():
            (folder / name).write_bytes(picture)
    (out / LIST).unlink(missing_ok=True)  # it is a page to be kept, not a result to be replaced


def markdown(
    parts: Mapping[str, Sequence[Row]], remarks: Sequence[str], pictures: Sequence[str] = ()
) -> str:
    """The machine, the plots and a table for each part."""
    lines = ["# Speed and memory", "", f"HNC {__version__} on {machine.described()}.", ""]
    lines += [f"Not measured: {remark}." for remark in remarks] + ([""] if remarks else [])
    for name in pictures:
        lines += [f"![{Path(name).stem}]({name})", ""]
    for name, rows in parts.items():
        lines += [f"## {name.capitalize()}", "", "| what | median | bound | spread | |",
                  "|---|--:|--:|---|---|"]  # fmt: skip
        lines += [f"| {' | '.join((row.what, *machine.cells(row)))} |" for row in rows] + [""]
    return "\n".join(lines)
