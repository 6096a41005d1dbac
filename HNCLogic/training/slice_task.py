"""How method 2, tumour on slices, is trained: Liedes et al. 2023.

Slices with tumour, and as many of scans without; binary cross-entropy; Adam; the epoch with the
best Jaccard index on the validation patients' slices; several trainings, of which the median one
is kept (``repeats``). What the paper leaves open are parameters.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from math import log
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
import SimpleITK as sitk
from pydantic import Field, field_validator

from HNCLogic.errors import InputError
from HNCLogic.images.study import Study
from HNCLogic.job import Record
from HNCLogic.methods import slice_tumour
from HNCLogic.methods.intensity import BEYOND, Window
from HNCLogic.training import volume_task
from HNCLogic.training.decay import Decay, schedule_of
from HNCLogic.training.prepared import Prepared
from HNCLogic.training.samples import leave_out, shuffled, truth_on

if TYPE_CHECKING:
    import torch

    from HNCLogic.training.cohort import Scan

Share = Annotated[float, Field(ge=0, le=1)]
Place = tuple[int, int]  # scan, slice


class SliceTraining(Record):
    """All that can be chosen; defaults are the paper's, or ours where it is silent."""

    roles: Annotated[list[str], Field(min_length=1)] = ["PET", "MR"]
    preparation: slice_tumour.Preparation = slice_tumour.Preparation()
    windows: dict[str, Window] = {}  # ours: by role, instead of the training set's extremes
    base_filters: Annotated[int, Field(ge=1)] = 64  # ours: the original U-Net's
    levels: Annotated[int, Field(ge=1)] = 4  # ours: the original U-Net's
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.5  # ours: the original U-Net's
    # Ours: the first answer is everywhere the training slices' share of tumour (Lin et al. 2017,
    # section 4.1), not a half: hundreds of steps would go by until so few pixels are found.
    prior: bool = True
    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    decay: Decay = "none"  # ours: how the learning rate goes
    batch: Annotated[int, Field(ge=2)] = 16  # ours
    micro_batch: Annotated[int, Field(ge=2)] = 16  # ours: what fits into memory at once
    epochs: Annotated[int, Field(ge=1)] = 200
    patience: Annotated[int, Field(ge=1)] = 50
    repeats: Annotated[int, Field(ge=1, le=200)] = 3  # ours: the paper trained 50 times
    negatives: Annotated[float, Field(ge=0)] = 1.0  # slices without tumour to one with
    negatives_of: Literal["negative scans", "all scans"] = "negative scans"
    draw: Annotated[int, Field(ge=0)] = 0  # ours: seed of which slices without tumour
    copies: Annotated[int, Field(ge=0, le=100)] = 0  # augmented ones, in a slice's place: 5 or none
    flip: bool = True  # of copies: left to right, and upside down
    shift: Annotated[float, Field(ge=0, le=0.5)] = 0.1  # of copies: as a share of the side
    turn_degrees: Annotated[float, Field(ge=0, le=180)] = 15.0  # of copies
    left_out: dict[str, Share] = {}  # ours: in what share of slices a role is left out
    threshold_on: Literal["volumes", "slices"] = "volumes"  # ours: validation data it is chosen on

    @field_validator("preparation")
    @classmethod
    def ranges_come_of_training(cls, preparation: slice_tumour.Preparation):
        if preparation.ranges:
            raise ValueError("ranges come of the training set: leave them out, or set windows")
        return preparation

    @property
    def accumulate(self) -> int:
        """Micro-batches to a batch."""
        return max(self.batch // self.micro_batch, 1)

    @property
    def optional(self) -> list[str]:
        """The roles that a scan may lack."""
        return [role for role in self.roles if self.left_out.get(role)]


@dataclass(frozen=True)
class SlicePreparing:
    """All slices of a scan in the images' own units, and its truth on them.

    Scaled only in training: the smallest and largest value of a fold's training set are nothing
    that a scan could know by itself, and nothing that other parts of the fold may tell.
    """

    kept_as: ClassVar[type] = np.float32  # an MRI's numbers can be beyond float16's

    chosen: SliceTraining

    @property
    def words(self) -> str:
        c = self.chosen
        return f"slice tumour {c.roles} {c.optional} {c.preparation.model_dump_json()}"

    def __call__(
        self, study: Study, truth: sitk.Image | None, scan: Scan
    ) -> tuple[np.ndarray, np.ndarray]:
        from HNCLogic.images.region import head_and_neck

        c = self.chosen
        region, _ = head_and_neck(study)
        stack = slice_tumour.prepare(study, region, c.preparation, c.roles, c.optional)
        if truth is None:
            return stack.values, np.zeros(stack.values.shape[1:], np.uint8)
        return stack.values, truth_on(stack.grid, truth)


@dataclass
class SliceTask:
    """One fold; see ``engine.Task``."""

    chosen: SliceTraining
    train: list[Prepared]
    validation: list[Prepared]
    seed: int
    fold: int
    monitor: str = "Jaccard"
    ranges: list[Window] = field(default_factory=list)  # by channel; of the training set
    _places: list[Place] = field(init=False, repr=False)
    _judged: list[Place] = field(init=False, repr=False)  # of the validation patients

    def __post_init__(self):
        self.ranges = self.ranges or training_ranges(self.train, self.chosen)
        for name, part in (("training", self.train), ("validation", self.validation)):
            if not any(len(scan.tumour_slices) for scan in part):
                raise InputError(
                    f"fold {self.fold}: no slice of the {name} patients has tumour: the cohort's "
                    "masks must mark it, where head and neck are"
                )
        self._places = chosen_slices(self.train, self.chosen, self.fold)
        self._judged = chosen_slices(self.validation, self.chosen, self.fold)
        if self.chosen.negatives and not any(_without(scan, self.chosen) for scan in self.train):
            raise InputError(
                f"fold {self.fold}: there is no scan without cancer among the training patients, "
                'of which slices without tumour could be taken: set negatives_of="all scans", or '
                "negatives=0"
            )

    @property
    def network_arguments(self) -> dict:
        c = self.chosen
        return {
            "in_channels": len(c.roles), "base_filters": c.base_filters, "levels": c.levels,
            "dropout": c.dropout,
        }  # fmt: skip

    def network(self) -> torch.nn.Module:
        import torch

        from HNCLogic.networks.registry import make

        network = make("unet2d", self.network_arguments)
        if self.chosen.prior:
            torch.nn.init.normal_(network.head.weight, std=0.01)
            torch.nn.init.constant_(network.head.bias, log(self.share / (1 - self.share)))
        return network

    @cached_property
    def share(self) -> float:
        """Of the pixels that are trained on, those with tumour."""
        marked = [np.count_nonzero(self.train[n].truth[z]) for n, z in self._places]
        return float(np.clip(np.mean(marked) / self.train[0].truth[0].size, 1e-4, 0.5))

    def optimiser(self, network: torch.nn.Module) -> torch.optim.Optimizer:
        import torch

        return torch.optim.Adam(network.parameters(), self.chosen.learning_rate)

    def schedule(self, optimiser: torch.optim.Optimizer):
        return schedule_of(self.chosen, optimiser, self.micro_batches(1))

    def micro_batches(self, epoch: int) -> int:
        # A last batch of one would have no spread for batch norm: it goes with the one before.
        return max(len(self._places) * max(self.chosen.copies, 1) // self.chosen.micro_batch, 1)

    def micro_batch(self, epoch: int, index: int, rng: np.random.Generator):
        """Slices float32 (batch, channel, y, x) and tumour float32 (batch, 1, y, x), 0 or 1."""
        order = np.array_split(self._shuffled(epoch), self.micro_batches(epoch))[index]
        slices = [self._slice(self._places[n % len(self._places)], rng) for n in order]
        values, tumour = (np.stack(each) for each in zip(*slices, strict=True))
        return values, tumour.astype(np.float32)

    def _slice(self, place: Place, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        scan, number = self.train[place[0]], place[1]
        values = slice_tumour.scaled(np.asarray(scan.values[:, number]), self.ranges)
        tumour = np.asarray(scan.truth[number : number + 1]) > 0
        leave_out(values, self.chosen.roles, self.chosen.left_out, rng)
        return self._moved(values, tumour, rng) if self.chosen.copies else (values, tumour)

    def _moved(self, values: np.ndarray, tumour: np.ndarray, rng: np.random.Generator):
        c = self.chosen
        if c.flip and rng.random() < 0.5:
            values, tumour = values[:, ::-1], tumour[:, ::-1]
        by = volume_task.Augmentation(
            flip=c.flip, shift_voxels=round(c.shift * values.shape[-1]), turn_degrees=c.turn_degrees
        )
        return volume_task.augmented(values, tumour.astype(np.uint8), by, rng)

    def _shuffled(self, epoch: int) -> np.ndarray:
        every = len(self._places) * max(self.chosen.copies, 1)
        return shuffled(self.seed, self.fold, epoch, every)

    def loss(self, output: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
        import torch

        return torch.nn.functional.binary_cross_entropy_with_logits(output, truth)

    def validate(self, network: torch.nn.Module) -> dict[str, float]:
        """Jaccard index and Dice over the validation patients' slices as one.

        The Jaccard index is that of the probabilities, without a threshold, as the paper's library
        (Segmentation Models) has it by default; Dice is that of the pixels from 0.5 up.
        """
        from HNCLogic.inference.slices import slice_probabilities

        both = either = found = right = true = 0.0
        for number in sorted({scan for scan, _ in self._judged}):
            scan = self.validation[number]
            slices = [z for n, z in self._judged if n == number]
            values = slice_tumour.scaled(np.asarray(scan.values[:, slices]), self.ranges)
            said = slice_probabilities(network, values).astype(np.float64)
            truth = np.asarray(scan.truth[slices]) > 0
            both += said[truth].sum()
            either += said.sum() + truth.sum() - said[truth].sum()
            found += (said >= 0.5).sum()
            right += (said[truth] >= 0.5).sum()
            true += truth.sum()
        return {"Jaccard": both / either, "Dice": 2 * right / (found + true)}


def _without(scan: Prepared, chosen: SliceTraining) -> bool:
    """Can slices without tumour be taken of this scan?"""
    return chosen.negatives_of == "all scans" or not (scan.label or len(scan.tumour_slices))


def chosen_slices(scans: list[Prepared], chosen: SliceTraining, fold: int) -> list[Place]:
    """All slices with tumour, and as many at random of scans without cancer (the paper's choice).

    The same for a fold however often it is trained; fewer without where there are not so many.
    """
    positive = [(n, int(z)) for n, scan in enumerate(scans) for z in scan.tumour_slices]
    pool = [
        (n, int(z))
        for n, scan in enumerate(scans)
        if _without(scan, chosen)
        for z in np.flatnonzero(~scan.truth.any(axis=(1, 2)))
    ]
    chance = np.random.default_rng((chosen.draw, fold))
    drawn = chance.permutation(len(pool))[: round(chosen.negatives * len(positive))]
    return positive + [pool[n] for n in sorted(drawn)]


def training_ranges(scans: list[Prepared], chosen: SliceTraining) -> list[Window]:
    """Smallest and largest value of each channel over ``scans``, or the window that was set.

    Of all slices of the training patients, not only of those that are trained on: then it does
    not hang on which slices were drawn.
    """
    ranges = []
    for channel, role in enumerate(chosen.roles):
        if role in chosen.windows:
            ranges.append(chosen.windows[role])
            continue
        ends = [(float(v.min()), float(v.max())) for v in (scan.values[channel] for scan in scans)]
        ends = [pair for pair in ends if np.isfinite(pair).all()]  # NaN: the image was not given
        low, high = min((a for a, _ in ends), default=0.0), max((b for _, b in ends), default=1.0)
        if not -BEYOND <= low <= high < BEYOND:
            raise InputError(
                f"the {role} images hold values from {low:g} to {high:g}, which no scanner gives: "
                f"correct them, or set windows.{role}"
            )
        ranges.append((low, high if high > low else low + 1.0))
    return ranges
