"""The training loop of one fold, for every method: exact to resume, the same on several processes.

A step takes ``accumulate`` micro-batches; several processes share them out and add up their
gradients, so that the number of processes does not change what is learnt. Everything random is
drawn from seed, fold, epoch and micro-batch: a run that was killed and resumed ends with the
weights of one that was not.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np

from HNCLogic.errors import InputError
from HNCLogic.outputs import remove_partial
from HNCLogic.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from HNCLogic.training.ranks import Ranks

if TYPE_CHECKING:
    import torch

LAST = "last.safetensors"  # in a fold's folder
MOST_SKIPPED = 0.1  # share of an epoch's steps without a finite gradient that is borne
Precision = Literal["auto", "fp32", "bf16", "fp16"]
# Inputs (several where the network takes several) and truth.
Batch = tuple[np.ndarray | tuple[np.ndarray, ...], np.ndarray]


class Task(Protocol):
    """What is trained on what: everything that differs between methods."""

    monitor: str  # of ``validate``'s figures the one that decides; higher is better

    def network(self) -> torch.nn.Module:
        """A network with fresh weights; the seed is set before."""
        ...

    def optimiser(self, network: torch.nn.Module) -> torch.optim.Optimizer: ...

    def schedule(self, optimiser: torch.optim.Optimizer):
        """A learning-rate schedule that is stepped after every optimiser step, or None."""
        ...

    def micro_batches(self, epoch: int) -> int:
        """How many micro-batches an epoch has."""
        ...

    def micro_batch(self, epoch: int, index: int, rng: np.random.Generator) -> Batch:
        """One of them; all chance from ``rng``."""
        ...

    def loss(self, output: torch.Tensor, truth: torch.Tensor) -> torch.Tensor: ...

    def validate(self, network: torch.nn.Module) -> dict[str, float]:
        """Figures on the validation patients; ``network`` is in evaluation mode."""
        ...


@dataclass(frozen=True)
class Settings:
    """How long and how; the same for every method."""

    epochs: int
    patience: int  # epochs without a better ``monitor`` after which training stops
    seed: int = 0
    fold: int = 1
    accumulate: int = 1  # micro-batches to a step
    precision: Precision = "auto"
    device: str = "auto"
    clip: float | None = None  # largest length of the gradient
    deterministic: bool = True

    @property
    def fixed(self) -> dict:
        """What may not change when a run is resumed."""
        return {k: v for k, v in asdict(self).items() if k not in ("epochs", "patience", "device")}


@dataclass
class Course:
    """What came of training one fold."""

    weights: dict[str, torch.Tensor]  # of the best epoch
    epoch: int
    history: list[dict[str, float]] = field(default_factory=list)  # an entry for each epoch


def train_fold(
    task: Task,
    folder: Path,
    settings: Settings,
    *,
    ranks: Ranks | None = None,
    resume: bool = False,
    start: Mapping[str, torch.Tensor] | None = None,
    watch: Callable[[list[dict[str, float]], float], None] = lambda history, left: None,
) -> Course:
    """Train until ``settings.epochs`` or until patience ends; the best epoch's weights come back.

    ``folder`` gets the last state after every epoch; with ``resume`` training goes on from there.
    ``start``: weights to begin with, instead of fresh ones. ``watch`` is told all epochs so far
    and the seconds that are left at most.
    Raises InputError where the loss is not finite (with epoch and step), where too many steps
    give no finite gradient, where a checkpoint cannot be written or is of other settings.
    """
    ranks = ranks or Ranks()
    if settings.accumulate % ranks.world:
        raise InputError(
            f"{ranks.world} processes cannot share out {settings.accumulate} micro-batches to a "
            f"step evenly: set accumulate to a multiple of {ranks.world}"
        )
    with _determinism(settings.deterministic):
        run = begun(task, settings, ranks, start)
        path = folder / LAST
        if ranks.first:
            remove_partial(folder)
        kept = load_checkpoint(path) if resume else None
        if kept is not None:
            run.take_up(kept, path)
        began, first = time.monotonic(), run.epoch
        while run.epoch < settings.epochs and run.epoch - run.best_epoch < settings.patience:
            run.one_epoch()
            if ranks.first:
                save_checkpoint(path, run.state())
                spent = (time.monotonic() - began) / (run.epoch - first)
                watch(run.history, spent * (settings.epochs - run.epoch))
        return Course(run.best, run.best_epoch, run.history)


def begun(
    task: Task,
    settings: Settings,
    ranks: Ranks | None = None,
    start: Mapping[str, torch.Tensor] | None = None,
) -> Run:
    """Network, optimiser and all else, before the first step."""
    import torch

    ranks = ranks or Ranks()
    device = _device(settings, ranks)
    dtype = _precision(settings.precision, device)
    _seed(settings, 0, 0)
    network = _with_weights(task.network(), start).to(device)
    if dtype is not torch.float32:
        _put_channels_last(network)
    optimiser = task.optimiser(network)
    schedule = task.schedule(optimiser)
    scaler = torch.amp.GradScaler(device.type, enabled=dtype is torch.float16)
    return Run(task, settings, ranks, network, optimiser, schedule, scaler, device, dtype)


def _with_weights(network: torch.nn.Module, start) -> torch.nn.Module:
    if start is not None:
        try:
            network.load_state_dict(dict(start))
        except RuntimeError as error:
            raise InputError(
                "the weights to start with are of another network: train with the settings that "
                "they were trained with (widths, filters, roles)"
            ) from error
    return network


@dataclass
class Run:
    """The training of one fold, epoch by epoch."""

    task: Task
    settings: Settings
    ranks: Ranks
    network: torch.nn.Module
    optimiser: torch.optim.Optimizer
    schedule: object | None
    scaler: torch.amp.GradScaler
    device: torch.device
    dtype: torch.dtype
    epoch: int = 0
    best_epoch: int = 0
    best: dict[str, torch.Tensor] = field(default_factory=dict)
    history: list[dict[str, float]] = field(default_factory=list)

    def take_up(self, kept: Checkpoint, path: Path) -> None:
        import torch

        changed = [k for k, v in self.settings.fixed.items() if kept.settings.get(k) != v]
        if changed:
            name = changed[0]
            raise InputError(
                f"{path} was trained with {name} {kept.settings.get(name)!r}, not "
                f"{self.settings.fixed[name]!r}: resume with the same settings, or start anew"
            )
        try:
            self.network.load_state_dict(kept.weights)
            self.optimiser.load_state_dict(kept.optimiser)
            if self.schedule is not None:
                self.schedule.load_state_dict(kept.schedule)
        except (RuntimeError, ValueError, TypeError, AttributeError, KeyError) as error:
            raise InputError(f"{path} does not fit the network: start anew") from error
        if self.dtype is not torch.float32:
            # As an uninterrupted run holds them: in another order the last digits may differ.
            for moments in self.optimiser.state.values():
                moments |= {k: _channels_last(v) for k, v in moments.items() if torch.is_tensor(v)}
        if kept.scaler:
            self.scaler.load_state_dict(kept.scaler)
        self.epoch, self.history = kept.epoch, kept.history
        self.best, self.best_epoch = kept.best, kept.best_epoch

    def state(self) -> Checkpoint:
        return Checkpoint(
            epoch=self.epoch,
            weights=self.network.state_dict(),
            optimiser=self.optimiser.state_dict(),
            schedule=None if self.schedule is None else self.schedule.state_dict(),
            scaler=self.scaler.state_dict() or None,
            best=self.best,
            best_epoch=self.best_epoch,
            history=self.history,
            settings=self.settings.fixed,
        )

    def one_epoch(self) -> None:
        began = time.monotonic()
        number = self.epoch + 1
        rate = self.optimiser.param_groups[0]["lr"]
        loss, skipped = self._train(number)
        figures = self._validated()
        self.epoch = number
        entry = {"epoch": number, "loss": loss, "learning_rate": rate, "skipped": skipped}
        entry |= figures | {"seconds": round(time.monotonic() - began, 3)}
        self.history.append(entry)
        score = figures[self.task.monitor]
        if not self.best or score > self.history[self.best_epoch - 1][self.task.monitor]:
            self.best_epoch = number
            state = self.network.state_dict()
            self.best = {k: v.detach().cpu().clone().contiguous() for k, v in state.items()}

    def _train(self, epoch: int) -> tuple[float, int]:
        """Mean loss of the epoch, and how many steps had no finite gradient."""
        self.network.train()
        count = self.task.micro_batches(epoch)
        total, skipped, steps = 0.0, 0, 0
        for first in range(0, count, self.settings.accumulate):
            group = range(first, min(first + self.settings.accumulate, count))
            loss, moved = self.step(epoch, group)
            total += loss
            steps += 1
            skipped += not moved
        if skipped > max(MOST_SKIPPED * steps, 1):
            raise InputError(
                f"fold {self.settings.fold}, epoch {epoch}: {skipped} of {steps} steps had no "
                "finite gradient: use precision fp32, or a smaller learning rate"
            )
        return total / count, skipped

    def step(self, epoch: int, group: range) -> tuple[float, bool]:
        """One step on the micro-batches in ``group``: the sum of their losses, and whether it was
        taken (not where its gradient was not finite)."""
        return self._gradients(epoch, group), self._moved()

    def _gradients(self, epoch: int, group: range) -> float:
        """Gradients of the micro-batches in ``group``; gives the sum of their losses."""
        import torch

        self.optimiser.zero_grad(set_to_none=True)
        total = torch.zeros(1, device=self.device)
        for index in group[self.ranks.rank :: self.ranks.world]:
            seed = _seed(self.settings, epoch, index + 1)
            inputs, truth = self.task.micro_batch(epoch, index, np.random.default_rng(seed))
            several = inputs if isinstance(inputs, tuple) else (inputs,)
            given = [self._laid_out(self._there(each)) for each in several]
            with self._autocast():
                output = self.network(*given)
            wanted = self._there(truth)
            value = self.task.loss(output.float(), wanted)
            if not torch.isfinite(value):
                raise InputError(
                    f"fold {self.settings.fold}, epoch {epoch}, micro-batch {index + 1} of "
                    f"{self.task.micro_batches(epoch)}: the loss is {value.item()}: look at the "
                    "images of this fold, use precision fp32, or a smaller learning rate"
                )
            self.scaler.scale(value / len(group)).backward()
            total += value.detach()
        self._add_up(total)
        return float(total)

    def _there(self, values: np.ndarray) -> torch.Tensor:
        """``values`` where they are computed with."""
        import torch

        return torch.from_numpy(np.ascontiguousarray(values)).to(self.device)

    def _laid_out(self, images: torch.Tensor) -> torch.Tensor:
        import torch

        return images if self.dtype is torch.float32 else _channels_last(images)

    def _add_up(self, total: torch.Tensor) -> None:
        import torch

        if self.ranks.world == 1:
            return
        parameters = [p for p in self.network.parameters() if p.requires_grad]
        for parameter in parameters:  # a process without a micro-batch left adds nothing
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        self.ranks.add_up([p.grad for p in parameters] + [total])
        # Running means of batch norm were taken over each process's own micro-batches.
        running = [b for b in self.network.buffers() if b.is_floating_point()]
        self.ranks.add_up(running)
        for buffer in running:
            buffer /= self.ranks.world

    def _moved(self) -> bool:
        """Take the step; False where its gradient was not finite and it was left out."""
        import torch

        self.scaler.unscale_(self.optimiser)
        parameters = [p for p in self.network.parameters() if p.grad is not None]
        limit = self.settings.clip or float("inf")
        length = torch.nn.utils.clip_grad_norm_(parameters, limit)
        finite = bool(torch.isfinite(length))
        taken = finite or self.scaler.is_enabled()
        if taken:
            self.scaler.step(self.optimiser)  # itself leaves out what overflowed
        self.scaler.update()
        if taken and self.schedule is not None:
            self.schedule.step()
        return taken

    def _validated(self) -> dict[str, float]:
        import torch

        figures: dict[str, float] = {}
        if self.ranks.first:
            self.network.eval()
            with torch.inference_mode(), self._autocast():
                figures = {k: float(v) for k, v in self.task.validate(self.network).items()}
        figures = self.ranks.told(figures)
        if not np.isfinite(figures[self.task.monitor]):
            raise InputError(
                f"fold {self.settings.fold}, epoch {self.epoch + 1}: the validation's "
                f"{self.task.monitor} is {figures[self.task.monitor]}: the weights are lost; "
                "resume with a smaller learning rate or precision fp32"
            )
        return figures

    def _autocast(self):
        import torch

        plain = self.dtype is torch.float32
        return torch.autocast(self.device.type, dtype=self.dtype, enabled=not plain)


def _device(settings: Settings, ranks: Ranks) -> torch.device:
    import torch

    from HNCLogic.inference.device import choose_device

    device = choose_device(settings.device)
    return torch.device("cuda", ranks.local) if device.type == "cuda" else device


def _channels_last(tensor: torch.Tensor) -> torch.Tensor:
    """Images and kernels with the channels of a voxel side by side; anything else as it is."""
    import torch

    layouts = {4: torch.channels_last, 5: torch.channels_last_3d}
    layout = layouts.get(tensor.ndim, torch.contiguous_format)
    return tensor.contiguous(memory_format=layout)


def _put_channels_last(network: torch.nn.Module) -> None:
    """In half precision convolutions want it: a step of a 3D U-Net then takes two thirds of the
    time. In float32 it takes longer."""
    for parameter in network.parameters():
        parameter.data = _channels_last(parameter.data)


def _precision(wanted: Precision, device: torch.device) -> torch.dtype:
    """bf16 only where the processor computes in it; elsewhere autocast only slows down."""
    import torch

    from HNCLogic.inference.device import computes_in_bf16

    if wanted == "auto":
        if computes_in_bf16(device):
            return torch.bfloat16
        return torch.float16 if device.type == "cuda" else torch.float32
    return {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[wanted]


def _seed(settings: Settings, epoch: int, index: int) -> np.random.SeedSequence:
    """A seed of its own for each micro-batch; also torch's, for dropout and fresh weights."""
    import torch

    seed = np.random.SeedSequence((settings.seed, settings.fold, epoch, index))
    torch.manual_seed(int(seed.generate_state(1, np.uint64)[0] >> 1))
    return seed


def _determinism(wanted: bool):
    """Within it, torch takes only algorithms that give the same result each time."""
    import contextlib

    import torch

    @contextlib.contextmanager
    def within() -> Iterator[None]:
        before = torch.are_deterministic_algorithms_enabled()
        filled = torch.utils.deterministic.fill_uninitialized_memory
        torch.use_deterministic_algorithms(wanted, warn_only=True)
        # Torch also fills all memory before it is written to: against errors that are not here.
        torch.utils.deterministic.fill_uninitialized_memory = False
        try:
            yield
        finally:
            torch.use_deterministic_algorithms(before)
            torch.utils.deterministic.fill_uninitialized_memory = filled

    return within()
