"""Where a volume is hottest: as a whole, and at one height of the body."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from HNCLogic.images.grid import ras
from HNCLogic.scene.volumes import grid_of, voxels_of

if TYPE_CHECKING:  # pydantic is not there before the user agreed to install it
    from HNCLogic.job import Position


def hottest_of(node: Any) -> Position | None:
    """RAS, mm, of the largest voxel; None where no voxel is above 0.

    Raises InputError where the volume is empty or stands under a warping transform.
    """
    grid = grid_of(node)
    array = voxels_of(node.GetImageData())
    index = np.unravel_index(int(array.argmax()), array.shape)
    if not array[index] > 0:
        return None
    return ras(grid.points([index[::-1]])[0])


def hottest_at(node: Any, height: float) -> Position | None:
    """RAS, mm, of the largest voxel among those at ``height`` (S, mm), in a plane through an
    oblique volume as well; None where the volume does not reach, or no voxel there is above 0.

    The place given lies at ``height`` itself. Raises InputError as ``grid_of`` does.
    """
    grid = grid_of(node)
    # Along the index axis nearest to head-foot each line of voxels meets the height once.
    rise = grid.matrix[2] * np.asarray(grid.spacing)  # mm toward the head, a voxel on
    axis = int(np.argmax(np.abs(rise)))
    lines = np.moveaxis(voxels_of(node.GetImageData()), 2 - axis, 0)  # numpy's axes are z, y, x
    first, second = (a for a in (2, 1, 0) if a != axis)
    begin = grid.origin[2] + (
        rise[first] * np.arange(grid.size[first])[:, None]
        + rise[second] * np.arange(grid.size[second])[None, :]
    )
    met = np.rint((height - begin) / rise[axis]).astype(int)
    there = (met >= 0) & (met < grid.size[axis])
    if not there.any():
        return None
    values = np.take_along_axis(lines, np.clip(met, 0, grid.size[axis] - 1)[None], axis=0)[0]
    values = np.where(there, values, -np.inf)
    line = np.unravel_index(int(np.argmax(values)), values.shape)
    if not values[line] > 0:
        return None
    index = np.zeros(3)
    index[[first, second, axis]] = (*line, met[line])
    right, front, _ = ras(grid.points(index[None])[0])
    return right, front, float(height)
