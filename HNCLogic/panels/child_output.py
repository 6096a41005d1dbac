"""What the process of a job prints, line by line: progress, outcome, and the rest as a log."""

from __future__ import annotations

import json
from collections import deque

LOG_LINES = 200
LONGEST_LINE = 500
REFUSED = "hnc: "


class ChildOutput:
    """Takes lines in the order they come, both streams mixed.

    ``names``: paths, and what to call them, for lines that are shown: a path of our own means
    nothing to the user, and one of theirs may name the patient.
    """

    def __init__(self, names: dict[str, str]):
        self._names = sorted(names.items(), key=lambda item: -len(item[0]))
        self._log: deque[str] = deque(maxlen=LOG_LINES)
        self.refusal: str | None = None
        self.choose: tuple[str, tuple[tuple[str, str], ...]] | None = None
        self.ended_well = False
        self.worker: int | None = None  # the process that works, as it says itself

    @property
    def log(self) -> list[str]:
        """The last lines that are no progress and no outcome."""
        return list(self._log)

    def take(self, line: str) -> tuple[float, str] | None:
        """Share done and what is being done, where ``line`` says so."""
        said = _object_in(line)
        try:
            if "progress" in said:
                if "process" in said:
                    self.worker = int(said["process"])
                return min(max(float(said["progress"]), 0.0), 1.0), str(said["step"])
            if "choose" in said:
                series = said["choose"]["series"]
                choices = tuple((str(one["choice"]), str(one["words"])) for one in series)
                self.choose = (str(said["choose"]["role"]), choices)
                return None
            if "result" in said:
                self.ended_well = True
                return None
        except (KeyError, TypeError, ValueError):
            pass  # somebody else's JSON
        line = self._renamed(line.rstrip())
        if line.startswith(REFUSED):
            self.refusal = line.removeprefix(REFUSED)
        elif line:
            self._log.append(line[:LONGEST_LINE])
        return None

    def _renamed(self, line: str) -> str:
        for path, name in self._names:
            line = line.replace(path, name)
        return line


def _object_in(line: str) -> dict:
    if not line.startswith("{"):
        return {}
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
