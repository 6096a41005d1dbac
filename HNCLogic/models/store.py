"""Where models lie: those that ship with HNC, and the user's own."""

from __future__ import annotations

import os
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from HNCLogic.errors import InputError
from HNCLogic.models.card import CARD_FILE, Card, read_card
from HNCLogic.models.folder import UNSEEN, Model, open_model, verify

__all__ = ["Listing", "add_model", "find_model", "list_models", "own_models", "verify"]

PACKAGE = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Listing:
    """One model at hand; ``problem`` says why it cannot be used, and then there is no card."""

    name: str
    folder: Path
    shipped: bool
    card: Card | None
    problem: str | None = None


def shipped_models() -> Path:
    """The folder of models that ship: beside the package in a checkout and in Slicer, or in it."""
    beside = PACKAGE.parent / "Resources" / "Models"
    return beside if beside.is_dir() else PACKAGE / "Resources" / "Models"


def own_models() -> Path:
    """The user's own models, where the system keeps a user's data; HNC_MODELS overrides."""
    if chosen := os.environ.get("HNC_MODELS"):
        return Path(chosen).expanduser()
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
        return Path(base) / "HNC" / "Models"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "HNC" / "Models"
    base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "hnc" / "models"


def find_model(name_or_folder: str | Path) -> Model:
    """The model of that name, or in that folder: its card fits, its files are the right ones.

    Raises InputError where there is none, where a shipped model and one of the user's share the
    name, and for whatever ``open_model`` refuses.
    """
    asked = str(name_or_folder)
    if re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", asked):
        places = [base / asked for base in (shipped_models(), own_models())]
        found = [place for place in places if place.is_dir()]
        if len(found) > 1:
            raise InputError(
                f"two models are called {asked}: give the folder of the one you mean, {found[0]} "
                f"or {found[1]}"
            )
        if found:
            model = _opened(found[0])
            if model.card.name != asked:
                raise InputError(f"{found[0]} holds model {model.card.name}: rename the folder")
            return model
    folder = Path(asked).expanduser()
    if folder.is_dir():
        return _opened(folder)
    names = [each.name for each in list_models()]
    raise InputError(
        f"no model called {asked[:200]!r}, and no such folder: "
        + (f"known are {', '.join(names)}" if names else "no model is installed")
    )


def _opened(folder: Path) -> Model:
    model = open_model(folder)
    model.check_hashes()
    return model


def list_models() -> list[Listing]:
    """All models at hand, shipped ones first; a broken one is listed with its problem."""
    listed = []
    for base, shipped in ((shipped_models(), True), (own_models(), False)):
        if not base.is_dir():
            continue
        for folder in sorted(base.iterdir()):
            if folder.name.startswith(".") or not folder.is_dir():
                continue
            try:
                listed.append(Listing(folder.name, folder, shipped, open_model(folder).card))
            except InputError as error:
                listed.append(Listing(folder.name, folder, shipped, None, str(error)))
    return listed


def add_model(folder: str | Path) -> Model:
    """Copy a model folder to the user's own models, checked before and after, whole or not at all.

    Raises InputError where the folder is not a sound model, where a model of its name is there
    already, or where the copy cannot be written.
    """
    from HNCLogic.outputs import LIST, whole_or_nothing

    model = verify(Path(folder).expanduser())
    name = model.card.name
    for base in (shipped_models(), own_models()):
        if (base / name).exists():
            raise InputError(
                f"a model called {name} is there already: remove {base / name} first, or give "
                "the new one another name in its card"
            )
    target = own_models() / name
    with whole_or_nothing(target) as stage:
        for path in sorted(model.folder.iterdir()):
            if path.name not in UNSEEN:
                shutil.copyfile(path, stage / path.name)
        if verify(stage).card != model.card:
            raise InputError(f"{model.folder / CARD_FILE} changed while it was copied: try again")
    (target / LIST).unlink(missing_ok=True)
    return Model(target, read_card(target))
