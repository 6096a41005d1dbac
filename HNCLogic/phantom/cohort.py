"""Simulated patients on disk, as a cohort: a folder for each, and a list of them all."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Literal

from HNCLogic.outputs import whole_or_nothing
from HNCLogic.progress import Progress

COLUMNS = ("patient", "scan", "centre", "PET", "CT", "mask", "label", "time", "event")
FULL = "PET: projected, counted and reconstructed by the full scanner chain.\n"


def write_cohort(
    out: Path,
    count: int,
    seed: int,
    overwrite: bool = False,
    progress: Progress = lambda share, words: None,
    scanner: Literal["fast", "full"] = "fast",
) -> None:
    """Write patients ``seed`` … ``seed + count - 1`` into ``out``, every other one with a tumour.

    Each has ``pet.nrrd`` (SUVbw; its record beside it as ``pet.json``), ``ct.nrrd`` (HU) and
    ``truth.nrrd`` (1 primary, 2 node). ``cohort.csv`` lists them, paths relative to it; time and
    event are empty. ``scanner``: "fast" blurs and adds noise, "full" projects, counts and
    reconstructs. All of it or nothing; raises InputError where it cannot be written.
    """
    from HNCLogic.convert import write_volume
    from HNCLogic.images.volume_file import record_path
    from HNCLogic.phantom.patient import SIMULATED, simulate

    rows = []
    with whole_or_nothing(out, overwrite) as folder:
        for number in range(count):
            name = f"simulated-{seed + number:04d}"
            progress(number / count, f"patient {number + 1} of {count}")
            patient = simulate(
                seed + number, positive=number % 2 == 0, full_chain=scanner == "full"
            )
            (folder / name).mkdir()
            images = {"pet": patient.pet, "ct": patient.ct, "truth": patient.truth}
            for kind, image in images.items():
                write_volume(image, folder / name / f"{kind}.nrrd", out)
            record_path(folder / name / "pet.nrrd").write_text(_record(patient), encoding="utf-8")
            rows.append(
                {
                    "patient": name,
                    "scan": 1,
                    "centre": patient.centre,
                    "PET": f"{name}/pet.nrrd",
                    "CT": f"{name}/ct.nrrd",
                    "mask": f"{name}/truth.nrrd",
                    "label": int(patient.positive),
                }
            )
        with (folder / "cohort.csv").open("w", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(file, COLUMNS, restval="")
            table.writeheader()
            table.writerows(rows)
        words = f"{SIMULATED}.\n" + (FULL if scanner == "full" else "")
        (folder / "README.txt").write_text(words, encoding="utf-8")


def _record(patient) -> str:
    import SimpleITK as sitk

    from HNCLogic.job import SuvRecord

    largest = float(sitk.GetArrayViewFromImage(patient.pet).max())
    return (
        SuvRecord(
            units_found="SUVbw",
            factor_min=1.0,
            factor_max=1.0,
            formula="simulated as SUVbw: nothing to convert",
            weight_kg=round(patient.weight_kg, 1),
            source=patient.simulated,
            suv_max=largest,
        ).model_dump_json(indent=2)
        + "\n"
    )
