"""Multi-frame objects (enhanced and legacy-converted CT, MR, PET) as one header a frame.

PS3.3 C.7.6.16: what is equal in all frames lies in the shared functional groups, the rest in
the per-frame groups. Flattened, each frame reads like a classic single-frame header, so that
geometry and SUV have one kind of header to know.
"""

from __future__ import annotations

from pathlib import Path

from pydicom.dataset import Dataset

from HNCLogic.errors import InputError

_GROUPS = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
_LEFT_OUT = {*_GROUPS, "PixelData", "FloatPixelData", "DoubleFloatPixelData"}
# Codes of UCUM units as real-world values are given in (PS3.16 CID 84, 85) → DICOM PET units
_UNIT_CODES = {"Bq/ml": "BQML", "{SUVbw}g/ml": "GML", "g/ml{SUVbw}": "GML"}


def is_multi_frame(header: Dataset) -> bool:
    """Has the object several frames, or its one frame's place in functional groups?"""
    several = int(header.get("NumberOfFrames", 1) or 1) > 1
    return several or "PerFrameFunctionalGroupsSequence" in header


def frame_headers(header: Dataset, path: Path) -> list[Dataset]:
    """One flat header for each frame, in stored order. Raises ``InputError`` where the frames
    have no functional groups, so that nothing says where they lie."""
    frames = header.get("PerFrameFunctionalGroupsSequence")
    if not frames or len(frames) != int(header.get("NumberOfFrames", 1) or 1):
        raise InputError(
            f"{path} is a multi-frame image that does not say where each frame lies: "
            "export it as a classic series of single slices"
        )
    common = Dataset()
    common.update({e.tag: e for e in header if e.keyword not in _LEFT_OUT})
    for shared in header.get("SharedFunctionalGroupsSequence") or []:
        _spread(shared, common)
    flat = []
    for number, groups in enumerate(frames, start=1):
        one = Dataset()
        one.update(common)
        _spread(groups, one)
        one.InstanceNumber = number
        _as_classic(one)
        flat.append(one)
    return flat


def _spread(groups: Dataset, into: Dataset) -> None:
    """The elements of every group's only item, one level up."""
    for element in groups:
        if element.VR == "SQ" and element.value and len(element.value) == 1:
            into.update({inner.tag: inner for inner in element.value[0]})


def _as_classic(frame: Dataset) -> None:
    """Enhanced attributes under the names the classic objects use for them."""
    for new, classic in (
        ("FrameAcquisitionDateTime", "AcquisitionDateTime"),
        ("FrameAcquisitionDuration", "ActualFrameDuration"),
    ):
        if frame.get(new):
            setattr(frame, classic, frame[new].value)
    if not frame.get("DecayCorrection") and frame.get("DecayCorrected"):
        frame.DecayCorrection = "START" if frame.DecayCorrected == "YES" else "NONE"
    if not frame.get("CorrectedImage") and frame.get("AttenuationCorrected"):
        made = {
            "ATTN": "AttenuationCorrected",
            "SCAT": "ScatterCorrected",
            "DECY": "DecayCorrected",
        }
        frame.CorrectedImage = [code for code, tag in made.items() if frame.get(tag) == "YES"]
    if not frame.get("Units"):
        codes = frame.get("MeasurementUnitsCodeSequence")
        code = str(codes[0].get("CodeValue", "")) if codes else ""
        units = _UNIT_CODES.get(code) or str(frame.get("RescaleType", ""))
        if units in ("BQML", "GML", "CNTS", "CM2ML"):
            frame.Units = units
