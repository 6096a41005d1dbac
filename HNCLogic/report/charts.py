"""The charts of report and panel as SVG: no script, no font or picture from elsewhere.

Colours are style classes: the report's page gives them its own (light, dark, paper), a panel by
``report.standalone``. Every text in a chart is made here from numbers; nothing from a file or a
user enters.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from HNCLogic.report.frame import (
    ROW,
    WIDTH,
    Frame,
    Item,
    Layout,
    legend,
    legend_rows,
    svg,
    text,
    ticks,
)
from HNCLogic.report.wording import number, probability

if TYPE_CHECKING:
    from HNCLogic.job import Explanation, Extension, Presence, WindowAnswer

__all__ = ["WIDTH", "Frame", "Layout", "gauge", "heat_chart", "ticks", "windows_chart"]

REPORT = Layout()
REPORT_GAUGE = Layout(360, 88)
ALONG = [
    "position along the body, mm (feet ← → head)",
    "position, mm (feet ← → head)",
    "mm, feet ← → head",
]


def gauge(presence: Presence | Extension, layout: Layout = REPORT_GAUGE) -> str:
    """Probability on a line from 0 to 1, with the threshold and each fold's own answer.

    Where a majority decides there is no probability: then the windows' votes.
    """
    scale = layout.scale
    left, right = 10 * scale, layout.width - 10 * scale
    if presence.probability is None:
        return _votes(presence, layout, left, right)
    y, thick = 46 * scale, 14 * scale

    def x(value: float) -> float:
        return round(left + value * (right - left), 2)

    at, limit = x(presence.probability), x(presence.threshold)
    limit_words = f"threshold {number(presence.threshold, 2)}"
    words = probability(presence.probability)
    parts = [
        f'<rect class="below" x="{left:g}" y="{y:g}" width="{limit - left:.2f}" '
        f'height="{thick:g}"/>',
        f'<rect class="above" x="{limit}" y="{y:g}" width="{right - limit:.2f}" '
        f'height="{thick:g}"/>',
        f'<path class="threshold" d="M{limit} {y - 7 * scale:g}v{28 * scale:g}"/>',
        _kept_inside(limit, y + 35 * scale, left, right, limit_words, "tick", layout),
    ]
    for fold in presence.folds:
        parts.append(
            f'<circle class="fold" cx="{x(fold.probability)}" cy="{y + thick / 2:g}" '
            f'r="{4 * scale:g}"/>'
        )
    parts.append(
        f'<path class="mark {presence.verdict}" d="M{at} {y - 2 * scale:g}'
        f'l{-7 * scale:g} {-11 * scale:g}h{14 * scale:g}z"/>'
    )
    parts.append(_kept_inside(at, y - 19 * scale, left, right, words, "value", layout))
    items = [("mark", f"mark {presence.verdict}", "the answer")]
    if presence.folds:
        items.append(("dot", "fold", "each network alone"))
    said = f"Probability {words}, {limit_words}"
    return _with_legend(said, parts, items, layout, 88 * scale)


def _votes(presence: Presence, layout: Layout, left: float, right: float) -> str:
    """The windows' votes, inferior to superior: what a majority decides by."""
    step = (right - left) / max(len(presence.windows), 1)
    scale = layout.scale
    parts = []
    for index, window in enumerate(presence.windows):
        over = window.probability >= presence.threshold
        parts.append(
            f'<rect class="{"vote-yes" if over else "below"}" x="{left + index * step + 1:.2f}" '
            f'y="{30 * scale:g}" width="{max(step - 2, 1):.2f}" height="{22 * scale:g}" rx="2"/>'
        )
    parts.append(text(left, 70 * scale, "inferior", "tick"))
    parts.append(text(right, 70 * scale, "superior", "tick end"))
    limit = number(presence.threshold, 2)
    items = [
        ("band", "vote-yes", f"window at or over {limit}"),
        ("band", "below", f"below {limit}"),
    ]
    said = "Votes of the windows along the neck"
    return _with_legend(said, parts, items, layout, 78 * scale)


def _with_legend(
    said: str, parts: list[str], items: list[Item], layout: Layout, height: float
) -> str:
    rows = legend_rows(items, layout)
    parts = parts + legend(rows, layout, height)
    return svg(layout.width, height + len(rows) * ROW * layout.text, said, parts)


def gauge_height(layout: Layout) -> float:
    """Room for every gauge of this layout, its legend in one row, or two where it is narrow."""
    rows = 1 if layout.width > 44 * 0.6 * layout.text else 2
    return 88 * layout.scale + (rows * ROW * layout.text if layout.legend else 0)


def windows_frame(presence: Presence, layout: Layout = REPORT) -> Frame:
    """Where ``windows_chart`` puts what. Raises ValueError where there are no windows."""
    low = min(window.inferior_mm for window in presence.windows)
    high = max(window.superior_mm for window in presence.windows)
    return Frame.of(layout, low, high, len(_windows_legend(presence, layout)))


def _windows_legend(presence: Presence, layout: Layout) -> list[list[Item]]:
    items = [
        ("bar", "window yes", "window"),
        ("dot", "fold", "network"),
        ("line", "threshold dashed", f"threshold {number(presence.threshold, 2)}"),
    ]
    return legend_rows(items, layout)


def windows_chart(presence: Presence, layout: Layout = REPORT) -> str:
    """Each window as a bar over the stretch of neck it covers, its folds as dots."""
    frame = windows_frame(presence, layout)
    parts = legend(_windows_legend(presence, layout), layout, 2)
    parts += frame.axes(ALONG, "probability")
    shift = min(4.0, 40.0 / len(presence.windows)) * layout.width / WIDTH
    for window in presence.windows:
        kind = "yes" if window.probability >= presence.threshold else "no"
        x, y = frame.x(window.inferior_mm), frame.y(window.probability)
        width = frame.x(window.superior_mm) - x
        parts.append(
            f'<rect class="window {kind}" x="{x}" y="{y - 3:.2f}" width="{width:.2f}" '
            'height="6" rx="3"/>'
        )
        middle = frame.x(middle_of(window))
        for index, value in enumerate(window.folds):
            offset = (index - (len(window.folds) - 1) / 2) * shift
            parts.append(
                f'<circle class="fold" cx="{middle + offset:.2f}" cy="{frame.y(value)}" r="2.6"/>'
            )
    limit = frame.y(presence.threshold)
    end = frame.width - frame.right
    parts.append(f'<path class="threshold dashed" d="M{frame.left:g} {limit}H{end:g}"/>')
    said = "Probability of each window along the neck"
    return svg(frame.width, frame.height, said, parts)


def middle_of(window: WindowAnswer) -> float:
    """Where a window's middle is, mm toward the head (S)."""
    return (window.inferior_mm + window.superior_mm) / 2


def heat_frame(explanation: Explanation, layout: Layout = REPORT) -> Frame:
    """Where ``heat_chart`` puts what. Raises ValueError where there are no slices."""
    where = [one.position_mm for one in explanation.slices]
    half = half_slice(where)
    rows = len(_heat_legend(explanation, layout))
    return Frame.of(layout, min(where) - half, max(where) + half, rows)


def half_slice(where: list[float]) -> float:
    """Half the distance in mm of slices at the positions ``where``."""
    return float(np.median(np.diff(sorted(where)))) / 2 if len(where) > 1 else 1.5


def _heat_legend(explanation: Explanation, layout: Layout) -> list[list[Item]]:
    items = [("line", "line", "heat (Grad-CAM)")]
    if any(one.annotated for one in explanation.slices):
        items.append(("band", "annotated", "annotated slices"))
    return legend_rows(items, layout)


def heat_chart(explanation: Explanation, layout: Layout = REPORT) -> str:
    """Largest Grad-CAM value of each slice; slices that the given mask marks are shaded.

    After Liedes 2025, figure 5.
    """
    slices = sorted(explanation.slices, key=lambda one: one.position_mm)
    half = half_slice([one.position_mm for one in slices])
    frame = heat_frame(explanation, layout)
    base = frame.height - frame.bottom
    parts = legend(_heat_legend(explanation, layout), layout, 2)
    for low, high in _runs(slices, half):
        x = frame.x(low)
        parts.append(
            f'<rect class="annotated" x="{x}" y="{frame.top:g}" '
            f'width="{frame.x(high) - x:.2f}" height="{base - frame.top:g}"/>'
        )
    parts += frame.axes(ALONG, "heat")
    points = "L".join(f"{frame.x(one.position_mm)} {frame.y(one.heat)}" for one in slices)
    first, last = frame.x(slices[0].position_mm), frame.x(slices[-1].position_mm)
    parts.append(f'<path class="area" d="M{first} {base:g}L{points}L{last} {base:g}Z"/>')
    parts.append(f'<path class="line" d="M{points}"/>')
    return svg(frame.width, frame.height, "Grad-CAM heat of each slice along the neck", parts)


def _runs(slices: list, half: float) -> Iterable[tuple[float, float]]:
    """Stretches in mm of neighbouring annotated slices."""
    run: list[float] = []
    for one in slices:
        if one.annotated:
            run.append(one.position_mm)
        elif run:
            yield run[0] - half, run[-1] + half
            run = []
    if run:
        yield run[0] - half, run[-1] + half


def _kept_inside(
    x: float, y: float, left: float, right: float, words: str, style: str, layout: Layout
) -> str:
    """Words over ``x``; near an end they are set toward the middle."""
    near = 40 * layout.scale
    anchor = "start" if x < left + near else "end" if x > right - near else "middle"
    return text(min(max(x, left), right), y, words, f"{style} {anchor}")
