"""How long it takes until something happens: import and help, in fresh processes."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from HNCLogic.benchmark.machine import Row

COMMANDS = {
    "import HNCLogic": ["-c", "import HNCLogic"],
    "hnc --help": ["-m", "HNCLogic", "--help"],
    "hnc analyze --help": ["-m", "HNCLogic", "analyze", "--help"],
}


def measure(repeats: int) -> list[Row]:
    """Median wall time of each command, taken in turns, the first turn thrown away."""
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for turn in range(repeats + 1):
        for name, command in COMMANDS.items():
            began = time.perf_counter()
            subprocess.run([sys.executable, *command], check=True, capture_output=True)
            if turn:
                times[name].append(time.perf_counter() - began)
    return [
        Row(name, statistics.median(t), "s", 0.5, f"{min(t):.2f}–{max(t):.2f}")
        for name, t in times.items()
    ]
