"""``hnc benchmark``: speed and memory on this machine, beside peers, as ratios.

Never part of a test: machines are noisy. What is compared is interleaved in one run and given
as medians; bounds stand beside the figures.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from HNCLogic.benchmark.clock import ALONE, SHARED

# In the order in which they are measured.
PARTS = ("start-up", "first answer", "bounds", "network", "costs", "memory", "heat map",
         "training", "other methods", "patient", "panels", "agreement")  # fmt: skip


def run_benchmark(
    *,
    as_json: bool,
    quick: bool,
    pet: Path | None = None,
    mr: Path | None = None,
    only: Sequence[str] = (),
    cohort: Path | None = None,
    out: Path | None = None,
    shared: bool = False,
) -> None:
    """Measure and print; ``pet`` and ``mr`` are a real patient's images, if there is one.

    ``only``: these of ``PARTS``; without it all, agreement where a ``cohort`` is given. ``out``: a
    folder to keep figures, table and plots in; parts that are measured again replace what it
    holds, others stay. ``shared``: others use the machine. Raises InputError.
    """
    from HNCLogic.benchmark import kept, machine
    from HNCLogic.errors import InputError

    for name in only:
        if name not in PARTS:
            raise InputError(f"--part {name!r}: choose of {', '.join(PARTS)}")
    if "agreement" in only and cohort is None:
        raise InputError("agreement needs patients: add --cohort FILE")
    before, remarks = ({}, []) if out is None else kept.earlier(out)
    wanted = only or [name for name in PARTS if name != "agreement" or cohort is not None]
    parts = {
        name: measure()
        for name, measure in _measures(quick, pet, mr, cohort, shared, remarks).items()
        if name in wanted
    }
    if out is not None:
        both = before | parts
        kept.write({name: both[name] for name in PARTS if name in both}, remarks, out)
    if as_json:
        print(kept.as_json(parts, remarks))
        return
    machine.show([row for rows in parts.values() for row in rows])
    for remark in remarks:
        print(remark)


def _measures(
    quick: bool,
    pet: Path | None,
    mr: Path | None,
    cohort: Path | None,
    shared: bool,
    remarks: list[str],
) -> dict[str, Callable[[], list]]:
    """What measures each part; it may add to ``remarks`` what it could not measure."""
    from HNCLogic.benchmark import (
        agreement,
        bounds,
        costs,
        first_answer,
        heat_map,
        network,
        other_methods,
        panels,
        patient,
        peak_memory,
        startup,
        training_step,
    )

    clock = SHARED if shared else ALONE
    if shared and SHARED.words not in remarks:
        remarks.append(SHARED.words)

    def noted(found: tuple[list, list[str]]) -> list:
        rows, more = found
        remarks.extend(each for each in more if each not in remarks)
        return rows

    def of_networks() -> list:
        repeats = 1 if quick else 3
        rows = noted(network.measure(network.shipped(48 if quick else 96), repeats, clock))
        return (
            rows if quick else rows + noted(network.measure(network.published(96), repeats, clock))
        )

    return {
        "start-up": lambda: startup.measure(repeats=3 if quick else 7),
        "first answer": lambda: first_answer.measure(quick=quick),
        "bounds": lambda: bounds.measure(repeats=3 if quick else 9, clock=clock),
        "network": of_networks,
        "costs": lambda: costs.measure(quick=quick, clock=clock),
        "memory": lambda: noted(peak_memory.measure(quick=quick)),
        "heat map": lambda: heat_map.measure(repeats=3 if quick else 9, clock=clock),
        "training": lambda: training_step.measure(repeats=1 if quick else 5, clock=clock),
        "other methods": lambda: other_methods.measure(repeats=1 if quick else 3),
        "patient": lambda: patient.measure(quick=quick, pet=pet, mr=mr),
        "panels": lambda: noted(panels.measure(quick=quick)),
        "agreement": lambda: agreement.measure(cohort, quick=quick),
    }
