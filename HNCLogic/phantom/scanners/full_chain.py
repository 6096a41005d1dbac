"""The whole PET chain: from the patient's uptake to the image a scanner reconstructs.

Uptake and true attenuation are projected slice by slice, blurred with the scanner's point
spread, joined by scatter and randoms, counted with Poisson noise, corrected with the CT as it
is (iodine, metal, couch, and where the patient lay when it was made) and reconstructed with
OSEM and a Gaussian filter. Left out: time of flight, block and gap pattern, dead time, random
and scatter that follow the physics; slices do not share lines.

Tissues come out within 10 % of their SUV, but for cold ones between broad shoulders, which OSEM
has not emptied when it stops: fat of 0.19 SUV reads 0.23 in a patient. In a disc of fat within
shoulders it read 0.29 after 3 iterations of 33 subsets, as much without noise, and 0.23 after 12:
slow convergence, neither scatter nor that counts cannot be negative.
"""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
import torch
from scipy.ndimage import binary_dilation, gaussian_filter

from HNCLogic.errors import InputError
from HNCLogic.images.grid import Grid, resample
from HNCLogic.phantom.body.shapes import Canvas
from HNCLogic.phantom.body.tissues import column
from HNCLogic.phantom.scanners import scanner
from HNCLogic.phantom.scanners.attenuation import NOTHING, WATER, attenuation, correction_map
from HNCLogic.phantom.scanners.camera import Camera
from HNCLogic.phantom.scanners.centres import (
    LIVER_MIDDLE,
    LIVER_SUV,
    LIVER_WIDTH,
    UNWANTED,
    Protocol,
    camera_psf,
)
from HNCLogic.phantom.scanners.haze import add_haze
from HNCLogic.phantom.scanners.reconstruction import osem

BEYOND_MM = 12.0  # what lies beyond the stretch shown is seen, too


def pet(
    suv: np.ndarray,
    canvas: Canvas,
    grid: Grid,
    transform: sitk.Transform,
    ct: sitk.Image,
    couch_y: float,
    resolution_mm: float,
    liver_cov: float,
    protocol: Protocol,
    rng: np.random.Generator,
    device: torch.device | str = "cpu",
    known_hu: np.ndarray | None = None,
) -> np.ndarray:
    """PET of the uptake ``suv`` on the canvas: SUVbw, float32, axes (z, y, x), never negative.

    ``transform``: from where the patient lay during the PET to the canvas. ``ct`` (HU) corrects
    for attenuation. ``couch_y``: the couch's top, mm. ``resolution_mm``: FWHM in the image, all
    in all; what the filter does not make of it the camera does. ``liver_cov``:
    coefficient of variation at SUV 2 in the middle of a water cylinder of 22 cm. ``known_hu``:
    the body's own CT numbers on the canvas, NaN where its tissues say them; None: everywhere.
    Raises InputError for pixels that are not square.
    """
    if grid.spacing[0] != grid.spacing[1]:
        raise InputError(
            f"the full scanner chain needs square pixels, not {grid.spacing[0]:g} x "
            f"{grid.spacing[1]:g} mm"
        )
    beyond = int(np.ceil(BEYOND_MM / grid.spacing[2]))
    wide = _widened(grid, beyond)
    true, believed = _maps(canvas, wide, transform, ct, couch_y, known_hu)
    inside = binary_dilation(((true > 0) | (believed > 0)).any(axis=0), iterations=2)
    inside |= _disc(wide, LIVER_WIDTH / 2 + 10)
    camera = Camera(
        inside, grid.spacing[0], grid.spacing[2], protocol.views, protocol.subsets, device
    )
    psf = camera_psf(resolution_mm, protocol.filter_mm)
    unwanted = float(rng.uniform(*UNWANTED))
    sensitivity = sensitivity_for(liver_cov, camera, wide, protocol, psf, unwanted)
    finer = _finer(wide, *(1 if wide.spacing[i] <= canvas.spacing else 2 for i in (0, 2)))
    seen = camera.seen(scanner.read(suv, canvas, finer, transform, 0.0), true, psf)
    counts = camera.count(seen, believed, sensitivity, unwanted, rng)
    image = scanner.post_filter(
        osem(camera, counts, protocol.iterations), grid.spacing, protocol.filter_mm
    )
    image = np.ascontiguousarray(image[beyond : len(image) - beyond])
    add_haze(image, grid.spacing, rng)
    return image


def sensitivity_for(
    liver_cov: float,
    camera: Camera,
    grid: Grid,
    protocol: Protocol,
    psf_mm: float,
    unwanted: float,
) -> float:
    """Counts for each SUV times mm with which liver comes out with ``liver_cov``.

    A water cylinder with SUV 2 is scanned and reconstructed on the camera; noise falls with the
    root of the counts. Always the same noise, so that the answer does not hang on chance.
    """
    cylinder = np.repeat(_disc(grid, LIVER_WIDTH / 2)[None], 16, axis=0).astype(np.float32)
    seen = camera.seen(LIVER_SUV * cylinder, WATER * cylinder, psf_mm)
    sensitivity = 4.0 * (0.1 / liver_cov) ** 2
    for _ in range(2):  # the first guess can be far off
        rng = np.random.default_rng(0)
        counts = camera.count(seen, WATER * cylinder, sensitivity, unwanted, rng)
        image = osem(camera, counts, protocol.iterations)
        image = scanner.post_filter(image, grid.spacing, protocol.filter_mm)
        middle = image[3:-3, _disc(grid, LIVER_MIDDLE)]
        sensitivity *= float(middle.std() / middle.mean() / liver_cov) ** 2
    return sensitivity


def _maps(
    canvas: Canvas,
    grid: Grid,
    transform: sitk.Transform,
    ct: sitk.Image,
    couch_y: float,
    known_hu: np.ndarray | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Attenuation as it was during the PET, and as the CT has it; 1/mm, (z, y, x)."""
    hu = column("hu")[canvas.labels]
    if known_hu is not None:
        hu = np.where(np.isfinite(known_hu), known_hu, hu).astype(np.float32)
    hu = gaussian_filter(hu, 0.4)
    hu = scanner.read(hu, canvas, grid, transform, -1000.0)
    scanner.add_couch(hu, grid, couch_y)
    true = attenuation(hu)
    true[true < NOTHING] = 0
    beyond = -3000.0  # no CT number
    shown = sitk.GetArrayFromImage(resample(ct, grid, beyond))
    # Shoulders can be wider than the CT's field; scanners complete what is missing.
    shown = np.where(shown < -1100, hu, shown)
    return true, correction_map(shown, grid.spacing)


def _widened(grid: Grid, slices: int) -> Grid:
    """The axial grid with so many slices more at both ends."""
    x, y, z = grid.origin
    size = (*grid.size[:2], grid.size[2] + 2 * slices)
    return Grid(size, grid.spacing, (x, y, z - slices * grid.spacing[2]), grid.direction)


def _finer(grid: Grid, across: int, along: int) -> Grid:
    """The same box in smaller voxels: ``across`` times in x and y, ``along`` times in z."""
    times = np.array([across, across, along])
    spacing = np.asarray(grid.spacing) / times
    origin = np.asarray(grid.origin) - np.asarray(grid.spacing) / 2 + spacing / 2
    return Grid(
        tuple(int(v) for v in np.asarray(grid.size) * times),
        tuple(float(v) for v in spacing),
        tuple(float(v) for v in origin),
        grid.direction,
    )


def _disc(grid: Grid, radius: float) -> np.ndarray:
    """Bool (rows, columns): within ``radius`` mm of the grid's middle."""
    y, x = ((np.arange(grid.size[i]) - (grid.size[i] - 1) / 2) * grid.spacing[i] for i in (1, 0))
    return np.hypot(y[:, None], x[None]) <= radius
