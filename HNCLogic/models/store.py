"""Models at hand: found by name, listed, checked, added to the user's own."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from HNCLogic.errors import InputError
from HNCLogic.models.card import CARD_FILE, Card, read_card
from HNCLogic.models.folder import UNSEEN, Model, open_model, verify
from HNCLogic.models.places import folders_in, own_models, shipped_models

__all__ = ["Listing", "add_model", "find_model", "list_models", "model_for", "verify"]


@dataclass(frozen=True)
class Listing:
    """One model at hand; ``problem`` says why it cannot be used, and then there is no card."""

    name: str
    folder: Path
    shipped: bool
    card: Card | None
    problem: str | None = None


def find_model(name_or_folder: str | Path, method: str | tuple[str, ...] | None = None) -> Model:
    """The model of that name, or in that folder: its card fits, its files are the right ones.

    Raises InputError where there is none, where a shipped model and one of the user's share the
    name, where it is not one for ``method`` (or any of several), and for whatever
    ``open_model`` refuses.
    """
    model = _opened(_place_of(str(name_or_folder)))
    wanted = (method,) if isinstance(method, str) else method
    if wanted is not None and model.card.method not in wanted:
        fitting = [m.name for m in list_models() if m.card is not None and m.card.method in wanted]
        raise InputError(
            f"model {model.card.name} is for method {model.card.method}, not "
            f"{' or '.join(wanted)}: "
            + (f"choose {' or '.join(fitting)}" if fitting else "none for it is installed")
        )
    return model


def model_for(method: str, asked: str | None) -> Model:
    """The model that is ``asked`` for, or the only one for ``method`` where none is.

    Raises InputError as ``find_model``, and where there is none for the method or several.
    """
    if asked is not None:
        return find_model(asked, method)
    fitting = [m.name for m in list_models() if m.card is not None and m.card.method == method]
    if len(fitting) != 1:
        raise InputError(
            f"several models are for method {method}: choose {' or '.join(fitting)} (--model)"
            if fitting
            else f"no model for method {method} is installed: give its folder (--model FOLDER), or "
            "add one (hnc models add FOLDER)"
        )
    return find_model(fitting[0], method)


def _place_of(asked: str) -> Path:
    """The folder of the model that is ``asked`` for by name or folder."""
    if re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", asked):
        places = [base / asked for base in (shipped_models(), own_models())]
        found = [place for place in places if place.is_dir()]
        if len(found) > 1:
            raise InputError(
                f"two models are called {asked}: give the folder of the one you mean, {found[0]} "
                f"or {found[1]}"
            )
        if found:
            return found[0]
    folder = Path(asked).expanduser()
    if folder.is_dir():
        return folder
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
        for folder in folders_in(base):
            try:
                card = open_model(folder).card
                if card.name != folder.name:
                    raise InputError(f"{folder} holds model {card.name}: rename the folder")
                listed.append(Listing(folder.name, folder, shipped, card))
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
