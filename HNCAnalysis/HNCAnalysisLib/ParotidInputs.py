"""The inputs of "Parotid neoplasm": MRI of up to six sequences, and a box about the tumour."""

from __future__ import annotations

import numpy as np
import slicer
from slicer.i18n import tr as _

from HNCAnalysisLib.BoxWatch import BoxWatch
from HNCAnalysisLib.NeckView import viewedPlace
from HNCAnalysisLib.QuestionInputs import QuestionInputs
from HNCAnalysisLib.Tasks import PAROTID
from HNCLogic.images.grid import ras
from HNCLogic.panels import volume_facts as facts
from HNCLogic.panels.choice import choose_one
from HNCLogic.scene import rois
from HNCLogic.scene.application import of_desktop
from HNCLogic.scene.layers import jump

SIDE_MM = 40.0  # of a box that is new: most tumours of the parotid are smaller


class ParotidInputs(QuestionInputs):
    """Six selectors, and the box: placed where the views look, moved by hand, or of a segment."""

    def __init__(self, place, onChanged, launch=None):
        super().__init__(place, "ParotidInputs.ui", PAROTID, onChanged, launch)
        self._watch = BoxWatch(onChanged)
        self._active = False
        ui = self.ui
        ui.boxButton.connect("clicked(bool)", self.onPlaceBox)
        ui.boxShowButton.connect("clicked(bool)", self.onShowBox)
        ui.boxSegmentation.connect("currentNodeChanged(vtkMRMLNode*)", self.onSegmentation)

    def setParameterNode(self, parameterNode):
        if parameterNode is None:
            self._watch.follow(None)
            self._result = None
        super().setParameterNode(parameterNode)
        for widget in (self.ui.boxButton, self.ui.boxSegmentation):
            widget.enabled = parameterNode is not None

    def setActive(self, active):
        super().setActive(active)
        self._active = active
        self._showBox()

    def update(self, card):
        node = self._parameterNode
        if node is None:
            return
        self._watch.follow(node.box)
        self.ui.boxShowButton.enabled = node.box is not None
        images, words, missing = self.images(), [], []
        if card is not None and not card.problem:
            words = [_("This model looks at {roles}.").format(roles=", ".join(card.roles))]
            missing = [role for role in card.required if role not in images]
        box = self._box()
        if box is not None:
            sides = " × ".join(f"{high - low:.0f}" for low, high in _axes(box))
            words.append(_("Box: {sides} mm (R, A, S).").format(sides=sides))
        lacks = [_("Missing for this model: {roles}.").format(roles=", ".join(missing))]
        self._say(
            words + self.selectors.doubts(),
            self.selectors.complaints() + (lacks if missing else []),
        )

    def whyNotReady(self):
        wrong = self.selectors.complaints()
        if wrong:
            return wrong[0]
        if not self.images():
            return _("Choose the MRI's sequences.")
        return "" if self._box() is not None else _("Place the box about the tumour.")

    def settings(self):
        return {"box_mm": self._box()}

    def chosen(self):
        return {"box": self._box()}

    def show(self, result):
        super().show(result)
        self._showBox()

    def onPlaceBox(self):
        """A box where the slice views look; one that is there is moved, and keeps its size."""
        middle = self._place()
        if middle is None:
            slicer.util.warningDisplay(_("Load the MRI first: there is no place for a box yet."))
            return
        former = self._box()
        sides = (SIDE_MM,) * 3 if former is None else [h - low for low, h in _axes(former)]
        self._put(rois.box_about(middle, sides))

    def onShowBox(self):
        """Jump to the box."""
        box = self._box()
        if box is not None:
            rois.show_box(self._parameterNode.box, True)
            jump(of_desktop(), rois.middle_of(box))

    def onSegmentation(self, segmentation):
        """The box about a segment that the user has outlined."""
        if self._parameterNode is None or slicer.mrmlScene.IsBatchProcessing():
            return
        segmentation = self.ui.boxSegmentation.currentNode()
        if segmentation is None:
            return
        box = self._boxOf(segmentation)
        self.ui.boxSegmentation.setCurrentNode(None)  # taken once: it may be edited and taken again
        if box is not None:
            self._put(box)

    def cleanup(self):
        super().cleanup()
        self._watch.cleanup()

    def _boxOf(self, segmentation):
        """The box of the only segment, or of the one that the user chooses; None for none."""
        held = segmentation.GetSegmentation()
        ids = [held.GetNthSegmentID(n) for n in range(held.GetNumberOfSegments())]
        at = 0
        if len(ids) > 1:
            names = [held.GetSegment(one).GetName() for one in ids]
            at = choose_one(_("Box"), _("Which segment is the tumour?"), names)
            if at is None:
                return None
        box = rois.box_of_segment(segmentation, ids[at]) if ids else None
        if box is None:
            slicer.util.warningDisplay(_("This segment is empty: outline the tumour in it."))
        return box

    def _put(self, box):
        node = self._parameterNode
        if node.box is None:
            node.box = rois.add_box(slicer.mrmlScene, _("Box about the tumour"), box)
            self._watch.follow(node.box)
        else:
            self._watch.put(box)
            rois.show_box(node.box, True)
        jump(of_desktop(), rois.middle_of(box))
        self._onChanged()

    def _box(self):
        """The box in RAS, mm, rounded as it is handed over; None where there is none."""
        node = self._parameterNode
        box = None if node is None or node.box is None else rois.box_of(node.box)
        return None if box is None else [round(mm, 2) for mm in box]

    def _place(self):
        """Where a box goes, RAS in mm: where the views look, or, where that is beside the MRI or
        there are no views, the MRI's middle; None where there is no MRI."""
        grids = (facts.grid_or_none(volume) for volume in self.images().values())
        grid = next((grid for grid in grids if grid is not None), None)
        if grid is None:
            return None
        looked = viewedPlace()
        if looked is not None:
            index = grid.indices(np.array([ras(looked)]))[0]  # ras() is its own inverse
            if all(-0.5 <= i <= n - 0.5 for i, n in zip(index, grid.size, strict=True)):
                return looked
        return ras(grid.corners().mean(axis=0))

    def _showBox(self):
        node = self._parameterNode
        if node is not None and node.box is not None:
            rois.show_box(node.box, self._active)


def _axes(box):
    return list(zip(box[::2], box[1::2], strict=True))
