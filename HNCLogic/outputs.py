"""Outputs are whole or not there: written aside, put in place at the end.

On any failure, Ctrl-C or SIGTERM nothing is left behind, and what was there before is as it was.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from HNCLogic.errors import InputError

LIST = ".hnc-output"  # in each output folder: the names of what was written, one a line
PARTIAL = ".partial-"

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS}


@contextlib.contextmanager
def whole_or_nothing(out: Path, overwrite: bool = False) -> Iterator[Path]:
    """A folder to write into; at the end its contents are what ``out`` holds.

    It lies beside ``out``, or inside where ``out`` exists, so that putting it in place only
    renames. Missing parents of ``out`` are made, and removed again on failure.

    Raises InputError where ``out`` cannot be written, the disk is full, ``out`` is a file, or
    ``out`` holds something: without ``overwrite`` anything, with it anything but an earlier
    output of ours.
    """
    out = Path(os.path.realpath(out))
    _check_free(out, overwrite)
    with _in_users_words(out), _parents(out):
        stage = out / _aside() if out.is_dir() else out.parent / _aside(out.name)
        try:
            stage.mkdir()
            yield stage
            _check_disk(stage, out)
            _list_contents(stage)
            with _undisturbed():
                _check_free(out, overwrite)  # someone else may have been quicker
                _put_in_place(stage, out)
        except BaseException as error:
            _check_disk(stage, out, error)
            raise
        finally:
            with _undisturbed():
                shutil.rmtree(stage, ignore_errors=True)


def write_file_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Let ``write`` make a file aside, with the same ending, and put it at ``path`` when done.

    An earlier file at ``path`` is replaced. Raises InputError as ``whole_or_nothing`` does.
    """
    write_files_whole({path: write})


def write_files_whole(writers: dict[Path, Callable[[Path], object]]) -> None:
    """The same for files that belong together: all of them are put in place, or none.

    Only when every one is whole are the earlier files replaced; where that fails half-way, the
    earlier ones are put back. Raises InputError as ``whole_or_nothing`` does.
    """
    parts: dict[Path, Path] = {}
    with contextlib.ExitStack() as stack:
        try:
            for given, write in writers.items():
                path = Path(os.path.realpath(given))
                with _in_users_words(path):
                    stack.enter_context(_parents(path))
                    _write_aside(path, write, parts)
            with _undisturbed(), _in_users_words(next(iter(parts))):
                _replace_all(parts)
        finally:
            with _undisturbed():
                for part in parts.values():
                    with contextlib.suppress(OSError):
                        part.unlink(missing_ok=True)


def _write_aside(path: Path, write: Callable[[Path], object], parts: dict[Path, Path]) -> None:
    if path.is_dir():
        raise InputError(f"{path} is a folder: give the name of a file to write")
    part = parts[path] = path.parent / f"{_aside()}-{path.name}"
    try:
        part.touch()  # says why not in the system's words; an image writer would not
        write(part)
        _check_disk(path.parent, path)
    except BaseException as error:
        _check_disk(path.parent, path, error)
        raise


def _replace_all(parts: dict[Path, Path]) -> None:
    """Put each part at its path; the earlier files wait aside until the last one is there."""
    if len(parts) == 1:
        ((path, part),) = parts.items()
        os.replace(part, path)
        return
    moved: list[tuple[Path, Path]] = []
    try:
        for path, part in parts.items():
            old = path.parent / f"{_aside()}-{path.name}"
            for before, after in ((path, old), (part, path)):
                if before.exists():
                    before.rename(after)
                    moved.append((before, after))
    except OSError:
        for before, after in reversed(moved):
            after.rename(before)
        raise
    for before, after in moved:
        if before in parts:
            after.unlink(missing_ok=True)


def write_text_whole(path: Path, text: str) -> None:
    """Write ``text`` as UTF-8 to ``path``, wholly or not at all. Raises InputError."""
    write_file_whole(path, lambda part: part.write_text(text, encoding="utf-8"))


def remove_partial(folder: Path) -> None:
    """Remove what a process that was killed while it wrote left aside in ``folder``."""
    for left in folder.glob(f"{PARTIAL}*"):
        with contextlib.suppress(OSError):
            left.unlink()


def end_cleanly_on_signals() -> None:
    """Make a request to end (SIGTERM, a closed terminal) a KeyboardInterrupt, as Ctrl-C is.

    Only the main thread can take signals; elsewhere, and where they are ignored (nohup),
    nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    for name in ("SIGTERM", "SIGHUP", "SIGBREAK"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)


def _aside(name: str = "") -> str:
    return f".{name}{PARTIAL}{secrets.token_hex(4)}" if name else f"{PARTIAL}{secrets.token_hex(4)}"


def _check_free(out: Path, overwrite: bool) -> None:
    """Refuse to write where something lies that is not ours to replace."""
    with _in_users_words(out):
        if out.exists() and not out.is_dir():
            raise InputError(f"{out} is a file: give a folder to write to")
        held = _entries(out)
        if not held:
            return
        if not overwrite:
            raise InputError(
                f"{out} is not empty: give another folder, or --overwrite to replace an "
                "earlier output in it"
            )
        foreign = _foreign(out, held)
    if foreign:
        raise InputError(
            f"{out} holds what HNC did not write ({foreign}), so it is not overwritten: "
            "give another folder"
        )


def _entries(out: Path) -> list[Path]:
    """What ``out`` holds, less what a killed process left aside."""
    if not out.is_dir():
        return []
    return [path for path in sorted(out.iterdir()) if not path.name.startswith(PARTIAL)]


def _foreign(out: Path, held: list[Path]) -> str | None:
    """A name in ``out`` that its list of our files lacks; None where all are ours."""
    try:
        ours = set((out / LIST).read_text(encoding="utf-8").splitlines())
    except (FileNotFoundError, UnicodeDecodeError):
        return held[0].name
    for path in held:
        inside = [path] if path.is_symlink() or not path.is_dir() else path.rglob("*")
        for one in inside:
            name = one.relative_to(out).as_posix()
            if name not in ours and (one.is_symlink() or not one.is_dir()):
                return name
    return None


def _list_contents(stage: Path) -> None:
    names = sorted(p.relative_to(stage).as_posix() for p in stage.rglob("*") if not p.is_dir())
    (stage / LIST).write_text("\n".join([*names, LIST, ""]), encoding="utf-8")


def _put_in_place(stage: Path, out: Path) -> None:
    """Rename the new into place and the old away; where that fails half-way, all goes back."""
    if not out.is_dir():
        stage.rename(out)
        return
    old = out / _aside()
    old.mkdir()
    moved: list[tuple[Path, Path]] = []
    try:
        for source, folder in ((out, old), (stage, out)):
            for path in _entries(source):
                path.rename(folder / path.name)
                moved.append((path, folder / path.name))
    except OSError:
        for before, after in reversed(moved):
            after.rename(before)
        old.rmdir()
        raise
    shutil.rmtree(old, ignore_errors=True)


@contextlib.contextmanager
def _parents(path: Path) -> Iterator[None]:
    """Make the missing parents of ``path``; take them away again where the body fails."""
    made: list[Path] = []
    try:
        for folder in reversed(path.parents):
            if not folder.exists():
                made.append(folder)
                folder.mkdir(exist_ok=True)
        yield
    except BaseException:
        with _undisturbed():
            for folder in reversed(made):
                with contextlib.suppress(OSError):
                    folder.rmdir()  # only an empty one goes
        raise


@contextlib.contextmanager
def _in_users_words(path: Path) -> Iterator[None]:
    """Turn what the system says of ``path`` into an InputError; other OSErrors pass."""
    try:
        yield
    except OSError as error:
        ours = _concerns(error, path)
        if error.errno in FULL:
            raise _full(path) from error
        if error.errno in REFUSED and ours:
            raise InputError(
                f"{path} cannot be written ({error.strerror.lower()}): give another place, or "
                "change its permissions"
            ) from error
        if error.errno in (errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP) and ours:
            raise InputError(f"{path} cannot be made: {error.strerror.lower()}") from error
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST) and ours:
            raise InputError(f"{path} was written by someone else meanwhile") from error
        raise


def _concerns(error: OSError, path: Path) -> bool:
    """Is it about writing ``path``, not about some other file the work reads?"""
    if not isinstance(error.filename, str | bytes):
        return True
    name = os.fsdecode(error.filename)
    named = Path(os.path.realpath(name))
    return PARTIAL in name or named.is_relative_to(path) or path.is_relative_to(named)


def _full(path: Path) -> InputError:
    return InputError(
        f"{path} cannot be written: the disk is full or a limit on file sizes is reached; free "
        "some space or give another place"
    )


def _check_disk(folder: Path, path: Path, error: BaseException | None = None) -> None:
    """Say so where the disk has no byte left.

    Some writers do not: they report something else, or nothing and leave a file cut short.
    """
    if isinstance(error, InputError | KeyboardInterrupt | SystemExit):
        return
    with contextlib.suppress(OSError):
        if shutil.disk_usage(folder).free == 0:
            raise _full(path) from error


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """No signal between two renames, nor half-way through cleaning up."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {}
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not None:
            before[number] = signal.signal(number, signal.SIG_IGN)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
