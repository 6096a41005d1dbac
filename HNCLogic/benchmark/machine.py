"""The machine a benchmark ran on, and one figure of it."""

from __future__ import annotations

import os
import platform
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass
class Row:
    """One figure: what was measured, its median, and what it is held against."""

    what: str
    value: float
    unit: str
    bound: float | None = None  # at most this
    spread: str = ""  # smallest to largest of the repeats
    note: str = ""

    @property
    def kept(self) -> bool | None:
        return None if self.bound is None else self.value <= self.bound

    def as_dict(self) -> dict:
        return {**asdict(self), "kept": self.kept}


def described() -> str:
    """Processor, cores, memory, system and Python, in one line."""
    name = platform.processor() or platform.machine()
    information = Path("/proc/cpuinfo")
    if information.exists():
        lines = information.read_text(errors="replace").splitlines()
        name = next((x.split(":", 1)[1].strip() for x in lines if x.startswith("model name")), name)
    memory = ""
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        size = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
        memory = f", {size:.0f} GiB"
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    system = f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    return f"{name}, {cores} cores{memory}; {system}"


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
        bound = "" if row.bound is None else f"≤ {row.bound:g} {row.unit}"
        mark = {None: "", True: "kept", False: "missed"}[row.kept]
        value = f"{row.value:.2f} {row.unit}"
        table.add_row(row.what, value, bound, row.spread, f"{mark} {row.note}".strip())
    Console().print(table)
