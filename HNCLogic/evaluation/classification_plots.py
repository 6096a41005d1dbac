"""Figures of verdicts as PNG: ROC by fold (Liedes 2025, Fig. 2), of several, precision-recall,
calibration, heat by slices (Fig. 5), heat map under randomised weights."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from HNCLogic.evaluation.calibration import Calibration
from HNCLogic.evaluation.randomised import DESTROYED, CascadeStep
from HNCLogic.evaluation.roc import Area, Curve, auc, roc_curve
from HNCLogic.job import SliceHeat
from HNCLogic.report.standalone import LIGHT

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, QUIET, RULE = "#1b2329", "#5a6770", "#d9dee2"  # the report's
SHADES = ("#1f6f8b", "#b4432f", "#2a6a9c", "#8a5a00", "#4f7f52", "#7a5195", "#5a6770")
DPI = 160


def _figure(width: float, height: float) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _axes(figure: Figure, x: str, y: str, square: bool = True) -> Axes:
    axes = figure.subplots()
    axes.set_xlabel(x, color=INK)
    axes.set_ylabel(y, color=INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(QUIET)
    axes.tick_params(colors=QUIET)
    axes.grid(color=RULE, lw=0.7)
    axes.set_axisbelow(True)
    if square:
        axes.set(xlim=(-0.015, 1.015), ylim=(-0.015, 1.015), aspect="equal")
    return axes


def _png(figure: Figure) -> bytes:
    held = io.BytesIO()
    figure.savefig(held, dpi=DPI, format="png", facecolor="white")
    return held.getvalue()


def _chance(axes: Axes) -> None:
    axes.plot([0, 1], [0, 1], color=QUIET, lw=1, ls=(0, (4, 3)))


def _legend(axes: Axes, where: str = "lower right") -> None:
    axes.legend(loc=where, frameon=True, framealpha=0.92, edgecolor="none", fontsize=8.5)


def roc_by_fold(labels: np.ndarray, probabilities: np.ndarray, folds: np.ndarray) -> bytes:
    """Fig. 2: a curve for each fold with both classes, the AUC beside it, and their mean.

    Arrays are (scan,). The mean is that of sensitivities at each false positive rate.
    """
    figure = _figure(5.2, 5.0)
    axes = _axes(figure, "1 − specificity", "Sensitivity")
    grid = np.linspace(0, 1, 201)
    each, areas = [], []
    for number, fold in enumerate(np.unique(folds)):
        own = folds == fold
        area = auc(labels[own], probabilities[own])
        if area is None:
            continue
        curve = roc_curve(labels[own], probabilities[own])
        shade = SHADES[(number + 1) % len(SHADES)]
        axes.plot(
            curve.x, curve.y, color=shade, lw=1.3, alpha=0.85,
            label=f"Fold {fold}, AUC {area:.2f}",
        )  # fmt: skip
        each.append(np.interp(grid, curve.x, curve.y))
        areas.append(area)
    if each:
        mean = np.append(0.0, np.mean(each, axis=0))
        axes.plot(
            np.append(0.0, grid), mean, color=INK, lw=2.4,
            label=f"Mean, AUC {np.mean(areas):.2f}",
        )  # fmt: skip
    _chance(axes)
    _legend(axes)
    return _png(figure)


def roc(
    curve: Curve, area: Area, at: tuple[float, float], reader: tuple[Curve, Area] | None = None
) -> bytes:
    """ROC curve of the model with its verdict's place ``at`` (1 − specificity, sensitivity),
    and of a reader's scores beside it."""
    figure = _figure(5.2, 5.0)
    axes = _axes(figure, "1 − specificity", "Sensitivity")
    axes.plot(curve.x, curve.y, color=LIGHT["accent"], lw=2.2, label=f"Model, {_area(area)}")
    if reader is not None:
        axes.plot(
            reader[0].x, reader[0].y, "o-", color=LIGHT["yes"], lw=1.4, ms=4.5,
            label=f"Reader, {_area(reader[1])}",
        )  # fmt: skip
    axes.plot(
        *at, "D", color=LIGHT["accent"], ms=8, mec="white", mew=1.4, label="Model's verdict",
        zorder=5,
    )  # fmt: skip
    _chance(axes)
    _legend(axes)
    return _png(figure)


def roc_of_several(
    curves: Sequence[tuple[str, Curve, Area]], reader: tuple[Curve, Area] | None = None
) -> bytes:
    """A ROC curve for each of several models, the first thickest, and of a reader's scores."""
    figure = _figure(5.6, 5.4)
    axes = _axes(figure, "1 − specificity", "Sensitivity")
    for number, (name, curve, area) in enumerate(curves):
        axes.plot(
            curve.x, curve.y, color=SHADES[number % len(SHADES)], lw=1.3 if number else 2.4,
            ls="-" if number < len(SHADES) else "--", label=f"{name}, {_area(area)}",
        )  # fmt: skip
    if reader is not None:
        axes.plot(
            reader[0].x, reader[0].y, "o--", color=INK, lw=1.4, ms=4.5,
            label=f"Reader, {_area(reader[1])}",
        )  # fmt: skip
    _chance(axes)
    _legend(axes)
    return _png(figure)


def _area(area: Area) -> str:
    sure = "" if area.low is None else f" ({area.low:.2f}–{area.high:.2f})"
    return f"AUC {area.value:.2f}{sure}"


def boxes_by_model(by_model: Mapping[str, Mapping[str, np.ndarray]]) -> bytes:
    """Box plots over folds, a group for each figure, a box for each model, a mark for each fold."""
    from matplotlib.patches import Patch

    figure = _figure(6.4, 4.2)
    axes = _axes(figure, "", "Value in a fold", square=False)
    names = list(next(iter(by_model.values())))
    width = 0.7 / len(by_model)
    for number, found in enumerate(by_model.values()):
        shade = SHADES[number % len(SHADES)]
        for place, name in enumerate(names):
            values = found[name][np.isfinite(found[name])]
            at = place + (number - (len(by_model) - 1) / 2) * width
            axes.boxplot(
                values, positions=[at], widths=0.8 * width, showfliers=False, manage_ticks=False,
                medianprops={"color": shade, "lw": 2}, boxprops={"color": shade},
                whiskerprops={"color": shade}, capprops={"color": shade},
            )  # fmt: skip
            axes.plot(np.full(len(values), at), values, "o", color=shade, ms=3.5, alpha=0.7)
    axes.set_xticks(range(len(names)), [n if n == "AUC" else n.capitalize() for n in names])
    axes.set_ylim(-0.02, 1.02)
    axes.legend(
        handles=[
            Patch(color=SHADES[number % len(SHADES)], label=name)
            for number, name in enumerate(by_model)
        ],
        loc="lower right", frameon=True, framealpha=0.92, edgecolor="none", fontsize=8.5,
    )  # fmt: skip
    return _png(figure)


def precision_recall(curve: Curve, area: Area, prevalence: float) -> bytes:
    """PPV against sensitivity, by steps; ``prevalence``: what a method that knows nothing gets."""
    figure = _figure(5.2, 5.0)
    axes = _axes(figure, "Sensitivity", "Positive predictive value")
    axes.step(
        np.append(0.0, curve.x), np.append(curve.y[0], curve.y), where="pre",
        color=LIGHT["accent"], lw=2.2, label=_area(area).replace("AUC", "Area"),
    )  # fmt: skip
    axes.axhline(prevalence, color=QUIET, lw=1, ls=(0, (4, 3)), label="Share with cancer")
    _legend(axes, "lower left")
    return _png(figure)


def calibration_curve(found: Calibration) -> bytes:
    """Observed against predicted, each bin with Wilson's interval and its number of scans."""
    figure = _figure(5.2, 5.0)
    axes = _axes(figure, "Mean probability of the model", "Share of scans with cancer")
    _chance(axes)
    x = np.array([one.predicted for one in found.bins])
    y = np.array([one.observed.value for one in found.bins])
    ends = np.array([(one.observed.low, one.observed.high) for one in found.bins])
    axes.errorbar(
        x, y, np.abs(ends.T - y), fmt="o-", color=LIGHT["accent"], ms=6, lw=1.6, elinewidth=1,
        capsize=2.5,
    )  # fmt: skip
    for at, one in zip(x, found.bins, strict=True):
        axes.annotate(
            f"{one.observed.of}", (at, one.observed.high), (0, 4), textcoords="offset points",
            ha="center", fontsize=7.5, color=QUIET, annotation_clip=False,
        )  # fmt: skip
    axes.set_title(
        f"Calibration error {found.ece.value:.3f}, Brier score {found.brier.value:.3f}; "
        "numbers: scans", loc="left", fontsize=9, color=QUIET, pad=14,
    )  # fmt: skip
    return _png(figure)


def heat_columns(columns: Sequence[tuple[str, bool, Sequence[SliceHeat]]]) -> bytes:
    """Fig. 5: for each scan a pair of columns of slices, head up: what is annotated (white) and
    the slice's largest heat.

    ``columns``: what to write below, whether there is cancer, and the slices. Every scan is as
    high, whatever its number of slices. At most about 40 fit.
    """
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    figure = _figure(max(4.2, 1.6 + 0.42 * len(columns)), 4.8)
    axes = figure.subplots()
    for place, (_, _, slices) in enumerate(columns):
        ordered = sorted(slices, key=lambda one: one.position_mm)
        truth = np.array([[float(bool(one.annotated))] for one in ordered])
        heat = np.array([[one.heat] for one in ordered])
        for values, colours, left in ((truth, "gray", -0.37), (heat, "inferno", 0.0)):
            ends = (place + left, place + left + 0.37, 0, 1)
            axes.imshow(
                values, cmap=colours, vmin=0, vmax=1, aspect="auto", origin="lower", extent=ends,
                interpolation="nearest",
            )  # fmt: skip
        axes.add_patch(_frame(place))
    axes.set(xlim=(-0.6, len(columns) - 0.4), ylim=(-0.01, 1.01), yticks=[])
    axes.set_xticks(range(len(columns)), [words for words, _, _ in columns], fontsize=7.5)
    for tick, (_, sick, _) in zip(axes.get_xticklabels(), columns, strict=True):
        tick.set_color(INK if sick else LIGHT["yes"])
        if len(columns) > 12 or max(len(words) for words, _, _ in columns) > 5:
            tick.set_rotation(90)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    axes.set_ylabel("Slices, feet → head", color=INK)
    axes.set_xlabel("left: annotated (white); right: largest heat of the slice", color=QUIET,
                    fontsize=8.5)  # fmt: skip
    bar = figure.colorbar(ScalarMappable(Normalize(0, 1), "inferno"), ax=axes, pad=0.02, aspect=28)
    bar.set_label("Heat (Grad-CAM)", color=INK)
    bar.outline.set_visible(False)
    return _png(figure)


def _frame(place: int):
    from matplotlib.patches import Rectangle

    return Rectangle((place - 0.37, 0), 0.74, 1, fill=False, ec=QUIET, lw=0.6)


def cascade(steps: Sequence[CascadeStep]) -> bytes:
    """What is left of the map, stage by stage."""
    figure = _figure(6.0, 3.6)
    axes = _axes(figure, "Weights drawn anew from the output up to", "Correlation (Spearman)",
                 square=False)  # fmt: skip
    names = ["none", *(step.randomised for step in steps)]
    for name, shade in (("voxels", LIGHT["accent"]), ("slices", LIGHT["yes"])):
        areas = [getattr(step, name) for step in steps]
        values = np.array([1.0, *(area.value for area in areas)])
        axes.plot(range(len(names)), values, "o-", color=shade, lw=1.8, label=f"of {name}")
        if all(area.low is not None for area in areas):
            low = [1.0, *(area.low for area in areas)]
            high = [1.0, *(area.high for area in areas)]
            axes.fill_between(range(len(names)), low, high, color=shade, alpha=0.15, lw=0)
    axes.axhline(DESTROYED, color=QUIET, lw=1, ls=(0, (4, 3)))
    axes.axhline(0, color=QUIET, lw=0.8)
    axes.set_xticks(range(len(names)), names)
    axes.set_ylim(min(-0.3, axes.get_ylim()[0]), 1.05)
    _legend(axes, "upper right")
    return _png(figure)
