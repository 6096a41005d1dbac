"""What went wrong in one line for the user, where it is not a bug of ours."""

from __future__ import annotations

import errno
import os

from HNCLogic.errors import NO_MEMORY, InputError, out_of_memory

# What the system says of a path that the user gave; anything else would be a bug of ours.
UNREADABLE = {errno.EACCES, errno.EPERM, errno.ENAMETOOLONG, errno.ELOOP, errno.EIO}


def in_users_words(error: Exception) -> str | None:
    """What is wrong and what to do about it; None for what is a bug of ours."""
    from typer.exceptions import TyperException

    if isinstance(error, InputError):
        return str(error)
    if out_of_memory(error):
        return NO_MEMORY
    if isinstance(error, OSError) and error.errno in UNREADABLE and error.filename is not None:
        return f"{os.fsdecode(error.filename)[:200]} cannot be used: {error.strerror.lower()}"
    if isinstance(error, TyperException):
        return _without_effect(error) or _usage(error)
    return None


def _usage(error) -> str:
    message = error.format_message() if hasattr(error, "format_message") else str(error)
    return message or "give a command: hnc --help"


def _without_effect(error) -> str | None:
    """An option that other tasks use is no slip of the pen."""
    from HNCLogic.task_commands import OFFERED

    asked = getattr(error, "option_name", None)
    task = getattr(getattr(error, "ctx", None), "info_name", None)
    if asked is None or task not in OFFERED:
        return None
    theirs = [other for other in OFFERED if asked in _names(OFFERED[other])]
    if not theirs:
        return None
    return (
        f"{asked} has no effect in {task}, only in {' and '.join(theirs)}: leave it out "
        f"(hnc {task} --help)"
    )


def _names(offered: dict) -> set[str]:
    """The options as the user writes them."""
    found = set()
    for name, kind in offered.items():
        stated = kind.__metadata__[0].param_decls or ()
        found |= set(stated) or {f"--{name.replace('_', '-')}"}
    return found
