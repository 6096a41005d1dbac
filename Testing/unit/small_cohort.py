"""A cohort of small made-up scans on disk: a body with a brain, or with hot lumps besides."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK as sitk

from Testing.unit.cohort_table import write_table


def scan(number: int, positive: bool) -> tuple[sitk.Image, sitk.Image, sitk.Image]:
    """PET (SUVbw, 5 mm), CT (HU, same grid) and truth of a made-up scan."""
    rng = np.random.default_rng(number)
    z, y, x = np.meshgrid(np.arange(60), np.arange(48), np.arange(60), indexing="ij")
    across = np.hypot((x - 29.5) / 1.2, y - 23.5)
    wide = np.where(z < 18, 21, np.where(z < 34, 12, 15))
    body = across < wide
    brain = ((z - 46) / 11) ** 2 + (across / 12) ** 2 < 1
    pet = np.where(body, 1.0, 0.0)
    pet[brain] = 9.0
    truth = np.zeros(pet.shape, np.uint8)
    if positive:
        centre = np.array([26, 20, 24]) + rng.integers(-2, 3, 3)
        offset = np.array([-2, 4, 10])
        for value, middle, far, suv in ((1, centre, 9, 8.0), (2, centre + offset, 5, 6.0)):
            lump = sum((a - c) ** 2 for a, c in zip((z, y, x), middle, strict=True)) < far
            pet[lump], truth[lump] = suv, value
    pet += 0.1 * rng.standard_normal(pet.shape) * body
    ct = np.where(body, 40.0, -1000.0) + 5 * rng.standard_normal(pet.shape)
    images = []
    for values in (np.maximum(pet, 0).astype(np.float32), ct.astype(np.float32), truth):
        image = sitk.GetImageFromArray(values)
        image.SetSpacing((5.0, 5.0, 5.0))
        image.SetOrigin((-150.0, -120.0, -300.0))
        images.append(image)
    return tuple(images)


def mri(number: int, truth: sitk.Image) -> sitk.Image:
    """An MRI (no unit, 30 slices of 6 mm, tilted) of the same body: lumps are bright in it."""
    rng = np.random.default_rng((number, 1))
    ct, lumps = scan(number, positive=False)[1], sitk.Cast(truth > 0, sitk.sitkFloat32)
    image = sitk.Image([64, 64, 30], sitk.sitkFloat32)
    image.SetSpacing((4.0, 4.0, 6.0))
    turn = np.deg2rad(8.0)
    c, s = np.cos(turn), np.sin(turn)
    image.SetDirection((1.0, 0.0, 0.0, 0.0, c, -s, 0.0, s, c))
    image.SetOrigin((-126.0, -118.0, -260.0))
    body = sitk.GetArrayFromImage(sitk.Resample(sitk.Clamp(ct, lowerBound=-1000.0), image)) > -500
    body &= sitk.GetArrayFromImage(sitk.Resample(sitk.Cast(ct > -500, sitk.sitkFloat32), image)) > 0
    bright = sitk.GetArrayFromImage(sitk.Resample(lumps, image))
    values = body * (300.0 + 400.0 * bright + 20.0 * rng.standard_normal(body.shape))
    found = sitk.GetImageFromArray(np.maximum(values, 0).astype(np.float32))
    found.CopyInformation(image)
    return found


def write_cohort(folder: Path, count: int, with_mri: bool = False, first: int = 0) -> Path:
    """``count`` scans, every other one with cancer, and the table that lists them.

    ``first``: number of the first; cohorts of other numbers are of other patients.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for number in range(first, first + count):
        positive = number % 2 == 0
        pet, ct, truth = scan(number, positive)
        images = {"PET": pet, "CT": ct, "mask": truth}
        if with_mri:
            images["MR"] = mri(number, truth)
        names = {kind: f"{number:02d}_{kind}.nrrd" for kind in images}
        for kind, image in images.items():
            sitk.WriteImage(image, str(folder / names[kind]))
        rows.append({"patient": f"p{number:02d}", "scan": 1, "centre": "here", **names,
                     "label": int(positive)})  # fmt: skip
    return write_table(folder, rows)
