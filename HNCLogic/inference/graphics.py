"""Networks on a graphics card: as many windows at once as fit, fewer or the CPU where they do not.

Tested with networks that claim to be out of memory; on a real card it is untested.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from HNCLogic.inference.backends import Backend, Windows

SHARE = 0.6  # of the card's free memory; the rest is for the sums and for what others take
MOST = 16  # windows at once: a card is busy with fewer
FULL, LACKING = "ran out of memory", "cannot compute this network"


def windows_at_once(free: int, for_one: int) -> int:
    """How many windows fit at once into ``free`` bytes, one taking ``for_one``."""
    return max(1, min(MOST, int(SHARE * free / for_one)))


def free_on(device: torch.device) -> int | None:
    """Bytes free on a graphics card; None on the CPU, where windows are computed one at a time."""
    import torch

    if device.type == "mps":  # shared with the processor: what the system recommends at most
        return torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory()
    return torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else None


def made_ready(backend: Backend, network: torch.nn.Module, tell: Callable[[str], None]) -> Windows:
    """``network`` made ready where it is; on a card as of ``in_less_memory``."""
    if next(network.parameters()).device.type == "cpu":
        return backend.ready(network)
    return in_less_memory(backend, network, tell)


def in_less_memory(
    backend: Backend, network: torch.nn.Module, tell: Callable[[str], None]
) -> Windows:
    """``network`` made ready, so that running out of the card's memory is not the end: windows
    are halved in number down to one, then the network goes on on the CPU, as it does at once where
    the card lacks an operation. ``tell`` is told each time. What comes back is on the windows' own
    device. Raises torch.OutOfMemoryError where even the CPU has not enough.
    """
    import torch

    run, most, moved = backend.ready(network), None, False

    def attempt(windows: torch.Tensor) -> torch.Tensor | str:
        """The logits, or what the card cannot do."""
        try:
            return run(windows.to(next(network.parameters()).device)).to(windows.device)
        except RuntimeError as error:
            trouble = _trouble(error)
            if moved or not trouble:
                raise
            return trouble

    def do_with_less(trouble: str, count: int) -> None:
        # Not where the error is handled: it holds the frames, and these the card's memory.
        nonlocal run, most, moved
        if trouble == FULL and count > 1:
            most = count // 2
            tell(f"The graphics card {trouble}: from here {most} windows at once.")
            return
        moved = True
        tell(f"The graphics card {trouble}: from here on the CPU, which takes longer.")
        run = backend.ready(network.to("cpu"))

    def all_of(windows: torch.Tensor) -> torch.Tensor:
        done: list[torch.Tensor] = []
        while (first := sum(map(len, done))) < len(windows):
            few = windows[first : first + (most or len(windows))]
            logits = attempt(few)
            if isinstance(logits, str):
                do_with_less(logits, len(few))
            else:
                done.append(logits)
        return torch.cat(done)

    return all_of


def _trouble(error: RuntimeError) -> str:
    """In words, if another device or fewer windows may help; "" where they do not."""
    import torch

    if isinstance(error, NotImplementedError):
        return LACKING
    # torch's own kind for it, or Apple's in words alone.
    full = isinstance(error, torch.OutOfMemoryError) or "out of memory" in str(error)
    return FULL if full else ""
