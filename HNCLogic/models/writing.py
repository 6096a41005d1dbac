"""A trained model to disk: card and weights of all folds, whole or not at all."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from HNCLogic.models.card import CARD_FILE, card_of, weights_name
from HNCLogic.models.folder import Model, verify
from HNCLogic.models.weights import encode

if TYPE_CHECKING:
    import torch


def write_model(
    folder: Path, fields: dict[str, Any], states: Sequence[dict[str, torch.Tensor]]
) -> Model:
    """Write ``folder``: a ``model.json`` and a weights file per fold.

    ``fields`` are the card's but ``weights``, as JSON values; ``states`` the ``state_dict`` of
    each fold's network, fold 1 first. What was written is read back and checked before it is put
    in place. Raises InputError where ``folder`` holds something already, cannot be written, or
    the card does not fit, and ValueError where weights are not finite.
    """
    from HNCLogic.outputs import LIST, whole_or_nothing

    files = {weights_name(fold): encode(state) for fold, state in enumerate(states, start=1)}
    weights = [
        {"file": name, "sha256": hashlib.sha256(held).hexdigest(), "fold": fold}
        for fold, (name, held) in enumerate(files.items(), start=1)
    ]
    card = card_of({**fields, "weights": weights}, "the card")
    with whole_or_nothing(Path(folder)) as stage:
        for name, held in files.items():
            (stage / name).write_bytes(held)
        text = card.model_dump_json(indent=2) + "\n"
        (stage / CARD_FILE).write_text(text, encoding="utf-8")
        verify(stage)
    (Path(folder) / LIST).unlink(missing_ok=True)
    return Model(Path(folder), card)
