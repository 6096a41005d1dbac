"""One request of a panel: images out, a process of its own, the Result back."""

from __future__ import annotations

import atexit
import contextlib
import json
import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import slicer

import HNCLogic
from HNCLogic.errors import InputError, lacks_memory
from HNCLogic.panels import failure, private_folder
from HNCLogic.panels.child_output import ChildOutput
from HNCLogic.panels.child_python import child_python
from HNCLogic.panels.ended_process import EndedProcess, kill
from HNCLogic.panels.failure import Failure
from HNCLogic.panels.handed_images import Images, write_images
from HNCLogic.panels.stepwise import Stepwise
from HNCLogic.panels.time_left import TimeLeft
from HNCLogic.panels.warm_up import warm_up

if TYPE_CHECKING:
    from HNCLogic.job import Result

__all__ = ["Failure", "Request"]

log = logging.getLogger(__name__)

BEHIND = 5  # steps of Unix' nice: the child takes what the panel leaves
WRITING = 0.05  # share of the whole that handing the images over takes

OnProgress = Callable[[float, str, float | None], None]  # share, what is done, seconds left
OnDone = Callable[["Result", Path], None]
OnFailed = Callable[[Failure], None]


class Request:
    """Nodes or paths in, Result out: writes the images a bit at a time, runs the job in a process
    of its own.

    One at a time; when it has ended in whatever way another can be started. The files lie in a
    folder that is removed on failure and by ``close``. Closing the scene cancels.
    """

    def __init__(self, launch: Callable | None = None):
        """``launch``: as ``slicer.util.launchConsoleProcess``, which is the default."""
        self._launch = launch
        self._run: _Run | None = None
        self._folder: Path | None = None

    @property
    def running(self) -> bool:
        return self._run is not None

    def start(
        self,
        images: Images,
        settings: dict[str, Any],
        on_progress: OnProgress,
        on_done: OnDone,
        on_failed: OnFailed,
        mask: Any = None,
    ) -> None:
        """``images``: role → volume node, or Path of a file or DICOM folder. ``settings``: further
        fields of ``Job`` as plain values. ``mask``: a segmentation, a label map or a Path.

        Exactly one of ``on_done`` and ``on_failed`` is called, ``on_failed`` by ``cancel`` too;
        the Result's files lie in the folder that ``on_done`` is given, until ``close``.
        """
        if self.running:
            raise RuntimeError("a request is running already")
        self.close()

        def done(result: Result, folder: Path) -> None:
            self._run, self._folder = None, folder.parent
            on_done(result, folder)

        def failed(why: Failure) -> None:
            self._run = None
            on_failed(why)

        self._run = _Run(
            self._launch or slicer.util.launchConsoleProcess, on_progress, done, failed
        )
        self._run.start(images, settings, mask)

    def cancel(self) -> None:
        """End it; nothing where none runs. The scene and the files are as before the start."""
        if self._run is not None:
            self._run.fail(failure.cancelled())

    def abandon(self) -> None:
        """End it and tell nobody: whoever asked is going away."""
        run, self._run = self._run, None
        if run is not None:
            run.end()
        self.close()

    def close(self) -> None:
        """Remove the folder, when the results are in the scene; cancels what still runs."""
        self.cancel()
        if self._folder is not None:
            private_folder.remove(self._folder)
            self._folder = None


class _Run:
    """From start to end of one request; what comes after the end changes nothing."""

    def __init__(
        self, launch: Callable, on_progress: OnProgress, on_done: OnDone, on_failed: OnFailed
    ):
        self._launch = launch
        self._on_progress, self._on_done, self._on_failed = on_progress, on_done, on_failed
        self._steps: Stepwise | None = None  # what is at work in the application
        self._warming: Stepwise | None = None
        self._process: Any = None
        self._output: ChildOutput | None = None
        self._time_left = TimeLeft()
        self._folder: Path | None = None
        self._left: Path | None = None  # the folder after the end, as long as the process is there
        self._ending: EndedProcess | None = None
        self._observed: tuple[Any, int] | None = None
        self._ended = False

    def start(self, images: Images, settings: dict[str, Any], mask: Any) -> None:
        scene = slicer.mrmlScene
        closing = scene.AddObserver(slicer.vtkMRMLScene.StartCloseEvent, self._on_scene_closing)
        self._observed = scene, closing
        atexit.register(self._at_exit)
        self._step(self._prepare(images, settings, mask), self._run_child, self._on_writing)

    def _step(self, work: Iterator, then: Callable, told: Callable | None = None) -> None:
        self._steps = Stepwise(work, then, self._on_error, told)
        self._steps.start()

    def _prepare(self, images: Images, settings: dict, mask: Any) -> Iterator[float]:
        """Write images and job; returns the path of the job."""
        private_folder.remove_left_over()
        self._folder = private_folder.make()
        yield 0.0
        handed = yield from write_images(images, mask, self._folder, settings)
        self._output = ChildOutput({**handed.names, str(self._folder): "…"})
        job = {**handed.job, "out": str(self._folder / "out"), "plain": True}
        path = self._folder / "job.json"
        path.write_text(json.dumps(job), encoding="utf-8")
        return path

    def _on_writing(self, share: float) -> None:
        self._on_progress(WRITING * share, "handing over the images", None)

    def _run_child(self, job: Path) -> None:
        try:
            self._process = self._launch(
                [child_python(), "-m", "HNCLogic", "run", str(job)],
                useStartupEnvironment=False,
                # An error that Python survives has a traceback, one that it does not a last word,
                # and what the system kills has neither: so they can be told apart.
                updateEnvironment={"PYTHONFAULTHANDLER": "1"},
                cwd=str(Path(HNCLogic.__file__).resolve().parents[1]),
                blocking=False,
                logCallback=self._on_line,
                completedCallback=self._on_completed,
            )
        except OSError as error:
            self._on_error(error)
            return
        _give_way(self._process)
        if self._ended:  # already, by what the launch itself led to
            self._ending = EndedProcess(self._process, self._output.worker, lambda: True)
            return
        self._warming = Stepwise(warm_up(), lambda _none: None, lambda _error: None)
        self._warming.start()

    def _on_line(self, line: str) -> None:
        told = self._output.take(line)
        if self._ended:
            if self._ending is not None and self._output.worker is not None:
                self._ending.told_worker(self._output.worker)
            return
        if told is not None:
            share, words = told
            left = self._time_left.after(share)
            self._on_progress(WRITING + (1.0 - WRITING) * share, words, left)

    def _on_completed(self, code: int) -> None:
        if self._ended:
            if self._ending is not None:
                self._ending.completed()
            return
        output = self._output
        if code == 0 and output.ended_well:
            self._step(self._read(), self._finish)
            return
        self.fail(failure.of_ended_process(code, output.refusal, output.choose, output.log))

    def _read(self) -> Iterator[str]:
        if self._warming is not None:
            self._warming.cancel()
        yield from warm_up()
        from HNCLogic.report.json_out import read_json

        return read_json(self._folder / "out")

    def _finish(self, result: Result) -> None:
        folder = self._folder / "out"
        self._folder = None  # the Request's now
        self.end()
        self._on_done(result, folder)

    def _on_scene_closing(self, _scene: Any, _event: str) -> None:
        self.fail(failure.scene_closed())

    def _on_error(self, error: Exception) -> None:
        if isinstance(error, InputError):
            self.fail(Failure("input", str(error)))
        elif isinstance(error, MemoryError) or lacks_memory(str(error)):
            self.fail(failure.short_of_memory())
        else:
            log.error("the request failed", exc_info=error)
            self.fail(failure.of_error(error))

    def fail(self, why: Failure) -> None:
        if self._ended:
            return
        log.info("the request ended: %s", why.kind)
        self.end()
        self._on_failed(why)

    def end(self) -> None:
        """Stop everything; what is left of process and folder goes in its own time."""
        self._ended = True
        for steps in (self._steps, self._warming):
            if steps is not None:
                steps.cancel()
        if self._observed is not None:
            scene, observer = self._observed
            scene.RemoveObserver(observer)
            self._observed = None
        self._left, self._folder = self._folder, None
        if self._process is None or self._left is None:
            self._remove_left()
        else:
            self._ending = EndedProcess(self._process, self._output.worker, self._remove_left)

    def _remove_left(self) -> bool:
        if self._left is not None and not private_folder.remove(self._left):
            return False
        self._left = None
        atexit.unregister(self._at_exit)
        return True

    def _at_exit(self) -> None:
        """The application ends while the child computes, or before it was seen to have ended, for
        the event loop stops before panels are told to go: neither it nor the folder stays."""
        if self._process is not None and self._process.poll() is None:
            kill(self._process, self._output.worker)
            self._process.wait(5)
        for folder in (self._folder, self._left):
            if folder is not None:
                private_folder.remove(folder, at_once=True)


def _give_way(process: Any) -> None:
    """Let the user's clicks go before the child's computing, where the system knows how."""
    with contextlib.suppress(AttributeError, OSError):
        os.setpriority(os.PRIO_PROCESS, process.pid, BEHIND)
