"""Virtual hospitals: their scanners, how they reconstruct, and whom they treat.

Two have the grids of the scanners in the project's papers (144 x 144 at 4 mm, OSEM 3 x 33;
256 x 256 at 2.3 x 2.3 x 2.8 mm), the others grids that other makers' scanners have. Resolution,
noise and filters are plausible figures within the ranges 4-7 mm (camera), 8-15 % (liver) and
2-5 mm. The median volume of nodes is 2.7 ml in "main" centres and 0.7 ml in "external" ones, as in
the main and external cohorts of the paper on tumour volume.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

NODE_MEDIAN_ML = {"main": 2.7, "external": 0.7}
CAMERA_MM = (4.0, 7.0)  # FWHM of a camera alone: the range of all centres
LIVER_SUV, LIVER_WIDTH, LIVER_MIDDLE = 2.0, 220.0, 60.0  # mm: the cylinder that sets the noise
UNWANTED = (0.20, 0.40)  # share of all counts that are scatter or randoms, range
FARTHEST_MM, USUAL_MM = 5.0, 1.5  # between CT and PET: at most, and of the Rayleigh distribution


@dataclass(frozen=True)
class Protocol:
    """How a centre reconstructs: OSEM, then a Gaussian filter."""

    iterations: int
    subsets: int
    views: int  # over 180°, a multiple of ``subsets``
    filter_mm: float  # FWHM


@dataclass(frozen=True)
class Centre:
    """A virtual hospital with its scanner."""

    name: str
    cohort: str  # "main" or "external", see NODE_MEDIAN_ML
    share: float  # of the patients of all centres that are drawn
    pet_spacing: tuple[float, float, float]  # x, y, z; mm
    pet_matrix: int
    camera_mm: tuple[float, float]  # FWHM of the camera's point spread, range between patients
    protocol: Protocol
    liver_cov: tuple[float, float]  # coefficient of variation at SUV 2, range between patients
    ct_slice_mm: float
    held_out: bool = False  # only where it is asked for by name

    @property
    def psf_mm(self) -> tuple[float, float]:
        """FWHM in the image, camera and filter together: range between patients, mm."""
        low, high = (float(np.hypot(mm, self.protocol.filter_mm)) for mm in self.camera_mm)
        return low, high

    @property
    def node_median_ml(self) -> float:
        return NODE_MEDIAN_ML[self.cohort]


_LONG, _SHORT = (3, 33, 198), (2, 21, 168)
CENTRES: dict[str, Centre] = {
    centre.name: centre
    for centre in (
        Centre(
            "north", "main", 0.35, (4.0, 4.0, 4.0), 144, (4.2, 5.8), Protocol(*_LONG, 3.5),
            (0.09, 0.14), 3.0,
        ),
        Centre(
            "south", "main", 0.25, (2.3, 2.3, 2.8), 256, (4.0, 5.4), Protocol(*_SHORT, 3.0),
            (0.10, 0.15), 2.5,
        ),
        Centre(
            "midland", "main", 0.20, (4.07, 4.07, 3.0), 200, (4.5, 6.5), Protocol(*_SHORT, 5.0),
            (0.08, 0.12), 3.0,
        ),
        Centre(
            "east", "external", 0.20, (3.65, 3.65, 3.27), 192, (4.3, 5.5), Protocol(*_LONG, 2.5),
            (0.09, 0.15), 3.75,
        ),
        Centre(
            "west", "external", 0.0, (2.73, 2.73, 3.27), 256, (4.5, 7.0), Protocol(*_SHORT, 4.0),
            (0.08, 0.13), 2.5, held_out=True,
        ),
    )
}  # fmt: skip


def camera_psf(resolution_mm: float, filter_mm: float) -> float:
    """What the camera itself blurs (FWHM, mm) where camera and filter make ``resolution_mm``."""
    return float(np.clip(np.sqrt(max(resolution_mm**2 - filter_mm**2, 0)), *CAMERA_MM))


def draw_centre(rng: np.random.Generator) -> Centre:
    """A centre by its share of the patients; never one that is held out."""
    drawn = [centre for centre in CENTRES.values() if not centre.held_out]
    return drawn[int(rng.choice(len(drawn), p=[centre.share for centre in drawn]))]


def draw_misregistration(rng: np.random.Generator) -> np.ndarray:
    """How far the patient moved between CT and PET: (3,) mm, x, y, z.

    Any direction alike; the distance has a Rayleigh distribution of 1.5 mm, cut off at 5 mm
    (median 1.8 mm, nine in ten below 3.2 mm): a plausible figure for a head in a holder.
    """
    direction = rng.standard_normal(3)
    cut = 1 - np.exp(-((FARTHEST_MM / USUAL_MM) ** 2) / 2)
    distance = USUAL_MM * np.sqrt(-2 * np.log1p(-cut * rng.random()))
    return distance * direction / np.linalg.norm(direction)
