"""What runs a network: torch, or OpenVINO where it is installed.

A backend makes a network ready once, and is then given windows: float32 tensors
(n, channel, *patch) on the network's device, to float32 logits (n, class, *patch) there.
"""

from __future__ import annotations

import platform
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Literal, Protocol

from HNCLogic.errors import InputError
from HNCLogic.inference.device import computes_in_bf16

if TYPE_CHECKING:
    import torch

Numbers = Literal["exact", "quick"]
Wanted = Literal["auto", "torch", "openvino"]
Windows = Callable[["torch.Tensor"], "torch.Tensor"]

# Kinds of processors on one of which (Intel, with bfloat16 units) OpenVINO was the quicker.
OPENVINO_IS_QUICKER_ON = ("x86_64", "amd64")
OPENVINO = "openvino>=2025.0"  # as pip is asked for it


class Backend(Protocol):
    name: str  # as benchmarks say it
    copies: bool  # is the network free for other weights once it was made ready?
    at_once: int  # windows that a CPU computes together

    def words(self, device: torch.device) -> str:
        """What computes, and in which numbers, as an answer's provenance says it."""

    def ready(self, network: torch.nn.Module) -> Windows: ...


class TorchBackend:
    """torch itself, in evaluation mode; in bfloat16 where ``quick`` and the processor computes in
    bfloat16 by itself, else in float32."""

    name = "torch"
    copies = False

    def __init__(self, quick: bool):
        self.quick = quick

    @property
    def at_once(self) -> int:
        """In float32 two: for one alone torch takes its slow convolution wherever maps are small,
        which is half as long again (measured on the network that ships)."""
        import torch

        return 1 if self.quick and computes_in_bf16(torch.device("cpu")) else 2

    def words(self, device: torch.device) -> str:
        numbers = "bfloat16" if self.quick and computes_in_bf16(device) else "float32"
        return f"torch in {numbers}{'' if device.type == 'cpu' else ' on a graphics card'}"

    def ready(self, network: torch.nn.Module) -> Windows:
        import torch

        layout, casting = in_numbers(network, self.quick)

        def run(windows: torch.Tensor) -> torch.Tensor:
            with torch.inference_mode(), casting():
                return network(windows.contiguous(memory_format=layout)).float()

        return run


def in_numbers(
    network: torch.nn.Module, quick: bool
) -> tuple[torch.memory_format, Callable[[], AbstractContextManager]]:
    """Put ``network`` into evaluation mode and the layout it is quickest in.

    Gives that layout, for its input, and the context to run it in: bfloat16 where ``quick`` and
    the processor computes in bfloat16 by itself, else float32.
    """
    import torch

    device = next(network.parameters()).device
    quick = quick and computes_in_bf16(device)
    # Channels last is what convolutions in bfloat16 want. Those in float32 gain a tenth or two,
    # but torch's norm then takes the variance as a difference of large sums, no longer exactly.
    layout = torch.channels_last_3d if quick else torch.contiguous_format
    network.eval().to(memory_format=layout)
    return layout, partial(torch.autocast, device.type, torch.bfloat16, enabled=quick)


def choose_backend(
    wanted: Wanted, numbers: Numbers, network: torch.nn.Module | None = None
) -> Backend:
    """The backend for ``network`` (None: of whichever kind).

    "auto" takes the quicker one of those that are there and can run the network: on CPUs of
    ``OPENVINO_IS_QUICKER_ON`` OpenVINO, elsewhere torch. Raises InputError where "openvino" is
    asked for and not installed, or does not know the network.
    """
    quick = numbers == "quick"
    if wanted == "torch":
        return TorchBackend(quick)
    refusal = _openvino_refusal(network)
    if wanted == "openvino" and refusal:
        raise InputError(f"OpenVINO was asked for, {refusal}")
    if refusal or (wanted == "auto" and not openvino_is_quicker()):
        return TorchBackend(quick)
    from HNCLogic.inference.openvino_backend import OpenVinoBackend

    return OpenVinoBackend(quick)


def openvino_is_quicker() -> bool:
    """Would it be, by the kind of processor, if it were installed?"""
    return platform.machine().lower() in OPENVINO_IS_QUICKER_ON and platform.system() != "Darwin"


def openvino_is_there() -> bool:
    return find_spec("openvino") is not None


def _openvino_refusal(network: torch.nn.Module | None) -> str:
    """Why OpenVINO cannot run ``network``, in words; "" where it can."""
    if not openvino_is_there():
        return f'but is not installed: pip install "{OPENVINO}"'
    if network is None:
        return ""
    from HNCLogic.inference.openvino_graph import is_known

    if not is_known(network):
        return f"but it cannot run a {type(network).__name__}: use torch"
    if next(network.parameters()).device.type != "cpu":
        return "but the network is not on the CPU: use torch"
    return ""
