"""Charts of what kind of tumour it is: probability of each kind, and the slices it rests on.

As ``charts``; the kinds' names come from a model's card and are shown as text, never as markup.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from HNCLogic.report.charts import ALONG, REPORT, REPORT_GAUGE, half_slice
from HNCLogic.report.frame import Frame, Item, Layout, legend, legend_rows, svg, text
from HNCLogic.report.wording import by_probability, probability

if TYPE_CHECKING:
    from HNCLogic.job import Parotid

ROW = 3.1  # a kind's row in heights of the text: its name, and its bar below
LONGEST = 44  # letters of a kind's name
ITEMS: list[Item] = [("band", "window no", "attention"), ("dot", "fold", "share of the answer")]


def kinds_chart(parotid: Parotid, layout: Layout = REPORT_GAUGE) -> str:
    """A bar from 0 to 1 for each kind, the most probable first, each network's answer as a dot."""
    size = layout.text
    left, right = 0.9 * size, layout.width - 0.9 * size
    parts, said = [], []
    for row, (kind, value) in enumerate(by_probability(parotid)):
        top = row * ROW * size
        bar, thick = top + 1.5 * size, 0.95 * size
        words, name = probability(value), escape(kind[:LONGEST])
        style = "window yes" if kind == "malignant" else "window no"
        parts += [
            text(left, top + 1.1 * size, name, "tick start"),
            text(right, top + 1.1 * size, words, "tick end"),
            f'<rect class="annotated" x="{left:.1f}" y="{bar:.1f}" width="{right - left:.1f}" '
            f'height="{thick:.1f}"/>',
            f'<rect class="{style}" x="{left:.1f}" y="{bar:.1f}" '
            f'width="{value * (right - left):.1f}" height="{thick:.1f}"/>',
        ]
        for fold in parotid.folds:
            parts.append(
                f'<circle class="fold" cx="{left + fold[kind] * (right - left):.1f}" '
                f'cy="{bar + thick / 2:.1f}" r="{0.3 * size:.1f}"/>'
            )
        said.append(f"{name} {words}")
    return svg(layout.width, kinds_height(parotid, layout), ", ".join(said), parts)


def kinds_height(parotid: Parotid, layout: Layout) -> float:
    return round(len(parotid.probabilities) * ROW * layout.text, 1)


def attention_frame(parotid: Parotid, layout: Layout = REPORT) -> Frame:
    """Where ``attention_chart`` puts what. Raises ValueError where there are no slices."""
    where = [one.position_mm for one in parotid.slices]
    half = half_slice(where)
    rows = len(legend_rows(ITEMS, layout))
    frame = Frame.of(layout, min(where) - half, max(where) + half, rows)
    return frame.up_to(max(max(one.attention, one.contribution) for one in parotid.slices))


def attention_chart(parotid: Parotid, layout: Layout = REPORT) -> str:
    """Each slice's share of the attention as a bar, of the pooled values as a dot."""
    frame = attention_frame(parotid, layout)
    half = half_slice([one.position_mm for one in parotid.slices])
    base = frame.height - frame.bottom
    parts = legend(legend_rows(ITEMS, layout), layout, 2) + frame.axes(ALONG, "share")
    for one in parotid.slices:
        low, high = frame.x(one.position_mm - 0.8 * half), frame.x(one.position_mm + 0.8 * half)
        top = frame.y(one.attention)
        parts.append(
            f'<rect class="window no" x="{low}" y="{top}" width="{high - low:.2f}" '
            f'height="{base - top:.2f}"/>'
        )
        parts.append(
            f'<circle class="fold" cx="{frame.x(one.position_mm)}" '
            f'cy="{frame.y(one.contribution)}" r="3.2"/>'
        )
    return svg(frame.width, frame.height, "Attention over the tumour's slices", parts)
