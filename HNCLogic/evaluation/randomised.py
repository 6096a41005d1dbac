"""Does the heat map depend on what the network has learned?

The sanity check of Adebayo et al., NeurIPS 2018, by cascading randomisation: stage after stage,
from the output to the input, weights are drawn anew, and the map is compared with the trained
network's. A map that stays as it was shows the image and not the network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from HNCLogic.evaluation.bootstrap import REPEATS
from HNCLogic.evaluation.roc import Area, mean_area
from HNCLogic.explain.fidelity import slice_maxima

if TYPE_CHECKING:
    import torch

DESTROYED = 0.5  # ours: of a map that is destroyed no more than so much correlation is left


@dataclass(frozen=True)
class Step:
    """Correlation with the trained network's map (Spearman); 0 where a map is the same all over."""

    randomised: str  # the stage drawn anew in this step; those before it were already
    voxels: float
    slices: float  # of the slices' largest heat


@dataclass(frozen=True)
class CascadeStep:
    """Mean over scans."""

    randomised: str
    voxels: Area
    slices: Area


def stages_of(network: torch.nn.Module) -> list[tuple[str, torch.nn.Module]]:
    """The parts of ``network`` that hold weights, from the output to the input."""
    from torch.nn import ModuleList

    parts: list[tuple[str, torch.nn.Module]] = []
    for name, child in network.named_children():
        if isinstance(child, ModuleList):
            parts += [(f"{name} {n}", part) for n, part in enumerate(child, start=1)]
        else:
            parts.append((name, child))
    return [(n, part) for n, part in reversed(parts) if any(True for _ in part.parameters())]


def randomise(network: torch.nn.Module, stages: int, seed: int) -> None:
    """Draw the weights of the last ``stages`` stages anew, as before any training, in place."""
    import torch

    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        for _, part in stages_of(network)[:stages]:
            for module in part.modules():
                if hasattr(module, "reset_parameters"):
                    module.reset_parameters()


def cascade(
    networks: Callable[[], Iterable[torch.nn.Module]],
    count: int,
    stack: np.ndarray,
    window: int,
    stride: int,
    *,
    seed: int = 0,
    progress: Callable[[float], None] = lambda share: None,
) -> list[Step]:
    """The steps for one scan.

    ``networks()`` gives the ``count`` trained networks anew each time it is called; ``stack``
    (channel, z, y, x), ``window`` and ``stride`` as of ``grad_cam.heat_stack``. Every network of
    an ensemble is drawn anew from a seed of its own. A trained map that is empty has nothing to
    lose: take scans with heat.
    """
    from HNCLogic.explain.grad_cam import heat_stack

    names: list[str] = []

    def drawn_anew(stages: int) -> Iterator[torch.nn.Module]:
        for number, network in enumerate(networks()):
            if not names:
                names.extend(name for name, _ in stages_of(network))
            randomise(network, stages, seed + 1000 * number)
            yield network

    def heat(stages: int) -> np.ndarray:
        return heat_stack(drawn_anew(stages), count, stack, window, stride).values

    trained, found = heat(0), []
    for stages in range(1, len(names) + 1):
        values = heat(stages)
        found.append(
            Step(
                names[stages - 1],
                correlation(trained, values),
                correlation(slice_maxima(trained), slice_maxima(values)),
            )
        )
        progress(stages / len(names))
    return found


def correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Spearman's rho of two arrays of one shape; 0 where either is the same all over."""
    from scipy.stats import rankdata

    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return 0.0
    return float(np.corrcoef(rankdata(one), rankdata(other))[0, 1])


def mean_cascade(
    scans: Sequence[Sequence[Step]],
    patients: Sequence[str],
    *,
    repeats: int = REPEATS,
    seed: int = 0,
) -> list[CascadeStep]:
    """Mean correlations over scans with intervals by patients drawn again."""

    return [
        CascadeStep(
            steps[0].randomised,
            mean_area([step.voxels for step in steps], patients, repeats, seed),
            mean_area([step.slices for step in steps], patients, repeats, seed),
        )
        for steps in zip(*scans, strict=True)
    ]


def destroyed(steps: Sequence[CascadeStep], limit: float = DESTROYED) -> bool:
    """Is the map gone when every weight is drawn anew? By mean correlation of voxels."""
    return steps[-1].voxels.value <= limit
