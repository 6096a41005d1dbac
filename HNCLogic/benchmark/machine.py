"""The machine a benchmark ran on, and one figure of it."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version

PACKAGES = ("torch", "openvino", "monai", "nnunetv2", "numpy", "SimpleITK")
middle = statistics.median


@dataclass
class Row:
    """One figure: what was measured, its median, and what it is held against."""

    what: str
    value: float
    unit: str
    bound: float | None = None  # at most this
    spread: str = ""  # smallest to largest of the repeats
    note: str = ""

    @classmethod
    def of(cls, what: str, values: Sequence[float], unit: str, bound: float | None = None, **more):
        """The median of ``values``, with the smallest and the largest of them."""
        low, high = (number(each(values)) for each in (min, max))
        return cls(what, middle(values), unit, bound, f"{low}–{high}", **more)

    @property
    def kept(self) -> bool | None:
        return None if self.bound is None else self.value <= self.bound

    def as_dict(self) -> dict:
        return {**asdict(self), "kept": self.kept}


@dataclass
class Point(Row):
    """A figure that stands with others on one curve of a plot."""

    curve: str = ""
    over: str = ""  # what the plot's x axis is
    x: float = 0.0


def number(value: float) -> str:
    """Three digits that count."""
    return f"{value:.0f}" if abs(value) >= 99.95 else f"{value:#.3g}"


def described() -> str:
    """Processor, cores, threads, memory, system and versions, in one line; nothing that names
    this very machine or who uses it."""
    from HNCLogic.inference.device import physical_cores, processor_name, processors

    memory = ""
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        size = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
        memory = f", {size:.0f} GiB"
    cores, threads = physical_cores(), processors()
    system = f"{platform.system()}, Python {platform.python_version()}"
    counted = f"{cores} cores, {threads} threads"
    return f"{processor_name()}, {counted}{memory}; {system}, {', '.join(_versions())}"


def _versions() -> list[str]:
    found = []
    for package in PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    return found


def show(rows: list[Row]) -> None:
    """The figures as a table on the terminal."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=described(), title_justify="left")
    for heading, justify in (("what", "left"), ("median", "right"), ("bound", "right")):
        table.add_column(heading, justify=justify)
    table.add_column("spread")
    table.add_column("")
    for row in rows:
        table.add_row(row.what, *cells(row))
    Console().print(table)


def cells(row: Row) -> tuple[str, str, str, str]:
    """Median, bound, spread and remarks of ``row`` as a table shows them."""
    bound = "" if row.bound is None else f"≤ {number(row.bound)} {row.unit}"
    mark = {None: "", True: "kept", False: "missed"}[row.kept]
    return f"{number(row.value)} {row.unit}", bound, row.spread, f"{mark} {row.note}".strip()
