"""From the click in a panel to the first word and to the verdict: the process that it starts.

The images lie on the disk already; handing them over is the panel's part (``panels``).
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from HNCLogic.benchmark.machine import Row

FIRST_WORD_S, VERDICT_S = 2.0, 5.0


def measure(*, quick: bool) -> list[Row]:
    """Medians of fresh processes, each of which reads a simulated PET and CT, gives method 1's
    verdict and its heat map, and leaves them as files for the panel."""
    from HNCLogic.convert import write_volume
    from HNCLogic.phantom.patient import SIMULATED, simulate

    first, whole = [], []
    with tempfile.TemporaryDirectory(prefix="hnc-benchmark-") as scratch:
        folder = Path(scratch)
        patient = simulate(7, positive=True)
        images = {"PET": folder / "pet.nrrd", "CT": folder / "ct.nrrd"}
        for path, image in zip(images.values(), (patient.pet, patient.ct), strict=True):
            write_volume(image, path, folder)
        for turn in range(1 if quick else 5):
            job = folder / f"job-{turn}.json"
            job.write_text(json.dumps({
                "task": "explain",
                "images": {role: str(path) for role, path in images.items()},
                "suv": {"units": "SUVbw"},
                "plain": True,
                "simulated": SIMULATED,
                "out": str(folder / f"out-{turn}"),
            }))  # fmt: skip
            told = _answered(job)
            first.append(told[0])
            whole.append(told[1])
    return [
        Row.of("click to first progress", first, "s", FIRST_WORD_S),
        Row.of("click to verdict and heat map, method 1", whole, "s", VERDICT_S),
    ]


def _answered(job: Path) -> tuple[float, float]:
    """Seconds until the process says a first line, and until it has ended well."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "HNCLogic", "run", str(job)]
    with (
        tempfile.TemporaryFile("w+") as complaint,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=complaint, text=True) as child,
    ):
        child.stdout.readline()
        first = time.perf_counter() - began
        child.stdout.read()
        if child.wait():
            complaint.seek(0)
            raise RuntimeError(f"first answer: {complaint.read().strip()[-2000:]}")
    return first, time.perf_counter() - began
