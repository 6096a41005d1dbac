"""Method 1 taught by masks: two channels of the network are shown where the tumour is.

The label alone teaches a network little from a few dozen patients: a lesion of 8 ml is a
thousandth of a window, and pooling dilutes it as much. Where the cohort has masks, the last
attention block's first two channels can be taught to be tumour and nothing else, on small patches
about tumours and about what else is hot: one that misses little, and one that is rarely wrong, for
which tumour voxels weigh less. What is pooled of them then says how much tumour a window holds,
and the dense layer learns only from how much on a window is positive. The network itself stays
the paper's, and so does what it computes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from HNCLogic.errors import InputError
from HNCLogic.inference.windows import window_starts
from HNCLogic.training.losses import focal, tumour_channel_loss
from HNCLogic.training.prepared import Prepared
from HNCLogic.training.presence_task import PresenceTask
from HNCLogic.training.samples import augmented, cut, hot_spots, leave_out, patch_about

if TYPE_CHECKING:
    import torch

    from HNCLogic.networks.tumour_channels import Guided
    from HNCLogic.training.presence_task import MaskTeaching

KNOTS = (0.0, 0.2, 0.4, 0.6, 0.8, 0.95)  # quantiles at which the fitted logit may bend


@dataclass
class MaskedPresenceTask(PresenceTask):
    """One fold, taught by masks; see ``engine.Task``. ``completed`` makes the network of it."""

    _found: dict[tuple[str, bool], np.ndarray] = field(default_factory=dict, repr=False)

    def __post_init__(self):
        if self.train and not any(len(scan.tumour_slices) for scan in self.train):
            raise InputError(
                f"fold {self.fold}: no training patient has tumour marked: give the cohort's "
                "masks, or leave out the setting masks and teach by the label"
            )

    @property
    def how(self) -> MaskTeaching:
        return self.chosen.masks

    def network(self) -> Guided:
        from HNCLogic.networks.tumour_channels import Guided

        return Guided(super().network())

    def schedule(self, optimiser: torch.optim.Optimizer):
        import torch

        steps = self.micro_batches(1) // self.chosen.accumulate * self.chosen.epochs
        return torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, max(steps, 1))

    def micro_batches(self, epoch: int) -> int:
        count = len(self.train) * self.how.patches // self.chosen.micro_batch
        return max(count // self.chosen.accumulate, 1) * self.chosen.accumulate

    def micro_batch(self, epoch: int, index: int, rng: np.random.Generator):
        """Patches float32 (batch, channel, z, y, x); where tumour is, float32 (batch, z, y, x)."""
        tumours = [scan for scan in self.train if len(scan.tumour_slices)]
        patches = []
        for _ in range(self.chosen.micro_batch):
            on_tumour = rng.random() < self.how.on_tumour
            among = tumours if on_tumour else self.train
            scan = among[rng.integers(len(among))]
            values, truth = patch_about(
                scan, self.how.patch, rng, self._places(scan, on_tumour=on_tumour)
            )
            values, truth = augmented(values, truth, rng, turns=False)
            leave_out(values, self.chosen.roles, self.chosen.left_out, rng)
            patches.append((values, (truth > 0).astype(np.float32)))
        values, masks = (np.stack(each) for each in zip(*patches, strict=True))
        return values.astype(np.float32), masks

    def _places(self, scan: Prepared, *, on_tumour: bool) -> np.ndarray:
        """Where patches of ``scan`` may lie, (place, 3); found once."""
        key = (scan.name, on_tumour and len(scan.tumour_slices) > 0)
        if key not in self._found:
            self._found[key] = np.argwhere(scan.truth > 0) if key[1] else hot_spots(scan)
        return self._found[key]

    def loss(self, output: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
        return tumour_channel_loss(output, truth, self.how.lesion_weight)

    def validate(self, network: Guided) -> dict[str, float]:
        """AUC, over the validation patients, of the fullest window's pooled tumour channels.

        The mean of the channels' own; the head is fitted to both only in the end.
        """
        from sklearn.metrics import roc_auc_score

        from HNCLogic.networks.tumour_channels import pooled_channels

        most = [pooled_channels(network.network, self._stack(s)).max(0) for s in self.validation]
        labels = [scan.label for scan in self.validation]
        each = [float(roc_auc_score(labels, one)) for one in np.transpose(most)]
        return {"AUC": float(np.mean(each)), "misses little": each[0], "rarely wrong": each[1]}

    def completed(self, weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """The network's own weights, dense layer and logit fitted to the training windows."""
        from HNCLogic.networks.tumour_channels import pooled_channels

        guided = self.network()
        guided.load_state_dict(weights)
        pooled, labels = [], []
        for scan in self.train:
            length = self.chosen.preparation.window
            marked = [cut(scan.truth, first, length).any() for first in self._starts(scan)]
            for value, tumour in zip(
                pooled_channels(guided.network, self._stack(scan)), marked, strict=True
            ):
                if tumour or not scan.label:  # a positive's windows beside the tumour are neither
                    pooled.append(value)
                    labels.append(tumour)
        fit_head(guided.network, np.array(pooled), np.array(labels), self.seed + self.fold)
        return {k: v.detach().contiguous() for k, v in guided.network.state_dict().items()}

    def _starts(self, scan: Prepared) -> list[int]:
        p = self.chosen.preparation
        return window_starts(max(scan.values.shape[1], p.window), p.window, p.stride)

    def _stack(self, scan: Prepared) -> np.ndarray:
        """All windows of a scan, (window, channel, z, y, x), as inference cuts them."""
        length = self.chosen.preparation.window
        return np.stack([cut(scan.values, first, length) for first in self._starts(scan)])


def fit_head(network: torch.nn.Module, pooled: np.ndarray, positive: np.ndarray, seed: int) -> None:
    """Fit dense layer and logit to windows' ``pooled`` tumour channels (window, 2) and labels
    (window,).

    A large tumour pools a hundred times what a small one does. So the dense layer's first units
    bend at quantiles of the pooled values, which makes the logit a sum of lines with knots there;
    their slopes are fitted by focal loss with Adam. All other weights become 0. Raises InputError
    where the dense layer has fewer units than there are knots.
    """
    import torch

    from HNCLogic.networks.tumour_channels import CHANNELS

    if network.dense.out_features < CHANNELS * len(KNOTS):
        raise InputError(f"taught by masks, dense must be {CHANNELS * len(KNOTS)} or more")
    torch.manual_seed(seed)
    knots = np.quantile(pooled, KNOTS, axis=0).T  # (channel, knot)
    scale = (knots[:, -1] - knots[:, 0]) / len(KNOTS) + 1e-9
    bends = np.maximum((pooled[:, :, None] - knots) / scale[:, None], 0.0)
    z = torch.from_numpy(bends.reshape(len(pooled), -1).astype(np.float32))
    labels = torch.from_numpy(np.asarray(positive, dtype=np.float32))
    slopes = torch.nn.Linear(z.shape[1], 1)
    optimiser = torch.optim.Adam(slopes.parameters(), lr=5e-2, weight_decay=1e-3)
    for _ in range(600):
        optimiser.zero_grad()
        loss = focal(slopes(z)[:, 0], labels)
        loss.backward()
        optimiser.step()
    with torch.no_grad():
        for part in (*network.dense.parameters(), network.logit.weight):
            part.zero_()
        for channel in range(CHANNELS):
            units = slice(channel * len(KNOTS), (channel + 1) * len(KNOTS))
            network.dense.weight[units, channel] = 1.0 / float(scale[channel])
            network.dense.bias[units] = torch.from_numpy(-knots[channel] / scale[channel]).float()
            network.logit.weight[0, units] = slopes.weight[0, units]
        network.logit.bias.copy_(slopes.bias)
