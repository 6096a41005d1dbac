"""Outlines against annotations, voxel by voxel: overlap of primary, nodes and both; their class.

As Nikulin et al., EJNMMI 2023 ("Spatial concordance", "Classification capabilities"; Tables 1, 2):
regions under 0.1 ml are taken out of both outlines; then Dice of each scan, and of all scans as one
("cohort"). Label arrays: 0 background, 1 primary, 2 and up nodes, one value for all or one each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from HNCLogic.evaluation.bootstrap import REPEATS, Interval, interval, rate_interval
from HNCLogic.lesions.components import bounding_box, components_of, fewest_voxels

TARGETS = ("primary", "nodes", "union")
MINIMUM_ML = 0.1


class Shared(NamedTuple):
    """How much two outlines share, in ml (or in voxels where all are of one size)."""

    both: float
    outlined: float  # by the method
    annotated: float


class Classified(NamedTuple):
    """Voxels in both outlines by their class: t for right, f for wrong; of PT primary, LN node.

    ``f_pt``: annotated as node, outlined as primary; ``f_ln`` the other way round.
    """

    t_pt: float
    f_pt: float
    t_ln: float
    f_ln: float


@dataclass(frozen=True)
class ScanOverlap:
    """Of one scan, all in ml."""

    shared: dict[str, Shared]  # by target
    classified: Classified
    voxels_in_both: int


@dataclass(frozen=True)
class Overlap:
    """Of one target over scans. ``interval``s: 95 %, patients drawn again."""

    scans: int
    pooled: float  # "cohort" Dice
    pooled_interval: Interval | None
    mean: float
    mean_interval: Interval | None
    median: float
    median_interval: Interval | None
    quartiles: tuple[float, float]  # the paper's "50 % CI"
    failed: int  # scans whose Dice is 0
    pooled_jaccard: float
    mean_jaccard: float


@dataclass(frozen=True)
class Classification:
    """Shares of the volume in both outlines; None where nothing is there to share."""

    voxels: int
    contingency: Classified | None  # sums to 1
    tpr_pt: float | None
    tpr_ln: float | None
    accuracy: float | None
    accuracy_interval: Interval | None
    scans: int
    scans_without_error: int


def without_small(
    labels: np.ndarray, voxel_ml: float, minimum_ml: float = MINIMUM_ML
) -> np.ndarray:
    """The labels (z, y, x) without 26-connected regions of one class that are under ``minimum_ml``.

    Nodes that touch are one region here. One of exactly ``minimum_ml`` stays.
    """
    kept = labels.copy()
    fewest = fewest_voxels(minimum_ml, voxel_ml)
    for target in ("primary", "nodes"):
        mask = mask_of(labels, target)
        if fewest > 1 and mask.any():
            found, box, counts = components_of(mask)
            small = np.concatenate([[False], counts < fewest])
            kept[box][small[found]] = 0
    return kept


def within_box(outlined: np.ndarray, annotated: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both label arrays (z, y, x) in the smallest box that holds them: most of a body is empty.

    Raises ValueError for shapes that differ.
    """
    if outlined.shape != annotated.shape:
        raise ValueError(
            f"outline {outlined.shape} and annotation {annotated.shape} are not on one grid"
        )
    anything = (outlined > 0) | (annotated > 0)
    box = bounding_box(anything) if anything.any() else (slice(0, 1),) * anything.ndim
    return outlined[box], annotated[box]


def mask_of(labels: np.ndarray, target: str) -> np.ndarray:
    """Where ``target`` ("primary", "nodes", "union") is."""
    if target == "primary":
        return labels == 1
    return labels >= 2 if target == "nodes" else labels > 0


def compare(
    outlined: np.ndarray, annotated: np.ndarray, voxel_ml: float, minimum_ml: float = MINIMUM_ML
) -> ScanOverlap:
    """Two label arrays (z, y, x) on one grid whose voxels have ``voxel_ml``.

    Raises ValueError for shapes that differ.
    """
    outlined, annotated = within_box(outlined, annotated)
    outlined = without_small(outlined, voxel_ml, minimum_ml)
    annotated = without_small(annotated, voxel_ml, minimum_ml)
    shared = {
        name: Shared(*(n * voxel_ml for n in shared_voxels(outlined, annotated, name)))
        for name in TARGETS
    }
    both = (outlined > 0) & (annotated > 0)
    said, truly = outlined[both] == 1, annotated[both] == 1
    counts = (said & truly, said & ~truly, ~said & ~truly, ~said & truly)
    classified = Classified(*(float(one.sum()) * voxel_ml for one in counts))
    return ScanOverlap(shared, classified, int(both.sum()))


def shared_voxels(outlined: np.ndarray, annotated: np.ndarray, target: str) -> Shared:
    """Voxel counts of one target."""
    a, b = mask_of(outlined, target), mask_of(annotated, target)
    return Shared(int((a & b).sum()), int(a.sum()), int(b.sum()))


def dice(one: Shared) -> float:
    """2 |A ∩ B| / (|A| + |B|); 1 where both are empty."""
    return 1.0 if one.outlined + one.annotated == 0 else 2 * one.both / (one[1] + one[2])


def jaccard(one: Shared) -> float:
    """|A ∩ B| / |A ∪ B|; 1 where both are empty."""
    union = one.outlined + one.annotated - one.both
    return 1.0 if union == 0 else one.both / union


def pooled(all_of_them: Sequence[Shared]) -> Shared:
    """All scans taken as one."""
    return Shared(*np.sum(np.asarray(all_of_them, float).reshape(-1, 3), axis=0).tolist())


def overlap(
    scans: Sequence[Shared],
    patients: Sequence[str] | None = None,
    *,
    both_empty: bool = False,
    repeats: int = REPEATS,
    seed: int = 0,
) -> Overlap | None:
    """Dice and Jaccard of one target over scans; None where no scan has the target.

    Scans in which neither outline has the target are left out, since nothing was delineated there;
    with ``both_empty`` they count with a Dice of 1. ``patients``: whose the scans are, each its
    own where None.
    """
    whose = list(range(len(scans))) if patients is None else list(patients)
    kept = [i for i, one in enumerate(scans) if both_empty or one[1] + one[2] > 0]
    if not kept:
        return None
    table = np.array([scans[i] for i in kept], float)
    owners = [whose[i] for i in kept]
    each = np.array([dice(Shared(*row)) for row in table])

    def sure(figure) -> Interval | None:
        return interval(figure, owners, repeats, seed) if repeats else None

    whole = pooled(table)
    low, high = np.percentile(each, (25, 75))
    return Overlap(
        scans=len(kept),
        pooled=dice(whole),
        pooled_interval=sure(lambda rows: dice(Shared(*table[rows].sum(axis=0)))),
        mean=float(each.mean()),
        mean_interval=sure(lambda rows: float(each[rows].mean())),
        median=float(np.median(each)),
        median_interval=sure(lambda rows: float(np.median(each[rows]))),
        quartiles=(float(low), float(high)),
        failed=int((each == 0).sum()),
        pooled_jaccard=jaccard(whole),
        mean_jaccard=float(np.mean([jaccard(Shared(*row)) for row in table])),
    )


def classification(
    scans: Sequence[ScanOverlap],
    patients: Sequence[str] | None = None,
    *,
    repeats: int = REPEATS,
    seed: int = 0,
) -> Classification:
    """Of the volume that both outlines hold, how much has the right class (Table 2)."""
    table = np.array([one.classified for one in scans], float).reshape(-1, 4)
    whose = list(range(len(scans))) if patients is None else list(patients)
    whole = table.sum(axis=0)
    t_pt, f_pt, t_ln, f_ln = whole.tolist()

    right = table[:, 0] + table[:, 2]
    sure = rate_interval(right, table.sum(axis=1), whose, repeats, seed) if repeats else None
    return Classification(
        voxels=sum(one.voxels_in_both for one in scans),
        contingency=Classified(*(whole / whole.sum()).tolist()) if whole.sum() else None,
        tpr_pt=_share(t_pt, t_pt + f_ln),
        tpr_ln=_share(t_ln, t_ln + f_pt),
        accuracy=_share(t_pt + t_ln, whole.sum()),
        accuracy_interval=sure,
        scans=len(scans),
        scans_without_error=int((table[:, 1] + table[:, 3] == 0).sum()),
    )


def _share(part: float, of: float) -> float | None:
    return float(part / of) if of else None
