"""Does the heat map lie where the annotation does?

By slices, as Liedes et al. 2025, figure 5, in numbers: AUROC and Spearman's rho of each slice's
largest heat against annotated slices. By voxels: the pointing game (is the hottest place in a
lesion; Zhang et al., ECCV 2016) and the share of the heat inside lesions (Wang et al. 2020,
Score-CAM), beside what a map of the same heat everywhere would get.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from HNCLogic.evaluation.bootstrap import REPEATS
from HNCLogic.evaluation.classification import Share, wilson
from HNCLogic.evaluation.roc import Area, mean_area
from HNCLogic.explain.by_slice import explanation
from HNCLogic.images.grid import Grid
from HNCLogic.images.region import region_mask
from HNCLogic.job import Region, SliceHeat

TOLERANCE_MM = 10.0  # ours: how far beside a lesion the hottest place may lie


@dataclass(frozen=True)
class Fidelity:
    """Of one scan. None where it cannot be said: nothing annotated, or no heat at all."""

    slices: list[SliceHeat]  # inferior to superior
    slice_auroc: float | None
    slice_spearman: float | None
    distance_mm: float | None  # from the hottest voxel to the nearest annotated one; 0 inside
    energy_inside: float | None  # share of the heat in annotated voxels
    annotated_share: float | None  # of the region's volume: the energy of the same heat everywhere

    @property
    def hit(self) -> bool | None:
        """Is the hottest voxel an annotated one?"""
        return self.near(0.0)

    def near(self, tolerance_mm: float) -> bool | None:
        """Is the hottest voxel at most so far from an annotated one?"""
        return None if self.distance_mm is None else self.distance_mm <= tolerance_mm


@dataclass(frozen=True)
class FidelityFigures:
    """Over scans with an annotation; intervals by patients drawn again, Wilson's of shares."""

    scans: int
    without_heat: int  # their map is empty: a miss in the pointing game
    slice_auroc: Area | None  # means
    slice_spearman: Area | None
    energy_inside: Area | None
    annotated_share: float | None
    hits: Share
    near: Share
    tolerance_mm: float


def fidelity(heatmap: sitk.Image, region: Region, mask: sitk.Image | None) -> Fidelity:
    """``heatmap`` (not negative) against ``mask`` (0 background) on the same grid, in ``region``.

    Without a mask, or with an empty one, there are slices alone. Raises ValueError for a mask on
    another grid.
    """
    if mask is not None and not Grid.of(mask).same_as(Grid.of(heatmap)):
        raise ValueError("heat map and mask are not on one grid")
    told = explanation(heatmap, region, mask)
    marked = None if mask is None else sitk.GetArrayViewFromImage(mask) > 0
    within = region_mask(heatmap, region)
    inside = sitk.GetArrayViewFromImage(within) > 0
    heat = np.where(inside, sitk.GetArrayViewFromImage(heatmap), 0.0)
    if marked is None or not marked.any():
        return Fidelity(told.slices, None, None, None, None, None)
    share = float((marked & inside).sum() / inside.sum())
    total = float(heat.sum())
    if not total > 0:
        return Fidelity(told.slices, told.slice_auroc, told.slice_spearman, None, None, share)
    return Fidelity(
        told.slices,
        told.slice_auroc,
        told.slice_spearman,
        distance_mm=_distance(heat, marked, Grid.of(heatmap)),
        energy_inside=float(heat[marked].sum() / total),
        annotated_share=share,
    )


def _distance(heat: np.ndarray, marked: np.ndarray, grid: Grid) -> float:
    """From the hottest voxel's middle to the nearest annotated voxel's, mm."""
    hottest = np.unravel_index(int(np.argmax(heat)), heat.shape)
    if marked[hottest]:
        return 0.0
    place = grid.points(np.array([hottest[::-1]], float))
    others = grid.points(np.argwhere(marked)[:, ::-1].astype(float))
    return float(np.linalg.norm(others - place, axis=1).min())


def fidelity_figures(
    scans: Sequence[Fidelity],
    patients: Sequence[str],
    *,
    tolerance_mm: float = TOLERANCE_MM,
    repeats: int = REPEATS,
    seed: int = 0,
) -> FidelityFigures | None:
    """Over the scans with an annotation; None where there is none."""
    rows = [i for i, one in enumerate(scans) if one.annotated_share is not None]
    if not rows:
        return None
    chosen, whose = [scans[i] for i in rows], [patients[i] for i in rows]

    def mean(name: str) -> Area | None:
        return mean_area([getattr(one, name) for one in chosen], whose, repeats, seed)

    return FidelityFigures(
        scans=len(chosen),
        without_heat=sum(one.distance_mm is None for one in chosen),
        slice_auroc=mean("slice_auroc"),
        slice_spearman=mean("slice_spearman"),
        energy_inside=mean("energy_inside"),
        annotated_share=float(np.mean([one.annotated_share for one in chosen])),
        hits=wilson(sum(bool(one.hit) for one in chosen), len(chosen)),
        near=wilson(sum(bool(one.near(tolerance_mm)) for one in chosen), len(chosen)),
        tolerance_mm=tolerance_mm,
    )
