"""A stand-in for the process of a job, for the modules' self-tests: answers at once, without torch.

It is handed in where a panel would start a process, reads the job that the panel wrote, and
writes a result folder as the real one does.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import qt

STEP_MS = 20


class FakeChild:
    """Called like ``slicer.util.launchConsoleProcess(args, …)``.

    ``answer(job, out)`` writes the result folder and gives the path of its ``result.json``.
    ``ending``: "answer", "wait" (until it is terminated), or the exit code of a failure, before
    which ``says`` is printed. ``jobs``: the jobs that it was given, as plain values;
    ``processes``: what it gave for them.
    """

    def __init__(self, answer: Callable, ending: str | int = "answer", says: str = ""):
        self.answer, self.ending, self.says = answer, ending, says
        self.jobs: list[dict[str, Any]] = []
        self.processes: list[FakeProcess] = []

    def __call__(self, args, logCallback=None, completedCallback=None, **_other) -> FakeProcess:
        job = json.loads(Path(args[-1]).read_text(encoding="utf-8"))
        self.jobs.append(job)
        self.processes.append(FakeProcess(self, job, logCallback, completedCallback))
        return self.processes[-1]


class FakeProcess:
    """The part of a Popen that a panel uses."""

    def __init__(self, child: FakeChild, job: dict, log: Callable, completed: Callable):
        self._child, self._job, self._log, self._completed = child, job, log, completed
        self._code: int | None = None
        self._begun = False
        self._timer = qt.QTimer()
        self._timer.setInterval(STEP_MS)
        self._timer.connect("timeout()", self._step)
        self._timer.start()

    def poll(self) -> int | None:
        return self._code

    def wait(self, timeout: float | None = None) -> int | None:
        return self._code

    def terminate(self) -> None:
        self._finish(-15)

    kill = terminate

    def _step(self) -> None:
        child = self._child
        if not self._begun or child.ending == "wait":
            self._begun = True
            self._say({"progress": 0.4, "step": "network, fold 2 of 5", "seconds": 1.0})
        elif child.ending == "answer":
            path = child.answer(self._job, Path(self._job["out"]))
            self._say({"result": str(path)})
            self._finish(0)
        else:
            if child.says:
                self._log(child.says)
            self._finish(child.ending)

    def _say(self, line: dict[str, Any]) -> None:
        self._log(json.dumps(line))

    def _finish(self, code: int) -> None:
        if self._code is None:
            self._code = code
            self._timer.stop()
            self._completed(code)
