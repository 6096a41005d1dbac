"""What the inputs of the questions beside "Is there cancer?" share."""

from __future__ import annotations

from pathlib import Path

import slicer

from HNCAnalysisLib.ImageSelectors import ImageSelectors
from HNCLogic.panels.tones import box, colour_words

UI_FOLDER = Path(__file__).resolve().parents[1] / "Resources" / "UI"


class QuestionInputs:
    """Images by role from a .ui file of their own, connected to the parameter node, and two labels
    of what there is to say of them. Its methods are those of ``PresenceInputs``.
    """

    def __init__(self, place, uiFile, task, onChanged):
        self.widget = slicer.util.loadUI(str(UI_FOLDER / uiFile))
        place.addWidget(self.widget)
        self.ui = slicer.util.childWidgetVariables(self.widget)
        self.widget.setMRMLScene(slicer.mrmlScene)
        self.task, self._onChanged = task, onChanged
        selectors = {name: getattr(self.ui, f"{name}Selector") for name in task.roles}
        self.selectors = ImageSelectors(selectors, task.roles, onChanged)
        self._parameterNode = None
        self._guiTag = None
        self._result = None  # the answer that the panel shows

    def setParameterNode(self, parameterNode):
        if self._parameterNode is not None:
            self._parameterNode.disconnectGui(self._guiTag)
        self._parameterNode = None  # what is written into the widgets now the user has not set
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
        self.setParameterNode(None)
        self.selectors.cleanup()

    def _say(self, words, complaints):
        for label, lines in ((self.ui.stateLabel, words), (self.ui.complaintLabel, complaints)):
            label.text = "\n".join(lines)
            label.visible = bool(lines)
        colour_words(self.ui.stateLabel, "quiet")
        box(self.ui.complaintLabel, "warn")
