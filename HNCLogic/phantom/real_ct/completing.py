"""From a case's own voxels to the canvas, and over the ends of its CT without a step."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import distance_transform_edt, find_objects

from HNCLogic.phantom.body.shapes import Canvas
from HNCLogic.phantom.body.tissues import LABEL, column
from HNCLogic.phantom.real_ct.real_cases import Case

JOIN = 36.0  # mm beyond the CT over which the outline goes over to the atlas's
REACH = 30.0  # mm: further apart the two outlines are not brought together
BLEND = 10.0  # mm before the CT's end over which its numbers go over to the tissues' own
AT_EDGE = 12.0  # mm of a slice's side at which the body touches the CT's border: it goes on


@dataclass(frozen=True)
class View:
    """What of a canvas the CT knows, and its values there."""

    rows: slice  # the canvas's slices (z) within the CT
    known: np.ndarray  # bool, (len(rows), y, x): false where the body goes on beyond a side
    hu: np.ndarray  # float32, (len(rows), y, x)
    body: np.ndarray  # bool, the same
    organs: np.ndarray  # uint8, the same


def seen_on(case: Case, canvas: Canvas) -> View:
    """``case`` on the grid of ``canvas`` (both in the same mm)."""
    z = canvas.axes[2]
    low = case.origin[2] + case.whole.start * case.spacing[2]
    high = case.origin[2] + (case.whole.stop - 1) * case.spacing[2]
    inside = np.nonzero((z >= low - 1e-3) & (z <= high + 1e-3))[0]
    rows = slice(int(inside[0]), int(inside[-1]) + 1)
    axes = [canvas.axes[0], canvas.axes[1], z[rows]]
    hu = _zoomed(np.where(case.body, case.hu, -1000).astype(np.float32), case, axes, -1000.0)
    body = _zoomed(case.body.astype(np.float32), case, axes, 0.0) > 0.5
    organs = np.zeros(hu.shape, np.uint8)
    best = np.full(hu.shape, 0.5, np.float32)
    for label, box in enumerate(find_objects(case.organs), start=1):
        if box is None:
            continue
        cut, near = _around(case, box, axes)
        share = _zoomed((case.organs[box] == label).astype(np.float32), near, cut[1], 0.0)
        part, most = organs[cut[0]], best[cut[0]]
        more = share > most
        part[more], most[more] = label, share[more]
    return View(rows, _known(case, axes), hu, body, organs)


def _around(case: Case, box, axes):
    """The part of the canvas (slices z, y, x, and axes x, y, z) that can hold what lies in
    ``box`` of the case, and the case's grid from the box's corner on."""
    starts = [s.start for s in box][::-1]
    origin = tuple(case.origin[i] + case.spacing[i] * starts[i] for i in range(3))
    cuts, parts = [], []
    for i in range(3):
        low = origin[i] - 2 * case.spacing[i]
        high = case.origin[i] + case.spacing[i] * (box[2 - i].stop + 1)
        cut = slice(*(int(v) for v in np.searchsorted(axes[i], (low, high))))
        cuts.append(cut)
        parts.append(axes[i][cut])
    return (tuple(cuts[::-1]), parts), replace(case, origin=origin)


def _known(case: Case, axes: list[np.ndarray]) -> np.ndarray:
    """Beyond a side of the CT lies air, unless the body touches that side in the slice."""
    rows = [np.clip((axes[i] - case.origin[i]) / case.spacing[i], 0, case.hu.shape[2 - i] - 1)
            for i in range(3)]  # fmt: skip
    index = np.round(rows[2]).astype(int)
    known = np.ones(tuple(len(a) for a in axes[::-1]), bool)
    for axis, across in ((0, 1), (1, 0)):
        size = case.hu.shape[2 - axis]
        end = case.origin[axis] + case.spacing[axis] * (size - 1)
        for side, beyond in ((0, axes[axis] < case.origin[axis]), (size - 1, axes[axis] > end)):
            face = np.take(case.body, side, axis=2 - axis)  # (z, other axis)
            touched = (face.sum(axis=1) * case.spacing[across] > AT_EDGE)[index]
            hidden = touched[:, None] & beyond[None]
            known &= ~(hidden[:, None, :] if axis == 0 else hidden[:, :, None])
    return known


def _zoomed(values: np.ndarray, case: Case, axes: list[np.ndarray], outside: float) -> np.ndarray:
    """``values`` of the case at the grid positions ``axes`` (x, y, z): float32, (z, y, x).

    Cubic convolution (Keys, IEEE Trans Acoust 1981), axis by axis, as the two grids are parallel.
    """
    out = values - np.float32(outside)
    for axis, numpy_axis in ((2, 0), (1, 1), (0, 2)):
        at = (axes[axis] - case.origin[axis]) / case.spacing[axis]
        out = _along(out, _weights(at, values.shape[numpy_axis]), numpy_axis)
    return out + np.float32(outside)


def _along(values: np.ndarray, weights: np.ndarray, axis: int) -> np.ndarray:
    if axis == 2:
        return values @ weights.T
    if axis == 1:
        return weights @ values
    flat = weights @ values.reshape(len(values), -1)
    return flat.reshape(len(weights), *values.shape[1:])


def _weights(at: np.ndarray, size: int) -> np.ndarray:
    """Rows of cubic weights for the index positions ``at``: float32 (len(at), size)."""
    weights = np.zeros((len(at), size), np.float32)
    base = np.floor(at).astype(int)
    for shift in (-1, 0, 1, 2):
        index = base + shift
        d = np.abs(at - index)
        w = np.where(d < 1, 1.5 * d**3 - 2.5 * d**2 + 1, -0.5 * d**3 + 2.5 * d**2 - 4 * d + 2)
        inside = (index >= 0) & (index < size)
        weights[np.nonzero(inside)[0], index[inside]] = w[inside]
    return weights


def linear_weights(at: np.ndarray, size: int) -> np.ndarray:
    """Rows of linear weights for the index positions ``at``: float32 (len(at), size)."""
    at = np.clip(at, 0, size - 1)
    return np.maximum(1 - np.abs(at[:, None] - np.arange(size)), 0).astype(np.float32)


def join(labels: np.ndarray, canvas: Canvas, view: View, fill: np.ndarray) -> None:
    """Let the outline beyond the CT's ends begin as the CT's last section has it.

    ``labels``: the whole canvas, finished within the CT, the bent atlas beyond; changed beyond.
    ``fill``: labels for places that the atlas leaves outside the body, like ``labels``.
    """
    count = max(round(JOIN / canvas.spacing), 1)
    for end, away in ((view.rows.stop - 1, 1), (view.rows.start, -1)):
        if not 0 <= end + away < len(labels):
            continue
        inner = end - view.rows.start
        own, atlas = _depth(view.body[inner]), _depth(fill[end] > 0)
        gap = np.clip(own - atlas, -REACH / canvas.spacing, REACH / canvas.spacing)
        gap *= view.known[inner]
        for step in range(1, count):
            index = end + away * step
            if not 0 <= index < len(labels):
                break
            share = 0.5 + 0.5 * np.cos(np.pi * step / count)
            part = labels[index]
            inside = _depth(part > 0) + share * gap > 0
            part[~inside] = 0
            grown = inside & (part == 0)
            part[grown] = LABEL["fat"]
            rim = inside & (_depth(inside) <= 1.2)
            part[grown & rim] = LABEL["skin"]


def _depth(mask: np.ndarray) -> np.ndarray:
    """Signed distance to the border in voxels, positive inside: float, axes (y, x)."""
    if not mask.any() or mask.all():
        return np.full(mask.shape, 50.0 if mask.any() else -50.0)
    return distance_transform_edt(mask) - distance_transform_edt(~mask)


def numbers(canvas: Canvas, view: View, grain: np.ndarray) -> np.ndarray:
    """The CT on the canvas in HU, NaN where it says nothing: float32, axes (z, y, x).

    ``grain``: noise of variance 1 on the canvas. It puts back the fine structure of the tissues,
    which voxels of 4 mm have averaged out.
    """
    hu = np.full(canvas.labels.shape, np.nan, np.float32)
    labels = canvas.labels[view.rows]
    own = view.hu + 0.7 * column("hu_texture")[labels] * grain[view.rows] * (np.abs(view.hu) < 350)
    own = np.where(view.body, own, -1000)
    size = len(labels)
    depth = np.full(size, np.inf)  # mm from the nearest end of the CT
    if view.rows.start > 0:
        depth = np.minimum(depth, np.arange(size) * canvas.spacing)
    if view.rows.stop < len(canvas.labels):
        depth = np.minimum(depth, np.arange(size)[::-1] * canvas.spacing)
    for index in np.nonzero(depth < BLEND)[0]:
        share = float(depth[index] / BLEND)
        table = column("hu")[labels[index]]
        own[index] = share * own[index] + (1 - share) * table
    own[~view.known] = np.nan
    hu[view.rows] = np.clip(own, -1024, 3071)
    return hu
