"""Grids: where an image's voxels lie in the patient, and resampling from one to another.

A grid is size, spacing, origin and direction as SimpleITK has them: index order x, y, z,
millimetres, LPS patient space. Numpy arrays made from images have axes (z, y, x).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk


@dataclass(frozen=True)
class Grid:
    size: tuple[int, int, int]  # x, y, z
    spacing: tuple[float, float, float]  # mm
    origin: tuple[float, float, float]  # mm, LPS, centre of the first voxel
    direction: tuple[float, ...]  # 9 numbers, rows of the 3x3 matrix, LPS

    @classmethod
    def of(cls, image: sitk.Image) -> Grid:
        return cls(image.GetSize(), image.GetSpacing(), image.GetOrigin(), image.GetDirection())

    @property
    def matrix(self) -> np.ndarray:
        """3x3: columns are the LPS directions of the x, y and z index axes."""
        return np.asarray(self.direction, dtype=float).reshape(3, 3)

    @property
    def voxel_ml(self) -> float:
        return float(np.prod(self.spacing)) / 1000.0

    def points(self, indices: np.ndarray) -> np.ndarray:
        """LPS positions (n, 3) in mm of continuous indices (n, 3) in x, y, z order."""
        scaled = np.asarray(indices, dtype=float) * np.asarray(self.spacing)
        return scaled @ self.matrix.T + np.asarray(self.origin)

    def indices(self, points: np.ndarray) -> np.ndarray:
        """Continuous x, y, z indices (n, 3) of LPS positions (n, 3) in mm."""
        offset = np.asarray(points, dtype=float) - np.asarray(self.origin)
        return (offset @ np.linalg.inv(self.matrix).T) / np.asarray(self.spacing)

    def corners(self) -> np.ndarray:
        """LPS positions (8, 3) of the outer corners of the corner voxels."""
        ends = [(-0.5, n - 0.5) for n in self.size]
        return self.points(np.array([(x, y, z) for x in ends[0] for y in ends[1] for z in ends[2]]))

    def same_as(self, other: Grid, tolerance_mm: float = 1e-2) -> bool:
        """Do the two grids place every voxel within ``tolerance_mm`` of each other?"""
        if self.size != other.size:
            return False
        return bool(np.abs(self.corners() - other.corners()).max() <= tolerance_mm)

    def empty(self, pixel_type: int = sitk.sitkUInt8) -> sitk.Image:
        image = sitk.Image(list(self.size), pixel_type)
        return self.place(image)

    def place(self, image: sitk.Image) -> sitk.Image:
        """Give ``image`` this grid's geometry (it must have this grid's size)."""
        image.SetSpacing(self.spacing)
        image.SetOrigin(self.origin)
        image.SetDirection(self.direction)
        return image

    def image(self, array: np.ndarray) -> sitk.Image:
        """An image on this grid from an array with axes (z, y, x)."""
        return self.place(sitk.GetImageFromArray(array))


def resample(
    image: sitk.Image, grid: Grid, outside: float, interpolator: int = sitk.sitkLinear
) -> sitk.Image:
    """``image`` on ``grid``; voxels outside its field of view get ``outside``, never a smear."""
    return sitk.Resample(
        image,
        list(grid.size),
        sitk.Transform(3, sitk.sitkIdentity),
        interpolator,
        list(grid.origin),
        list(grid.spacing),
        list(grid.direction),
        float(outside),
        image.GetPixelID(),
    )


def to_patient_axes(image: sitk.Image) -> sitk.Image:
    """The same voxels, reordered so that x runs about left, y about posterior, z about superior.

    Flips and swaps of axes only: no voxel value and no position changes; an oblique image
    stays oblique.
    """
    return sitk.DICOMOrient(image, "LPS")


def ras(lps: np.ndarray | tuple[float, float, float]) -> tuple[float, float, float]:
    """An LPS position as RAS."""
    x, y, z = (float(v) for v in lps)
    return (-x, -y, z)


def overlap_fraction(inner: Grid, outer: Grid, samples: int = 24) -> float:
    """Share of ``inner``'s field of view, by volume, that lies inside ``outer``'s."""
    axes = [np.linspace(-0.5, n - 0.5, samples) for n in inner.size]
    cells = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    where = outer.indices(inner.points(cells))
    inside = np.all((where >= -0.5) & (where <= np.asarray(outer.size) - 0.5), axis=1)
    return float(inside.mean())


def shrink_toward(image: sitk.Image, spacing: tuple[float, float, float]) -> sitk.Image:
    """``image`` averaged over whole blocks of voxels, as far as ``spacing`` (mm, x y z) allows.

    Going straight from 0.5 mm to 4 mm by interpolation would pick single noisy voxels.
    Positions stay true: SimpleITK moves the origin to the first block's centre. A last block that
    the image fills in part only is filled up with its edge voxels, so nothing at the far end of
    an axis is lost.
    """
    factors = [
        max(1, min(int(target / own + 1e-6), size))
        for target, own, size in zip(spacing, image.GetSpacing(), image.GetSize(), strict=True)
    ]
    if factors == [1, 1, 1]:
        return image
    lacking = [-size % factor for size, factor in zip(image.GetSize(), factors, strict=True)]
    if any(lacking):
        image = sitk.ZeroFluxNeumannPad(image, [0, 0, 0], lacking)
    return sitk.BinShrink(image, factors)
