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
