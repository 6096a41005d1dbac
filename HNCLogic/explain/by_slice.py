"""A heat map slice by slice along the body: where it is hot, and how that fits an annotation."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from HNCLogic.explain.fidelity import slice_agreement, slice_maxima
from HNCLogic.images.grid import Grid, ras
from HNCLogic.images.region import region_mask
from HNCLogic.job import Explanation, Region, SliceHeat


def explanation(heatmap: sitk.Image, region: Region, mask: sitk.Image | None) -> Explanation:
    """The largest heat in each slice of the region, the hottest place in it (None where there is
    no heat) and, with a mask, how well the heat tells the annotated slices (the paper's figure 5
    in numbers)."""
    grid = Grid.of(heatmap)
    values = sitk.GetArrayViewFromImage(heatmap)
    axis = int(np.argmax(np.abs(grid.matrix[2])))  # the index axis that runs head to foot
    others = tuple(2 - a for a in range(3) if a != axis)  # numpy's axes are z, y, x
    largest = slice_maxima(np.moveaxis(values, 2 - axis, 0))
    middle = np.tile((np.asarray(grid.size) - 1) / 2, (grid.size[axis], 1))
    middle[:, axis] = np.arange(grid.size[axis])
    heights = grid.points(middle)[:, 2]
    marked = None
    if mask is not None:
        marked = (sitk.GetArrayViewFromImage(mask) > 0).any(axis=others)
    inside = np.flatnonzero((heights >= region.inferior_mm) & (heights <= region.superior_mm))
    slices = [
        SliceHeat(
            index=int(i),
            position_mm=float(heights[i]),
            heat=float(np.clip(largest[i], 0, 1)),
            annotated=None if marked is None else bool(marked[i]),
        )
        for i in inside[np.argsort(heights[inside])]
    ]
    within = region_mask(heatmap, region)  # kept: a view does not keep its image
    analysed = np.where(sitk.GetArrayViewFromImage(within) > 0, values, 0.0)
    hottest = None
    if analysed.max() > 0:
        z, y, x = np.unravel_index(int(np.argmax(analysed)), analysed.shape)
        hottest = ras(grid.points(np.array([[x, y, z]]))[0])
    auroc = rank = None
    if marked is not None and slices:
        auroc, rank = slice_agreement(
            np.array([s.heat for s in slices]), np.array([s.annotated for s in slices])
        )
    return Explanation(
        slices=slices,
        hottest_ras=hottest,
        slice_auroc=auroc,
        slice_spearman=rank,
    )
