"""How method 1, presence of cancer, is trained: Liedes et al. 2025.

Windows of 32 slices at 64 x 64; focal loss; Adam; four augmented copies of each window beside the
window itself; the epoch with the best validation AUC. What the paper leaves open are parameters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
import SimpleITK as sitk
from pydantic import Field, model_validator

from HNCLogic.images.study import Study
from HNCLogic.job import Aggregation, Record
from HNCLogic.methods import presence
from HNCLogic.training.losses import focal
from HNCLogic.training.prepared import Prepared
from HNCLogic.training.samples import cut, leave_out, shuffled, truth_on

if TYPE_CHECKING:
    import torch

    from HNCLogic.training.cohort import Scan

Share = Annotated[float, Field(ge=0, le=1)]


class MaskTeaching(Record):
    """Ours, where the cohort has masks: what ``presence_masks`` does, and how much of it."""

    patch: tuple[int, int, int] = (16, 32, 32)  # voxels z, y, x
    patches: Annotated[int, Field(ge=1)] = 4  # of a scan in an epoch
    on_tumour: Share = 0.5  # share of patches about a tumour; the others about what is hot
    lesion_weight: Annotated[float, Field(gt=0)] = 3.0  # of tumour voxels, beside all others


class PresenceTraining(Record):
    """All that can be chosen; defaults are the paper's, or ours where it is silent."""

    roles: list[str] = ["PET"]
    preparation: presence.Preparation = presence.Preparation()
    entry_filters: Annotated[int, Field(ge=1)] = 32  # ours
    filters: list[int] = [64, 128]
    dense: Annotated[int, Field(ge=1)] = 512
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.3  # ours
    gamma: Annotated[float, Field(ge=0)] = 2.0  # ours
    alpha: Share = 0.25  # ours
    learning_rate: Annotated[float, Field(gt=0)] = 1e-4
    decay: Annotated[float, Field(gt=0, le=1)] = 0.96
    decay_steps: Annotated[int, Field(ge=1)] = 100_000
    batch: Annotated[int, Field(ge=2)] = 8  # ours
    micro_batch: Annotated[int, Field(ge=2)] = 8  # ours: what fits into memory at once
    copies: Annotated[int, Field(ge=0, le=100)] = 4  # augmented, beside the window itself
    epochs: Annotated[int, Field(ge=1)] = 200  # ours
    patience: Annotated[int, Field(ge=1)] = 30  # ours
    shift: Annotated[int, Field(ge=0)] = 8  # ours: slices a positive's window is off its tumour
    negatives: Literal["matched", "anywhere"] = "matched"  # ours: heights as the positives' own
    aggregation: Aggregation = "mean"  # of the windows of a validation patient
    left_out: dict[str, Share] = {}  # ours: in what share of windows a role is left out
    masks: MaskTeaching | None = None  # ours: taught by masks; None: by the label, as the paper

    @model_validator(mode="after")
    def patches_fit_into_windows(self):
        p = self.preparation
        if self.masks and any(
            not 4 <= side <= whole
            for side, whole in zip(self.masks.patch, (p.window, p.pixels, p.pixels), strict=True)
        ):
            raise ValueError(
                f"masks.patch must have 4 to {p.window} slices of 4 to {p.pixels} pixels a side"
            )
        return self

    @property
    def accumulate(self) -> int:
        """Micro-batches to a batch."""
        return max(self.batch // self.micro_batch, 1)


@dataclass(frozen=True)
class PresencePreparing:
    """The whole stack of a scan, and its truth on it."""

    chosen: PresenceTraining

    @property
    def words(self) -> str:
        return f"presence {self.chosen.roles} {self.chosen.preparation.model_dump_json()}"

    def __call__(
        self, study: Study, truth: sitk.Image | None, scan: Scan
    ) -> tuple[np.ndarray, np.ndarray]:
        from HNCLogic.images.region import study_region

        region, _ = study_region(study)
        optional = [role for role in self.chosen.roles if self.chosen.left_out.get(role)]
        stack = presence.prepare(
            study, region, self.chosen.preparation, self.chosen.roles, optional
        )
        if truth is None:
            return stack.values, np.zeros(stack.values.shape[1:], np.uint8)
        return stack.values, truth_on(stack.grid, truth)


@dataclass
class PresenceTask:
    """One fold; see ``engine.Task``."""

    chosen: PresenceTraining
    train: list[Prepared]
    validation: list[Prepared]
    seed: int
    fold: int
    monitor: str = "AUC"

    @property
    def heights(self) -> list[float]:
        """Where the middles of the positives' tumours lie: 0 inferior end, 1 superior end."""
        return [_middle(s) / s.truth.shape[0] for s in self.train if len(s.tumour_slices)]

    @property
    def network_arguments(self) -> dict:
        c = self.chosen
        return {
            "in_channels": len(c.roles), "entry_filters": c.entry_filters, "filters": c.filters,
            "dense": c.dense, "dropout": c.dropout,
        }  # fmt: skip

    def network(self) -> torch.nn.Module:
        from HNCLogic.networks.registry import make

        return make("presence", self.network_arguments)

    def optimiser(self, network: torch.nn.Module) -> torch.optim.Optimizer:
        import torch

        return torch.optim.Adam(network.parameters(), self.chosen.learning_rate)

    def schedule(self, optimiser: torch.optim.Optimizer):
        import torch

        rate, steps = self.chosen.decay, self.chosen.decay_steps
        return torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: rate ** (step / steps))

    def micro_batches(self, epoch: int) -> int:
        # A last batch of one would have no spread for batch norm: it goes with the one before.
        return max(len(self.train) * (1 + self.chosen.copies) // self.chosen.micro_batch, 1)

    def micro_batch(self, epoch: int, index: int, rng: np.random.Generator):
        """Windows float32 (batch, channel, z, y, x) and labels float32 (batch,)."""
        order = self._shuffled(epoch)
        count = self.micro_batches(epoch)
        windows, labels = [], []
        for place in np.array_split(order, count)[index]:
            scan = self.train[place % len(self.train)]
            window = self.window(scan, rng)
            if place >= len(self.train):  # a copy
                window = turned(window, rng)
            windows.append(window)
            labels.append(float(scan.label))
        return np.stack(windows).astype(np.float32), np.array(labels, np.float32)

    def window(self, scan: Prepared, rng: np.random.Generator) -> np.ndarray:
        """A training window: about the tumour's middle, or where such windows lie."""
        length = self.chosen.preparation.window
        depth = scan.values.shape[1]
        last = max(depth - length, 0)
        off = int(rng.integers(-self.chosen.shift, self.chosen.shift + 1))
        height, any_start = rng.random(), int(rng.integers(last + 1))
        if len(scan.tumour_slices):
            first = _middle(scan) - length // 2 + off
        elif self.chosen.negatives == "matched" and self.heights:
            first = int(np.quantile(self.heights, height) * depth) - length // 2 + off
        else:
            first = any_start
        window = cut(scan.values, int(np.clip(first, 0, last)), length).astype(np.float32)
        leave_out(window, self.chosen.roles, self.chosen.left_out, rng)
        return window

    def _shuffled(self, epoch: int) -> np.ndarray:
        every = len(self.train) * (1 + self.chosen.copies)
        return shuffled(self.seed, self.fold, epoch, every)

    def loss(self, output: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
        return focal(output[:, 0], truth, self.chosen.gamma, self.chosen.alpha)

    def completed(self, weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """What the model ships of a finished fold's ``weights``: these."""
        return weights

    def validate(self, network: torch.nn.Module) -> dict[str, float]:
        """AUC over the validation patients, by what inference does; loss is their focal loss."""
        from sklearn.metrics import roc_auc_score

        labels = np.array([scan.label for scan in self.validation])
        said = np.array([self.probability(network, scan) for scan in self.validation])
        return {"AUC": float(roc_auc_score(labels, said))}

    def probability(self, network: torch.nn.Module, scan: Prepared) -> float:
        """Of the whole stack of ``scan``, label-blind, windows aggregated."""
        from HNCLogic.inference.aggregation import aggregate

        way = "mean" if self.chosen.aggregation == "majority" else self.chosen.aggregation
        return float(aggregate(self.windows(network, scan), way, 0.5)[0])

    def windows(self, network: torch.nn.Module, scan: Prepared) -> np.ndarray:
        """Probability of each window, inferior to superior."""
        from HNCLogic.inference.ensemble import window_probabilities

        p = self.chosen.preparation
        values = np.asarray(scan.values, np.float32)
        return window_probabilities([network], 1, values, p.window, p.stride, batch=4)[0]


def presence_task(chosen: PresenceTraining, *parts: Any) -> PresenceTask:
    """One fold, taught as ``chosen`` says; ``parts`` as of ``PresenceTask``."""
    if chosen.masks is None:
        return PresenceTask(chosen, *parts)
    from HNCLogic.training.presence_masks import MaskedPresenceTask

    return MaskedPresenceTask(chosen, *parts)


def _middle(scan: Prepared) -> int:
    slices = scan.tumour_slices
    return int(slices[len(slices) // 2])


def turned(window: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Flipped along any axis and turned by quarters in-plane, (…, z, y, x): the paper's."""
    for axis in (-1, -2, -3):
        if rng.random() < 0.5:
            window = np.flip(window, axis)
    return np.rot90(window, int(rng.integers(4)), axes=(-2, -1))
