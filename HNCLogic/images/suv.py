"""SUVbw from what a PET's headers say: one factor for each slice, and the record of how.

What the values' units are decides the way: activity needs weight, dose and times; counts need
Philips' factors; SUVs relative to another mass need that mass. Rules: Vácha et al.,
"Comprehensive Manual for SUV Computation and Digital Reference Objects for its Verification";
QIBA's FDG-PET/CT profile.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from HNCLogic.errors import InputError
from HNCLogic.images.suv_activity import (
    dose_left,
    from_activity,
    missing_for_activity,
    span,
    suv_record,
)
from HNCLogic.images.suv_body import MASSES, mass_kg, surface_cm2
from HNCLogic.images.suv_header import PetHeader
from HNCLogic.images.suv_inputs import Inputs, gather, refuse_missing
from HNCLogic.images.suv_time import MATERIAL, clock, reference_time
from HNCLogic.job import SuvByHand, SuvRecord

if TYPE_CHECKING:  # a fifth of a second that image files need not wait for
    from pydicom.dataset import Dataset

NO_WAY = {
    "CNTS": "counts without Philips' scale factors",
    "CPS": "counts per second, not calibrated to Bq/ml",
    "PROPCPS": "uncalibrated, not attenuation-corrected",
    "PROPCNTS": "proportional to counts by an unknown factor",
    "1CM": "an attenuation map",
}


def suv_factors(
    headers: Sequence[Dataset | PetHeader],
    by_hand: SuvByHand | None = None,
    source: str = "the PET",
) -> tuple[np.ndarray, SuvRecord]:
    """Factors (float64, one a slice, in the order of ``headers``) that turn rescaled values
    into SUVbw, and the record of how they came about.

    ``headers`` are those of the slices of one series; ``by_hand`` replaces or completes them;
    ``source`` names the series in errors. Raises ``InputError`` naming all that is missing with
    the options that give it, and for units, corrections or times that allow no SUV.
    """
    by_hand = by_hand or SuvByHand()
    slices = [h if isinstance(h, PetHeader) else PetHeader.of(h) for h in headers]
    _refuse_intercept(slices, source)
    known = gather(slices, by_hand, source)
    known.warnings += _corrections(slices, by_hand, source)
    if known.units is None:
        refuse_missing(source, ["units", *missing_for_activity(slices, known)])
    if known.units == "BQML":
        return from_activity(slices, known, np.ones(len(slices)), "BQML", source)
    if known.units == "SUVbw":
        return _ready(slices, known, 1.0, "SUVbw", "values are SUVbw, as stated by hand", source)
    if known.units in ("GML", "CM2ML"):
        return _normalised(slices, known, source)
    if known.units == "CNTS":
        return _from_counts(slices, known, source)
    reason = NO_WAY.get(known.units, "for which no way to SUV is known")
    raise InputError(
        f"{source}: its values are in {known.units} ({reason}): choose another reconstruction"
    )


def suv_warnings(image: sitk.Image) -> list[str]:
    """What is odd about the largest value of a PET in SUVbw."""
    largest = float(sitk.GetArrayViewFromImage(image).max())
    if largest > 100:
        return [
            f"SUVmax is {largest:.0f}: over 100 hardly occurs in a body; check units, weight, "
            "dose and times (a full bladder or the injection site can reach it)."
        ]
    if largest < 1:
        return [
            f"SUVmax is {largest:.2f}: in a body it is over 1; check units, weight, dose and times."
        ]
    return []


def _from_counts(
    slices: list[PetHeader], known: Inputs, source: str
) -> tuple[np.ndarray, SuvRecord]:
    """Philips' counts: by the SUV factor, or by the activity factor where that is the only one
    or where something given by hand must take effect."""
    suv = [h.philips_suv for h in slices]
    activity = [h.philips_activity for h in slices]
    own_values = set(known.by_hand) <= {"units"}
    if None not in suv and (own_values or None in activity):
        words = "Philips' SUV scale factor (7053,1000)"
        factors, record = _ready(
            slices, known, np.array(suv), "CNTS", f"{words} {span(np.array(suv))}", source
        )
        if None not in activity:
            record.warnings += _counts_disagreement(slices, known, suv[0] / activity[0])
        return factors, record
    if None not in activity:
        words = f"counts × {span(np.array(activity))} (Philips' activity scale factor, 7053,1009)"
        return from_activity(slices, known, np.array(activity), "CNTS", source, words)
    raise InputError(
        f"{source}: its values are in counts (CNTS) and the headers lack Philips' scale factors "
        "(7053,1000) and (7053,1009): export it with them, or as Bq/ml"
    )


def _counts_disagreement(slices: list[PetHeader], known: Inputs, per_bq: float) -> list[str]:
    """Philips' SUV factor against weight, dose and times of the same header."""
    if known.missing("weight", "dose", "injected", "half_life") or known.decay != "START":
        return []
    found = reference_time(slices, known.injected, known.half_life_s)
    if found is None:
        return []
    computed = known.weight_kg * 1e-3 / known.dose_mbq / dose_left(known, found.at)
    if abs(per_bq / computed - 1) <= MATERIAL:
        return []
    return [
        f"Philips' SUV factor is {per_bq / computed - 1:+.0%} off what weight, dose and times in "
        f"the header give ({found.source} {clock(found.at)}); the factor was used."
    ]


def _normalised(
    slices: list[PetHeader], known: Inputs, source: str
) -> tuple[np.ndarray, SuvRecord]:
    """SUVs by the scanner: GML is relative to a mass, CM2ML to the body surface."""
    kind = (known.suv_type or ("BW" if known.units == "GML" else "BSA")).upper()
    if (known.units == "GML") != (kind == "BW" or kind in MASSES):
        raise InputError(
            f"{source}: Units {known.units} and SUVType {kind} contradict each other: "
            "if the values are SUVbw, say so with --pet-units SUVbw"
        )
    stated = "" if known.suv_type else ", no SUVType stated"
    if kind == "BW":
        words = f"values are SUVbw already (GML{stated})"
        return _ready(slices, known, 1.0, f"GML{stated}", words, source)
    needed = ["weight", "height"] + (["sex"] if kind in MASSES else [])
    refuse_missing(source, known.missing(*needed))
    # The scanner used the header's own weight and height; by hand only fills what it lacks.
    weight = known.file_weight_kg or known.weight_kg
    height = known.file_height_m or known.height_m
    if kind in MASSES:
        body = mass_kg(kind, weight, height, known.sex)
        if body <= 0:
            raise InputError(f"{source}: weight {weight:g} kg and height {height:g} m do not fit")
        factor = weight / body
        words = f"body weight {weight:g} kg / {MASSES[kind][0]} {body:.2f} kg"
    else:
        body = surface_cm2(weight, height)
        factor = weight * 1000 / body
        words = f"body weight {weight * 1000:g} g / body surface {body:.0f} cm² (Du Bois)"
    unit = f"{known.units}, {kind}{stated}"
    return _ready(slices, known, factor, unit, words, source, fills=True)


def _ready(
    slices: list[PetHeader],
    known: Inputs,
    factor: float | np.ndarray,
    units: str,
    words: str,
    source: str,
    fills: bool = False,
) -> tuple[np.ndarray, SuvRecord]:
    """Values that are SUV: what is given by hand can only rescale them. ``fills``: a weight by
    hand that the header lacks is in ``factor`` already."""
    change, note = 1.0, ""
    for name, option, own, mine, power in (
        ("weight_kg", "--weight", known.file_weight_kg, known.weight_kg, 1),
        ("dose_mbq", "--dose", known.file_dose_mbq, known.dose_mbq, -1),
    ):
        if name not in known.by_hand:
            continue
        if own is None and not (fills and name == "weight_kg"):
            raise InputError(_cannot(source, option))
        if own is not None:
            change *= (mine / own) ** power
            note += f" × {mine:g}/{own:g}" if power > 0 else f" × {own:g}/{mine:g}"
    for name, option in (
        ("injected", "--injected"),
        ("scan_started", "--scan-started"),
        ("half_life_s", "--half-life"),
        ("decay_correction", "--decay"),
    ):
        if name in known.by_hand:
            raise InputError(_cannot(source, option))
    factors = np.broadcast_to(np.asarray(factor, float) * change, (len(slices),)).copy()
    record = suv_record(known, units, factors, words)
    record.formula = f"SUVbw = value × {span(factors)} ({words}{note})"
    return factors, record


def _cannot(source: str, option: str) -> str:
    return (
        f"{source}: its values are SUV already, so {option} cannot be applied to them: leave it "
        "out, or give the image in Bq/ml"
    )


def _refuse_intercept(slices: list[PetHeader], source: str) -> None:
    odd = next((h.intercept for h in slices if h.intercept != 0), None)
    if odd is not None:
        raise InputError(
            f"{source}: a RescaleIntercept of {odd:g} is not allowed in a PET (DICOM wants 0), so "
            "its values cannot be trusted: export it again from the scanner"
        )


def _corrections(slices: list[PetHeader], by_hand: SuvByHand, source: str) -> list[str]:
    """Without attenuation correction values deep in the body are several times too low, and an
    SUV made from them would look like any other: so that is refused, unless the user vouches
    for the values by giving their units."""
    made = slices[0].corrections
    method = (slices[0].attenuation_method or "").lower()
    if made is None:
        return [] if method else ["The header does not say whether attenuation was corrected."]
    warnings = []
    if "ATTN" not in made:
        if not by_hand.units and (not method or method.startswith("none")):
            raise InputError(
                f"{source}: the PET is not attenuation-corrected (no ATTN in CorrectedImage): "
                "choose the attenuation-corrected series"
            )
        warnings.append("The header does not list attenuation among the corrections made.")
    if slices[0].decay_correction == "START" and "DECY" not in made:
        warnings.append(
            "The header says decay-corrected to START, but does not list it among the corrections."
        )
    if slices[0].decay_correction == "NONE" and "DECY" in made:
        warnings.append("The header says not decay-corrected (NONE), but lists that correction.")
    return warnings
