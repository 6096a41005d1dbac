"""Slices of parotid tumours in training: what a network sees of them, changed copies, vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from HNCLogic.training.parotid_settings import Augmentation, ParotidTraining
from HNCLogic.training.prepared import Prepared

if TYPE_CHECKING:
    import torch

AT_ONCE = 16  # slices a network looks at in one go, where nothing is learnt


def shown(
    scan: Prepared, chosen: ParotidTraining, group: Sequence[str], slices: int | slice = slice(None)
) -> np.ndarray:
    """What a slice network sees: float32 (sequence, y, x), of several (slice, sequence, y, x)."""
    channels = [chosen.roles.index(role) for role in group]
    found = np.asarray(scan.values[channels, slices], np.float32)
    return found if isinstance(slices, int) else np.ascontiguousarray(found.swapaxes(0, 1))


def as_three(slices: np.ndarray) -> np.ndarray:
    """(n, 1 or 3, y, x) as (n, 3, y, x): a grey image is repeated."""
    return slices if slices.shape[1] == 3 else np.repeat(slices, 3, axis=1)


def moved(
    values: np.ndarray, box: np.ndarray, chosen: ParotidTraining, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """A changed copy of a slice (sequence, y, x) and its box, see ``Augmentation``."""
    by: Augmentation = chosen.augmentation
    gain = 1 + by.gain * rng.uniform(-1, 1, len(values)).astype(np.float32)[:, None, None]
    black = np.float32(-chosen.preparation.mean / chosen.preparation.deviation)
    values = (values - black) * gain + black
    x0, y0, x1, y1 = box
    sides = np.array([x1 - x0, y1 - y0, x1 - x0, y1 - y0])
    box = (box + by.box * rng.uniform(-1, 1, 4) * sides).astype(np.float32)
    if rng.random() < 0.5 and by.flip:
        width = values.shape[-1]
        values, box = values[..., ::-1], box[[2, 1, 0, 3]]
        box[[0, 2]] = width - box[[0, 2]]
    return values, box


def padded(vectors: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """(slice, branch, feature) each as one float32 array, zeros at the end, and what is there."""
    longest = max(len(each) for each in vectors)
    out = np.zeros((len(vectors), longest, *vectors[0].shape[1:]), np.float32)
    present = np.zeros(out.shape[:2], bool)
    for row, each in enumerate(vectors):
        out[row, : len(each)], present[row, : len(each)] = each, True
    return out, present


def slice_probabilities(
    network: torch.nn.Module, scan: Prepared, chosen: ParotidTraining, group: Sequence[str]
) -> np.ndarray:
    """What a slice network says of each slice, (slice, class)."""
    import torch

    found = _in_parts(network, network, as_three(shown(scan, chosen, group)), scan.boxes)
    return torch.softmax(found.double(), dim=1).numpy()


def with_vectors(
    networks: dict[tuple[str, ...], torch.nn.Module],
    scans: Sequence[Prepared],
    chosen: ParotidTraining,
    groups: Sequence[tuple[str, ...]],
    chance: tuple[int, ...] | None,
) -> list[Prepared]:
    """The scans with vectors float32 (copy, slice, branch, feature) for ``values``.

    A branch for each of ``groups``, by its slice network. Without ``chance`` the slices as they
    are; with it changed copies besides, of which all branches see the same.
    """
    found = []
    for number, scan in enumerate(scans):
        copies = 1 + (chosen.augmentation.copies if chance is not None else 0)
        each = []
        for copy in range(copies):
            branches = []
            for group in groups:
                slices, boxes = shown(scan, chosen, group), scan.boxes
                if copy:
                    rng = np.random.default_rng((*chance, number, copy))
                    pairs = [moved(s, b, chosen, rng) for s, b in zip(slices, boxes, strict=True)]
                    slices, boxes = (np.stack(part) for part in zip(*pairs, strict=True))
                network = networks[group]
                branches.append(
                    _in_parts(network, network.features, as_three(slices), boxes).numpy()
                )
            each.append(np.stack(branches, axis=1))
        found.append(replace(scan, values=np.stack(each)))
    return found


def _in_parts(network, read, slices: np.ndarray, boxes: np.ndarray) -> torch.Tensor:
    """``read(slices, boxes)`` float32 on the CPU, some slices at once."""
    import torch

    network.eval()
    device = next(network.parameters()).device
    parts = []
    with torch.inference_mode():
        for first in range(0, len(slices), AT_ONCE):
            given = (
                torch.from_numpy(np.ascontiguousarray(each[first : first + AT_ONCE])).to(device)
                for each in (slices, boxes)
            )
            parts.append(read(*given).float().cpu())
    return torch.cat(parts)
