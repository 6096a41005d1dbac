"""Where models lie: those that ship with HNC, and the user's own. Standard library only."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from HNCLogic.resources import resource_folder


def shipped_models() -> Path:
    """The folder of the models that ship with HNC."""
    return resource_folder() / "Models"


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


def folders_in(base: Path) -> Iterator[Path]:
    """The folders in ``base`` that may be models, by name; none where it is not there."""
    for folder in sorted(base.iterdir()) if base.is_dir() else []:
        if folder.is_dir() and not folder.name.startswith("."):
            yield folder


def weights_folder(folder: Path, weights_of: str | None) -> Path:
    """Where the weights of the model in ``folder`` lie: there, or where they are those of model
    ``weights_of``, in its folder: beside this one, or among those that ship."""
    if weights_of is None:
        return folder
    beside = folder.parent / weights_of
    return beside if beside.is_dir() else shipped_models() / weights_of
