"""A cohort of small made-up CTs of a neck with a node, bright where its capsule is broken."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from Testing.unit.cohort_table import write_table


def neck_ct(number: int, positive: bool) -> list[sitk.Image]:
    """CT (HU, 5 mm) of a made-up neck with a node, bright where there is extension; its mask."""
    rng = np.random.default_rng(number)
    z, y, x = np.meshgrid(np.arange(40), np.arange(48), np.arange(56), indexing="ij")
    body = np.hypot((x - 27.5) / 1.2, y - 23.5) < np.where(z < 12, 20, 13)
    at = np.array([18, 22, 18 + 19 * rng.integers(2)]) + rng.integers(-1, 2, 3)
    node = sum((a - c) ** 2 for a, c in zip((z, y, x), at, strict=True)) < 30
    hu = np.where(body, 40.0, -1000.0) + 8 * rng.standard_normal(body.shape)
    hu[node] = 390.0 if positive else -200.0
    images = []
    for values in (hu.astype(np.float32), node.astype(np.uint8)):
        image = sitk.GetImageFromArray(values)
        image.SetSpacing((5.0, 5.0, 5.0))
        image.SetOrigin((-140.0, -120.0, -300.0))
        images.append(image)
    return images


def write_necks(
    folder: Path, count: int, first: int = 0, change: Callable[[list[dict]], None] = lambda _: None
) -> Path:
    """``count`` patients in pairs, one of each with extension, and the table that lists them.

    ``first``: number of the first; cohorts of other numbers are of other patients.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for number in range(first, first + count):
        ct, node = neck_ct(number, number % 2 == 0)
        sitk.WriteImage(ct, str(folder / f"{number}_ct.nrrd"))
        sitk.WriteImage(node, str(folder / f"{number}_mask.nrrd"))
        rows.append({"patient": f"p{number:02d}", "scan": "1", "centre": "here",
                     "CT": f"{number}_ct.nrrd", "mask": f"{number}_mask.nrrd",
                     "label": int(number % 2 == 0), "match": str(number // 2)})  # fmt: skip
    change(rows)
    return write_table(folder, rows)
