"""What a longer volume, more folds and denser windows cost, by each backend and peer."""

from __future__ import annotations

from collections.abc import Iterator

from HNCLogic.benchmark.clock import ALONE, Clock
from HNCLogic.benchmark.machine import Point
from HNCLogic.benchmark.network import Case, backends, shipped, ways_of

SLICES = (48, 96, 160, 240, 320)
USUAL = 96  # slices, where folds or strides are what differs
STRIDES = (4, 8, 16, 32)
FOLDS = (1, 2, 3, 4, 5)


def measure(*, quick: bool, clock: Clock = ALONE) -> list[Point]:
    """Seconds with the network that ships: over slices (one fold), over the stride between windows
    (one fold), over folds (the same network several times, read ahead as folds are). Each the
    better of two turns; ``quick``: one turn, two places on each curve, the peers left out."""
    clock.begin()
    turns = 1 if quick else 2
    times: dict[tuple[str, str, int], list[float]] = {}
    for _ in range(turns):
        for key, way in _all_ways(quick):
            began = clock.now()
            way()
            times.setdefault(key, []).append(clock.now() - began)
    return [
        Point(f"{name}: {x} {over}", min(each), "s", curve=name, over=over, x=x)
        for (over, name, x), each in times.items()
    ]


def _all_ways(quick: bool) -> Iterator[tuple[tuple[str, str, int], object]]:
    from HNCLogic.inference.ensemble import mean_volume

    def places(each: tuple[int, ...]) -> tuple[int, ...]:
        return each[:2] if quick else each

    for count in places(SLICES):
        for name, way in _ways(shipped(count), quick):
            yield ("slices", name, count), way
    for stride in places(STRIDES):
        case = shipped(USUAL)
        case.stride = stride
        for name, way in _ways(case, quick):
            yield ("slices between windows", name, stride), way
    case = shipped(USUAL)
    for count in places(FOLDS):
        for name, (backend, numbers) in backends().items():

            def folds(count: int = count, backend: str = backend, numbers: str = numbers) -> object:
                return mean_volume(
                    (case.network for _ in range(count)),
                    count,
                    case.volume,
                    case.patch,
                    case.strides,
                    numbers=numbers,
                    backend=backend,
                )

            yield ("folds", name, count), folds


def _ways(case: Case, quick: bool) -> list[tuple[str, object]]:
    ways, _absent = ways_of(case)
    ours = backends()
    return [(name, way) for name, way in ways.items() if name in ours or not quick]
