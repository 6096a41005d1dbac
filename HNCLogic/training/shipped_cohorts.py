"""The cohorts that the shipped models are trained on: simulated patients, and real sarcomas.

    python -m HNCLogic.training.shipped_cohorts --out cohort.csv SIMULATED … \
        [--sarcoma FOLDER --part first|second] [--twins]

Joins folders of ``hnc phantom`` into one table. ``--sarcoma`` adds real patients: a folder with
``PET_image``, ``CT_image`` and ``PET_mask`` each (PET in SUV), as TCIA's Soft-tissue-Sarcoma is
often kept; those in ``HELD_OUT`` are left out of all training. ``--part``: every other of them,
for a common start and for the folds. ``--twins`` adds to each one without its tumour, so that
looking real does not mean cancer.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterable, Iterator
from os.path import relpath
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from HNCLogic.errors import InputError
from HNCLogic.training.cohort import KNOWN, ROLES, Scan, read_cohort

HELD_OUT = ("STS_002", "STS_010", "STS_019", "STS_028", "STS_035")
WITHIN = ("match",)  # columns whose values mean something within one folder only
SEED = 20260


def painted_out(pet: sitk.Image, mask: sitk.Image, rng: np.random.Generator) -> sitk.Image:
    """``pet`` with the tumour replaced by what lies around it, blurred in, and noise.

    Makes a tumour-free twin of a real patient. What it shows at the tumour's place is simulated.
    """
    from scipy.ndimage import binary_dilation, gaussian_filter

    values = sitk.GetArrayFromImage(pet).astype(np.float32)
    spacing = pet.GetSpacing()[::-1]
    tumour = sitk.GetArrayFromImage(mask) > 0
    hidden = binary_dilation(tumour, iterations=2)
    shown = (~hidden).astype(np.float32)
    sigma = [12.0 / s for s in spacing]
    weight = gaussian_filter(shown, sigma)
    for _ in range(6):  # wider and wider until every hidden voxel has seen something
        if weight[hidden].min() > 1e-3:
            break
        sigma = [s * 1.5 for s in sigma]
        weight = gaussian_filter(shown, sigma)
    calm = np.minimum(values, np.percentile(values[~hidden], 97))
    filled = gaussian_filter(calm * shown, sigma) / np.maximum(weight, 1e-6)
    grain = gaussian_filter(rng.normal(size=values.shape), 0.8)
    filled *= 1 + 0.12 * grain / grain.std()
    soft = gaussian_filter(hidden.astype(np.float32), 0.7)
    out = sitk.GetImageFromArray((values * (1 - soft) + filled * soft).astype(np.float32))
    out.CopyInformation(pet)
    return out


def simulated_rows(folder: Path, out: Path) -> Iterator[dict[str, Any]]:
    """A row for each patient of ``hnc phantom``'s ``folder``; paths relative to ``out``."""
    for scan in read_cohort(folder / "cohort.csv").scans:
        yield row_of(scan, folder.name, out)


def row_of(scan: Scan, folder: str, out: Path) -> dict[str, Any]:
    """``scan`` as a row of the table in the folder ``out``."""
    facts = {
        name: f"{folder}-{value}" if value and name in WITHIN else value
        for name, value in scan.facts.items()
        if name != "reader_mask"
    }
    images = {role: relpath(path, out) for role, path in scan.images.items()}
    return {
        "patient": scan.patient, "scan": scan.scan, "centre": scan.centre, **images,
        "mask": relpath(scan.mask, out) if scan.mask else "", "label": int(bool(scan.label)),
        **facts,
    }  # fmt: skip


def sarcoma_rows(
    sarcoma: Path, part: str | None, out: Path, *, twins: bool
) -> Iterator[dict[str, Any]]:
    """Real patients, one row each; with ``twins`` one more, whose PET is written beside ``out``.

    Raises InputError where ``sarcoma`` is no such folder.
    """
    folders = sorted(p for p in sarcoma.glob("*") if (p / "PET_mask.nii.gz").exists())
    folders = [p for p in folders if p.name not in HELD_OUT]
    if not folders:
        raise InputError(f"{sarcoma}: no folders with PET_image, CT_image and PET_mask (.nii.gz)")
    if part:
        folders = folders[("first", "second").index(part) :: 2]
    rng = np.random.default_rng(SEED)
    for folder in folders:
        pet, ct, mask = (
            folder / f"{name}.nii.gz" for name in ("PET_image", "CT_image", "PET_mask")
        )
        row = {"patient": folder.name, "centre": "sarcoma", "group": folder.name}
        row |= {"CT": relpath(ct, out)}
        yield row | {
            "scan": "1", "PET": relpath(pet, out), "mask": relpath(mask, out), "label": 1
        }  # fmt: skip
        if twins:
            twin = out / f"{folder.name}-without.nrrd"
            without = painted_out(sitk.ReadImage(str(pet)), sitk.ReadImage(str(mask)), rng)
            sitk.WriteImage(without, str(twin), True)
            yield row | {"scan": "without", "PET": twin.name, "mask": "", "label": 0}


def write_table(path: Path, rows: Iterable[dict[str, Any]]) -> int:
    """All rows under all their columns; how many. Raises InputError where there are none."""
    rows = list(rows)
    if not rows:
        raise InputError("no patients: give folders of hnc phantom, or --sarcoma")
    named = dict.fromkeys(name for row in rows for name in row)
    columns = [c for c in ("patient", "scan", "centre", *ROLES, *KNOWN) if c in named]
    columns = list(dict.fromkeys([*columns, *named]))
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, columns, restval="", lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
    return len(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("simulated", type=Path, nargs="*")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--sarcoma", type=Path)
    parser.add_argument("--part", choices=("first", "second"))
    parser.add_argument("--twins", action="store_true")
    options = parser.parse_args()
    home = options.out.parent
    home.mkdir(parents=True, exist_ok=True)
    rows = [row for folder in options.simulated for row in simulated_rows(folder, home)]
    if options.sarcoma:
        rows += sarcoma_rows(options.sarcoma, options.part, home, twins=options.twins)
    print(f"{options.out}: {write_table(options.out, rows)} scans")


if __name__ == "__main__":
    main()
