"""The Result on a terminal: the answer, the lesions, the warnings, where the rest lies."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from HNCLogic.job import Result
from HNCLogic.report import wording

if TYPE_CHECKING:
    from rich.console import Console

COLUMNS = ("kind", "side", "MTV ml", "SUVmax", "SUVmean", "SUVpeak", "TLG g", "Dmax mm")
PLAIN_WIDTH = 100  # where there is no terminal


def show(result: Result, out: Path, stream: TextIO | None = None) -> None:
    """Print the summary of ``result``, written to ``out``; in colour on a terminal only."""
    from rich.console import Console

    stream = stream or sys.stdout
    width = None if stream.isatty() else PLAIN_WIDTH
    _print(Console(file=stream, width=width, highlight=False, soft_wrap=False), result, out)


def summary(result: Result, out: Path | None = None) -> str:
    """The same as plain text, 100 columns wide at most."""
    from io import StringIO

    stream = StringIO()
    show(result, out or Path(), stream)
    return stream.getvalue()


def _print(console: Console, result: Result, out: Path) -> None:
    from rich.text import Text

    def line(words: str, style: str = "") -> None:
        console.print(Text(printable(words), style=style))

    if result.simulated:
        line(f"SIMULATED IMAGES. {result.simulated}", "bold yellow")
    answer = result.answer
    if answer is not None:
        colour = "bold red" if wording.tone(answer) == "positive" else "bold green"
        line(wording.verdict(answer), colour)
        line(f"{wording.answer(answer)} {wording.agreement(answer)}")
        if result.extension is not None:
            line(wording.where_judged(result.extension))
            line(wording.region(result.region))
        if disagreement := wording.disagreement(result):
            line(disagreement, "bold yellow")
    if found := wording.lesions_found(result):
        line(found if answer is not None else found[:1].upper() + found[1:], "bold")
    if result.lesions:
        line(f"Outlined by: {result.delineation or 'the given mask'}.", "dim")
        console.print(_table(result))
    for warning in result.warnings:
        line(f"Warning: {warning}", "yellow")
    if result.files:
        line(f"Written to {out}: {', '.join(result.files.values())}")
    line(result.research_use, "dim")


def _table(result: Result):
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_footer=False)
    table.add_column("lesion", overflow="fold")
    for index, name in enumerate(COLUMNS):
        table.add_column(name, justify="right" if index >= 2 else "left", no_wrap=index >= 2)
    for lesion in result.lesions:
        cells = wording.lesion_row(lesion)[: len(COLUMNS)]
        table.add_row(Text(printable(lesion.name)), *cells)
    table.add_section()
    for totals in result.totals:
        if totals.count:
            cells = wording.totals_row(totals)[: len(COLUMNS)]
            table.add_row(wording.GROUPS[totals.group], *cells, style="bold")
    return table


def printable(words: str) -> str:
    """Without control characters: text from a file must not steer the terminal."""
    return "".join(one if one.isprintable() else " " for one in words)
