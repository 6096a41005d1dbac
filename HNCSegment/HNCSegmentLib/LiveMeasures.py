"""Measures that follow the segmentation: a moment after an edit, a bit at a time."""

from __future__ import annotations

import logging

import qt
import slicer
import vtk
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from HNCLogic.errors import InputError
from HNCLogic.panels.dependencies import missing
from HNCLogic.panels.roles import is_suv
from HNCLogic.panels.stepwise import Stepwise
from HNCLogic.panels.volume_facts import changed_at
from HNCLogic.panels.warm_up import warm_up_measuring

log = logging.getLogger(__name__)

PAUSE_MS = 300  # without a further edit, before measuring begins


class LiveMeasures(VTKObservationMixin):
    """Watches one segmentation and its PET.

    ``onMeasured(measured)`` is called with what ``scene.live_measures.remeasure`` gives,
    ``onFailed(words)`` where it cannot be measured, ``onBusy()`` as soon as something changed.
    """

    def __init__(self, onMeasured, onFailed, onBusy):
        VTKObservationMixin.__init__(self)
        self.segmentation = None
        self.pet = None
        self._onMeasured, self._onFailed, self._onBusy = onMeasured, onFailed, onBusy
        self._known = {}  # what was measured of segments that did not change
        self._canMeasure = False  # the packages are there: to look for them takes its time
        self._voxelsOf = 0  # when the PET's voxels last changed
        self._work = None
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.setInterval(PAUSE_MS)
        self._timer.connect("timeout()", self._measure)

    def follow(self, segmentation, pet):
        """Watch these nodes from now on, either may be None; measures at once."""
        if segmentation is self.segmentation and pet is self.pet:
            return
        self.stop()
        self.segmentation, self.pet = segmentation, pet
        if segmentation is None:
            return
        lesions = segmentation.GetSegmentation()
        for event in (
            lesions.SegmentAdded,
            lesions.SegmentRemoved,
            lesions.SegmentModified,
            lesions.SourceRepresentationModified,
        ):
            self.addObserver(lesions, event, self._changed)
        moved = slicer.vtkMRMLTransformableNode.TransformModifiedEvent
        self.addObserver(segmentation, moved, self._changedAll)
        if pet is not None:
            self.addObserver(pet, moved, self._changedAll)
            self._voxelsOf = changed_at(pet)
            for event in (
                slicer.vtkMRMLVolumeNode.ImageDataModifiedEvent,
                vtk.vtkCommand.ModifiedEvent,
            ):
                self.addObserver(pet, event, self._petModified)
        self._measure()

    def stop(self):
        """Watch nothing; what was begun is dropped."""
        self._timer.stop()
        self._cancel()
        self.removeObservers()
        self._known = {}
        self._canMeasure = False
        self.segmentation = self.pet = None

    def hurry(self):
        """Do not wait for further edits: a button was pressed, nobody paints."""
        if self._timer.active:
            self._timer.stop()
            self._measure()

    def running(self) -> bool:
        """Is there something that the measures do not show yet?"""
        return self._timer.active or self._work is not None

    def _changed(self, caller=None, event=None):
        self._cancel()  # what it measures is of yesterday
        self._timer.start()
        self._onBusy()

    def _petModified(self, caller=None, event=None):
        if changed_at(self.pet) != self._voxelsOf:
            self._voxelsOf = changed_at(self.pet)
            self._changedAll()

    def _changedAll(self, caller=None, event=None):
        self._known = {}
        self._changed()

    def _cancel(self):
        if self._work is not None:
            self._work.cancel()
            self._work = None

    def _measure(self):
        self._cancel()
        if slicer.mrmlScene.IsBatchProcessing():
            self._timer.start()
            return
        if self.pet is None:
            self._onFailed(_("There is no PET to measure in: choose one under Inputs."))
            return
        if not is_suv(self.pet):
            self._onFailed(_("The PET is not in SUV: convert it under Inputs to measure in it."))
            return
        work = _remeasured(self.segmentation, self.pet, self._known, self._canMeasure)
        self._work = Stepwise(work, self._done, self._error)
        self._work.start()

    def _done(self, measured):
        self._work, self._canMeasure = None, True
        self._onMeasured(measured)

    def _error(self, error):
        self._work = None
        if isinstance(error, InputError | ImportError):
            self._onFailed(str(error))
            return
        log.error("measuring failed", exc_info=error)
        self._onFailed(_("Measuring failed: {error}").format(error=error))


def _remeasured(segmentation, pet, known, canMeasure):
    """What ``remeasure`` gives; before, its packages are looked for, unless it is known that it
    ``canMeasure``, and imported, a bit at a time as well.

    Raises InputError and ImportError, in words to show.
    """
    if not canMeasure:
        yield
        if any(not each.startswith("torch") for each in missing()):
            raise ImportError(_("Measuring needs packages that Segment offers to install."))
        yield
    yield from warm_up_measuring()
    from HNCLogic.scene.live_measures import remeasure

    return (yield from remeasure(segmentation, pet, known))
