"""The body in an image: its outline, and the part of it in the middle."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from HNCLogic.errors import InputError
from HNCLogic.images.grid import Grid, resample, to_patient_axes
from HNCLogic.job import MR_ROLES

PET_LEVEL = 0.2  # SUV; fat takes up about 0.3, air and the couch next to nothing
CT_LEVEL = -300.0  # HU; between lung or foam (-900 to -500) and fat (-120 to -60)
SMOOTHED_MM = 4.0  # full width at half maximum, for the PET
WORKING_MM = 4.0  # the outline is found on voxels of about this size


def body_mask(image: sitk.Image, role: str) -> sitk.Image:
    """The body as 1, everything else 0, on the grid of ``image`` (sitkUInt8).

    Lungs, airways and sinuses belong to the body (holes are filled in every axial slice); couch,
    headrest and clothes do not, unless they lie tight on the skin. PET (SUVbw): above 0.2 SUV
    after smoothing. CT: above -300 HU, thin shells opened away. MR: above Otsu's threshold of the
    logarithm. Of what is left the largest connected part is kept. The outline is found on voxels
    of about 4 mm, so its edge is good to about 2 mm.

    Raises InputError for a role that is none of the known, or where nothing looks like a body.
    """
    found = outline(coarsened(image, WORKING_MM), role)
    smooth = resample(sitk.Cast(found, sitk.sitkFloat32), Grid.of(image), 0.0)
    return smooth >= 0.5


def central_part(body: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of a body's mask (z, y, x), in every slice the one part that lies in its middle.

    So the head and neck without the arms held up beside them, and the trunk with the arms that
    lie on it. Parts under a tenth of the body in their slice are passed over. Slices that hold
    nothing in the middle (two legs, two arms above the head) keep all they have. Returns the
    mask, and for every slice whether something lies in the middle.
    """
    chosen = np.zeros(body.shape, bool)
    in_middle = np.zeros(len(body), bool)
    middle = sideways_middle(body.sum(axis=1))
    for z in np.flatnonzero(body.any(axis=(1, 2))):
        chosen[z], in_middle[z] = central_slice(body[z], middle)
    return chosen, in_middle


def sideways_middle(columns: np.ndarray) -> float:
    """The x index of a body's middle, the median of its slices', from how many voxels of its mask
    there are in every column (z, x)."""
    filled_slices = np.flatnonzero(columns.any(axis=1))
    across = np.arange(columns.shape[1])
    middles = [np.average(across, weights=columns[z]) for z in filled_slices]
    return float(np.median(middles)) if middles else 0.0


def central_slice(slice_: np.ndarray, middle: float) -> tuple[np.ndarray, bool]:
    """``central_part`` of one slice (y, x), the body's middle being at x index ``middle``."""
    from scipy import ndimage

    parts, count = ndimage.label(slice_)
    best = None
    for number, box in enumerate(ndimage.find_objects(parts), 1):
        area = int((parts[box] == number).sum())
        if area * 10 < slice_.sum() and count > 1:
            continue
        aside = max(box[1].start - middle, middle - (box[1].stop - 1), 0.0)
        if best is None or (aside, -area) < best[:2]:
            best = (aside, -area, number)
    if best is None or best[0] > 0:
        return slice_, False
    return parts == best[2], True


def coarsened(image: sitk.Image, voxel_mm: float) -> sitk.Image:
    """The image turned to x left, y posterior, z superior and averaged down to coarser voxels.

    Voxels grow to ``voxel_mm`` at most; those already larger stay as they are. An oblique image
    stays oblique.
    """
    turned = to_patient_axes(image)
    factors = shrink_factors(Grid.of(turned), voxel_mm)
    return sitk.BinShrink(sitk.Cast(turned, sitk.sitkFloat32), factors)


def shrink_factors(grid: Grid, voxel_mm: float) -> list[int]:
    """How many voxels of ``grid`` along x, y and z make one of ``voxel_mm`` at most."""
    return [
        int(max(1, min(voxel_mm // spacing, size)))
        for spacing, size in zip(grid.spacing, grid.size, strict=True)
    ]


def upright(
    image: sitk.Image,
    voxel_mm: float,
    outside: float,
    stretch_mm: tuple[float, float] = (-np.inf, np.inf),
) -> tuple[sitk.Image, np.ndarray]:
    """The image on cubic voxels along L, P and S, and which of them (z, y, x) it really shows.

    Covers the field of view, as far as it lies between the two heights (S) of ``stretch_mm``;
    what of the box an oblique one leaves empty gets ``outside``.
    """
    box = Grid.of(image).corners()
    low, high = box.min(axis=0), box.max(axis=0)
    low[2], high[2] = max(low[2], stretch_mm[0]), min(high[2], stretch_mm[1])
    size = np.maximum(np.floor((high - low) / voxel_mm + 0.5), 1).astype(int)
    origin = (low + high - (size - 1) * voxel_mm) / 2
    straight = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
    grid = Grid(tuple(int(n) for n in size), (voxel_mm,) * 3, tuple(origin.tolist()), straight)
    shown = np.ones(grid.size[::-1], bool)
    if not np.allclose(np.abs(Grid.of(image).direction).max(), 1.0):
        index = np.indices(shown.shape).reshape(3, -1)[::-1].T
        at = Grid.of(image).indices(grid.points(index))
        inside = np.all((at > -0.5) & (at < np.array(image.GetSize()) - 0.5), axis=1)
        shown = inside.reshape(shown.shape)
    # The outermost half voxel lies beyond the centres between which resampling interpolates.
    source = sitk.ConstantPad(coarsened(image, voxel_mm), [1] * 3, [1] * 3, outside)
    return resample(source, grid, outside), shown


def outline(image: sitk.Image, role: str) -> sitk.Image:
    """``body_mask`` of an image that is already turned and coarse, on its own voxels."""
    spacing = image.GetSpacing()
    if role == "PET":
        above = _smoothed(image, SMOOTHED_MM) > PET_LEVEL
    elif role == "CT":
        above = image > CT_LEVEL
        # Couch and mask are shells of a few millimetres: opening in the slice takes them off,
        # and what it took from the skin, nose and ears comes back with the closing.
        thin, wide = ([max(1, round(mm / s)) for s in spacing[:2]] + [0] for mm in (4.0, 8.0))
        above = sitk.BinaryMorphologicalOpening(above, thin, sitk.sitkBall)
        above = sitk.BinaryMorphologicalClosing(above, wide, sitk.sitkBall)
    elif role in MR_ROLES:
        low = float(sitk.GetArrayViewFromImage(image).min())
        bright = sitk.Log(sitk.Cast(_smoothed(image, 2.0) - low, sitk.sitkFloat64) + 1.0)
        above = sitk.OtsuThreshold(bright, 0, 1, 256)
        above = sitk.BinaryMorphologicalClosing(above, [max(1, round(6.0 / s)) for s in spacing])
    else:
        raise InputError(f"no way is known to find the body in an image of role {role}")

    parts = sitk.ConnectedComponent(above)
    counts = np.bincount(sitk.GetArrayViewFromImage(parts).ravel())[1:]
    if not counts.size:
        raise InputError(
            f"the {role} shows no body: is it empty, or not the modality it is given as?"
        )
    largest = sitk.GetArrayViewFromImage(parts) == int(np.argmax(counts)) + 1
    return Grid.of(image).image(filled(largest))


def _smoothed(image: sitk.Image, fwhm_mm: float) -> sitk.Image:
    from scipy import ndimage

    sigma = [fwhm_mm / 2.355 / s for s in image.GetSpacing()[::-1]]
    array = ndimage.gaussian_filter(sitk.GetArrayViewFromImage(image), sigma, truncate=2.5)
    return Grid.of(image).image(array)


def filled(mask: np.ndarray) -> np.ndarray:
    """Holes filled slice by slice (z): they open to the outside only through other slices."""
    from scipy import ndimage

    filled = np.zeros(mask.shape, np.uint8)
    for z in np.flatnonzero(mask.any(axis=(1, 2))):
        # What of the rest hangs together with a frame around the slice lies outside.
        rest, _ = ndimage.label(np.pad(~mask[z], 1, constant_values=True))
        filled[z] = (rest != rest[0, 0])[1:-1, 1:-1]
    return filled
