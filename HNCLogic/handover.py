"""What goes back to a panel: voxels as they are in plain files, beside ``result.json``.

The panel puts them into the user's own scene; pictures, bundles and reports are made there.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from HNCLogic import RESEARCH_USE
from HNCLogic.images.plain_nrrd import write_plain
from HNCLogic.images.volume_file import record_path
from HNCLogic.job import Job, Result
from HNCLogic.progress import Progress
from HNCLogic.provenance import image_record, provenance
from HNCLogic.steps import Findings


def open_images(job: Job, folder: Path, progress: Progress) -> Result:
    """Read the images of ``job`` and write each as ``ROLE.nrrd`` (float32) into ``folder``.

    A PET is in SUVbw then, and ``PET.json`` says how it came to be. Raises InputError as
    ``study.read_study``.
    """
    from HNCLogic.images.study import read_study
    from HNCLogic.report.json_out import write_json

    began = time.perf_counter()
    progress(0.0, "reading images")
    study = read_study(job.images, job.series, job.suv)
    files = {"result": "result.json"}
    for done, (role, image) in enumerate(study.images.items()):
        progress(0.6 + 0.3 * done / len(study.images), f"handing over the {role}")
        files[role] = f"{role}.nrrd"
        write_plain(folder / files[role], image)
    if study.suv is not None:
        beside = record_path(folder / files["PET"])
        files["suv"] = beside.name
        beside.write_text(study.suv.model_dump_json(indent=2) + "\n", encoding="utf-8")
    warnings = [*study.warnings, *(study.suv.warnings if study.suv else [])]
    result = Result(
        task=job.task,
        research_use=RESEARCH_USE,
        simulated=job.simulated,
        images=[
            image_record(role, image, study.sources.get(role, ""))
            for role, image in study.images.items()
        ],
        suv=study.suv,
        files=files,
        warnings=list(dict.fromkeys(warnings)),
        provenance=provenance(
            {"task": job.task}, {}, {"reading": round(time.perf_counter() - began, 3)}
        ),
    )
    write_json(result, folder)
    progress(1.0, "done")
    return result


def write_voxels(found: Findings, result: Result, folder: Path) -> None:
    """Write ``labels.nrrd`` (uint16, the PET's grid) and ``heatmap.nrrd`` (float32), what there is
    of them, and name them in ``result.files``.

    The heat map is cropped to where it is not 0 and a voxel around; one that is 0 everywhere is
    left out.
    """
    if found.labels is not None:
        result.files["labels"] = "labels.nrrd"
        write_plain(folder / "labels.nrrd", sitk.Cast(found.labels, sitk.sitkUInt16))
    hot = None if found.heatmap is None else _hot_part(found.heatmap)
    if hot is not None:
        result.files["heatmap"] = "heatmap.nrrd"
        write_plain(folder / "heatmap.nrrd", sitk.Cast(hot, sitk.sitkFloat32))


def _hot_part(heat: sitk.Image) -> sitk.Image | None:
    """The box of what is not 0, a voxel wider where the image goes on; None where all is 0."""
    hot = sitk.GetArrayViewFromImage(heat) != 0
    box = []
    for axis in range(3):  # x, y, z; numpy's axes are z, y, x
        others = tuple(2 - a for a in range(3) if a != axis)
        along = np.flatnonzero(hot.any(axis=others))
        if not len(along):
            return None
        box.append((max(int(along[0]) - 1, 0), min(int(along[-1]) + 2, hot.shape[2 - axis])))
    return sitk.RegionOfInterest(heat, [b - a for a, b in box], [a for a, _ in box])
