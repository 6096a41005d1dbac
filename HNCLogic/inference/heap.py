"""Memory that stays with the process from one layer of a network to the next.

A layer's maps are tens of megabytes. By default the C library of Linux gives such memory back to
the system as soon as a map is no longer needed, and the next layer's first touch of each page
fetches it again: a third of the time of a network on a CPU. Other systems take no notice.
"""

from __future__ import annotations

import sys

KEPT = 256 * 2**20  # bytes at the heap's end that stay when nothing needs them
# Names of <malloc.h>.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_MMAP_MAX = -1, -3, -4
# What glibc arrives at by itself once large blocks were freed, and its default number.
GROWN, DEFAULT_MAX = 32 * 2**20, 65536


def keep_memory() -> bool:
    """From now on; whether the C library takes it. For a process that computes and then ends."""
    return _set({M_MMAP_MAX: 0, M_TRIM_THRESHOLD: KEPT})


def give_memory_back() -> bool:
    """As the C library does by itself: peers are measured as they come."""
    return _set({M_MMAP_MAX: DEFAULT_MAX, M_MMAP_THRESHOLD: GROWN, M_TRIM_THRESHOLD: 2 * GROWN})


def _set(settings: dict[int, int]) -> bool:
    if not sys.platform.startswith("linux"):
        return False
    import ctypes

    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):  # a C library without it
        return False
    return all(mallopt(name, value) == 1 for name, value in settings.items())
