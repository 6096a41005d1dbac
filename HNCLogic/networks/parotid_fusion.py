"""The ways to fuse the MR sequences of a parotid tumour (Liu 2022), without torch."""

from __future__ import annotations

from typing import Literal

Fusion = Literal["early", "late-add", "late-splice", "early-late-add", "early-late-splice"]


def fused_channels(fusion: Fusion, channels: int) -> list[list[int]]:
    """Which channels each branch sees; a branch has one (grey, three times) or three.

    ``early``: three sequences are the three channels of one branch. ``late-…``: a branch for
    each sequence. ``early-late-…``: two triplets, a branch each (more, if there are more).
    Raises ValueError where the number of channels does not allow it.
    """
    if fusion.startswith("late"):
        return [[channel] for channel in range(channels)]
    if fusion == "early" and channels != 3:
        raise ValueError(f"early fusion takes three sequences, not {channels}")
    if fusion != "early" and (channels < 6 or channels % 3):
        raise ValueError(f"early and late fusion takes two triplets of sequences, not {channels}")
    return [[first, first + 1, first + 2] for first in range(0, channels, 3)]
