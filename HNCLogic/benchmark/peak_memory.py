"""The largest memory that a patient's networks take, in processes of their own.

    python -m HNCLogic.benchmark.peak_memory BACKEND NUMBERS WIDTH

does one patient and prints, in bytes, what the process held before and at most, and what
``inference.memory`` had said that it would take more.
"""

from __future__ import annotations

import json
import subprocess
import sys

from HNCLogic.benchmark.machine import Row
from HNCLogic.benchmark.network import Case, backends, published

PEAK_GB = 2.5  # of the published network's five folds
SLICES, FOLDS = 96, 5
WIDTHS = (32, 16)  # channels of the finest level: the published network's, and half of it


def measure(*, quick: bool) -> tuple[list[Row], list[str]]:
    """For each backend the largest memory of a process that does five folds over 128 x 128 x 96
    voxels, and the share of the estimate that was taken; and what is to be said where the system
    does not tell. ``quick``: two folds."""
    try:
        import resource  # noqa: F401
    except ImportError:
        return [], ["memory: not measured, for this system does not tell a process's largest"]
    rows = []
    folds = 2 if quick else FOLDS
    for width in WIDTHS:
        for name, (backend, numbers) in backends().items():
            command = [sys.executable, "-m", __spec__.name, backend, numbers, str(width),
                       str(folds)]  # fmt: skip
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise RuntimeError(f"memory, {name}: {done.stderr.strip()[-2000:]}")
            told = json.loads(done.stdout.splitlines()[-1])
            what = f"memory, width {width}, {folds} folds: {name}"
            rows.append(
                Row(
                    f"{what}, the whole process",
                    told["most"] / 1e9,
                    "GB",
                    PEAK_GB if width == WIDTHS[0] else None,
                )
            )
            taken = (told["most"] - told["before"]) / told["estimate"]
            note = f"estimate {told['estimate'] / 1e9:.2f} GB beside what was held before"
            rows.append(Row(f"{what}, taken / estimated", taken, "x", 1.0, note=note))
    return rows, []


def _case(width: int) -> Case:
    from HNCLogic.networks.registry import make

    case = published(SLICES)
    # Side by side and two of three with nothing in them: neither changes what memory is taken.
    case.stride = case.patch[0]
    case.volume[:, case.stride :] = 0.0
    widths = [each * width // WIDTHS[0] for each in (32, 64, 128, 256, 320)]
    case.network = make("attention-unet", {"widths": widths}).requires_grad_(False).eval()
    return case


def _do_one(backend: str, numbers: str, width: int, folds: int) -> dict[str, int]:
    from HNCLogic.inference.backends import choose_backend
    from HNCLogic.inference.device import use_threads
    from HNCLogic.inference.ensemble import mean_volume
    from HNCLogic.inference.memory import needed_bytes

    use_threads()
    case = _case(width)
    weights = sum(p.numel() * p.element_size() for p in case.network.parameters())
    channels, *size = case.volume.shape
    estimate = needed_bytes(
        size,
        channels,
        case.network.head.out_channels,
        case.patch,
        width,
        weights,
        choose_backend(backend, numbers, case.network).at_once,
    )
    before = _most()
    networks = (case.network for _ in range(folds))
    mean_volume(networks, folds, case.volume, case.patch, case.strides, numbers=numbers,
                backend=backend)  # fmt: skip
    return {"before": before, "most": _most(), "estimate": estimate}


def _most() -> int:
    import resource

    # macOS counts bytes, Linux KiB.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (
        1 if sys.platform == "darwin" else 1024
    )


if __name__ == "__main__":
    backend, numbers, *counts = sys.argv[1:]
    print(json.dumps(_do_one(backend, numbers, *map(int, counts))))
