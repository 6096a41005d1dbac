"""Where the tumour is and how much of it, in FDG PET: the panel of method 3 and of thresholds.

What the panel does stands in HNCSegmentLib, what is computed in HNCLogic.
"""

import importlib.util
import sys
from pathlib import Path
from typing import Annotated

import slicer
from slicer import (
    vtkMRMLScalarVolumeNode,
    vtkMRMLSegmentationNode,
    vtkMRMLTableNode,
    vtkMRMLTextNode,
)
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.parameterNodeWrapper import Choice, WithinRange, parameterNodeWrapper
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)


class HNCSegment(ScriptedLoadableModule):
    """What Slicer shows of the module before it is opened."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        if importlib.util.find_spec("HNCLogic") is None:  # a source tree: it lies beside
            sys.path.append(str(Path(__file__).resolve().parents[1]))
        self.parent.title = _("HNC Segment")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Nuclear Medicine")]
        self.parent.dependencies = ["Segmentations", "SubjectHierarchy", "Volumes"]
        self.parent.contributors = ["The HNC authors"]
        self.parent.helpText = _(
            "<p>Where is the tumour in an FDG PET/CT of head and neck, and how much of it? Choose "
            "the images and a method (a neural network, or a threshold) and press <b>Segment</b>. "
            "Each lesion becomes a segment and a row of the table: click a row to go there. "
            "<b>Delete</b> what is physiological uptake, turn a node into the primary, merge, "
            "split, or paint in the Segment Editor: the measures follow.</p><p><b>Research use "
            "only.</b> Not a medical device; not for diagnosis or treatment decisions. What each "
            "model was trained on stands on its card.</p>"
        )
        self.parent.acknowledgementText = _(
            "Outlines by neural networks after Nikulin et al. (EJNMMI 2023) and Liedes et al. (J "
            "Med Biol Eng 2023). Made with 3D Slicer, SimpleITK and PyTorch."
        )


@parameterNodeWrapper
class HNCSegmentParameterNode:
    """The panel's state, kept with the scene: inputs, method, lesions, display."""

    pet: vtkMRMLScalarVolumeNode
    ct: vtkMRMLScalarVolumeNode
    mr: vtkMRMLScalarVolumeNode
    mrRole: str = ""
    method: Annotated[str, Choice(["network", "fixed", "percent", "adaptive"])] = "network"
    model: str = "tumour-volume-petct"
    fixedSuv: Annotated[float, WithinRange(0.1, 100)] = 4.0
    percent: Annotated[float, WithinRange(1, 99)] = 41.0
    adaptiveFraction: Annotated[float, WithinRange(0.01, 0.99)] = 0.4
    candidateSuv: Annotated[float, WithinRange(0.1, 100)] = 2.5
    minimumMl: Annotated[float, WithinRange(0, 100)] = 0.1
    excludeBrain: bool = True
    segmentation: vtkMRMLSegmentationNode
    result: vtkMRMLTextNode  # of the segmentation, as is the table
    table: vtkMRMLTableNode
    outline: bool = True


class HNCSegmentWidget(ScriptedLoadableModuleWidget):
    """The panel, as Slicer sees it."""

    def __init__(self, parent=None):
        self.modulePanel = None
        ScriptedLoadableModuleWidget.__init__(self, parent)

    def setup(self):
        from HNCLogic.panels.module_panel import ModulePanel

        ScriptedLoadableModuleWidget.setup(self)
        self.logic = HNCSegmentLogic()
        parts = ("DisplayBox", "LesionButtons", "LesionRows", "SaveButtons", "SegmentPanel")
        imports = [f"HNCSegmentLib.{part}" for part in parts]
        self.modulePanel = ModulePanel(self, imports, self._made)

    def _made(self, uiWidget):
        from HNCSegmentLib.SegmentPanel import SegmentPanel

        return SegmentPanel(uiWidget)

    @property
    def panel(self):
        """The whole panel, however early it is asked for."""
        return None if self.modulePanel is None else self.modulePanel.panel

    def cleanup(self):
        if self.modulePanel is not None:
            self.modulePanel.cleanup()

    def enter(self):
        self.modulePanel.enter()

    def onReload(self):
        """Slicer reads this file anew, and no other: what it imports is forgotten before."""
        for name in [name for name in sys.modules if name.split(".")[0] == "HNCSegmentLib"]:
            del sys.modules[name]
        ScriptedLoadableModuleWidget.onReload(self)


class HNCSegmentLogic(ScriptedLoadableModuleLogic):
    """Gives the parameter node; the computing is done in a process of its own."""

    def getParameterNode(self):
        return HNCSegmentParameterNode(super().getParameterNode())


class HNCSegmentTest(ScriptedLoadableModuleTest):
    """Clicks through the panel on a small made-up PET/CT; see HNCSegmentLib/SelfTest.py."""

    def setUp(self):
        slicer.mrmlScene.Clear(0)

    def runTest(self):
        from HNCSegmentLib.SelfTest import runAll

        runAll(self)
