"""A child process that is handed in: the test prints its lines, writes its files and ends it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from HNCLogic.job import Result


class HandedInProcess:
    """What a Popen is asked for. ``stubborn``: does not end when it is asked to."""

    def __init__(self, stubborn: bool = False):
        self.returncode: int | None = None
        self.stubborn = stubborn
        self.asked: list[str] = []

    def poll(self) -> int | None:
        return self.returncode

    def terminate(self) -> None:
        self.asked.append("terminate")
        if not self.stubborn:
            self.returncode = 130

    def kill(self) -> None:
        self.asked.append("kill")
        self.returncode = -9

    def wait(self, _seconds: float) -> int | None:
        return self.returncode


class HandedInChild:
    """A ``launch`` with the signature of ``slicer.util.launchConsoleProcess``."""

    def __init__(self, stubborn: bool = False):
        self._stubborn = stubborn
        self.launched = 0
        self.process: HandedInProcess | None = None

    def __call__(
        self,
        args,
        useStartupEnvironment=True,
        updateEnvironment=None,
        cwd=None,
        blocking=True,
        logCallback=None,
        completedCallback=None,
    ):
        assert blocking is False
        self.launched += 1
        self.args, self.cwd = args, Path(cwd)
        self._tell, self._completed = logCallback, completedCallback
        self.process = HandedInProcess(self._stubborn)
        return self.process

    @property
    def job_path(self) -> Path:
        return Path(self.args[-1])

    @property
    def job(self) -> dict:
        return json.loads(self.job_path.read_text(encoding="utf-8"))

    def prints(self, *lines: str | dict) -> None:
        for line in lines:
            self._tell(line if isinstance(line, str) else json.dumps(line))

    def progress(self, share: float, step: str = "computing") -> None:
        self.prints({"progress": share, "step": step, "seconds": 1.0})

    def ends(self, code: int, *lines: str | dict) -> None:
        self.prints(*lines)
        self.process.returncode = code
        self._completed(code)

    def succeeds(self, write: Callable[[Path], None] | None = None, **more) -> Result:
        """Write a result as the job asks, and end well. ``write`` puts further files beside it."""
        out = Path(self.job["out"])
        out.mkdir()
        if write is not None:
            write(out)
        result = Result(task=self.job["task"], research_use="tests", **more)
        (out / "result.json").write_text(result.model_dump_json(), encoding="utf-8")
        self.ends(0, {"result": str(out / "result.json")})
        return result
