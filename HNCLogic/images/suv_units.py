"""Units that people and scanners get wrong, told by size: grams for kilograms, MBq for Bq; and the
half-lives of the nuclides that PET uses."""

from __future__ import annotations

F18_S = 6586.2  # 109.77 min

# Half-lives by code (SNOMED CT, older SRT) of PS3.16 CID 4020; DDEP recommended values
HALF_LIVES: dict[str, tuple[str, float]] = {
    **dict.fromkeys(("77004003", "C-111A1"), ("fluorine-18", F18_S)),
    **dict.fromkeys(("78732009", "C-105A1"), ("carbon-11", 1221.8)),
    **dict.fromkeys(("80751004", "C-131A3", "C-131A1"), ("gallium-68", 4062.6)),
    **dict.fromkeys(("126605004", "C-127A2"), ("copper-64", 45721.0)),
    **dict.fromkeys(("76275003", "C-135A4"), ("zirconium-89", 282280.0)),
}


def kilograms(stated: float) -> float:
    """A weight in kg from what DICOM wants in kg and some systems write in g."""
    return stated / 1000 if stated > 1000 else stated


def metres(stated: float) -> float:
    """A height in m from what DICOM wants in m and some systems write in cm."""
    return stated / 100 if stated > 3 else stated


def megabecquerels(stated: float) -> float:
    """A dose in MBq from what DICOM wants in Bq and many systems write in MBq."""
    return stated if stated < 1e5 else stated / 1e6
