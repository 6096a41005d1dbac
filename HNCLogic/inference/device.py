"""What a network computes on: CPU or CUDA, and with how many threads."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from HNCLogic.errors import InputError
from HNCLogic.inference.heap import keep_memory

if TYPE_CHECKING:
    import torch


def choose_device(
    wanted: Literal["auto", "cpu", "cuda"] = "auto", *, apple: bool = False
) -> torch.device:
    """The device to compute on; "auto" takes CUDA where it is there, then, with ``apple``, the
    graphics of an Apple computer: only for what goes on on the CPU where these cannot
    (``graphics.in_less_memory``), for they lack some operations.

    Raises InputError where CUDA is asked for and absent.
    """
    import torch

    if wanted == "cuda" and not torch.cuda.is_available():
        raise InputError("CUDA was asked for, but no CUDA device is there: use auto or cpu")
    if wanted == "auto" and torch.cuda.is_available():
        return torch.device("cuda")
    if wanted == "auto":
        return torch.device("mps" if apple and torch.backends.mps.is_available() else "cpu")
    return torch.device(wanted)


def processors() -> int:
    """Processors this process may run on, which can be fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def physical_cores() -> int:
    """Cores this process may run on. Two processors that share a core share its arithmetic, so
    that a second thread on it only slows both. Where the system does not say: processors."""
    if not hasattr(os, "sched_getaffinity"):
        return processors()
    places = (
        f"/sys/devices/system/cpu/cpu{number}/topology/thread_siblings_list"
        for number in os.sched_getaffinity(0)
    )
    try:
        return len({Path(place).read_text() for place in places})
    except OSError:
        return processors()


def processor_name() -> str:
    """As its maker calls it, where the system tells; else what kind it is."""
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    except OSError:
        lines = []
    names = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


def make_ready() -> None:
    """For a process that computes an answer: no more of torch's threads than cores (fewer stay,
    where somebody chose so), and memory that is kept from layer to layer."""
    import torch

    keep_memory()
    if torch.get_num_threads() > physical_cores():
        torch.set_num_threads(physical_cores())


def use_threads(count: int | None = None) -> int:
    """Let torch compute with ``count`` threads (None: one per core); gives the number. Memory is
    kept as by ``make_ready``."""
    import torch

    chosen = physical_cores() if count is None else count
    if chosen < 1:
        raise InputError(f"at least one thread is needed, not {chosen}")
    torch.set_num_threads(chosen)
    keep_memory()
    return chosen


def quick_numbers(device: torch.device) -> str:
    """What the quickest way computes in here, as an answer's provenance says it."""
    return "bfloat16" if computes_in_bf16(device) else "float32"


def computes_in_bf16(device: torch.device) -> bool:
    """Does the processor compute in bfloat16 by itself? Elsewhere it only slows down."""
    import torch

    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "mps":
        return torch.backends.mps.is_macos_or_newer(14, 0)
    return torch.cpu._is_avx512_bf16_supported()
