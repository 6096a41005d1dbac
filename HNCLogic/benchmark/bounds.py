"""What this machine can do at most: arithmetic of matrices, and bytes to and from memory."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

from HNCLogic.benchmark.machine import Row

SIDE = 1024  # matrices that arithmetic, not memory, decides the time of
COPIED = 256 * 2**20  # bytes; far more than any cache


def measure(repeats: int) -> list[Row]:
    """Medians: thousand million operations a second in float32 and, where networks are computed in
    it, in bfloat16 (a multiplication and an addition are two); and GB a second read and written.
    No network can be quicker than its own operations at the first of these."""
    import torch

    from HNCLogic.inference.device import computes_in_bf16, use_threads

    use_threads()
    kinds = [torch.float32]
    if computes_in_bf16(torch.device("cpu")):
        kinds.append(torch.bfloat16)
    ways: dict[str, tuple[Callable, float, str]] = {}
    for kind in kinds:
        a, b = (torch.rand(SIDE, SIDE).to(kind) for _ in range(2))
        name = str(kind).removeprefix("torch.")
        ways[f"bound: matrices in {name}"] = (
            lambda a=a, b=b: a @ b,
            2 * SIDE**3 / 1e9,
            "GFLOP/s",
        )
    source, target = (torch.zeros(COPIED // 4) for _ in range(2))
    ways["bound: memory"] = (lambda: target.copy_(source), 2 * COPIED / 1e9, "GB/s")
    times: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(repeats + 1):  # the first turn is thrown away
        for name, (way, _, _) in ways.items():
            began = time.perf_counter()
            way()
            if turn:
                times[name].append(time.perf_counter() - began)
    rows = []
    for name, (_, work, unit) in ways.items():
        rates = [work / t for t in times[name]]
        spread = f"{min(rates):.0f}–{max(rates):.0f}"
        rows.append(Row(name, statistics.median(rates), unit, None, spread))
    return rows
