"""The panel of HNCAnalysis: its parts, and what one of them means for the others."""

from __future__ import annotations

import slicer
import vtk
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from HNCAnalysisLib import AnalysisState as state
from HNCAnalysisLib.AnswerNodes import putAnswer, showImages
from HNCAnalysisLib.ModelChoice import ModelChoice
from HNCAnalysisLib.PresenceInputs import PresenceInputs
from HNCAnalysisLib.ReportButton import ReportButton
from HNCAnalysisLib.ShownAnswer import ShownAnswer
from HNCAnalysisLib.Tasks import PRESENCE, TASKS, questions, taskOf
from HNCLogic import RESEARCH_USE
from HNCLogic.panels.other_module import open_module
from HNCLogic.panels.request import Request
from HNCLogic.panels.run_controls import RunControls
from HNCLogic.panels.tones import box


class AnalysisPanel(VTKObservationMixin):
    """Question → inputs and model → run → answer, charts, heat map, report.

    ``uiWidget``: the loaded .ui file. ``launch``, ``ensure``: what starts the child process and
    sees to its packages; Slicer's own ways where they are not handed in.
    """

    def __init__(self, uiWidget, launch=None, ensure=None):
        VTKObservationMixin.__init__(self)
        self.ui = ui = slicer.util.childWidgetVariables(uiWidget)
        self._parameterNode = None
        self._guiTag = None
        self.run = None
        self._whole = True  # are all parts of the same parameter node
        self.task = PRESENCE
        self._filling = False
        self._launch = launch
        ui.researchLabel.text = RESEARCH_USE
        for method, words in questions().items():
            ui.taskSelector.addItem(words, method)
        ui.taskSelector.connect("currentIndexChanged(int)", self.onTaskChosen)
        presence = PresenceInputs(ui.imagesSection.layout(), launch, self.refresh)
        self.inputs = presence.chooser
        self._inputsOf = {"presence": presence}
        self.model = ModelChoice(ui)
        self.report = ReportButton(ui, self._reportSteps)
        self.shown = ShownAnswer(ui, self._onShown)
        self.answer, self.neck, self.heatMap = self.shown.view, self.shown.neck, self.shown.heatMap
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

    @property
    def result(self):
        """The answer that is shown, once it is read; None where there is none."""
        return self.shown.result

    def inputsOf(self, task):
        """The inputs of a question; made when it is first asked."""
        if task.method not in self._inputsOf:
            place = self.ui.imagesSection.layout()
            if task.method == "extension":
                from HNCAnalysisLib.ExtensionInputs import ExtensionInputs as Inputs
            else:
                from HNCAnalysisLib.ParotidInputs import ParotidInputs as Inputs
            self._inputsOf[task.method] = made = Inputs(place, self.refresh, self._launch)
            made.setParameterNode(self._parameterNode)
            made.fillIn()
        return self._inputsOf[task.method]

    def furtherSteps(self):
        """Have the inputs of the other questions at hand before they are asked, in steps."""
        for task in TASKS.values():
            self.inputsOf(task).setActive(task is self.task)
            yield

    def setParameterNode(self, parameterNode):
        """Show the state in a wrapped parameter node; None: there is no scene to show."""
        if self._parameterNode is not None:
            self._parameterNode.disconnectGui(self._guiTag)
            self.removeObserver(self._parameterNode, vtk.vtkCommand.ModifiedEvent, self._onChanged)
        if parameterNode is None:
            self.run.forget()
            self.run.cancel()
            self.report.clear()
        self._whole = False
        self._parameterNode = parameterNode
        for inputs in self._inputsOf.values():
            inputs.setParameterNode(parameterNode)
        self.model.setParameterNode(parameterNode)
        self.shown.setParameterNode(parameterNode)
        if parameterNode is not None:
            self._guiTag = parameterNode.connectGui(self.ui)
            self.addObserver(parameterNode, vtk.vtkCommand.ModifiedEvent, self._onChanged)
            self._followTask()
            self.inputsOf(self.task).fillIn()
        self._whole = True
        self.refresh()

    def enter(self, parameterNode):
        """The panel is opened: what is loaded and installed is looked at anew."""
        if self._parameterNode is None or (
            self._parameterNode.parameterNode is not parameterNode.parameterNode
        ):
            self.setParameterNode(parameterNode)
        self.model.refill()
        self.inputsOf(self.task).fillIn()
        if self.result is not None:
            self.neck.observeViews()
        self.refresh()

    def onTaskChosen(self, index):
        if not self._filling and self._parameterNode is not None and index >= 0:
            self._parameterNode.task = list(questions())[index]

    def _followTask(self):
        """Show what belongs to the question that the parameter node asks."""
        task = taskOf(self._parameterNode)
        self._filling = True
        self.ui.taskSelector.setCurrentIndex(list(questions()).index(task.method))
        self._filling = False
        if task is self.task:
            return
        self.report.clear()
        self.shown.setTask(task)
        self.task = task
        self.model.setTask(task)
        chosen = self.inputsOf(task)
        for inputs in self._inputsOf.values():
            inputs.setActive(inputs is chosen)
        self.run.forget()
        chosen.fillIn()

    def _onChanged(self, caller=None, event=None):
        self.refresh()

    def _onImported(self, caller, event):
        self.shown.forget()  # the scene's own is read anew

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _onNodeRemoved(self, caller, event, node):
        if any(node.IsA(kind) for kind in state.CLASSES):  # no view of a picture
            self.refresh()

    def refresh(self):
        """Bring everything in line with the parameter node."""
        if self.run is None or not self._whole or slicer.mrmlScene.IsBatchProcessing():
            return
        box(self.ui.researchLabel, "accent")  # the application's colours may have changed
        node = self._parameterNode
        if node is not None:
            self._followTask()
        inputs = self.inputsOf(self.task)
        self.model.update()
        inputs.update(self.model.card())
        self.ui.taskSelector.enabled = node is not None and not self.run.running
        self.ui.continueButton.visible = self.task is PRESENCE
        self.voxels.follow(node, self.task)
        why = _("The scene is closed.")
        if node is not None:
            why = inputs.whyNotReady() or self.model.whyNotReady(inputs.images())
        self.run.setReady(not why, why)
        if node is None:
            self.shown.update()
            return
        self._saySimulated()
        self.shown.update()
        self._sayStale()

    def _onShown(self, result):
        if result is None:
            self.report.clear()
        if self._parameterNode is not None:
            self.inputsOf(self.task).show(result)
        for section in (self.ui.imagesSection, self.ui.modelSection):
            section.collapsed = result is not None  # what is done makes room for the answer
        if result is not None:
            self._saySimulated()
            self._sayStale()

    def _sayStale(self):
        node = self._parameterNode
        if state.resultOf(node, self.task) is not None and not self.ui.answerSection.isHidden():
            now = state.chosen(node, self.task, self.inputsOf(self.task))
            self.answer.sayStale(state.changedSince(node, self.task, now))

    def _saySimulated(self):
        words = state.simulated(self.inputsOf(self.task).images().values())
        if self.result is not None:
            words = self.result.simulated or words
        label = self.ui.simulatedLabel
        label.visible = bool(words)
        if words:
            label.text = _("Simulated images: {words}").format(words=words)
            box(label, "warn")

    def _handed(self):
        """The images of a run: of a parotid those that its model looks at."""
        images, roles = self.inputsOf(self.task).images(), self.model.card().roles
        if self.task is not TASKS["parotid"]:
            return images
        return {role: node for role, node in images.items() if role in roles}

    def onAnalyse(self):
        """Run with what is set now; what is changed meanwhile makes the answer one of earlier
        settings."""
        if not self.run.enabled:
            return
        node, task, inputs, images = (
            self._parameterNode,
            self.task,
            self.inputsOf(self.task),
            self._handed(),
        )
        given = state.currentInputs(node, task, images)
        settings = state.chosen(node, task, inputs)
        if task.roles:
            settings[state.GIVEN] = [name for name, image in given.items() if image is not None]

        def put(result, folder):
            nodes = yield from putAnswer(images, result, folder)

            def remember():
                state.remember(node, task, nodes.text, given, inputs.adopt(result, settings))
                return nodes.text

            yield from self.shown.putSteps(remember)
            showImages(images, result)

        self.run.begin(
            images,
            self._jobSettings(images),
            put,
            on_done=self._onAnswered,
            on_failed=lambda _why: self.refresh(),
            mask=inputs.mask(),
        )
        self.refresh()

    def _jobSettings(self, images):
        """The fields of the Job beside its images."""
        settings = {"task": "explain", "plain": True, **self.inputsOf(self.task).settings()}
        model = str(self.model.card().folder)
        if self.task is PRESENCE:
            settings["presence_model"] = model
        else:
            settings |= {"method": self.task.method, "model": model}
        if words := state.simulated(images.values()):
            settings["simulated"] = words
        return settings

    def _onAnswered(self, _none):
        self.refresh()
        self.heatMap.goToHottest()

    def nodes(self):
        """The answer's nodes (AnswerNodes); None where there is no answer."""
        return self.shown.nodes()

    def _reportSteps(self, folder):
        """The steps of writing what is shown into ``folder``."""
        from HNCLogic.panels import report_writer

        return report_writer.write(
            self.result,
            state.analysedImages(self._parameterNode, self.task),
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
        open_module("HNCSegment")

    def cleanup(self):
        """The panel goes: stop what runs, let go of the scene."""
        self.setParameterNode(None)
        self.voxels.follow(None, self.task)
        self.removeObservers()
        for part in (self.run, self.shown, *self._inputsOf.values(), self.model):
            part.cleanup()
