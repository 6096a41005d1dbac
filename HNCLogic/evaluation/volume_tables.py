"""Tables of outlines as the papers print them: Nikulin et al. 2023 (1 to 3, survival) and Liedes et
al. 2023 (1 to 3). Each takes several data sets or models by name, and prints them in that order.
"""

from __future__ import annotations

from collections.abc import Mapping

from HNCLogic.evaluation.bootstrap import Interval
from HNCLogic.evaluation.burden import Agreement
from HNCLogic.evaluation.lesions_found import Found
from HNCLogic.evaluation.segmentation import TARGETS, Classification, Overlap
from HNCLogic.evaluation.slices import SignedRank, SliceScores, Spread
from HNCLogic.evaluation.survival import Hazard, Survival
from HNCLogic.evaluation.tables import NONE, Table, cell_text, interval_text, p_text, with_interval

NAMES = {
    "primary": "Primary tumour",
    "nodes": "LN metastases",
    "union": "Primary + metastases",
}
SURE = "In brackets 95 % intervals, patients drawn again."


def delineation(sets: Mapping[str, Mapping[str, Overlap | None]]) -> Table:
    """Nikulin Table 1. ``sets``: data set → target → overlap."""
    rows = []
    for name, by_target in sets.items():
        for target in TARGETS:
            found = by_target.get(target)
            row: list[object] = [_of(name, NAMES[target], sets)]
            if found is None:
                rows.append([*row, 0, *[None] * 6])
                continue
            row += [
                found.scans,
                _sure(found.pooled, found.pooled_interval),
                _sure(found.mean, found.mean_interval),
                _sure(found.median, found.median_interval),
                f"[{interval_text(*found.quartiles).replace('–', ', ')}]",
                found.pooled_jaccard,
                found.failed,
            ]
            rows.append(row)
    return Table(
        "Delineation performance with respect to the target volume",
        ("Target volume", "N", "Cohort Dice", "Mean Dice", "Median Dice", "Middle 50 %",
         "Cohort Jaccard", "N failed (Dice = 0)"),
        rows,
        note=f"Regions under 0.1 ml are left out of both outlines. {SURE} N: scans in which the "
        "target was annotated or outlined.",
    )  # fmt: skip


def classes(sets: Mapping[str, Classification]) -> Table:
    """Nikulin Table 2: the class of what both outlines hold, as shares of it."""
    rows = []
    for name, found in sets.items():
        shares = found.contingency or (None,) * 4
        rates = (found.tpr_pt, found.tpr_ln)
        rows.append([
            f"{name} ({found.voxels} voxels)", *map(_percent, (*shares, *rates)),
            _percent(found.accuracy, found.accuracy_interval),
            f"{found.scans_without_error} of {found.scans}",
        ])  # fmt: skip
    return Table(
        "Classification performance",
        ("Data set", "T_PT", "F_PT", "T_LN", "F_LN", "TPR_PT", "TPR_LN", "ACC",
         "Scans without error"),
        rows,
        note="Voxels in both outlines; the four shares of a row add up to 100 %. T, F: outlined "
        "with the right and with the wrong class; PT primary tumour, LN lymph node metastases. "
        "In brackets the 95 % interval, patients drawn again.",
    )  # fmt: skip


def lesions(sets: Mapping[str, Mapping[str, Found]]) -> Table:
    """Nikulin Table 3."""
    rows = []
    for name, by_target in sets.items():
        for target in TARGETS:
            found = by_target[target]
            rows.append([
                _of(name, NAMES[target], sets), found.tp_man, found.tp_cnn, found.fn, found.fp,
                _percent(found.tpr, found.tpr_interval), _percent(found.ppv, found.ppv_interval),
                None if found.missed_ml is None else f"{found.missed_ml:.2f} ml",
            ])  # fmt: skip
    return Table(
        "Lesion detection performance with respect to the target volume",
        ("Target volume", "TP_man", "TP_cnn", "FN", "FP", "TPR_str", "PPV_str",
         "Mean volume missed"),
        rows,
        note="TP_man: annotated lesions covered by half or more; TP_cnn: outlined ones covered by "
        f"more than half. {SURE}",
    )  # fmt: skip


def burdens(sets: Mapping[str, Agreement]) -> Table:
    """The figures of Nikulin Fig. 2."""
    rows = [
        [
            name,
            found.scans,
            found.outliers,
            _sure(found.r_squared, found.r_squared_interval),
            _sure(found.mean_difference, found.mean_difference_interval, 2),
            cell_text(found.bias, 2),
        ]
        for name, found in sets.items()
    ]
    return Table(
        "Total tumour burden, network beside annotation",
        ("Data set", "Scans", "Left out", "R²", "Mean absolute difference (ml)",
         "Mean difference (ml)"),
        rows,
        note="Left out as outliers: scans whose absolute difference is beyond the 99th percentile. "
        f"{SURE}",
    )  # fmt: skip


def hazards(sets: Mapping[str, Survival]) -> Table:
    """Univariate Cox regression by annotated and network burden."""
    rows = []
    for name, found in sets.items():
        for outline, by in (("manual", found.annotated), ("network", found.network)):
            rows.append([
                _of(name, f"TTB {outline}", sets), f"{found.patients} ({found.events})",
                _hazard(by.grouped), *map(_hazard, by.continuous.values()), p_text(by.logrank_p),
                by.concordance,
            ])  # fmt: skip
    cutoffs = "; ".join(f"{name}: {found.cutoff_ml:.1f} ml" for name, found in sets.items())
    shares = ", ".join(f"{100 * found.grouped_differently:.1f} %" for found in sets.values())
    scales = list(next(iter(sets.values())).network.continuous) if sets else []
    return Table(
        "Survival by total tumour burden: hazard ratios of univariate Cox regression",
        ("Burden", "Patients (events)", "High against low", *(f"For each {s}" for s in scales),
         "Log-rank", "Concordance"),
        rows,
        note=f"In brackets 95 % intervals. Cutoff {cutoffs}. "
        f"Grouped differently by the network: {shares}.",
    )  # fmt: skip


def slice_models(models: Mapping[str, SliceScores]) -> Table:
    """Liedes Table 1: all slices of the test set taken as one."""
    rows = [
        [name, _sure(one.dice, one.dice_interval), _sure(one.jaccard, one.jaccard_interval)]
        for name, one in models.items()
    ]
    return Table(
        "Segmentation performance of the models for the whole test set",
        ("Model", "Dice score", "Jaccard similarity coefficient"), rows, note=SURE,
    )  # fmt: skip


def slice_by_slice(
    models: Mapping[str, SliceScores],
    compared: Mapping[str, tuple[str, SignedRank, SignedRank]] | None = None,
    kind: str = "true positive",
) -> Table:
    """Liedes Table 2, or its supplement for other slices: ``kind`` "with tumour" or "all".

    ``compared``: model → the model it was compared with, and the tests of Dice and of Jaccard.
    """
    rows = []
    for name, one in models.items():
        other, of_dice, of_jaccard = (compared or {}).get(name, ("", None, None))
        tests = [_test(test, other) for test in (of_dice, of_jaccard)]
        dice, jaccard = one.dice_by_slice[kind], one.jaccard_by_slice[kind]
        rows.append([
            name, one.slices[kind], _spread(dice), tests[0], _spread(jaccard), tests[1],
        ])  # fmt: skip
    words = {
        "true positive": "Only true positive slices count.",
        "with tumour": "All slices with annotated tumour count, those missed included.",
        "all": "All slices count; an empty mask on an empty annotation as 1.",
    }
    which = {"true positive": "", "with tumour": ", with tumour", "all": ", all of them"}[kind]
    return Table(
        f"Segmentation performance of the models for each individual image slice{which}",
        ("Model", "Slices", "Mean Dice score ± SD", "P (Dice)", "Mean Jaccard ± SD", "P (Jaccard)"),
        rows,
        note=f"{words[kind]} P values: Wilcoxon signed-rank test on slices found by both models.",
    )


def slice_verdicts(models: Mapping[str, SliceScores]) -> Table:
    """Liedes Table 3."""
    rows = [
        [
            name, one.tp, one.tn, one.fp, one.fn,
            _sure(one.sensitivity, one.sensitivity_interval, 2),
            _sure(one.specificity, one.specificity_interval, 2),
            _sure(one.accuracy, one.accuracy_interval, 2),
        ]
        for name, one in models.items()
    ]  # fmt: skip
    return Table(
        "Classification performance of the models in the test set",
        ("Data", "True positives", "True negatives", "False positives", "False negatives",
         "Sensitivity", "Specificity", "Accuracy"),
        rows,
        note="A slice is called positive where the pixels segmented cover a square of 5 mm. "
        f"{SURE}",
    )  # fmt: skip


def _of(name: str, what: str, sets: Mapping[str, object]) -> str:
    return what if len(sets) == 1 else f"{name}: {what}"


def _sure(value: float | None, sure: Interval | None, digits: int = 3) -> str:
    if sure is None:
        return cell_text(value, digits)
    return with_interval(value, sure.low, sure.high, digits)


def _percent(value: float | None, sure: Interval | None = None) -> str:
    if value is None:
        return NONE
    text = f"{100 * value:.1f}%"
    return text if sure is None else f"{text} ({100 * sure.low:.1f}–{100 * sure.high:.1f}%)"


def _hazard(one: Hazard) -> str:
    if one.ratio is None:
        return NONE
    return f"{with_interval(one.ratio, one.low, one.high, 2)}; {p_text(one.p)}"


def _spread(one: Spread | None) -> str:
    if one is None:
        return NONE
    return f"{one.mean:.2f} ± {cell_text(one.deviation, 2)}"


def _test(test: SignedRank | None, other: str) -> str:
    if test is None:
        return NONE
    return f"{p_text(test.p)}, {test.pairs} slices with {other}"
