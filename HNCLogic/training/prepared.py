"""Scans as a network sees them, prepared once and kept on disk.

Reading, resampling and cropping a scan takes seconds, an epoch has hundreds: so each scan is
prepared once, by the very code that prepares it for an answer, and read back memory-mapped.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
import SimpleITK as sitk

from HNCLogic import __version__
from HNCLogic.errors import InputError
from HNCLogic.images.study import Study
from HNCLogic.outputs import whole_or_nothing
from HNCLogic.progress import Progress
from HNCLogic.training.cohort import Cohort, Scan
from HNCLogic.training.leakage import ScanFacts, facts_of

VALUES, TRUTH, BOXES, ABOUT = "values.npy", "truth.npy", "boxes.npy", "about.json"


class Preparing(Protocol):
    """How a method prepares a scan."""

    words: str  # what the result depends on besides the images; part of the cache's key

    def __call__(
        self, study: Study, truth: sitk.Image | None, scan: Scan
    ) -> tuple[np.ndarray, ...]:
        """``values`` (channel, z, y, x) in [0, 1] and the classes (z, y, x) on the same grid; of
        a method that looks into a box also where each slice cuts it (z, 4).

        ``truth``: 1 primary, 2, 3, … nodes, on whatever grid; None where nothing is marked.
        ``scan``: its row of the table.
        Values that are not in [0, 1] need a ``kept_as`` of the class, a numpy type beside float16.
        """
        ...


@dataclass(frozen=True)
class Prepared:
    """One scan. ``values`` float16, or what ``Preparing.kept_as`` says, (channel, z, y, x);
    ``truth`` uint8 (z, y, x)."""

    name: str
    patient: str
    label: bool
    values: np.ndarray
    truth: np.ndarray
    facts: ScanFacts
    boxes: np.ndarray | None = None  # float32 (z, 4), as of ``methods.box_slices.boxes_on``
    columns: Mapping[str, str] = field(default_factory=dict)  # of the table, beyond the known ones

    @property
    def tumour_slices(self) -> np.ndarray:
        """Indices of slices with tumour, inferior to superior."""
        return np.flatnonzero(self.truth.any(axis=(1, 2)))


def prepare_cohort(
    cohort: Cohort,
    preparing: Preparing,
    roles: list[str],
    cache: Path,
    progress: Progress = lambda share, words: None,
    check: Callable[[Scan], None] = lambda scan: None,
) -> list[Prepared]:
    """All scans of the cohort, from ``cache`` where they lie there already.

    ``roles``: the images that are read; a scan that lacks one is left to ``preparing``.
    Raises InputError, which says the entry of the table, where a scan cannot be prepared.
    """
    found = []
    for number, scan in enumerate(cohort.scans, start=1):
        progress((number - 1) / len(cohort.scans), f"preparing scan {number}")
        check(scan)
        try:
            found.append(_prepared(scan, preparing, roles, cache))
        except InputError as error:
            raise InputError(f"{cohort.path}, entry {number}: {error}") from error
    return found


def _prepared(scan: Scan, preparing: Preparing, roles: list[str], cache: Path) -> Prepared:
    images = {role: path for role, path in scan.images.items() if role in roles}
    if not images:
        raise InputError(f"none of the images {', '.join(roles)} is given")
    folder = cache / _key(scan, images, preparing.words)
    if not (folder / ABOUT).exists():
        _make(scan, images, preparing, folder)
    return _read(scan, folder)


def _make(scan: Scan, images: dict[str, Path], preparing: Preparing, folder: Path) -> None:
    from HNCLogic.images.read import read_mask
    from HNCLogic.images.study import read_study

    study = read_study({"T1" if role == "MR" else role: path for role, path in images.items()})
    truth = None if scan.mask is None else read_mask(scan.mask)
    values, classes, *boxes = preparing(study, truth, scan)
    facts = facts_of(scan, study)
    about = asdict(facts) | {"hashes": sorted(facts.hashes), "voxels": sorted(facts.voxels)}
    if folder.exists():
        shutil.rmtree(folder)  # of a process that was killed: not whole
    with whole_or_nothing(folder) as stage:
        np.save(stage / VALUES, values.astype(getattr(preparing, "kept_as", np.float16)))
        np.save(stage / TRUTH, classes.astype(np.uint8))
        for each in boxes:
            np.save(stage / BOXES, each.astype(np.float32))
        (stage / ABOUT).write_text(json.dumps(about), encoding="utf-8")


def _read(scan: Scan, folder: Path) -> Prepared:
    values = np.load(folder / VALUES, mmap_mode="r", allow_pickle=False)
    truth = np.load(folder / TRUTH, mmap_mode="r", allow_pickle=False)
    about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
    about |= {"hashes": frozenset(about["hashes"]), "voxels": frozenset(about["voxels"])}
    # Labels and names may have been corrected in the table since the scan was prepared.
    facts = ScanFacts(**(about | {"patient": scan.patient, "label": _label(scan, truth)}))
    path = folder / BOXES
    boxes = np.load(path, allow_pickle=False) if path.exists() else None
    return Prepared(
        scan.name, scan.patient, bool(facts.label), values, truth, facts, boxes, scan.facts
    )


def _label(scan: Scan, truth: np.ndarray) -> bool:
    """What the table says; where it says nothing, whether anything is marked."""
    if scan.label is not None:
        return scan.label
    if scan.mask is None:
        raise InputError("neither label nor mask says whether there is cancer")
    return bool(truth.any())


def _key(scan: Scan, images: dict[str, Path], words: str) -> str:
    """Changes with the files, the preparation and the version of this program."""
    digest = hashlib.sha256(f"{__version__}\n{words}".encode())
    for name, path in [*sorted(images.items()), ("mask", scan.mask)]:
        for each in _files(path):
            state = each.stat()
            digest.update(f"{name} {each.name} {state.st_size} {state.st_mtime_ns}\n".encode())
        digest.update(f"{name} {path}\n".encode())
    digest.update(json.dumps([scan.centre, sorted(scan.facts.items())]).encode())
    return digest.hexdigest()[:24]


def _files(path: Path | None) -> list[Path]:
    if path is None:
        return []
    return sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
