"""A scripted module of a few lines, to try the stand-in for Slicer on: ``write_tiny_module``."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

MODULE = """
    import os

    import qt
    import slicer
    from slicer.i18n import tr as _
    from slicer.ScriptedLoadableModule import *
    from slicer.util import VTKObservationMixin

    from TinyPanelLib.greeting import GREETING


    class TinyPanel(ScriptedLoadableModule):
        def __init__(self, parent):
            ScriptedLoadableModule.__init__(self, parent)
            self.parent.title = _("Tiny panel")
            self.parent.categories = ["Testing"]
            slicer.app.connect("startupCompleted()", self.onStartup)

        def onStartup(self):
            import SampleData

            SampleData.SampleDataLogic.registerCustomSampleDataSource(
                category="Tiny",
                sampleName="TinySample",
                uris=["file:none"],
                fileNames=["none"],
                customDownloader=lambda source: slicer.mrmlScene.AddNewNodeByClass(
                    "vtkMRMLScalarVolumeNode", source.sampleName
                ),
            )


    class TinyPanelWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
        def __init__(self, parent=None):
            ScriptedLoadableModuleWidget.__init__(self, parent)
            VTKObservationMixin.__init__(self)
            self.happened = []

        def setup(self):
            ScriptedLoadableModuleWidget.setup(self)
            self.logic = TinyPanelLogic()
            group = qt.QGroupBox(_("What the panel can do"))
            form = qt.QFormLayout(group)
            self.label = qt.QLabel(GREETING)
            self.spin = qt.QDoubleSpinBox()
            self.spin.value = 4.5
            self.check = qt.QCheckBox(_("Show the outline"))
            self.check.checked = True
            self.button = qt.QPushButton(_("Ask"))
            self.button.connect("clicked()", self.onAsk)
            form.addRow(_("Greeting:"), self.label)
            form.addRow(_("Threshold (SUV):"), self.spin)
            form.addRow("", self.check)
            self.bar = qt.QProgressBar()
            self.bar.value = 40
            form.addRow(_("Progress:"), self.bar)
            self.layout.addWidget(group)
            self.layout.addWidget(self.button)
            self.layout.addStretch(1)
            scene = slicer.mrmlScene
            self.addObserver(scene, scene.EndCloseEvent, self.onEndClose)

        def cleanup(self):
            self.happened.append("cleanup")
            self.removeObservers()

        def enter(self):
            self.happened.append("enter")

        def exit(self):
            self.happened.append("exit")

        def onReload(self):
            import sys

            for name in [each for each in sys.modules if each.split(".")[0] == "TinyPanelLib"]:
                del sys.modules[name]
            ScriptedLoadableModuleWidget.onReload(self)

        def onEndClose(self, caller, event):
            self.happened.append("closed")

        def onAsk(self):
            with slicer.util.tryWithErrorDisplay(_("It failed."), waitCursor=True):
                if not slicer.util.confirmYesNoDisplay(_("Go on?")):
                    raise ValueError("the user said no")
            self.label.text = _("went on")


    class TinyPanelLogic(ScriptedLoadableModuleLogic):
        def __init__(self):
            ScriptedLoadableModuleLogic.__init__(self)


    class TinyPanelTest(ScriptedLoadableModuleTest):
        ran = []

        def setUp(self):
            slicer.mrmlScene.Clear()

        def runTest(self):
            self.setUp()
            self.delayDisplay("Starting")
            self.assertTrue(slicer.app.testingEnabled())
            slicer.util.errorDisplay("only logged while testing")
            self.ran.append(slicer.util.mainWindow() is not None)
"""


def write_tiny_module(folder: Path) -> Path:
    """Write TinyPanel.py and its library into ``folder``; returns the module's file."""
    library = folder / "TinyPanelLib"
    library.mkdir()
    (library / "__init__.py").write_text("", encoding="utf-8")
    write_greeting(folder, "hello")
    file = folder / "TinyPanel.py"
    file.write_text(dedent(MODULE).lstrip(), encoding="utf-8")
    return file


def write_greeting(folder: Path, words: str) -> None:
    """Change the library."""
    file = folder / "TinyPanelLib" / "greeting.py"
    file.write_text(f"GREETING = {words!r}\n", encoding="utf-8")


def show_patient(host, loaded) -> None:
    """A volume in the views, for pictures that a child process takes."""
    import numpy as np
    import slicer

    z, y, x = np.mgrid[:40, :50, :60]
    ball = 10 * np.exp(-((z - 20) ** 2 + (y - 25) ** 2 + (x - 30) ** 2) / 150)
    node = slicer.util.addVolumeFromArray(ball.astype(np.float32), name="Ball")
    slicer.util.setSliceViewerLayers(background=node, fit=True)
    loaded.widget.label.text = "a volume is shown"
