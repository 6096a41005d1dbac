"""The true labels of a canvas on the grid of an image: what fills half of a voxel, owns it."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
from scipy.ndimage import find_objects

from HNCLogic.images.grid import Grid
from HNCLogic.phantom.body.shapes import Canvas

STEP_MM = 12.0  # apart are the places of the grid that are looked up beforehand


def labels_on(
    grid: Grid, canvas_labels: np.ndarray, canvas: Canvas, transform: sitk.Transform
) -> np.ndarray:
    """uint8, axes (z, y, x) of ``grid``: the label that has at least half of the voxel, or 0.

    ``canvas_labels``: integers (z, y, x) on ``canvas``, 0 where there is none. ``transform``: from
    the grid's space to the canvas's, smooth over STEP_MM. Each label is read linearly, and only
    where it can be. A label too small to fill half of any voxel is lost, as on a real scanner's
    grid.
    """
    found = np.zeros(grid.size[::-1], np.uint8)
    boxes = [
        (value, box) for value, box in enumerate(find_objects(canvas_labels), 1) if box is not None
    ]
    if not boxes:
        return found
    places, times = _places(grid, transform)
    for value, box in boxes:
        low = canvas.low + canvas.spacing * np.array([cut.start for cut in box[::-1]])
        high = canvas.low + canvas.spacing * np.array([cut.stop - 1 for cut in box[::-1]])
        near = ((places > low - STEP_MM) & (places < high + STEP_MM)).all(axis=3)
        where = np.nonzero(near)
        if not len(where[0]):
            continue
        cut = tuple(
            slice(max(int(at.min() - 1) * step, 0), min(int(at.max() + 2) * step, n))
            for at, step, n in zip(where, times[::-1], grid.size[::-1], strict=True)
        )
        wide = tuple(slice(max(c.start - 1, 0), c.stop + 1) for c in box)
        share = sitk.GetImageFromArray((canvas_labels[wide] == value).astype(np.float32))
        share.SetSpacing([canvas.spacing] * 3)
        start = np.array([c.start for c in wide[::-1]])
        share.SetOrigin([float(v) for v in canvas.low + canvas.spacing * start])
        part = sitk.Resample(
            share, [c.stop - c.start for c in cut[::-1]], transform, sitk.sitkLinear,
            [float(v) for v in grid.points(np.array([[c.start for c in cut[::-1]]]))[0]],
            list(grid.spacing), list(grid.direction), 0.0, sitk.sitkFloat32,
        )  # fmt: skip
        found[cut][sitk.GetArrayViewFromImage(part) >= 0.5] = value
    return found


def _places(grid: Grid, transform: sitk.Transform) -> tuple[np.ndarray, list[int]]:
    """Where every so many voxels of the grid lie on the canvas: (z, y, x, 3) mm, and how many."""
    times = [max(1, int(STEP_MM / mm)) for mm in grid.spacing]
    size = [-(-n // step) for n, step in zip(grid.size, times, strict=True)]
    spacing = [step * mm for step, mm in zip(times, grid.spacing, strict=True)]
    field = sitk.TransformToDisplacementField(
        transform, sitk.sitkVectorFloat64, size, list(grid.origin), spacing, list(grid.direction)
    )  # fmt: skip
    axes = [np.arange(n) * step for n, step in zip(size, spacing, strict=True)]
    offsets = np.stack(np.meshgrid(*axes[::-1], indexing="ij")[::-1], axis=-1)
    return offsets @ grid.matrix.T + grid.origin + sitk.GetArrayFromImage(field), times
