"""The peers' sliding windows, set to do the same: same network, weights, patches and volume.

Each way raises ImportError where its package is not installed.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

MONAI, NNUNET = "MONAI's inferer", "nnU-Net's predictor"
INSTALL = {MONAI: "monai", NNUNET: "nnunetv2"}  # both in the extra "benchmark"

Way = Callable[[], np.ndarray]  # gives probabilities (class, z, y, x)


def peers(
    network: torch.nn.Module, volume: np.ndarray, patch: Sequence[int], stride: int
) -> tuple[dict[str, Way], list[str]]:
    """The peers that are installed, by name; and a line on each that is not.

    ``volume`` (channel, z, y, x) is as wide as ``patch`` (z, y, x); windows are ``stride`` slices
    apart along z.
    """
    ways, absent = {}, []
    for name, make in ((MONAI, monai), (NNUNET, nnunet)):
        try:
            ways[name] = make(network, volume, patch, stride)
        except ImportError:
            absent.append(
                f"{name}: not measured, for {INSTALL[name]} is not installed "
                '(pip install "hnc[benchmark]")'
            )
    return ways, absent


def monai(network: torch.nn.Module, volume: np.ndarray, patch: Sequence[int], stride: int) -> Way:
    import torch
    from monai.inferers import SlidingWindowInferer

    from HNCLogic.inference.merging import FWHM

    overlap = (1 - stride / patch[0], 0.0, 0.0)
    inferer = SlidingWindowInferer(
        patch, sw_batch_size=1, overlap=overlap, mode="gaussian", sigma_scale=1 / FWHM
    )

    def run() -> np.ndarray:
        with torch.inference_mode(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # MONAI's own, about an index that torch deprecates
            inputs = torch.from_numpy(volume)[None]
            out = inferer(inputs, lambda x: network(x).softmax(dim=1))
        return out[0].numpy()

    return run


def nnunet(network: torch.nn.Module, volume: np.ndarray, patch: Sequence[int], stride: int) -> Way:
    """Without its mirroring, which would be eight passes for one. It merges logits, in float16
    and with a narrower Gaussian, so that its answers are near ours but not the same."""
    import torch

    with _without_its_words():
        from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

        predictor = nnUNetPredictor(
            tile_step_size=stride / patch[0],
            use_mirroring=False,
            device=torch.device("cpu"),
            allow_tqdm=False,
        )
    # Of a trained model's plans its sliding window asks no more than this.
    classes = network.head.out_channels
    predictor.network = network
    predictor.configuration_manager = SimpleNamespace(patch_size=tuple(patch))
    predictor.label_manager = SimpleNamespace(num_segmentation_heads=classes)

    def run() -> np.ndarray:
        with _without_its_words():
            logits = predictor.predict_sliding_window_return_logits(torch.from_numpy(volume))
        return logits.float().softmax(dim=0).numpy()

    return run


@contextlib.contextmanager
def _without_its_words():
    """It prints where its folders are not set, and that a CPU is not a graphics card."""
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
