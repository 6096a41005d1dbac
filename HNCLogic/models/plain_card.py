"""The JSON of a model's card, read with care and not yet checked. Standard library only.

A card comes from anyone: it is bounded in size and depth, and holds nothing that could steer a
terminal or misrepresent a name. Whether it fits is ``models.card``'s part.
"""

from __future__ import annotations

import hashlib
import json
import math
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from HNCLogic.errors import InputError

CARD_FILE = "model.json"
LARGEST_CARD = 1_000_000  # bytes
DEEPEST = 8  # lists and objects within each other


def read_card_file(folder: Path) -> bytes:
    """What is in a model folder's card, at most a byte more than it may have.

    Raises InputError where there is none or it cannot be read.
    """
    path = folder / CARD_FILE
    try:
        with path.open("rb") as file:
            return file.read(LARGEST_CARD + 1)
    except FileNotFoundError as error:
        raise InputError(f"{folder} has no {CARD_FILE}: not a model folder") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error


def plain_card(text: bytes, source: str) -> dict[str, Any]:
    """The fields in the bytes of a ``model.json``; ``source`` names it in errors.

    Raises InputError, in one line, for anything that is not a card of this format's version.
    """
    if len(text) > LARGEST_CARD:
        raise InputError(f"{source} is larger than {LARGEST_CARD // 1000} kB: not a model card")
    try:
        raw = json.loads(
            text.decode("utf-8"), parse_constant=_no_constant, object_pairs_hook=_no_twins
        )
        _check_plain(raw)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{source} is not a model card: {_first_line(error)}") from error
    if not isinstance(raw, dict) or raw.get("format") != "hnc-model":
        raise InputError(f'{source} is not a model card: it does not say "format": "hnc-model"')
    if raw.get("format_version") != 1:
        raise InputError(
            f"{source} has format version {str(raw.get('format_version'))[:20]}, this HNC reads 1: "
            "use the HNC that the model was made for"
        )
    return raw


def digest_of(hashes: Iterable[str]) -> str:
    """One SHA-256 over all of a model's weights: of the folds' hashes, as text, in order."""
    return hashlib.sha256("".join(hashes).encode()).hexdigest()


def _no_constant(word: str) -> None:
    raise ValueError(f"{word} is not a number a card may hold")


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return found


def _check_plain(value: Any, depth: int = 0) -> None:
    """Only finite numbers and printable words, not too deep: raises ValueError otherwise."""
    if depth > DEEPEST:
        raise ValueError(f"more than {DEEPEST} lists or objects within each other")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("a number is too large")
    if isinstance(value, int) and abs(value) >= 2**53:
        raise ValueError("a number is too large")
    if isinstance(value, str):
        # Control characters could steer a terminal, bidirectional ones misrepresent a name, and
        # lone surrogates cannot be written again.
        if any(c != "\n" and unicodedata.category(c) in ("Cc", "Cf", "Cs") for c in value):
            raise ValueError("a text has characters that cannot be shown")
    elif isinstance(value, list):
        for each in value:
            _check_plain(each, depth + 1)
    elif isinstance(value, dict):
        for name, each in value.items():
            _check_plain(name)
            _check_plain(each, depth + 1)


def _first_line(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8"
    if isinstance(error, RecursionError):
        return "lists or objects too deep within each other"
    return str(error)[:200]
