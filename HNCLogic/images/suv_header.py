"""What one PET slice's header says that SUV depends on, as plain values.

Attributes: DICOM PS3.3 C.8.9 (PET series, isotope, image); private ones of GE (0009,xx0D),
Siemens (0071,xx22) and Philips (7053,xx00), (7053,xx09) as their conformance statements name
them. A value that is absent, empty, zero where zero is impossible, or unreadable is None.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydicom.dataset import Dataset  # a quarter of a second that a panel would wait for

NO_DATE = date(1, 1, 2)  # stands for "the day of the scan" where no date is known; a day to spare


@dataclass(frozen=True)
class PetHeader:
    units: str | None = None
    suv_type: str | None = None
    decay_correction: str | None = None
    corrections: tuple[str, ...] | None = None  # CorrectedImage; None: not stated
    attenuation_method: str | None = None
    intercept: float = 0.0
    weight: float | None = None  # as written, meant as kg
    height: float | None = None  # as written, meant as m
    sex: str | None = None
    dose: float | None = None  # as written, meant as Bq
    half_life_s: float | None = None
    nuclide: str | None = None  # code meaning, or the code
    nuclide_code: str | None = None
    tracer: str | None = None
    injected: datetime | None = None  # RadiopharmaceuticalStartDateTime
    injected_time: time | None = None  # RadiopharmaceuticalStartTime, without a date
    series: datetime | None = None
    acquisition: datetime | None = None  # start of this slice's frame, as a rule
    frame_reference_s: float | None = None
    duration_s: float | None = None
    decay_factor: float | None = None
    corrected_to: datetime | None = None  # a statement of the very time wanted
    corrected_to_tag: str = ""
    philips_suv: float | None = None  # counts → SUVbw
    philips_activity: float | None = None  # counts → Bq/ml

    @classmethod
    def of(cls, header: Dataset) -> PetHeader:
        """From a (flattened) single-frame header; only the first radiopharmaceutical counts."""
        given = header.get("RadiopharmaceuticalInformationSequence")
        tracer = given[0] if given else {}
        codes = tracer.get("RadionuclideCodeSequence")
        nuclide = codes[0] if codes else {}
        corrected_to, corrected_to_tag = _corrected_to(header)
        day = _date(header, "SeriesDate", "AcquisitionDate", "StudyDate", "ContentDate")
        return cls(
            units=_text(header, "Units"),
            suv_type=_text(header, "SUVType"),
            decay_correction=_text(header, "DecayCorrection"),
            corrections=_texts(header, "CorrectedImage"),
            attenuation_method=_text(header, "AttenuationCorrectionMethod"),
            intercept=_number(header, "RescaleIntercept") or 0.0,
            weight=_positive(header, "PatientWeight"),
            height=_positive(header, "PatientSize"),
            sex=_sex(header),
            dose=_positive(tracer, "RadionuclideTotalDose"),
            half_life_s=_positive(tracer, "RadionuclideHalfLife"),
            nuclide=_text(nuclide, "CodeMeaning") or _text(nuclide, "CodeValue"),
            nuclide_code=_text(nuclide, "CodeValue"),
            tracer=_text(tracer, "Radiopharmaceutical"),
            injected=parse_datetime(_text(tracer, "RadiopharmaceuticalStartDateTime"))
            or parse_datetime(_private(header, 0x0009, 0x3B, "GEMS_PETD_01", "GE")),
            injected_time=parse_time(_text(tracer, "RadiopharmaceuticalStartTime")),
            series=_moment(header, None, "SeriesDate", "SeriesTime", day),
            acquisition=_moment(
                header, "AcquisitionDateTime", "AcquisitionDate", "AcquisitionTime", day
            ),
            frame_reference_s=_thousandth(_number(header, "FrameReferenceTime")),
            duration_s=_thousandth(_positive(header, "ActualFrameDuration")),
            decay_factor=_positive(header, "DecayFactor"),
            corrected_to=corrected_to,
            corrected_to_tag=corrected_to_tag,
            philips_suv=_positive_text(_private(header, 0x7053, 0x00, "Philips PET", "Philips")),
            philips_activity=_positive_text(
                _private(header, 0x7053, 0x09, "Philips PET", "Philips")
            ),
        )


def parse_time(text: str | None) -> time | None:
    """DICOM TM (HHMMSS.FFFFFF and its shorter forms), or HH:MM[:SS[.F]]; None if it is neither."""
    if not text:
        return None
    parts = re.fullmatch(
        r"(\d\d)(?::?(\d\d)(?::?(\d\d)(?:\.(\d{0,6})\d*)?)?)?", text.strip().rstrip("\0")
    )
    if not parts:
        return None
    hour, minute, second, fraction = (part or "0" for part in parts.groups())
    try:
        return time(int(hour), int(minute), min(int(second), 59), int(fraction.ljust(6, "0")))
    except ValueError:
        return None


def parse_datetime(text: str | None) -> datetime | None:
    """DICOM DT (YYYYMMDDHHMMSS.FFFFFF&ZZXX) or ISO 8601. The zone is dropped: PET headers give
    local time throughout."""
    if not text:
        return None
    parts = re.fullmatch(
        r"(\d{4})-?(\d\d)-?(\d\d)[T ]?(\d\d[\d:.]*)(?:[+-]\d\d:?\d\d|Z)?",
        text.strip().rstrip("\0").strip(),
    )
    if not parts:
        return None
    year, month, day, clock = parts.groups()
    at = parse_time(clock)
    try:
        return None if at is None else datetime.combine(date(int(year), int(month), int(day)), at)
    except ValueError:
        return None


def _corrected_to(header: Dataset) -> tuple[datetime | None, str]:
    for found, tag in (
        (_text(header, "DecayCorrectionDateTime"), "DecayCorrectionDateTime"),
        (_private(header, 0x0009, 0x0D, "GEMS_PETD_01", "GE"), "GE's PET scan date and time"),
        (
            _private(header, 0x0071, 0x22, "SIEMENS MED PT", "SIEMENS"),
            "Siemens' decay correction date and time",
        ),
    ):
        moment = parse_datetime(found)
        if moment is not None:
            return moment, tag
    return None, ""


def _private(
    header: Dataset, group: int, element: int, creator: str, manufacturer: str
) -> str | None:
    """A private element in its creator's block; or in block 10 of a file by that manufacturer
    whose creator element an anonymiser has removed (PS3.5 7.8.1)."""
    made_by = (_text(header, "Manufacturer") or "").upper()
    for block in range(0x10, 0x21):
        owner = _text(header, (group << 16) | block)
        ours = (owner or "").upper().startswith(creator.upper())
        orphan = owner is None and block == 0x10 and made_by.startswith(manufacturer.upper())
        value = _text(header, (group << 16) | (block << 8) | element) if ours or orphan else None
        if value is not None:
            return value
    return None


def _text(header: Dataset, tag: str | int) -> str | None:
    try:
        value = header.get(tag)
        value = getattr(value, "value", value)  # by number, pydicom gives the element
    except Exception:  # a value that cannot be decoded says nothing
        return None
    if isinstance(value, bytes):
        value = value.decode("ascii", "replace")
    text = "" if value is None else str(value).strip().strip("\0").strip()
    return text or None


def _texts(header: Dataset, tag: str) -> tuple[str, ...] | None:
    value = header.get(tag)
    if not value:
        return None
    return (value,) if isinstance(value, str) else tuple(str(part) for part in value)


def _number(header: Dataset, tag: str) -> float | None:
    try:
        number = float(header.get(tag))
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _positive(header: Dataset, tag: str) -> float | None:
    number = _number(header, tag)
    return number if number is not None and number > 0 else None


def _positive_text(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if math.isfinite(number) and number > 0 else None


def _thousandth(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000


def _sex(header: Dataset) -> str | None:
    sex = (_text(header, "PatientSex") or "").upper()[:1]
    return sex if sex in ("M", "F", "O") else None


def _date(header: Dataset, *tags: str) -> date | None:
    for tag in tags:
        digits = re.sub(r"[.\-]", "", _text(header, tag) or "")
        try:
            return datetime.strptime(digits, "%Y%m%d").date()
        except ValueError:
            continue
    return None


def _moment(
    header: Dataset, both: str | None, day_tag: str, time_tag: str, otherwise: date | None
) -> datetime | None:
    """Date and time of a tag pair, or their common tag ``both``; without its own date the
    scan's, without any ``NO_DATE``."""
    at = parse_time(_text(header, time_tag))
    if at is None:
        return parse_datetime(_text(header, both)) if both else None
    return datetime.combine(_date(header, day_tag) or otherwise or NO_DATE, at)


def nearest_day(at: time, moment: datetime) -> datetime:
    """The time of day ``at`` on the day that brings it closest to ``moment``."""
    days = [moment.date() + timedelta(days=shift) for shift in (-1, 0, 1)]
    return min((datetime.combine(day, at) for day in days), key=lambda m: abs(m - moment))


def day_before(at: time, scan: datetime | None) -> datetime:
    """The time of day ``at`` on the day of the scan, or on the day before where it would lie
    after the scan; on no known day without one."""
    if scan is None:
        return datetime.combine(NO_DATE, at)
    moment = datetime.combine(scan.date(), at)
    return moment if moment <= scan else moment - timedelta(days=1)
