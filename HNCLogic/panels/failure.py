"""Why a request gave no result, in the user's words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from slicer.i18n import tr as _

from HNCLogic.errors import NO_MEMORY, lacks_memory
from HNCLogic.panels.panel_words import for_panel, options_in

Kind = Literal["input", "choose", "cancelled", "killed", "crashed", "missing"]

# As subprocess and as shells give them, and Windows' STATUS_NO_MEMORY and STATUS_COMMITMENT_LIMIT.
KILLED = {-9, 137, 0xC0000017, 0xC000012D}
STOPPED = {130, -2, -15, 143}  # Ctrl-C and SIGTERM, caught by the child and not
# What Slicer's launcher makes of a Python that was ended by a signal, and Python's own last word.
_ABNORMAL, _LAST_WORD = "exit abnormally", "Fatal Python error"
_MISSING = re.compile(r"(?:ModuleNotFoundError: )?No module named '?([A-Za-z_][\w.]*)'?")


@dataclass(frozen=True)
class Failure:
    """``words`` are for the user; ``log``: what the child process printed, for the curious.

    ``role`` and ``choices`` (what to pass, and words) go with "choose"; ``options``, of the command
    line, are what the refusal of an input names.
    """

    kind: Kind
    words: str
    log: str = ""
    role: str | None = None
    choices: tuple[tuple[str, str], ...] = ()
    options: frozenset[str] = frozenset()


def cancelled() -> Failure:
    return Failure("cancelled", _("Cancelled."))


def scene_closed() -> Failure:
    return Failure("cancelled", _("Cancelled, because the scene was closed."))


def short_of_memory(log: str = "") -> Failure:
    return Failure(
        "killed",
        _(
            "The memory of this computer did not suffice, and the analysis was ended. The scene is "
            "as it was. Close other programs or other scans, use images that show the head and "
            "neck only, or use a computer with more memory."
        ),
        log,
    )


def of_ended_process(
    code: int,
    refusal: str | None,
    choose: tuple[str, tuple[tuple[str, str], ...]] | None,
    lines: list[str],
) -> Failure:
    """What an exit code and what was printed say.

    ``refusal``: what followed ``hnc: ``; ``choose``: a role and the series to choose from;
    ``lines``: everything else.
    """
    log = "\n".join(lines)
    if code == 2 and choose is not None:
        role, series = choose
        words = _("There are several series for the {role}.").format(role=role)
        return Failure("choose", words, log, role, series)
    if code == 2 and refusal is not None and refusal != NO_MEMORY:
        return Failure("input", for_panel(refusal), log, options=options_in(refusal))
    by_signal = any(_ABNORMAL in line for line in lines) and not any(
        _LAST_WORD in line for line in lines
    )
    if code in KILLED or refusal == NO_MEMORY or by_signal or any(map(lacks_memory, lines)):
        return short_of_memory(log)
    if code in STOPPED:
        words = _("The analysis was ended from outside. The scene is as it was.")
        return Failure("killed", words, log)
    for line in reversed(lines):
        lacking = _MISSING.search(line)
        if lacking is not None:
            words = _(
                "The Python package {name} is missing or not whole, so nothing could be computed."
            )
            return Failure("missing", words.format(name=lacking[1].partition(".")[0]), log)
    words = _("The analysis ended with an error (code {code}). The scene is as it was.")
    return Failure("crashed", words.format(code=code), log)


def of_error(error: Exception) -> Failure:
    """An error in the application itself."""
    words = _("The analysis could not be done ({error}). The scene is as it was.")
    return Failure("crashed", words.format(error=type(error).__name__), str(error))
