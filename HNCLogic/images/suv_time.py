"""To which time a PET's values are decay-corrected.

DICOM ties decay correction START to SeriesDate and SeriesTime, but scanners, post-processing and
anonymisers do not all keep to it. The other ways to that time are taken from QIBA's advice and
from Vácha et al., "Comprehensive Manual for SUV Computation": back from each frame's acquisition
time, frame reference time and duration. What decided is said in words, and where two ways
disagree enough to matter, that too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np

from HNCLogic.images.suv_header import NO_DATE, PetHeader

MATERIAL = 0.05  # a difference in SUV that is worth a warning
SAME_TIME_S = 60.0  # frames agree on the scan's start within a minute: 0.6 % of SUV for F-18
DAY = timedelta(days=1)


@dataclass
class Candidate:
    at: datetime
    source: str  # what says so, in words
    why_not: str = ""  # set: known, but not to be used, and why
    rival: bool = True  # an independent statement of the time, worth a warning if it differs


@dataclass
class ReferenceTime:
    at: datetime
    source: str
    warnings: list[str] = field(default_factory=list)


def average_count_time_s(duration_s: float, half_life_s: float) -> float:
    """Seconds from a frame's start to the moment its mean count rate occurred."""
    decay = math.log(2) / half_life_s * duration_s
    return math.log(decay / -math.expm1(-decay)) * half_life_s / math.log(2)


def reference_time(
    headers: Sequence[PetHeader],
    injected: datetime | None,
    half_life_s: float,
    scanners_own: datetime | None = None,
) -> ReferenceTime | None:
    """The time the values of a START-corrected PET are corrected to; None if nothing says.

    ``scanners_own`` is the time that the scanner's own SUV factor implies, where it wrote one:
    it decides between the others.
    """
    found = _candidates(headers, half_life_s)
    acquired = _earliest(headers)
    for one in found:
        if injected is not None and one.at < injected:
            one.why_not = "lies before the injection"
        elif acquired is not None and abs(one.at - acquired) > DAY / 2:
            one.why_not = "lies more than 12 h from the acquisition"
    usable = [one for one in found if not one.why_not]
    borne_out = _borne_out(found, scanners_own, half_life_s)
    chosen = borne_out or (usable[0] if usable else None)
    if chosen is None:
        return None
    agreeing = [
        one.source for one in found if one is not chosen and _apart_s(one, chosen) < SAME_TIME_S
    ]
    if borne_out:
        agreeing.append(f"the scanner's own SUV factor ({clock(scanners_own)})")
    source = chosen.source + (f"; in agreement: {', '.join(agreeing)}" if agreeing else "")
    return ReferenceTime(chosen.at, source, _disagreements(chosen, found, half_life_s))


def value_times(headers: Sequence[PetHeader], half_life_s: float) -> list[datetime] | None:
    """When the values of each slice occurred, for a PET without decay correction.

    The frame's start plus its average count time. Where all slices carry one acquisition time
    though their frame reference times differ, that time is the scan's start and the frame
    reference time is the way from there. None where a slice has no acquisition time.
    """
    if any(h.acquisition is None for h in headers):
        return None
    counted = [
        average_count_time_s(h.duration_s, half_life_s) if h.duration_s else 0.0 for h in headers
    ]
    offsets = _frame_offsets(headers, half_life_s)
    if len({h.acquisition for h in headers}) > 1 or None in offsets:
        offsets = [0.0] * len(headers)
    pairs = zip(headers, offsets, counted, strict=True)
    return [h.acquisition + timedelta(seconds=o + c) for h, o, c in pairs]


def clock(at: datetime) -> str:
    """The time for a reader: HH:MM:SS."""
    return (at + timedelta(milliseconds=500)).strftime("%H:%M:%S")


def iso(at: datetime) -> str:
    """ISO 8601 to the second; without a date where none is known."""
    at = (at + timedelta(milliseconds=500)).replace(microsecond=0)
    undated = abs(at.date() - NO_DATE) <= DAY
    return at.time().isoformat() if undated else at.isoformat()


def _earliest(headers: Sequence[PetHeader]) -> datetime | None:
    return min((h.acquisition for h in headers if h.acquisition), default=None)


def _candidates(headers: Sequence[PetHeader], half_life_s: float) -> list[Candidate]:
    """Every way to the reference time, the most trustworthy first."""
    found = []
    stated = next((h for h in headers if h.corrected_to), None)
    if stated is not None:
        found.append(Candidate(stated.corrected_to, stated.corrected_to_tag))
    frames, several = _from_frames(headers, half_life_s)
    if frames is not None and several:
        found.append(frames)
    acquired = _earliest(headers)
    series = next((h.series for h in headers if h.series), None)
    if series is not None:
        one = Candidate(series, "SeriesTime")
        if acquired is not None and series > acquired + timedelta(seconds=1):
            one.why_not = f"lies after the first acquisition ({clock(acquired)})"
        found.append(one)
    if frames is not None and not several:
        found.append(frames)
    if acquired is not None:
        words = "the earliest AcquisitionTime"
        found.append(Candidate(acquired, words, rival=frames is None))
    return found


def _frame_offsets(headers: Sequence[PetHeader], half_life_s: float) -> list[float | None]:
    """Seconds from the reference time to each frame's start; None where the header is silent.

    FrameReferenceTime is the middle of the frame by DICOM, the frame's start in some GE files,
    0 where it was never filled in. A filled-in DecayFactor settles which.
    """
    references = [h.frame_reference_s for h in headers]
    known = [r for r in references if r is not None]
    starts = bool(known) and min(known) == 0 < max(known)  # a frame's middle is never at 0
    offsets = []
    for header, reference in zip(headers, references, strict=True):
        duration = header.duration_s
        if not duration:
            offsets.append(None)
            continue
        middle = average_count_time_s(duration, half_life_s)
        factor = header.decay_factor
        by_factor = None
        if factor is not None and factor > 1.0001:
            by_factor = math.log2(factor) * half_life_s - middle
        if reference is None or (reference == 0 and not starts):
            offsets.append(None)
        elif starts or (by_factor is not None and abs(reference - by_factor) < middle / 2):
            offsets.append(reference)
        elif reference < middle - 1 - 0.02 * duration:  # corrected to a time within the frame?
            offsets.append(None)
        else:
            offsets.append(reference - middle)
    return offsets


def _from_frames(headers: Sequence[PetHeader], half_life_s: float) -> tuple[Candidate | None, bool]:
    """The scan's start reckoned back from the frames, and whether several frames agree on it."""
    pairs = {
        (h.acquisition, offset)
        for h, offset in zip(headers, _frame_offsets(headers, half_life_s), strict=True)
        if h.acquisition is not None and offset is not None
    }
    if not pairs:
        return None, False
    origin = min(at for at, _ in pairs)
    starts = np.array([(at - origin).total_seconds() - offset for at, offset in pairs])
    offsets = [offset for _, offset in pairs]
    several = max(offsets) - min(offsets) > 30
    if np.ptp(starts) <= SAME_TIME_S:
        at = origin + timedelta(seconds=float(np.median(starts)))
        words = "the frames' times (AcquisitionTime, FrameReferenceTime, ActualFrameDuration)"
        return Candidate(at, words), several
    if len({at for at, _ in pairs}) == 1:  # one time for frames that followed each other
        words = "AcquisitionTime, the same in all frames and so the scan's start"
        return Candidate(origin, words), False
    return None, False


def _borne_out(
    found: list[Candidate], scanners_own: datetime | None, half_life_s: float
) -> Candidate | None:
    """The most trustworthy time that gives the SUVs of the scanner's own factor, within 2 %."""
    if scanners_own is None:
        return None
    bound = 0.02 / math.log(2) * half_life_s
    near = (c for c in found if abs((c.at - scanners_own).total_seconds()) < bound)
    return next(near, None)


def _apart_s(one: Candidate, other: Candidate) -> float:
    return abs((one.at - other.at).total_seconds())


def _disagreements(chosen: Candidate, found: list[Candidate], half_life_s: float) -> list[str]:
    warnings = []
    for one in found:
        seconds = (one.at - chosen.at).total_seconds()
        if one is chosen or not one.rival or abs(seconds) > DAY.total_seconds():
            continue
        change = math.expm1(seconds / half_life_s * math.log(2))
        if abs(change) > MATERIAL:
            reason = f", which {one.why_not}," if one.why_not else ""
            warnings.append(
                f"The PET is taken as decay-corrected to {clock(chosen.at)} ({chosen.source}); "
                f"by {one.source} ({clock(one.at)}){reason} SUVs would be "
                f"{abs(change):.0%} {'higher' if change > 0 else 'lower'}. "
                "If you know the time, give it with --scan-started."
            )
    return warnings
