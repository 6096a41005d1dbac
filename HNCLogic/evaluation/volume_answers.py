"""What a model of method 3 outlines in each scan of a cohort, by the very code that answers a user,
compared with what is annotated there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from HNCLogic.errors import InputError
from HNCLogic.evaluation.each_scan import each_scan
from HNCLogic.evaluation.lesions_found import ScanLesions, find_lesions
from HNCLogic.evaluation.segmentation import MINIMUM_ML, ScanOverlap, compare
from HNCLogic.images.grid import Grid
from HNCLogic.job import Delineation, Job, Lesion
from HNCLogic.progress import Progress

if TYPE_CHECKING:
    from HNCLogic.evaluation.presence_answers import Asked
    from HNCLogic.models.folder import Model

READER = "reader_mask"  # column of a cohort


@dataclass(frozen=True)
class Outlined:
    """One scan, compared on the PET's own voxels."""

    asked: Asked
    overlap: ScanOverlap
    lesions: ScanLesions
    warnings: list[str]
    voxel_mm: tuple[float, float, float]  # (x, y, z)
    reader: ScanOverlap | None = None  # a reader's outlines, where the cohort has them

    @property
    def annotated(self) -> bool:
        """Is there tumour?"""
        return self.overlap.shared["union"].annotated > 0

    @property
    def annotated_ml(self) -> float:
        """Total tumour burden of the annotation."""
        return self.overlap.shared["union"].annotated

    @property
    def outlined_ml(self) -> float:
        """Total tumour burden of the outline."""
        return self.overlap.shared["union"].outlined


def require_masks(asked: list[Asked], path: Path) -> None:
    """Raises InputError, with the entry of the table at ``path``, where a scan that is not said to
    be without cancer has no mask."""
    for number, one in enumerate(asked, start=1):
        if one.scan.mask is None and one.scan.label is not False:
            raise InputError(
                f"{path}, entry {number}: no mask to compare outlines with: fill in column 'mask', "
                "or set column 'label' to 0 where there is no cancer"
            )


def outline(
    asked: Asked,
    model: Model,
    minimum_ml: float = MINIMUM_ML,
    progress: Progress = lambda share, words: None,
    folder: Path = Path(),
) -> Outlined:
    """The model's outlines of one scan against its mask, both on the PET's grid.

    A scan without a mask has nothing annotated. A reader's outlines (column ``reader_mask``,
    relative to ``folder``) are compared alike. Raises InputError where images or mask cannot be
    used.
    """
    from HNCLogic import outlines, steps
    from HNCLogic.images.read import read_mask

    job = Job(
        task="segment",
        images=asked.images,
        out=Path("unused"),
        delineation=Delineation(minimum_ml=minimum_ml),
        volume_model=str(model.folder),
    )
    steps.require_sense(job)
    found = steps.read(job)
    outlines.lesions(job, found, model, progress)
    grid = Grid.of(found.study.pet)
    truth = np.zeros(grid.size[::-1], np.uint16)
    if asked.scan.mask is not None:
        truth = sitk.GetArrayFromImage(read_mask(asked.scan.mask, grid, resample=True))
    said = as_classes(sitk.GetArrayViewFromImage(found.labels), found.lesions)
    return Outlined(
        asked,
        compare(said, truth, grid.voxel_ml, minimum_ml),
        find_lesions(said, truth, grid.voxel_ml, minimum_ml),
        list(found.warnings),
        tuple(round(side, 3) for side in grid.spacing),
        _reader(asked, folder, grid, truth, minimum_ml),
    )


def _reader(
    asked: Asked, folder: Path, grid: Grid, truth: np.ndarray, minimum_ml: float
) -> ScanOverlap | None:
    from HNCLogic.images.read import read_mask

    name = asked.scan.facts.get(READER, "").strip()
    if not name:
        return None
    if not (folder / name).is_file():
        raise InputError(f"column {READER!r}: there is no {folder / name}")
    theirs = sitk.GetArrayFromImage(read_mask(folder / name, grid, resample=True))
    return compare(theirs, truth, grid.voxel_ml, minimum_ml)


def as_classes(labels: np.ndarray, lesions: list[Lesion]) -> np.ndarray:
    """From one value a lesion to 1 primary, 2 node (z, y, x)."""
    classes = np.zeros(1 + max((one.label for one in lesions), default=0), np.uint8)
    for one in lesions:
        classes[one.label] = 1 if one.kind == "primary" else 2
    return classes[labels]


def outline_all(
    asked: list[Asked],
    model_for: Callable[[int], Model],
    path: Path,
    progress: Progress = lambda share, words: None,
) -> list[Outlined]:
    """Each scan in turn, by the model ``model_for`` names for its place in the list.

    Raises InputError with the entry of the table at ``path``.
    """

    def answer(place: int, one: Asked, tell: Progress) -> Outlined:
        return outline(one, model_for(place), progress=tell, folder=path.parent)

    return each_scan(asked, path, progress, answer)
