"""A small table that is written as Markdown, for a paper, and as HTML, for a report.

Cells are made into text here, so that both forms always show the same figures.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from numbers import Integral, Real

import numpy as np

NONE = "–"  # a cell that has no value


@dataclass(frozen=True)
class Table:
    """``title`` and ``note`` are plain text; every row is as long as ``columns``.

    A cell is text, a whole number, a fraction (written with ``digits`` digits), or None. The first
    column names the row. Raises ValueError for a row of another length.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    note: str = ""
    digits: int = 3

    def __post_init__(self) -> None:
        for number, row in enumerate(self.rows, 1):
            if len(row) != len(self.columns):
                raise ValueError(
                    f"{self.title}: row {number} has {len(row)} cells, "
                    f"but there are {len(self.columns)} columns."
                )

    def cells(self) -> list[list[str]]:
        """Every row as it is written."""
        return [[cell_text(cell, self.digits) for cell in row] for row in self.rows]

    def markdown(self) -> str:
        """A pipe table with its title above and its note below; ends with a line end."""
        rules = [":--" if left else "--:" for left in self._left()]
        lines = [_line(self.columns), _line(rules), *map(_line, self.cells())]
        parts = [f"**{_one_line(self.title)}**", "\n".join(lines)]
        if self.note:
            parts.append(_one_line(self.note))
        return "\n\n".join(parts) + "\n"

    def html(self) -> str:
        """A <table> element alone, all text escaped; figures have the class ``number``."""
        left = self._left()
        head = "".join(
            f'<th scope="col"{"" if is_left else _NUMBER}>{escape(str(column))}</th>'
            for column, is_left in zip(self.columns, left, strict=True)
        )
        rows = []
        for row in self.cells():
            cells = [f'<th scope="row">{escape(row[0])}</th>'] if row else []
            cells += [
                f"<td{'' if is_left else _NUMBER}>{escape(cell)}</td>"
                for cell, is_left in zip(row[1:], left[1:], strict=True)
            ]
            rows.append(f"<tr>{''.join(cells)}</tr>")
        foot = ""
        if self.note:
            whole = f'<td colspan="{len(self.columns)}">{escape(self.note)}</td>'
            foot = f"<tfoot><tr>{whole}</tr></tfoot>"
        return (
            f"<table><caption>{escape(self.title)}</caption><thead><tr>{head}</tr></thead>"
            f"<tbody>{''.join(rows)}</tbody>{foot}</table>"
        )

    def _left(self) -> list[bool]:
        """Columns set flush left: the first, and those with words in them."""
        cells = self.cells()
        return [
            at == 0 or any(_is_words(row[at]) for row in cells) for at in range(len(self.columns))
        ]


_NUMBER = ' class="number"'


def cell_text(value: object, digits: int = 3) -> str:
    """One cell as it is written; a value that is missing or not finite is a dash."""
    if value is None:
        return NONE
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, Integral):
        return str(int(value))
    if isinstance(value, Real):
        return f"{float(value):.{digits}f}" if math.isfinite(value) else NONE
    return str(value)


def interval_text(low: float | None, high: float | None, digits: int = 3) -> str:
    """An interval, '0.812–0.934'; a dash where there is none."""
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        return NONE
    join = "–" if low >= 0 else " to "
    return f"{low:.{digits}f}{join}{high:.{digits}f}"


def with_interval(
    value: float | None, low: float | None, high: float | None, digits: int = 3
) -> str:
    """A figure and its interval, '0.885 (0.870–0.898)'."""
    text = cell_text(value, digits)
    return text if text == NONE else f"{text} ({interval_text(low, high, digits)})"


def p_text(p: float | None) -> str:
    """A p value as journals print it: 'p = 0.034', 'p < 0.001'; a dash where there is none."""
    if p is None or not math.isfinite(p):
        return NONE
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def _is_words(text: str) -> bool:
    return text != NONE and not any(letter.isdigit() for letter in text)


def _line(cells: Sequence[object]) -> str:
    return "| " + " | ".join(_one_line(str(cell)).replace("|", r"\|") for cell in cells) + " |"


def _one_line(text: str) -> str:
    return " ".join(text.split())
