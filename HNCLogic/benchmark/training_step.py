"""A step of training method 3 as HNC takes it, beside torch's default: same patch, same network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from HNCLogic.benchmark.clock import ALONE, Clock
from HNCLogic.benchmark.machine import Row, middle

if TYPE_CHECKING:
    import torch

    from HNCLogic.training.volume_task import VolumeTask

BOUND = 1 / 4  # where the processor computes in bfloat16
PATCHES = 2  # of the scan that is trained on, so that a step is not the same each time


def measure(repeats: int, clock: Clock = ALONE) -> list[Row]:
    """Seconds for a step (patch, forward, backward, optimiser) on one patch of the published size,
    in turns, the first thrown away; the ratio of medians."""
    import torch

    from HNCLogic.inference.device import quick_numbers
    from HNCLogic.inference.heap import give_memory_back, keep_memory
    from HNCLogic.training.engine import Settings, begun

    clock.begin()
    task = _task()
    ours = begun(task, Settings(epochs=1, patience=1, deterministic=False, device="cpu"))
    ours.network.train()
    plain = _as_torch_has_it(task.network()).train()
    optimiser = task.optimiser(plain)

    def default(turn: int) -> None:
        values, truth = task.micro_batch(1, turn % PATCHES, np.random.default_rng(turn))
        optimiser.zero_grad()
        task.loss(plain(torch.from_numpy(values)), torch.from_numpy(truth)).backward()
        optimiser.step()

    def own(turn: int) -> None:
        first = turn % PATCHES
        ours.step(1, range(first, first + 1))

    numbers = quick_numbers(torch.device("cpu"))
    ways = {
        f"as it is here, {numbers}": (keep_memory, own),
        "torch's default": (give_memory_back, default),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(repeats + 1):
        for name, (settled, step) in ways.items():
            settled()
            before = clock.now()
            step(turn)
            if turn:
                times[name].append(clock.now() - before)
    keep_memory()
    p = task.chosen.preparation
    what = f"step of training, patch of {p.pixels} x {p.pixels} x {p.patch_slices}"
    rows = [Row.of(f"{what}: {name}", each, "s") for name, each in times.items()]
    mine, theirs = (middle(each) for each in times.values())
    bound = BOUND if numbers == "bfloat16" else None
    return [*rows, Row(f"{what}: as it is here / torch's default", mine / theirs, "x", bound)]


def _task() -> VolumeTask:
    """Method 3 with the published network, on noise with something to find in it."""
    from HNCLogic.training.leakage import ScanFacts
    from HNCLogic.training.prepared import Prepared
    from HNCLogic.training.volume_task import VolumeTask, VolumeTraining

    chosen = VolumeTraining(batch=1, micro_batch=1)
    p = chosen.preparation
    shape = (p.patch_slices + (PATCHES - 1) * p.stride, p.pixels, p.pixels)
    values = np.random.default_rng(0).random((2, *shape), dtype=np.float32).astype(np.float16)
    truth = np.zeros(shape, np.uint8)
    truth[8:20, 40:60, 40:60], truth[10:18, 70:80, 40:50] = 1, 2
    facts = ScanFacts("noise", True, frozenset(), frozenset(), {}, {})
    return VolumeTask(chosen, [Prepared("noise", "noise", True, values, truth, facts)], [], 0, 1)


def _as_torch_has_it(network: torch.nn.Module) -> torch.nn.Module:
    """``network`` with torch's own instance norm in place of ours."""
    from torch import nn

    from HNCLogic.networks.attention_unet import InstanceNorm

    for module in network.modules():
        for name, child in module.named_children():
            if isinstance(child, InstanceNorm):
                own = nn.InstanceNorm3d(len(child.weight), child.epsilon, affine=True)
                setattr(module, name, own)
    return network
