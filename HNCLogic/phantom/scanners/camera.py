"""A PET camera: the lines it measures in each slice, and what it counts along them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from scipy.ndimage import gaussian_filter1d

from HNCLogic.phantom.scanners.lines import Lines
from HNCLogic.phantom.scanners.projector import Projector
from HNCLogic.phantom.scanners.scanner import FWHM

BIN_MM = 2.0
# Scattered photons seem to come from far and wide; scanners subtract an estimate that is a few
# percent off.
SCATTER_WIDTH, SCATTER_LENGTH = 180.0, 100.0  # mm, FWHM across and along the patient
SCATTER_ERROR = 0.05  # standard deviation, as a share
COARSER = 8  # bins taken together where scatter is spread


@dataclass(frozen=True)
class Counts:
    """What was counted and what the scanner knows of it; float32 (subsets, rays, slices).

    ``passed`` is the share of photon pairs that attenuation lets through according to the CT,
    ``added`` the estimate of scatter and randoms, in counts. ``sensitivity``: counts for each
    SUV times millimetre of a line, before attenuation.
    """

    prompts: np.ndarray
    passed: np.ndarray
    added: np.ndarray
    sensitivity: float


class Camera:
    """Lines of response for a stack of slices, in subsets of views as the reconstruction wants.

    ``inside``: bool (rows, columns), square; what lies outside is neither seen nor
    reconstructed. ``pixel_mm``, ``slice_mm``: of the image to be made. ``views`` must be a
    multiple of ``subsets``, else ValueError.
    """

    def __init__(
        self,
        inside: np.ndarray,
        pixel_mm: float,
        slice_mm: float,
        views: int,
        subsets: int,
        device: torch.device | str = "cpu",
    ):
        if views % subsets:
            raise ValueError(f"{views} views cannot be parted into {subsets} subsets")
        self.inside, self.pixel_mm, self.slice_mm = inside, float(pixel_mm), float(slice_mm)
        self.device = torch.device(device)
        bins = int(np.ceil(len(inside) * pixel_mm / BIN_MM / COARSER)) * COARSER
        self.lines = Lines(views, bins, BIN_MM)
        angles = self.lines.angles()
        self._angles = [angles[first::subsets] for first in range(subsets)]
        self.projectors = list(self._finer(1))

    def _finer(self, finer: int) -> Iterator[Projector]:
        """For each subset its projector, of pixels ``finer`` times as small."""
        inside = np.repeat(np.repeat(self.inside, finer, 0), finer, 1)
        for angles in self._angles:
            yield Projector(inside, self.pixel_mm / finer, angles, self.lines, self.device)

    def project(self, volume: np.ndarray) -> np.ndarray:
        """Line integrals, value times mm: (z, y, x) → float32 (subsets, rays, z).

        The slices may have whole times as many pixels as the image to be made.
        """
        finer = volume.shape[1] // len(self.inside)
        inside = np.repeat(np.repeat(self.inside, finer, 0), finer, 1)
        pixels = torch.from_numpy(np.ascontiguousarray(volume[:, inside].T, np.float32))
        pixels = pixels.to(self.device)
        projectors = self.projectors if finer == 1 else self._finer(finer)
        return np.stack([projector.forward(pixels).cpu().numpy() for projector in projectors])

    def seen(self, suv: np.ndarray, mu: np.ndarray, psf_mm: float) -> np.ndarray:
        """True coincidences, SUV times mm: attenuated and blurred; (subsets, rays, slices).

        ``suv``: (z, y, x), with whole times as many slices and pixels as the image to be made;
        ``mu``: true attenuation, 1/mm, on the image's own grid. ``psf_mm``: FWHM across and
        along the patient.
        """
        finer = len(suv) // len(mu)
        passed = np.exp(-self.project(mu))
        lines = self.project(suv) * np.repeat(passed, finer, axis=2)
        lines = self._across(lines, psf_mm / FWHM / BIN_MM)
        lines = gaussian_filter1d(
            lines, psf_mm / FWHM / (self.slice_mm / finer), 2, mode="nearest", truncate=3.5
        )
        return lines.reshape(*lines.shape[:2], -1, finer).mean(axis=3)

    def _across(self, lines: np.ndarray, sigma: float, bins: int = 0) -> np.ndarray:
        """Blur along the bins, which are the faster part of the rays."""
        shape = lines.shape
        views = lines.reshape(shape[0], -1, bins or self.lines.bins, shape[2])
        return gaussian_filter1d(views, sigma, 2, mode="constant", truncate=3.5).reshape(shape)

    def count(
        self,
        seen: np.ndarray,
        mu: np.ndarray,
        sensitivity: float,
        unwanted: float,
        rng: np.random.Generator,
    ) -> Counts:
        """Count for a while.

        ``seen``: true coincidences as ``seen`` gives them. ``mu``: the attenuation that the
        scanner believes in, 1/mm, (z, y, x). ``unwanted``: share of all counts that are scatter
        (two thirds) or randoms (one third).
        """
        trues = seen * np.float32(sensitivity)
        total = trues.sum(dtype=np.float64) * unwanted / (1 - unwanted)
        scatter = self._spread(trues)
        if total > 0:
            scatter *= np.float32(total * 2 / 3 / scatter.sum(dtype=np.float64))
        randoms = np.float32(total / 3 / trues.size)
        believed = np.clip(1 + SCATTER_ERROR * rng.standard_normal(), 0.8, 1.2)
        prompts = rng.poisson(trues + scatter + randoms).astype(np.float32)
        added = scatter * np.float32(believed) + randoms
        return Counts(prompts, np.exp(-self.project(mu)), added, float(sensitivity))

    def _spread(self, trues: np.ndarray) -> np.ndarray:
        """Where scattered photons are counted: far and wide of where they belong, smoothly."""
        subsets, rays, slices = trues.shape
        few = trues.reshape(subsets, rays // COARSER, COARSER, slices).mean(axis=2)
        few = gaussian_filter1d(few, SCATTER_LENGTH / FWHM / self.slice_mm, 2, mode="nearest")
        bins = self.lines.bins // COARSER
        few = self._across(few, SCATTER_WIDTH / FWHM / (BIN_MM * COARSER), bins)
        few = few.reshape(-1, bins, slices)
        place = (np.arange(self.lines.bins) + 0.5) / COARSER - 0.5
        low = np.clip(np.floor(place).astype(int), 0, bins - 2)
        share = np.clip(place - low, 0, 1).astype(np.float32)[:, None]
        return (few[:, low] * (1 - share) + few[:, low + 1] * share).reshape(trues.shape)
