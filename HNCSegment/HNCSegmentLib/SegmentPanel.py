"""The panel of HNCSegment: its parts, and what one of them means for the others."""

from __future__ import annotations

import logging

import slicer
import vtk
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from HNCLogic import RESEARCH_USE
from HNCLogic.panels.dependencies import offers_openvino
from HNCLogic.panels.inputs import ImageInputs
from HNCLogic.panels.request import Request
from HNCLogic.panels.run_controls import RunControls
from HNCLogic.panels.tones import box
from HNCLogic.scene.notes import SIMULATED
from HNCSegmentLib import SegmentationRecord as record
from HNCSegmentLib.DisplayBox import DisplayBox
from HNCSegmentLib.LesionButtons import LesionButtons
from HNCSegmentLib.LesionRows import LesionRows
from HNCSegmentLib.MethodBox import MethodBox
from HNCSegmentLib.NewLesions import put
from HNCSegmentLib.SaveButtons import SaveButtons

log = logging.getLogger(__name__)


class SegmentPanel(VTKObservationMixin):
    """Inputs → method → run → lesions, their table, display and files.

    ``uiWidget``: the loaded .ui file. ``launch``, ``ensure``: what starts the child process and
    sees to its packages; Slicer's own ways where they are not handed in.
    """

    def __init__(self, uiWidget, launch=None, ensure=None):
        VTKObservationMixin.__init__(self)
        self.ui = ui = slicer.util.childWidgetVariables(uiWidget)
        self._parameterNode = None
        self._guiTag = None
        self._segmentation = None
        self._whole = False  # are all parts there, and of the same parameter node
        self.run = None
        ui.researchLabel.text = RESEARCH_USE
        self.method = MethodBox(ui, self.refresh)
        self.inputs = ImageInputs(
            ui.inputsSection.layout(), launch, self.refresh, self.method.usesMri
        )
        self.lesions = LesionRows(ui, self._onLesions)
        self.buttons = LesionButtons(ui, self.lesions.table, self._petOfLesions, self._onEdited)
        self.display = DisplayBox(ui, self._pet, self._background, lambda: self._segmentation)
        self.save = SaveButtons(ui, self.lesions, lambda: self._segmentation, self._volumes)
        self.useProcess(launch, ensure)
        self._whole = True

    def useProcess(self, launch, ensure):
        """Hand in what starts the child process and sees to its packages; None: Slicer's ways."""
        if self.run is not None:
            self.run.cleanup()
            self.run.widget.deleteLater()
        self.run = RunControls(self.ui.runPlace.layout(), _("Segment"), Request(launch), ensure)
        self.run.connectClicked(self.onSegment)
        self.refresh()

    def setParameterNode(self, parameterNode):
        """Show the state in a wrapped parameter node; None: there is no scene to show.

        A run that is on ends by itself when its scene is closed.
        """
        if self._parameterNode is not None:
            self._parameterNode.disconnectGui(self._guiTag)
            self.removeObserver(
                self._parameterNode, vtk.vtkCommand.ModifiedEvent, self._onParameterNodeModified
            )
        if parameterNode is None:
            self.run.forget()
            self.save.clear()
            self.lesions.follow(None, None)
            self.buttons.forget()
        self._whole = False
        self._parameterNode = parameterNode
        self.inputs.setParameterNode(parameterNode)
        self.method.setParameterNode(parameterNode)
        if parameterNode is not None:
            self._guiTag = parameterNode.connectGui(self.ui)
            self.addObserver(
                parameterNode, vtk.vtkCommand.ModifiedEvent, self._onParameterNodeModified
            )
        self.display.setParameterNode(parameterNode)
        self._whole = True
        self.refresh()

    def enter(self, parameterNode):
        """The panel is opened: what is loaded is looked at anew."""
        if self._parameterNode is None or (
            self._parameterNode.parameterNode is not parameterNode.parameterNode
        ):
            self.setParameterNode(parameterNode)
        self.method.listModels()
        self.inputs.fillIn()
        self.refresh()

    def furtherSteps(self):
        """All of it is there."""
        return iter(())

    def cleanup(self):
        """The panel goes."""
        self.setParameterNode(None)
        self.removeObservers()
        self.display.removeObservers()
        self.inputs.cleanup()
        self.run.cleanup()

    def refresh(self):
        """Bring everything in line with the parameter node and what is loaded."""
        if not self._whole or slicer.mrmlScene.IsBatchProcessing():
            return
        box(self.ui.researchLabel, "accent")  # the application's colours may have changed
        parameterNode = self._parameterNode
        segmentation = None if parameterNode is None else parameterNode.segmentation
        if segmentation is not self._segmentation:
            self._change(segmentation)
        self.lesions.follow(segmentation, self._petOfLesions())
        self.buttons.setSegmentation(segmentation)
        self.method.refresh(self.inputs.images())
        self.display.refresh()
        self.save.refresh()
        self._saySimulated(_simulated(self.inputs.images()))
        why = self._whyNotReady()
        self.run.setReady(why == "", why)
        expected = "" if why else self.method.expected(self.inputs.images())
        self.run.setExpected(expected, bool(expected) and offers_openvino())

    def onSegment(self):
        """Outline the lesions with the chosen method, in a process of its own."""
        images = self.method.roles(self.inputs.images())
        settings = {
            "task": "segment",
            "plain": True,
            **self.inputs.settings(),
            **self.method.settings(),
        }
        if simulated := _simulated(images):
            settings["simulated"] = simulated
        pet, name = images["PET"], self.method.lesionsName()
        self.run.begin(
            images,
            settings,
            lambda result, folder: self._put(result, folder, pet, name),
            on_done=self._onPut,
        )

    def _put(self, result, folder, pet, name):
        """The lesions into the scene, a bit at a time; returns the segmentation."""
        if slicer.mrmlScene.GetNodeByID(pet.GetID()) is not pet:
            pet = None  # removed meanwhile: the lesions are kept all the same
        return put(slicer.mrmlScene, result, folder, pet, name)

    def _onPut(self, segmentation):
        self._parameterNode.segmentation = segmentation
        self.display.applyOutline()
        self.display.showPet()
        self.lesions.goToHottest()
        self.ui.inputsSection.collapsed = True  # what is done makes room for the lesions

    def _change(self, segmentation):
        """Show other lesions; the former ones are hidden, not lost."""
        former, self._segmentation = self._segmentation, segmentation
        if None not in (former, segmentation) and former.GetScene() is not None:
            former.SetDisplayVisibility(False)
            segmentation.SetDisplayVisibility(True)
        if self._parameterNode is not None:
            with slicer.util.NodeModify(self._parameterNode.parameterNode):  # refreshed but once
                self._parameterNode.result = record.textOf(segmentation)
                self._parameterNode.table = record.tableOf(segmentation)

    def _whyNotReady(self):
        if self._parameterNode is None:
            return _("There is no scene")
        return self.inputs.whyNotReady() or self.method.whyNotReady(self.inputs.images())

    def _saySimulated(self, words):
        label = self.ui.simulatedLabel
        label.visible = bool(words)
        if words:
            label.text = _("Simulated images: {words}").format(words=words)
            box(label, "warn")

    def _pet(self):
        return None if self._parameterNode is None else self._parameterNode.pet

    def _petOfLesions(self):
        return record.petOf(self._segmentation, self._pet())

    def _volumes(self):
        """Role → volume node of what a report shows: the PET of the lesions, and the anatomy."""
        role, anatomy = self._background()
        if role == "MR":
            role = self._parameterNode.mrRole or "T1"
        volumes = {"PET": self._petOfLesions(), role: anatomy}
        return {role: node for role, node in volumes.items() if node is not None}

    def _background(self):
        """Role and node of the anatomy: the CT, else the MRI."""
        if self._parameterNode is not None:
            for role, node in (("CT", self._parameterNode.ct), ("MR", self._parameterNode.mr)):
                if node is not None:
                    return role, node
        return "", None

    def _onParameterNodeModified(self, caller=None, event=None):
        self.refresh()

    def _onEdited(self):
        self.lesions.live.hurry()
        self.buttons.refresh()

    def _onLesions(self):
        """Other rows are selected, or the measures came or went."""
        self.buttons.refresh()
        self.save.refresh()


def _simulated(images):
    """What the first simulated one of ``images`` says of itself; None where none is."""
    said = (node.GetAttribute(SIMULATED) for node in images.values())
    return next((words for words in said if words), None)
