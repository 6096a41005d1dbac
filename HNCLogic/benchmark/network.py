"""The network passes of one patient: each backend beside the peers and the machine's own bound."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from HNCLogic.benchmark.clock import ALONE, Clock
from HNCLogic.benchmark.machine import Row, middle
from HNCLogic.benchmark.peers import MONAI, NNUNET, Way, peers

if TYPE_CHECKING:
    import torch

AS_EXACT = 1.1  # torch in float32 / MONAI's inferer, which does the same
# The way that is taken here / nnU-Net's predictor, and / the time that matrix products of as many
# operations take: where the processor computes in bfloat16, and elsewhere.
TARGETS = {"bfloat16": (1 / 7, 1.6), "float32": (1 / 1.5, 1.25)}
MODEL = "tumour-volume-petct"


@dataclass
class Case:
    """A network, what it is run on, and how that is called."""

    words: str
    network: torch.nn.Module
    patch: tuple[int, int, int]
    stride: int
    volume: np.ndarray  # (channel, z, y, x), as wide as a patch; nothing in it is background

    @property
    def strides(self) -> tuple[int, int, int]:
        return (self.stride, *self.patch[1:])

    @property
    def patches(self) -> int:
        from HNCLogic.inference.windows import window_starts

        return len(window_starts(self.volume.shape[1], self.patch[0], self.stride))


def shipped(slices: int) -> Case:
    """The first fold of the model that ships, over its own plane."""
    from HNCLogic.methods.tumour_volume import Preparation
    from HNCLogic.models.store import find_model

    found = find_model(MODEL, "tumour-volume")
    preparation = found.preparation(Preparation)
    patch = (preparation.patch_slices, preparation.pixels, preparation.pixels)
    network = next(iter(found.networks()))
    return Case("shipped network", network, patch, preparation.stride, _volume(slices, patch))


def published(slices: int) -> Case:
    """The network of the published size with fresh weights, which change nothing of the time."""
    from HNCLogic.methods.tumour_volume import Preparation
    from HNCLogic.networks.registry import make

    preparation = Preparation()
    patch = (preparation.patch_slices, preparation.pixels, preparation.pixels)
    network = make("attention-unet").requires_grad_(False).eval()
    return Case("published network", network, patch, preparation.stride, _volume(slices, patch))


def _volume(slices: int, patch: Sequence[int]) -> np.ndarray:
    return np.random.default_rng(0).random((2, slices, *patch[1:]), dtype=np.float32)


def backends() -> dict[str, tuple[str, str]]:
    """Name → backend and numbers, as ``predict_volume`` takes them: those that are there. In
    bfloat16 only where the processor computes in it; elsewhere it would be float32 again."""
    import torch

    from HNCLogic.inference.backends import openvino_is_there
    from HNCLogic.inference.device import quick_numbers

    words = {"exact": "float32", "quick": quick_numbers(torch.device("cpu"))}
    names = [("torch", "torch"), *([("OpenVINO", "openvino")] if openvino_is_there() else [])]
    found = {}
    for name, backend in names:
        for numbers, said in words.items():
            found.setdefault(f"{name} {said}", (backend, numbers))
    return found


def ways_of(case: Case) -> tuple[dict[str, Way], list[str]]:
    """Backends and peers by name; and what is to be said of those that are not there."""
    from HNCLogic.inference.backends import openvino_is_there
    from HNCLogic.inference.volume import predict_volume

    given = (case.network, case.volume, case.patch, case.strides)
    ways: dict[str, Way] = {
        name: partial(predict_volume, *given, numbers=numbers, backend=backend)
        for name, (backend, numbers) in backends().items()
    }
    # A copy, for torch in bfloat16 leaves the weights in a layout that slows float32.
    theirs, absent = peers(deepcopy(case.network), case.volume, case.patch, case.stride)
    if not openvino_is_there():
        absent.insert(0, 'OpenVINO: not measured, for it is not installed (pip install "hnc'
                      '[openvino]")')  # fmt: skip
    return theirs | ways, absent


def measure(case: Case, repeats: int, clock: Clock = ALONE) -> tuple[list[Row], list[str]]:
    """Seconds for one fold by every way, taken in turns with the bounds, after a turn that is
    thrown away; ratios of medians. And what is to be said of the ways that are not there. Ours
    keep memory from layer to layer, as when they run; peers run as they come."""
    from HNCLogic.benchmark import bounds
    from HNCLogic.inference.backends import choose_backend
    from HNCLogic.inference.device import quick_numbers
    from HNCLogic.inference.heap import give_memory_back, keep_memory

    clock.begin()
    ways, absent = ways_of(case)
    times: dict[str, list[float]] = {name: [] for name in ways}
    rates: dict[str, list[float]] = {name: [] for name in bounds.number_kinds()}
    answers = {}
    for turn in range(repeats + 1):
        for name, way in ways.items():
            settle = give_memory_back if name in (MONAI, NNUNET) else keep_memory
            settle()
            began = clock.now()
            answers[name] = way()
            if turn:
                times[name].append(clock.now() - began)
        for name, kind in bounds.number_kinds().items():
            rates[name].append(bounds.matrix_rate(kind, clock))
    size = " x ".join(str(n) for n in case.volume.shape[:0:-1])
    what = f"{case.words}, {size}, one fold"
    took = {name: middle(each) for name, each in times.items()}
    rows = [Row.of(f"{what}: {name}", each, "s") for name, each in times.items()]
    work = operations(case) / 1e9
    least = {name: [work / rate for rate in each] for name, each in rates.items()}
    rows += [Row.of(f"{what}: its operations as matrix products, {name}", each, "s")
             for name, each in least.items()]  # fmt: skip

    device = next(case.network.parameters()).device
    numbers = quick_numbers(device)
    ours = f"{choose_backend('auto', 'quick', case.network).name} {numbers}"  # what is taken here
    to_nnunet, to_bound = TARGETS[numbers]
    for name in backends():
        for peer in (MONAI, NNUNET):
            if peer not in ways:
                continue
            exact = peer == MONAI and name == "torch float32"
            target = to_nnunet if peer == NNUNET and name == ours else AS_EXACT if exact else None
            apart = np.abs(answers[name] - answers[peer]).max()
            note = f"probabilities at most {apart:.1e} apart"
            rows.append(Row(f"{what}: {name} / {peer}", took[name] / took[peer], "x", target,
                            note=note))  # fmt: skip
        kind = name.split()[-1]
        rows.append(Row(f"{what}: {name} / its operations in {kind}",
                        took[name] / middle(least[kind]), "x",
                        to_bound if name == ours else None))  # fmt: skip
    return rows, absent


def operations(case: Case) -> float:
    """Multiplications and additions in one fold's patches: what torch counts, two a product."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        case.network(torch.zeros(1, len(case.volume), *case.patch))
    return counter.get_total_flops() * case.patches
