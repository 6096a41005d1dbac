"""Outlines from a file as lesions: each as its author drew it, and what it is.

A segmentation file (``.seg.nrrd``) says so itself: every segment is a lesion, its kind in its
terminology codes. In any other mask with several values each value is a lesion, 1 the primary and
the others nodes. A mask with one value tells no lesions apart: there every component is one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from HNCLogic.errors import InputError
from HNCLogic.images.grid import Grid
from HNCLogic.lesions.codes import TYPES
from HNCLogic.lesions.components import KINDS, count_components, separate

UNCLASSIFIED = 3


@dataclass
class Outlines:
    """Lesions as sitkUInt16 labels 1…n, and label → kind, in the order of ``separate``."""

    labels: sitk.Image
    kinds: dict[int, str]
    warnings: list[str] = field(default_factory=list)  # without path or name


def read_outlines(path: Path, grid: Grid) -> Outlines:
    """The lesions outlined in the mask at ``path``, on ``grid``. None is dropped for its size.

    The order is that of ``components.separate``: primaries, nodes, unclassified ones, each kind
    from the largest to the smallest (equal volumes: the lower value first). A lesion in several
    parts stays one, with a warning, for a mask may hold all nodes under one value.

    Raises InputError where the mask lies on another grid than ``grid`` or marks nothing.
    """
    from HNCLogic.images.read import read_labels

    found = read_labels(path, grid)
    array = sitk.GetArrayViewFromImage(found.labels)
    counts = np.bincount(array.ravel())
    present = [int(value) for value in np.flatnonzero(counts) if value != 0]
    if not present:
        raise InputError(f"{path}: the mask marks nothing: outline the lesions first")
    if not found.tags and len(present) == 1:
        classes = grid.image(np.where(array > 0, UNCLASSIFIED, 0).astype(np.uint8))
        labels, kinds = separate(classes, 0.0)
        return Outlines(labels, kinds, found.warnings)

    if found.tags:
        classes_of = {value: _class_of(found.tags.get(value, "")) for value in present}
    else:
        classes_of = {value: 1 if value == 1 else 2 for value in present}
    order = sorted(present, key=lambda value: (classes_of[value], -counts[value], value))
    renumber = np.zeros(len(counts), np.uint16)
    renumber[order] = np.arange(1, len(order) + 1)
    labels = grid.image(renumber[array])
    kinds = {n: KINDS[classes_of[value]] for n, value in enumerate(order, 1)}
    return Outlines(labels, kinds, [*found.warnings, *_in_parts(labels, kinds)])


def _class_of(tags: str) -> int:
    codes = {value: TYPES[kind].split("^")[1] for value, kind in KINDS.items()}
    return next((value for value, code in codes.items() if f"^{code}^" in tags), UNCLASSIFIED)


def _in_parts(labels: sitk.Image, kinds: dict[int, str]) -> list[str]:
    """A warning where lesions are not of one piece."""
    parts = count_components(labels)
    apart = sum(parts[label] > 1 for label in kinds)
    if not apart:
        return []
    return [
        f"{apart} of the {len(kinds)} lesions in the mask lie in several separate parts: each "
        "was measured as the one lesion it was drawn as."
    ]
