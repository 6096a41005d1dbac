"""Dmax: the largest distance within a set of voxels, without trying every pair."""

from __future__ import annotations

import numpy as np

_FEW = 400  # so many points are compared pair by pair without thinning them out first


def extreme_voxels(inside: np.ndarray) -> np.ndarray:
    """Array indices (n, 3) of the voxels of a mask among which the farthest two must lie.

    Two points of a set that lie farthest apart are corners of its convex hull, in whatever
    affine frame the voxels are placed. A corner is the first or last voxel of its row along
    every axis, which leaves some of the surface; of these the hull is taken.
    """
    ends = inside.copy()
    for axis, length in enumerate(inside.shape):
        first = np.expand_dims(inside.argmax(axis=axis), axis)
        last = length - 1 - np.expand_dims(np.flip(inside, axis).argmax(axis=axis), axis)
        end = np.zeros_like(inside)
        np.put_along_axis(end, first, True, axis)
        np.put_along_axis(end, last, True, axis)
        ends &= end
    return _hull(np.argwhere(ends))


def largest_distance(points: np.ndarray) -> float:
    """The largest distance between any two of the points (n, 3), in their unit; 0 for one."""
    points = np.asarray(points, dtype=float)
    largest = 0.0
    rows = max(1, 2_000_000 // max(1, len(points)))
    for start in range(0, len(points), rows):
        apart = points[start : start + rows, None, :] - points[None, start:, :]
        largest = max(largest, float(np.einsum("ijk,ijk->ij", apart, apart).max()))
    return float(np.sqrt(largest))


def _hull(points: np.ndarray) -> np.ndarray:
    """The corners of the convex hull of whole-number points; all of them where they are few."""
    if len(points) <= _FEW:
        return points
    from scipy.spatial import ConvexHull

    # A lesion in one slice, or one voxel thick along an oblique line, has no volume: the hull is
    # taken in the plane (or line) that the points span. Whole numbers make the rank exact.
    offset = points - points[0]
    _, lengths, directions = np.linalg.svd(offset, full_matrices=False)
    rank = int((lengths > lengths[0] * 1e-9).sum())
    if rank == 1:
        along = offset @ directions[0]
        return points[[along.argmin(), along.argmax()]]
    return points[ConvexHull(offset @ directions[:rank].T).vertices]
