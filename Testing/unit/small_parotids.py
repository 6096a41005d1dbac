"""A cohort of small made-up MRIs of a parotid tumour on disk, malignant ones bright in T2."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from Testing.unit.cohort_table import write_table

GRIDS = {"T2": (4.0, 3.0), "CE-T1": (5.0, 2.5), "DWI-b1000": (4.5, 4.0)}  # slice and pixel, mm
SUBTYPES = ("pleomorphic adenoma", "malignant", "Warthin tumour", "malignant")


def mri(number: int, role: str, malignant: bool) -> tuple[sitk.Image, str]:
    """An image of 100 x 100 x 50 mm with a tumour; the box about it, as the cohort has it."""
    rng = np.random.default_rng((number, 5))
    centre = np.array([20.0, 0.0, 0.0]) + rng.uniform(-4, 4, 3)
    half = rng.uniform(7, 10, 3)
    slice_mm, pixel_mm = GRIDS[role]
    spacing = np.array([pixel_mm, pixel_mm, slice_mm])
    size = np.round(np.array([100, 100, 50]) / spacing).astype(int)
    origin = -(size - 1) / 2 * spacing
    x, y, z = (origin[i] + spacing[i] * np.arange(size[i]) for i in range(3))
    off = [(axis - c) / h for axis, c, h in zip((x, y, z), centre, half, strict=True)]
    inside = off[2][:, None, None] ** 2 + off[1][:, None] ** 2 + off[0] ** 2 < 1
    values = 100 + 5 * np.random.default_rng((number, len(role))).standard_normal(inside.shape)
    values[inside] = 160 if malignant and role == "T2" else 60
    values[:, :2] = 300  # else the tumour would be the brightest thing, whatever its kind
    image = sitk.GetImageFromArray(values.astype(np.float32))
    image.SetSpacing(spacing.tolist())
    image.SetOrigin(origin.tolist())
    ends = np.stack([centre - half, centre + half], axis=1)
    return image, " ".join(f"{v:.2f}" for v in ends.ravel())


def write_parotids(
    folder: Path, count: int, first: int = 0, change: Callable[[list[dict]], None] = lambda _: None
) -> Path:
    """``count`` patients, every other one's tumour malignant, and the table that lists them.

    ``first``: number of the first; cohorts of other numbers are of other patients.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for number in range(first, first + count):
        malignant = number % 2 == 1
        row = {"patient": f"p{number:02d}", "scan": 1, "centre": "here"}
        for role in GRIDS:
            image, row["box"] = mri(number, role, malignant)
            row[role] = f"{number}_{role}.nrrd"
            sitk.WriteImage(image, str(folder / row[role]))
        row |= {"label": int(malignant), "subtype": SUBTYPES[number % 4],
                "reader_score": 2 + (number % 3)}  # fmt: skip
        rows.append(row)
    change(rows)
    return write_table(folder, rows)
