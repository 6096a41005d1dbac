"""Scores of methods on patients whose truth is known, with how sure they are.

Verdicts: AUC, sensitivity, specificity. Outlines: Dice of primary, nodes and both, pooled over all
patients ("cohort" in Nikulin et al. 2023) and as mean and median of patients.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from HNCLogic.evaluation.bootstrap import interval
from HNCLogic.evaluation.classification import Share, wilson
from HNCLogic.evaluation.roc import auc
from HNCLogic.evaluation.segmentation import TARGETS, Shared, shared_voxels

Counts = Shared  # in voxels: in both outlines, in the method's, in the truth's


@dataclass(frozen=True)
class Verdicts:
    auc: float | None  # None: of one label only
    auc_interval: tuple[float, float] | None
    sensitivity: Share
    specificity: Share


def auc_interval(
    labels: Sequence[bool], values: Sequence[float], groups: Sequence[int], seed: int = 0
) -> tuple[float, float] | None:
    """The 95 % interval of the AUC by a bootstrap of ``groups``: a matched pair is drawn whole."""
    labels, values = np.asarray(labels, bool), np.asarray(values, float)
    found = interval(lambda rows: auc(labels[rows], values[rows]), list(groups), seed=seed)
    return None if found is None else (found.low, found.high)


def verdicts(
    labels: Sequence[bool],
    values: Sequence[float],
    positive: Sequence[bool],
    groups: Sequence[int],
) -> Verdicts:
    """Scores of verdicts: ``values`` rank the patients, ``positive`` is what was said of each."""
    labels, said = np.asarray(labels, bool), np.asarray(positive, bool)
    return Verdicts(
        auc(labels, values),
        auc_interval(labels, values, groups),
        wilson(int((said & labels).sum()), int(labels.sum())),
        wilson(int((~said & ~labels).sum()), int((~labels).sum())),
    )


def counts(outlined: np.ndarray, truth: np.ndarray) -> dict[str, Counts]:
    """Voxel counts by target of two label arrays of one shape: 1 primary, 2 and up nodes."""
    return {target: shared_voxels(outlined, truth, target) for target in TARGETS}
