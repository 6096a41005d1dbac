"""NEMA-like phantoms for the scanner chain: a water cylinder of 22 cm, with spheres or without."""

from __future__ import annotations

import numpy as np

from HNCLogic.images.grid import Grid
from HNCLogic.phantom.scanners.attenuation import WATER
from HNCLogic.phantom.scanners.camera import Camera
from HNCLogic.phantom.scanners.centres import Protocol
from HNCLogic.phantom.scanners.reconstruction import osem
from HNCLogic.phantom.scanners.scanner import AXIAL, post_filter

DIAMETERS = (10, 13, 17, 22, 28, 37)  # mm
RING = 57.2  # mm: how far the spheres' middles are from the axis
RADIUS = 110.0
# Pixel, slice (mm), iterations, subsets, views.
EARL_GRIDS = {"4 mm": (4.0, 4.0, 3, 33, 198), "2.3 mm": (2.3, 2.8, 2, 21, 168)}
# Least and most of SUVmax and of the mean within the background-corrected 50 % contour, over the
# true concentration: EARL's 18F standards 1, accreditation specifications of January 2017
# (earl.eanm.org), also table 3 of "SUV variability in EARL-accredited conventional and digital
# PET".
EARL_1 = {
    10: ((0.34, 0.57), (0.27, 0.43)),
    13: ((0.59, 0.85), (0.44, 0.60)),
    17: ((0.73, 1.01), (0.57, 0.73)),
    22: ((0.83, 1.09), (0.63, 0.78)),
    28: ((0.91, 1.13), (0.72, 0.85)),
    37: ((0.95, 1.16), (0.76, 0.89)),
}


class NemaPhantom:
    """On a small grid of ``pixel`` mm and ``slice_mm``; z = 0 is the middle of a slice."""

    def __init__(self, pixel: float, slice_mm: float, protocol: Protocol, length: float = 64.0):
        self.pixels, self.slices = int(256 / pixel), int(length / slice_mm)
        self.pixel, self.slice_mm, self.protocol = pixel, slice_mm, protocol
        _, y, x = self.axes(1)
        self.from_axis = np.hypot(y, x)
        self.camera = Camera(
            self.from_axis < RADIUS + 10, pixel, slice_mm, protocol.views, protocol.subsets
        )
        self.water = np.repeat(WATER * (self.from_axis < RADIUS)[None], self.slices, 0)
        self.grid = Grid(
            (self.pixels, self.pixels, self.slices), (pixel, pixel, slice_mm), (0.0, 0.0, 0.0),
            AXIAL,
        )  # fmt: skip

    def axes(self, finer: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """z, y, x of all voxels, mm, open; each voxel in ``finer`` parts a side."""
        step, n = self.pixel / finer, self.pixels * finer
        across = (np.arange(n) - (n - 1) / 2) * step
        along = (np.arange(self.slices * finer) + 0.5) / finer - 0.5 - self.slices // 2
        return (along * self.slice_mm)[:, None, None], across[:, None], across[None]

    def uptake(self, background: float, spheres: float | None = None, finer: int = 2) -> np.ndarray:
        """SUV: ``background`` in the cylinder, ``spheres`` in the spheres; (z, y, x)."""
        z, y, x = self.axes(finer)
        suv = np.where(np.hypot(y, x) + 0 * z < RADIUS, background, 0.0)
        for diameter, (cx, cy) in self.middles() if spheres else ():
            away = np.sqrt((x - cx) ** 2 + (y - cy) ** 2 + z**2)
            inside = np.clip((diameter / 2 - away) / (self.pixel / finer) + 0.5, 0, 1)
            suv += (spheres - background) * inside
        return suv.astype(np.float32)

    @staticmethod
    def middles() -> list[tuple[int, tuple[float, float]]]:
        angles = np.arange(len(DIAMETERS)) * np.pi / 3
        return [
            (diameter, (RING * np.cos(angle), RING * np.sin(angle)))
            for diameter, angle in zip(DIAMETERS, angles, strict=True)
        ]

    def scan(
        self,
        suv: np.ndarray,
        psf: float,
        sensitivity: float,
        unwanted: float,
        seed: int = 1,
        believed: np.ndarray | None = None,
    ) -> np.ndarray:
        """The image, SUV; ``believed``: the attenuation it is corrected with, else the true."""
        mu = self.water if believed is None else believed
        seen = self.camera.seen(suv, self.water, psf)
        rng = np.random.default_rng(seed)
        counts = self.camera.count(seen, mu, sensitivity, unwanted, rng)
        image = osem(self.camera, counts, self.protocol.iterations)
        return post_filter(image, self.grid.spacing, self.protocol.filter_mm)

    def recovery(self, image: np.ndarray, spheres: float) -> list[tuple[float, float]]:
        """Of each sphere: SUVmax, and mean within its background-corrected 50 %, over truth."""
        z, y, x = self.axes(1)
        background = np.median(image[2:-2, self.from_axis < 25])
        found = []
        for diameter, (cx, cy) in self.middles():
            away = np.sqrt((x - cx) ** 2 + (y - cy) ** 2 + z**2)
            near = image[away < diameter / 2 + 8]
            hot = near[near > (near.max() + background) / 2]
            found.append((float(near.max() / spheres), float(hot.mean() / spheres)))
        return found
