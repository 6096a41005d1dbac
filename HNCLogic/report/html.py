"""``report.html``: one file that holds everything, for a screen and for A4 paper."""

from __future__ import annotations

import base64
from pathlib import Path

from HNCLogic.job import Result
from HNCLogic.report import charts, kind_charts, wording
from HNCLogic.report.page import page

NAME = "report.html"
TYPES = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".svg": "image/svg+xml"}


def write_report(result: Result, folder: Path) -> Path:
    """Write ``report.html`` into ``folder``; gives its path.

    ``result.views`` are read from ``folder`` and embedded, so the file stands alone: no script,
    no link to the network. Whatever the result holds is shown as text, never as markup.
    Raises FileNotFoundError where a picture the result names is not in ``folder``.
    """
    path = folder / NAME
    path.write_text(render(result, folder), encoding="utf-8")
    return path


def render(result: Result, folder: Path) -> str:
    """The report's HTML; see ``write_report``."""
    presence, explanation = result.presence, result.explanation
    judged, parotid = presence or result.extension, result.parotid
    return page(
        "report.html",
        result=result,
        wording=wording,
        title=_title(result),
        gauge=charts.gauge(judged) if judged else "",
        kinds_chart=kind_charts.kinds_chart(parotid) if parotid else "",
        attention_chart=kind_charts.attention_chart(parotid) if parotid else "",
        windows_chart=charts.windows_chart(presence) if presence and presence.windows else "",
        heat_chart=charts.heat_chart(explanation) if explanation and explanation.slices else "",
        annotated=bool(explanation and any(one.annotated for one in explanation.slices)),
        pictures=[(caption, _embedded(folder, name)) for caption, name in result.views.items()],
        totals=[one for one in result.totals if one.count or one.group == "all"],
        every=wording.total(result, "all"),
        suv_facts=wording.suv_facts(result),
    )


def _title(result: Result) -> str:
    roles = " + ".join(image.role for image in result.images)
    where = "Parotid" if result.parotid is not None else "Head and neck"
    return f"{where}: {roles}" if roles else where


def _embedded(folder: Path, name: str) -> str:
    """The picture as a data URI; only one that lies in ``folder``."""
    file = (folder / name).resolve()
    if not file.is_relative_to(folder.resolve()) or file.suffix.lower() not in TYPES:
        raise ValueError(f"{name} is not a picture in the result's own folder")
    data = base64.b64encode(file.read_bytes()).decode("ascii")
    return f"data:{TYPES[file.suffix.lower()]};base64,{data}"
