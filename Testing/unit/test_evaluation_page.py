"""An evaluation on disk: the page stands alone, JSON holds plain numbers, Markdown every table."""

import json
import re

import numpy as np
import pytest

from HNCLogic.evaluation import classification, page
from HNCLogic.evaluation.roc import Area
from HNCLogic.evaluation.tables import Table

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 40


@pytest.fixture
def evaluation():
    found = page.Evaluation(
        "Evaluation of a <model>", {"Cohort": "a & b\nover two lines"}, warnings=["<b>careful</b>"]
    )
    rates = classification.rates([True, True, False], [True, False, False])
    found.chapters.append(
        page.Chapter(
            "test",
            "Verdicts",
            "Words of the chapter.",
            [Table("Counts", ["", "n"], [["x<y", 3]], "A note.")],
            [page.Figure("curve", "A curve.", PNG)],
            {"rates": rates, "auc": Area(0.5, None, None), "many": [np.float32(0.5), np.nan]},
        )
    )
    return found


def test_all_of_it_is_written(evaluation, tmp_path):
    summary = page.write(evaluation, tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {
        "report.html", "tables.md", "summary.json", "figures",
    }  # fmt: skip
    assert (tmp_path / "figures" / "curve.png").read_bytes() == PNG
    read = json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))
    assert read == summary
    assert read["format"] == "hnc-evaluation"
    figures = read["figures"]["test"]
    assert figures["auc"] == {"value": 0.5, "low": None, "high": None}
    assert figures["many"] == [0.5, None]
    assert figures["rates"]["confusion"] == {"tn": 1, "fp": 0, "fn": 1, "tp": 1}
    sensitivity = figures["rates"]["sensitivity"]
    assert (sensitivity["value"], sensitivity["of"]) == (0.5, 2)
    assert 0 < sensitivity["low"] < 0.5 < sensitivity["high"] < 1


def test_the_page_stands_alone_and_shows_text_as_text(evaluation, tmp_path):
    page.write(evaluation, tmp_path)
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Research use" in text
    assert "Evaluation of a &lt;model&gt;" in text
    assert "&lt;b&gt;careful&lt;/b&gt;" in text
    assert "<b>careful" not in text
    assert "x&lt;y" in text
    assert "<script" not in text
    assert not re.findall(r'(?:src|href)="(?!data:image/png;base64,)', text)
    assert "http" not in text


def test_the_markdown_has_every_table_and_figure(evaluation, tmp_path):
    page.write(evaluation, tmp_path)
    text = (tmp_path / "tables.md").read_text(encoding="utf-8")
    assert "- Cohort: a & b over two lines" in text
    assert "**Counts**" in text
    assert "| x<y | 3 |" in text
    assert "![A curve.](figures/curve.png)" in text


def test_names_stand_once_and_nothing_strange_enters_json(evaluation, tmp_path):
    with pytest.raises(TypeError, match="set has no place"):
        page.plain({"a": {1, 2}})
    evaluation.chapters.append(evaluation.chapters[0])
    with pytest.raises(ValueError, match="have one name"):
        page.write(evaluation, tmp_path)
