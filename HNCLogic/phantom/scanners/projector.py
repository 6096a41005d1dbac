"""Parallel-beam projection of a stack of slices, and its exact adjoint, on CPU or GPU.

Each slice is projected on its own. The weights of pixels in bins (``lines.py``) are kept as a
sparse matrix and its transpose: what ``back`` does is the adjoint of ``forward`` to rounding.
"""

from __future__ import annotations

import warnings

import numpy as np
import torch
from scipy import sparse

from HNCLogic.phantom.scanners.lines import Lines, weights_of_pixels


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
        back = weights_of_pixels(x, y, pixel_mm, np.asarray(angles), lines)
        self._back = _tensor(back, device)
        self._forward = _tensor(back.T.tocsr(), device)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Mean line integrals: (pixels inside, slices) → (views * bins, slices)."""
        return self._forward @ image

    def back(self, projections: torch.Tensor) -> torch.Tensor:
        """The adjoint: (views * bins, slices) → (pixels inside, slices)."""
        return self._back @ projections


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
