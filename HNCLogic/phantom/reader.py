"""A simulated reader's outlines: the known truth as a person with a threshold tool finds it.

As the truth of Nikulin et al. was made (EJNMMI 2023): each lesion is outlined by a threshold
adapted to its own background, the outline is looked at and corrected. With what goes wrong there:

- readers differ in the threshold: the fraction between background and lesion is drawn for each
  reader (patient) and lesion;
- borders slip: the threshold wanders smoothly along the surface;
- an outline runs into uptake that touches the lesion (tonsil, gland, muscle); mostly that is
  noticed and cut back near the lesion's border, sometimes it is not;
- small faint nodes are missed, see ``missed_probability``;
- lesions that touch are parted where the true ones meet, not quite where the tool would.

Only the lesions the patient has are outlined: a reader's false alarms are a matter of
``reader_score``. The sizes of the errors are plausible figures, chosen so that reader and truth
agree like two readers do; ``README`` and test state what came out.
"""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from HNCLogic.errors import InputError
from HNCLogic.images.grid import Grid
from HNCLogic.lesions.background import adaptive_level
from HNCLogic.phantom.scanners.scanner import FWHM

FRACTION = 0.42  # of the step from background to lesion, see lesions/background.py
BETWEEN_READERS, BETWEEN_LESIONS = 0.045, 0.03  # standard deviations of the fraction
SLIP, SLIP_MM = 0.10, 8.0  # relative wandering of the threshold, and its length (FWHM)
CUT_BACK_MM, LEAK_MM = 5.0, 10.0  # how far beyond the true border an outline may reach
LEAK_UNSEEN = 0.12  # share of lesions whose outline is not cut back
MARGIN_MM = 24.0  # of the box around a lesion that is looked at
HOT_SUV = 2.5  # what may be another hot spot, not background
# A node of HALF_MISSED_ML with SUVmax HALF_MISSED_SUV is missed every other time.
HALF_MISSED_ML, HALF_MISSED_SUV = 0.25, 2.5
MISS_PER_DOUBLING, MISS_PER_SUV = 1.0, 0.8  # logits
AGREEMENT = 0.86  # Dice of reader and truth, all lesions, median of patients: measured


def missed_probability(volume_ml: float, suv_max: float) -> float:
    """How likely a reader misses a node of ``volume_ml`` whose hottest voxel is ``suv_max``.

    1 / (1 + exp(MISS_PER_DOUBLING · log2(volume/HALF_MISSED_ML) + MISS_PER_SUV · (SUVmax −
    HALF_MISSED_SUV))): 0.50 at 0.25 ml and SUVmax 2.5, 0.27 at 0.5 ml, 0.05 at 1 ml and 3.7,
    nothing to speak of for large or hot ones. Primaries are not missed.
    """
    doublings = np.log2(max(volume_ml, 1e-3) / HALF_MISSED_ML)
    logit = MISS_PER_DOUBLING * doublings + MISS_PER_SUV * (suv_max - HALF_MISSED_SUV)
    return float(1.0 / (1.0 + np.exp(np.clip(logit, -50, 50))))


def read_by_eye(pet: sitk.Image, truth: sitk.Image, rng: np.random.Generator) -> sitk.Image:
    """The lesions of ``truth`` as a simulated reader outlines them in ``pet``.

    ``pet``: SUVbw; ``truth``: on its grid, 0 background, 1 primary, 2… nodes. Returns uint8 on
    the same grid with the same labels; a missed node's label is lacking. Each lesion has a random
    stream of its own. Raises InputError where the grids differ.
    """
    grid = Grid.of(pet)
    if not Grid.of(truth).same_as(grid):
        raise InputError("the truth lies on another grid than the PET; resample it")
    suv, labels = sitk.GetArrayViewFromImage(pet), sitk.GetArrayViewFromImage(truth)
    spacing = np.asarray(grid.spacing[::-1])
    reader = BETWEEN_READERS * float(rng.standard_normal())
    drawn = np.zeros(labels.shape, np.uint8)
    nearest = np.full(labels.shape, np.inf, np.float32)  # to the border of the lesion drawn there
    boxes = ndimage.find_objects(labels)
    for value, (box, stream) in enumerate(zip(boxes, rng.spawn(len(boxes)), strict=True), start=1):
        if box is None:
            continue
        cuts = _widened(box, labels.shape, spacing)
        lesion = labels[cuts] == value
        outline, distance = _outlined(suv[cuts], lesion, spacing, reader, stream)
        volume = float(lesion.sum()) * grid.voxel_ml
        missed = stream.random() < missed_probability(volume, float(suv[cuts][lesion].max()))
        if value > 1 and missed:
            continue
        here = outline & (distance < nearest[cuts])
        drawn[cuts][here] = value
        nearest[cuts][here] = distance[here]
    return grid.image(drawn)


def _widened(box: tuple[slice, ...], shape: tuple[int, ...], spacing: np.ndarray):
    reach = np.ceil(MARGIN_MM / spacing).astype(int)
    return tuple(
        slice(max(cut.start - r, 0), min(cut.stop + r, n))
        for cut, r, n in zip(box, reach, shape, strict=True)
    )


def _outlined(
    suv: np.ndarray,
    lesion: np.ndarray,
    spacing: np.ndarray,
    reader: float,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """The outline in a box about one lesion, and each voxel's signed distance (mm) to its border,
    negative inside."""
    fraction = FRACTION + reader + BETWEEN_LESIONS * float(rng.standard_normal())
    reach = LEAK_MM if rng.random() < LEAK_UNSEEN else CUT_BACK_MM
    slips = ndimage.gaussian_filter(
        rng.standard_normal(suv.shape, np.float32), SLIP_MM / FWHM / spacing
    )
    slips *= SLIP / max(float(slips.std()), 1e-9)
    outside = ndimage.distance_transform_edt(~lesion, sampling=spacing)
    distance = outside - ndimage.distance_transform_edt(lesion, sampling=spacing)
    seen = np.where(distance <= reach, suv, 0.0)
    places = np.flatnonzero(lesion)
    peak = places[np.argmax(suv.ravel()[places])]

    def grow(level: float, values: np.ndarray = seen) -> np.ndarray:
        parts, _ = ndimage.label(values >= level, np.ones((3, 3, 3)))
        return np.flatnonzero(parts.ravel() == parts.ravel()[peak])

    hottest = float(suv.ravel()[peak])
    level = min(adaptive_level(suv, spacing, hottest, grow, fraction, HOT_SUV), 0.95 * hottest)
    outline = np.zeros(suv.shape, bool)
    wandering = seen * (1.0 + slips)
    wandering.ravel()[peak] = hottest
    outline.ravel()[grow(level, wandering)] = True
    # Holes are filled as a reader's brush does, but a large cold core is left out of the outline.
    holes, count = ndimage.label(~outline)
    if count > 1:
        sizes = np.bincount(holes.ravel())
        outline |= (sizes[holes] <= 2) & ~outline
    return outline, distance.astype(np.float32)
