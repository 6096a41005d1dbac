"""How long Slicer's panels keep the event loop from turning: what a user feels as frozen.

Measured on the stand-in for desktop Slicer that the tests use, which lies in the source tree
only: an installed HNC cannot measure it, and says so.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from HNCLogic.benchmark.machine import Row

UNNOTICED_MS = 100.0
REPOSITORY = Path(__file__).resolve().parents[2]
# A panel is built when it is opened for the first time, imports included: once a session.
OPENING = "open "


def measure(*, quick: bool) -> tuple[list[Row], list[str]]:
    """The longest pause of each thing a user does in the panels, and how long it took in all; and
    why where they cannot be measured."""
    if not (REPOSITORY / "Testing" / "host").is_dir():
        return [], ["panels: not measured, for the tests' stand-in for Slicer is not here"]
    command = [sys.executable, "-m", "Testing.host.responsiveness", *(["--quick"] if quick else [])]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"panels: {done.stderr.strip()[-2000:]}")
    rows = [
        Row(
            f"panel, longest pause: {one['what']}",
            one["longest_ms"],
            "ms",
            None if one["what"].startswith(OPENING) else UNNOTICED_MS,
            note=f"{one['busiest_ms']:.0f} ms of processor time; {one['seconds']:.1f} s in all",
        )
        for one in json.loads(done.stdout.splitlines()[-1])
    ]
    return rows, []
