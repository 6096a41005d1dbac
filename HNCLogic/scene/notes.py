"""What every file says of itself: research use, what the network was trained on, simulation.

In a NRRD header these are key/value pairs, which every reader keeps or ignores; on a node they
are attributes of the same names, which a scene keeps.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from HNCLogic import RESEARCH_USE

if TYPE_CHECKING:  # pydantic is not there before the user agreed to install it
    from HNCLogic.job import Result


USE = "HNC_ResearchUse"
TRAINED_ON = "HNC_TrainedOn"
SIMULATED = "HNC_Simulated"
PREFIX = "HNC_"


def notes(result: Result | None, trained_on: str | None = None) -> dict[str, str]:
    """Key → words, each on one line, of what ``result`` calls for; ``trained_on``: of the network
    that made the file's content, None where none did."""
    found = {USE: RESEARCH_USE if result is None else result.research_use}
    if trained_on:
        found[TRAINED_ON] = trained_on
    if result is not None and result.simulated:
        found[SIMULATED] = result.simulated
    return {key: " ".join(words.split()) for key, words in found.items()}


def note_on(node: Any, said: dict[str, str]) -> None:
    for key, words in said.items():
        node.SetAttribute(key, words)


def noted_on(node: Any) -> dict[str, str]:
    """What ``note_on`` wrote; of a node without notes, that it is for research use."""
    found = {name: node.GetAttribute(name) for name in node.GetAttributeNames()}
    return notes(None) | {key: words for key, words in found.items() if key.startswith(PREFIX)}


def write_into_header(path: Path, said: dict[str, str]) -> None:
    """Add key/value pairs to the NRRD file at ``path``, whose voxels follow its header.

    The voxels' bytes stay as they are. The new file is made beside and takes the old one's place
    when whole. Raises OSError, and ValueError where ``path`` is no such file.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        with path.open("rb") as source, part.open("wb") as target:
            if not source.readline().startswith(b"NRRD"):
                raise ValueError(f"{path.name} is no NRRD file")
            source.seek(0)
            for line in iter(source.readline, b""):
                if not line.strip():
                    break
                target.write(line)
            else:
                raise ValueError(f"{path.name} has no voxels after its header")
            for key, words in said.items():
                escaped = words.replace("\\", "\\\\").replace("\n", "\\n")  # as the format has it
                target.write(f"{key}:={escaped}\n".encode())
            target.write(b"\n")
            shutil.copyfileobj(source, target)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
