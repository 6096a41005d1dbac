"""How much memory this machine has to give, and how much overlapping patches will take."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from collections.abc import Sequence
from math import prod
from pathlib import Path

from HNCLogic.errors import InputError

GIB = 2**30
FLOAT = 4  # bytes

# Measured on the shipped network (widths from 16 up), torch and OpenVINO, rounded up: what a
# library takes at its first use, how many feature maps of the finest level are held at once, and
# how many times the weights (the network's, and a backend's copies of two folds).
FIRST_USE = 150 * 2**20
MAPS = 8
COPIES = 6


def needed_bytes(
    size: Sequence[int],
    channels: int,
    classes: int,
    patch: Sequence[int],
    width: int,
    weights: int,
    at_once: int = 1,
) -> int:
    """Memory that ``mean_volume`` will take beside what the process holds already.

    ``size`` and ``patch`` are (z, y, x) in voxels, ``width`` the channels of the network's finest
    level, ``weights`` bytes of one fold's weights in float32, ``at_once`` the patches that are
    computed together (a backend's own).
    """
    maps = MAPS * FLOAT * width * prod(patch) * at_once
    # The input, and the probabilities of one fold, of the folds' sum, and as they are cut back.
    volumes = FLOAT * prod(max(a, b) for a, b in zip(size, patch, strict=True))
    return FIRST_USE + maps + COPIES * weights + volumes * (2 * channels + 3 * classes)


def require_memory(needed: int, free: int | None) -> None:
    """Raises InputError, with what can be done, where ``needed`` bytes are more than ``free``
    (None: the system does not tell, and nothing is refused)."""
    if free is not None and needed > free:
        raise InputError(
            f"outlining with this network takes about {needed / GIB:.1f} GiB of memory, and "
            f"{free / GIB:.1f} GiB are free: close other programs, analyse a shorter stretch "
            "(--region), choose a smaller model (--volume-model), or outline by threshold "
            "(--delineation fixed, percent or adaptive)"
        )


def free_bytes() -> int | None:
    """Memory that this process may still take, as the system measures it; None where it does
    not tell. On Linux also what the control group allows."""
    try:
        if sys.platform == "win32":
            return _free_on_windows()
        if sys.platform == "darwin":
            return _free_on_macos(subprocess.run(
                ["vm_stat"], capture_output=True, text=True, check=True, timeout=5
            ).stdout)  # fmt: skip
        told = [_available(Path("/proc/meminfo").read_text()), _left_of_group()]
        return min(each for each in told if each is not None)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None


def _available(meminfo: str) -> int:
    for line in meminfo.splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    raise ValueError("no MemAvailable in /proc/meminfo")


def _left_of_group(root: Path = Path("/sys/fs/cgroup")) -> int | None:
    """Of the control group that containers are held in (cgroup v2); None without a limit."""
    try:
        limit = (root / "memory.max").read_text().strip()
        used = int((root / "memory.current").read_text())
    except OSError:
        return None
    return None if limit == "max" else max(int(limit) - used, 0)


def _free_on_macos(vm_stat: str) -> int:
    """Pages that are free, or that the system gives up when somebody wants them."""
    lines = vm_stat.splitlines()
    page = int(lines[0].split("page size of")[1].split()[0])
    given = {
        name.strip(): int(count.strip().rstrip("."))
        for name, _, count in (line.partition(":") for line in lines[1:])
        if count.strip().rstrip(".").isdigit()
    }
    names = ("Pages free", "Pages inactive", "Pages speculative", "Pages purgeable")
    return page * sum(given.get(name, 0) for name in names)


def _free_on_windows() -> int:
    class Status(ctypes.Structure):
        """MEMORYSTATUSEX of the Windows API."""

        _fields_ = [
            ("length", ctypes.c_ulong),
            ("load", ctypes.c_ulong),
            *((name, ctypes.c_ulonglong) for name in (
                "total", "available", "total_page", "available_page", "total_virtual",
                "available_virtual", "available_extended",
            )),
        ]  # fmt: skip

    status = Status()
    status.length = ctypes.sizeof(Status)
    if not ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status)):
        raise OSError("GlobalMemoryStatusEx")
    return status.available
