"""A real case with the built-in atlas bent onto it: the canvas's space, and places in it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import SimpleITK as sitk
from scipy.ndimage import binary_erosion

from HNCLogic.phantom.body.atlas import HIGH, LOW
from HNCLogic.phantom.body.shapes import Canvas
from HNCLogic.phantom.real_ct.atlas_warp import Warp, fit_warp
from HNCLogic.phantom.real_ct.completing import linear_weights
from HNCLogic.phantom.real_ct.marks import find_marks
from HNCLogic.phantom.real_ct.real_cases import Case
from HNCLogic.phantom.real_ct.reconcile import AIR, BONE, FAT

AROUND = 3.0  # mm: what the atlas is about a place is judged within that
NECK = 120.0  # mm below the parotids to its lower end
SURFACE = 8.0  # mm further a landmark goes rather than lie at the surface of its tissue
ABOVE = 8.0  # mm of the canvas above the crown


@dataclass(frozen=True)
class Fitted:
    """A case moved so that its parotids lie where the atlas's do, and the atlas bent onto it."""

    case: Case
    warp: Warp
    low: np.ndarray  # corners of the canvas, mm
    high: np.ndarray
    lung_top: float  # mm
    neck: float  # mm, atlas: above this height lie neck and head
    reference: Case  # the atlas that was bent

    def place(self, atlas_point) -> np.ndarray:
        """Where an atlas position lies: what is soft tissue there lies in soft tissue here."""
        point = np.asarray(atlas_point, float)
        there = self.warp.place(point)
        part = around(self.reference, point, AROUND)
        body = self.reference.body[part]
        hu = self.reference.hu[part][body]
        if body.size and body.mean() < 0.5:  # necks differ; what lies about the chest may stay
            return self._softened(there, AIR) if point[2] > self.neck else there
        if not hu.size or (hu < AIR).mean() > 0.6 or (hu > BONE).mean() > 0.85:
            return there
        soft, fat = ((hu > FAT) & (hu < BONE)).sum(), ((hu > AIR) & (hu <= FAT)).sum()
        return self._softened(there, FAT if soft >= fat else AIR)

    def _softened(self, point: np.ndarray, needs: float, reach: float = 24.0) -> np.ndarray:
        """The nearest place to ``point`` within ``reach`` mm with HU from ``needs`` to bone's,
        away from air and bone; ``point`` itself where it is such a place or out of view."""
        case = self.case
        index = case.index(point)
        if not case.whole.start <= index[0] < case.whole.stop:
            return point
        cut = around(case, point, reach)
        hu, body = case.hu[cut], case.body[cut]
        good = body & (hu > needs) & (hu < BONE)
        start = np.array([s.start for s in cut])
        good[: max(case.whole.start - start[0], 0)] = False
        good[max(case.whole.stop - start[0], 0) :] = False
        found = np.argwhere(good)
        if not len(found):
            return point
        # At a surface half a voxel may be air or bone: rather a little further, and within.
        core = binary_erosion(good, np.ones((1, 3, 3), bool))
        centres = case.points(found + start)
        away = np.linalg.norm(np.maximum(np.abs(centres - point) - np.array(case.spacing) / 2, 0),
                              axis=1)  # fmt: skip
        best = int(np.argmin(away + np.where(core[tuple(found.T)], 0.0, SURFACE)))
        half = np.array(case.spacing) / 2
        return np.clip(point, centres[best] - 0.3 * half, centres[best] + 0.3 * half)


def fit(case: Case, atlas: Case) -> Fitted:
    """Bend ``atlas`` (see ``marks.as_case``) onto ``case``; takes about 2 s."""
    atlas_marks, marks = find_marks(atlas), find_marks(case)
    shift = atlas_marks.parotids - marks.parotids
    case = replace(case, origin=tuple(float(v) for v in np.asarray(case.origin) + shift))
    marks = find_marks(case)
    ends = case.points(np.array([(0, 0, 0), np.array(case.hu.shape) - 1]))
    low, high = np.minimum(ends[0] - 6, LOW), np.maximum(ends[1] + 6, HIGH)
    low[2], high[2] = min(ends[0][2], LOW[2]) - 60, max(ends[1][2], HIGH[2]) + 60
    warp = fit_warp(atlas, atlas_marks, case, marks, (low - 30, high + 30))

    # From the atlas's own lower end, where nothing is known of the tissues, to the crown.
    feet = [warp.place((x, atlas_marks.cord[0, 1], LOW[2] + 4))[2] for x in (-90, 0, 90)]
    low[2] = max(feet)
    crown = warp.place((0, atlas_marks.parotids[1], atlas_marks.levels["crown"]))[2]
    seen = marks.top if "crown" in marks.levels else -np.inf
    high[2] = max(crown, seen) + ABOVE
    lung = marks.levels.get("lung top")
    if lung is None:
        lung = warp.place((60, atlas_marks.cord[0, 1], atlas_marks.levels["lung top"]))[2]
    neck = atlas_marks.parotids[2] - NECK
    return Fitted(case, warp, low, high, float(lung), neck, atlas)


def around(case: Case, point: np.ndarray, reach: float) -> tuple[slice, ...]:
    """The part (z, y, x) of a case's arrays within ``reach`` mm of ``point``."""
    near = np.ceil(reach / np.array(case.spacing)).astype(int)[::-1]
    return tuple(
        slice(max(i - n, 0), max(i + n + 1, 0))
        for i, n in zip(case.index(point), near, strict=True)
    )


def bent(drawn: Canvas, warp: Warp, canvas: Canvas) -> np.ndarray:
    """The atlas's labels on ``canvas``, each voxel that of its nearest atlas voxel."""
    field = warp.to_atlas.GetDisplacementField()
    shift = sitk.GetArrayViewFromImage(field)
    start, step = field.GetOrigin(), field.GetSpacing()
    rows = [linear_weights((canvas.axes[i] - start[i]) / step[i], field.GetSize()[i])
            for i in range(3)]  # fmt: skip
    size = np.array(drawn.size)
    labels = np.zeros(canvas.labels.shape, np.uint8)
    across = np.stack(
        [
            np.ascontiguousarray(rows[1] @ (shift[..., i].astype(np.float32) @ rows[0].T))
            for i in range(3)
        ]
    )  # (3, coarse z, y, x)
    for first in range(0, len(labels), 24):
        part = slice(first, min(first + 24, len(labels)))
        flat, inside = None, None
        for i, stride in ((2, size[0] * size[1]), (1, size[0]), (0, 1)):
            own = np.tensordot(rows[2][part], across[i], axes=(1, 0))
            axis = canvas.axes[i][part] if i == 2 else canvas.axes[i]
            own += axis.reshape([-1 if 2 - i == k else 1 for k in range(3)])
            index = np.round((own - drawn.low[i]) / drawn.spacing).astype(np.int32)
            good = (index >= 0) & (index < size[i])
            np.clip(index, 0, size[i] - 1, out=index)
            flat = index * int(stride) if flat is None else flat + index * int(stride)
            inside = good if inside is None else inside & good
        labels[part] = np.where(inside, drawn.labels.ravel()[flat], 0)
    return labels
