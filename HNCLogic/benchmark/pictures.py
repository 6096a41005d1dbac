"""The curves of ``costs`` and the bars of ``network`` as SVG, small enough to be kept."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from HNCLogic.benchmark.machine import Point, Row

UNITS = {"slices": "slices of the volume", "slices between windows": "slices between windows",
         "folds": "folds"}  # fmt: skip
# Colours that the colour-blind tell apart (Okabe and Ito 2008); ours first.
COLOURS = ("#0072B2", "#56B4E9", "#D55E00", "#E69F00", "#009E73", "#CC79A7")
DASHED = ("MONAI's inferer", "nnU-Net's predictor")


def cost_curves(points: Sequence[Point], machine: str) -> bytes:
    """Seconds over the length of the volume, the stride and the folds, a curve for each way."""
    from matplotlib.ticker import LogLocator, NullLocator

    over = list(dict.fromkeys(point.over for point in points))
    figure, axes = _figure(len(over), 3.5, 3.9)
    names = sorted({point.curve for point in points}, key=lambda name: (name in DASHED, name))
    colours = dict(zip(names, COLOURS, strict=False))
    for one, kind in zip(axes, over, strict=True):
        for name in names:
            own = sorted((p.x, p.value) for p in points if (p.over, p.curve) == (kind, name))
            if own:
                style = "--" if name in DASHED else "-"
                one.plot(*zip(*own, strict=True), style, marker="o", ms=3.5, lw=1.5, label=name,
                         color=colours[name])  # fmt: skip
        one.set_xlabel(UNITS[kind])
        one.set_yscale("log")
        one.set_xticks(sorted({p.x for p in points if p.over == kind}))
        one.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        one.yaxis.set_minor_locator(NullLocator())
        one.yaxis.set_major_formatter("{x:g}")
    axes[0].set_ylabel("seconds")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside lower center", ncols=len(names), frameon=False, fontsize=8.5
    )
    return _svg(figure, machine)


def bars(rows: Sequence[Row], machine: str) -> bytes:
    """Seconds of each way and of the bounds, one group of bars for each network."""
    groups: dict[str, dict[str, float]] = {}
    for row in rows:
        what, _, name = row.what.partition(": ")
        if row.unit == "s" and name:
            groups.setdefault(what, {})[name] = row.value
    figure, axes = _figure(len(groups), 5.2, 3.0)
    for one, (what, values) in zip(axes, groups.items(), strict=True):
        names = list(values)
        colours = [_bar_colour(name) for name in names]
        drawn = one.barh([_short(name) for name in names], list(values.values()), color=colours)
        one.bar_label(drawn, fmt="%.3g s", padding=3, fontsize=8)
        one.invert_yaxis()
        one.set_xlim(0, 1.18 * max(values.values()))
        one.set_title(what, loc="left", fontsize=9.5)
        one.set_xlabel("seconds")
        one.tick_params(axis="y", labelsize=8.5)
    return _svg(figure, machine)


def _short(name: str) -> str:
    return name.replace("its operations as matrix products,", "bound: matrices in")


def _bar_colour(name: str) -> str:
    if name in DASHED:
        return COLOURS[3]
    return "0.7" if name.startswith("its operations") else COLOURS[0]


def _figure(columns: int, wide: float, high: float) -> tuple[Any, Any]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(wide * columns, high), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, columns, squeeze=False)[0]
    for one in axes:
        one.spines[["top", "right"]].set_visible(False)
        one.grid(color="0.92")
        one.set_axisbelow(True)
    return figure, axes


def _svg(figure: Any, machine: str) -> bytes:
    """Letters stay letters and no date is written: small, and the same for the same figures."""
    import matplotlib

    figure.text(0.01, 1.0, machine, fontsize=6.5, color="0.35", va="bottom")
    held = io.BytesIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "hnc"}):
        figure.savefig(held, format="svg", metadata={"Date": None}, bbox_inches="tight",
                       facecolor="white")  # fmt: skip
    return held.getvalue()
