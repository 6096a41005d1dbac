"""What is saved: the table, a report, the outlines, the whole scene. Whole, or not at all."""

from __future__ import annotations

import logging
from pathlib import Path

import qt
import slicer
from slicer.i18n import tr as _

from HNCLogic.errors import InputError
from HNCLogic.outputs import LIST
from HNCLogic.panels import report_writer
from HNCLogic.panels.stepwise import Stepwise

log = logging.getLogger(__name__)

REPORT_FOLDER = "HNC lesions"  # made in a folder that holds other things


class SaveButtons:
    """The section "Save".

    ``lesions``: the LesionRows; ``segmentation()`` and ``volumes()`` (role → node) give what is
    shown.
    """

    def __init__(self, ui, lesions, segmentation, volumes):
        self.ui = ui
        self._lesions, self._segmentation, self._volumes = lesions, segmentation, volumes
        self._steps = None
        self._toolTips = {}
        for button, action in (
            (ui.csvButton, self.onCsv),
            (ui.reportButton, self.onReport),
            (ui.segmentationButton, self.onSegmentation),
            (ui.sceneButton, self.onScene),
        ):
            self._toolTips[button.name] = button.toolTip
            button.connect("clicked()", action)
        self._say("")
        self.refresh()

    @property
    def running(self):
        """Is a report being written?"""
        return self._steps is not None

    def refresh(self):
        """Offer what there is to save."""
        ui = self.ui
        measured = self._lesions.measured is not None
        there = self._segmentation() is not None
        unmeasured = _("There are no measures yet")
        ui.reportButton.text = _("Cancel report") if self.running else _("Report…")
        for button, ok, why in (
            (ui.csvButton, measured, unmeasured),
            (ui.reportButton, measured or self.running, unmeasured),
            (ui.segmentationButton, there, _("There is no segmentation yet")),
        ):
            button.enabled = ok
            button.toolTip = self._toolTips[button.name] if ok else why

    def cancel(self):
        """Stop writing a report; nothing of it is left."""
        if self.running:
            self._steps.cancel()
            self._steps = None
            self._say(_("The report was cancelled."))
            self.refresh()

    def clear(self):
        """The scene closes: stop, and forget what was said."""
        self.cancel()
        self._say("")

    def onCsv(self):
        """The lesion table with its totals, as it is now."""
        path = _askedFile(_("Save the lesion table"), "lesions.csv", "CSV (*.csv)")
        if path is not None:
            result = self._lesions.result()
            self._save(lambda: report_writer.write_csv(result, path))

    def onSegmentation(self):
        """The outlines, one segment a lesion, with their codes."""
        path = _askedFile(
            _("Save the segmentation"), "lesions.seg.nrrd", "Segmentation (*.seg.nrrd)"
        )
        if path is not None:
            node = self._segmentation()
            self._save(lambda: report_writer.write_segmentation(node, path))

    def onScene(self):
        """Everything that is loaded, and the state of this panel."""
        path = _askedFile(_("Save the scene"), "HNC.mrb", "Slicer data bundle (*.mrb)")
        if path is None:
            return
        if slicer.util.saveScene(str(path), {}):
            self._say(_("Written: {path}").format(path=path))
        else:
            self._fail(_("The scene could not be saved whole."))

    def onReport(self):
        """Pictures, measures and how they came about; a second click cancels."""
        if self.running:
            self.cancel()
            return
        chosen = qt.QFileDialog.getExistingDirectory(
            slicer.util.mainWindow(), _("A folder for the report")
        )
        result = self._lesions.result()
        if not chosen or result is None:
            return
        try:
            folder = _reportFolder(Path(chosen))
        except OSError as error:
            self._fail(report_writer.not_written(error))
            return
        steps = report_writer.write(
            result,
            self._volumes(),
            folder,
            segmentation=self._segmentation(),
            lesions_of=self._lesions.lesionOfSegment(),
        )
        self._steps = Stepwise(steps, self._onReport, self._onError, self._onStep)
        self._steps.start()
        self.refresh()

    def _onStep(self, words):
        self._say(_("Report: {step}…").format(step=words))

    def _onReport(self, path):
        self._steps = None
        self._say(_("Written: {path}").format(path=path))
        self.refresh()
        report_writer.open_in_browser(path)

    def _onError(self, error):
        self._steps = None
        self.refresh()
        if isinstance(error, InputError | OSError):
            self._fail(report_writer.not_written(error))
        else:
            log.error("the report failed", exc_info=error)
            self._fail(_("The report could not be written."), repr(error))

    def _save(self, write):
        try:
            path = write()
        except (InputError, OSError) as error:
            self._fail(report_writer.not_written(error))
        else:
            self._say(_("Written: {path}").format(path=path))

    def _fail(self, words, details=""):
        self._say(_("Nothing was saved."))
        more = {"detailedText": details} if details else {}
        slicer.util.errorDisplay(words, **more)

    def _say(self, words):
        self.ui.saveNote.text = words
        self.ui.saveNote.visible = bool(words)


def _askedFile(caption, name, kind):
    """The path that the user chose, with its ending; None for none."""
    chosen = qt.QFileDialog.getSaveFileName(slicer.util.mainWindow(), caption, name, kind)
    if not chosen:
        return None
    ending = name[name.index(".") :]
    if chosen.lower().endswith(ending):
        return Path(chosen)
    path = Path(chosen + ending)  # of which the dialogue did not ask whether it may be replaced
    question = _("{name} exists already. Replace it?").format(name=path.name)
    if path.exists() and not slicer.util.confirmOkCancelDisplay(question):
        return None
    return path


def _reportFolder(chosen):
    """The folder itself where it is empty or a report of ours, else one of our own in it."""
    ours = (chosen / LIST).is_file()
    return chosen if ours or not any(chosen.iterdir()) else chosen / REPORT_FOLDER
