"""Every backend beside torch in float32, on patients: probabilities, classes, what is found.

Method 1's verdict has no part in it: torch alone computes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from HNCLogic.benchmark.machine import Row
from HNCLogic.benchmark.network import MODEL, backends

if TYPE_CHECKING:
    from HNCLogic.models.folder import Model
    from HNCLogic.training.cohort import Scan

REFERENCE = "torch float32"
APART = {"float32": 1e-3, "bfloat16": 0.03}  # probabilities, at most
SHORT = 1e-3  # 1 - Dice of a class, at most


class Compared(NamedTuple):
    """One patient by one backend, beside the reference."""

    apart: float  # the largest difference of any voxel's probabilities
    short: dict[str, float]  # class → 1 - Dice of the voxels where it is the likeliest
    found_otherwise: bool  # is any class outlined by one of the two only?


def measure(cohort: Path, *, quick: bool) -> list[Row]:
    """The model that ships on each patient of ``cohort``, all folds (``quick``: the first, whose
    rounding no other evens out), by every backend: the worst of the patients, and which it is.

    Raises InputError as ``read_cohort``, and without another backend to compare.
    """
    from HNCLogic.errors import InputError
    from HNCLogic.inference.device import use_threads
    from HNCLogic.models.store import find_model
    from HNCLogic.training.cohort import read_cohort

    use_threads()
    others = [name for name in backends() if name != REFERENCE]
    if not others:
        raise InputError("there is one backend only, so nothing to compare: install OpenVINO "
                         '(pip install "hnc[openvino]")')  # fmt: skip
    model = find_model(MODEL, "tumour-volume")
    scans = read_cohort(cohort).scans
    found = {scan.name: _patient(model, scan, 1 if quick else model.folds) for scan in scans}
    words = "one fold" if quick else f"{model.folds} folds"
    rows = []
    for name in others:
        own = {patient: each[name] for patient, each in found.items()}
        rows += _rows(f"{name}, {_patients(len(own))}, {words}", name.split()[-1], own)
    return rows


def _rows(what: str, numbers: str, own: Mapping[str, Compared]) -> list[Row]:
    most = max(own, key=lambda patient: own[patient].apart)
    rows = [
        Row(
            f"{what}: probabilities apart",
            own[most].apart,
            "",
            APART[numbers],
            spread=f"{min(each.apart for each in own.values()):.1e}–{own[most].apart:.1e}",
            note=most,
        )
    ]
    for label in own[most].short:
        worst = max(own, key=lambda patient: own[patient].short[label])
        values = [each.short[label] for each in own.values()]
        rows.append(
            Row(
                f"{what}: 1 - Dice, {label}",
                max(values),
                "",
                SHORT,
                spread=f"{min(values):.1e}–{max(values):.1e}",
                note=worst,
            )
        )
    count = sum(each.found_otherwise for each in own.values())
    return [*rows, Row(f"{what}: a class found by one only", count, "patients", 0)]


def _patient(model: Model, scan: Scan, folds: int) -> dict[str, Compared]:
    from HNCLogic import steps
    from HNCLogic.inference.ensemble import mean_volume
    from HNCLogic.job import Job
    from HNCLogic.methods import tumour_volume

    preparation = model.preparation(tumour_volume.Preparation)
    images = {role: path for role, path in scan.images.items() if role in ("PET", "CT")}
    read = steps.read(Job(task="segment", images=images, out=Path("nowhere")))
    region = read.pet_region or read.region
    volume = tumour_volume.prepare(read.study, region, preparation, ct_required=False)
    patch = (preparation.patch_slices, preparation.pixels, preparation.pixels)
    stride = (preparation.stride, *patch[1:])
    said = {
        name: mean_volume(
            islice(model.networks(), folds),
            folds,
            volume.values,
            patch,
            stride,
            numbers=numbers,
            backend=backend,
        )
        for name, (backend, numbers) in backends().items()
    }
    reference = said.pop(REFERENCE)
    return {name: compared(reference, each, model.card.classes) for name, each in said.items()}


def compared(reference: np.ndarray, other: np.ndarray, classes: list[str]) -> Compared:
    """Two probability maps (class, z, y, x); a class that neither has agrees wholly."""
    one, two = (each.argmax(axis=0) for each in (reference, other))
    short, otherwise = {}, False
    for index, label in enumerate(classes):
        a, b = one == index, two == index
        count = np.count_nonzero(a) + np.count_nonzero(b)
        short[label] = 1 - 2 * np.count_nonzero(a & b) / count if count else 0.0
        otherwise |= bool(a.any() != b.any())
    return Compared(float(np.abs(reference - other).max()), short, otherwise)


def _patients(count: int) -> str:
    return "1 patient" if count == 1 else f"{count} patients"
