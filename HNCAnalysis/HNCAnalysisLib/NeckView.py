"""The section "Why": the charts along the neck, in step with the slice views."""

from __future__ import annotations

import qt
import slicer
import vtk
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from HNCLogic.errors import InputError
from HNCLogic.panels.charts import Chart
from HNCLogic.panels.kind_charts import show_attention
from HNCLogic.scene.application import SLICE_VIEWS, of_desktop
from HNCLogic.scene.hottest import hottest_at
from HNCLogic.scene.layers import jump

SETTLE_MS = 30  # the charts' mark follows the views this late, so that scrolling stays smooth


class NeckView(VTKObservationMixin):
    """A click on a chart moves the slice views there; moving the views moves the charts' mark.

    ``nodes()`` gives the heat map's node and, of an answer on one, the PET's, each of which may be
    None.
    """

    def __init__(self, ui, nodes):
        VTKObservationMixin.__init__(self)
        self.ui = ui
        self._nodes = nodes
        self.windows = Chart(ui.windowsPlace.layout(), self.goTo)
        self.heat = Chart(ui.heatPlace.layout(), self.goTo)
        self._settle = qt.QTimer()
        self._settle.setSingleShot(True)
        self._settle.setInterval(SETTLE_MS)
        self._settle.connect("timeout()", self.followViews)
        self.clear()

    def show(self, result):
        """The windows of ``result``, or its slices' attention, and the slices of its heat map, one
        step each."""
        from HNCLogic.report import wording

        presence, parotid, explanation = result.presence, result.parotid, result.explanation
        if presence is not None:
            self.windows.show_windows(presence)
        elif parotid is not None:
            show_attention(self.windows, parotid)
        else:
            self.windows.clear()
        yield
        slices = explanation.slices if explanation is not None else []
        if slices:
            self.heat.show_heat(explanation)
        else:
            self.heat.clear()
        yield
        ui = self.ui
        along = presence.windows if presence is not None else parotid and parotid.slices
        ui.windowsTitle.visible = bool(along)
        ui.windowsTitle.text = (
            _("Probability of each window. Click to go there.")
            if parotid is None
            else _("Attention on each slice of {planes} in the box. Click to go there.").format(
                planes=parotid.planes
            )
        )
        ui.whySection.text = (
            _("Why: along the neck") if parotid is None else _("Why: slice by slice")
        )
        ui.heatTitle.visible = ui.heatPlace.visible = bool(slices)
        words = _("Heat of each slice: where the network looked.")
        if any(one.annotated for one in slices):
            words += " " + _("Shaded: slices with your outlines.")
        if slices and explanation.slice_auroc is not None:
            words += " " + _("Heat tells them apart with AUROC {value}.").format(
                value=wording.number(explanation.slice_auroc, 2)
            )
        ui.heatTitle.text = words
        self.observeViews()
        self.followViews()

    def clear(self):
        self.removeObservers()
        self._settle.stop()
        self.windows.clear()
        self.heat.clear()
        for title in (self.ui.windowsTitle, self.ui.heatTitle):
            title.visible = False

    def goTo(self, height):
        """Move the slice views to ``height`` (mm, S): there, to the hottest place of the heat
        map, else of the PET, else straight up or down from where they are."""
        for node in self._nodes():
            place = _hottestAt(node, height)
            if place is not None:
                break
        else:
            here = viewedPlace() or (0.0, 0.0, 0.0)
            place = (here[0], here[1], float(height))
        jump(of_desktop(), place)

    def observeViews(self):
        """Views come and go with the layout: those that are there now are followed."""
        self.removeObservers()
        for logic in _sliceLogics():
            self.addObserver(logic.GetSliceNode(), vtk.vtkCommand.ModifiedEvent, self.onViewMoved)

    def onViewMoved(self, caller=None, event=None):
        if not slicer.mrmlScene.IsBatchProcessing() and not self._settle.active:
            self._settle.start()

    def followViews(self):
        place = viewedPlace()
        height = None if place is None else place[2]
        self.windows.mark(height)
        self.heat.mark(height)

    def cleanup(self):
        self.removeObservers()
        self._settle.stop()


def viewedPlace():
    """Where the axial view's middle is, RAS in mm; None where there is no axial view."""
    for logic in _sliceLogics():
        node = logic.GetSliceNode()
        matrix = node.GetSliceToRAS()
        if abs(matrix.GetElement(2, 2)) > 0.9:  # it looks along the body
            return tuple(matrix.GetElement(row, 3) for row in range(3))
    return None


def _sliceLogics():
    logics = [of_desktop().slice_logic(view) for view in SLICE_VIEWS]
    return [logic for logic in logics if logic is not None]


def _hottestAt(node, height):
    try:
        return None if node is None else hottest_at(node, height)
    except InputError:  # it was emptied, or put under a warping transform
        return None
