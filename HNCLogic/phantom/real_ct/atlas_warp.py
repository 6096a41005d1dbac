"""How the built-in atlas is bent onto a real body, also where the CT does not reach.

First by single places (glands, chin, cord …), then by the skin and the skull along the same rays
in both. The bending is a thin-plate spline (Bookstein, IEEE Trans Pattern Anal Mach Intell 1989),
held beyond the CT by places that follow the head and the chest as wholes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from scipy.interpolate import RBFInterpolator
from scipy.ndimage import map_coordinates
from scipy.spatial.transform import Rotation

from HNCLogic.phantom.real_ct.marks import BONE_HU, Marks
from HNCLogic.phantom.real_ct.real_cases import Case

STEP = 12.0  # mm between the points at which the bending is kept
LEVEL_STEP = 16.0  # mm between the sections that are compared
RAYS = 16
SMOOTH = (40.0, 400.0)  # of the spline, for single places and for rays
STIFFER = (1.0, 6.0, 36.0)  # times that, as long as the bending folds
LEAST = 0.08  # volume after bending against before, at the least
APART = (18.0, 45.0)  # mm: further apart what a ray finds is not the same: head and neck, trunk
# Where the skin is no landmark, as it follows a chin's and a nose's shape: atlas heights (mm, from
# the parotids) and rays within this angle of straight ahead.
FACE, FACE_ANGLE = (-75.0, 75.0), 50.0
# Places that keep the head's and the chest's form where no CT is: mm from the parotids' middle.
HEAD = ((0, 0, 165), (0, -95, 90), (0, 95, 90), (72, 0, 90), (-72, 0, 90), (0, -95, 30),
        (0, 60, 140), (0, -75, 135), (62, -40, 125), (-62, -40, 125), (62, 40, 125),
        (-62, 40, 125), (35, 0, 155), (-35, 0, 155))  # fmt: skip
CHEST = ((0, -75, -220), (0, 115, -220), (200, 25, -220), (-200, 25, -220), (110, 100, -250),
         (-110, 100, -250), (110, -60, -250), (-110, -60, -250))  # fmt: skip


@dataclass(frozen=True)
class Warp:
    """Atlas to canvas and back; the canvas lies in the real patient, moved but not turned."""

    to_atlas: sitk.DisplacementFieldTransform
    forward: RBFInterpolator  # atlas → canvas, nearly the inverse

    def place(self, atlas_point) -> np.ndarray:
        """Where an atlas position lies on the canvas, mm."""
        target = np.asarray(atlas_point, float)
        guess = self.forward(target[None])[0]
        for _ in range(25):
            there = self.to_atlas.TransformPoint([float(v) for v in guess])
            guess = guess + 0.7 * (target - np.asarray(there))
        return guess


def fit_warp(atlas: Case, atlas_marks: Marks, real: Case, real_marks: Marks, box) -> Warp:
    """The warp between two bodies; ``box``: low and high corner of what is to be bent, mm."""
    pairs = _places(atlas_marks, real_marks)
    guard = _guard(pairs, pairs, atlas_marks, real_marks)
    rough = _spline([*pairs, *guard], [SMOOTH[0]] * (len(pairs) + len(guard)))

    rays = _skin(atlas, atlas_marks, real, real_marks, rough)
    # What the CT shows makes the whole's guess superfluous.
    guard = _guard([*pairs, *rays], pairs, atlas_marks, real_marks)
    kept = [p for p in guard if not _in_view(p[1][2], real_marks)]
    every = [*pairs, *kept, *rays]
    weight = np.array([SMOOTH[0]] * len(pairs) + [SMOOTH[1]] * (len(kept) + len(rays)))
    for factor in STIFFER:
        back = _spline([(b, a) for a, b in every], factor * weight)
        field = _field(back, *box)
        change = sitk.DisplacementFieldJacobianDeterminant(field.GetDisplacementField())
        if sitk.GetArrayViewFromImage(change).min() > LEAST:
            break
    return Warp(field, _spline(every, factor * weight))


def _in_view(z: float, marks: Marks, margin: float = 15.0) -> bool:
    above = 60.0 if "crown" in marks.points else margin
    return marks.bottom - margin < z < marks.top + above


def _heights(atlas: Marks, real: Marks) -> tuple[np.ndarray, np.ndarray]:
    """The heights known in both bodies, rising: atlas, real."""
    both = sorted((atlas.levels[k], real.levels[k]) for k in atlas.levels if k in real.levels)
    kept = [both[0]]
    for a, b in both[1:]:
        if a - kept[-1][0] > 15 and b - kept[-1][1] > 15:
            kept.append((a, b))
    return np.array([a for a, _ in kept]), np.array([b for _, b in kept])


def _height(z: np.ndarray, known: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Heights ``z`` of one body in the other, linear between and one to one beyond the known."""
    z = np.asarray(z, float)
    inside = np.interp(z, known, wanted)
    return inside + np.minimum(z - known[0], 0) + np.maximum(z - known[-1], 0)


def _places(atlas: Marks, real: Marks) -> list[tuple[np.ndarray, np.ndarray]]:
    # Where brainstem ends and cord begins, those who draw them do not agree.
    names = [name for name in atlas.points if name in real.points and name != "brainstem"]
    pairs = [(atlas.points[name], real.points[name]) for name in names]
    known, wanted = _heights(atlas, real)
    seen = max(real.bottom, real.cord[0, 2]), min(real.top, real.cord[-1, 2])
    for z in np.arange(atlas.cord[0, 2], atlas.cord[-1, 2], 20.0):
        there = float(_height(z, known, wanted))
        if seen[0] <= there <= seen[1]:
            pairs.append((atlas.cord_at(z), real.cord_at(there)))
    return pairs


def _guard(all_pairs, places, atlas: Marks, real: Marks):
    """Pairs that let the head follow ``all_pairs`` as a whole, and the chest the cord."""
    z_atlas, z_real = atlas.parotids[2], real.parotids[2]
    high = [(a, b) for a, b in places if a[2] > z_atlas - 50]
    high += [(a, b) for a, b in all_pairs[len(places) :] if a[2] > z_atlas + 45]
    turn, scale, start, end = _similarity(np.array([a for a, _ in high]),
                                          np.array([b for _, b in high]))  # fmt: skip
    if len(high) < 12:  # roll and yaw of a head that is not seen: glands alone say little of them
        angles = Rotation.from_matrix(turn).as_euler("xyz") * (1, 0.4, 0.4)
        turn = Rotation.from_euler("xyz", angles).as_matrix()
    known, wanted = _heights(atlas, real)
    low = max(real.bottom, real.cord[0, 2]) + 5
    low_atlas = float(_height(low, wanted, known))
    from_, to = atlas.cord_at(low_atlas), real.cord_at(low)
    if low > z_real - 40:  # the cord's mask ends in the neck
        from_, to = start, end
    head, chest = (atlas.parotids + np.array(places, float) for places in (HEAD, CHEST))
    pairs = [(p, end + scale * (turn @ (p - start))) for p in head]
    return pairs + [(p, to + scale * (p - from_)) for p in chest]


def _similarity(a: np.ndarray, b: np.ndarray):
    """Turn, scale and shift that bring points ``a`` onto ``b`` with the least squared error
    (Umeyama, IEEE Trans Pattern Anal Mach Intell 1991); the scale kept within that of adults."""
    start, end = a.mean(axis=0), b.mean(axis=0)
    u, s, vt = np.linalg.svd((b - end).T @ (a - start))
    sign = np.diag([1, 1, np.linalg.det(u @ vt)])
    scale = (s * np.diag(sign)).sum() / ((a - start) ** 2).sum()
    return u @ sign @ vt, float(np.clip(scale, 0.88, 1.14)), start, end


def _skin(atlas: Case, atlas_marks: Marks, real: Case, real_marks: Marks, rough):
    """Pairs of places on the skin and the skull along rays from the body's middle."""
    known, wanted = _heights(atlas_marks, real_marks)
    span = _height(np.array([real_marks.bottom + 3, real_marks.top - 3]), wanted, known)
    count = max(int(np.ceil((span[1] - span[0]) / LEVEL_STEP)), 2)
    parotid = atlas_marks.parotids
    pairs = []
    for z in np.linspace(span[0], span[1], count + 1):
        centre = atlas_marks.cord_at(z) + np.array([0, -18, 0])
        head = z - parotid[2]
        for angle in np.arange(RAYS) * 2 * np.pi / RAYS:  # 0: straight ahead
            ahead = abs((np.degrees(angle) + 180) % 360 - 180) < FACE_ANGLE
            if ahead and FACE[0] < head < FACE[1]:
                continue
            reach = np.arange(5.0, 260.0, 1.5)[:, None]
            ray = centre + reach * np.array([np.sin(angle), -np.cos(angle), 0.0])
            there = rough(ray)
            for kind in ("skin", "skull") if head > 45 else ("skin",):
                one, other = _last(atlas, ray, kind), _last(real, there, kind)
                if one is not None and other is not None and _seen(there[other], real):
                    pairs.append((ray[one], there[other]))
    # Ears, head rests and folds of skin are no landmarks; shoulders may lie far from the atlas's.
    far = [APART[0] if a[2] > parotid[2] - 70 else APART[1] for a, _ in pairs]
    gaps = [np.linalg.norm(rough(a[None])[0] - b) for a, b in pairs]
    return [pair for pair, gap, most in zip(pairs, gaps, far, strict=True) if gap < most]


def _last(case: Case, ray: np.ndarray, kind: str) -> int | None:
    """The last point of ``ray`` in the body or in bone."""
    values = case.body.view(np.uint8) if kind == "skin" else case.hu
    at = ((ray - case.origin) / case.spacing)[:, ::-1].T
    inside = map_coordinates(values, at, np.float32, order=1, cval=0.0)
    found = np.nonzero(inside > (0.5 if kind == "skin" else BONE_HU))[0]
    return int(found[-1]) if len(found) else None


def _seen(point: np.ndarray, case: Case) -> bool:
    """Not at the border of the CT, where the body goes on unseen."""
    index = (point - np.asarray(case.origin)) / case.spacing
    size = np.array(case.hu.shape[::-1])
    z = case.whole.start - 0.5 <= index[2] <= case.whole.stop - 0.5
    return bool(z and (index[:2] > 0.8).all() and (index[:2] < size[:2] - 1.8).all())


def _spline(pairs, smoothing) -> RBFInterpolator:
    """Function (n, 3) → (n, 3) through ``pairs``; positions in mm."""
    a, b = np.array([p for p, _ in pairs]), np.array([q for _, q in pairs])
    _, first = np.unique(np.round(a, 3), axis=0, return_index=True)
    first.sort()
    return RBFInterpolator(
        a[first], b[first], kernel="thin_plate_spline", degree=1,
        smoothing=np.asarray(smoothing, float)[first],
    )  # fmt: skip


def _field(back: RBFInterpolator, low, high) -> sitk.DisplacementFieldTransform:
    """The displacement from canvas to atlas positions, read linearly in between."""
    axes = [np.arange(a, b + STEP, STEP) for a, b in zip(low, high, strict=True)]
    z, y, x = np.meshgrid(*axes[::-1], indexing="ij")
    points = np.stack([x, y, z], axis=-1).reshape(-1, 3)
    shift = (back(points) - points).reshape(*x.shape, 3)
    image = sitk.GetImageFromArray(shift.astype(np.float64), isVector=True)
    image.SetSpacing([STEP] * 3)
    image.SetOrigin([float(v) for v in low])
    return sitk.DisplacementFieldTransform(image)
