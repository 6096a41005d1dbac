"""The weights of one fold: safetensors in and out. No pickle, ever.

On disk matrices and kernels are float16, vectors (biases, normalisation and its statistics)
float32: they are few, and a variance near zero would not survive in float16. In memory all is
float32.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from HNCLogic.errors import InputError

if TYPE_CHECKING:
    import torch

SPARE = 2**20  # bytes of a file beyond its weights: the header


def encode(state: dict[str, torch.Tensor]) -> bytes:
    """A network's ``state_dict`` as safetensors bytes; integer counters are left out.

    Raises ValueError where a weight is not finite or grows beyond float16.
    """
    import torch
    from safetensors.torch import save

    out = {}
    for name, tensor in state.items():
        if not tensor.is_floating_point():
            continue
        wanted = torch.float32 if tensor.ndim < 2 else torch.float16
        stored = tensor.detach().cpu().to(wanted).contiguous().clone()
        if not torch.isfinite(stored).all():
            raise ValueError(f"weights {name} are not finite numbers of {wanted}")
        out[name] = stored
    return save(out)


def read_weights_file(path: Path, sha256: str, largest: int) -> bytes:
    """The bytes of a weights file, whose hash must be ``sha256`` and size at most ``largest``.

    Raises InputError where it is not so, or the file cannot be read.
    """
    try:
        if path.stat().st_size > largest:
            raise InputError(f"{path} is larger than its network: the file does not fit its card")
        with path.open("rb") as file:
            held = file.read(largest + 1)
    except FileNotFoundError as error:
        raise InputError(f"{path} is missing: the model is not whole, fetch it again") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error
    if hashlib.sha256(held).hexdigest() != sha256:
        raise wrong_hash(path)
    return held


def wrong_hash(path: Path) -> InputError:
    return InputError(
        f"{path} is not the file its card names (SHA-256 differs): it was damaged or changed; "
        "fetch the model again"
    )


def sha256_of(file: BinaryIO) -> str:
    """SHA-256 of an open file, a piece at a time."""
    digest = hashlib.sha256()
    while piece := file.read(2**20):
        digest.update(piece)
    return digest.hexdigest()


def load_weights(network: torch.nn.Module, held: bytes, source: str) -> None:
    """Put the weights in ``held`` (safetensors) into ``network``: all of them, and no others.

    Raises InputError, naming ``source``, where the bytes are damaged or where names, shapes or
    kinds of numbers are not the network's, or a weight is not finite.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        found = load(held)
    except (SafetensorError, KeyError, ValueError, OverflowError, RuntimeError) as error:
        raise InputError(f"{source} is damaged: {str(error)[:120]}") from error
    wanted = {k: v for k, v in network.state_dict().items() if v.is_floating_point()}
    missing, foreign = wanted.keys() - found.keys(), found.keys() - wanted.keys()
    if missing or foreign:
        words = f"{min(missing)} is missing" if missing else f"{min(foreign)!r:.80} is unknown"
        raise InputError(f"{source} does not fit its network: {words}")
    for name, tensor in found.items():
        if tensor.shape != wanted[name].shape:
            raise InputError(
                f"{source} does not fit its network: {name} is {tuple(tensor.shape)}, "
                f"not {tuple(wanted[name].shape)}"
            )
        if tensor.dtype not in (torch.float16, torch.float32):
            raise InputError(f"{source} does not fit: {name} is {tensor.dtype}, not float16 or 32")
        if not torch.isfinite(tensor).all():
            raise InputError(f"{source} is damaged: {name} has values that are not finite")
    # Not strict about the counters alone: everything else was compared above.
    network.load_state_dict({k: v.float() for k, v in found.items()}, strict=False)


def largest_file(network: torch.nn.Module) -> int:
    """Bytes a weights file of ``network`` may have: float32, and a header."""
    return 4 * sum(v.numel() for v in network.state_dict().values()) + SPARE
