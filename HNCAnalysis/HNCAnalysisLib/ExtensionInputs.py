"""The inputs of "Extracapsular extension": a CT, the range that is analysed, the volume judged."""

from __future__ import annotations

import slicer
from slicer.i18n import tr as _

from HNCAnalysisLib.BoxWatch import BoxWatch
from HNCAnalysisLib.NeckView import viewedPlace
from HNCAnalysisLib.ParameterNode import NOT_FOUND
from HNCAnalysisLib.QuestionInputs import QuestionInputs
from HNCAnalysisLib.Tasks import EXTENSION
from HNCLogic.panels import image_checks
from HNCLogic.panels import volume_facts as facts
from HNCLogic.scene import rois
from HNCLogic.scene.application import of_desktop
from HNCLogic.scene.layers import jump


class ExtensionInputs(QuestionInputs):
    """Range and volume are found by the run, shown afterwards, and may be set for the next one."""

    def __init__(self, place, onChanged, launch=None):
        super().__init__(place, "ExtensionInputs.ui", EXTENSION, onChanged, launch)
        self._watch = BoxWatch(self._onVoiMoved)
        self._active = False
        self._showing = False  # what is written into the fields comes from here
        ui = self.ui
        ui.voiButton.connect("clicked(bool)", self.onShowVoi)
        for spin in (ui.inferiorSpin, ui.superiorSpin):
            spin.connect("valueChanged(double)", self._onEnd)

    def setParameterNode(self, parameterNode):
        if parameterNode is None:
            self._watch.follow(None)
            self._result = None
        super().setParameterNode(parameterNode)

    def setActive(self, active):
        super().setActive(active)
        self._active = active
        self._showVoi()

    def update(self, card):
        node, ui = self._parameterNode, self.ui
        if node is None:
            return
        self._watch.follow(node.voi)
        if node.voi is None and node.voiByHand:
            node.voiByHand = False
        if not node.voiByHand and node.voi is not None and self._result is not None:
            self._watch.put(rois.box_of_corners(self._result.extension.voi_corners))
        ui.voiByHand.enabled = node.voi is not None
        ui.voiButton.enabled = node.voi is not None or self._result is not None
        ui.inferiorSpin.enabled = ui.superiorSpin.enabled = node.rangeByHand
        self._showRange()
        images = self.images()
        words = [image_checks.described("CT", images["CT"])] if images else []
        wrong = self.selectors.complaints()
        if not wrong and images and (node.rangeByHand and not self._rangeHolds()):
            wrong = [_range()]
        self._say(
            words + self.selectors.doubts(),
            wrong or (image_checks.remarks(images) if self._lookedAt() else []),
        )

    def whyNotReady(self):
        if not self.images():
            return _("Choose a CT of the neck.")
        wrong = self.selectors.complaints()
        if wrong:
            return wrong[0]
        return _range() if self._parameterNode.rangeByHand and not self._rangeHolds() else ""

    def settings(self):
        node, settings = self._parameterNode, {}
        if node.rangeByHand:
            settings["region_mm"] = [node.rangeInferior, node.rangeSuperior]
        if self._centre() is not None:
            settings["voi_centre"] = self._centre()
        return settings

    def chosen(self):
        node = self._parameterNode
        ends = (node.rangeInferior, node.rangeSuperior)
        return {
            "range": [round(end, 1) for end in ends] if node.rangeByHand else None,
            "voi": self._centre(),
        }

    def adopt(self, result, settings):
        """The VOI was moved inside the volume, onto its voxels: what was asked for lies there."""
        node = self._parameterNode
        if node.voi is None or self._centre() is None or self._centre() != settings["voi"]:
            return settings
        self._watch.follow(node.voi)
        self._watch.put(rois.box_of_corners(result.extension.voi_corners))
        return {**settings, "voi": self._centre()}

    def show(self, result):
        node = self._parameterNode
        super().show(result)
        if result is None or node is None:
            return
        if node.voi is None and not node.voiByHand:
            self._addVoi()
        self.update(None)
        self._showVoi()

    def onShowVoi(self):
        """Jump to the volume judged; put its box there anew where somebody deleted it."""
        node = self._parameterNode
        if node.voi is None and self._result is not None:
            self._addVoi()
        box = None if node.voi is None else rois.box_of(node.voi)
        if box is not None:
            rois.show_box(node.voi, True)
            jump(of_desktop(), rois.middle_of(box))

    def cleanup(self):
        super().cleanup()
        self._watch.cleanup()

    def _addVoi(self):
        box = rois.box_of_corners(self._result.extension.voi_corners)
        name = _("Volume judged for extension")
        self._parameterNode.voi = rois.add_box(slicer.mrmlScene, name, box, resizable=False)
        self._watch.follow(self._parameterNode.voi)

    def _lookedAt(self):
        """Are the voxels known? They are looked at in a turn of its own."""
        ct = self.images().get("CT")
        return ct is not None and facts.looked_at(ct)

    def _showVoi(self):
        node = self._parameterNode
        if node is not None and node.voi is not None:
            rois.show_box(node.voi, self._active)

    def _centre(self):
        """Where the user has put the volume, RAS in mm; None where it is to be found."""
        node = self._parameterNode
        if not node.voiByHand or node.voi is None or rois.box_of(node.voi) is None:
            return None
        return [round(mm, 2) for mm in rois.middle_of(rois.box_of(node.voi))]

    def _onVoiMoved(self):
        if self._parameterNode is not None:
            self._parameterNode.voiByHand = True
            self._onChanged()

    def _showRange(self):
        """The ends that were found, for as long as the user sets none."""
        node = self._parameterNode
        if node.rangeByHand:
            ends = self._ends() if NOT_FOUND in (node.rangeInferior, node.rangeSuperior) else None
        elif self._result is not None:
            region = self._result.extension.region
            ends = (region.inferior_mm, region.superior_mm)
        else:
            ends = (NOT_FOUND, NOT_FOUND)
        if ends is None:
            return
        wanted = tuple(round(end, 1) for end in ends)
        if wanted != (node.rangeInferior, node.rangeSuperior):
            self._showing = True  # no jump: the user has set nothing
            try:
                with slicer.util.NodeModify(node.parameterNode):
                    node.rangeInferior, node.rangeSuperior = wanted
            finally:
                self._showing = False

    def _ends(self):
        """Where the CT begins and ends, S in mm: what a range by hand starts from."""
        ct = self.images().get("CT")
        grid = None if ct is None else facts.grid_or_none(ct)
        if grid is None:
            return None
        heights = [corner[2] for corner in grid.corners()]
        return min(heights), max(heights)

    def _rangeHolds(self):
        node = self._parameterNode
        return NOT_FOUND < node.rangeInferior < node.rangeSuperior

    def _onEnd(self, height):
        node = self._parameterNode
        if node is None or self._showing or slicer.mrmlScene.IsBatchProcessing():
            return
        if not node.rangeByHand or height <= NOT_FOUND:
            return
        here = viewedPlace()
        if here is not None:
            jump(of_desktop(), (here[0], here[1], float(height)))


def _range():
    return _("The upper end of the region must lie above its lower end.")
