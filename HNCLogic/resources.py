"""Where the shared resources lie: models, terminology, colours, icons.

They stand beside HNCLogic in a source tree, because Slicer's modules share them, and inside it
where it was installed (by pip, or as part of the Slicer extension).
"""

from __future__ import annotations

from pathlib import Path


def resource_folder() -> Path:
    """The folder ``Resources``; its sub-folder ``Models`` holds one folder for each model.

    Raises FileNotFoundError where the installation is damaged: never the user's input's fault.
    """
    package = Path(__file__).resolve().parent
    for folder in (package / "Resources", package.parent / "Resources"):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(f"no Resources folder in or beside {package}: install HNC again")
