"""The panel of HNCAnalysis: its parts, and what one of them means for the others."""

from __future__ import annotations

import logging

import slicer
import vtk
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from HNCAnalysisLib import AnalysisState as state
from HNCAnalysisLib.AnswerNodes import putAnswer, showImages
from HNCAnalysisLib.AnswerView import AnswerView
from HNCAnalysisLib.HeatMapView import HeatMapView
from HNCAnalysisLib.ModelChoice import ModelChoice
from HNCAnalysisLib.NeckView import NeckView
from HNCAnalysisLib.ReportButton import ReportButton
from HNCLogic import RESEARCH_USE
from HNCLogic.panels.inputs import ImageInputs
from HNCLogic.panels.request import Request
from HNCLogic.panels.run_controls import RunControls
from HNCLogic.panels.stepwise import Stepwise
from HNCLogic.panels.tones import box
from HNCLogic.panels.warm_up import warm_up
from HNCLogic.scene.notes import TRAINED_ON
from HNCLogic.scene.presence_nodes import presence_nodes_of
from HNCLogic.scene.result_text import result_of

log = logging.getLogger(__name__)


class AnalysisPanel(VTKObservationMixin):
    """Inputs and model → run → answer, charts, heat map, report.

    ``uiWidget``: the loaded .ui file. ``launch``, ``ensure``: what starts the child process and
    sees to its packages; Slicer's own ways where they are not handed in.
    """

    def __init__(self, uiWidget, launch=None, ensure=None):
        VTKObservationMixin.__init__(self)
        self.ui = ui = slicer.util.childWidgetVariables(uiWidget)
        self.result = None  # of the text node that is shown, once it is read
        self._shownText = None
        self._parameterNode = None
        self._guiTag = None
        self._reading = None
        self._answering = False  # a run is about to show its own answer
        self.run = None
        ui.researchLabel.text = RESEARCH_USE
        box(ui.researchLabel, "accent")
        self.inputs = ImageInputs(ui.imagesSection.layout(), launch, self.refresh)
        self.model = ModelChoice(ui)
        self.answer = AnswerView(ui)
        self.neck = NeckView(ui, self._heatAndPet)
        self.heatMap = HeatMapView(ui)
        self.report = ReportButton(ui, self._reportSteps)
        self.voxels = state.VoxelWatch()
        ui.continueButton.connect("clicked(bool)", self.onContinue)
        scene = slicer.mrmlScene
        self.addObserver(scene, scene.EndBatchProcessEvent, self._onChanged)
        self.addObserver(scene, scene.EndImportEvent, self._onImported)
        self.addObserver(scene, scene.NodeRemovedEvent, self._onNodeRemoved)
        self.useProcess(launch, ensure)

    def useProcess(self, launch, ensure):
        """Hand in what starts the child process and sees to its packages; None: Slicer's ways."""
        if self.run is not None:
            self.run.cleanup()
            self.run.widget.deleteLater()
        self.run = RunControls(
            self.ui.runPlace.layout(), _("Analyse"), request=Request(launch), ensure=ensure
        )
        self.run.connectClicked(self.onAnalyse)
        self.refresh()

    def setParameterNode(self, parameterNode):
        """Show the state in a wrapped parameter node; None: there is no scene to show."""
        if self._parameterNode is not None:
            self._parameterNode.disconnectGui(self._guiTag)
            self.removeObserver(self._parameterNode, vtk.vtkCommand.ModifiedEvent, self._onChanged)
        if parameterNode is None:
            self.run.cancel()
            self.report.clear()
            self._forgetAnswer()
        self._parameterNode = parameterNode
        self.inputs.setParameterNode(parameterNode)
        self.model.setParameterNode(parameterNode)
        self.heatMap.setParameterNode(parameterNode)
        if parameterNode is not None:
            self._guiTag = parameterNode.connectGui(self.ui)
            self.addObserver(parameterNode, vtk.vtkCommand.ModifiedEvent, self._onChanged)
            self.inputs.fillIn()
        self.refresh()

    def enter(self, parameterNode):
        """The panel is opened: what is loaded and installed is looked at anew."""
        if self._parameterNode is None or (
            self._parameterNode.parameterNode is not parameterNode.parameterNode
        ):
            self.setParameterNode(parameterNode)
        self.model.refill()
        self.inputs.fillIn()
        if self.result is not None:
            self.neck.observeViews()
        self.refresh()

    def _onChanged(self, caller=None, event=None):
        self.refresh()

    def _onImported(self, caller, event):
        self._forgetAnswer()  # the scene's own is read anew

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _onNodeRemoved(self, caller, event, node):
        if any(node.IsA(kind) for kind in state.CLASSES):  # no view of a picture
            self.refresh()

    def refresh(self):
        """Bring everything in line with the parameter node."""
        if self.run is None or slicer.mrmlScene.IsBatchProcessing():
            return
        node = self._parameterNode
        self.model.update()
        self.heatMap.update()
        self.voxels.follow(node)
        why = _("The scene is closed.")
        if node is not None:
            why = self.inputs.whyNotReady() or self.model.whyNotReady(self.inputs.images())
        self.run.setReady(not why, why)
        if node is None:
            return
        self._saySimulated(state.simulated(self.inputs.images().values()))
        self._showAnswer()

    def _showAnswer(self):
        node = self._parameterNode
        self.voxels.follow(node)
        if self._answering:
            return
        if node.result is None:
            if self._shownText is not None:
                self._forgetAnswer()
            return
        text = node.result.GetText()
        if text != self._shownText:
            self._shownText = text
            self._stopReading()
            self._reading = Stepwise(self._readSteps(), lambda _none: None, self._showTables)
            self._reading.start()
        if not self.ui.answerSection.isHidden():
            self.answer.sayStale(state.changedSince(node))

    def _readSteps(self):
        """Read the answer and show it, a bit at a time: at once the panel would be seen to stop."""
        yield from warm_up()
        result = result_of(self._parameterNode.result)
        yield
        if result.presence is None:
            self._showTables(None)
            return
        self.ui.reportButton.enabled = False  # until all of it is there
        self.ui.whySection.visible = self.ui.endRow.visible = True
        self.answer.show(result)
        yield
        yield from self.neck.show(result)
        hottest = result.explanation and result.explanation.hottest_ras
        self.heatMap.show(self.nodes().heatmap, hottest)
        self._saySimulated(result.simulated or state.simulated(self.inputs.images().values()))
        self.answer.sayStale(state.changedSince(self._parameterNode))
        yield
        self._collapse(True)
        self.ui.reportButton.enabled = True
        self.result = result

    def _showTables(self, error):
        """Without the packages that read a result its tables and its heat map can be seen."""
        self.result = None
        if isinstance(error, ImportError):
            why = _(
                "Python packages that read this answer are not installed yet: press Analyse to "
                "install them. Until then its table is shown, and the heat map in the views."
            )
        else:
            log.error("the scene's answer cannot be read: %s", type(error).__name__)
            why = _("This scene's answer cannot be read by this version: its table is shown.")
        nodes = self.nodes()
        trainedOn = nodes.heatmap.GetAttribute(TRAINED_ON) if nodes.heatmap is not None else None
        self.answer.showTables([nodes.window_table, nodes.slice_table], why, trainedOn)
        self.neck.clear()
        self.heatMap.show(nodes.heatmap, None)
        self.ui.whySection.visible = nodes.heatmap is not None
        self.ui.endRow.visible = True
        self.ui.reportButton.enabled = False

    def _forgetAnswer(self):
        self._stopReading()
        self.result = self._shownText = None
        self.answer.clear()
        self.neck.clear()
        self.heatMap.show(None, None)
        self.report.clear()
        self.ui.whySection.visible = self.ui.endRow.visible = False
        self._collapse(False)

    def _collapse(self, answered):
        """What is done makes room for the answer."""
        for section in (self.ui.imagesSection, self.ui.modelSection):
            section.collapsed = answered

    def _stopReading(self):
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None

    def _saySimulated(self, words):
        label = self.ui.simulatedLabel
        label.visible = bool(words)
        if words:
            label.text = _("Simulated images: {words}").format(words=words)
            box(label, "warn")

    def onAnalyse(self):
        """Run with what is set now; what is changed meanwhile makes the answer one of earlier
        settings."""
        if not self.run.enabled:
            return
        node, card, images = self._parameterNode, self.model.card(), self.inputs.images()
        inputs, settings = state.currentInputs(node), state.chosen(node)

        def put(result, folder):
            nodes = yield from putAnswer(images, result, folder)
            self._stopReading()
            self._answering = True
            try:
                state.remember(node, nodes.text, inputs, settings)
                self._shownText = None  # where this ends before all is shown
                yield
                yield from self._readSteps()
                self._shownText = nodes.text.GetText()
            finally:
                self._answering = False
            showImages(images)

        self.run.begin(
            images,
            state.jobSettings(node, card.folder, images, self.inputs.settings()),
            put,
            on_done=self._onAnswered,
            on_failed=lambda _why: self.refresh(),
            mask=node.annotated,
        )

    def _onAnswered(self, _none):
        self.refresh()
        self.heatMap.goToHottest()

    def nodes(self):
        """The answer's nodes (PresenceNodes); None where there is no answer."""
        text = self._parameterNode.result if self._parameterNode is not None else None
        return None if text is None else presence_nodes_of(text)

    def _heatAndPet(self):
        nodes = self.nodes()
        return () if nodes is None else (nodes.heatmap, nodes.pet)

    def _reportSteps(self, folder):
        """The steps of writing what is shown into ``folder``."""
        from HNCLogic.panels import report_writer

        return report_writer.write(
            self.result,
            state.analysedImages(self._parameterNode),
            folder,
            heatmap=self.nodes().heatmap,
        )

    def onContinue(self):
        """Open HNCSegment with the same images."""
        node = self._parameterNode
        try:
            other = slicer.util.getModuleLogic("HNCSegment").getParameterNode()
        except (AttributeError, RuntimeError):
            slicer.util.errorDisplay(_("The module HNCSegment is not installed."))
            return
        for name in ("pet", "ct", "mr", "mrRole"):
            setattr(other, name, getattr(node, name))
        slicer.util.selectModule("HNCSegment")

    def cleanup(self):
        """The panel goes: stop what runs, let go of the scene."""
        self.setParameterNode(None)
        self.voxels.follow(None)
        self.removeObservers()
        for part in (self.run, self.neck, self.inputs, self.model):
            part.cleanup()
