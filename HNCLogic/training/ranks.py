"""One process or several: where this one stands, and what they do together.

``torchrun`` starts the same command on every GPU or machine and tells each its rank in the
environment; without it there is one process. On GPUs they talk by NCCL, else by gloo.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from HNCLogic.errors import InputError

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Ranks:
    """This process's ``rank`` of ``world`` processes; ``local`` counts on this machine."""

    rank: int = 0
    world: int = 1
    local: int = 0

    @property
    def first(self) -> bool:
        """The one that writes and talks."""
        return self.rank == 0

    def add_up(self, tensors: list[torch.Tensor]) -> None:
        """Replace each tensor by its sum over all processes, all in one message."""
        if self.world == 1 or not tensors:
            return
        import torch
        from torch.distributed import all_reduce

        flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
        all_reduce(flat)
        start = 0
        for tensor in tensors:
            tensor.copy_(flat[start : start + tensor.numel()].view_as(tensor))
            start += tensor.numel()

    def told(self, value: Any) -> Any:
        """``value`` (JSON data) as the first process has it."""
        if self.world == 1:
            return value
        import torch
        from torch.distributed import broadcast

        device = "cuda" if torch.cuda.is_available() else "cpu"
        held = torch.tensor(list(json.dumps(value).encode()), dtype=torch.uint8, device=device)
        length = torch.tensor([len(held)], device=device)
        broadcast(length, 0)
        if not self.first:
            held = torch.empty(int(length), dtype=torch.uint8, device=device)
        broadcast(held, 0)
        return json.loads(bytes(held.tolist()))


@contextlib.contextmanager
def ranks() -> Iterator[Ranks]:
    """The processes that ``torchrun`` started, joined; or this one alone.

    Raises InputError where the environment names a rank that cannot be.
    """
    try:
        world = int(os.environ.get("WORLD_SIZE", "1"))
        rank, local = (int(os.environ.get(name, "0")) for name in ("RANK", "LOCAL_RANK"))
    except ValueError as error:
        raise InputError(f"the environment's ranks are no numbers: {error}") from error
    if world == 1:
        yield Ranks()
        return
    if not 0 <= rank < world:
        raise InputError(f"rank {rank} of {world} processes cannot be: start with torchrun")
    import torch
    from torch import distributed

    if torch.cuda.is_available():
        torch.cuda.set_device(local)
    distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    try:
        yield Ranks(rank, world, local)
    finally:
        distributed.destroy_process_group()
