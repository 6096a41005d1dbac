"""Analytic shapes, and the canvas on which they are painted as tissue labels.

Everything is in millimetres in the atlas space of ``anatomy.py`` (axes as LPS: x to the left,
y to the back, z to the head). A shape knows the box it lies in and a function that is negative
inside it, roughly in millimetres from its surface, so that noise added to it moves the surface.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.spatial.transform import Rotation

Coordinates = tuple[np.ndarray, np.ndarray, np.ndarray]  # x, y, z; open, to be broadcast
Level = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Shape:
    low: tuple[float, float, float]  # corner of the box that holds it, mm
    high: tuple[float, float, float]
    level: Level  # (x, y, z) → about mm to the surface, negative inside
    roughness: float = 0.0  # mm: how far noise moves the surface
    folds: float = 0.0  # mm: the same by finer noise, for the folds of the brain

    def mirrored(self) -> Shape:
        """The same on the other side of the body."""
        low = (-self.high[0], *self.low[1:])
        high = (-self.low[0], *self.high[1:])
        level = self.level
        return replace(self, low=low, high=high, level=lambda x, y, z: level(-x, y, z))

    def moved(self, shift: np.ndarray) -> Shape:
        """The same elsewhere; ``shift`` in mm."""
        dx, dy, dz = (np.float32(v) for v in shift)
        low, high = tuple(self.low + shift), tuple(self.high + shift)
        level = self.level
        return replace(
            self, low=low, high=high, level=lambda x, y, z: level(x - dx, y - dy, z - dz)
        )

    def minus(self, level: Level) -> Shape:
        """The part of the shape where ``level`` is positive."""
        own = self.level
        return replace(self, level=lambda x, y, z: np.maximum(own(x, y, z), -level(x, y, z)))


def blend(first: Shape, second: Shape, width: float) -> Shape:
    """Both shapes as one, their seam filled over about ``width`` mm."""

    def level(x, y, z):
        a, b = first.level(x, y, z), second.level(x, y, z)
        near = np.maximum(width - np.abs(a - b), 0)
        return np.minimum(a, b) - near * near * (0.25 / width)

    low, high = np.minimum(first.low, second.low), np.maximum(first.high, second.high)
    return replace(first, low=tuple(low), high=tuple(high), level=level)


def ellipsoid(
    centre: np.ndarray,
    radii: np.ndarray,
    angles: tuple[float, float, float] = (0.0, 0.0, 0.0),
    roughness: float = 0.0,
    power: float = 2.0,
    folds: float = 0.0,
) -> Shape:
    """(Super)ellipsoid; ``angles`` in degrees turn it about x, then y, then z."""
    centre, radii = np.asarray(centre, float), np.asarray(radii, float)
    turned = any(angles)
    matrix = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    reach = np.abs(matrix) @ radii if power > 2 else np.sqrt((matrix**2) @ radii**2)
    reach = reach + 3 * (roughness + folds)
    scale = float(radii.min())
    # Single precision, as the coordinates: twice as fast, and exact to a ten-thousandth of a mm.
    c, r, turn = (v.astype(np.float32) for v in (centre, radii, matrix))

    def level(x, y, z):
        d = [x - c[0], y - c[1], z - c[2]]
        if turned:
            d = [turn[0, i] * d[0] + turn[1, i] * d[1] + turn[2, i] * d[2] for i in range(3)]
        d = [v / of for v, of in zip(d, r, strict=True)]
        d = [v * v if power == 2 else np.abs(v) ** power for v in d]
        q = d[0] + d[1] + d[2]
        q = np.sqrt(q) if power == 2 else q ** (1 / power)
        return (q - 1) * scale

    return Shape(tuple(centre - reach), tuple(centre + reach), level, roughness, folds)


def mottled(centre: tuple, radii: tuple, share: float) -> Shape:
    """Patches of about a centimetre in a box, fewer towards its walls.

    ``share``: 0 for half of the box, -10 for a sixth, 10 for five sixths.
    """
    centre, radii = np.asarray(centre, np.float32), np.asarray(radii, np.float32)

    def level(x, y, z):
        edge = [
            (np.abs(v - c) / r).astype(np.float32)
            for v, c, r in zip((x, y, z), centre, radii, strict=True)
        ]
        wall = [np.maximum(d - 0.6, 0) * 45 for d in edge]
        return (wall[0] + wall[1] + wall[2]) - np.float32(share)

    return Shape(tuple(centre - radii), tuple(centre + radii), level, roughness=10.0)


def tube(
    points: np.ndarray,
    radius: float | np.ndarray,
    stretch: tuple[float, float, float] = (1.0, 1.0, 1.0),
    roughness: float = 0.0,
) -> list[Shape]:
    """Round-ended pieces along ``points`` (n, 3); ``stretch`` flattens or widens the section."""
    points = np.asarray(points, float)
    radius = np.broadcast_to(np.asarray(radius, float), (len(points),))
    stretch = np.asarray(stretch, float)
    pieces = []
    for a, b, ra, rb in zip(points[:-1], points[1:], radius[:-1], radius[1:], strict=True):
        reach = np.maximum(ra, rb) * stretch + 3 * roughness
        pieces.append(
            Shape(
                tuple(np.minimum(a, b) - reach),
                tuple(np.maximum(a, b) + reach),
                _capsule(a / stretch, b / stretch, ra, rb, stretch),
                roughness,
            )
        )
    return pieces


def _capsule(a: np.ndarray, b: np.ndarray, ra: float, rb: float, stretch: np.ndarray) -> Level:
    axis = b - a
    a, axis = a.astype(np.float32), axis.astype(np.float32)
    stretch = np.asarray(stretch, np.float32)
    length2 = max(float(axis @ axis), 1e-6)

    def level(x, y, z):
        dx, dy, dz = x / stretch[0] - a[0], y / stretch[1] - a[1], z / stretch[2] - a[2]
        onto = dx * axis[0] + dy * axis[1] + dz * axis[2]
        along = np.clip(onto * (1 / length2), 0, 1)
        # The square of what is left of d without its part along the axis.
        distance2 = dx * dx + dy * dy + dz * dz
        distance2 -= along * (2 * onto - along * length2)
        return np.sqrt(np.maximum(distance2, 0)) - (ra + along * (rb - ra))

    return level


def loft(knots: np.ndarray, power: float = 2.2, roughness: float = 0.0) -> Shape:
    """A trunk of superelliptic sections.

    ``knots`` (n, 5): z, half width, y of the front, y of the back (mm), and how much narrower the
    front end is than the middle, as a share.
    """
    knots = np.asarray(knots, float)
    knots = knots[np.argsort(knots[:, 0])]
    curves = [PchipInterpolator(knots[:, 0], knots[:, i]) for i in (1, 2, 3, 4)]
    z_low, z_high = knots[0, 0], knots[-1, 0]

    def level(x, y, z):
        inside = np.clip(z, z_low, z_high)
        half, front, back, taper = (curve(inside).astype(np.float32) for curve in curves)
        middle, depth = (front + back) / 2, np.maximum((back - front) / 2, 0.5)
        forward = np.clip((middle - y) / depth, 0, 1)
        width = np.maximum(half * (1 - taper * forward**2), 0.5)
        # No root is drawn over the whole volume: near the surface q - 1 is power times as steep.
        q = np.abs(x) ** power * width**-power + np.abs((y - middle) / depth) ** power
        q -= 1
        q *= np.minimum(half, depth) / power
        beyond = np.maximum(z - z_high, z_low - z)
        return np.maximum(q, beyond, out=q) if (beyond > 0).any() else q

    half = knots[:, 1].max() + 3 * roughness
    low = (-half, knots[:, 2].min() - 3 * roughness, z_low)
    high = (half, knots[:, 3].max() + 3 * roughness, z_high)
    return Shape(low, high, level, roughness)


class Canvas:
    """A regular grid in atlas space on which tissues are painted, later ones over earlier.

    ``labels`` is uint8 with axes (z, y, x); voxel (0, 0, 0) lies at ``low``.
    """

    def __init__(self, low: tuple[float, ...], high: tuple[float, ...], spacing: float):
        self.low, self.spacing = np.asarray(low, float), float(spacing)
        self.size = tuple(
            int(np.ceil((b - a) / spacing)) + 1 for a, b in zip(low, high, strict=True)
        )
        self.labels = np.zeros(self.size[::-1], np.uint8)
        self.roughness: np.ndarray | None = None  # unit-variance noise that moves rough surfaces
        self.folds: np.ndarray | None = None  # finer noise, for the brain

    @property
    def high(self) -> np.ndarray:
        """Where the last voxel lies, mm."""
        return self.low + self.spacing * (np.asarray(self.size) - 1)

    @property
    def axes(self) -> list[np.ndarray]:
        return [
            (self.low[i] + self.spacing * np.arange(self.size[i])).astype(np.float32)
            for i in range(3)
        ]

    def window(self, shape: Shape) -> tuple[tuple[slice, ...], Coordinates]:
        """The part of the canvas that can hold ``shape``: slices (z, y, x) and coordinates."""
        cuts, axes = [], []
        for i in range(3):
            first = math.floor((shape.low[i] - self.low[i]) / self.spacing)
            last = math.ceil((shape.high[i] - self.low[i]) / self.spacing) + 1
            first, last = max(first, 0), max(min(last, self.size[i]), 0)
            cuts.append(slice(first, last))
            axes.append((self.low[i] + self.spacing * np.arange(first, last)).astype(np.float32))
        x, y, z = axes
        return tuple(cuts[::-1]), (x[None, None, :], y[None, :, None], z[:, None, None])

    def inside(self, shape: Shape) -> tuple[tuple[slice, ...], np.ndarray]:
        """Where ``shape`` is: slices (z, y, x) and, for them, true inside it."""
        cuts, (x, y, z) = self.window(shape)
        level = shape.level(x, y, z)
        if shape.roughness and self.roughness is not None:
            level = level + shape.roughness * self.roughness[cuts]
        if shape.folds and self.folds is not None:
            level = level + shape.folds * self.folds[cuts]
        inside, shape_here = level <= 0, self.labels[cuts].shape
        if inside.shape != shape_here:
            inside = np.broadcast_to(inside, shape_here)
        return cuts, inside

    def paint(self, tissue: int, shape: Shape, onto: np.ndarray | None = None) -> None:
        """Give ``tissue`` to the voxels inside ``shape`` whose present label is in ``onto``.

        ``onto``: bool (256,), true for the labels that may be painted over; None: all.
        """
        cuts, inside = self.inside(shape)
        labels = self.labels[cuts]
        if onto is not None:
            inside = inside & onto[labels]
        np.copyto(labels, np.uint8(tissue), where=inside)
