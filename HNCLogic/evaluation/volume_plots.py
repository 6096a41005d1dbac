"""Figures of outlines: Dice by patient, tumour burden, survival (Nikulin et al. 2023, Figs. 1, 2
and 5) and pixels of slices (Liedes et al. 2023, Fig. 4). Each gives a PNG's bytes.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from HNCLogic.evaluation.burden import agreement, prediction_band
from HNCLogic.evaluation.slices import Slices, regression, verdicts
from HNCLogic.evaluation.survival import Curve, Survival
from HNCLogic.evaluation.tables import p_text
from HNCLogic.report.standalone import LIGHT

ACCEPTABLE = 0.7  # "might be considered acceptable for practical use"
TITLES = {"primary": "Primary tumour", "nodes": "LN metastases", "union": "Primary + metastases"}
GREY = "0.35"
# What lies beneath shines through.
_LEGEND = {"fontsize": 8.5, "framealpha": 0.75, "edgecolor": "none"}
# Under the axes, where no scan can lie.
_BELOW = _LEGEND | {
    "loc": "upper left", "bbox_to_anchor": (-0.02, -0.14), "ncols": 2, "borderaxespad": 0.2,
}  # fmt: skip


def dice_histograms(sets: Mapping[str, Mapping[str, Sequence[float]]]) -> bytes:
    """How often which Dice was found. ``sets``: data set → target → Dice of each scan."""
    targets = list(dict.fromkeys(target for by in sets.values() for target in by))
    figure, grid = _figure(len(sets), len(targets), 3.3, 2.6, sharex=True)
    for row, (name, by_target) in zip(grid, sets.items(), strict=True):
        for axes, target in zip(row, targets, strict=True):
            values = np.asarray(by_target.get(target, ()), float)
            axes.hist(values, np.linspace(0, 1, 21), color=LIGHT["accent"], edgecolor="white")
            axes.axvline(ACCEPTABLE, color=LIGHT["yes"], ls="--", lw=1.2)
            axes.set_xlim(0, 1)
            low, high = axes.get_ylim()
            axes.set_ylim(low, high * 1.18)
            if len(values):
                below = 100 * float((values < ACCEPTABLE).mean())
                for x, share, side in ((-0.02, below, "right"), (0.02, 100 - below, "left")):
                    axes.text(
                        ACCEPTABLE + x, 0.98, f"{share:.1f} %", ha=side, va="top", fontsize=9,
                        color=LIGHT["yes"], transform=axes.get_xaxis_transform(),
                    )  # fmt: skip
            axes.set_title(TITLES.get(target, target), loc="left", fontsize=10.5)
            axes.yaxis.get_major_locator().set_params(integer=True)
        row[0].set_ylabel(f"{name}\nscans" if len(sets) > 1 else "scans")
    for axes in grid[-1]:
        axes.set_xlabel("Dice coefficient")
    return _png(figure)


def burden_correlation(
    sets: Mapping[str, tuple[Sequence[float], Sequence[float]]], top_percent: float = 1.0
) -> bytes:
    """Burden by the network on the annotated one. ``sets``: data set → both in ml, a scan each."""
    figure, grid = _figure(1, len(sets), 4.4, 4.2)
    for axes, (name, (annotated, outlined)) in zip(grid[0], sets.items(), strict=True):
        x, y = np.asarray(annotated, float), np.asarray(outlined, float)
        found = agreement(x, y, top_percent=top_percent, repeats=0)
        most = 1.04 * max([1.0, *x, *y])
        axes.set_xlim(0, most)
        axes.set_ylim(0, most)
        axes.set_aspect("equal")
        axes.set_title(name, loc="left", fontsize=11)
        axes.set_xlabel("TTB, manual (ml)")
        axes.set_ylabel("TTB, network (ml)")
        if found is None:
            continue
        kept = np.array(found.kept)
        axes.plot([0, most], [0, most], color="0.8", lw=1, zorder=0)
        axes.plot(
            x[kept], y[kept], "o", ms=4, mfc="none", mec=GREY, mew=0.8, alpha=0.8,
            label=f"scans ({int(kept.sum())})",
        )  # fmt: skip
        if found.outliers:
            axes.plot(
                x[~kept], y[~kept], "o", ms=5.5, color=LIGHT["yes"], clip_on=False,
                label=f"left out ({found.outliers})",
            )  # fmt: skip
        at = np.linspace(0, most, 60)
        band = prediction_band(x[kept], y[kept], at)
        if band is not None:
            line = found.slope * at + found.intercept
            axes.plot(at, line, color=LIGHT["yes"], lw=1.5, label=f"fit, R² = {_r(found)}")
            for edge, label in zip(band, ("95 % of scans", None), strict=True):
                axes.plot(at, edge, color=LIGHT["no"], lw=1, label=label)
        axes.legend(
            **_BELOW,
            title=f"mean absolute difference {found.mean_difference:.2f} ml", title_fontsize=8.5,
            alignment="left",
        )  # fmt: skip
    return _png(figure)


def kaplan_meier(sets: Mapping[str, Survival], unit: str = "months") -> bytes:
    """Survival of low and high burden, by annotation and network, with those at risk below."""
    figure, grid = _figure(len(sets), 2, 4.8, 4.1)
    figure.get_layout_engine().set(wspace=0.05, hspace=0.05)
    for row, (name, found) in zip(grid, sets.items(), strict=True):
        outlines = (("manual", found.annotated), ("network", found.network))
        for axes, (outline, by) in zip(row, outlines, strict=True):
            sides = (("low", LIGHT["no"], "≤"), ("high", LIGHT["yes"], ">"))
            for side, colour, sign in sides:
                if side in by.curves:
                    label = f"TTB {sign} {found.cutoff_ml:.1f} ml"
                    _step(axes, by.curves[side], colour, label)
            axes.set_ylim(0, 1.02)
            axes.set_xlim(left=0)
            lines = []
            if by.grouped.ratio is not None:
                one = by.grouped
                lines += [f"HR {one.ratio:.1f} ({one.low:.1f}–{one.high:.1f}), {p_text(one.p)}"]
            lines += [f"log-rank {p_text(by.logrank_p)}"]
            axes.legend(
                **_LEGEND, loc="lower left", title="\n".join(lines),
                title_fontsize=8.5, alignment="left",
            )  # fmt: skip
            title = f"TTB {outline}" if len(sets) == 1 else f"{name}: TTB {outline}"
            axes.set_title(title, loc="left", fontsize=11)
            axes.set_ylabel("overall survival")
            _at_risk(axes, by.curves, [(side, colour) for side, colour, _ in sides], unit)
    return _png(figure)


def slice_pixels(models: Mapping[str, Slices], annotated_from: int = 1) -> bytes:
    """Segmented on annotated pixels of each slice, coloured by what the slice was called."""
    figure, grid = _figure(1, len(models), 4.6, 4.2, sharex=True, sharey=True)
    for axes, (name, slices) in zip(grid[0], models.items(), strict=True):
        called, truly = verdicts(slices, annotated_from)
        kinds = (
            ("true positive", called & truly, LIGHT["accent"], "o"),
            ("true negative", ~called & ~truly, "0.6", "s"),
            ("false positive", called & ~truly, LIGHT["yes"], "^"),
            ("false negative", ~called & truly, "#c98a00", "v"),
        )
        for label, which, colour, marker in kinds:
            axes.plot(
                slices.annotated[which], slices.segmented[which], marker, ms=5.5, color=colour,
                alpha=0.75, mec="white", mew=0.5,
                clip_on=not which.any(),  # marks on the axes whole; none have no place
                label=f"{label} ({int(which.sum())})",
            )  # fmt: skip
        line = regression(slices)
        if line is not None:
            at = np.array([0, slices.annotated.max()])
            axes.plot(
                at, line.slope * at + line.intercept, color=GREY, lw=1.3,
                label=f"fit, R² = {line.r_squared:.2f}",
            )  # fmt: skip
        axes.set_title(name, loc="left", fontsize=11)
        axes.set_xlabel("pixels annotated")
        axes.set_ylabel("pixels segmented")
        axes.legend(**_BELOW)
        axes.set_xlim(left=0)
        axes.set_ylim(bottom=0)
    return _png(figure)


def _step(axes: Any, curve: Curve, colour: str, label: str) -> None:
    axes.step(curve.times, curve.survival, where="post", color=colour, lw=1.6, label=label)
    axes.fill_between(
        curve.times, curve.low, curve.high, step="post", color=colour, alpha=0.13, lw=0
    )
    at = np.searchsorted(curve.times, curve.censored, side="right") - 1
    axes.plot(curve.censored, np.asarray(curve.survival)[at], "|", color=colour, ms=5, mew=0.9)


def _at_risk(
    axes: Any, curves: Mapping[str, Curve], sides: Sequence[tuple[str, str]], unit: str
) -> None:
    """Numbers still followed, under the axis at its ticks."""
    end = max(curve.times[-1] for curve in curves.values())
    axes.set_xlim(0, end * 1.02)
    ticks = [tick for tick in axes.get_xticks() if 0 <= tick <= end]
    axes.set_xticks(ticks)
    axes.set_xlabel(f"time ({unit}), and how many are followed\n\n")  # room for the numbers
    place = axes.get_xaxis_transform()
    for line, (side, colour) in enumerate(sides):
        y = -0.205 - 0.062 * line
        axes.text(
            -0.05, y, side, color=colour, fontsize=8.5, ha="right", va="center",
            transform=axes.transAxes,
        )  # fmt: skip
        for tick in ticks:
            number = curves[side].followed(tick) if side in curves else 0
            axes.text(
                tick, y, str(number), color=colour, fontsize=8.5, ha="center", va="center",
                transform=place,
            )  # fmt: skip


def _r(found: Any) -> str:
    return "–" if found.r_squared is None else f"{found.r_squared:.2f}"


def _figure(rows: int, columns: int, wide: float, high: float, **options: Any) -> tuple[Any, Any]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    size = (wide * max(1, columns), high * max(1, rows))
    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(max(1, rows), max(1, columns), squeeze=False, **options)
    for axes in grid.ravel():
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(color="0.94")
        axes.set_axisbelow(True)
    return figure, grid


def _png(figure: Any) -> bytes:
    held = io.BytesIO()
    figure.savefig(held, dpi=150, format="png", facecolor="white")
    return held.getvalue()
