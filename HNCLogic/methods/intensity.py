"""The stretch of intensities that a network sees, as a card states it."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator


def _ascending(window: tuple[float, float]) -> tuple[float, float]:
    low, high = window
    if not -1e6 <= low < high <= 1e6:
        raise ValueError(f"a window goes from a lower to a higher value, not {low:g} to {high:g}")
    return window


# Lower and upper end: what lies beyond is clipped. Never empty, for values are divided by it.
Window = Annotated[tuple[float, float], AfterValidator(_ascending)]
