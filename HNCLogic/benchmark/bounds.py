"""What this machine can do at most: arithmetic of matrices, and bytes to and from memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from HNCLogic.benchmark.clock import ALONE, Clock
from HNCLogic.benchmark.machine import Row

if TYPE_CHECKING:
    import torch

SIDE = 2048  # matrices that arithmetic, not memory, decides the time of
COPIED = 256 * 2**20  # bytes; far more than most caches


def measure(repeats: int, clock: Clock = ALONE) -> list[Row]:
    """Medians: thousand million operations a second in float32 and, where networks are computed in
    it, in bfloat16; and GB a second read and written."""
    clock.begin()
    rates: dict[str, list[float]] = {name: [] for name in number_kinds()}
    moved: list[float] = []
    for turn in range(repeats + 1):  # the first turn is thrown away
        for name, kind in number_kinds().items():
            rate = matrix_rate(kind, clock)
            if turn:
                rates[name].append(rate)
        rate = memory_rate(clock)
        if turn:
            moved.append(rate)
    rows = [Row.of(f"matrix products in {name}", each, "GFLOP/s") for name, each in rates.items()]
    return [*rows, Row.of("memory, read and written", moved, "GB/s")]


def number_kinds() -> dict[str, torch.dtype]:
    """float32 and, where this machine's networks are computed in it, bfloat16; by name."""
    import torch

    from HNCLogic.inference.device import computes_in_bf16

    kinds = {"float32": torch.float32}
    if computes_in_bf16(torch.device("cpu")):
        kinds["bfloat16"] = torch.bfloat16
    return kinds


def matrix_rate(kind: torch.dtype, clock: Clock = ALONE) -> float:
    """GFLOP a second in a product of two square matrices, the second of two turns; a
    multiplication and an addition are two. No network can be quicker than its own operations at
    this rate, on as many cores."""
    import torch

    a, b = (torch.rand(SIDE, SIDE).to(kind) for _ in range(2))
    product = a @ b
    began = clock.now()
    torch.matmul(a, b, out=product)
    return 2 * SIDE**3 / 1e9 / (clock.now() - began)


def memory_rate(clock: Clock = ALONE) -> float:
    """GB a second, read and written."""
    import torch

    source, target = (torch.zeros(COPIED // 4) for _ in range(2))
    began = clock.now()
    target.copy_(source)
    return 2 * COPIED / 1e9 / (clock.now() - began)
