"""A command of ``hnc`` as a script for ``Slicer --no-main-window --python-script``.

The same options, the same exit codes, and a log file of all that was printed: on Windows little
of it reaches the console that Slicer was started from.
"""

from __future__ import annotations

import sys
import traceback
from pathlib import Path
from typing import NoReturn, TextIO

USAGE = 2


def run_script(command: str) -> NoReturn:
    """Run ``hnc command`` with the arguments that the script was given, and end the program.

    ``--log FILE`` says where the log goes; by default beside the folder of ``--out``, with the
    ending .log, else ``hnc-command.log`` in the current folder. It is added to, never replaced.
    """
    arguments = sys.argv[1:]
    try:
        log, arguments = _log_file(command, arguments)
        file = None if log is None else log.open("a", encoding="utf-8", errors="backslashreplace")
    except (OSError, ValueError) as error:
        print(f"hnc: no log file: {error}", file=sys.stderr, flush=True)
        sys.exit(USAGE)
    if file is None:
        sys.exit(_code(command, arguments))
    with file:
        before = sys.stdout, sys.stderr
        sys.stdout, sys.stderr = (_Both(stream, file) for stream in before)
        try:
            code = _code(command, arguments)
            print(f"hnc {command} ended with exit code {code}", file=file)
        finally:
            sys.stdout, sys.stderr = before
    sys.exit(code)


def _code(command: str, arguments: list[str]) -> int:
    try:
        from HNCLogic.cli import main

        return main([command, *arguments])
    except ModuleNotFoundError as error:
        print(
            f"hnc: the Python package {error.name} is not installed here: open the module "
            "HNCAnalysis in Slicer and press Analyse once, which offers to install what is missing",
            file=sys.stderr,
        )
        return USAGE
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else 1
    except BaseException:
        traceback.print_exc()
        return 1


def _log_file(command: str, arguments: list[str]) -> tuple[Path | None, list[str]]:
    """Where the log goes, and the arguments without ``--log``; no log where help is asked for."""
    rest, log, out = [], None, None
    given = iter(arguments)
    for word in given:
        name, sign, value = word.partition("=")
        if name == "--log":
            log = value if sign else next(given, "")
            if not log:
                raise ValueError("--log needs a file's name")
            continue
        rest.append(word)
        if name == "--out":
            out = value if sign else next(given, None)
            rest += [] if sign or out is None else [out]
    if "--help" in rest:
        return None, rest
    if log is not None:
        return Path(log), rest
    if out:
        folder = Path(out)
        folder.parent.mkdir(parents=True, exist_ok=True)
        return folder.with_name(folder.name + ".log"), rest
    return Path(f"hnc-{command}.log"), rest


class _Both:
    """A stream whose text goes to a log file as well."""

    def __init__(self, stream: TextIO, log: TextIO):
        self._stream, self._log = stream, log
        self.encoding = getattr(stream, "encoding", None) or "utf-8"

    def write(self, text: str) -> int:
        self._log.write(text)
        self._log.flush()  # a crash of the application must not take the last lines with it
        self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        self._log.flush()
        if hasattr(self._stream, "flush"):  # Slicer's own streams need not have it
            self._stream.flush()

    def isatty(self) -> bool:
        return False  # no progress bars in a log
