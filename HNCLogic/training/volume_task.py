"""How method 3, tumour volume, is trained: Nikulin et al. 2023.

All patches of 32 slices that overlap by three quarters; Dice + cross-entropy; Adadelta, batch 16;
the epoch with the best soft Dice on the validation patients. What the paper leaves open are
parameters; it augments nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
import SimpleITK as sitk
from pydantic import Field

from HNCLogic.images.study import Study
from HNCLogic.inference.windows import window_starts
from HNCLogic.job import Record
from HNCLogic.methods import tumour_volume
from HNCLogic.training.decay import Decay, schedule_of
from HNCLogic.training.losses import dice_and_cross_entropy, soft_dice_counts
from HNCLogic.training.prepared import Prepared
from HNCLogic.training.samples import cut, truth_on

if TYPE_CHECKING:
    import torch

    from HNCLogic.training.cohort import Scan

Share = Annotated[float, Field(ge=0, le=1)]


class Augmentation(Record):
    """Ours: the paper has none."""

    flip: bool = False  # left to right
    shift_voxels: Annotated[int, Field(ge=0, le=32)] = 0  # in-plane
    turn_degrees: Annotated[float, Field(ge=0, le=45)] = 0.0  # in-plane
    scale: Annotated[float, Field(ge=0, lt=0.5)] = 0.0  # in-plane, as a share
    suv: Annotated[float, Field(ge=0, lt=1)] = 0.0  # PET made so much brighter or darker


class VolumeTraining(Record):
    """All that can be chosen; defaults are the paper's, or ours where it is silent."""

    preparation: tumour_volume.Preparation = tumour_volume.Preparation()
    widths: list[int] = [32, 64, 128, 256, 320]  # ours
    heads: Annotated[int, Field(ge=1)] = 8  # ours
    optimiser: Literal["adadelta", "adam"] = "adadelta"
    learning_rate: Annotated[float, Field(gt=0)] = 1.0  # ours: torch's own of Adadelta
    decay: Decay = "none"  # ours: how the learning rate goes
    clip: Annotated[float, Field(gt=0)] | None = None  # ours: largest length of the gradient
    batch: Annotated[int, Field(ge=1)] = 16
    micro_batch: Annotated[int, Field(ge=1)] = 2  # ours: what fits into memory at once
    epochs: Annotated[int, Field(ge=1)] = 200
    patience: Annotated[int, Field(ge=1)] = 30
    patches: Annotated[int, Field(ge=1)] | None = None  # ours: of an epoch; None: all
    lesion_weight: Annotated[float, Field(gt=0)] = 1.0  # ours: in the cross-entropy
    absent_weight: Annotated[float, Field(ge=0)] = 0.0  # ours: see dice_and_cross_entropy
    tumour_share: Share = 0.0  # ours: patches of an epoch that must hold tumour
    ct_left_out: Share = 0.0  # ours: patches without CT, so that PET alone works as well
    augmentation: Augmentation = Augmentation()

    @property
    def accumulate(self) -> int:
        """Micro-batches to a batch."""
        return max(self.batch // self.micro_batch, 1)


@dataclass(frozen=True)
class VolumePreparing:
    """The whole volume of a scan, and its truth on it."""

    chosen: VolumeTraining

    @property
    def words(self) -> str:
        return f"tumour volume {self.chosen.preparation.model_dump_json()}"

    def __call__(
        self, study: Study, truth: sitk.Image | None, scan: Scan
    ) -> tuple[np.ndarray, np.ndarray]:
        from HNCLogic.images.region import study_region

        region, _ = study_region(study)
        volume = tumour_volume.prepare(
            study, region, self.chosen.preparation, ct_required=self.chosen.ct_left_out == 0
        )
        if truth is None:
            return volume.values, np.zeros(volume.values.shape[1:], np.uint8)
        return volume.values, truth_on(volume.grid, truth)


@dataclass
class VolumeTask:
    """One fold; see ``engine.Task``."""

    chosen: VolumeTraining
    train: list[Prepared]
    validation: list[Prepared]
    seed: int
    fold: int
    monitor: str = "soft Dice"
    _places: list[tuple[int, int]] = field(default_factory=list, repr=False)
    _order: tuple[int, np.ndarray] = field(default=(-1, np.zeros(0, int)), repr=False)

    def __post_init__(self):
        p = self.chosen.preparation
        for number, scan in enumerate(self.train):
            starts = window_starts(
                max(scan.truth.shape[0], p.patch_slices), p.patch_slices, p.stride
            )
            self._places += [(number, start) for start in starts]

    @property
    def network_arguments(self) -> dict:
        p = self.chosen.preparation
        return {
            "in_channels": 2, "classes": 3, "widths": self.chosen.widths,
            "heads": self.chosen.heads, "patch": [p.patch_slices, p.pixels, p.pixels],
        }  # fmt: skip

    def network(self) -> torch.nn.Module:
        import torch

        from HNCLogic.networks.registry import make

        network = make("attention-unet", self.network_arguments)
        # Begin with what is true nearly everywhere, or the first epochs learn only this.
        counts = sum(np.bincount(np.ravel(s.truth), minlength=3) for s in self.train) + np.ones(3)
        with torch.no_grad():
            network.head.bias.copy_(torch.from_numpy(np.log(counts / counts.sum())))
        return network

    def optimiser(self, network: torch.nn.Module) -> torch.optim.Optimizer:
        import torch

        kind = {"adadelta": torch.optim.Adadelta, "adam": torch.optim.Adam}
        return kind[self.chosen.optimiser](network.parameters(), self.chosen.learning_rate)

    def schedule(self, optimiser: torch.optim.Optimizer):
        return schedule_of(self.chosen, optimiser, self.micro_batches(1))

    def _patches(self) -> int:
        return min(self.chosen.patches or len(self._places), len(self._places))

    def micro_batches(self, epoch: int) -> int:
        return max(self._patches() // self.chosen.micro_batch, 1)

    def micro_batch(self, epoch: int, index: int, rng: np.random.Generator):
        """Patches float32 (batch, 2, z, y, x) and classes int64 (batch, z, y, x)."""
        chosen = self._shuffled(epoch)
        patches = [
            self._patch(*self._places[place], rng)
            for place in np.array_split(chosen, self.micro_batches(epoch))[index]
        ]
        values, classes = (np.stack(each) for each in zip(*patches, strict=True))
        return values, classes.astype(np.int64)

    def _patch(self, number: int, start: int, rng: np.random.Generator):
        scan, length = self.train[number], self.chosen.preparation.patch_slices
        values = cut(scan.values, start, length).astype(np.float32)
        classes = np.asarray(cut(scan.truth, start, length))
        if rng.random() < self.chosen.ct_left_out:
            values[1] = 0.0
        return augmented(values, classes, self.chosen.augmentation, rng)

    def _shuffled(self, epoch: int) -> np.ndarray:
        """This epoch's patches, as indices into ``_places``."""
        if self._order[0] == epoch:
            return self._order[1]
        chance = np.random.default_rng((self.seed, self.fold, epoch))
        order = chance.permutation(len(self._places))
        wanted = self._patches()
        if self.chosen.tumour_share and wanted < len(order):
            length = self.chosen.preparation.patch_slices
            hit = np.array([self._holds_tumour(*self._places[i], length) for i in order])
            first = order[hit][: round(wanted * self.chosen.tumour_share)]
            rest = order[~np.isin(order, first)][: wanted - len(first)]
            order = chance.permutation(np.concatenate([first, rest]))
        self._order = (epoch, order[:wanted])
        return self._order[1]

    def _holds_tumour(self, number: int, start: int, length: int) -> bool:
        slices = self.train[number].tumour_slices
        return bool(((slices >= start) & (slices < start + length)).any())

    def loss(self, output: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
        return dice_and_cross_entropy(
            output, truth, self.chosen.lesion_weight, self.chosen.absent_weight
        )

    def validate(self, network: torch.nn.Module) -> dict[str, float]:
        """Soft Dice of primary, nodes and both, pooled over patches side by side."""
        import torch

        device = next(network.parameters()).device
        length = self.chosen.preparation.patch_slices
        twice, both = torch.zeros(3, dtype=torch.float64), torch.zeros(3, dtype=torch.float64)
        for scan in self.validation:
            for start in range(0, scan.truth.shape[0], length):
                values = cut(scan.values, start, length).astype(np.float32)
                classes = np.array(cut(scan.truth, start, length))
                given = torch.from_numpy(values)[None].to(device)
                said = network(given).float().softmax(dim=1)
                parts = soft_dice_counts(said, torch.from_numpy(classes)[None].to(device))
                twice += parts[0].cpu()
                both += parts[1].cpu()
        primary, nodes = (twice[1:] / both[1:].clamp(min=1e-9)).tolist()
        return {"soft Dice": (primary + nodes) / 2, "primary": primary, "nodes": nodes}


def augmented(
    values: np.ndarray, classes: np.ndarray, by: Augmentation, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """``values`` (channel, z, y, x) and ``classes`` (z, y, x), moved together; PET rescaled.

    Always draws the same number of variates, whatever is switched on.
    """
    flip, suv, angle, scale = rng.random(4) * 2 - 1
    shift = rng.integers(-by.shift_voxels, by.shift_voxels + 1, size=2)
    if by.flip and flip < 0:
        values, classes = values[..., ::-1], classes[..., ::-1]
    if by.turn_degrees or by.scale or by.shift_voxels:
        values, classes = _moved(
            values, classes, np.deg2rad(angle * by.turn_degrees), 1 + scale * by.scale, shift
        )
    if by.suv:
        values = values.copy()
        values[0] = np.clip(values[0] * (1 + suv * by.suv), 0, 1)
    return np.ascontiguousarray(values), np.ascontiguousarray(classes)


def _moved(values, classes, angle: float, scale: float, shift: np.ndarray):
    """In-plane about the middle: values linearly, classes by the nearest; outside is 0."""
    from scipy.ndimage import affine_transform

    matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) / scale
    middle = (np.array(classes.shape[-2:]) - 1) / 2
    offset = middle - matrix @ (middle + shift)

    def plane(image: np.ndarray, order: int) -> np.ndarray:
        return affine_transform(image, matrix, offset, order=order)

    flat = np.stack([plane(s, 1) for s in values.reshape(-1, *values.shape[-2:])])
    marked = np.stack([plane(s, 0) if s.any() else s for s in classes])
    return flat.reshape(values.shape), marked
