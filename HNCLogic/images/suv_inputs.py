"""Weight, dose, half-life and times for SUV: from the headers or by hand, checked, in one unit.

What is given by hand replaces the header's. Units that people and scanners get wrong (grams for
kilograms, MBq for Bq) are told by size and noted; a value that fits none is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from HNCLogic.errors import InputError
from HNCLogic.images.suv_header import (
    NO_DATE,
    PetHeader,
    day_before,
    nearest_day,
    parse_datetime,
    parse_time,
)
from HNCLogic.images.suv_time import MATERIAL, clock
from HNCLogic.images.suv_units import F18_S, HALF_LIVES, kilograms, megabecquerels, metres
from HNCLogic.job import SuvByHand

OPTIONS = {
    "weight": "the patient's weight (--weight KG)",
    "dose": "the injected dose (--dose MBQ)",
    "injected": "the time of injection (--injected TIME)",
    "scan": "the time the values are corrected to (--scan-started TIME)",
    "half_life": "the radionuclide's half-life (--half-life S)",
    "height": "the patient's height (--height M)",
    "sex": "the patient's sex (--sex M|F|O)",
    "units": "the units of its values (--pet-units BQML|SUVbw)",
    "decay": "whether and to when it is decay-corrected (--decay START|ADMIN|NONE)",
}

# Patient-level attributes: the same in every slice, or the series is not one examination.
_COMMON = {
    "units": "Units",
    "suv_type": "SUVType",
    "decay_correction": "DecayCorrection",
    "weight": "PatientWeight",
    "height": "PatientSize",
    "sex": "PatientSex",
    "dose": "RadionuclideTotalDose",
    "half_life_s": "RadionuclideHalfLife",
    "injected": "RadiopharmaceuticalStartDateTime",
    "injected_time": "RadiopharmaceuticalStartTime",
}


@dataclass
class Inputs:
    """What SUV is computed from; None where neither header nor hand gives it."""

    units: str | None = None
    suv_type: str | None = None
    decay: str | None = None
    weight_kg: float | None = None
    height_m: float | None = None
    sex: str | None = None
    dose_mbq: float | None = None
    half_life_s: float | None = None
    injected: datetime | None = None
    injection_dated: bool = False  # False: only the time of day is known
    started: datetime | None = None  # by hand
    file_weight_kg: float | None = None  # the header's own, also where the hand replaced it
    file_height_m: float | None = None
    file_dose_mbq: float | None = None
    by_hand: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def missing(self, *needed: str) -> list[str]:
        """The keys of ``OPTIONS`` among ``needed`` for which there is no value."""
        values = {
            "weight": self.weight_kg,
            "dose": self.dose_mbq,
            "injected": self.injected,
            "half_life": self.half_life_s,
            "height": self.height_m,
            "sex": self.sex,
            "units": self.units,
            "decay": self.decay,
            "scan": self.started,
        }
        return [key for key in needed if values[key] is None]


def refuse_missing(source: str, missing: Sequence[str]) -> None:
    """Name everything that is missing at once, each with the option that gives it."""
    if missing:
        words = "; ".join(OPTIONS[key] for key in dict.fromkeys(missing))
        raise InputError(f"{source}: SUV cannot be computed, what is missing is {words}")


def gather(headers: Sequence[PetHeader], by_hand: SuvByHand, source: str) -> Inputs:
    """The inputs of one series. Raises ``InputError`` where slices contradict each other, where
    a value is impossible, or where what was given by hand cannot be read."""
    file = _agreed(headers, source)
    found = Inputs(
        units=file["units"],
        suv_type=file["suv_type"],
        decay=file["decay_correction"],
        sex=file["sex"],
        by_hand=list(by_hand.model_dump(exclude_none=True)),
    )
    found.file_weight_kg = _weight(file["weight"], by_hand.weight_kg is None, found, source)
    found.file_height_m = _height(file["height"], found)
    found.file_dose_mbq = _dose(file["dose"], by_hand.dose_mbq is None, found, source)
    found.weight_kg = by_hand.weight_kg or found.file_weight_kg
    found.height_m = by_hand.height_m or found.file_height_m
    found.dose_mbq = by_hand.dose_mbq or found.file_dose_mbq
    found.sex = by_hand.sex or found.sex
    found.units = by_hand.units or found.units
    found.decay = by_hand.decay_correction or found.decay
    if by_hand.dose_mbq is not None and not 0.1 <= by_hand.dose_mbq <= 1e4:
        raise InputError(f"--dose {by_hand.dose_mbq:g}: the dose is to be given in MBq")
    found.half_life_s = _half_life(
        headers[0], file["half_life_s"], by_hand.half_life_s, found, source
    )
    _times(headers, file, by_hand, found, source)
    return found


def _agreed(headers: Sequence[PetHeader], source: str) -> dict:
    agreed = {}
    for name, tag in _COMMON.items():
        values = {getattr(h, name) for h in headers} - {None}
        if len(values) > 1:
            shown = ", ".join(sorted(str(v) for v in values)[:3])
            raise InputError(
                f"{source}: the slices disagree about {tag} ({shown}): they are not one series"
            )
        agreed[name] = values.pop() if values else None
    return agreed


def _weight(value: float | None, used: bool, found: Inputs, source: str) -> float | None:
    if value is None:
        return None
    weight = kilograms(value)
    if weight != value:
        found.warnings.append(f"PatientWeight {value:g} was taken as grams: {weight:g} kg.")
    if used and not 2 <= weight <= 500:
        raise InputError(
            f"{source}: a PatientWeight of {value:g} is neither kg nor g: give --weight KG"
        )
    if used and not 30 <= weight <= 250:
        found.warnings.append(f"The patient's weight, {weight:g} kg, is unusual: check it.")
    return weight


def _height(value: float | None, found: Inputs) -> float | None:
    if value is None:
        return None
    height = metres(value)
    if height != value:
        found.warnings.append(f"PatientSize {value:g} was taken as centimetres: {height:g} m.")
    return height


def _dose(value: float | None, used: bool, found: Inputs, source: str) -> float | None:
    if value is None:
        return None
    dose = megabecquerels(value)
    if dose == value:
        found.warnings.append(f"RadionuclideTotalDose {value:g} was taken as MBq.")
    if used and not 1 <= dose <= 5000:
        raise InputError(
            f"{source}: a RadionuclideTotalDose of {value:g} is neither Bq nor MBq: give --dose MBQ"
        )
    if used and not 30 <= dose <= 1500:
        found.warnings.append(f"The injected dose, {dose:g} MBq, is unusual: check its unit.")
    return dose


def _half_life(
    header: PetHeader, stated: float | None, by_hand: float | None, found: Inputs, source: str
) -> float | None:
    name, known = HALF_LIVES.get(header.nuclide_code or "", (header.nuclide or "", None))
    fits = known is None or stated is None or abs(stated / known - 1) <= 0.05
    if by_hand is None and not fits:
        raise InputError(
            f"{source}: a half-life of {stated:g} s is not that of {name} ({known:g} s): "
            "give --half-life S"
        )
    if by_hand is None and stated is None and known is not None:
        found.warnings.append(f"The half-life is not stated; it is that of {name}, {known:g} s.")
        stated = known
    seconds = by_hand or stated
    tracer = (header.tracer or "").lower()
    fdg = any(word in tracer for word in ("fdg", "deoxyglu", "fludeoxy", "glucose"))
    silent = tracer in ("", "solution", "other", "unknown")
    if seconds is not None and abs(seconds / F18_S - 1) > 0.05:
        what = f"{header.tracer or name or 'one'} with a half-life of {seconds / 60:.1f} min"
    elif not fdg and not silent:
        what = header.tracer
    else:
        return seconds
    found.warnings.append(
        f"The tracer is {what}, not FDG: the models and thresholds are made for FDG."
        if not fdg
        else f"A half-life of {seconds / 60:.1f} min is not that of FDG (109.8 min): check it."
    )
    return seconds


def _times(
    headers: Sequence[PetHeader], file: dict, by_hand: SuvByHand, found: Inputs, source: str
) -> None:
    scan = min((h.acquisition for h in headers if h.acquisition), default=None)
    scan = scan or next((h.series for h in headers if h.series), None)
    if by_hand.scan_started is not None:
        found.started = _stated(by_hand.scan_started, "--scan-started", scan)
    anchor = found.started or scan
    if by_hand.injected is not None:
        found.injected, found.injection_dated = _injection(by_hand.injected, anchor)
        if found.injection_dated and found.started is not None and _undated(found.started):
            start = datetime.combine(found.injected.date(), found.started.time())
            found.started = start if start >= found.injected else start + timedelta(days=1)
        return
    dated, timed = file["injected"], file["injected_time"]
    if dated is not None and anchor is not None and _undated(anchor):
        dated, timed = None, dated.time()  # the scan has no date that could be compared
    if dated is not None:
        found.injected, found.injection_dated = dated, True
        if timed is not None and found.half_life_s:
            other = nearest_day(timed, dated)
            apart = abs((other - dated).total_seconds()) / found.half_life_s
            if 2**apart - 1 > MATERIAL:
                found.warnings.append(
                    f"The header gives two times of injection, {clock(dated)} (used) and "
                    f"{clock(other)}; give the right one with --injected."
                )
    elif timed is not None:
        found.injected = day_before(timed, anchor)


def _undated(moment: datetime) -> bool:
    return moment.year == NO_DATE.year


def _injection(text: str, anchor: datetime | None) -> tuple[datetime, bool]:
    moment = parse_datetime(text)
    if moment is not None:
        return moment, True
    at = parse_time(text)
    if at is None:
        raise InputError(_unreadable("--injected", text))
    return day_before(at, anchor), False


def _stated(text: str, option: str, near: datetime | None) -> datetime:
    moment = parse_datetime(text)
    if moment is not None:
        return moment
    at = parse_time(text)
    if at is None:
        raise InputError(_unreadable(option, text))
    return datetime.combine(NO_DATE, at) if near is None else nearest_day(at, near)


def _unreadable(option: str, text: str) -> str:
    return f"{option} {text}: write HH:MM, HH:MM:SS or YYYY-MM-DDTHH:MM:SS"


def check_uptake(injected: datetime, reference: datetime, found: Inputs, source: str) -> list[str]:
    """Warnings on an odd time between injection and scan. Raises ``InputError`` where it is
    negative, over 24 h, or over ten half-lives: then a date or time is wrong."""
    seconds = (reference - injected).total_seconds()
    too_long = min(24 * 3600.0, 10 * (found.half_life_s or F18_S))
    if seconds < 0 or seconds > too_long:
        if found.injection_dated and not _undated(reference):
            when = f"{injected:%Y-%m-%d %H:%M:%S}, the scan at {reference:%Y-%m-%d %H:%M:%S}"
        else:
            when = f"{clock(injected)}, the scan at {clock(reference)}"
        fault = "after the scan" if seconds < 0 or not found.injection_dated else "too long before"
        raise InputError(
            f"{source}: the injection at {when}: it would lie {fault}: "
            "give the right times with --injected and --scan-started"
        )
    if found.half_life_s and 0.95 < found.half_life_s / F18_S < 1.05:
        minutes = seconds / 60
        if not 20 <= minutes <= 240:
            return [f"{minutes:.0f} min from injection to scan is unusual for FDG: check it."]
    return []
