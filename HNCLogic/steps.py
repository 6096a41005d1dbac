"""What the steps of a job pass on, and the first of them: reading.

The order they come in stands in run.py; the others are in verdict.py and outlines.py.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import SimpleITK as sitk

from HNCLogic.errors import InputError
from HNCLogic.images.study import Study
from HNCLogic.job import (
    MR_ROLES,
    Explanation,
    Extension,
    Job,
    Lesion,
    Parotid,
    Presence,
    Region,
    SuvByHand,
    Totals,
)


@dataclass
class Findings:
    """What the steps found, before it is written out."""

    study: Study
    region: Region | None  # of the verdict: as far as the anatomical image shows it
    pet_region: Region | None = None  # of the outlines, which need the PET only; None: the same
    presence: Presence | None = None
    extension: Extension | None = None
    parotid: Parotid | None = None
    judged_by: str = "torch in float32"  # what computed the verdict, and in which numbers
    heatmap: sitk.Image | None = None  # 0 to 1, on the grid of one of the study's images
    explanation: Explanation | None = None
    labels: sitk.Image | None = None  # one value a lesion, on the PET's grid
    lesions: list[Lesion] = field(default_factory=list)
    totals: list[Totals] = field(default_factory=list)
    delineation: str | None = None
    delineation_trained_on: str | None = None
    outlined_by: str | None = None  # what ran the networks of the outlines, and in what numbers
    warnings: list[str] = field(default_factory=list)
    models: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    _lap: float = field(default_factory=time.perf_counter)

    def lap(self, name: str) -> None:
        """Note the seconds since the last lap as those of step ``name``."""
        now = time.perf_counter()
        self.seconds[name] = round(now - self._lap, 3)
        self._lap = now

    def warn(self, *messages: str) -> None:
        self.warnings += [m for m in messages if m not in self.warnings]


def read(job: Job) -> Findings:
    """The study and the region that is analysed."""
    from HNCLogic.images.fit import leave_out_misplaced
    from HNCLogic.images.region import as_far_as_shown, head_and_neck, refuse_implausible_size
    from HNCLogic.images.study import read_study

    began = time.perf_counter()
    study = read_study(job.images, job.series, job.suv)
    refuse_implausible_size(study)
    misplaced = leave_out_misplaced(study)
    whole, warnings = head_and_neck(study, job.region_mm, job.margin_mm)
    region = whole
    if job.task in ("analyze", "classify", "explain") and job.region_mm is None:
        region, more = as_far_as_shown(whole, study)
        warnings += more
    found = Findings(study, region, whole, _lap=began)
    found.warn(*study.warnings, *(study.suv.warnings if study.suv else []), *misplaced, *warnings)
    found.lap("reading")
    return found


def require_sense(job: Job) -> None:
    """Raises InputError where the job lacks what its task cannot do without, or states what has
    no effect in it."""
    _require_method(job)
    if not job.images:
        raise InputError("no image was given: add --pet FILE, and --ct or --mr beside it")
    if job.task in ("analyze", "segment", "measure") and "PET" not in job.images:
        raise InputError(f"{job.task} measures uptake in PET, and none was given: add --pet FILE")
    if job.task == "measure" and job.mask is None:
        raise InputError("measure needs outlines to measure: add --mask FILE")
    if job.task in ("classify", "segment", "open") and job.mask is not None:
        raise InputError(
            f"a mask (--mask) has no effect in {job.task}: leave it out, or choose explain, which "
            "compares it with the heat map, or measure, which measures it"
        )
    outlined = job.task in ("analyze", "segment")
    if outlined and job.delineation.seeds and job.delineation.method == "network":
        raise InputError(
            "places of lesions (--at) have no effect where the network outlines: leave them out, "
            "or choose --delineation fixed, percent or adaptive"
        )
    if job.delineation.fast and job.delineation.method != "network":
        raise InputError(
            "--fast has no effect where no network outlines: leave it out, or choose "
            "--delineation network"
        )
    if "PET" not in job.images and job.suv != SuvByHand():
        stated = ", ".join(name for name, value in job.suv if value is not None)
        raise InputError(f"{stated} by hand is for a PET, and none was given: add --pet FILE")
    if job.margin_mm and job.region_mm is not None:
        raise InputError(
            "a margin (--margin) has no effect on a region given by hand (--region): leave one out"
        )


# What only some methods use: a job's field, its option, and those methods.
OF_METHODS = {
    "model": ("--model", ("extension", "parotid")),
    "voi_centre": ("--voi", ("extension",)),
    "box_mm": ("--box", ("parotid",)),
    "box_file": ("--box", ("parotid",)),
    "presence_model": ("--presence-model", ("presence",)),
    "aggregation": ("--aggregate", ("presence",)),
    "threshold": ("--threshold", ("presence", "extension")),
    "region_mm": ("--region", ("presence", "extension")),
    "margin_mm": ("--margin", ("presence", "extension")),
    "mask": ("--mask", ("presence", "extension")),
}
LOOKED_AT = {"extension": ("CT",), "parotid": MR_ROLES}  # presence: whatever its model takes


def _require_method(job: Job) -> None:
    """Raises InputError where the job states what its method does not use, or lacks what it needs
    before anything is read."""
    if job.method != "presence" and job.task not in ("classify", "explain"):
        raise InputError(
            f"{job.task} does not go by method {job.method}: leave --method out, or choose "
            "classify or explain"
        )
    for field_name, (option, methods) in OF_METHODS.items():
        stated = getattr(job, field_name) != Job.model_fields[field_name].default
        if stated and job.method not in methods:
            raise InputError(
                f"{option} has no effect with --method {job.method}, only with "
                f"{' and '.join(methods)}: leave it out"
            )
    looked_at = LOOKED_AT.get(job.method, tuple(job.images))
    if unused := [role for role in job.images if role not in looked_at]:
        raise InputError(
            f"{' and '.join(unused)} {'has' if len(unused) == 1 else 'have'} no effect with "
            f"--method {job.method}, which looks at {' and '.join(looked_at)}: leave it out"
        )
    if job.method == "extension" and not job.images:
        raise InputError(
            "extension is looked for in a contrast-enhanced CT of the neck, and none was given: "
            "add --ct FILE"
        )
    if job.method == "parotid" and (job.box_mm is None) == (job.box_file is None):
        raise InputError(
            "the parotid's tumour is looked at within one box about it: add --box FILE (a markups "
            "ROI or a mask), or --box with six numbers, low and high of R, of A and of S in mm"
        )


def why_absent(job: Job, roles: list[str]) -> str:
    """An image that was given can be missing because it does not lie on the PET."""
    given = [*job.images, *(["MR"] if any(role in MR_ROLES for role in job.images) else [])]
    return "was left out" if any(role in given for role in roles) else "was not given"


def refuse_left_out(job: Job, found: Findings, missing: list[str]) -> None:
    """Raises InputError, with the reason, where an image that is needed was left out."""
    if missing and why_absent(job, missing) == "was left out":
        reasons = [w for w in found.warnings if "was left out:" in w]
        raise InputError(f"the model needs {' and '.join(missing)}. {' '.join(reasons)}")
