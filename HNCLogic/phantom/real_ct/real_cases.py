"""Real CTs with organ masks: one folder for each case, read, and refused where it cannot serve.

The format is that of OpenKBP as kept in NIfTI: ``ct.nii.gz`` (HU) and ``oars.nii.gz`` (``ORGANS``)
on the same grid. Of such cases many are cut short at the chin, or hold nothing but the organs in
the outer slices; ``read_case`` says why it refuses one.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from HNCLogic.errors import InputError
from HNCLogic.images.grid import Grid
from HNCLogic.images.volume_file import read_volume

CT, MASKS = "ct.nii.gz", "oars.nii.gz"
ORGANS = {"left parotid": 4, "right parotid": 5, "mandible": 6, "larynx": 7, "oesophagus": 8,
          "brainstem": 9, "cord": 10}  # fmt: skip
WANTED = (
    f"wanted: a folder for each case with {CT} (HU) and {MASKS} (4 left parotid, 5 right parotid, "
    "10 cord; also 6 mandible, 7 larynx, 8 oesophagus, 9 brainstem), from the parotids to the "
    "shoulders"
)
PAROTID_ML = (4.0, 110.0)  # plausible; smaller ones are the rest of an operation or of a cut
LARGEST_FILE = 400e6  # bytes
VOXELS = (20_000, 60_000_000)
BODY_HU = -300.0
NECK_CM2 = 60.0  # a neck's section is larger
SHOULDERS = 1.9  # section of the lowest slice against the neck's thinnest
CLOSING = 0.75  # section against the widest one of the head, from where on the crown closes
FALL = 0.62  # to less than this share of its neighbour's section no body falls within 4 mm


@dataclass(frozen=True)
class Case:
    """One real CT, axes as LPS, what is not body made air, with its organs."""

    name: str
    hu: np.ndarray = field(repr=False)  # int16, axes (z, y, x), -1000 outside the body
    organs: np.ndarray = field(repr=False)  # uint8, the same axes: see ORGANS
    body: np.ndarray = field(repr=False)  # bool, the same axes: skin and all inside
    spacing: tuple[float, float, float]  # x, y, z, mm
    whole: slice  # the slices (z) in which the whole body's section is seen
    origin: tuple[float, float, float] = (0.0, 0.0, 0.0)  # x, y, z of the first voxel, mm
    flipped: bool = False

    def mirrored(self) -> Case:
        """Left for right, the organs' names too."""
        swap = np.arange(256, dtype=np.uint8)
        swap[[4, 5]] = 5, 4
        return replace(
            self,
            hu=self.hu[..., ::-1],
            organs=swap[self.organs[..., ::-1]],
            body=self.body[..., ::-1],
            flipped=not self.flipped,
        )

    def points(self, indices: np.ndarray) -> np.ndarray:
        """Positions (n, 3) x, y, z in mm of array indices (n, 3) z, y, x."""
        return np.asarray(indices, float)[:, ::-1] * self.spacing + self.origin

    def index(self, point: np.ndarray) -> np.ndarray:
        """Array indices z, y, x (integers, may lie outside) of a position x, y, z in mm."""
        return np.round((np.asarray(point) - self.origin) / self.spacing).astype(int)[::-1]

    def image(self, values: np.ndarray) -> sitk.Image:
        """``values``, axes (z, y, x), as an image on the case's grid."""
        image = sitk.GetImageFromArray(np.ascontiguousarray(values))
        image.SetSpacing(self.spacing)
        image.SetOrigin(self.origin)
        return image


def case_folders(folder: Path) -> list[Path]:
    """The folders in ``folder`` that hold a CT or masks, by name. Raises InputError."""
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder of CTs; {WANTED}")
    try:
        inside = sorted(p for p in folder.iterdir() if p.is_dir())
    except OSError as error:
        raise InputError(f"{folder} cannot be read: {error.strerror or 'no access'}") from error
    cases = [p for p in inside if (p / CT).exists() or (p / MASKS).exists()]
    if not cases:
        raise InputError(f"no case in {folder}; {WANTED}")
    return cases


def read_case(folder: Path) -> Case:
    """The case in ``folder``. Raises InputError that says why it cannot serve."""
    ct, masks = _volume(folder / CT), _volume(folder / MASKS)
    if not Grid.of(ct).same_as(Grid.of(masks), 0.5):
        raise InputError(f"{folder / MASKS} is not on the grid of {CT}")
    ct, masks = sitk.DICOMOrient(ct, "LPS"), sitk.DICOMOrient(masks, "LPS")
    values = sitk.GetArrayFromImage(masks)
    if not np.isin(np.unique(values), np.arange(256)).all():
        raise InputError(f"{folder / MASKS} does not hold labels, whole numbers from 0 to 255")
    organs = values.astype(np.uint8)
    organs[~np.isin(organs, list(ORGANS.values()))] = 0
    spacing = ct.GetSpacing()
    _refuse_organs(folder.name, organs, spacing)
    hu = _as_hu(sitk.GetArrayFromImage(ct), organs, folder / CT)
    body = _body(hu, np.isin(organs, (4, 5)))
    whole = _whole_slices(folder.name, body, organs, spacing)
    hu = np.where(body, np.clip(hu, -1000, 3071), -1000).astype(np.int16)
    return Case(folder.name, hu, organs, body, spacing, whole)


def _volume(path: Path) -> sitk.Image:
    """A plausible volume of numbers in ``path``. Raises InputError with the file's name."""
    if not path.is_file():
        raise InputError(f"{path} is missing")
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise InputError(f"{path} is too large for a CT of the neck")
        image, _, _ = read_volume(path)
    except (OSError, MemoryError) as error:
        raise InputError(f"{path} cannot be read") from error
    if not VOXELS[0] <= np.prod([float(n) for n in image.GetSize()]) <= VOXELS[1]:
        raise InputError(f"{path} has {image.GetSize()} voxels: not a CT of the neck")
    if not all(0.3 <= step <= 8 for step in image.GetSpacing()):
        raise InputError(f"{path} has voxels of {image.GetSpacing()} mm: not a CT of the neck")
    array = sitk.GetArrayViewFromImage(image)
    if not np.isfinite([array.min(), array.max()]).all():
        raise InputError(f"{path} holds values that are no numbers")
    return image


def _as_hu(values: np.ndarray, organs: np.ndarray, path: Path) -> np.ndarray:
    """CT numbers in HU, whichever offset and filling of the outside the file has."""
    hu = values.astype(np.float32)
    soft = float(np.median(hu[(organs == 10) | (organs == 4) | (organs == 5)]))
    if hu.min() >= 0 and 700 <= soft <= 1400:
        hu -= 1000
        soft -= 1000
    elif (hu == 0).mean() > 0.2:  # nothing, not water, lies outside
        around, _ = ndimage.label(hu == 0)
        edge = np.unique(
            np.concatenate(
                [
                    around[:, 0].ravel(),
                    around[:, :, 0].ravel(),
                    around[:, -1].ravel(),
                    around[:, :, -1].ravel(),
                ]
            )
        )
        hu[np.isin(around, edge[edge > 0])] = -1000
    if not -120 <= soft <= 300:
        raise InputError(f"{path} is not in HU: glands and cord have {soft:.0f}")
    return hu


def _refuse_organs(name: str, organs: np.ndarray, spacing: tuple[float, float, float]) -> None:
    voxel_ml = float(np.prod(spacing)) / 1000
    middle: dict[str, np.ndarray] = {}
    for organ, label in ORGANS.items():
        found = np.argwhere(organs == label)
        if len(found) * voxel_ml > 0.5:
            middle[organ] = found.mean(axis=0)[::-1] * spacing
        if organ.endswith("parotid"):
            ml = len(found) * voxel_ml
            if not ml:
                raise InputError(f"{name}: no {organ} in the masks")
            if not PAROTID_ML[0] <= ml <= PAROTID_ML[1]:
                raise InputError(f"{name}: a {organ} of {ml:.1f} ml is implausible")
    if "cord" not in middle:
        raise InputError(f"{name}: no spinal cord in the masks")
    left, right = middle["left parotid"], middle["right parotid"]
    if left[0] - right[0] < 40:
        raise InputError(f"{name}: the left parotid is not on the left of the right one")
    if abs(left[2] - right[2]) > 40 or abs(left[1] - right[1]) > 40:
        raise InputError(f"{name}: the parotids do not face each other")
    both = (left + right) / 2
    if both[2] < middle["cord"][2] or both[1] > middle["cord"][1] + 15:
        raise InputError(f"{name}: upside down or back to front, by parotids and cord")
    for organ, lies in (("brainstem", 1), ("larynx", -1)):
        if organ in middle and lies * (middle[organ][2] - both[2]) < 0:
            raise InputError(f"{name}: the {organ} lies on the wrong side of the parotids")
    if "mandible" in middle and middle["mandible"][1] > both[1]:
        raise InputError(f"{name}: the mandible lies behind the parotids")


def _body(hu: np.ndarray, glands: np.ndarray) -> np.ndarray:
    """Skin and all inside: the piece with the ``glands``, without couch and mask, filled slice by
    slice."""
    tissue = _piece(hu > BODY_HU, glands)
    opened = np.stack([ndimage.binary_opening(part) for part in tissue])
    # Wires and edges of masks that touched the skin go with what they were thick enough for.
    body = ndimage.binary_dilation(_piece(opened, glands)) & tissue
    return np.stack([_filled(part) for part in body])


def _filled(part: np.ndarray) -> np.ndarray:
    """A section with what it encloses; nostrils and mouth may be open, by about 15 mm."""
    closed = np.pad(part, 2)
    closed = ndimage.binary_closing(closed, iterations=2)[2:-2, 2:-2]
    return ndimage.binary_fill_holes(part) | (ndimage.binary_fill_holes(closed) & ~closed)


def _piece(mask: np.ndarray, glands: np.ndarray) -> np.ndarray:
    """The connected piece of ``mask`` that holds most of ``glands``."""
    pieces, _ = ndimage.label(mask)
    share = np.bincount(pieces[glands], minlength=1)
    share[0] = 0
    return pieces == int(share.argmax()) if share.any() else np.zeros_like(mask)


def _whole_slices(
    name: str, body: np.ndarray, organs: np.ndarray, spacing: tuple[float, float, float]
) -> slice:
    """The slices that show the body's whole section, from the shoulders to above the parotids.

    Blanked slices, and those in which only organs were kept, end them. Raises InputError.
    """
    area = body.sum(axis=(1, 2)) * spacing[0] * spacing[1] / 100
    glands = np.nonzero(np.isin(organs, (4, 5)).any(axis=(1, 2)))[0]
    start = int(np.median(glands))
    fall = FALL ** max(1.0, spacing[2] / 4)
    low = high = start
    while low > 0 and area[low - 1] > max(NECK_CM2, fall * area[low]):
        low -= 1
    widest = area[start]
    while high + 1 < len(area):
        closing = area[high] < CLOSING * widest  # the crown: its sections end in a point
        if area[high + 1] <= (0.2 if closing else fall) * max(area[high], NECK_CM2 * (not closing)):
            break
        high += 1
        widest = max(widest, area[high])
    if area[start] < NECK_CM2:
        raise InputError(f"{name}: no CT at the parotids")
    missing = (glands[-1] - high) * spacing[2]
    if missing > 6:
        raise InputError(f"{name}: cut short or blank, the CT ends {missing:.0f} mm below the "
                         "parotids' upper end")  # fmt: skip
    thinnest = area[low : start + 1].min()
    lowest = np.median(area[low : low + 1 + int(10 / spacing[2])])
    if lowest < SHOULDERS * thinnest:
        below = (start - low) * spacing[2]
        raise InputError(f"{name}: cut short or blank, the CT ends {below:.0f} mm below the "
                         "parotids and shows no shoulders")  # fmt: skip
    return slice(low, high + 1)
