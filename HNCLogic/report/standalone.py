"""A chart as an SVG file of its own: its style classes become explicit colours and fonts.

For whoever draws SVG without the report's style sheet, a panel's QtSvg above all. The hues are
the report's (``report.css``); soft and neutral tones are mixed from the surroundings' own, so
that a chart is as legible on a panel's grey as on paper.
"""

from __future__ import annotations

import re
from html import escape

LIGHT = {"accent": "#1f6f8b", "yes": "#b4432f", "no": "#2a6a9c"}
DARK = {"accent": "#6bb8d4", "yes": "#f08c74", "no": "#7db7e0"}
SOFT = 0.3  # how much of a hue is in its soft tone, the rest is background
NEUTRALS = {"ink": 1.0, "quiet": 0.78, "rule": 0.18, "mark": 0.16}  # and of the text's colour

# Style class → attributes, those of later classes first in force; "$" before a palette's name.
STYLES = {
    "tick": {"fill": "$quiet", "font-size": "1"},
    "label": {"fill": "$quiet", "font-size": "1.04"},
    "value": {"fill": "$ink", "font-size": "1.48", "font-weight": "bold"},
    "start": {"text-anchor": "start"},
    "middle": {"text-anchor": "middle"},
    "end": {"text-anchor": "end"},
    "grid": {"stroke": "$rule", "stroke-width": "1", "fill": "none"},
    "axis": {"stroke": "$quiet", "stroke-width": "1", "fill": "none"},
    "below": {"fill": "$no-soft"},
    "above": {"fill": "$yes-soft"},
    "vote-yes": {"fill": "$yes"},
    "threshold": {"stroke": "$ink", "stroke-width": "1.6", "fill": "none"},
    "dashed": {"stroke-dasharray": "6 4", "stroke-width": "1.2"},
    "fold": {"fill": "$ink", "fill-opacity": "0.5"},
    "mark": {},
    "positive": {"fill": "$yes"},
    "negative": {"fill": "$no"},
    "window": {"fill-opacity": "0.8"},
    "yes": {"fill": "$yes"},
    "no": {"fill": "$no"},
    "annotated": {"fill": "$mark"},
    "area": {"fill": "$yes", "fill-opacity": "0.22"},
    "line": {
        "fill": "none",
        "stroke": "$yes",
        "stroke-width": "1.8",
        "stroke-linejoin": "round",
    },
}


def colours_on(background: str, ink: str) -> dict[str, str]:
    """Name → "#rrggbb" for a chart on ``background`` beside text of colour ``ink``."""
    dark = sum(_parts(background)) < sum(_parts(ink))
    hues = DARK if dark else LIGHT
    soft = {f"{name}-soft": _mix(background, hues[name], SOFT) for name in ("yes", "no")}
    return hues | soft | {name: _mix(background, ink, share) for name, share in NEUTRALS.items()}


def standalone(
    chart: str, colours: dict[str, str], family: str, text: float, focused: bool = False
) -> str:
    """``chart``, one of ``report.charts``', in explicit colours, its ticks ``text`` px high.

    ``focused`` draws the line that shows where the keyboard is. Raises KeyError for a style that
    is not known here, so that none is forgotten.
    """
    width, height = size_of(chart)
    body = re.sub(r'class="([^"]*)"', lambda found: _attributes(found[1], colours, text), chart)
    opening = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height:g}" '
        f'font-family="{escape(family)}" '
    )
    body = body.replace("<svg ", opening, 1)
    if focused:
        outline = (
            f'<rect x="0.75" y="0.75" width="{width - 1.5:g}" height="{height - 1.5:g}" rx="3" '
            f'fill="none" stroke="{colours["accent"]}" stroke-width="1.5"/>'
        )
        body = body.replace("</svg>", outline + "</svg>")
    return body


def size_of(chart: str) -> tuple[float, float]:
    """Width and height of a chart in px."""
    found = re.match(r'<svg viewBox="0 0 ([\d.]+) ([\d.]+)"', chart)
    if found is None:
        raise ValueError("not a chart of HNC's")
    return float(found[1]), float(found[2])


def _attributes(classes: str, colours: dict[str, str], text: float) -> str:
    merged: dict[str, str] = {}
    for name in classes.split():
        merged |= STYLES[name]
    if "font-size" in merged:
        merged["font-size"] = f"{float(merged['font-size']) * text:.1f}"
    return " ".join(
        f'{name}="{colours[value[1:]] if value.startswith("$") else value}"'
        for name, value in merged.items()
    )


def _mix(background: str, ink: str, share: float) -> str:
    pairs = zip(_parts(background), _parts(ink), strict=True)
    return "#" + "".join(f"{round(b + (i - b) * share):02x}" for b, i in pairs)


def _parts(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
