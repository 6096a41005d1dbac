"""A benchmark's figures written out to be kept: JSON, a table, and plots."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from HNCLogic import __version__
from HNCLogic.benchmark import machine
from HNCLogic.benchmark.machine import Point, Row
from HNCLogic.errors import InputError

FILE = "benchmark.json"


def as_json(parts: Mapping[str, Sequence[Row]], remarks: Sequence[str]) -> str:
    return json.dumps(
        {
            "hnc": __version__,
            "machine": machine.described(),
            "parts": {name: [row.as_dict() for row in rows] for name, rows in parts.items()},
            "remarks": list(remarks),
        },
        indent=1,
        ensure_ascii=False,
    )


def earlier(out: Path) -> tuple[dict[str, list[Row]], list[str]]:
    """What an earlier run on this machine kept in ``out``: parts by name, and remarks;
    nothing where there is no such folder.

    Raises InputError where there is something else, or another machine's figures.
    """
    path = out / FILE
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return {}, []
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        here = told["machine"] == machine.described()
        parts = {name: [_row(each) for each in rows] for name, rows in told["parts"].items()}
        remarks = list(told["remarks"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{out} holds no earlier benchmark: give a new folder (--out)") from error
    if not here:
        raise InputError(
            f"{out} holds figures of another machine or other versions: give a new folder (--out)"
        )
    return parts, remarks


def _row(told: dict) -> Row:
    values = {name: value for name, value in told.items() if name != "kept"}
    return (Point if "curve" in values else Row)(**values)


def write(parts: Mapping[str, Sequence[Row]], remarks: Sequence[str], out: Path) -> None:
    """``benchmark.json``, ``README.md`` and plots into the folder ``out``, all or none.

    Raises InputError where it cannot be written.
    """
    from HNCLogic.benchmark import pictures
    from HNCLogic.outputs import write_files_whole

    described = machine.described()
    drawn = {}
    if parts.get("network"):
        drawn["network.svg"] = pictures.bars(parts["network"], described)
    if parts.get("costs"):
        points = [row for row in parts["costs"] if isinstance(row, Point)]
        drawn["costs.svg"] = pictures.cost_curves(points, described)
    texts = {FILE: as_json(parts, remarks) + "\n", "README.md": markdown(parts, remarks, drawn)}
    files = {name: text.encode("utf-8") for name, text in texts.items()} | drawn
    write_files_whole({out / name: partial(_put, content) for name, content in files.items()})


def _put(content: bytes, path: Path) -> None:
    path.write_bytes(content)


def markdown(
    parts: Mapping[str, Sequence[Row]], remarks: Sequence[str], pictures: Sequence[str] = ()
) -> str:
    """The machine, the plots and a table for each part."""
    lines = ["# Speed and memory", "", f"HNC {__version__} on {machine.described()}.", ""]
    lines += [f"- {remark}." for remark in remarks] + ([""] if remarks else [])
    for name in pictures:
        lines += [f"![{Path(name).stem}]({name})", ""]
    for name, rows in parts.items():
        lines += [f"## {name.capitalize()}", "", "| what | median | bound | spread | |",
                  "|---|--:|--:|---|---|"]  # fmt: skip
        lines += [f"| {' | '.join((row.what, *machine.cells(row)))} |" for row in rows] + [""]
    return "\n".join(lines)
