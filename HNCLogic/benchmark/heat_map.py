"""Grad-CAM beside one pass forward and backward through the same network."""

from __future__ import annotations

from HNCLogic.benchmark.clock import ALONE, Clock
from HNCLogic.benchmark.machine import Row, middle

BOUND = 1.1


def measure(repeats: int, clock: Clock = ALONE) -> list[Row]:
    """Seconds for a window of method 1, in turns, the first thrown away; the ratio of medians."""
    import torch

    from HNCLogic.explain.grad_cam import grad_cam
    from HNCLogic.methods.presence import Preparation
    from HNCLogic.models.store import find_model

    clock.begin()
    model = find_model("presence-pet", "presence")
    preparation = model.preparation(Preparation)
    network = next(iter(model.networks()))
    network.requires_grad_(True)  # as for training: a pass backward reaches the first layer
    channels = len(model.card.inputs)
    side = preparation.pixels
    window = torch.rand(1, channels, preparation.window, side, side)

    def forward_backward() -> None:
        network.zero_grad(set_to_none=True)
        with torch.enable_grad():
            network(window).sum().backward()

    ways = {
        "Grad-CAM": lambda: grad_cam(network, network.last_stage, window),
        "one pass forward and backward": forward_backward,
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(repeats + 1):
        for name, way in ways.items():
            began = clock.now()
            way()
            if turn:
                times[name].append(clock.now() - began)
    what = f"window of {' x '.join(str(n) for n in window.shape[2:])} voxels"
    rows = [Row.of(f"{what}: {name}", each, "s") for name, each in times.items()]
    grad, both = (middle(each) for each in times.values())
    return [*rows, Row(f"{what}: Grad-CAM / forward and backward", grad / both, "x", BOUND)]
