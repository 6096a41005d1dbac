"""The answer that the panel shows: read from its text node a bit at a time, and shown in parts."""

from __future__ import annotations

import logging

from slicer.i18n import tr as _

from HNCAnalysisLib import AnalysisState as state
from HNCAnalysisLib.AnswerView import AnswerView
from HNCAnalysisLib.HeatMapView import HeatMapView
from HNCAnalysisLib.NeckView import NeckView
from HNCAnalysisLib.Tasks import PRESENCE
from HNCLogic.panels.stepwise import Stepwise
from HNCLogic.panels.warm_up import warm_up
from HNCLogic.scene.answer_nodes import answer_nodes_of
from HNCLogic.scene.notes import TRAINED_ON
from HNCLogic.scene.result_text import result_of

log = logging.getLogger(__name__)


class ShownAnswer:
    """Follows the parameter node's answer to the question that is asked.

    ``onShown(result)`` is called with what is shown, and with None when that goes.
    """

    def __init__(self, ui, onShown):
        self.ui, self._onShown = ui, onShown
        self.result = None  # of the text node that is shown, once it is read
        self._text = None  # that was read last, or is being read
        self._parameterNode, self._task = None, PRESENCE
        self._reading = None
        self._putting = False  # a run is about to show its own answer
        self.view = AnswerView(ui)
        self.neck = NeckView(ui, self._heatAndPet)
        self.heatMap = HeatMapView(ui)

    def setParameterNode(self, parameterNode):
        self._parameterNode = parameterNode
        self.heatMap.setParameterNode(parameterNode)
        if parameterNode is None:
            self.forget()

    def setTask(self, task):
        """Show the answer to another question, where there is one."""
        if task is not self._task:
            self.forget()
            self._task = task

    def update(self):
        """To be called when the parameter node has changed."""
        self.heatMap.update()
        if self._putting or self._parameterNode is None:
            return
        node = state.resultOf(self._parameterNode, self._task)
        if node is None:
            if self._text is not None:
                self.forget()
            return
        text = node.GetText()
        if text != self._text:
            self._text = text
            self.stopReading()
            self._reading = Stepwise(self._readSteps(), lambda _none: None, self._showTables)
            self._reading.start()

    def putSteps(self, remember):
        """The steps of a run that has its answer: ``remember()`` notes it, then it is shown."""
        self.stopReading()
        self._putting = True
        try:
            text = remember()
            self._text = None  # where this ends before all is shown
            yield
            yield from self._readSteps()
            self._text = text.GetText()
        finally:
            self._putting = False

    def forget(self):
        """Show none."""
        self.stopReading()
        self.result = self._text = None
        self.view.clear()
        self.neck.clear()
        self.heatMap.show(None, None)
        self.ui.whySection.visible = self.ui.endRow.visible = False
        self._onShown(None)

    def stopReading(self):
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None

    def nodes(self):
        """The answer's nodes (AnswerNodes); None where there is no answer."""
        node = self._parameterNode
        text = None if node is None else state.resultOf(node, self._task)
        return None if text is None else answer_nodes_of(text)

    def _readSteps(self):
        """Read the answer and show it, a bit at a time: at once the panel would be seen to stop."""
        yield from warm_up()
        result = result_of(state.resultOf(self._parameterNode, self._task))
        yield
        if result.answer is None:
            self._showTables(None)
            return
        self.ui.reportButton.enabled = False  # until all of it is there
        self.ui.whySection.visible = self.ui.endRow.visible = True
        self.view.show(result)
        yield
        yield from self.neck.show(result)
        hottest = result.explanation and result.explanation.hottest_ras
        self.heatMap.show(self.nodes().heatmap, hottest)
        yield
        self.ui.reportButton.enabled = True
        self.result = result
        self._onShown(result)

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
        self.view.showTables([nodes.window_table, nodes.slice_table], why, trainedOn)
        self.neck.clear()
        self.heatMap.show(nodes.heatmap, None)
        self.ui.whySection.visible = nodes.heatmap is not None
        self.ui.endRow.visible = True
        self.ui.reportButton.enabled = False

    def _heatAndPet(self):
        nodes = self.nodes()
        if nodes is None:
            return ()
        return (nodes.heatmap, nodes.image if self._task is PRESENCE else None)

    def cleanup(self):
        self.stopReading()
        self.neck.cleanup()
