"""SUVbw from activity concentrations: body weight, and the dose as it was when the image was.

SUVbw [g/ml] = activity concentration [Bq/ml] × body weight [g] / dose [Bq], the dose decayed to
the time the image's values are corrected to, or, without decay correction, to each slice's own
(Vácha et al., "Comprehensive Manual for SUV Computation").
"""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np

from HNCLogic.errors import InputError
from HNCLogic.images.suv_header import PetHeader
from HNCLogic.images.suv_inputs import Inputs, check_uptake, refuse_missing
from HNCLogic.images.suv_time import clock, iso, reference_time, value_times
from HNCLogic.job import SuvRecord


def from_activity(
    slices: list[PetHeader],
    known: Inputs,
    activity_factors: np.ndarray,
    units: str,
    source: str,
    words: str = "activity (Bq/ml)",
) -> tuple[np.ndarray, SuvRecord]:
    """From Bq/ml, which values × ``activity_factors`` (one a slice) are."""
    refuse_missing(source, missing_for_activity(slices, known))
    per_bq = known.weight_kg * 1000 / (known.dose_mbq * 1e6)
    reference, decided, decays = _decay(slices, known, source)
    factors = per_bq / decays * activity_factors
    dose = known.dose_mbq * float(np.mean(decays))
    record = suv_record(known, units, factors, decided)
    record.reference_time = None if reference is None else iso(reference)
    record.dose_at_reference_mbq = dose
    record.formula = (
        f"SUVbw = {words} × body weight ({known.weight_kg:g} kg = {known.weight_kg * 1000:g} g) / "
        + _dose_in_words(known, reference, dose)
        + f" = value × {span(factors)}"
    )
    return factors, record


def missing_for_activity(slices: list[PetHeader], known: Inputs) -> list[str]:
    missing = known.missing("weight", "dose", "decay")
    if known.decay == "ADMIN":
        return missing
    missing += known.missing("half_life", "injected")
    timeless = not any(h.acquisition or h.series or h.corrected_to for h in slices)
    if known.decay == "NONE":
        timeless = any(h.acquisition is None for h in slices)
    return missing + (known.missing("scan") if timeless else [])


def _decay(
    slices: list[PetHeader], known: Inputs, source: str
) -> tuple[datetime | None, str, np.ndarray]:
    """The time the values belong to, what decided it, and what is left of the dose by then
    (a share, one a slice)."""
    ones = np.ones(len(slices))
    if known.decay == "ADMIN":
        return known.injected, "DecayCorrection ADMIN: corrected to the injection", ones
    if known.decay == "NONE":
        return _undecayed(slices, known, source)
    if known.decay != "START":
        raise InputError(
            f"{source}: DecayCorrection {known.decay} is none of START, ADMIN, NONE: "
            "give --decay START|ADMIN|NONE"
        )
    if known.started is not None:
        reference, decided = known.started, "time of the scan given by hand"
    else:
        own = _scanners_own_time(slices, known)
        found = reference_time(slices, known.injected, known.half_life_s, own)
        if found is None:
            said = min(h.acquisition or h.series for h in slices if h.acquisition or h.series)
            check_uptake(known.injected, said, known, source)  # says what is wrong with them
            refuse_missing(source, ["scan"])
        reference, decided = found.at, found.source
        known.warnings += found.warnings
    known.warnings += check_uptake(known.injected, reference, known, source)
    return reference, f"decay-corrected to {decided}", ones * dose_left(known, reference)


def _undecayed(
    slices: list[PetHeader], known: Inputs, source: str
) -> tuple[datetime, str, np.ndarray]:
    times = value_times(slices, known.half_life_s)
    if times is None:
        times = [known.started] * len(slices)
    elif known.started is not None:
        earliest = min(h.acquisition for h in slices)
        times = [at + (known.started - earliest) for at in times]
    if any(h.duration_s is None for h in slices):
        known.warnings.append(
            "The frames' duration is not stated: without it the SUVs are up to 1 % too low."
        )
    first = min(times)
    known.warnings += check_uptake(known.injected, first, known, source)
    decided = "not decay-corrected: each slice at its own acquisition time"
    return first, decided, np.array([dose_left(known, at) for at in times])


def dose_left(known: Inputs, at: datetime) -> float:
    return float(0.5 ** ((at - known.injected).total_seconds() / known.half_life_s))


def _scanners_own_time(slices: list[PetHeader], known: Inputs) -> datetime | None:
    """The reference time that Philips' two factors imply: their ratio is the scanner's own
    SUV for 1 Bq/ml, made from the header's weight, dose and times."""
    suv, activity = slices[0].philips_suv, slices[0].philips_activity
    if not (suv and activity and known.file_weight_kg and known.file_dose_mbq):
        return None
    if known.by_hand:
        return None
    left = known.file_weight_kg * 1000 / (known.file_dose_mbq * 1e6) / (suv / activity)
    seconds = -np.log2(left) * known.half_life_s
    if not -60 <= seconds <= 12 * 3600:
        known.warnings.append("Philips' own SUV factor does not fit the weight and dose stated.")
        return None
    return known.injected + timedelta(seconds=float(seconds))


def suv_record(known: Inputs, units: str, factors: np.ndarray, decided: str) -> SuvRecord:
    return SuvRecord(
        units_found=units,
        factor_min=float(factors.min()),
        factor_max=float(factors.max()),
        formula="",
        weight_kg=known.weight_kg,
        height_m=known.height_m,
        sex=known.sex,
        dose_mbq=known.dose_mbq,
        injected=None if known.injected is None else iso(known.injected),
        decay_correction=known.decay,
        half_life_s=known.half_life_s,
        source=decided,
        given_by_hand=known.by_hand,
        warnings=list(known.warnings),
    )


def _dose_in_words(known: Inputs, reference: datetime | None, dose: float) -> str:
    injected = f"{known.dose_mbq:.1f} MBq injected"
    if known.decay == "ADMIN":
        return f"dose ({injected}; the image is corrected to the injection)"
    minutes = (reference - known.injected).total_seconds() / 60
    half_life = f"half-life {known.half_life_s / 60:.2f} min"
    at = f"at {clock(reference)}" if known.decay == "START" else "at each slice's own time, mean"
    return (
        f"dose {at} ({dose:.1f} MBq: {injected} at {clock(known.injected)}, "
        f"{minutes:.1f} min earlier, {half_life})"
    )


def span(factors: np.ndarray) -> str:
    low, high = float(factors.min()), float(factors.max())
    return f"{low:.5g}" if high - low <= 1e-6 * high else f"{low:.5g} to {high:.5g} by slice"
