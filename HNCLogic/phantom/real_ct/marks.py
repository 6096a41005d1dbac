"""Places by which two bodies are compared: found alike in the built-in atlas and in a real CT.

Both are a ``Case``: CT numbers, organ masks and body. All positions are x, y, z in mm.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from HNCLogic.phantom.body.shapes import Canvas
from HNCLogic.phantom.body.tissues import column, only
from HNCLogic.phantom.real_ct.real_cases import ORGANS, Case

BONE_HU = 250.0
CHIN_AHEAD = 82.0  # mm before the cord: nothing of bone but the jaw lies there
CROWN = 75.0  # mm: half axis of the skull's upper part, for what is left above a section
AS_ORGAN = {
    "brainstem": ("brainstem",),
    "larynx": ("larynx", "vocal cord"),
    "oesophagus": ("oesophagus",),
    "cord": ("cord",),
}


def as_case(canvas: Canvas) -> Case:
    """A painted canvas as CT with organ masks, for the same search as in a real one."""
    labels = canvas.labels
    x = canvas.axes[0]
    organs = np.zeros(labels.shape, np.uint8)
    parotid = only("parotid")[labels]
    organs[parotid & (x > 0)] = ORGANS["left parotid"]
    organs[parotid & (x <= 0)] = ORGANS["right parotid"]
    for organ, tissues in AS_ORGAN.items():
        organs[only(*tissues)[labels] & (np.abs(x) < 25)] = ORGANS[organ]
    body = labels > 0
    body = np.stack([ndimage.binary_fill_holes(part) for part in body])
    seen = np.nonzero(body.any(axis=(1, 2)))[0]
    hu = np.where(body, column("hu")[labels], -1000).astype(np.int16)
    return Case(
        "atlas", hu, organs, body, (canvas.spacing,) * 3, slice(int(seen[0]), int(seen[-1]) + 1),
        tuple(float(v) for v in canvas.low),
    )  # fmt: skip


@dataclass(frozen=True)
class Marks:
    """What was found in one body."""

    points: dict[str, np.ndarray]  # single places; those that are not seen are left out
    levels: dict[str, float]  # heights, mm: "crown", "parotid", "shoulder", "lung top"
    cord: np.ndarray  # (n, 3), rising: the cord's middle, slice by slice
    bottom: float  # mm: between these heights the body's section is whole
    top: float

    @property
    def parotids(self) -> np.ndarray:
        """The middle between both parotids."""
        return (self.points["left parotid"] + self.points["right parotid"]) / 2

    def cord_at(self, z: float | np.ndarray) -> np.ndarray:
        """The cord's middle at height ``z``: (…, 3); beyond its ends it goes on straight down."""
        z = np.asarray(z, float)
        x, y = (np.interp(z, self.cord[:, 2], self.cord[:, i]) for i in (0, 1))
        return np.stack([x, y, z], axis=-1)


def find_marks(case: Case) -> Marks:
    """The marks of ``case``, which holds at least both parotids and the cord."""
    organs, (_, _, step) = case.organs, case.spacing
    points: dict[str, np.ndarray] = {}
    for organ in ("left parotid", "right parotid", "brainstem", "larynx"):
        found = np.argwhere(organs == ORGANS[organ])
        if len(found):
            points[organ] = case.points(found).mean(axis=0)
    cord = _curve(case)
    bottom = case.origin[2] + case.whole.start * step
    top = case.origin[2] + (case.whole.stop - 1) * step
    parotids = (points["left parotid"] + points["right parotid"]) / 2
    levels = {"parotid": float(parotids[2])}

    area = case.body.sum(axis=(1, 2)) * case.spacing[0] * case.spacing[1]
    z = case.origin[2] + step * np.arange(len(area))
    head = area[case.whole][z[case.whole] > parotids[2]]
    share = head[-1] / head.max() if len(head) else 1.0
    if top > parotids[2] + 60 and share < 0.75:
        levels["crown"] = top + CROWN * (1 - np.sqrt(1 - share))
        last = np.argwhere(case.body[case.whole.stop - 1 : case.whole.stop])
        points["crown"] = np.array([*case.points(last).mean(axis=0)[:2], levels["crown"]])
    seen = max(case.whole.start, int(np.searchsorted(z, parotids[2] - 130)))
    neck = slice(seen, int(np.searchsorted(z, parotids[2])))
    if neck.stop > neck.start:
        thin = neck.start + int(np.argmin(area[neck]))
        wide = np.nonzero(area[neck.start : thin] > 1.6 * area[thin])[0]
        if len(wide):
            levels["shoulder"] = float(z[neck.start + wide[-1]])
    lung = _lung_top(case, cord, levels.get("shoulder", parotids[2] - 90) + 25)
    if lung is not None:
        levels["lung top"] = lung
    chin = _chin(case, np.interp(parotids[2], cord[:, 2], cord[:, 1]), parotids)
    if chin is not None:
        points["chin"] = chin
    return Marks(points, levels, cord, float(bottom), float(top))


def _curve(case: Case) -> np.ndarray:
    """The cord's middle in each slice in which it is drawn, smoothed over about 15 mm."""
    rows = []
    for index in np.nonzero((case.organs == ORGANS["cord"]).any(axis=(1, 2)))[0]:
        y, x = np.nonzero(case.organs[index] == ORGANS["cord"])
        rows.append((index, y.mean(), x.mean()))
    curve = case.points(np.array(rows))
    sigma = max(6.0 / case.spacing[2], 0.5)
    curve[:, :2] = ndimage.gaussian_filter1d(curve[:, :2], sigma, axis=0, mode="nearest")
    return curve


def _lung_top(case: Case, cord: np.ndarray, highest: float) -> float | None:
    """The height at which the lungs end, where they are in view."""
    z = case.origin[2] + case.spacing[2] * np.arange(len(case.hu))
    below = (z < highest) & (np.arange(len(z)) >= case.whole.start)
    air = (case.hu < -600) & case.body & below[:, None, None]
    x = case.origin[0] + case.spacing[0] * np.arange(case.hu.shape[2])
    air &= np.abs(x - np.interp(highest, cord[:, 2], cord[:, 0])) > 22  # beside the windpipe
    area = air.sum(axis=(1, 2)) * case.spacing[0] * case.spacing[1]
    # Not a pocket of air: the section grows to that of a lung further down.
    if area.max(initial=0) < 1500:
        return None
    return float(z[np.nonzero(area > 300)[0][-1]])


def _chin(case: Case, cord_y: float, parotids: np.ndarray) -> np.ndarray | None:
    """The lower front end of the jaw in the midline; None where it is not found."""
    own = case.organs == ORGANS["mandible"]
    bone = own if own.any() else case.hu > BONE_HU
    found = case.points(np.argwhere(bone))
    middle = np.abs(found[:, 0] - parotids[0]) < 14
    ahead = cord_y - found[:, 1] > CHIN_AHEAD
    near = np.abs(found[:, 2] - parotids[2] + 30) < 50
    found = found[middle & ahead & near]
    if len(found) < 8:
        return None
    low = np.percentile(found[:, 2], 3)
    front = np.percentile(found[found[:, 2] < low + 20][:, 1], 5)
    return np.array([parotids[0], front, low])
