"""Which images a run was made with, by hash, so that none of them is ever taken for a test.

RUN/images.json outlives the run's cache, which may be thrown away.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from HNCLogic.errors import InputError
from HNCLogic.outputs import write_text_whole
from HNCLogic.training.leakage import ScanFacts
from HNCLogic.training.prepared import ABOUT, Prepared
from HNCLogic.training.run_folder import CACHE

IMAGES = "images.json"


@dataclass(frozen=True)
class KnownImages:
    """By hash (see ``leakage.facts_of``) the patients that images are of."""

    hashes: dict[str, set[str]]
    voxels: dict[str, set[str]]  # mirrored, turned and shifted copies have the same

    def patients(self, facts: ScanFacts) -> set[str]:
        """Those that the run knows an image of ``facts``, or a copy of it, by."""
        found = [self.hashes.get(digest, set()) for digest in facts.hashes]
        return set().union(*found, *(self.voxels.get(digest, set()) for digest in facts.voxels))

    def all_are_of(self, patient: str, facts: ScanFacts) -> bool:
        """Are all images of ``facts`` known, as they are, as this patient's?"""
        return all(patient in self.hashes.get(digest, ()) for digest in facts.hashes)


def write_images(out: Path, scans: Iterable[Prepared]) -> None:
    """``images.json``: by patient the hashes of the images."""
    found: dict[str, dict[str, set[str]]] = {}
    for scan in scans:
        one = found.setdefault(scan.patient, {"hashes": set(), "voxels": set()})
        one["hashes"] |= scan.facts.hashes
        one["voxels"] |= scan.facts.voxels
    plain = {name: {key: sorted(of) for key, of in one.items()} for name, one in found.items()}
    write_text_whole(out / IMAGES, json.dumps(plain, indent=1) + "\n")


def known_images(run: Path) -> KnownImages | None:
    """What ``images.json`` holds; of a run that has none, what its cache does; None without both.

    Raises InputError where they cannot be read.
    """
    path, cached = run / IMAGES, sorted((run / CACHE).glob(f"*/{ABOUT}"))
    if not path.is_file() and not cached:
        return None
    known = KnownImages(defaultdict(set), defaultdict(set))
    try:
        if path.is_file():
            rows = list(_json(path).items())
        else:
            rows = [(about["patient"], about) for about in map(_json, cached)]
        for patient, one in rows:
            for digest in one["hashes"]:
                known.hashes[digest].add(patient)
            for digest in one["voxels"]:
                known.voxels[digest].add(patient)
    except (AttributeError, KeyError, TypeError) as error:
        raise InputError(f"{path} is not the record of a run's images") from error
    return known


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(f"{path} is not the record of a run's images") from error
