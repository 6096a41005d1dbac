"""The button "Report…": asks for a folder, writes a bit at a time, opens the page."""

from __future__ import annotations

import logging
from pathlib import Path

import qt
import slicer
from slicer.i18n import tr as _

from HNCLogic.errors import InputError
from HNCLogic.panels.stepwise import Stepwise

log = logging.getLogger(__name__)

NAME = "HNC report"


class ReportButton:
    """``start(folder)`` gives the steps of writing a report there, which return the page's path."""

    def __init__(self, ui, start):
        self.ui = ui
        self._start = start
        self._steps = None
        ui.reportButton.connect("clicked(bool)", self.onClicked)

    @property
    def running(self):
        return self._steps is not None and self._steps.running

    def onClicked(self):
        if self.running:
            self.cancel()
            return
        folder = qt.QFileDialog.getExistingDirectory(
            slicer.util.mainWindow(), _("A folder for the report")
        )
        if not folder:
            return
        try:
            place = placeIn(Path(folder))
        except OSError as error:
            self._onError(error)
            return
        self._show(_("Writing the report…"), True)
        steps = self._start(place)
        self._steps = Stepwise(steps, self._onDone, self._onError, self._onStep)
        self._steps.start()

    def cancel(self):
        """Stop writing; nothing of the report is left."""
        if self.running:
            self._steps.cancel()
            self._show(_("The report was cancelled."), False)

    def _onStep(self, words):
        self._show(f"{words[:1].upper()}{words[1:]}…", True)

    def _onDone(self, path):
        from HNCLogic.panels import report_writer

        self._show(_("Written: {path}").format(path=path), False)
        report_writer.open_in_browser(path)

    def _onError(self, error):
        self._show(_("The report was not written."), False)
        if isinstance(error, InputError | OSError):
            from HNCLogic.panels import report_writer

            slicer.util.errorDisplay(report_writer.not_written(error), windowTitle=_("Report"))
        else:
            log.error("the report failed", exc_info=error)
            slicer.util.errorDisplay(
                _("The report could not be written."), detailedText=repr(error)
            )

    def _show(self, words, running):
        ui = self.ui
        ui.reportStatus.text = words
        ui.reportStatus.visible = bool(words)
        ui.reportProgress.visible = running
        ui.reportButton.text = _("Cancel") if running else _("Report…")

    def clear(self):
        self.cancel()
        self._show("", False)


def placeIn(folder):
    """Where a report goes that is to lie in ``folder``: there, or, where the user keeps other
    things in it, in a folder of its own."""
    from HNCLogic.outputs import LIST

    place, number = folder, 1
    while place.is_dir() and any(place.iterdir()) and not (place / LIST).is_file():
        place = folder / (NAME if number == 1 else f"{NAME} {number}")
        number += 1
    return place
