"""How method 5, extracapsular extension on CT, is trained: GMGENet, Wang et al. 2022.

Two tasks of one kind: the extractor learns the label from whole volumes, on patients of its own;
the classifiers learn it from the VOIs that the trained extractor points at. Adadelta and binary
cross-entropy for both. What the paper leaves open are parameters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import numpy as np
import SimpleITK as sitk
from pydantic import Field

from HNCLogic.errors import InputError
from HNCLogic.images.grid import Grid, resample
from HNCLogic.images.study import Study
from HNCLogic.methods import extension
from HNCLogic.networks.registry import DenseNet3dOptions
from HNCLogic.training.batches import WholeBatches
from HNCLogic.training.cohort import Scan
from HNCLogic.training.prepared import Prepared
from HNCLogic.training.samples import shuffled

if TYPE_CHECKING:
    import torch


class ExtensionTraining(WholeBatches):
    """All that can be chosen; defaults are the paper's, or ours where it is silent."""

    preparation: extension.Preparation = extension.Preparation()
    extractor: DenseNet3dOptions = DenseNet3dOptions()
    # A VOI is small: no detail is given away at the entry.
    classifier: DenseNet3dOptions = DenseNet3dOptions(stem_stride=1)
    # Ours: on the same folds also a DenseNet of the extractor's kind, which judges whole volumes.
    plain: bool = False
    extractor_patients: Annotated[int, Field(ge=4)] = 30  # the paper's
    extractor_parts: Annotated[int, Field(ge=2)] = 5  # ours: one of them validates the extractor
    learning_rate: Annotated[float, Field(gt=0)] = 1.0  # ours: of Adadelta, the paper's optimiser
    rho: Annotated[float, Field(gt=0, lt=1)] = 0.9  # ours
    batch: Annotated[int, Field(ge=2)] = 4  # ours
    micro_batch: Annotated[int, Field(ge=2)] = 4  # ours: what fits into memory at once
    epochs: Annotated[int, Field(ge=1)] = 100  # ours, for either network
    patience: Annotated[int, Field(ge=1)] = 20  # ours
    flip: bool = True  # ours: left to right, half of the time


@dataclass(frozen=True)
class ExtensionPreparing:
    """The volume of a scan and, as a second channel, where head and neck are (1) and are not (0).

    The classes are 1 in contoured nodes, if any are given: never seen in training.
    """

    chosen: ExtensionTraining

    @property
    def words(self) -> str:
        # The VOI's size is of the step after: another one needs no new volumes.
        return f"extension {self.chosen.preparation.model_dump_json(exclude={'voi'})}"

    def __call__(
        self, study: Study, truth: sitk.Image | None, scan: Scan
    ) -> tuple[np.ndarray, np.ndarray]:
        from HNCLogic.images.neck_landmarks import neck_range

        preparation = self.chosen.preparation
        ct = study.image("CT")
        if ct is None:
            raise InputError("extension is looked for in CT, and none is given")
        region, _ = neck_range(ct, margin_mm=preparation.margin_mm)
        volume = extension.prepare(study, region, preparation)
        values = np.concatenate([volume.values, volume.body[None].astype(np.float32)])
        if truth is None:
            return values, np.zeros(volume.body.shape, np.uint8)
        share = resample(sitk.Cast(truth > 0, sitk.sitkFloat32), volume.grid, 0.0)
        return values, (sitk.GetArrayFromImage(share) >= 0.5).astype(np.uint8)


def require_label(scan: Scan) -> None:
    """Raises InputError where the table does not say whether a capsule is broken.

    For other methods a mask says it in its place; here every patient has nodes.
    """
    if scan.label is None:
        raise InputError(
            "a scan has no label: say in column 'label' of the cohort whether there is extension "
            "(1) or not (0); contoured nodes do not tell"
        )


@dataclass
class ExtensionTask:
    """Training one of the two networks; see ``engine.Task``. ``settings`` are that network's."""

    chosen: ExtensionTraining
    train: list[Prepared]
    validation: list[Prepared]
    seed: int
    fold: int
    settings: DenseNet3dOptions | None = None  # None: the classifier's
    monitor: str = "AUC"

    def network(self) -> torch.nn.Module:
        from HNCLogic.networks.registry import make

        settings = self.settings or self.chosen.classifier
        return make("dense-net-3d", settings.model_dump())

    def optimiser(self, network: torch.nn.Module) -> torch.optim.Optimizer:
        import torch

        c = self.chosen
        return torch.optim.Adadelta(network.parameters(), c.learning_rate, rho=c.rho)

    def schedule(self, optimiser: torch.optim.Optimizer):
        return None

    def micro_batches(self, epoch: int) -> int:
        # A last batch of one would have no spread for batch norm: it goes with the one before.
        return max(len(self.train) // self.chosen.micro_batch, 1)

    def micro_batch(self, epoch: int, index: int, rng: np.random.Generator):
        """Volumes or VOIs float32 (batch, 1, z, y, x) and labels float32 (batch,)."""
        order = shuffled(self.seed, self.fold, epoch, len(self.train))
        inputs, labels = [], []
        for place in np.array_split(order, self.micro_batches(epoch))[index]:
            values = seen(self.train[place])
            if rng.random() < 0.5 and self.chosen.flip:
                values = values[..., ::-1]
            inputs.append(values)
            labels.append(float(self.train[place].label))
        return np.stack(inputs), np.array(labels, np.float32)

    def loss(self, output: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
        import torch

        return torch.nn.functional.binary_cross_entropy_with_logits(output[:, 0].float(), truth)

    def validate(self, network: torch.nn.Module) -> dict[str, float]:
        """AUC over the validation patients."""
        from sklearn.metrics import roc_auc_score

        said = [self.probability(network, scan) for scan in self.validation]
        return {"AUC": float(roc_auc_score([scan.label for scan in self.validation], said))}

    def probability(self, network: torch.nn.Module, scan: Prepared) -> float:
        """Of extension, from all of ``scan``'s volume or VOI."""
        import torch

        network.eval()
        with torch.inference_mode():
            given = torch.from_numpy(seen(scan))[None].to(next(network.parameters()).device)
            return float(network(given).double().sigmoid().item())


def seen(scan: Prepared) -> np.ndarray:
    """What a network sees of a prepared volume or VOI: float32 (1, z, y, x), without the body."""
    return np.ascontiguousarray(scan.values[:1], dtype=np.float32)


def voxels_only(shape: tuple[int, int, int]) -> Grid:
    """A grid of unit voxels (``shape`` z, y, x) for where a VOI lies only among other voxels."""
    return Grid(shape[::-1], (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), extension.UPRIGHT)
