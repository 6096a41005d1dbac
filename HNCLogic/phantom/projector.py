"""Parallel-beam projection of a stack of slices, and its exact adjoint, on CPU or GPU.

Each slice is projected on its own. A pixel is a square of constant value and a bin a strip of
finite width; the weight of a pixel in a bin is the area they share over the strip's width, so
that a bin holds the mean line integral over its width, in value times millimetres. The weights
are kept as a sparse matrix and its transpose: what ``back`` does is the adjoint of ``forward``
to rounding.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import torch
from scipy import sparse


@dataclass(frozen=True)
class Lines:
    """The lines of response of one slice.

    ``views`` angles evenly over 180°, from that along y; ``bins`` strips of ``bin_mm`` in each,
    the middle of them through the middle of the slice.
    """

    views: int
    bins: int
    bin_mm: float

    def angles(self) -> np.ndarray:
        """Radians, (views,)."""
        return np.arange(self.views) * np.pi / self.views


class Projector:
    """Projects pixels of square slices onto some of the views.

    ``inside``: bool (rows, columns), the pixels that count; all others are 0. ``pixel_mm`` their
    side. ``angles``: radians, (views,). Images are float32 tensors (pixels inside, slices),
    pixels in the order of ``inside[inside]``; projections (views * bins, slices).
    """

    def __init__(
        self,
        inside: np.ndarray,
        pixel_mm: float,
        angles: np.ndarray,
        lines: Lines,
        device: torch.device | str = "cpu",
    ):
        rows, columns = np.nonzero(inside)
        y = (rows - (inside.shape[0] - 1) / 2) * pixel_mm
        x = (columns - (inside.shape[1] - 1) / 2) * pixel_mm
        first, weights = _footprints(x, y, pixel_mm, np.asarray(angles), lines)
        count, views, reach = weights.shape
        ray = first[..., None] + np.arange(reach, dtype=np.int32)
        weights[(ray < 0) | (ray >= lines.bins)] = 0
        ray = np.clip(ray, 0, lines.bins - 1)
        ray += (np.arange(views, dtype=np.int32) * lines.bins)[:, None]
        ends = np.arange(count + 1, dtype=np.int32) * (views * reach)
        shape = (count, views * lines.bins)
        back = sparse.csr_matrix((weights.ravel(), ray.ravel(), ends), shape)
        back.eliminate_zeros()
        self._back = _tensor(back, device)
        self._forward = _tensor(back.T.tocsr(), device)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Mean line integrals: (pixels inside, slices) → (views * bins, slices)."""
        return self._forward @ image

    def back(self, projections: torch.Tensor) -> torch.Tensor:
        """The adjoint: (views * bins, slices) → (pixels inside, slices)."""
        return self._back @ projections


def _footprints(
    x: np.ndarray, y: np.ndarray, side: float, angles: np.ndarray, lines: Lines
) -> tuple[np.ndarray, np.ndarray]:
    """First bin, int32 (pixels, views), and weights from there on, float32 (pixels, views, n).

    A square seen at an angle casts a trapezoid, the convolution of two boxes; the area up to a
    place is a sum of four squares of ramps.
    """
    across, along = np.abs(np.cos(angles)) * side, np.abs(np.sin(angles)) * side
    long = np.maximum(across, along)
    short = np.maximum(np.minimum(across, along), 1e-4 * side)
    outer, inner = (long + short) / 2, (long - short) / 2
    centre = x[:, None] * np.cos(angles) + y[:, None] * np.sin(angles)
    edge = lines.bins / 2  # in bins, from the first bin's outer edge to the middle
    first = np.floor((centre - outer) / lines.bin_mm + edge).astype(np.int32)
    reach = int(np.ceil(side * np.sqrt(2) / lines.bin_mm)) + 1
    start = (first - edge) * lines.bin_mm - centre
    weights = np.empty((*centre.shape, reach), np.float32)
    before = 0.0
    for n in range(reach):
        place = start + (n + 1) * lines.bin_mm
        area = np.maximum(place + outer, 0) ** 2 - np.maximum(place + inner, 0) ** 2
        area += np.maximum(place - outer, 0) ** 2 - np.maximum(place - inner, 0) ** 2
        area /= 2 * long * short
        weights[..., n] = (area - before) * (side**2 / lines.bin_mm)
        before = area
    weights[weights < 1e-6 * side] = 0
    return first, weights


def _tensor(matrix: sparse.csr_matrix, device: torch.device | str) -> torch.Tensor:
    ends, columns, values = (
        torch.from_numpy(part) for part in (matrix.indptr, matrix.indices, matrix.data)
    )
    if str(device) == "cpu" and not torch.backends.mkl.is_available():
        # Without MKL torch has no product of CSR and dense matrices; it has one for COO.
        rows = torch.repeat_interleave(torch.arange(matrix.shape[0]), ends.diff().long())
        return torch.sparse_coo_tensor(
            torch.stack([rows, columns.long()]), values, matrix.shape, is_coalesced=True
        )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta")
        return torch.sparse_csr_tensor(
            ends, columns, values, matrix.shape, device=device, check_invariants=False
        )
