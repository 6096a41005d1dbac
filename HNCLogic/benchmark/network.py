"""The network passes of one patient: ours beside MONAI's inferer, same network, same patches."""

from __future__ import annotations

import statistics
import time
import warnings
from contextlib import suppress
from functools import partial

import numpy as np

from HNCLogic.benchmark.machine import Row


def measure(slices: int, repeats: int, model: str = "tumour-volume-petct") -> list[Row]:
    """Seconds for one fold over the model's own plane x ``slices`` voxels, interleaved; ratios of
    medians. ``ours`` is exact, by torch; ``quick`` in what numbers the processor is quick in, by
    torch; ``OpenVINO`` and ``OpenVINO quick`` the same by OpenVINO, where it is installed."""
    from HNCLogic.inference.backends import openvino_is_there
    from HNCLogic.inference.device import quick_numbers, use_threads
    from HNCLogic.inference.volume import predict_volume
    from HNCLogic.methods.tumour_volume import Preparation
    from HNCLogic.models.store import find_model

    found = find_model(model, "tumour-volume")
    preparation = found.preparation(Preparation)
    network = next(iter(found.networks()))
    use_threads()
    patch = (preparation.patch_slices, preparation.pixels, preparation.pixels)
    volume = np.random.default_rng(0).random((2, slices, *patch[1:]), dtype=np.float32)

    stride = (preparation.stride, *patch[1:])
    ways = {
        "ours": lambda: predict_volume(network, volume, patch, stride),
        "quick": lambda: predict_volume(network, volume, patch, stride, numbers="quick"),
    }
    if openvino_is_there():
        for name, numbers in (("OpenVINO", "exact"), ("OpenVINO quick", "quick")):
            ways[name] = partial(
                predict_volume, network, volume, patch, stride, numbers=numbers, backend="openvino"
            )
    with suppress(ImportError):
        ways["MONAI"] = _monai(network, volume, patch, preparation.stride)
    times: dict[str, list[float]] = {name: [] for name in ways}
    answers = {}
    for _ in range(repeats):
        for name, way in ways.items():
            began = time.perf_counter()
            answers[name] = way()
            times[name].append(time.perf_counter() - began)
    middle = {name: statistics.median(t) for name, t in times.items()}
    size = f"{preparation.pixels} x {preparation.pixels} x {slices}, one fold"
    rows = [
        Row(f"network, {name}: {size}", middle[name], "s", None, f"{min(t):.1f}–{max(t):.1f}")
        for name, t in times.items()
    ]
    if "MONAI" in middle:
        in_words = quick_numbers(next(network.parameters()).device)
        for name in middle:
            if name == "MONAI":
                continue
            numbers = in_words if name.endswith("quick") else "float32"
            apart = float(np.abs(answers[name] - answers["MONAI"]).max())
            ratio = middle[name] / middle["MONAI"]
            note = f"{numbers}; answers {apart:.1e} apart"
            rows.append(Row(f"{name} / MONAI's inferer", ratio, "x", 1.1, note=note))
    return rows


def _monai(network, volume: np.ndarray, patch: tuple[int, int, int], stride: int):
    """MONAI's sliding window inferer set to do the same."""
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
