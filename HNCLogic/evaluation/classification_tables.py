"""The tables of method 1 as Liedes et al. 2025 print them, and those that stand beside them.

Every figure has its 95 % interval behind it.
"""

from __future__ import annotations

from collections.abc import Sequence

from HNCLogic.evaluation.calibration import Calibration
from HNCLogic.evaluation.classification import (
    PREVALENCES,
    Rates,
    Share,
    at_prevalence,
)
from HNCLogic.evaluation.folds import FIGURES, FoldFigures, Summary
from HNCLogic.evaluation.heatmaps import FidelityFigures
from HNCLogic.evaluation.randomised import CascadeStep
from HNCLogic.evaluation.reader import YES_FROM, Beside
from HNCLogic.evaluation.roc import Area
from HNCLogic.evaluation.tables import Table, p_text, with_interval

WILSON = "Intervals of shares are Wilson's"
BOOTSTRAP = "patients drawn again 2,000 times, with and without cancer apart"
AGREEING = (
    "where all draws agree, as with neat separation, from numbers and value alone (Newcombe 2006, "
    "method 5{})"
)
AGGREGATIONS = {
    "mean": "Average",
    "majority": "Majority vote",
    "median": "Median",
    "weighted": "Weighted average",
    "max": "Maximum",
}


def share_text(share: Share) -> str:
    """'0.90 (0.60–0.98)'; a dash where there is none."""
    return with_interval(share.value, share.low, share.high, 2)


def area_text(area: Area | None, digits: int = 2) -> str:
    """A figure with its interval, where it has one."""
    if area is None:
        return with_interval(None, None, None)
    if area.low is None:
        return f"{area.value:.{digits}f}"
    return with_interval(area.value, area.low, area.high, digits)


def mean_and_median(rows: Sequence[tuple[str, Summary]]) -> Table:
    """Table 5: over the folds, for each way (in words) of choosing thresholds."""
    cells = [
        [words if how == "Mean" else "", how, *(area_text(found.get(name)) for name in FIGURES)]
        for words, summary in rows
        for how, found in (("Mean", summary.mean), ("Median", summary.median))
    ]
    return Table(
        "Mean and median of the folds of the cross-validation",
        ["Thresholds", "Method", "Accuracy", "Sensitivity", "Specificity", "AUC"],
        cells,
        f"As Table 5 of Liedes et al. 2025. Intervals, 95 %: {BOOTSTRAP}, within their folds; "
        "where all draws agree, Wilson's and Newcombe's of all folds' patients as one.",
    )


def confusion_by_fold(folds: Sequence[FoldFigures], where: str = "") -> Table:
    """Table 6: what each fold called its scans."""
    rows = [[str(f.fold), *(int(n) for n in f.rates.confusion), area_text(f.auc)] for f in folds]
    total = [sum(f.rates.confusion[i] for f in folds) for i in range(4)]
    return Table(
        f"Verdicts by fold{where}",
        ["Fold", "True negatives", "False positives", "False negatives", "True positives", "AUC"],
        [*rows, ["All", *total, None]],
        f"As Table 6 of Liedes et al. 2025. Intervals of a fold's AUC, 95 %: its {BOOTSTRAP}; "
        f"{AGREEING.format('')}.",
    )


def by_network(folds: Sequence[FoldFigures]) -> Table:
    """Each of the ensemble's networks alone, on a test set."""
    return Table(
        "Each network alone",
        ["Network", "Accuracy", "Sensitivity", "Specificity", "AUC"],
        [
            [
                f"fold {f.fold}",
                *(share_text(getattr(f.rates, n)) for n in FIGURES[:3]),
                area_text(f.auc),
            ]
            for f in folds
        ],
        f"At each network's own threshold. {WILSON}; of the AUC: {BOOTSTRAP}.",
    )


def aggregations(
    rows: Sequence[tuple[str, Rates, Area | None]], reader: tuple[Rates, Area | None] | None
) -> Table:
    """Table 7: the ways to aggregate windows, by their names, and a reader's verdicts."""
    shown = [(AGGREGATIONS.get(name, name), rates, area) for name, rates, area in rows]
    if reader is not None:
        shown.append(("Reader", *reader))
    return Table(
        "Windows aggregated in each way" + (", beside the reader" if reader else ""),
        ["Method", "Accuracy", "Sensitivity", "Specificity", "AUC"],
        [
            [name, *(share_text(getattr(rates, n)) for n in FIGURES[:3]), area_text(area)]
            for name, rates, area in shown
        ],
        "As Table 7 of Liedes et al. 2025. A majority vote gives no probability, so no AUC. "
        + (f"The reader's yes is a score of {YES_FROM} or more. " if reader else "")
        + f"{WILSON}; of the AUC: {BOOTSTRAP}.",
    )


def verdicts(rows: Sequence[tuple[str, Rates]]) -> Table:
    """All shares of one confusion table a column."""
    names = {
        "accuracy": "Accuracy",
        "sensitivity": "Sensitivity",
        "specificity": "Specificity",
        "ppv": "Positive predictive value",
        "npv": "Negative predictive value",
        "balanced_accuracy": "Balanced accuracy",
    }
    counts = ("True negatives", "False positives", "False negatives", "True positives")
    cells = [[name, *(r.confusion[i] for _, r in rows)] for i, name in enumerate(counts)]
    cells += [
        [name, *(share_text(getattr(r, field)) for _, r in rows)] for field, name in names.items()
    ]
    return Table(
        "Verdicts",
        ["", *(words for words, _ in rows)],
        cells,
        f"{WILSON}; of balanced accuracy by MOVER. Predictive values are those of this cohort, "
        "with its share of cancer.",
    )


def prevalences(rates: Rates) -> Table:
    """What the verdict would be worth where cancer is rarer or more frequent."""
    rows = []
    for prevalence in PREVALENCES:
        at = at_prevalence(rates.sensitivity, rates.specificity, prevalence)
        rows.append([f"{prevalence:.0%}", *map(share_text, (at.accuracy, at.ppv, at.npv))])
    return Table(
        "Verdicts where cancer is rarer or more frequent",
        ["Prevalence", "Accuracy", "Positive predictive value", "Negative predictive value"],
        rows,
        "By Bayes' rule from this cohort's sensitivity and specificity; intervals by MOVER. "
        "Accuracy at 50 % is the balanced accuracy.",
    )


def probabilities(auc: Area | None, precision: Area | None, found: Calibration | None) -> Table:
    """Figures of the probabilities themselves."""
    rows = [
        ["Area under the ROC curve", area_text(auc, 3)],
        ["Area under the precision-recall curve", area_text(precision, 3)],
    ]
    if found is not None:
        rows += [
            ["Expected calibration error", area_text(found.ece, 3)],
            ["Brier score", area_text(found.brier, 3)],
        ]
    of_both = "; under the precision-recall curve by normal values of equal spread at its ends"
    return Table(
        "Probabilities",
        ["Figure", "Value (95 %)"],
        rows,
        f"Intervals: {BOOTSTRAP}; of areas, {AGREEING.format(of_both)}.",
    )


def beside_reader(found: Beside) -> Table:
    """Model and reader on the same scans."""
    names = {"accuracy": "Accuracy", "sensitivity": "Sensitivity", "specificity": "Specificity"}
    rows = [
        [name, share_text(getattr(found.model, f)), share_text(getattr(found.reader, f)), None]
        for f, name in names.items()
    ]
    pair = found.paired
    rows.append(
        ["Only this one right", str(pair.only_model), str(pair.only_reader), p_text(pair.p)]
    )
    p = None if found.p_difference is None else p_text(found.p_difference)
    rows.append(["AUC", area_text(found.model_auc), area_text(found.reader_auc), p])
    rows.append(["AUC, model less reader", area_text(found.difference), None, p])
    return Table(
        f"Model beside reader, {found.scans} scans",
        ["", "Model", "Reader", "Difference"],
        rows,
        f"The reader's score of 1 to 5 is taken as a yes from {YES_FROM} on, and as a ROC curve. "
        "Verdicts: McNemar's exact test; AUC: paired bootstrap of patients.",
    )


def heat_fidelity(found: FidelityFigures) -> Table:
    """Where the heat lies beside what is annotated."""
    rows = [
        ["Slice-wise AUROC, mean of scans", area_text(found.slice_auroc), "0.50"],
        ["Slice-wise Spearman's rho, mean of scans", area_text(found.slice_spearman), "0.00"],
        ["Hottest voxel in a lesion", share_text(found.hits), None],
        [f"Hottest voxel at most {found.tolerance_mm:g} mm off", share_text(found.near), None],
        [
            "Share of the heat in lesions, mean of scans",
            area_text(found.energy_inside, 3),
            f"{found.annotated_share:.3f}",
        ],
    ]
    without = f" In {found.without_heat} the map was empty." if found.without_heat else ""
    return Table(
        "Heat map against annotated lesions",
        ["Figure", "Value (95 %)", "A map that knows nothing"],
        rows,
        f"{found.scans} scans with an annotation.{without} Shares of heat: beside them that of "
        "the region which is annotated.",
    )


def sanity(steps: Sequence[CascadeStep], scans: int) -> Table:
    """What is left of the map when weights are drawn anew."""
    return Table(
        "Heat map when weights are drawn anew, from the output to the input",
        ["Drawn anew up to", "Correlation of voxels", "Correlation of slices"],
        [[step.randomised, area_text(step.voxels), area_text(step.slices)] for step in steps],
        f"Spearman's rho with the trained network's map, mean of {scans} scans (Adebayo et al. "
        "2018). A map that shows what the network has learned is lost.",
    )
