"""Where the overlapping windows of a long volume lie."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from HNCLogic.errors import InputError


def window_starts(length: int, window: int, stride: int) -> list[int]:
    """First indices of windows of ``window`` voxels, ``stride`` apart, along ``length`` voxels.

    The last window ends flush with the last voxel, so its distance to the one before may be
    shorter. Where ``length`` is less than ``window`` there is one window, at 0, and whoever cuts
    it out pads. Raises InputError where windows would leave voxels between them unseen.
    """
    if length < 1 or window < 1 or stride < 1:
        raise InputError(
            f"windows need sizes of at least 1, not length {length}, window {window}, "
            f"stride {stride}"
        )
    if stride > window:
        raise InputError(
            f"windows of {window} voxels cannot be {stride} apart: what lies between would not "
            "be seen; use a smaller stride"
        )
    if length <= window:
        return [0]
    last = length - window
    return [*range(0, last, stride), last]


def pad_to(
    volume: np.ndarray, size: Sequence[int], outside: float
) -> tuple[np.ndarray, tuple[slice, slice, slice]]:
    """``volume`` (channel, z, y, x) filled up with ``outside`` to at least ``size`` (z, y, x).

    Half of what is missing is put before, half (and an odd voxel) after. Also gives the slices
    (z, y, x) that cut the volume itself out again. Nothing is copied where nothing is missing.
    """
    own = volume.shape[1:]
    missing = [max(wanted - have, 0) for wanted, have in zip(size, own, strict=True)]
    before = [count // 2 for count in missing]
    back = tuple(slice(b, b + have) for b, have in zip(before, own, strict=True))
    if any(missing):
        around = [(b, count - b) for b, count in zip(before, missing, strict=True)]
        volume = np.pad(volume, [(0, 0), *around], constant_values=outside)
    return volume, back
