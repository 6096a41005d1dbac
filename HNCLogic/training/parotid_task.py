"""How method 4, the kind of a parotid tumour on MRI, is trained: Liu et al. 2022.

Two stages. In the first a slice network learns the kind from single slices, one network for each
sequence (or each three that are fused early). In the second these are frozen: the vectors that
they give of a tumour's slices are computed once, and a Transformer learns the kind from them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import SimpleITK as sitk

from HNCLogic.errors import InputError
from HNCLogic.images.study import Study
from HNCLogic.methods import parotid
from HNCLogic.methods.box_slices import box_of
from HNCLogic.training.cohort import Scan
from HNCLogic.training.parotid_settings import ParotidTraining, Stage
from HNCLogic.training.parotid_slices import as_three, moved, padded, shown, slice_probabilities
from HNCLogic.training.prepared import Prepared
from HNCLogic.training.samples import shuffled

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class ParotidPreparing:
    """The slices through a scan's box (channel, slice, y, x), and the box in each of them."""

    kept_as: ClassVar[type] = np.float16  # about -2 to 2.5, of grey values of 8 bits and less

    chosen: ParotidTraining

    @property
    def words(self) -> str:
        c = self.chosen
        return f"parotid {c.roles} {c.preparation.model_dump_json()}"

    def __call__(
        self, study: Study, truth: sitk.Image | None, scan: Scan
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        box = box_of(scan.facts["box"])
        slices = parotid.prepare(study, box, self.chosen.preparation, self.chosen.roles)
        values = slices.values.transpose(1, 0, 2, 3)
        return values, np.zeros((len(slices.boxes), 1, 1), np.uint8), slices.boxes


def require_box_and_kind(scan: Scan) -> None:
    """Raises InputError where the table lacks label or box, or where label and subtype differ."""
    if scan.label is None:
        raise InputError(
            "a scan has no label: say in column 'label' of the cohort whether the tumour is "
            "malignant (1) or benign (0)"
        )
    if not scan.facts.get("box"):
        raise InputError(
            "a scan has no box: give in column 'box' of the cohort six numbers, low and high of "
            "x, y and z of a box about the tumour, LPS in mm"
        )
    subtype = scan.facts.get("subtype")
    if subtype and subtype not in parotid.SUBTYPES:
        raise InputError(
            f"subtype {subtype!r:.40} is not known: column 'subtype' holds "
            f"{', '.join(parotid.SUBTYPES)}"
        )
    if subtype and (subtype == "malignant") != scan.label:
        raise InputError(f"column 'subtype' says {subtype}, column 'label' says the opposite")


def class_of(scan: Prepared, chosen: ParotidTraining) -> int:
    """Number of the class that is right. Raises InputError where the table has no subtype."""
    if chosen.classes == "kinds":
        return int(scan.label)
    if not scan.columns.get("subtype"):
        raise InputError(
            "a scan has no subtype: fill in column 'subtype' of the cohort, or train with "
            "classes=kinds"
        )
    return parotid.SUBTYPES.index(scan.columns["subtype"])


@dataclass
class _Task:
    """What both stages share; see ``engine.Task``."""

    chosen: ParotidTraining
    train: list[Prepared]
    validation: list[Prepared]
    seed: int
    fold: int
    monitor: str = "AUC"

    @property
    def stage(self) -> Stage:
        raise NotImplementedError

    @property
    def samples(self) -> int:
        """In an epoch."""
        raise NotImplementedError

    @property
    def truth(self) -> list[int]:
        """The class of each sample, copies apart."""
        raise NotImplementedError

    @cached_property
    def weights(self) -> np.ndarray:
        return balancing(self.truth, len(self.chosen.class_names))

    def optimiser(self, network: torch.nn.Module) -> torch.optim.Optimizer:
        import torch

        return torch.optim.Adam(network.parameters(), self.stage.learning_rate)

    def schedule(self, optimiser: torch.optim.Optimizer) -> None:
        return None

    def micro_batches(self, epoch: int) -> int:
        # A last batch of one would have no spread for batch norm: it goes with the one before.
        return max(self.samples // self.stage.micro_batch, 1)

    def _drawn(self, epoch: int, index: int) -> np.ndarray:
        order = shuffled(self.seed, self.fold, epoch, self.samples)
        return np.array_split(order, self.micro_batches(epoch))[index]

    def loss(self, output: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
        import torch

        weights = None
        if self.chosen.class_weights:
            weights = torch.from_numpy(self.weights).to(output)
        return torch.nn.functional.cross_entropy(output, truth, weights)


@dataclass
class SliceTask(_Task):
    """The first stage of one fold, for the slice network that looks at ``group``."""

    group: tuple[str, ...] = ()
    _places: list[tuple[int, int]] = field(default_factory=list, repr=False)

    def __post_init__(self):
        self._places = [(n, z) for n, s in enumerate(self.train) for z in range(len(s.boxes))]

    @property
    def stage(self) -> Stage:
        return self.chosen.slices

    @property
    def samples(self) -> int:
        return len(self._places) * (1 + self.chosen.augmentation.copies)

    def network(self) -> torch.nn.Module:
        from HNCLogic.networks.parotid_slice import SliceClassifier
        from HNCLogic.networks.resnet_stages import begin_with_imagenet

        c = self.chosen
        network = SliceClassifier(len(c.class_names), c.widths, c.roi, c.features, c.dropout)
        if c.imagenet is not None:
            begin_with_imagenet(network.stages, c.imagenet)
        return network

    def micro_batch(self, epoch: int, index: int, rng: np.random.Generator):
        """Slices float32 (batch, 3, y, x) with boxes (batch, 4), and classes int64 (batch,)."""
        slices, boxes, truth = [], [], []
        for place in self._drawn(epoch, index):
            number, z = self._places[place % len(self._places)]
            scan = self.train[number]
            values, box = shown(scan, self.chosen, self.group, z), scan.boxes[z]
            if place >= len(self._places):  # a copy
                values, box = moved(values, box, self.chosen, rng)
            slices.append(values)
            boxes.append(box)
            truth.append(class_of(scan, self.chosen))
        return (as_three(np.stack(slices)), np.stack(boxes)), np.array(truth, np.int64)

    @property
    def truth(self) -> list[int]:
        return [class_of(self.train[n], self.chosen) for n, _ in self._places]

    def validate(self, network: torch.nn.Module) -> dict[str, float]:
        """AUC over the validation patients' slices."""
        said = [
            slice_probabilities(network, shown(scan, self.chosen, self.group), scan.boxes)
            for scan in self.validation
        ]
        truth = [np.full(len(s.boxes), class_of(s, self.chosen)) for s in self.validation]
        return {"AUC": class_auc(np.concatenate(truth), np.concatenate(said))}


@dataclass
class SequenceTask(_Task):
    """The second stage of one fold, of ``way`` (None: the chosen fusion).

    The scans' ``values`` are vectors as ``with_vectors`` gives them.
    """

    way: str | None = None

    @property
    def stage(self) -> Stage:
        return self.chosen.sequence

    @property
    def samples(self) -> int:
        return len(self.train)

    def network(self) -> torch.nn.Module:
        from HNCLogic.networks.parotid_sequence import SequenceClassifier

        c, way = self.chosen, self.way or self.chosen.fusion
        return SequenceClassifier(
            len(c.class_names), len(c.groups(way)), "add" if way.endswith("add") else "splice",
            c.features, c.d_model, c.heads, c.layers, c.feed_forward, c.encoder_dropout, c.dropout,
        )  # fmt: skip

    def micro_batch(self, epoch: int, index: int, rng: np.random.Generator):
        """Vectors float32 (batch, slice, branch, feature) with which are there bool (batch,
        slice), and classes int64 (batch,). Of a patient's copies one is drawn."""
        scans = [self.train[place] for place in self._drawn(epoch, index)]
        drawn = [scan.values[rng.integers(len(scan.values))] for scan in scans]
        truth = np.array([class_of(scan, self.chosen) for scan in scans], np.int64)
        return padded(drawn), truth

    @property
    def truth(self) -> list[int]:
        return [class_of(scan, self.chosen) for scan in self.train]

    def validate(self, network: torch.nn.Module) -> dict[str, float]:
        """AUC over the validation patients."""
        import torch

        device = next(network.parameters()).device
        given = padded([scan.values[0] for scan in self.validation])
        vectors, present = (torch.from_numpy(each).to(device) for each in given)
        said = network(vectors, present).double().softmax(dim=1).cpu().numpy()
        truth = np.array([class_of(scan, self.chosen) for scan in self.validation])
        return {"AUC": class_auc(truth, said)}


def sequence_task(chosen, train, validation, seed, fold) -> SequenceTask:
    """The task of a fold, once its slices are vectors."""
    return SequenceTask(chosen, train, validation, seed, fold)


def balancing(truth: Sequence[int], classes: int) -> np.ndarray:
    """Weights float32 (class,) by which each class that is there weighs the same in all."""
    counts = np.bincount(truth, minlength=classes)
    there = max(int((counts > 0).sum()), 1)
    return (counts.sum() / there / np.maximum(counts, 1)).astype(np.float32)


def class_auc(truth: np.ndarray, said: np.ndarray) -> float:
    """AUC of the last of two classes; of more the mean of each against the others.

    ``said`` (n, class). A class that nothing or everything has is left out.
    """
    from sklearn.metrics import roc_auc_score

    classes = [1] if said.shape[1] == 2 else range(said.shape[1])
    each = [
        roc_auc_score(truth == number, said[:, number])
        for number in classes
        if 0 < (truth == number).sum() < len(truth)
    ]
    return float(np.mean(each))
