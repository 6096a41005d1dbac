"""Where something lies: boxes of a canvas or of a scanner's grid that hold it.

More than half of a scan is air. Worked out only where the body is, an image costs half, and is
the same.
"""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
from scipy.ndimage import binary_dilation, gaussian_filter

from HNCLogic.images.grid import Grid
from HNCLogic.phantom.body.shapes import Canvas

Box = tuple[slice, slice, slice]  # z, y, x
STEP_MM = 10.0  # apart, at most, are the places of a grid that are looked up
# On the canvas a voxel is at most 1.25 * sqrt(3) * STEP_MM / 2 away from the nearest of them, if a
# pose stretches by a quarter at most; what is read linearly reaches one canvas voxel further.
NEAR_MM = 14.0
STRETCH_MM = 80.0


def boxes_on(
    grid: Grid, filled: np.ndarray, canvas: Canvas, transform: sitk.Transform
) -> list[Box]:
    """Boxes of ``grid`` that hold all that is ``filled`` on the canvas, and what is read of it.

    ``filled``: bool (z, y, x). ``transform``: from the grid's space to the canvas's, smooth over
    STEP_MM. One box for each stretch of slices.
    """
    block = int(np.ceil(NEAR_MM / canvas.spacing))
    near = filled
    for axis in range(3):
        near = np.logical_or.reduceat(near, np.arange(0, near.shape[axis], block), axis)
    near = binary_dilation(np.pad(near, 1), np.ones((3, 3, 3)))
    blocks = sitk.GetImageFromArray(near.astype(np.uint8))
    blocks.SetSpacing([block * canvas.spacing] * 3)
    blocks.SetOrigin([float(v) - (block + 1) / 2 * canvas.spacing for v in canvas.low])
    times = [max(1, int(STEP_MM / mm)) for mm in grid.spacing]
    lit = sitk.GetArrayFromImage(sitk.Resample(
        blocks, [-(-n // step) + 1 for n, step in zip(grid.size, times, strict=True)], transform,
        sitk.sitkNearestNeighbor, list(grid.origin),
        [step * mm for step, mm in zip(times, grid.spacing, strict=True)], list(grid.direction),
    )).astype(bool)  # fmt: skip
    found = []
    layers = max(1, int(STRETCH_MM / (times[2] * grid.spacing[2])))
    for first in range(0, len(lit) - 1, layers):
        last = min(first + layers, len(lit) - 1)
        slices = slice(first * times[2], min(last * times[2], grid.size[2]))
        here = lit[first : last + 1].any(axis=0)
        if not here.any():
            continue
        box = [slices]
        for i in (1, 0):
            where = np.flatnonzero(here.any(axis=i))
            half = (times[i] + 1) // 2
            low, high = where[0] * times[i] - half, where[-1] * times[i] + half + 1
            box.append(slice(max(int(low), 0), min(int(high), grid.size[i])))
        found.append(tuple(box))
    return found


def blurred(
    values: np.ndarray, filled: np.ndarray, sigma: float, truncate: float = 4.0, every: int = 32
) -> np.ndarray:
    """``values`` (z, y, x) behind a Gaussian of ``sigma`` voxels, as ``gaussian_filter`` gives it.

    ``filled``: bool, false where ``values`` are all the same. In stretches of ``every`` slices.
    """
    reach = int(truncate * sigma + 0.5)
    found = values.copy()
    for first in range(0, len(values), every):
        low, high = max(first - reach, 0), min(first + every + reach, len(values))
        here = filled[low:high].any(axis=0)
        if not here.any():
            continue
        box = [slice(first, min(first + every, len(values)))]
        wide = [slice(low, high)]
        for axis in (1, 0):
            where = np.flatnonzero(here.any(axis=axis))
            n = here.shape[1 - axis]
            for margin, of in ((reach, box), (2 * reach, wide)):
                of.append(slice(max(where[0] - margin, 0), min(where[-1] + margin + 1, n)))
        part = gaussian_filter(values[tuple(wide)], sigma, truncate=truncate)
        inner = tuple(
            slice(b.start - w.start, b.stop - w.start) for b, w in zip(box, wide, strict=True)
        )
        found[tuple(box)] = part[inner]
    return found


def between(places: np.ndarray, count: int) -> np.ndarray:
    """Weights (len(places), count), float32, that read a row of ``count`` values linearly.

    ``places``: in values from the first; beyond an end its value goes on.
    """
    places = np.clip(places, 0, max(count - 1.001, 0))
    weights = np.zeros((len(places), max(count, 2)), np.float32)
    low = places.astype(int)
    rows = np.arange(len(places))
    weights[rows, low], weights[rows, low + 1] = 1 - (places - low), places - low
    return weights[:, :count]
