"""An evaluation on disk: one HTML page that stands alone, tables for a paper, plain numbers.

``report.html``, ``tables.md``, ``summary.json`` and ``figures/*.png``. ``summary.json`` is

    {"format": "hnc-evaluation", "format_version": 1,
     "hnc_version": "…", "created": "ISO 8601, UTC", "research_use": "…",
     "title": "…", "about": {"Model": "…", "Cohort": "…", …}, "warnings": ["…", …],
     "figures": {CHAPTER: …}}

with a chapter for each part that was evaluated ("cross_validation", "test", "heatmaps",
"volume" …). In a chapter, a share or an area is ``{"value", "low", "high"}`` with its 95 %
interval (a share has also ``of``: of how many), a confusion table
``{"tn", "fp", "fn", "tp"}``; what cannot be said is null. Keys are the names of the fields in
``classification.Rates``, ``reader.Beside``, ``heatmaps.FidelityFigures`` and so on.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np

from HNCLogic import RESEARCH_USE, __version__
from HNCLogic.evaluation.tables import Table
from HNCLogic.report.page import page

PAGE, TABLES, SUMMARY, FIGURES = "report.html", "tables.md", "summary.json", "figures"


@dataclass(frozen=True)
class Figure:
    """``name``: of its file, without ending; ``png``: its bytes."""

    name: str
    caption: str
    png: bytes

    @property
    def embedded(self) -> str:
        """As a data URI."""
        return f"data:image/png;base64,{base64.b64encode(self.png).decode('ascii')}"


@dataclass
class Chapter:
    """One part of an evaluation; ``figures`` are its plain numbers, for ``summary.json``."""

    name: str
    title: str
    words: str = ""
    tables: list[Table] = field(default_factory=list)
    pictures: list[Figure] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)


@dataclass
class Evaluation:
    """All of it. ``about``: what was evaluated and on what, in words."""

    title: str
    about: dict[str, str]
    chapters: list[Chapter] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def summary_of(evaluation: Evaluation) -> dict[str, Any]:
    """What ``summary.json`` holds."""
    return {
        "format": "hnc-evaluation",
        "format_version": 1,
        "hnc_version": __version__,
        "created": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "research_use": RESEARCH_USE,
        "title": evaluation.title,
        "about": dict(evaluation.about),
        "warnings": list(evaluation.warnings),
        "figures": {one.name: plain(one.figures) for one in evaluation.chapters},
    }


def plain(value: Any) -> Any:
    """``value`` as JSON can hold it: records become objects, NaN and infinity null.

    Raises TypeError for what is neither a number, text, a list, a record nor a mapping.
    """
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return plain(value._asdict())
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int | str):
        return value
    raise TypeError(f"{type(value).__name__} has no place in JSON")


def write(evaluation: Evaluation, folder: Path) -> dict[str, Any]:
    """Write everything into ``folder``, which exists; gives what ``summary.json`` holds.

    Raises ValueError where two figures or two chapters have one name.
    """
    names = [one.name for chapter in evaluation.chapters for one in chapter.pictures]
    for each in (names, [chapter.name for chapter in evaluation.chapters]):
        if len(set(each)) < len(each):
            raise ValueError("two figures or two chapters of an evaluation have one name")
    summary = summary_of(evaluation)
    text = json.dumps(summary, indent=2, allow_nan=False, ensure_ascii=False)
    (folder / SUMMARY).write_text(text + "\n", encoding="utf-8")
    (folder / TABLES).write_text(markdown(evaluation), encoding="utf-8")
    (folder / PAGE).write_text(html(evaluation, summary), encoding="utf-8")
    if names:
        (folder / FIGURES).mkdir()
    for chapter in evaluation.chapters:
        for one in chapter.pictures:
            (folder / FIGURES / f"{one.name}.png").write_bytes(one.png)
    return summary


def markdown(evaluation: Evaluation) -> str:
    """Every table with its title and note, ready for a paper."""
    parts = [f"# {evaluation.title}", RESEARCH_USE]
    parts += [f"- {name}: {' '.join(words.split())}" for name, words in evaluation.about.items()]
    parts += [f"- Warning: {' '.join(words.split())}" for words in evaluation.warnings]
    for chapter in evaluation.chapters:
        parts.append(f"## {chapter.title}")
        if chapter.words:
            parts.append(chapter.words)
        parts += [table.markdown().rstrip("\n") for table in chapter.tables]
        parts += [
            f"![{one.caption}]({FIGURES}/{one.name}.png)\n\n{one.caption}"
            for one in chapter.pictures
        ]
    return "\n\n".join(parts) + "\n"


def html(evaluation: Evaluation, summary: Mapping[str, Any]) -> str:
    """One page that stands alone, in the report's style: no script, nothing from a network."""
    return page("evaluation.html", evaluation=evaluation, summary=summary)
