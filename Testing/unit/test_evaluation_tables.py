"""Tables of an evaluation: Markdown and HTML show the same cells."""

import html.parser

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from HNCLogic.evaluation.tables import Table, interval_text, p_text, with_interval


class Cells(html.parser.HTMLParser):
    """The texts of the cells of a table, row by row."""

    def __init__(self):
        super().__init__()
        self.rows, self.open = [], []

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in ("td", "th"):
            self.rows[-1][-1] += data


def read_html(text):
    cells = Cells()
    cells.feed(text)
    assert cells.open == []
    return cells.rows


CELL = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**9), 10**9),
    st.floats(width=32),
    st.text(alphabet=st.characters(codec="utf-8", exclude_categories=("C", "Z")), max_size=12),
)


@given(st.integers(1, 5).flatmap(lambda n: st.lists(st.lists(CELL, min_size=n, max_size=n))))
@settings(deadline=None)
def test_the_html_holds_the_cells_and_nothing_but_them(rows):
    width = len(rows[0]) if rows else 2
    table = Table("A <title>", [f"c{i} & d" for i in range(width)], rows)
    read = read_html(table.html())
    assert read[0] == [f"c{i} & d" for i in range(width)]
    assert read[1:] == table.cells()


@given(st.lists(st.lists(CELL, min_size=3, max_size=3), max_size=5))
@settings(deadline=None)
def test_each_row_of_the_markdown_is_one_line_with_as_many_bars(rows):
    lines = Table("T", ["a", "b", "c"], rows).markdown().splitlines()[2:]
    assert len(lines) == 2 + len(rows)
    for line in lines:
        assert line.replace(r"\|", "").count("|") == 4


def test_how_cells_are_written():
    row = ["Dice", 0.88512, np.float32(0.5), np.int64(7), None, float("nan"), np.True_, "a|b"]
    text = Table("T", list("abcdefgh"), [row], note="Two\nlines.").markdown()
    assert r"| Dice | 0.885 | 0.500 | 7 | – | – | yes | a\|b |" in text
    assert text.endswith("\n\nTwo lines.\n")
    assert with_interval(0.885, 0.87, 0.8977) == "0.885 (0.870–0.898)"
    assert with_interval(None, 0.1, 0.2) == "–"
    assert interval_text(-0.1, 0.2, 1) == "-0.1 to 0.2"
    assert [p_text(p) for p in (0.0004, 0.034, None)] == ["p < 0.001", "p = 0.034", "–"]


def test_figures_are_flush_right_and_words_left():
    table = Table("T", ["who", "n", "what"], [["a", 3, "cats"], ["b", None, "dogs"]])
    assert table.markdown().splitlines()[3] == "| :-- | --: | :-- |"
    assert '<td class="number">3</td><td>cats</td>' in table.html()


def test_a_row_that_is_too_short_is_refused():
    with pytest.raises(ValueError, match=r"row 2 has 1 cells, but there are 2"):
        Table("T", ["a", "b"], [[1, 2], [3]])
