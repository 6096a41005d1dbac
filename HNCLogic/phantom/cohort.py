"""Simulated patients on disk, as a cohort: a folder for each, and a list of them all."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from HNCLogic.errors import InputError
from HNCLogic.phantom.cohort_plan import Cohort, Planned, plan
from HNCLogic.progress import Progress

# Of the list, after patient, scan, centre and the images; what a kind of case lacks is left out.
# Training never parts patients of one match or group, see training/splits.py.
FIRST = ("patient", "scan", "centre")
COLUMNS = {
    "presence": ("mask", "reader_mask", "label", "time", "event", "reader_score", "age", "sex",
                 "weight", "match", "group"),
    "parotid": ("mask", "label", "reader_score", "subtype", "side", "box", "age", "sex"),
    "extension": ("mask", "label", "capsule", "nose_z", "acromion_z", "age", "sex", "match"),
}  # fmt: skip

# Read when a process begins, before any line of ours: linear algebra in one thread, and memory
# that is kept for the next array instead of given back (glibc; others take no notice).
ALONE = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "MALLOC_MMAP_THRESHOLD_": str(1 << 30),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 30),
}


def write_cohort(
    cohort: Cohort,
    out: Path,
    *,
    overwrite: bool = False,
    jobs: int | None = None,
    progress: Progress = lambda share, words: None,
) -> None:
    """Write the patients of ``cohort`` into ``out``, each in a folder of its own.

    ``cohort.csv`` lists them, paths relative to it; ``README.md`` states every parameter. The
    same cohort gives the same bytes, by however many processes (``jobs``; None: one a core) it is
    made. All of it or nothing; raises InputError where it cannot be written.
    """
    from HNCLogic.outputs import whole_or_nothing
    from HNCLogic.phantom.patient_files import write_patient
    from HNCLogic.phantom.readme import readme

    with whole_or_nothing(out, overwrite) as folder:
        write = partial(write_patient, cohort=cohort, folder=folder, told=out)
        rows = in_processes(write, plan(cohort), jobs, progress)
        write_list(folder / "cohort.csv", rows, cohort)
        (folder / "README.md").write_text(readme(cohort, rows), encoding="utf-8")


def write_list(path: Path, rows: list[dict[str, Any]], cohort: Cohort) -> None:
    columns = (*FIRST, *cohort.roles, *COLUMNS[cohort.cases])
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, columns, restval="")
        table.writeheader()
        table.writerows(rows)


def in_processes(
    work: Callable[[Planned], Any],
    patients: list[Planned],
    jobs: int | None,
    progress: Progress = lambda share, words: None,
) -> list[Any]:
    """``work`` of each patient, in their order; ``work`` and what it gives can be pickled.

    With one job, or one patient, in this process. Raises what ``work`` raises, after the other
    processes have ended, and InputError where one of them was killed.
    """
    jobs = min(jobs or usable_cores(), len(patients))
    words = f"{len(patients)} patients" if len(patients) > 1 else "one patient"
    progress(0.0, words)
    if jobs <= 1:
        found = []
        for patient in patients:
            found.append(work(patient))
            progress(len(found) / len(patients), words)
        return found
    with _workers(jobs) as pool:
        futures: list[Future] = [pool.submit(work, patient) for patient in patients]
        try:
            for done, future in enumerate(as_completed(futures), start=1):
                future.result()
                progress(done / len(patients), f"{done} of {words}")
        except BrokenProcessPool as error:
            raise InputError(
                "a process that makes patients was ended from outside, perhaps for want of "
                f"memory: try again with fewer than {jobs} jobs (--jobs)"
            ) from error
    return [future.result() for future in futures]


def usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def _workers(jobs: int) -> Iterator[ProcessPoolExecutor]:
    """Processes of one thread each; where the body fails, those at work are ended at once."""
    import multiprocessing

    before = set(multiprocessing.active_children())
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(jobs, mp_context=context, initializer=_begin)
    with _environment(ALONE), pool:
        try:
            yield pool
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for child in set(multiprocessing.active_children()) - before:
                child.terminate()
            raise


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """What processes that are begun meanwhile inherit."""
    before = {name: os.environ.get(name) for name in values}
    os.environ |= values
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _begin() -> None:
    """One thread, and no word of its own when the user presses Ctrl-C."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    import SimpleITK as sitk

    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
