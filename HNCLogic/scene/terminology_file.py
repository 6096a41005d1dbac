"""Our terms in the lists that Slicer's Segment Editor offers.

Two files, because Slicer takes what a segment is and where it lies from a file each.
"""

from __future__ import annotations

import logging
from typing import Any

from HNCLogic.resources import resource_folder

log = logging.getLogger(__name__)

FILES = ("HNC.term.json", "HNC-Sites.term.json")


def load_terms(logic: Any) -> bool:
    """Load our lists into a vtkSlicerTerminologiesModuleLogic; loading again changes nothing.

    False, and a line in the log, where Slicer does not take them: segments keep their codes all
    the same.
    """
    folder = resource_folder() / "Terminology"
    taken = [logic.LoadContextFromFile(str(folder / name)) for name in FILES]
    if not all(taken):
        log.warning("Slicer did not take the terms of head and neck cancer")
    return all(taken)


def load_terms_into_desktop() -> bool:
    """``load_terms`` where Slicer's Terminologies module is there; False where it is not."""
    import slicer

    module = getattr(getattr(slicer, "modules", None), "terminologies", None)
    return module is not None and load_terms(module.logic())
