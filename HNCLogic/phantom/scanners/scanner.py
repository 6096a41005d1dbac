"""What the scanners make of the patient: their grids, their CT, the couch, the PET's filter."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
from scipy.ndimage import gaussian_filter

from HNCLogic.images.grid import Grid
from HNCLogic.phantom.body.dental import add_fillings
from HNCLogic.phantom.body.shapes import Canvas
from HNCLogic.phantom.body.tissues import LABEL, column
from HNCLogic.phantom.scanners.places import blurred, boxes_on

FWHM = 2.3548  # full width at half maximum of a Gaussian, in standard deviations
# Gain of CT number 70 s after iodine, HU.
IODINE = {"vessel": 130, "tumour": 30, "thyroid": 60, "mucosa": 25, "submandibular": 35,
          "parotid": 20, "node": 30}  # fmt: skip
AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)


def read(
    values: np.ndarray, canvas: Canvas, grid: Grid, transform: sitk.Transform, outside: float
) -> np.ndarray:
    """A canvas's values on a scanner's grid, linearly: float32, axes (z, y, x).

    Only where there is something else than ``outside``; ``transform`` is smooth as a pose is.
    """
    values = values.astype(np.float32, copy=False)
    image = sitk.GetImageFromArray(values)
    image.SetSpacing([canvas.spacing] * 3)
    image.SetOrigin([float(v) for v in canvas.low])
    found = np.full(grid.size[::-1], outside, np.float32)
    for box in boxes_on(grid, values != np.float32(outside), canvas, transform):
        size = [cut.stop - cut.start for cut in box[::-1]]
        start = grid.points(np.array([[cut.start for cut in box[::-1]]]))[0]
        part = sitk.Resample(
            image, size, transform, sitk.sitkLinear, [float(v) for v in start],
            list(grid.spacing), list(grid.direction), float(outside), sitk.sitkFloat32,
        )  # fmt: skip
        found[box] = sitk.GetArrayViewFromImage(part)
    return found


def post_filter(image: np.ndarray, spacing: tuple[float, float, float], mm: float) -> np.ndarray:
    """Gaussian of FWHM ``mm`` over (z, y, x); ``spacing`` is (x, y, z), mm."""
    sigma = [mm / FWHM / step for step in spacing[::-1]]
    return gaussian_filter(image, sigma, mode="nearest", truncate=4.0)


def axial_grid(
    spacing: tuple[float, float, float],
    matrix: tuple[int, int],
    middle: np.ndarray,
    bottom: float,
    top: float,
) -> Grid:
    """An axial grid centred on ``middle`` (x, y; LPS mm) from ``bottom`` to ``top``."""
    slices = int(np.ceil((top - bottom) / spacing[2]))
    origin = [middle[i] - spacing[i] * (matrix[i] - 1) / 2 for i in (0, 1)]
    return Grid(
        (matrix[0], matrix[1], slices), spacing, (float(origin[0]), float(origin[1]), bottom), AXIAL
    )


def tissue_hu(canvas: Canvas, contrast: bool, rng: np.random.Generator) -> np.ndarray:
    """CT numbers of the tissues on the canvas with their fine structure: HU, axes (z, y, x).

    ``contrast``: after iodine.
    """
    table, texture = column("hu"), column("hu_texture")
    if contrast:
        for name, gain in IODINE.items():
            table[LABEL[name]] += gain
    # Fine structure, and lobules and strands twice as wide.
    shape = canvas.labels.shape
    grain = rng.standard_normal(shape, np.float32)
    wide = rng.standard_normal([(n + 1) // 2 for n in shape], np.float32)
    wide *= 0.9
    wide = wide.repeat(2, 0).repeat(2, 1).repeat(2, 2)
    grain += wide[: shape[0], : shape[1], : shape[2]]
    gaussian_filter(grain, 0.6, output=grain, truncate=3.0)
    grain *= 1 / grain.std()
    grain *= texture[canvas.labels]
    grain += table[canvas.labels]
    return blurred(grain, canvas.labels != LABEL["outside"], 0.4)


def acquired(
    hu: np.ndarray, grid: Grid, rng: np.random.Generator, fillings: np.ndarray, couch_y: float
) -> np.ndarray:
    """What the scanner makes of CT numbers on its grid, which it changes: couch, streaks, noise.

    ``hu``: float32, axes (z, y, x); whole HU come back. ``fillings``: metal in teeth, (n, 3) LPS
    mm. ``couch_y``: where the couch's top is, mm.
    """
    noise = gaussian_filter(rng.standard_normal(hu.shape, np.float32), (0, 0.6, 0.6))
    dense = np.array([np.count_nonzero(layer > -300) for layer in hu])
    width = np.sqrt(dense * grid.spacing[0] * grid.spacing[1] / np.pi)
    spread = 8.0 * np.clip(np.exp((width - 90) / 90), 0.8, 3.0)[:, None, None]
    add_couch(hu, grid, couch_y)
    add_fillings(hu, grid, fillings, rng)
    noise *= (spread / noise.std()).astype(np.float32)
    hu += noise
    np.clip(hu, -1024, 3071, out=hu)
    return np.round(hu, out=hu)


def add_couch(hu: np.ndarray, grid: Grid, top: float) -> None:
    """A carbon shell round foam, hollow to the patient; changes ``hu`` where there is air."""
    x = grid.origin[0] + grid.spacing[0] * np.arange(grid.size[0])
    y = grid.origin[1] + grid.spacing[1] * np.arange(grid.size[1])
    middle = x.mean()
    depth = y[:, None] - (top - ((x - middle) ** 2 / 900.0)[None])
    across = (np.abs(x - middle) < 205)[None]
    shell = across & (((depth > 0) & (depth < 3)) | ((depth > 22) & (depth < 25)))
    foam = across & (depth >= 3) & (depth <= 22)
    rows = np.flatnonzero((shell | foam).any(axis=1))
    if len(rows):
        band = slice(rows[0], rows[-1] + 1)
        least = np.full(shell.shape, -np.inf, hu.dtype)
        least[foam], least[shell] = -920.0, -350.0
        np.maximum(hu[:, band], least[band], out=hu[:, band])
