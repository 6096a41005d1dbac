"""What a run was trained on is no test of its model: refused by patient's name and by image.

All patients of a run count, since each of its folds is part of the model and was trained on most of
them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from HNCLogic.errors import InputError
from HNCLogic.evaluation.each_scan import each_scan
from HNCLogic.evaluation.run_folder import TrainingRun, patients_by_fold
from HNCLogic.progress import Progress
from HNCLogic.training.cohort import Cohort
from HNCLogic.training.known_images import IMAGES, known_images
from HNCLogic.training.leakage import ScanFacts

if TYPE_CHECKING:
    from HNCLogic.evaluation.presence_answers import Asked

APART = "no patient's name and no image of these is among those that the run was trained on"
NAMES_ALONE = (
    "The run keeps no record of its images, so only patients' names were compared with those it "
    f"was trained on. hnc train … --resume writes the record ({IMAGES})."
)


def refuse_trained_on(
    run: TrainingRun,
    cohort: Cohort,
    asked: Sequence[Asked],
    progress: Progress = lambda share, words: None,
) -> bool:
    """Raises InputError, with the entry of the cohort, where a patient's name or an image is among
    what ``run`` was trained on; a mirrored, turned or shifted copy of an image is as well.

    ``asked``: the cohort's scans, with the images that are looked at. Gives whether images could be
    compared: not where the run keeps no record of them.
    """
    names = {name for fold in patients_by_fold(run) for part in fold.values() for name in part}
    for number, scan in enumerate(cohort.scans, start=1):
        if scan.patient in names:
            raise InputError(
                f"{cohort.path}, entry {number}: {run.folder} was trained on a patient of this "
                f"name, {scan.patient!r:.60}. Leave out whom it was trained on; give another "
                "patient another name; if this is the run's own cohort, with changes in the "
                "table, say --own-cohort"
            )
    known = known_images(run.folder)
    if known is None:
        return False

    def check(place: int, one: Asked, tell: Progress) -> None:
        patients = known.patients(_facts(one))
        if patients:
            raise InputError(
                f"an image of {one.scan.patient!r:.60} is one that {run.folder} was trained on, "
                f"as of {min(patients)!r:.60}, or a mirrored, turned or shifted copy of it: leave "
                "this scan out"
            )

    each_scan(asked, cohort.path, progress, check)
    return True


def refuse_other_images(
    run: TrainingRun,
    cohort: Cohort,
    asked: Sequence[Asked],
    progress: Progress = lambda share, words: None,
) -> bool:
    """Raises InputError, with the entry, where an image is not that which ``run`` has of this
    patient: the cohort is not the run's own. Gives whether there was a record to compare with."""
    known = known_images(run.folder)
    if known is None:
        return False

    def check(place: int, one: Asked, tell: Progress) -> None:
        if not known.all_are_of(one.scan.patient, _facts(one)):
            raise InputError(
                f"an image of {one.scan.patient!r:.60} is not the one that {run.folder} was "
                "trained on: --own-cohort is for the same images, where only the table has changed"
            )

    each_scan(asked, cohort.path, progress, check)
    return True


def _facts(asked: Asked) -> ScanFacts:
    """Of the images as they are read for an answer, which are those that a training reads."""
    from HNCLogic.images.study import read_study
    from HNCLogic.training.leakage import facts_of

    return facts_of(asked.scan, read_study(asked.images))
