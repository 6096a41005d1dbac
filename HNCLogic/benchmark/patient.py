"""A whole patient, files to report: time outside the networks, time inside, peak memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from HNCLogic.benchmark.machine import Row
from HNCLogic.errors import InputError

OUTSIDE_S = 15.0
PEAK_GIB = 4.0


def measure(*, quick: bool, pet: Path | None = None, mr: Path | None = None) -> list[Row]:
    """Rows for each patient: a real one where given, and a large simulated PET with a large CT."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="hnc-benchmark-") as scratch:
        folder = Path(scratch)
        if pet is not None:
            images = {"pet": pet} | ({} if mr is None else {"mr": mr})
            rows += _one("real patient, PET + MRI", images, folder / "real")
        if not quick:
            images = large_patient(folder)
            rows += _one("CT 512 x 512 x 200, PET 200 x 200 x 300", images, folder / "large")
        else:
            images = large_patient(folder, ct=(256, 256, 100), pet=(100, 100, 150))
            rows += _one("CT 256 x 256 x 100, PET 100 x 100 x 150", images, folder / "small")
    return rows


def large_patient(
    folder: Path,
    ct: tuple[int, int, int] = (512, 512, 200),
    pet: tuple[int, int, int] = (200, 200, 300),
) -> dict[str, Path]:
    """A simulated patient brought to large grids over the same field of view; paths by option."""
    from HNCLogic.images.grid import Grid, resample
    from HNCLogic.phantom.patient import simulate

    patient = simulate(7, positive=True)
    paths = {}
    for name, image, size, outside in (
        ("pet", patient.pet, pet, 0.0),
        ("ct", patient.ct, ct, -1000.0),
    ):
        own = Grid.of(image)
        spacing = tuple(s * n / m for s, n, m in zip(own.spacing, own.size, size, strict=True))
        first = own.points(
            np.array([[(new / old - 1) / 2 for new, old in zip(spacing, own.spacing, strict=True)]])
        )[0]
        grid = Grid(size, spacing, tuple(first), own.direction)
        paths[name] = folder / f"{name}.nrrd"
        sitk.WriteImage(resample(image, grid, outside), str(paths[name]), False)
    return paths


def _one(what: str, images: dict[str, Path], out: Path) -> list[Row]:
    options = [word for name, path in images.items() for word in (f"--{name}", str(path))]
    if "pet" in images and images["pet"].is_file():
        options += ["--pet-units", "SUVbw"]
    command = [sys.executable, "-m", "HNCLogic", "analyze", *options, "--out", str(out), "--json"]
    began = time.perf_counter()
    answer, complaint, code, peak = _child(command)
    total = time.perf_counter() - began
    if code == 2:  # what the user gave cannot be used; said in one line
        raise InputError(f"{what}: {complaint.strip().removeprefix('hnc: ')}")
    if code:
        raise RuntimeError(f"{what}: {complaint.strip()}")
    result = json.loads(answer)
    seconds = result["provenance"]["seconds"]
    inside = sum(v for name, v in seconds.items() if name.startswith("network"))
    rows = [
        Row(f"{what}: outside the networks", total - inside, "s", OUTSIDE_S),
        Row(f"{what}: in the networks", inside, "s"),
    ]
    if peak is not None:
        rows.append(Row(f"{what}: peak memory", peak, "GiB", PEAK_GIB))
    return rows


_WAITER = """
import os, subprocess, sys
tell, *command = sys.argv[1:]
child = subprocess.Popen(command)
_, status, usage = os.wait4(child.pid, 0)
os.write(int(tell), f"{os.waitstatus_to_exitcode(status)} {usage.ru_maxrss}".encode())
"""


def _child(command: list[str]) -> tuple[str, str, int, float | None]:
    """Run a command: what it printed, what it complained, its exit code, and the largest memory
    it held in GiB (None where the system does not tell)."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        if not hasattr(os, "wait4"):
            code = subprocess.run(command, stdout=out, stderr=err).returncode
            peak = None
        else:
            # By way of a small process: on Linux a child's peak begins with its parent's.
            with tempfile.TemporaryFile("w+") as told:
                number = told.fileno()
                between = [sys.executable, "-S", "-c", _WAITER, str(number), *command]
                subprocess.run(between, stdout=out, stderr=err, pass_fds=[number], check=True)
                told.seek(0)
                code, largest = map(int, told.read().split())
            # macOS counts bytes, Linux KiB.
            peak = largest * (1 if sys.platform == "darwin" else 1024) / 2**30
        out.seek(0)
        err.seek(0)
        return out.read(), err.read(), code, peak
