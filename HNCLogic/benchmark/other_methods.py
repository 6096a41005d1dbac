"""A patient of methods 4 and 5: seconds from images in memory to the answer with its heat map.

Of simulated patients, by five networks of the published sizes with fresh weights: what weights
say changes nothing of the time.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

from HNCLogic.benchmark.machine import Row

FOLDS = 5
BOUND_S = 2.0
SEQUENCES = ("T2", "CE-T1", "DWI-b1000")  # the three that Liu 2022 found best together


def measure(repeats: int) -> list[Row]:
    """One row for each method; medians of ``repeats``."""
    from HNCLogic.inference.device import use_threads

    use_threads()
    rows = []
    for name, way in (("extension on CT", extension()), ("parotid on MRI", parotid())):
        times = []
        for _ in range(repeats):
            began = time.perf_counter()
            size = way()
            times.append(time.perf_counter() - began)
        note = f"{min(times):.1f}–{max(times):.1f}"
        rows.append(Row(f"{name}: {size}", statistics.median(times), "s", BOUND_S, note))
    return rows


def extension() -> Callable[[], str]:
    """Does a patient; gives what was done in words."""
    from HNCLogic.extension_verdict import ask
    from HNCLogic.images.neck_landmarks import neck_range
    from HNCLogic.images.study import Study
    from HNCLogic.methods.extension import Preparation, heat_on, prepare
    from HNCLogic.networks.registry import make
    from HNCLogic.phantom.cases.extension_case import simulate_extension

    ct = simulate_extension(1, True).ct
    networks = [make("gmgenet") for _ in range(FOLDS)]
    for network in networks[1:]:
        network.extractor.load_state_dict(networks[0].extractor.state_dict())
    size = " x ".join(str(n) for n in ct.GetSize())

    def run() -> str:
        region, _ = neck_range(ct)
        volume = prepare(Study({"CT": ct}), region, Preparation())
        heat, _voi, _said = ask(networks, FOLDS, volume, Preparation())
        heat_on(ct, heat, volume)
        return f"CT {size}, {FOLDS} folds"

    return run


def parotid() -> Callable[[], str]:
    """Does a patient; gives what was done in words."""
    from HNCLogic.images.study import Study
    from HNCLogic.methods.parotid import Preparation, heat_on, planes_role, prepare, read
    from HNCLogic.networks.registry import make
    from HNCLogic.phantom.cases.parotid_case import simulate_parotid

    case = simulate_parotid(1, roles=SEQUENCES)
    study = Study({role: case.images[role] for role in SEQUENCES})
    networks = [make("parotid", {"in_channels": len(SEQUENCES)}) for _ in range(FOLDS)]
    planes = study.images[planes_role(Preparation(), SEQUENCES)]

    def run() -> str:
        slices = prepare(study, case.box, Preparation(), SEQUENCES)
        readings = [read(network, slices) for network in networks]
        heat_on(planes, readings, 0, slices)
        return f"{len(slices.boxes)} slices of {len(SEQUENCES)} sequences, {FOLDS} folds"

    return run
