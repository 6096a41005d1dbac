"""The folder a request works in: this user's alone, and gone when the request is."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import stat
import tempfile
import threading
import time
from pathlib import Path

log = logging.getLogger(__name__)

PREFIX = "hnc-request-"
QUICKLY_REMOVED = 50_000_000  # bytes
LEFT_OVER_S = 24 * 3600.0  # older ones are those of an application that crashed


def make() -> Path:
    """A new empty folder that only this user can open."""
    return Path(tempfile.mkdtemp(prefix=PREFIX)).resolve()


def remove(folder: Path, at_once: bool = False) -> bool:
    """Remove ``folder`` and all in it; False where the system still holds some of it.

    A large one goes behind the panel's back: a file's memory is given free in tenths of a second.
    Not so ``at_once``, when the application ends: then Python starts no threads any more.
    """
    if not at_once and _bytes_in(folder) > QUICKLY_REMOVED:
        threading.Thread(target=_remove_patiently, args=(folder,)).start()
        return True
    shutil.rmtree(folder, ignore_errors=True)
    return not folder.exists()


def _remove_patiently(folder: Path) -> None:
    for _attempt in range(50):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.1)  # Windows holds a dead process's files for a moment


def _bytes_in(folder: Path) -> int:
    total = 0
    for where, _folders, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(where, name)).st_size
    return total


def remove_left_over(now: float | None = None) -> None:
    """Remove what earlier applications of this user left behind when they crashed."""
    now = time.time() if now is None else now
    for entry in os.scandir(tempfile.gettempdir()):
        if not entry.name.startswith(PREFIX):
            continue
        try:
            about = entry.stat(follow_symlinks=False)
        except OSError:
            continue  # somebody else removed it
        own = not hasattr(os, "getuid") or about.st_uid == os.getuid()
        if own and stat.S_ISDIR(about.st_mode) and now - about.st_mtime > LEFT_OVER_S:
            log.info("removing a folder left over from an earlier run")
            remove(Path(entry.path))
