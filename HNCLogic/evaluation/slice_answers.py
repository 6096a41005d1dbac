"""What a model of method 2 segments in each scan of a cohort, slice by slice, by the very code that
answers a user."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from HNCLogic.evaluation import presence_answers
from HNCLogic.evaluation.each_scan import each_scan
from HNCLogic.evaluation.slices import Slices, count_slices, together
from HNCLogic.images.grid import Grid
from HNCLogic.job import Delineation, Job
from HNCLogic.progress import Progress

if TYPE_CHECKING:
    from HNCLogic.evaluation.presence_answers import Asked
    from HNCLogic.models.folder import Model


@dataclass(frozen=True)
class Segmented:
    """One scan, by transaxial slices of its PET."""

    asked: Asked
    slices: Slices
    heights: np.ndarray  # their numbers among the PET's slices
    warnings: list[str]

    @property
    def annotated(self) -> bool:
        """Is there tumour?"""
        return bool(self.slices.annotated.any())


def segment(
    asked: Asked,
    model: Model,
    progress: Progress = lambda share, words: None,
    heights: np.ndarray | None = None,
) -> Segmented:
    """The model's mask of one scan against the annotated one, both on the PET's grid; nothing is
    taken out as too small.

    ``heights``: the slices to compare on; None: those the model looked at or that have annotated
    tumour. A scan without a mask has nothing annotated. Raises InputError where images or mask
    cannot be used.
    """
    from HNCLogic import outlines, steps
    from HNCLogic.images.read import read_mask
    from HNCLogic.images.region import region_mask

    job = Job(
        task="segment",
        images=asked.images,
        out=Path("unused"),
        delineation=Delineation(minimum_ml=0),
        volume_model=str(model.folder),
    )
    steps.require_sense(job)
    found = steps.read(job)
    outlines.lesions(job, found, model, progress)
    pet = found.study.pet
    grid = Grid.of(pet)
    said = sitk.GetArrayViewFromImage(found.labels) > 0
    truth = np.zeros(said.shape, bool)
    if asked.scan.mask is not None:
        mask = read_mask(asked.scan.mask, grid, resample=True)
        truth = sitk.GetArrayViewFromImage(mask) > 0
    if heights is None:
        region = region_mask(pet, found.pet_region or found.region)
        looked_at = sitk.GetArrayViewFromImage(region).any(axis=(1, 2))
        heights = np.flatnonzero(looked_at | truth.any(axis=(1, 2)))
    spacing = (grid.spacing[1], grid.spacing[0])
    counted = count_slices(said[heights], truth[heights], asked.scan.patient, spacing)
    return Segmented(asked, counted, heights, list(found.warnings))


def one_fold(model: Model, fold: int) -> Model:
    """The model with the network of ``fold`` (1, 2, …) alone, at its own threshold and scaling."""
    alone = presence_answers.one_fold(model, fold)
    ranges = model.card.preprocessing.get("ranges", [])
    own = model.card.preprocessing | {"ranges": ranges[fold - 1 : fold]}
    return replace(alone, card=alone.card.model_copy(update={"preprocessing": own}))


def segment_all(
    asked: Sequence[Asked],
    model_for: Callable[[int], Model],
    path: Path,
    progress: Progress = lambda share, words: None,
    like: Sequence[Segmented] | None = None,
) -> list[Segmented]:
    """Each scan in turn, by the model ``model_for`` names for its place in the list.

    ``like``: another way's answers, to compare on the same slices. Raises InputError with the
    entry of the table at ``path``.
    """

    def answer(place: int, one: Asked, tell: Progress) -> Segmented:
        heights = None if like is None else like[place].heights
        return segment(one, model_for(place), tell, heights)

    return each_scan(asked, path, progress, answer)


def as_in_the_paper(answers: Sequence[Segmented], seed: int = 0) -> list[np.ndarray]:
    """Which slices of each scan the paper would take: all with annotated tumour, and as many
    others, at random from scans without any tumour.

    Gives an array of places in ``slices`` for each scan. All of such scans where there are fewer.
    """
    chosen = [np.flatnonzero(one.slices.annotated) for one in answers]
    wanted = sum(len(one) for one in chosen)
    free = [
        (scan, place)
        for scan, one in enumerate(answers)
        if not one.annotated
        for place in range(len(one.slices))
    ]
    rng = np.random.default_rng(seed)
    drawn = rng.choice(len(free), min(wanted, len(free)), replace=False) if free else []
    for scan, place in sorted(free[i] for i in drawn):
        chosen[scan] = np.append(chosen[scan], place)
    return chosen


def taken(answers: Sequence[Segmented], places: Sequence[np.ndarray] | None = None) -> Slices:
    """The slices of all scans as one table; ``places``: those of each scan, None for all."""
    if places is None:
        return together([one.slices for one in answers])
    parts = []
    for one, at in zip(answers, places, strict=True):
        columns = (getattr(one.slices, n)[at] for n in ("both", "segmented", "annotated", "fewest"))
        parts.append(Slices(*columns, tuple(one.slices.patients[i] for i in at)))
    return together(parts)
