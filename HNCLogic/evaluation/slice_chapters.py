"""Method 2's part of an evaluation: slices, with all images and with the PET alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from HNCLogic.evaluation import volume_plots as plots
from HNCLogic.evaluation import volume_tables as tables
from HNCLogic.evaluation.each_scan import noted
from HNCLogic.evaluation.page import Chapter, Evaluation, Figure
from HNCLogic.evaluation.slice_answers import (
    Segmented,
    as_in_the_paper,
    one_fold,
    segment_all,
    taken,
)
from HNCLogic.evaluation.slices import Slices, dice_of, jaccard_of, regression, score, signed_rank
from HNCLogic.evaluation.volume_answers import require_masks
from HNCLogic.progress import Progress

if TYPE_CHECKING:
    from HNCLogic.models.folder import Model
    from HNCLogic.training.cohort import Cohort

ALONE = "PET alone"


def slices(
    evaluation: Evaluation,
    model: Model,
    cohort: Cohort,
    folds: Mapping[str, int] | None = None,
    progress: Progress = lambda share, words: None,
    seed: int = 0,
) -> list[dict[str, Any]]:
    """Every scan of the cohort is segmented and compared; chapters are added to ``evaluation``.

    Where the model works without its MRI and there is one, it also answers from the PET alone, and
    both ways are compared. ``folds``: by scan's name the fold (1, 2, …) whose network alone answers
    for it; None: the whole model. ``seed``: of the slices without tumour. Gives a row for each
    scan. Raises InputError where an image or a mask cannot be used.
    """
    from HNCLogic.evaluation.presence_answers import asked_of

    asked = asked_of(cohort, model, with_labels=False)
    require_masks(asked, cohort.path)
    roles = [source.role for source in model.card.inputs]
    ways = {"-".join("MRI" if role == "MR" else role for role in roles): asked}
    required = {source.role for source in model.card.inputs if source.required}
    if required == {"PET"} and any(set(one.images) - {"PET"} for one in asked):
        ways[ALONE] = [replace(one, images={"PET": one.images["PET"]}) for one in asked]
    models = {n: one_fold(model, n) for n in set((folds or {}).values())}
    answers: dict[str, list[Segmented]] = {}
    for number, (name, scans) in enumerate(ways.items()):
        answers[name] = segment_all(
            scans,
            lambda place: model if folds is None else models[folds[asked[place].scan.name]],
            cohort.path,
            lambda share, words, number=number, name=name: progress(
                0.95 * (number + share) / len(ways), f"{name}, {words}"
            ),
            next(iter(answers.values()), None),
        )
    progress(0.95, "tables and figures")
    first = next(iter(answers.values()))
    evaluation.warnings += noted(one.warnings for one in first)
    if not any(one.annotated for one in first):
        evaluation.warnings.append("No scan has annotated tumour: there is nothing to compare.")
    else:
        places = as_in_the_paper(first, seed)
        evaluation.chapters += [
            _chapter(
                "slices",
                "Slices, chosen as in the paper",
                "All slices with annotated tumour, and as many others at random from scans "
                "without any; on the PET's own voxels.",
                {name: taken(each, places) for name, each in answers.items()},
            ),
            _chapter(
                "all_slices",
                "All slices",
                "All slices of the head and neck: what the model does in use, where slices "
                "without tumour are many.",
                {name: taken(each) for name, each in answers.items()},
            ),
        ]
    return [_row(one, None if folds is None else folds[one.asked.scan.name]) for one in first]


def _chapter(name: str, title: str, words: str, ways: Mapping[str, Slices]) -> Chapter:
    """Liedes Tables 1 to 3 and Fig. 4 of one choice of slices."""
    scores = {way: score(each) for way, each in ways.items()}
    compared = {}
    first = next(iter(ways))
    for way in ways:
        if way != first:
            tests = [signed_rank(ways[way], ways[first], by) for by in (dice_of, jaccard_of)]
            compared[way] = (first, *tests)
    chapter = Chapter(name, title, words)
    chapter.tables += [
        tables.slice_models(scores),
        tables.slice_by_slice(scores, compared),
        tables.slice_by_slice(scores, compared, "all"),
        tables.slice_verdicts(scores),
    ]
    chapter.pictures.append(
        Figure(
            f"{name.replace('_', '-')}-pixels",
            "Pixels segmented on pixels annotated, a mark a slice, by what the slice was called. "
            "As Fig. 4 of Liedes et al. 2023.",
            plots.slice_pixels(ways),
        )
    )
    chapter.figures |= {
        way: {"scores": scores[way], "regression": regression(each)} for way, each in ways.items()
    }
    chapter.figures["compared"] = {
        way: {"with": other, "dice": dice, "jaccard": jaccard}
        for way, (other, dice, jaccard) in compared.items()
    }
    return chapter


def _row(one: Segmented, fold: int | None) -> dict[str, Any]:
    """Of ``scans.csv``, with all images."""
    found = score(one.slices, repeats=0)
    row: dict[str, Any] = {"patient": one.asked.scan.patient, "scan": one.asked.scan.scan}
    if fold is not None:
        row["fold"] = fold
    return row | {
        "slices": len(one.slices),
        "dice": "" if found.dice is None else f"{found.dice:.4f}",
        "true_positive": found.tp,
        "true_negative": found.tn,
        "false_positive": found.fp,
        "false_negative": found.fn,
    }
