"""The training loop of the first models: one fold at a time, best epoch kept.

Plain on purpose: no resuming, no several machines. Losses and validation are the papers';
optimiser and length are ours, and the model's card says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np


@dataclass
class Course:
    """What came of training one fold."""

    state: dict  # tensors by name, of the best epoch
    score: float  # validation score of that epoch
    epoch: int
    scores: list[float] = field(default_factory=list)


def focal_loss(logits, targets, gamma: float = 2.0, alpha: float = 0.25):
    """Focal binary cross-entropy, mean over the batch: Lin et al. 2017. ``logits`` and
    ``targets`` (batch,); ``alpha`` weighs the positives."""
    import torch

    plain = torch.nn.functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    right = torch.exp(-plain)
    weight = alpha * targets + (1 - alpha) * (1 - targets)
    return (weight * (1 - right) ** gamma * plain).mean()


def dice_and_cross_entropy(logits, classes, lesion_weight: float = 1.0):
    """Soft Dice over the foreground classes plus cross-entropy; ``logits`` (batch, class, z, y, x),
    ``classes`` (batch, z, y, x) integers. MONAI's DiceCELoss, batch-wise; ``lesion_weight``
    weighs foreground voxels in the cross-entropy."""
    import torch
    from monai.losses import DiceCELoss

    weight = torch.full((logits.shape[1],), lesion_weight, device=logits.device)
    weight[0] = 1.0
    loss = DiceCELoss(
        include_background=False,
        to_onehot_y=True,
        softmax=True,
        batch=True,
        smooth_nr=1.0,
        smooth_dr=1.0,
    )
    loss.cross_entropy.weight = weight
    return loss(logits.float(), classes[:, None])


def bf16_here() -> bool:
    """Does this processor have bfloat16 arithmetic? Without it autocast only slows down."""
    import torch

    return bool(torch.cuda.is_available() or torch.cpu._is_avx512_bf16_supported())


def train_fold(
    network,
    batches: Callable[[], Iterator[tuple[np.ndarray, np.ndarray]]],
    loss: Callable,
    validate: Callable[[object], float],
    *,
    epochs: int,
    steps: int,
    learning_rate: float,
    say: Callable[[str], None],
    keep_start: bool = False,
) -> Course:
    """Train ``network`` for ``epochs`` of ``steps`` batches; keep the epoch that validates best.

    ``batches()`` gives one epoch's (values float32, truth) arrays; ``loss(output, truth)`` a scalar
    tensor. AdamW with one cycle of the learning rate. ``keep_start``: what the network comes with
    competes as epoch 0, so that going on from trained weights cannot make them worse. Raises
    FloatingPointError where the loss is not finite.
    """
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    network.to(device, memory_format=torch.channels_last_3d)
    optimiser = torch.optim.AdamW(network.parameters(), lr=learning_rate, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, max_lr=learning_rate, total_steps=epochs * steps, pct_start=0.2
    )
    best = Course(state={}, score=-1.0, epoch=0)

    def judge(epoch: int) -> float:
        network.eval()
        with torch.inference_mode():
            score = validate(network)
        best.scores.append(score)
        if score > best.score:
            best.score, best.epoch = score, epoch
            best.state = {
                k: v.detach().cpu().clone().contiguous() for k, v in network.state_dict().items()
            }
        return score

    if keep_start:
        say(f"start: validation {judge(0):.4f}")
    for epoch in range(1, epochs + 1):
        network.train()
        losses, skipped = [], 0
        for step, (values, truth) in zip(range(steps), batches(), strict=False):
            inputs = torch.from_numpy(values).to(device)
            inputs = inputs.contiguous(memory_format=torch.channels_last_3d)
            optimiser.zero_grad(set_to_none=True)
            with torch.autocast(device, dtype=torch.bfloat16, enabled=bf16_here()):
                output = network(inputs)
            value = loss(output, torch.from_numpy(truth).to(device))
            if not torch.isfinite(value):
                raise FloatingPointError(f"the loss is not finite at epoch {epoch}, step {step}")
            value.backward()
            length = torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            if torch.isfinite(length):
                optimiser.step()
            else:
                # An all but empty patch: instance norm divides by a spread of nearly nothing.
                skipped += 1
            schedule.step()
            losses.append(float(value.detach()))
        score = judge(epoch)
        aside = f", {skipped} steps without a finite gradient left out" if skipped else ""
        say(f"epoch {epoch}/{epochs}: loss {np.mean(losses):.4f}, validation {score:.4f}{aside}")
    return best


def stratified_folds(
    patients: list[tuple[str, str]], folds: int, seed: int
) -> list[tuple[set[str], set[str]]]:
    """Patients (name, stratum) into ``folds`` pairs of (training, validation) names."""
    from sklearn.model_selection import StratifiedKFold

    names = np.array([name for name, _ in patients])
    if len(set(names)) != len(names):
        raise ValueError("a patient stands twice in the list: folds would leak")
    strata = [stratum for _, stratum in patients]
    splitter = StratifiedKFold(folds, shuffle=True, random_state=seed)
    return [(set(names[t]), set(names[v])) for t, v in splitter.split(names, strata)]


def equitable_threshold(probabilities: np.ndarray, positive: np.ndarray) -> float:
    """The threshold at which sensitivity and specificity are closest (Rainio et al. 2024).

    Candidates lie midway between neighbouring probabilities; of several equally good ones the
    middle one is taken. Raises ValueError where one class is absent.
    """
    probabilities, positive = np.asarray(probabilities, float), np.asarray(positive, bool)
    if positive.all() or not positive.any():
        raise ValueError("a threshold needs positive and negative patients")
    values = np.unique(probabilities)
    candidates = np.concatenate([values[:1] / 2, (values[:-1] + values[1:]) / 2])
    sensitivity = np.array([(probabilities[positive] >= t).mean() for t in candidates])
    specificity = np.array([(probabilities[~positive] < t).mean() for t in candidates])
    gap = np.abs(sensitivity - specificity)
    good = np.flatnonzero(gap <= gap.min() + 1e-12)
    # Among equal gaps the better one: 0.9/0.9 beats 0.5/0.5.
    quality = (sensitivity + specificity)[good]
    good = good[quality >= quality.max() - 1e-12]
    return float(candidates[good[len(good) // 2]])
