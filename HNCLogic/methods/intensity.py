"""The stretch of intensities that a network sees, as a card states it."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator

BEYOND = 1e6  # no window's end: an image with such values is not in a unit we know


def _ascending(window: tuple[float, float]) -> tuple[float, float]:
    low, high = window
    if not -BEYOND <= low < high <= BEYOND:
        raise ValueError(f"a window goes from a lower to a higher value, not {low:g} to {high:g}")
    return window


# Lower and upper end: what lies beyond is clipped. Never empty, for values are divided by it.
Window = Annotated[tuple[float, float], AfterValidator(_ascending)]
