"""Method 3's parts of an evaluation: outlines, lesions found, tumour burden, survival."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from HNCLogic.evaluation import volume_plots as plots
from HNCLogic.evaluation import volume_tables as tables
from HNCLogic.evaluation.burden import agreement
from HNCLogic.evaluation.classification import wilson
from HNCLogic.evaluation.each_scan import noted
from HNCLogic.evaluation.lesions_found import found as lesions_found
from HNCLogic.evaluation.page import Chapter, Evaluation, Figure
from HNCLogic.evaluation.segmentation import TARGETS, classification, dice, overlap
from HNCLogic.evaluation.survival import survival
from HNCLogic.evaluation.tables import Table
from HNCLogic.evaluation.volume_answers import Outlined, outline_all, require_masks
from HNCLogic.progress import Progress

if TYPE_CHECKING:
    from HNCLogic.models.folder import Model
    from HNCLogic.training.cohort import Cohort

TEST = "Test set"
FEWEST_DEATHS = 5  # fewer say nothing of survival


def volume(
    evaluation: Evaluation,
    model: Model,
    cohort: Cohort,
    folds: Mapping[str, int] | None = None,
    progress: Progress = lambda share, words: None,
    cutoff_ml: float | None = None,
) -> list[dict[str, Any]]:
    """Every scan of the cohort is outlined and compared; chapters are added to ``evaluation``.

    ``folds``: by scan's name the fold (1, 2, …) whose network alone outlines it; None: the whole
    model. ``cutoff_ml``: the burden that parts high from low in the survival analysis; None: the
    median of this cohort's annotated ones; give that of the cross-validation for external data.
    Gives a row for each scan. Raises InputError where an image or a mask cannot be used.
    """
    from HNCLogic.evaluation.presence_answers import asked_of, one_fold

    asked = asked_of(cohort, model, with_labels=False)
    require_masks(asked, cohort.path)
    models = {n: one_fold(model, n) for n in set((folds or {}).values())}
    answers = outline_all(
        asked,
        lambda place: model if folds is None else models[folds[asked[place].scan.name]],
        cohort.path,
        lambda share, words: progress(0.9 * share, words),
    )
    progress(0.9, "tables and figures")
    name = TEST if folds is None else "Cross-validation"
    sick = [one for one in answers if one.annotated]
    evaluation.warnings += noted(one.warnings for one in answers)
    if sick:
        evaluation.chapters += [
            _delineation(name, sick, answers),
            _burden(name, sick),
            _survival(name, sick, cutoff_ml),
        ]
    else:
        evaluation.warnings.append("No scan has annotated tumour: there is nothing to compare.")
    return [_row(one, None if folds is None else folds[one.asked.scan.name]) for one in answers]


def _delineation(name: str, sick: Sequence[Outlined], answers: Sequence[Outlined]) -> Chapter:
    """Nikulin Tables 1 to 3 and Fig. 1, of scans with tumour; how many others stayed empty."""
    patients = [one.asked.scan.patient for one in sick]
    dices = {
        target: overlap([one.overlap.shared[target] for one in sick], patients)
        for target in TARGETS
    }
    classes = classification([one.overlap for one in sick], patients)
    lesions = lesions_found([one.lesions for one in sick], patients)
    each = {
        target: [
            dice(one.overlap.shared[target]) for one in sick if sum(one.overlap.shared[target]) > 0
        ]
        for target in TARGETS
    }
    well = [one for one in answers if not one.annotated]
    empty = sum(one.outlined_ml == 0 for one in well)
    words = (
        f"{len(sick)} scans with annotated tumour, compared on the PET's own voxels"
        f"{_sizes(sick)}, where a user sees the outlines; masks on another grid are resampled to "
        "it. The paper compares on cubes of 2.5 mm."
    )
    if well:
        words += (
            f" Of {len(well)} scans without tumour {empty} were left without an outline; they are "
            "not in the tables."
        )
    chapter = Chapter("delineation", "Outlines", words)
    chapter.tables += [
        tables.delineation({name: dices}),
        *_reader(sick, chapter),
        tables.classes({name: classes}),
        tables.lesions({name: lesions}),
    ]
    chapter.pictures.append(
        Figure(
            "delineation-dice",
            "Dice of each scan; dashed: 0.7, and the share of scans on either side. As Fig. 1 of "
            "Nikulin et al. 2023.",
            plots.dice_histograms({name: each}),
        )
    )
    chapter.figures |= {
        "dice": dices,
        "voxel_classification": classes,
        "lesions": lesions,
        "scans_without_tumour_left_empty": wilson(empty, len(well)),
    }
    return chapter


def _sizes(scans: Sequence[Outlined]) -> str:
    """', 2 × 2 × 3 mm', or from the finest to the coarsest; in the order of x, y, z."""
    sizes = sorted({one.voxel_mm for one in scans}, key=lambda size: (math.prod(size), size))
    words = [" × ".join(f"{side:.3g}" for side in size) for size in sizes]
    return f", {words[0]} mm" if len(words) == 1 else f", {words[0]} to {words[-1]} mm"


def _reader(sick: Sequence[Outlined], chapter: Chapter) -> list[Table]:
    """Network and reader beside each other on the scans that the reader outlined."""
    read = [one for one in sick if one.reader is not None]
    if not read:
        return []
    patients = [one.asked.scan.patient for one in read]
    both = {
        who: {t: overlap([one.shared[t] for one in scans], patients) for t in TARGETS}
        for who, scans in (
            ("Network", [one.overlap for one in read]),
            ("Reader", [one.reader for one in read]),
        )
    }
    chapter.figures["beside_reader"] = {"scans": len(read), **both}
    table = tables.delineation(both)
    return [replace(table, title=f"{table.title}, beside the reader")]


def _burden(name: str, sick: Sequence[Outlined]) -> Chapter:
    """Nikulin Fig. 2 and its figures."""
    annotated = [one.annotated_ml for one in sick]
    outlined = [one.outlined_ml for one in sick]
    found = agreement(annotated, outlined, [one.asked.scan.patient for one in sick])
    chapter = Chapter("burden", "Total tumour burden", figures={"agreement": found})
    chapter.tables.append(tables.burdens({name: found}))
    chapter.pictures.append(
        Figure(
            "burden-correlation",
            "Total tumour burden by the network on the annotated one. As Fig. 2 of Nikulin et al. "
            "2023.",
            plots.burden_correlation({name: (annotated, outlined)}),
        )
    )
    return chapter


def _survival(name: str, sick: Sequence[Outlined], cutoff_ml: float | None = None) -> Chapter:
    """Nikulin Fig. 5 and Cox regression; of too few deaths, a sentence that says so.

    A patient counts once, with the scan that comes first.
    """
    first = {}
    for one in sick:
        if one.asked.scan.time is not None and one.asked.scan.event is not None:
            first.setdefault(one.asked.scan.patient, one)
    known = list(first.values())
    deaths = sum(bool(one.asked.scan.event) for one in known)
    if deaths < FEWEST_DEATHS:
        return Chapter(
            "survival",
            "Survival",
            f"Of {len(known)} patients with tumour survival is known (columns 'time' and 'event'); "
            f"{deaths} of them died. With fewer than {FEWEST_DEATHS} deaths there is neither "
            "Cox regression nor Kaplan–Meier curve.",
            figures={"survival": None},
        )
    found = survival(
        [one.asked.scan.time for one in known],
        [one.asked.scan.event for one in known],
        [one.annotated_ml for one in known],
        [one.outlined_ml for one in known],
        cutoff_ml,
    )
    parted = "the median of the annotated ones" if cutoff_ml is None else "as was given"
    if cutoff_ml is None and name == TEST:
        parted += " (the paper keeps that of the cross-validation: --cutoff-ml)"
    chapter = Chapter(
        "survival",
        "Survival",
        f"{found.patients} patients whose survival is known, {found.events} of whom died. High and "
        f"low burden are parted at {found.cutoff_ml:.1f} ml, {parted}, for both outlines.",
        figures={"survival": found},
    )
    chapter.tables.append(tables.hazards({name: found}))
    chapter.pictures.append(
        Figure(
            "survival-kaplan-meier",
            "Survival by total tumour burden, annotated (left) and by the network (right), with "
            "95 % intervals. As Fig. 5 of Nikulin et al. 2023.",
            plots.kaplan_meier({name: found}),
        )
    )
    return chapter


def _row(one: Outlined, fold: int | None) -> dict[str, Any]:
    """Of ``scans.csv``; Dice is empty where neither outline has the target."""
    row: dict[str, Any] = {"patient": one.asked.scan.patient, "scan": one.asked.scan.scan}
    if fold is not None:
        row["fold"] = fold
    for target in TARGETS:
        shared = one.overlap.shared[target]
        there = shared.outlined + shared.annotated > 0
        row[f"dice_{target}"] = f"{dice(shared):.4f}" if there else ""
    return row | {
        "annotated_ml": f"{one.annotated_ml:.3f}",
        "outlined_ml": f"{one.outlined_ml:.3f}",
        "lesions_annotated": len(one.lesions.annotated),
        "lesions_found": sum(lesion.counts for lesion in one.lesions.annotated),
        "lesions_outlined": len(one.lesions.outlined),
        "lesions_false": sum(not lesion.counts for lesion in one.lesions.outlined),
    }
