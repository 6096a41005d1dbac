"""Is there head-and-neck cancer, and why does the network think so: the panel of methods 1, 4, 5.

What the panel does stands in HNCAnalysisLib, what is computed in HNCLogic.
"""

import importlib.util
import sys
from pathlib import Path

import slicer
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)


class HNCAnalysis(ScriptedLoadableModule):
    """What Slicer shows of the module before it is opened."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        if importlib.util.find_spec("HNCLogic") is None:  # a source tree: it lies beside
            sys.path.append(str(Path(__file__).resolve().parents[1]))
        self.parent.title = _("HNC Analysis")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Nuclear Medicine")]
        self.parent.dependencies = ["Markups", "Segmentations", "SubjectHierarchy", "Volumes"]
        self.parent.contributors = ["The HNC authors"]
        self.parent.helpText = _(
            "<p>Is there head-and-neck cancer in an FDG PET (with CT or MRI), how sure is the "
            "model, and where did it look? Choose the images and press <b>Analyse</b>. Each "
            "window along the neck has its own probability: click one to go there. The heat map "
            "shows where the network looked. <b>Continue to tumour volume</b> outlines and "
            "measures lesions.</p><p>Two more questions stand at the top: what kind of tumour is "
            "in the parotid, on MRI within a box about it, and is there extracapsular extension "
            "on a CT of the neck.</p><p><b>Research use only.</b> Not a medical device; not for "
            "diagnosis or treatment decisions. What each model was trained on stands on its card."
            "</p>"
        )
        self.parent.acknowledgementText = _(
            "Verdict by windows of slices and Grad-CAM after Liedes et al. (2025) and Rainio et "
            "al. (2024), parotid neoplasm after Liu et al. (2022), extracapsular extension after "
            "Wang et al. (2022). Made with 3D Slicer, SimpleITK and PyTorch."
        )
        slicer.app.connect("startupCompleted()", onStartupCompleted)


def onStartupCompleted():
    """What both modules add to Slicer's own lists: the sample patient, and terms for segments."""
    from HNCLogic.panels import sample_data
    from HNCLogic.scene.terminology_file import load_terms_into_desktop

    sample_data.register()
    load_terms_into_desktop()


class HNCAnalysisWidget(ScriptedLoadableModuleWidget):
    """The panel, as Slicer sees it."""

    def __init__(self, parent=None):
        self.modulePanel = None
        ScriptedLoadableModuleWidget.__init__(self, parent)

    def setup(self):
        from HNCLogic.panels.module_panel import ModulePanel

        ScriptedLoadableModuleWidget.setup(self)
        self.logic = HNCAnalysisLogic()
        parts = ("Tasks", "AnswerNodes", "AnswerView", "ModelChoice", "NeckView", "AnalysisPanel")
        imports = [f"HNCAnalysisLib.{part}" for part in parts]
        self.modulePanel = ModulePanel(self, imports, self._made)

    def _made(self, uiWidget):
        from HNCAnalysisLib.AnalysisPanel import AnalysisPanel

        self.layout.addStretch(1)
        return AnalysisPanel(uiWidget)

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
        for name in [one for one in sys.modules if one.split(".")[0] == "HNCAnalysisLib"]:
            del sys.modules[name]  # Slicer itself reads no more than this file anew
        ScriptedLoadableModuleWidget.onReload(self)


class HNCAnalysisLogic(ScriptedLoadableModuleLogic):
    """Gives the parameter node; the computing is done in a process of its own."""

    def getParameterNode(self):
        from HNCAnalysisLib.ParameterNode import HNCAnalysisParameterNode

        return HNCAnalysisParameterNode(super().getParameterNode())


class HNCAnalysisTest(ScriptedLoadableModuleTest):
    """Clicks through the panel on a small simulated patient; see HNCAnalysisLib/SelfTest.py."""

    def setUp(self):
        slicer.mrmlScene.Clear(0)

    def runTest(self):
        from HNCAnalysisLib.SelfTest import runAll

        runAll(self)
