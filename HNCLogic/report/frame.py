"""What the charts are drawn on: data ranges on pixels, axes with round ticks, a legend; as SVG.

Every text is made by the caller from numbers and fixed words; nothing from a file or a user
enters. Sizes follow from a ``Layout``: a report's page is wide, a panel narrow.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from HNCLogic.report.wording import MINUS

WIDTH = 720
TEXT = 11.5  # px: the report's ticks
LETTER = 0.6  # a letter's mean width in font sizes, in wide fonts
ROW = 1.75  # a legend's row in font sizes

Item = tuple[str, str, str]  # shape ("bar", "band", "dot", "line", "mark"), its style, words


@dataclass(frozen=True)
class Layout:
    """How large a chart is drawn, in px; ``text`` is the size of its ticks, and all else follows.

    With ``legend`` the chart says itself what the report says in its caption.
    """

    width: int = WIDTH
    height: int = 230
    text: float = TEXT
    legend: bool = False

    @property
    def scale(self) -> float:
        return self.text / TEXT

    def across(self, words: str) -> float:
        """About how wide ``words`` are."""
        return LETTER * self.text * len(words)


@dataclass(frozen=True)
class Frame:
    """Data ranges on a drawing area; y grows upward."""

    x0: float
    x1: float
    y0: float = 0.0
    y1: float = 1.0
    height: float = 230
    left: float = 46
    right: float = 14
    top: float = 12
    bottom: float = 44
    width: float = WIDTH
    text: float = TEXT

    @classmethod
    def of(cls, layout: Layout, x0: float, x1: float, legend_rows: int = 0) -> Frame:
        """Values from 0 to 1 over ``x0`` to ``x1``, with room for a legend above."""
        return cls(
            x0,
            x1,
            height=layout.height,
            left=round(46 * layout.scale, 1),
            right=round(14 * layout.scale, 1),
            top=round(12 * layout.scale + legend_rows * ROW * layout.text, 1),
            bottom=round(44 * layout.scale, 1),
            width=layout.width,
            text=layout.text,
        )

    def up_to(self, highest: float) -> Frame:
        """The same with an upper end a little over ``highest``, a share of 1."""
        return replace(self, y1=min(1.0, 1.1 * highest) if highest > 0 else 1.0)

    def x(self, value: float) -> float:
        share = (value - self.x0) / ((self.x1 - self.x0) or 1.0)
        return round(self.left + share * (self.width - self.left - self.right), 2)

    def y(self, value: float) -> float:
        share = (value - self.y0) / ((self.y1 - self.y0) or 1.0)
        return round(self.height - self.bottom - share * (self.height - self.top - self.bottom), 2)

    def value_at(self, x: float) -> float:
        """The value along the x axis at pixel ``x``; at most that of the axis' ends."""
        share = (x - self.left) / max(self.width - self.left - self.right, 1.0)
        return self.x0 + min(max(share, 0.0), 1.0) * (self.x1 - self.x0)

    def axes(self, x_labels: list[str], y_label: str) -> list[str]:
        """Lines, ticks and labels; of ``x_labels``, longest first, the first that fits."""
        scale, end = self.text / TEXT, self.width - self.right
        parts = []
        base = self.height - self.bottom
        for value in ticks(self.y0, self.y1, 5 if base - self.top > 8 * self.text else 2):
            y = self.y(value)
            parts.append(f'<path class="grid" d="M{self.left:g} {y}H{end:g}"/>')
            parts.append(text(self.left - 8 * scale, y + 4 * scale, f"{value:g}", "tick end"))
        for value in ticks(self.x0, self.x1, min(9, int((end - self.left) / (4.5 * self.text)))):
            x, words = self.x(value), f"{value:g}".replace("-", MINUS)
            half = LETTER * self.text * len(words) / 2
            kept = min(max(x, half), self.width - half)
            parts.append(f'<path class="axis" d="M{x} {base:g}v4"/>')
            parts.append(text(kept, base + 17 * scale, words, "tick middle"))
        parts.append(f'<path class="axis" d="M{self.left:g} {base:g}H{end:g}"/>')
        fitting = [one for one in x_labels if LETTER * self.text * len(one) < self.width]
        words = fitting[0] if fitting else x_labels[-1]
        half = LETTER * self.text * len(words) / 2
        middle = min((self.left + end) / 2, self.width - half)
        parts.append(text(middle, self.height - 6 * scale, words, "label middle"))
        up = round((self.top + base) / 2, 1)
        turned = f'<g transform="translate({11 * scale:.1f} {up:g}) rotate(-90)">'
        parts.append(turned + text(0, 0, y_label, "label middle") + "</g>")
        return parts


def legend_rows(items: list[Item], layout: Layout) -> list[list[Item]]:
    """``items`` in rows that fit the width; none where the layout wants no legend."""
    rows: list[list[Item]] = [[]]
    used = 0.0
    for item in items if layout.legend else []:
        width = _item_width(item, layout)
        if rows[-1] and used + width > layout.width:
            rows.append([])
            used = 0.0
        rows[-1].append(item)
        used += width
    return [row for row in rows if row]


def legend(rows: list[list[Item]], layout: Layout, top: float) -> list[str]:
    """The rows of a legend, the first with its upper edge at ``top``."""
    parts = []
    for number, row in enumerate(rows):
        x = max(0.0, (layout.width - sum(_item_width(item, layout) for item in row)) / 2)
        y = top + (number + 0.5) * ROW * layout.text
        for shape, style, words in row:
            parts.append(_swatch(shape, style, x, y, layout.text))
            parts.append(text(x + 1.9 * layout.text, y + 0.35 * layout.text, words, "tick"))
            x += _item_width((shape, style, words), layout)
    return parts


def _item_width(item: Item, layout: Layout) -> float:
    return layout.across(item[2]) + 3.0 * layout.text


def _swatch(shape: str, style: str, x: float, y: float, size: float) -> str:
    middle = x + 0.8 * size
    if shape == "dot":
        return f'<circle class="{style}" cx="{middle:.1f}" cy="{y:.1f}" r="{0.24 * size:.1f}"/>'
    if shape == "line":
        return f'<path class="{style}" d="M{x:.1f} {y:.1f}h{1.6 * size:.1f}"/>'
    if shape == "mark":
        half = 0.4 * size
        corner = f"M{middle:.1f} {y + half:.1f}"
        return f'<path class="{style}" d="{corner}l{-half:.1f} {-2 * half:.1f}h{2 * half:.1f}z"/>'
    height = 0.5 * size if shape == "bar" else size
    return (
        f'<rect class="{style}" x="{x:.1f}" y="{y - height / 2:.1f}" width="{1.6 * size:.1f}" '
        f'height="{height:.1f}" rx="{height / 2 if shape == "bar" else 0:.1f}"/>'
    )


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
        f'<svg viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{words}">'
        f"<title>{words}</title>{''.join(parts)}</svg>"
    )
