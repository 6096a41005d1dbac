"""The controls of a run: start, progress with time left, Cancel, and how it went."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import qt
import slicer
from slicer.i18n import tr as _

from HNCLogic.errors import InputError, lacks_memory
from HNCLogic.panels import dependencies, failure
from HNCLogic.panels.choice import choose_one
from HNCLogic.panels.failure import Failure
from HNCLogic.panels.request import Request
from HNCLogic.panels.stepwise import Stepwise
from HNCLogic.resources import resource_folder

if TYPE_CHECKING:
    from HNCLogic.job import Result

log = logging.getLogger(__name__)

Put = Callable[["Result", Path], Iterator]


class RunControls:
    """A button that runs, a progress bar that tells step and time left, Cancel, and one line of
    status."""

    def __init__(
        self,
        place: qt.QLayout,
        words: str,
        request: Request | None = None,
        ensure: Callable[[], bool] | None = None,
    ):
        """``words`` stand on the button. ``ensure``: are the packages there, or were they installed
        now; ``dependencies.ensure`` by default."""
        self.widget = slicer.util.loadUI(str(resource_folder() / "UI" / "RunControls.ui"))
        place.addWidget(self.widget)
        self._ui = slicer.util.childWidgetVariables(self.widget)
        self._request = request or Request()
        self._ensure = ensure or dependencies.ensure
        self._putting: Stepwise | None = None
        self._observed: tuple[Any, int] | None = None
        self._stop_putting: Callable[[Failure], None] = _nothing
        self._asking = False  # a question is open, and the event loop turns
        self._ready = True, ""
        self._expected, self._faster = "", False
        self._ui.runButton.text = words
        self._ui.cancelButton.connect("clicked()", self.cancel)
        self._ui.fasterButton.connect("clicked()", self._on_faster)
        self._status("")
        self._show_running()

    @property
    def running(self) -> bool:
        return self._request.running or self._putting is not None

    @property
    def enabled(self) -> bool:
        """Can the button be pressed?"""
        return self._ui.runButton.enabled

    @property
    def toolTip(self) -> str:
        return self._ui.runButton.toolTip

    def setReady(self, ok: bool, why: str) -> None:
        """``why``: what is still lacking, or what the button will do; its tool tip."""
        self._ready = ok, why
        self._show_running()

    def setExpected(self, words: str, faster: bool = False) -> None:
        """``words``: what a run will take, said as long as none is on; "" says nothing.
        ``faster``: offer, beside them, what could make it quicker."""
        self._expected, self._faster = words, faster
        self._show_running()

    def connectClicked(self, function: Callable[[], None]) -> None:
        self._ui.runButton.connect("clicked()", function)

    def begin(
        self,
        images: dict[str, Any],
        settings: dict[str, Any],
        put: Put,
        on_done: Callable[[Any], None] | None = None,
        on_failed: Callable[[Failure], None] | None = None,
        mask: Any = None,
    ) -> None:
        """Packages, request, then ``put(result, folder)``, a generator that puts the result into
        the scene step by step; ``on_done`` gets what it returns.

        ``images``, ``settings`` and ``mask`` as in ``Request.start``. A failure is shown here and
        told to ``on_failed``; where several series fit the user is asked and it starts again.
        Nothing where something runs already.
        """
        if self.running or self._asking:
            return
        self._status("")
        if not self._asked(self._ensure):
            self._status(_("Not started: Python packages are missing."))
            return

        def done(result: Result, folder: Path) -> None:
            self._put(put(result, folder), on_done or _nothing, failed)

        def failed(why: Failure) -> None:
            self._end()
            choice = self._choice(why) if why.kind == "choose" else None
            if choice is not None:
                series = {**settings.get("series", {}), why.role: choice}
                again = {**settings, "series": series}
                self.begin(images, again, put, on_done, on_failed, mask)
                return
            self._tell(why)
            (on_failed or _nothing)(why)

        self._show(0.0, _("Starting"), None)
        self._request.start(images, settings, self._show, done, failed, mask)
        self._show_running()

    def forget(self) -> None:
        """Say no more of how the last run went."""
        if not self.running:
            self._status("")

    def cancel(self) -> None:
        """Stop what runs; the scene stays as it was, or, late, gets its results half-way."""
        if self._request.running:
            self._request.cancel()
        elif self._putting is not None:
            self._stop_putting(failure.cancelled())

    def cleanup(self) -> None:
        """End everything, without a word: the panel goes away."""
        putting, self._putting = self._putting, None
        if putting is not None:
            putting.cancel()
        self._unobserve()
        self._request.abandon()

    def _put(self, steps: Iterator, on_done: Callable, failed: Callable[[Failure], None]) -> None:
        self._show(1.0, _("Showing the result"), None)

        def done(value: Any) -> None:
            self._end()
            self._status(_("Done."))
            on_done(value)

        def error(problem: Exception) -> None:
            failed(_of_putting(problem))

        self._stop_putting = failed
        self._putting = Stepwise(steps, done, error)
        scene = slicer.mrmlScene
        closing = scene.AddObserver(slicer.vtkMRMLScene.StartCloseEvent, self._on_scene_closing)
        self._observed = scene, closing
        self._putting.start()

    def _on_scene_closing(self, _scene: Any, _event: str) -> None:
        self._stop_putting(failure.scene_closed())

    def _end(self) -> None:
        """Nothing runs any more, and nothing lies in the folder."""
        putting, self._putting = self._putting, None
        if putting is not None:
            putting.cancel()
        self._unobserve()
        self._request.close()
        self._show_running()

    def _unobserve(self) -> None:
        if self._observed is not None:
            scene, observer = self._observed
            scene.RemoveObserver(observer)
            self._observed = None

    def _on_faster(self) -> None:
        if self._asked(dependencies.install_openvino):
            self.setExpected("")  # what was expected is over: the next run tells
            self._status(_("OpenVINO is installed."))

    def _asked(self, question: Callable) -> Any:
        """The answer to something that may open a dialogue, behind which nothing else starts."""
        self._asking = True
        self._show_running()
        try:
            return question()
        finally:
            self._asking = False
            self._show_running()

    def _choice(self, why: Failure) -> str | None:
        """Which series the user means; None for none."""
        title = _("Which series is the {role}?").format(role=why.role)
        words = [words for _choice, words in why.choices]
        index = self._asked(lambda: choose_one(title, why.words, words))
        return None if index is None else why.choices[index][0]

    def _tell(self, why: Failure) -> None:
        if why.kind in ("cancelled", "choose"):
            self._status(failure.cancelled().words if why.kind == "choose" else why.words)
            return
        self._status(why.words)
        details = {"detailedText": why.log} if why.log else {}
        slicer.util.errorDisplay(why.words, **details)

    def _show(self, share: float, words: str, seconds_left: float | None) -> None:
        self._ui.progressBar.value = round(100 * share)
        left = "" if seconds_left is None else f", {time_in_words(seconds_left)}"
        self._status(f"{words[:1].upper()}{words[1:]}{left}…")

    def _show_running(self) -> None:
        running = self.running
        ready, why = self._ready
        self._ui.runButton.visible = not running
        self._ui.runButton.enabled = ready and not running and not self._asking
        self._ui.runButton.toolTip = why
        self._ui.progressBar.visible = running
        self._ui.cancelButton.visible = running
        expected = bool(self._expected) and not running
        self._ui.expectLabel.text = self._expected
        self._ui.expectLabel.visible = expected
        self._ui.fasterButton.visible = expected and self._faster
        self._ui.fasterButton.enabled = not self._asking

    def _status(self, words: str) -> None:
        self._ui.statusLabel.text = words
        self._ui.statusLabel.visible = bool(words)


def time_in_words(seconds: float) -> str:
    """Seconds left, as coarsely as they are known."""
    if seconds < 10:
        return _("a few seconds left")
    if seconds < 55:
        return _("about {n} s left").format(n=10 * round(seconds / 10))
    return _("about {n} min left").format(n=max(1, round(seconds / 60)))


def _of_putting(problem: Exception) -> Failure:
    if isinstance(problem, InputError):
        return Failure("input", str(problem))
    if isinstance(problem, MemoryError) or lacks_memory(str(problem)):
        return failure.short_of_memory()
    log.error("the result could not be shown", exc_info=problem)
    return failure.of_error(problem)


def _nothing(_value: Any) -> None:
    """For whoever does not want to be told."""
