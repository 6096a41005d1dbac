"""What a PET's conversion to SUV needs, as text in fields: read, checked, compared, put in words.

No Qt here. The tested arithmetic of ``HNCLogic.images.suv`` makes the image in a process of its
own; what stands here shows beforehand, with the numbers as they are, what it will do.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta

from slicer.i18n import tr as _

from HNCLogic.images.suv_header import (
    NO_DATE,
    PetHeader,
    day_before,
    nearest_day,
    parse_datetime,
    parse_time,
)
from HNCLogic.images.suv_time import reference_time, value_times
from HNCLogic.images.suv_units import F18_S, HALF_LIVES, kilograms, megabecquerels

START, ADMIN, NONE = "START", "ADMIN", "NONE"  # DICOM DecayCorrection
LONGEST = timedelta(hours=24)  # from injection to scan, as in images.suv_inputs
MOST_HALF_LIVES = 10
RANGES = {"weight": (2.0, 500.0), "dose": (0.1, 1e4), "half_life": (0.5, 1e5)}


@dataclass(frozen=True)
class SuvFields:
    """The fields' text; an empty one is a value that is not known."""

    weight: str = ""  # kg
    dose: str = ""  # MBq, as injected
    injected: str = ""  # HH:MM[:SS], with a date before it where it is not the scan's
    decay: str = ""  # what the values are corrected to: START of the scan, ADMIN, NONE
    reference: str = ""  # the time they are corrected to, or, without correction, belong to
    half_life: str = ""  # min

    def with_defaults(self) -> SuvFields:
        """Correction to the start of the scan and F-18 where nothing is known, as is usual."""
        return replace(
            self,
            decay=self.decay or START,
            half_life=self.half_life or f"{F18_S / 60:.6g}",
        )


JOB_NAMES = {
    "weight": "weight_kg",
    "dose": "dose_mbq",
    "injected": "injected",
    "decay": "decay_correction",
    "reference": "scan_started",
    "half_life": "half_life_s",
}


def from_headers(headers: Sequence[PetHeader]) -> SuvFields:
    """What a series' headers say, one header a slice; empty where they do not."""
    first = headers[0]
    stated = {name: next((v for h in headers if (v := getattr(h, name))), None) for name in _USED}
    known = HALF_LIVES.get(first.nuclide_code or "", ("", None))[1]
    half_life_s = stated["half_life_s"] or known
    scan = min((h.acquisition for h in headers if h.acquisition), default=stated["series"])
    injected = stated["injected"]
    timed = stated["injected_time"] if injected is None else None
    if injected is not None and scan is not None and scan.year == NO_DATE.year:
        injected = nearest_day(injected.time(), scan)
    if timed is not None:
        injected = day_before(timed, scan)
    decay = first.decay_correction
    reference = _reference(headers, decay, injected, half_life_s or F18_S)
    clocks = _clocks(injected, reference)
    return SuvFields(
        weight="" if stated["weight"] is None else f"{kilograms(stated['weight']):.6g}",
        dose="" if stated["dose"] is None else f"{megabecquerels(stated['dose']):.6g}",
        injected=clocks[0],
        decay=decay if decay in (START, ADMIN, NONE) else "",
        reference=clocks[1],
        half_life="" if half_life_s is None else f"{half_life_s / 60:.6g}",
    )


_USED = ("weight", "dose", "half_life_s", "series", "injected", "injected_time")


def _reference(
    headers: Sequence[PetHeader], decay: str | None, injected: datetime | None, half_life_s: float
) -> datetime | None:
    if decay == ADMIN:
        return injected
    if decay == NONE:
        times = value_times(headers, half_life_s)
        return min(times) if times else None
    found = reference_time(headers, injected, half_life_s)
    return None if found is None else found.at


def from_record(record: Mapping) -> SuvFields:
    """What a volume's record (JSON of a SuvRecord) says it was converted with."""
    said = record.get("injected") or "", record.get("reference_time") or ""
    moments = [parse_datetime(text) for text in said]
    injected, reference = said if None in moments else _clocks(*moments)
    decay, half_life_s = record.get("decay_correction"), record.get("half_life_s")
    return SuvFields(
        weight=_number_text(record.get("weight_kg")),
        dose=_number_text(record.get("dose_mbq")),
        injected=injected,
        decay=decay if decay in (START, ADMIN, NONE) else "",
        reference=reference,
        half_life="" if half_life_s is None else f"{half_life_s / 60:.6g}",
    )


def with_hand(found: SuvFields, record: Mapping) -> SuvFields:
    """``found`` with those values of a record that were given by hand."""
    given, of_record = record.get("given_by_hand") or (), from_record(record)
    changed = {name: getattr(of_record, name) for name, job in JOB_NAMES.items() if job in given}
    return replace(found, **changed)


def record_as_stated(largest: float) -> dict:
    """The record (a SuvRecord as plain values) of a volume that the user says is SUVbw."""
    words = "values are SUVbw, as stated by hand"  # as images.suv puts it
    return {
        "units_found": "SUVbw",
        "factor_min": 1.0,
        "factor_max": 1.0,
        "formula": f"SUVbw = value × 1 ({words})",
        "source": words,
        "given_by_hand": ["units"],
        "suv_max": largest,
    }


def value(name: str, text: str) -> float | datetime | str | None:
    """What a field's text means: a number, a time (on no known day where none is given), or the
    decay correction. None where it is empty. Raises ValueError, in words, for bad text."""
    text = text.strip()
    if not text:
        return None
    if name == "decay":
        return text
    if name in ("injected", "reference"):
        moment = parse_datetime(text)
        at = None if moment is not None else parse_time(text)
        if moment is None and (at is None or ":" not in text):
            raise ValueError(_("Write the time as HH:MM or HH:MM:SS."))
        return moment if moment is not None else datetime.combine(NO_DATE, at)
    try:
        number = float(text.replace(",", "."))
    except ValueError:
        raise ValueError(_("This is not a number.")) from None
    low, high = RANGES[name]
    if not math.isfinite(number) or not low <= number <= high:
        raise ValueError(_("Between {low} and {high}.").format(low=f"{low:g}", high=f"{high:g}"))
    return number


def problems(given: SuvFields) -> dict[str, str]:
    """Field → what is wrong with its text. Empty fields are ``missing``, not wrong."""
    found, values = {}, {}
    for field in fields(SuvFields):
        try:
            values[field.name] = value(field.name, getattr(given, field.name))
        except ValueError as error:
            found[field.name] = str(error)
    if given.decay == ADMIN:
        found.pop("reference", None)
    elif values.get("injected") and values.get("reference"):
        between = _between(values["injected"], values["reference"])
        half_life = timedelta(minutes=values.get("half_life") or F18_S / 60)
        if between < timedelta(0) or between > min(LONGEST, MOST_HALF_LIVES * half_life):
            found["injected"] = _("This lies after the scan, or too long before it.")
    return found


def missing(given: SuvFields) -> list[str]:
    """The fields without which Bq/ml cannot become SUV and that are empty."""
    needed = ["weight", "dose"]
    if given.decay != ADMIN:
        needed += ["injected", "reference", "half_life"]
    return [name for name in needed if not getattr(given, name).strip()]


def changed(given: SuvFields, found: SuvFields) -> list[str]:
    """The fields whose value, not only its spelling, differs from what was found."""
    return [name for name in JOB_NAMES if _meaning(given, name) != _meaning(found, name)]


def _meaning(given: SuvFields, name: str):
    try:
        return value(name, getattr(given, name))
    except ValueError:
        return getattr(given, name)


def by_hand(given: SuvFields, names: Sequence[str]) -> dict:
    """The named fields as Job's ``suv`` takes them. Raises ValueError for bad text."""
    stated = {}
    for name in names:
        meant = value(name, getattr(given, name))
        if meant is None or (name == "reference" and given.decay == ADMIN):
            continue
        if isinstance(meant, datetime):
            meant = meant.time().isoformat() if _undated(meant) else meant.isoformat()
        stated[JOB_NAMES[name]] = meant * 60 if name == "half_life" else meant
    return stated


def formula(given: SuvFields) -> str:
    """SUVbw from Bq/ml in words and these numbers; "" while something is missing or wrong."""
    if problems(given) or missing(given):
        return ""
    weight, dose = value("weight", given.weight), value("dose", given.dose)
    if given.decay == ADMIN:
        left, words = dose, _("the dose injected, to which the values are corrected")
    else:
        half_life = value("half_life", given.half_life)
        between = _between(value("injected", given.injected), value("reference", given.reference))
        minutes = between.total_seconds() / 60
        left = dose * 0.5 ** (minutes / half_life)
        words = _("left of {dose} after {minutes}, half-life {half_life}").format(
            dose=_joined(f"{dose:g} MBq"),
            minutes=_joined(f"{minutes:.4g} min"),
            half_life=_joined(f"{half_life:.5g} min"),
        )
        if given.decay == NONE:
            words += _("; each slice by its own time")
    return _("SUV = Bq/ml × {weight} ÷ {left} ({words}) = {short}").format(
        weight=_joined(f"{weight * 1000:,.0f} g".replace(",", " ")),
        left=_joined(f"{left:.1f} MBq"),
        words=words,
        short=_joined(f"value × {weight * 1000 / (left * 1e6):.4g}"),
    )


def _between(injected: datetime, reference: datetime) -> timedelta:
    """From injection to the time of the values. A time without a date is taken as within the day
    before, or after, the other."""
    if _undated(injected):
        injected = day_before(injected.time(), reference)
    elif _undated(reference):
        reference = datetime.combine(injected.date(), reference.time())
        reference += timedelta(days=int(reference < injected))
    return reference - injected


def _undated(moment: datetime) -> bool:
    return moment.year == NO_DATE.year


def _clocks(injected: datetime | None, reference: datetime | None) -> tuple[str, str]:
    """Both times of day; with their dates where these differ."""
    half = timedelta(milliseconds=500)  # to the nearest second
    moments = [m if m is None else (m + half).replace(microsecond=0) for m in (injected, reference)]
    known = [moment for moment in moments if moment is not None]
    dated = len({moment.date() for moment in known}) > 1 and not any(map(_undated, known))
    form = "%Y-%m-%d %H:%M:%S" if dated else "%H:%M:%S"
    return tuple("" if moment is None else moment.strftime(form) for moment in moments)


def _number_text(number: float | None) -> str:
    return "" if number is None else f"{number:.6g}"


def _joined(words: str) -> str:
    """Kept on one line."""
    return words.replace(" ", "\N{NO-BREAK SPACE}")
