"""A folder of CTs with organ masks in the format of OpenKBP, made of built-in patients."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK as sitk

from HNCLogic.phantom.body.anatomy import draw_anatomy
from HNCLogic.phantom.real_ct.marks import as_case, find_marks
from HNCLogic.phantom.real_ct.real_cases import Case

BELOW, ABOVE = -165.0, 60.0  # mm from the parotids: where the usable CTs end
SPACING = (4.3, 4.1, 3.0)


def built_in_case(seed: int) -> Case:
    """A built-in patient as CT and organ masks, from the chest to the skull base."""
    case = as_case(draw_anatomy(np.random.default_rng(seed)).painted(3.5))
    z = case.origin[2] + case.spacing[2] * np.arange(len(case.hu)) - find_marks(case).parotids[2]
    kept = (z > BELOW) & (z < ABOVE)
    return Case("built in", case.hu[kept], case.organs[kept], case.body[kept], case.spacing,
                slice(0, int(kept.sum())))  # fmt: skip


def images(case: Case) -> tuple[sitk.Image, sitk.Image]:
    """The case's CT (int16, HU, -1024 outside) and masks (uint8), voxels of ``SPACING`` mm."""
    hu = np.where(case.body, case.hu, -1024).astype(np.int16)
    size = [int(n * a / b) for n, a, b in zip(hu.shape[::-1], case.spacing, SPACING, strict=True)]

    def resampled(values, kind, outside):
        return sitk.Resample(case.image(values), size, sitk.Transform(3, sitk.sitkIdentity), kind,
                             (0.0, 0.0, 0.0), SPACING, np.eye(3).ravel().tolist(),
                             outside)  # fmt: skip

    return (
        resampled(hu, sitk.sitkLinear, -1024),
        resampled(case.organs, sitk.sitkNearestNeighbor, 0),
    )


def write(folder: Path, ct: sitk.Image, masks: sitk.Image) -> Path:
    folder.mkdir(parents=True)
    sitk.WriteImage(ct, str(folder / "ct.nii.gz"))
    sitk.WriteImage(masks, str(folder / "oars.nii.gz"))
    return folder


def changed(ct: sitk.Image, masks: sitk.Image, change) -> tuple[sitk.Image, sitk.Image]:
    """Both images after ``change(hu, organs)`` on their arrays, axes (z, y, x)."""
    hu, organs = sitk.GetArrayFromImage(ct), sitk.GetArrayFromImage(masks)
    change(hu, organs)
    out = []
    for values, like in ((hu, ct), (organs, masks)):
        image = sitk.GetImageFromArray(values)
        image.CopyInformation(like)
        out.append(image)
    return out[0], out[1]
