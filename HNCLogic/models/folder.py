"""One model folder: its card, its files, and its networks with their weights."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, ValidationError

from HNCLogic.errors import InputError, first_problem
from HNCLogic.models.card import CARD_FILE, Card, read_card
from HNCLogic.models.places import weights_folder
from HNCLogic.models.plain_card import digest_of
from HNCLogic.models.weights import (
    largest_file,
    load_weights,
    read_weights_file,
    sha256_of,
    wrong_hash,
)

if TYPE_CHECKING:
    import torch

Preparation = TypeVar("Preparation", bound=BaseModel)

BESIDE = {"README.md", "LICENSE", "LICENSE.txt"}  # what may lie beside card and weights
UNSEEN = {".DS_Store", "Thumbs.db", "desktop.ini", ".hnc-output"}  # left by systems, and by us
CODE = {".pt", ".pth", ".pkl", ".pickle", ".bin", ".ckpt", ".joblib", ".npy", ".npz", ".py", ".pyc"}


@dataclass(frozen=True)
class Model:
    """A trained model on disk, its card read and its files found to be the right ones."""

    folder: Path
    card: Card

    @property
    def weights_folder(self) -> Path:
        """Where the weights lie: here, or with the model whose weights they are."""
        return weights_folder(self.folder, self.card.weights_of)

    @property
    def folds(self) -> int:
        return len(self.card.weights)

    @property
    def digest(self) -> str:
        """One SHA-256 over all weights: of the folds' hashes, as text, in order."""
        return digest_of(each.sha256 for each in self.card.weights)

    def preparation(self, kind: type[Preparation]) -> Preparation:
        """The card's ``preprocessing`` as the method's own record.

        Raises InputError where the method does not know, or does not allow, what stands there.
        """
        try:
            return kind.model_validate(self.card.preprocessing)
        except ValidationError as error:
            problem = first_problem(error, "preprocessing")
            raise InputError(f"{self.folder / CARD_FILE} does not fit: {problem}") from error

    def check_hashes(self) -> None:
        """Compare each weights file with its SHA-256. Raises InputError at the first that differs.

        ``networks`` does so too, when a fold's turn comes; this finds out before the work begins.
        """
        for each in self.card.weights:
            path = self.weights_folder / each.file
            try:
                with path.open("rb") as file:
                    found = sha256_of(file)
            except OSError as error:
                raise InputError(f"{path} cannot be read: {error.strerror or error}") from error
            if found != each.sha256:
                raise wrong_hash(path)

    def networks(self, device: torch.device | str = "cpu") -> Iterator[torch.nn.Module]:
        """The folds' networks in order, in evaluation mode on ``device``.

        One at a time: it is the same network each time, with the next fold's weights. Raises
        InputError where a file is damaged or does not fit.
        """
        from HNCLogic.networks.registry import make

        network = make(self.card.network.name, self.card.network.arguments)
        network.requires_grad_(False).eval().to(device)
        largest = largest_file(network)
        for each in self.card.weights:
            path = self.weights_folder / each.file
            load_weights(network, read_weights_file(path, each.sha256, largest), str(path))
            yield network


def open_model(folder: Path) -> Model:
    """The model in ``folder``: card read, list of files checked, weights not yet read.

    Raises InputError where it is not a model folder, the card does not fit, a fold is missing,
    or anything lies there that does not belong. Weights are checked against their hashes when
    they are read, and by ``verify``.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder: give a model's name or its folder")
    _check_entries(folder)
    card = read_card(folder)
    allowed = {CARD_FILE, *BESIDE, *UNSEEN}
    named = {each.file for each in card.weights}
    present = {path.name for path in folder.iterdir()}
    if card.weights_of is not None:
        _check_lent(folder, card, named)
        named = set()
    if missing := sorted(named - present):
        raise InputError(
            f"{folder} lacks {missing[0]}, which its card names: the model is not whole, "
            "fetch it again"
        )
    if foreign := sorted(present - named - allowed):
        raise InputError(
            f"{folder} holds {foreign[0]!r:.80}, which its card does not name: only "
            f"{CARD_FILE}, the weights it names and a README or LICENSE belong there"
        )
    return Model(folder, card)


def _check_lent(folder: Path, card: Card, named: set[str]) -> None:
    """The model whose weights these are is there and has them. Raises InputError."""
    lender = weights_folder(folder, card.weights_of)
    if not lender.is_dir():
        raise InputError(
            f"{folder} has its weights from the model {card.weights_of}, which is not there: add "
            "that one first (hnc models add FOLDER)"
        )
    _check_entries(lender)
    present = {path.name for path in lender.iterdir()}
    if missing := sorted(named - present):
        raise InputError(f"{lender} lacks {missing[0]}, which the card of {folder} names")


def verify(folder: Path) -> Model:
    """The model in ``folder``, every file read: hashes right, weights fit the network.

    Raises InputError at the first thing that is wrong.
    """
    model = open_model(Path(folder))
    for _ in model.networks():
        pass
    return model


def _check_entries(folder: Path) -> None:
    """Plain files only, and none that could carry code. Raises InputError."""
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise InputError(f"{folder} cannot be read: {error.strerror or error}") from error
    for path in entries:
        name = repr(path.name)[:80]
        if path.suffix.lower() in CODE:
            raise InputError(
                f"{folder} holds {name}: pickles and code have no place in a model; weights come "
                "as safetensors"
            )
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode):
            raise InputError(f"{folder} holds a link, {name}: a model is whole in its own folder")
        if not stat.S_ISREG(mode):
            raise InputError(f"{folder} holds {name}, which is not a plain file")
