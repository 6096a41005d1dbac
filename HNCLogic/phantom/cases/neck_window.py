"""A window on one side of the neck, finer than the slices of a CT, in which nodes are painted.

It has the pixels of the CT and several thin layers in each of its slices; what is painted in it
is averaged over the slice, and only the difference is added to the CT. Axes (z, y, x).
"""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
from scipy.ndimage import map_coordinates

from HNCLogic.images.grid import Grid
from HNCLogic.phantom.body.noise import smooth_field
from HNCLogic.phantom.body.pose import Pose
from HNCLogic.phantom.body.shapes import Canvas
from HNCLogic.phantom.body.tissues import LABEL, only

LAYERS = 3  # thin ones in each slice of the CT
HARD = only("airway", "bone", "marrow", "teeth", "mastoid", "disc", "csf", "cord", "lung",
            "cartilage", "larynx", "outside")  # fmt: skip


class NeckWindow:
    """CT numbers between two corners (LPS mm) of the neck, before the scanner adds its noise.

    ``hu``: float32; ``labels``: tissues, uint8; ``hard``: where no node can grow; ``marks``:
    uint8, the nodes' numbers; ``low``, ``spacing``: mm along (x, y, z).
    """

    def __init__(self, grid: Grid, low, high, canvas: Canvas, hu: np.ndarray, pose: Pose):
        step = np.asarray(grid.spacing)
        first = np.floor((np.asarray(low) - grid.origin) / step).astype(int)
        last = np.ceil((np.asarray(high) - grid.origin) / step).astype(int) + 1
        first, last = np.clip(first, 0, grid.size), np.clip(last, 0, grid.size)
        self.cuts = tuple(slice(int(a), int(b)) for a, b in zip(first, last, strict=True))[::-1]
        self.spacing = step / (1, 1, LAYERS)
        self.low = np.asarray(grid.origin) + step * first
        self.low[2] -= (LAYERS - 1) / 2 * self.spacing[2]
        self.size = (last - first) * (1, 1, LAYERS)
        self._canvas, self._values = canvas, hu
        field = sitk.TransformToDisplacementField(
            pose.to_atlas, sitk.sitkVectorFloat32, [int(n) for n in self.size],
            self.low.tolist(), self.spacing.tolist(),
        )  # fmt: skip
        shift = np.moveaxis(sitk.GetArrayViewFromImage(field), -1, 0)
        self._index = [  # where each point lies on the canvas, in its voxels; x, y, z
            (axis + shift[i] - canvas.low[i]) / canvas.spacing
            for i, axis in enumerate(self.coordinates(self.whole))
        ]
        self._plain = self._read(None)
        self.marks = np.zeros(self._plain.shape, np.uint8)
        self._still = HARD[self._tissue(None)]
        self.displace(np.zeros((3, *self._plain.shape), np.float32))

    @property
    def whole(self) -> tuple[slice, ...]:
        return tuple(slice(0, int(n)) for n in self.size[::-1])

    def coordinates(self, cuts: tuple[slice, ...]) -> tuple[np.ndarray, ...]:
        """x, y, z (LPS mm) of a part of the window, open, to be broadcast."""
        x, y, z = (
            (self.low[i] + self.spacing[i] * np.arange(cut.start, cut.stop)).astype(np.float32)
            for i, cut in enumerate(cuts[::-1])
        )
        return x[None, None, :], y[None, :, None], z[:, None, None]

    def around(self, centre, reach: float) -> tuple[slice, ...]:
        """The part of the window within ``reach`` mm of ``centre`` along every axis: slices."""
        index = (np.asarray(centre) - self.low) / self.spacing
        first = np.floor(index - reach / self.spacing).astype(int)
        last = np.ceil(index + reach / self.spacing).astype(int) + 1
        first, last = np.clip(first, 0, self.size), np.clip(last, 0, self.size)
        return tuple(slice(int(a), int(b)) for a, b in zip(first, last, strict=True))[::-1]

    def noise(self, rng: np.random.Generator, cuts: tuple[slice, ...], length: float) -> np.ndarray:
        """A smooth random field of mean 0 and variance 1 on a part of the window, float32."""
        low = self.low + self.spacing * [cut.start for cut in cuts[::-1]]
        size = [cut.stop - cut.start for cut in cuts[::-1]]
        field = smooth_field(rng, tuple(low), tuple(low + self.spacing * size), length)
        out = sitk.Resample(
            field, size, sitk.Transform(3, sitk.sitkIdentity), sitk.sitkLinear, low.tolist(),
            self.spacing.tolist(), [1, 0, 0, 0, 1, 0, 0, 0, 1], 0.0,
        )  # fmt: skip
        return sitk.GetArrayFromImage(out)

    def displace(self, shift: np.ndarray) -> None:
        """Tissue is brought to each point from ``shift`` mm (3, z, y, x) away; bone and air stay.

        What lay behind a bone that would have come along is fat.
        """
        self.hu, self.labels = self._read(shift), self._tissue(shift)
        came = HARD[self.labels] & ~self._still
        self.hu[self._still] = self._plain[self._still]
        self.hu[came] = -90.0
        self.labels[came] = LABEL["fat"]
        self.hard = self._still

    def paint_into(self, hu: np.ndarray, marks: np.ndarray) -> None:
        """Average over the layers, into the CT (z, y, x) and the nodes' contours, where changed.

        The CT's own values, which are no averages, fade into the painted ones, so that there is
        neither a seam nor a sum of two at the border of bone or air.
        """
        shape = (-1, LAYERS, *self.hu.shape[1:])
        change = np.abs(self.hu - self._plain).reshape(shape).mean(axis=1)
        share = np.clip(change / 12.0, 0, 1)
        target = hu[self.cuts]
        target += share * (self.hu.reshape(shape).mean(axis=1) - target)
        inside = marks[self.cuts]
        for number in np.unique(self.marks[self.marks > 0]):
            inside[(self.marks == number).reshape(shape).mean(axis=1) >= 0.5] = number

    def _points(self, shift: np.ndarray | None) -> list[np.ndarray]:
        if shift is None:
            return self._index[::-1]
        step = self._canvas.spacing  # the pose turns little: a short way is the same on the canvas
        return [self._index[i] + shift[i] / step for i in (2, 1, 0)]

    def _read(self, shift: np.ndarray | None) -> np.ndarray:
        points = self._points(shift)
        return map_coordinates(self._values, points, np.float32, order=1, cval=-1000.0)

    def _tissue(self, shift: np.ndarray | None) -> np.ndarray:
        index = tuple(
            np.clip(np.rint(p).astype(np.int32), 0, n - 1)
            for p, n in zip(self._points(shift), self._canvas.labels.shape, strict=True)
        )
        return self._canvas.labels[index]
