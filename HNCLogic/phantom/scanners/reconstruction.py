"""Images from a camera's counts: ordered-subset expectation maximisation.

After Hudson and Larkin, IEEE Trans Med Imaging 1994;13:601-609, attenuation and the estimate of
scatter and randoms being part of the model; the point spread is not.
"""

from __future__ import annotations

import numpy as np
import torch

from HNCLogic.phantom.scanners.camera import Camera, Counts

BATCH = 32  # slices at a time, so that memory does not grow with the patient


def osem(camera: Camera, counts: Counts, iterations: int) -> np.ndarray:
    """SUV of each voxel: float32 (z, y, x), never negative, 0 outside ``camera.inside``."""
    slices = counts.prompts.shape[2]
    image = np.zeros((slices, *camera.inside.shape), np.float32)
    for first in range(0, slices, BATCH):
        some = slice(first, first + BATCH)
        image[some, camera.inside] = _some_slices(camera, counts, some, iterations).T
    return image


def _some_slices(camera: Camera, counts: Counts, some: slice, iterations: int) -> np.ndarray:
    def on_device(values: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(values[..., some])).to(camera.device)

    prompts, added = on_device(counts.prompts), on_device(counts.added)
    weights = on_device(counts.passed) * counts.sensitivity
    reach = [p.back(w) for p, w in zip(camera.projectors, weights, strict=True)]
    image = torch.ones_like(reach[0])
    for _ in range(iterations):
        for projector, counted, weight, more, norm in zip(
            camera.projectors, prompts, weights, added, reach, strict=True
        ):
            expected = projector.forward(image).mul_(weight).add_(more)
            ratio = (counted / expected.clamp_(min=1e-9)).mul_(weight)
            image *= projector.back(ratio) / norm.clamp(min=1e-9)
    return image.cpu().numpy()
