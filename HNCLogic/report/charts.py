"""The report's charts as inline SVG: no script, no font or picture from elsewhere.

Colours are style classes, so they follow the page (light, dark, paper). Every text in a chart
is made here from numbers; nothing from a file or a user enters.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from HNCLogic.job import Explanation, Presence
from HNCLogic.report.wording import MINUS, number, probability

WIDTH = 720


@dataclass(frozen=True)
class Frame:
    """Data ranges on a drawing area; y grows upward."""

    x0: float
    x1: float
    y0: float = 0.0
    y1: float = 1.0
    height: int = 230
    left: int = 46
    right: int = 14
    top: int = 12
    bottom: int = 44

    def x(self, value: float) -> float:
        share = (value - self.x0) / ((self.x1 - self.x0) or 1.0)
        return round(self.left + share * (WIDTH - self.left - self.right), 2)

    def y(self, value: float) -> float:
        share = (value - self.y0) / ((self.y1 - self.y0) or 1.0)
        return round(self.height - self.bottom - share * (self.height - self.top - self.bottom), 2)

    def axes(self, x_label: str, y_label: str) -> list[str]:
        parts = []
        for value in ticks(self.y0, self.y1, 5):
            y = self.y(value)
            parts.append(f'<path class="grid" d="M{self.left} {y}H{WIDTH - self.right}"/>')
            parts.append(text(self.left - 8, y + 4, f"{value:g}", "tick end"))
        base = self.height - self.bottom
        for value in ticks(self.x0, self.x1, 9):
            x = self.x(value)
            parts.append(f'<path class="axis" d="M{x} {base}v4"/>')
            parts.append(text(x, base + 17, f"{value:g}".replace("-", MINUS), "tick middle"))
        parts.append(f'<path class="axis" d="M{self.left} {base}H{WIDTH - self.right}"/>')
        middle = (self.left + WIDTH - self.right) / 2
        parts.append(text(middle, self.height - 6, x_label, "label middle"))
        up = (self.top + base) / 2
        turned = f'<g transform="translate(11 {up}) rotate(-90)">'
        parts.append(turned + text(0, 0, y_label, "label middle") + "</g>")
        return parts


def gauge(presence: Presence) -> str:
    """Probability on a line from 0 to 1, with the threshold and each fold's own answer."""
    left, right, y, width = 10, 350, 46, 360
    if presence.probability is None:
        return _votes(presence, left, right)

    def x(value: float) -> float:
        return round(left + value * (right - left), 2)

    at, limit = x(presence.probability), x(presence.threshold)
    parts = [
        f'<rect class="below" x="{left}" y="{y}" width="{limit - left:.2f}" height="14"/>',
        f'<rect class="above" x="{limit}" y="{y}" width="{right - limit:.2f}" height="14"/>',
        f'<path class="threshold" d="M{limit} {y - 7}v28"/>',
        text(
            *_kept_inside(limit, y + 35, left, right),
            f"threshold {number(presence.threshold, 2)}",
            "tick " + _anchor(limit, left, right),
        ),
    ]
    for fold in presence.folds:
        parts.append(f'<circle class="fold" cx="{x(fold.probability)}" cy="{y + 7}" r="4"/>')
    parts.append(f'<path class="mark {presence.verdict}" d="M{at} {y - 2}l-7 -11h14z"/>')
    parts.append(
        text(
            *_kept_inside(at, y - 19, left, right),
            probability(presence.probability),
            f"value {_anchor(at, left, right)}",
        )
    )
    words = (
        f"Probability {probability(presence.probability)}, threshold "
        f"{number(presence.threshold, 2)}"
    )
    return svg(width, 88, words, parts)


def _votes(presence: Presence, left: int, right: int) -> str:
    """The windows' votes, inferior to superior: what a majority decides by."""
    step = (right - left) / max(len(presence.windows), 1)
    parts = []
    for index, window in enumerate(presence.windows):
        over = window.probability >= presence.threshold
        parts.append(
            f'<rect class="{"vote-yes" if over else "below"}" x="{left + index * step + 1:.2f}" '
            f'y="30" width="{max(step - 2, 1):.2f}" height="22" rx="2"/>'
        )
    parts.append(text(left, 70, "inferior", "tick"))
    parts.append(text(right, 70, "superior", "tick end"))
    return svg(360, 78, "Votes of the windows along the neck", parts)


def windows_chart(presence: Presence) -> str:
    """Each window as a bar over the stretch of neck it covers, its folds as dots."""
    low = min(window.inferior_mm for window in presence.windows)
    high = max(window.superior_mm for window in presence.windows)
    frame = Frame(low, high)
    parts = frame.axes("position along the body, mm (feet ← → head)", "probability")
    shift = min(4.0, 40.0 / len(presence.windows))
    for window in presence.windows:
        kind = "yes" if window.probability >= presence.threshold else "no"
        x, y = frame.x(window.inferior_mm), frame.y(window.probability)
        width = frame.x(window.superior_mm) - x
        parts.append(
            f'<rect class="window {kind}" x="{x}" y="{y - 3:.2f}" width="{width:.2f}" '
            'height="6" rx="3"/>'
        )
        middle = frame.x((window.inferior_mm + window.superior_mm) / 2)
        for index, value in enumerate(window.folds):
            offset = (index - (len(window.folds) - 1) / 2) * shift
            parts.append(
                f'<circle class="fold" cx="{middle + offset:.2f}" cy="{frame.y(value)}" r="2.6"/>'
            )
    limit = frame.y(presence.threshold)
    parts.append(
        f'<path class="threshold dashed" d="M{frame.left} {limit}H{WIDTH - frame.right}"/>'
    )
    return svg(WIDTH, frame.height, "Probability of each window along the neck", parts)


def heat_chart(explanation: Explanation) -> str:
    """Largest Grad-CAM value of each slice; slices that the given mask marks are shaded.

    After Liedes 2025, figure 5.
    """
    slices = sorted(explanation.slices, key=lambda one: one.position_mm)
    where = np.array([one.position_mm for one in slices])
    half = float(np.median(np.diff(where))) / 2 if len(where) > 1 else 1.5
    frame = Frame(where[0] - half, where[-1] + half)
    base = frame.height - frame.bottom
    parts = []
    for low, high in _runs(slices, half):
        x = frame.x(low)
        parts.append(
            f'<rect class="annotated" x="{x}" y="{frame.top}" '
            f'width="{frame.x(high) - x:.2f}" height="{base - frame.top}"/>'
        )
    parts += frame.axes("position along the body, mm (feet ← → head)", "heat")
    points = "L".join(f"{frame.x(one.position_mm)} {frame.y(one.heat)}" for one in slices)
    first, last = frame.x(where[0]), frame.x(where[-1])
    parts.append(f'<path class="area" d="M{first} {base}L{points}L{last} {base}Z"/>')
    parts.append(f'<path class="line" d="M{points}"/>')
    return svg(WIDTH, frame.height, "Grad-CAM heat of each slice along the neck", parts)


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


def ticks(low: float, high: float, about: int) -> list[float]:
    """Round numbers within [low, high], about so many, 1, 2 or 5 times a power of ten apart."""
    span = high - low
    if not np.isfinite(span) or span <= 0:
        return [low]
    raw = span / about
    power = 10.0 ** np.floor(np.log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw * 0.999)
    first = int(np.ceil(low / step - 1e-9))
    last = int(np.floor(high / step + 1e-9))
    return [round(float(index * step), 10) for index in range(first, last + 1)]


def text(x: float, y: float, words: str, style: str) -> str:
    return f'<text class="{style}" x="{x:.1f}" y="{y:.1f}">{words}</text>'


def svg(width: float, height: float, words: str, parts: list[str]) -> str:
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{words}">'
        f"<title>{words}</title>{''.join(parts)}</svg>"
    )


def _anchor(x: float, left: float, right: float) -> str:
    """Text near an end is set toward the middle."""
    if x < left + 40:
        return "start"
    return "end" if x > right - 40 else "middle"


def _kept_inside(x: float, y: float, left: float, right: float) -> tuple[float, float]:
    return min(max(x, left), right), y
