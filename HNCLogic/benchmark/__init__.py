"""``hnc benchmark``: speed and memory on this machine, beside peers, as ratios.

Never part of a test: machines are noisy. What is compared is interleaved in one run and given
as medians; bounds stand beside the figures.
"""

from __future__ import annotations


def run_benchmark(*, as_json: bool, quick: bool, pet=None, mr=None) -> None:
    """Measure and print; ``pet`` and ``mr`` are a real patient's images, if there is one."""
    import json

    from HNCLogic.benchmark import (
        bounds,
        machine,
        network,
        other_methods,
        panels,
        patient,
        startup,
    )

    rows = [
        *startup.measure(repeats=3 if quick else 7),
        *bounds.measure(repeats=3 if quick else 9),
        *network.measure(slices=48 if quick else 96, repeats=1 if quick else 3),
        *other_methods.measure(repeats=1 if quick else 3),
        *patient.measure(quick=quick, pet=pet, mr=mr),
        *panels.measure(quick=quick),
    ]
    if as_json:
        print(json.dumps({"machine": machine.described(), "rows": [r.as_dict() for r in rows]}))
        return
    machine.show(rows)
