"""The commands that do a job: each offers the options its task uses, and no others."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from pathlib import Path

import typer

from HNCLogic import options
from HNCLogic.errors import InputError

HELP = {
    "analyze": "The whole job: verdict, heat map, tumour volume, numbers, scene, report.",
    "classify": "Is there cancer: probability and verdict (method 1); --method extension: has a "
    "node's capsule been broken (CT, method 5); --method parotid: what kind of tumour (MRI, 4).",
    "explain": "Verdict and heat map: where the network looked (Grad-CAM).",
    "segment": "Outline lesions and measure them (method 2 or 3, or a threshold).",
    "measure": "Measure lesions that are outlined already (--mask).",
}

IMAGES = {
    "out": options.Out,
    "pet": options.Pet,
    "ct": options.Ct,
    "mr": options.Mr,
    "t2": options.T2,
    "ce_t1": options.CeT1,
    "series": options.Series,
}
DIFFUSION = {"dwi_b0": options.DwiB0, "dwi_b1000": options.DwiB1000, "adc": options.Adc}
COMPARED = {"mask": options.AnnotatedSlices}
MEASURED = {"mask": options.Outlines}
STRETCH = {"region": options.Stretch, "margin": options.Margin}
VERDICT = {
    "presence_model": options.PresenceModel,
    "aggregate": options.Aggregate,
    "threshold": options.Threshold,
}
OTHERS = {
    "method": options.Method,
    "model": options.OtherModel,
    "voi": options.VoiCentre,
    "box": options.TumourBox,
}
OUTLINING = {
    "delineation": options.Delineated,
    "volume_model": options.VolumeModel,
    "fixed_suv": options.FixedSuv,
    "percent": options.Percent,
    "fraction": options.Fraction,
    "candidate_suv": options.CandidateSuv,
    "at": options.At,
    "minimum_ml": options.Minimum,
    "keep_brain": options.KeepBrain,
    "fast": options.Fast,
}
SUV = {
    "weight": options.Weight,
    "dose": options.Dose,
    "injected": options.Injected,
    "started": options.Started,
    "half_life": options.HalfLife,
    "height": options.Height,
    "sex": options.Sex,
    "units": options.Units,
    "decay": options.Decay,
}
OUTPUT = {"overwrite": options.Overwrite, "json": options.Json}

OFFERED = {
    "analyze": IMAGES | COMPARED | STRETCH | VERDICT | OUTLINING | SUV | OUTPUT,
    "classify": IMAGES | DIFFUSION | STRETCH | OTHERS | VERDICT | SUV | OUTPUT,
    "explain": IMAGES | DIFFUSION | COMPARED | STRETCH | OTHERS | VERDICT | SUV | OUTPUT,
    "segment": IMAGES | STRETCH | OUTLINING | SUV | OUTPUT,
    "measure": IMAGES | MEASURED | SUV | OUTPUT,
}
THRESHOLDS = ("fixed", "percent", "adaptive")
# What only some ways of outlining use: the option and those ways.
ONLY_WITH = {
    "volume_model": ("--volume-model", ("network",)),
    "fixed_suv": ("--suv", ("fixed",)),
    "percent": ("--percent", ("percent",)),
    "fraction": ("--fraction", ("adaptive",)),
    "candidate_suv": ("--candidate-suv", THRESHOLDS),
    "at": ("--at", THRESHOLDS),
    "keep_brain": ("--keep-brain", THRESHOLDS),
    "fast": ("--fast", ("network",)),
}
ROLES = {
    "pet": "PET",
    "ct": "CT",
    "mr": "T1",
    "t2": "T2",
    "ce_t1": "CE-T1",
    "dwi_b0": "DWI-b0",
    "dwi_b1000": "DWI-b1000",
    "adc": "ADC",
}
BOX = re.compile(r"[-+.,\deE ]*")  # six numbers; else it is a file


def add_task_commands(app: typer.Typer, show: Callable) -> None:
    """Add the five commands to ``app``; ``show(result, out, as_json)`` tells what came of one."""
    for task in HELP:
        app.command(task, help=HELP[task])(_command(task, show))


def _command(task: str, show: Callable) -> Callable[..., None]:
    def command(**given) -> None:
        from HNCLogic.progress import shown_progress
        from HNCLogic.run import run_job

        job = job_of(task, given)
        with shown_progress() as progress:
            result = run_job(job, progress)
        show(result, job.out, given["json"])

    # Typer reads a command's options from its signature.
    command.__signature__ = inspect.Signature(
        [
            inspect.Parameter(
                name, inspect.Parameter.KEYWORD_ONLY, annotation=kind, default=_default(name)
            )
            for name, kind in OFFERED[task].items()
        ]
    )
    command.__annotations__ = dict(OFFERED[task])
    return command


def _default(name: str):
    """What Typer passes for an option that was not given: the Job has the defaults."""
    if name == "out":
        return inspect.Parameter.empty
    return False if name in ("overwrite", "json", "keep_brain", "fast") else None


def job_of(task: str, given: dict):
    """The Job of a command's options. Raises InputError where they are wrong or have no effect."""
    from HNCLogic.job import Job

    region, voi, box = given.get("region"), given.get("voi"), given.get("box")
    numbers = box is not None and "," in box and BOX.fullmatch(box) is not None
    values = {
        "method": given.get("method"),
        "model": given.get("model"),
        "voi_centre": None if voi is None else options.numbers_in(voi, 3, "--voi"),
        "box_mm": options.numbers_in(box, 6, "--box") if numbers else None,
        "box_file": None if box is None or numbers else Path(box),
        "mask": given.get("mask"),
        "region_mm": None if region is None else options.numbers_in(region, 2, "--region"),
        "margin_mm": given.get("margin"),
        "presence_model": given.get("presence_model"),
        "volume_model": given.get("volume_model"),
        "aggregation": given.get("aggregate"),
        "threshold": given.get("threshold"),
    }
    if "delineation" in given:
        values["delineation"] = _delineation(given)
    return options.checked(
        Job,
        task=task,
        images={role: given[name] for name, role in ROLES.items() if given.get(name) is not None},
        out=given["out"],
        series=options.series_choices(given["series"]),
        suv=options.suv_by_hand(**{name: given[name] for name in SUV}),
        overwrite=given["overwrite"],
        **{name: value for name, value in values.items() if value is not None},
    )


def _delineation(given: dict):
    from HNCLogic.job import Delineation

    seeds = [options.numbers_in(point, 3, "--at") for point in given["at"] or []]
    values = {
        "method": given["delineation"],
        "fixed_suv": given["fixed_suv"],
        "percent": given["percent"],
        "adaptive_fraction": given["fraction"],
        "candidate_suv": given["candidate_suv"],
        "minimum_ml": given["minimum_ml"],
        "seeds": seeds or None,
        "exclude_brain": False if given["keep_brain"] else None,
        "fast": given["fast"] or None,
    }
    chosen = options.checked(
        Delineation, **{name: value for name, value in values.items() if value is not None}
    )
    for name, (option, ways) in ONLY_WITH.items():
        if given[name] and chosen.method not in ways:
            raise InputError(
                f"{option} has no effect with --delineation {chosen.method}: leave it out, or "
                f"choose --delineation {' or '.join(ways)}"
            )
    return chosen
