"""Progress of a job as a person or a panel sees it."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Progress = Callable[[float, str], None]  # share done 0 to 1, what is being done

PATIENCE_S = 2.0  # work shorter than this shows no bar


@contextmanager
def shown_progress() -> Iterator[Progress]:
    """A progress bar on a terminal's stderr, once the work has taken two seconds; else nothing."""
    if not sys.stderr.isatty():
        yield lambda share, words: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    bar = Progress(
        TextColumn("{task.description:<28}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    began, line = time.monotonic(), bar.add_task("", total=1.0)

    def update(share: float, words: str) -> None:
        if not bar.live.is_started and time.monotonic() - began > PATIENCE_S:
            bar.start()
        bar.update(line, completed=share, description=words)

    try:
        yield update
    finally:
        bar.stop()


def progress_lines(stream=None) -> Progress:
    """Progress as JSON, one object a line: ``{"progress": 0.4, "step": "…", "seconds": 3.1}``.

    The first one says in ``process`` which process this is: whoever started it may have done so
    through a launcher, which is another.
    """
    stream = stream or sys.stdout
    began = time.monotonic()
    introduction = {"process": os.getpid()}

    def update(share: float, words: str) -> None:
        line = {
            "progress": round(min(max(share, 0.0), 1.0), 4),
            "step": words,
            "seconds": round(time.monotonic() - began, 2),
            **introduction,
        }
        introduction.clear()
        print(json.dumps(line), file=stream, flush=True)

    return update
