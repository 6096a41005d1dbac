"""Which lesions were found: coverage of each by the other outline, counted separately each way.

As Nikulin et al., EJNMMI 2023 ("Structure-wise analysis", Table 3): an annotated lesion is found
(TP_man) where at least half of it is covered by the method's outline, else missed (FN); an outlined
one is real (TP_cnn) where more than half of it is covered by the annotation, else false (FP). One
outline over two nodes makes TP_man 2 and TP_cnn 1, so the two are not the same number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from HNCLogic.evaluation.bootstrap import REPEATS, Interval, rate_interval
from HNCLogic.evaluation.segmentation import (
    MINIMUM_ML,
    TARGETS,
    mask_of,
    within_box,
    without_small,
)
from HNCLogic.lesions.components import components_of


@dataclass(frozen=True)
class Lesion:
    kind: str  # "primary" or "nodes"
    ml: float
    covered: float  # share of it, 0 to 1
    counts: bool  # as a true positive of its side


@dataclass(frozen=True)
class ScanLesions:
    annotated: tuple[Lesion, ...]
    outlined: tuple[Lesion, ...]


@dataclass(frozen=True)
class Found:
    """Of one target over scans; rates are None where there is no lesion to share."""

    tp_man: int
    tp_cnn: int
    fn: int
    fp: int
    tpr: float | None
    tpr_interval: Interval | None
    ppv: float | None
    ppv_interval: Interval | None
    missed_ml: float | None  # mean volume of those missed


def separate_lesions(labels: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """Kind and flat voxel numbers of each lesion of a label array (z, y, x).

    A lesion is a 26-connected region of one value: nodes annotated one by one (2, 3, …) stay apart
    where they touch, and those that share a value are told apart where they do not.
    """
    lesions = []
    numbers = np.arange(labels.size).reshape(labels.shape)
    for value in np.unique(labels[labels > 0]):
        found, box, counts = components_of(labels == value)
        inside = found > 0
        order = np.argsort(found[inside], kind="stable")
        parts = np.split(numbers[box][inside][order], np.cumsum(counts)[:-1])
        lesions += [("primary" if value == 1 else "nodes", part) for part in parts]
    return lesions


def find_lesions(
    outlined: np.ndarray,
    annotated: np.ndarray,
    voxel_ml: float,
    minimum_ml: float = MINIMUM_ML,
    same_kind: bool = True,
) -> ScanLesions:
    """Lesions of two label arrays (z, y, x) on one grid, and how far the other covers each.

    0 background, 1 primary, 2 and up nodes. Regions under ``minimum_ml`` are taken out of both
    first. ``same_kind``: a node is covered by what is outlined as node only, so that a lesion of
    the wrong kind counts as missed and as false; else by anything outlined.

    Raises ValueError for shapes that differ.
    """
    outlined, annotated = within_box(outlined, annotated)
    outlined = without_small(outlined, voxel_ml, minimum_ml)
    annotated = without_small(annotated, voxel_ml, minimum_ml)

    def lesions(of: np.ndarray, by: np.ndarray, half_suffices: bool) -> tuple[Lesion, ...]:
        answers = []
        for kind, voxels in separate_lesions(of):
            cover = mask_of(by.ravel()[voxels], kind if same_kind else "union")
            twice, size = 2 * int(cover.sum()), len(voxels)
            counts = twice >= size if half_suffices else twice > size
            answers.append(Lesion(kind, size * voxel_ml, twice / 2 / size, counts))
        return tuple(answers)

    return ScanLesions(lesions(annotated, outlined, True), lesions(outlined, annotated, False))


def found(
    scans: Sequence[ScanLesions],
    patients: Sequence[str] | None = None,
    *,
    repeats: int = REPEATS,
    seed: int = 0,
) -> dict[str, Found]:
    """By target, over all scans; "union" is the sum of primaries and nodes, as in the paper.

    Rates' intervals by patients drawn again, since lesions of one patient go together; see
    ``rate_interval`` for rates of 0 and 1.
    """
    whose = list(range(len(scans))) if patients is None else list(patients)
    answer = {}
    for target in TARGETS:
        kinds = ("primary", "nodes") if target == "union" else (target,)
        table = np.array([_counts(scan, kinds) for scan in scans], int).reshape(-1, 4)
        tp_man, tp_cnn, fn, fp = table.sum(axis=0).tolist()
        missed = [
            lesion.ml
            for scan in scans
            for lesion in scan.annotated
            if lesion.kind in kinds and not lesion.counts
        ]

        def sure(hit: int, miss: int, table=table) -> Interval | None:
            if not repeats:
                return None
            of = table[:, hit] + table[:, miss]
            return rate_interval(table[:, hit], of, whose, repeats, seed)

        answer[target] = Found(
            tp_man, tp_cnn, fn, fp,
            tpr=_share(tp_man, tp_man + fn), tpr_interval=sure(0, 2),
            ppv=_share(tp_cnn, tp_cnn + fp), ppv_interval=sure(1, 3),
            missed_ml=float(np.mean(missed)) if missed else None,
        )  # fmt: skip
    return answer


def _counts(scan: ScanLesions, kinds: Sequence[str]) -> tuple[int, int, int, int]:
    truly = [one.counts for one in scan.annotated if one.kind in kinds]
    said = [one.counts for one in scan.outlined if one.kind in kinds]
    return sum(truly), sum(said), len(truly) - sum(truly), len(said) - sum(said)


def _share(part: int, of: int) -> float | None:
    return part / of if of else None
