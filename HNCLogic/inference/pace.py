"""How long a model took on this machine, kept for the next patient.

Standard library only: a panel reads it. What is kept holds nothing of a patient, and what is read
is believed only where it is of this machine and could be true.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
import sys
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from HNCLogic.errors import InputError
from HNCLogic.inference.device import physical_cores, processor_name
from HNCLogic.inference.windows import window_starts

LARGEST_FILE = 10_000  # bytes
LONGEST_S = 3600.0  # for one patch
MOST_BYTES = 2**44


@dataclass(frozen=True)
class Pace:
    """``seconds`` that one network took for one patch, ``memory`` in bytes that all of it was
    estimated to take; by which ``machine``, and which backend in what numbers."""

    machine: str
    computed_by: str
    seconds: float
    memory: int


def this_machine() -> str:
    return f"{processor_name()}, {physical_cores()} cores"


def passes(slices: int, patch_slices: int, stride: int, folds: int) -> int:
    """Patches that all networks together take for a volume as wide as a patch."""
    return folds * len(window_starts(slices, patch_slices, stride))


def kept_pace(digest: str) -> Pace | None:
    """Of the model whose weights have that SHA-256, on this machine; None where none is kept, or
    what is there is damaged or another machine's."""
    with contextlib.suppress(OSError, ValueError, RecursionError):
        with _file(digest).open("rb") as file:
            raw = json.loads(file.read(LARGEST_FILE))
        pace = _checked(raw)
        if pace.machine == this_machine():
            return pace
    return None


def keep_pace(digest: str, pace: Pace) -> None:
    """Keep it, whole or not at all. Where nothing can be written nothing is: it is no loss."""
    from HNCLogic.outputs import write_text_whole

    with contextlib.suppress(InputError, OSError):
        path = _file(digest)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text_whole(path, json.dumps(asdict(pace), indent=1) + "\n")


def cache_folder() -> Path:
    """Where the system keeps what can be made anew; HNC_CACHE overrides."""
    if chosen := os.environ.get("HNC_CACHE"):
        return Path(chosen).expanduser()
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
        return Path(base) / "HNC" / "Cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "HNC"
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "hnc"


def _file(digest: str) -> Path:
    if not re.fullmatch(r"[0-9a-f]{64}", digest):
        raise ValueError("not a SHA-256")
    return cache_folder() / "pace" / f"{digest[:16]}.json"


def _checked(raw: object) -> Pace:
    """Raises ValueError where it is not a Pace, or not one that could be."""
    if not isinstance(raw, dict) or set(raw) != {each.name for each in fields(Pace)}:
        raise ValueError("not a pace")
    pace = Pace(**raw)
    words = all(isinstance(each, str) for each in (pace.machine, pace.computed_by))
    numbers = type(pace.seconds) is float and type(pace.memory) is int
    if not words or not numbers or not math.isfinite(pace.seconds):
        raise ValueError("not a pace")
    if not (0 < pace.seconds <= LONGEST_S and 0 < pace.memory <= MOST_BYTES):
        raise ValueError("no machine's pace")
    return pace
