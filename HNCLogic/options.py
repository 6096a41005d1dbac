"""The options the commands share, and how their words become values.

Typer reads the declarations; the functions raise InputError with the option's name.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer

from HNCLogic.errors import InputError, first_problem

IMAGES, ANSWER, OUTLINE, SUV = "Images", "Verdict", "Outlines", "SUV by hand"


def image_option(what: str, *names: str):
    return typer.Option(
        *names, help=f"{what}: a file (NIfTI, NRRD, MHA) or DICOM folder.", rich_help_panel=IMAGES
    )


def option(what: str, panel: str, *names: str, otherwise: str | None = None):
    """``otherwise``: in words, what holds where the option is not given."""
    words = what if otherwise is None else f"{what.removesuffix('.')}; else {otherwise}."
    return typer.Option(*names, help=words, rich_help_panel=panel)


Out = Annotated[Path, typer.Option(help="Folder for the results; made anew.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace earlier results in it.")]
Json = Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")]
Pet = Annotated[Path | None, image_option("FDG PET")]
Ct = Annotated[Path | None, image_option("CT")]
Mr = Annotated[Path | None, image_option("MRI, T1", "--mr", "--t1")]
T2 = Annotated[Path | None, image_option("MRI, T2")]
CeT1 = Annotated[Path | None, image_option("MRI, T1 with contrast")]
DwiB0 = Annotated[Path | None, image_option("MRI, diffusion, b = 0")]
DwiB1000 = Annotated[Path | None, image_option("MRI, diffusion, b = 1000")]
Adc = Annotated[Path | None, image_option("MRI, apparent diffusion, 1e-6 mm²/s")]
AnnotatedSlices = Annotated[
    Path | None, option("Lesions, to compare the heat map with.", IMAGES, "--mask")
]
Outlines = Annotated[Path | None, option("The lesions to measure.", IMAGES, "--mask")]
Stretch = Annotated[
    str | None,
    option("Stretch to analyse, LOW,HIGH in mm (S); else found.", IMAGES, "--region"),
]
Margin = Annotated[
    float | None,
    option("Added to the stretch found, at both ends, mm.", IMAGES, "--margin", otherwise="0"),
]
Method = Annotated[
    str | None,
    option("presence (of cancer), extension (on CT) or parotid (on MRI).", ANSWER, "--method",
           otherwise="presence"),
]  # fmt: skip
OtherModel = Annotated[
    str | None,
    option("extension, parotid: name or folder.", ANSWER, "--model", otherwise="the only one"),
]
VoiCentre = Annotated[
    str | None,
    option("extension: centre of what is judged, R,A,S in mm.", ANSWER, "--voi", otherwise="found"),
]
TumourBox = Annotated[
    str | None,
    option("parotid: about the tumour; a markups ROI (.mrk.json), a mask, or low and high of R, "
           "of A and of S in mm, with commas.", ANSWER, "--box"),
]  # fmt: skip
PresenceModel = Annotated[
    str | None,
    option("Name or folder (hnc models list).", ANSWER, "--presence-model",
           otherwise="presence-petct"),
]  # fmt: skip
Aggregate = Annotated[
    str | None,
    option("mean, median, majority, weighted or max; else the model's.", ANSWER, "--aggregate"),
]
Threshold = Annotated[
    float | None,
    option("Positive from this probability; else the model's.", ANSWER, "--threshold"),
]
Delineated = Annotated[
    str | None,
    option("network, fixed, percent or adaptive.", OUTLINE, "--delineation", otherwise="network"),
]
VolumeModel = Annotated[
    str | None,
    option("Name or folder (hnc models list).", OUTLINE, "--volume-model",
           otherwise="tumour-volume-petct"),
]  # fmt: skip
FixedSuv = Annotated[float | None, option("fixed: SUV.", OUTLINE, "--suv", otherwise="4")]
Percent = Annotated[
    float | None, option("percent: of each lesion's SUVmax.", OUTLINE, "--percent", otherwise="41")
]
Fraction = Annotated[
    float | None,
    option("adaptive: of lesion minus background.", OUTLINE, "--fraction", otherwise="0.4"),
]
CandidateSuv = Annotated[
    float | None,
    option("Thresholds: hot spots below are left.", OUTLINE, "--candidate-suv", otherwise="2.5"),
]
At = Annotated[
    list[str] | None, option("Thresholds: only the lesion at R,A,S in mm.", OUTLINE, "--at")
]
Minimum = Annotated[
    float | None, option("Smaller regions are dropped, ml.", OUTLINE, "--minimum", otherwise="0.1")
]
KeepBrain = Annotated[
    bool, option("Thresholds: do not leave the brain out.", OUTLINE, "--keep-brain")
]
Fast = Annotated[
    bool,
    option(
        "network: patches 16 slices apart, not 8 (pooled Dice of 8 simulated patients 0.697, not "
        "0.699).",
        OUTLINE,
        "--fast",
    ),
]
Weight = Annotated[float | None, option("Patient's weight, kg.", SUV, "--weight")]
Dose = Annotated[float | None, option("Injected dose, MBq.", SUV, "--dose")]
Injected = Annotated[
    str | None,
    option("Time of injection: HH:MM[:SS] or YYYY-MM-DDTHH:MM:SS.", SUV, "--injected"),
]
Started = Annotated[
    str | None,
    option("Time the PET is decay-corrected to, same forms.", SUV, "--scan-started"),
]
HalfLife = Annotated[float | None, option("Half-life, s.", SUV, "--half-life")]
Height = Annotated[float | None, option("Patient's height, m.", SUV, "--height")]
Sex = Annotated[str | None, option("Patient's sex: M, F or O.", SUV, "--sex")]
Units = Annotated[
    str | None,
    option("Units of a PET file that does not state them: SUVbw or BQML.", SUV, "--pet-units"),
]
Decay = Annotated[
    str | None,
    option("Decay correction: START, ADMIN or NONE.", SUV, "--decay"),
]
Series = Annotated[
    list[str] | None,
    option("Which DICOM series: ROLE=NUMBER or ROLE=UID.", IMAGES, "--series"),
]


def suv_by_hand(weight, dose, injected, started, half_life, height, sex, units, decay):
    from HNCLogic.job import SuvByHand

    return checked(
        SuvByHand,
        weight_kg=weight,
        dose_mbq=dose,
        injected=injected,
        scan_started=started,
        half_life_s=half_life,
        height_m=height,
        sex=sex,
        units=units,
        decay_correction=decay,
    )


def checked(record, **values):
    """``record`` made of ``values``; what does not fit becomes one line."""
    from pydantic import ValidationError

    try:
        return record(**values)
    except ValidationError as error:
        raise InputError(first_problem(error)) from error


def series_choices(series: list[str] | None) -> dict[str, str]:
    chosen = {}
    for pair in series or []:
        role, _, choice = pair.partition("=")
        if not choice:
            raise InputError(f"--series {pair}: write ROLE=NUMBER, for example --series PET=4")
        chosen[role.upper()] = choice
    return chosen


def numbers_in(text: str, count: int, option: str) -> tuple[float, ...]:
    try:
        numbers = tuple(float(part) for part in text.split(","))
    except ValueError:
        numbers = ()
    if len(numbers) != count or not all(map(math.isfinite, numbers)):
        example = ",".join(["10"] * count)
        raise InputError(f"{option} {text}: write {count} numbers in mm, like {example}")
    return numbers
