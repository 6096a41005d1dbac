"""What the inputs of the questions beside "Is there cancer?" share."""

from __future__ import annotations

from pathlib import Path

import slicer

from HNCAnalysisLib.ImageSelectors import ImageSelectors
from HNCLogic.panels.opening import Opening
from HNCLogic.panels.panel_words import for_panel
from HNCLogic.panels.request import Request
from HNCLogic.panels.tones import box, colour_words
from HNCLogic.scene.application import of_desktop
from HNCLogic.scene.display import set_fusion

UI_FOLDER = Path(__file__).resolve().parents[1] / "Resources" / "UI"


class QuestionInputs:
    """Images by role from a .ui file of their own, connected to the parameter node, and two labels
    of what there is to say of them. Its methods are those of ``PresenceInputs``.
    """

    def __init__(self, place, uiFile, task, onChanged, launch=None):
        """``launch``: as ``slicer.util.launchConsoleProcess``; opens images from disk."""
        self.widget = slicer.util.loadUI(str(UI_FOLDER / uiFile))
        place.addWidget(self.widget)
        self.ui = slicer.util.childWidgetVariables(self.widget)
        self.widget.setMRMLScene(slicer.mrmlScene)
        self.task, self._onChanged = task, onChanged
        selectors = {name: getattr(self.ui, f"{name}Selector") for name in task.roles}
        self.selectors = ImageSelectors(selectors, task.roles, onChanged)
        kinds = dict.fromkeys("CT" if role == "CT" else "MR" for role in task.roles.values())
        self.opening = Opening(
            self.ui.openingWidget.layout(), Request(launch), self._onOpened, _toldAlready, (*kinds,)
        )
        self._opened = "", []  # the id of what was opened last, and what there is to mind of it
        self._parameterNode = None
        self._guiTag = None
        self._result = None  # the answer that the panel shows

    def setParameterNode(self, parameterNode):
        if self._parameterNode is not None:
            self._parameterNode.disconnectGui(self._guiTag)
        self._parameterNode = None  # what is written into the widgets now the user has not set
        self._opened = "", []
        if parameterNode is None:
            self.opening.controls.forget()
        if parameterNode is not None:
            self._guiTag = parameterNode.connectGui(self.ui)
        self._parameterNode = parameterNode
        self.selectors.setParameterNode(parameterNode)

    def setActive(self, active):
        self.widget.visible = active

    def fillIn(self):
        self.selectors.fillIn()

    def images(self):
        return self.selectors.images()

    def mask(self):
        return None

    def adopt(self, result, settings):
        return settings

    def show(self, result):
        self._result = result

    def cleanup(self):
        self.opening.cleanup()
        self.setParameterNode(None)
        self.selectors.cleanup()

    def _onOpened(self, nodes, wanted, warnings):
        """The new volume into its field, in place of what was chosen."""
        if self._parameterNode is None:
            return
        ((role, node),) = nodes.items()  # the menu offers one at a time
        self._opened = node.GetID(), [for_panel(words) for words in warnings]
        name = next(name for name, each in self.task.roles.items() if each == role)
        setattr(self._parameterNode, name, node)
        set_fusion(of_desktop(), None, node, 1.0)
        of_desktop().logic.FitSliceToAll()
        self._onChanged()

    def _say(self, words, complaints):
        opened, remarks = self._opened
        if opened in [volume.GetID() for volume in self.images().values()]:
            complaints = [*complaints, *remarks]
        for label, lines in ((self.ui.stateLabel, words), (self.ui.complaintLabel, complaints)):
            label.text = "\n".join(lines)
            label.visible = bool(lines)
        colour_words(self.ui.stateLabel, "quiet")
        box(self.ui.complaintLabel, "warn")


def _toldAlready(why, wanted):
    """The button's own words say why nothing was opened."""
