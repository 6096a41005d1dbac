"""The module's own test, as it runs in desktop Slicer and on the stand-in alike."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import slicer

from HNCAnalysisLib import SmallPatient
from HNCAnalysisLib.FakeChild import TRAINED_ON, FakeChild
from HNCLogic import RESEARCH_USE
from HNCLogic.panels import dependencies
from HNCLogic.scene.answer_nodes import answer_nodes_of

PATIENCE_S = 30.0
REAL_PATIENCE_S = 600.0


def runAll(test):
    """``test``: the HNCAnalysisTest, whose ``setUp`` and messages are used.

    Raises AssertionError.
    """
    torchWasThere = "torch" in sys.modules  # other modules of the application may import it
    for each in (
        opensAndFillsIn,
        declined,
        answers,
        failsWithoutTrace,
        judgesExtension,
        judgesParotid,
        answersForReal,
    ):
        test.setUp()
        test.delayDisplay(f"HNCAnalysis: {each.__name__}")
        panel = slicer.util.getModuleWidget("HNCAnalysis").panel
        try:
            each(test, panel)
        finally:
            panel.useProcess(None, None)
        assert ("torch" in sys.modules) == torchWasThere
    test.setUp()
    test.delayDisplay("HNCAnalysis: passed")


def opensAndFillsIn(test, panel):
    """An empty scene asks for images; loaded ones find their places, and nothing is installed."""
    if slicer.util.mainWindow() is not None:
        slicer.util.selectModule("HNCAnalysis")
    assert not panel.run.enabled
    assert panel.run.toolTip
    assert panel.ui.researchLabel.text == RESEARCH_USE
    pet, ct = _patient(panel)
    assert panel.inputs.images() == {"PET": pet, "CT": ct}
    assert panel.run.enabled
    assert "rained on" in panel.ui.trainedOnLabel.text


def declined(test, panel):
    """Without the packages, and without the user's consent to get them, nothing starts."""
    child = FakeChild()
    panel.useProcess(child, lambda: False)
    _patient(panel)
    panel.onAnalyse()
    assert not panel.run.running
    assert child.jobs == []
    assert _state().result is None


def answers(test, panel):
    """Analyse, look, change a setting, analyse again; the second answer replaces the first."""
    if not _canRead(test):
        return
    child = FakeChild()
    panel.useProcess(child, lambda: True)
    pet, _ct = _patient(panel)
    _state().annotated = SmallPatient.addOutline(pet)
    _run(panel)
    job = child.jobs[0]
    assert (job["task"], job["plain"]) == ("explain", True)
    assert set(job["images"]) == {"PET", "CT"}
    assert job["simulated"] == SmallPatient.SIMULATED
    assert panel.ui.verdictLabel.text == "Positive for cancer"
    assert TRAINED_ON in panel.ui.answerTrainedLabel.text
    assert not panel.ui.simulatedLabel.isHidden()
    nodes = answer_nodes_of(_state().result)
    heat = slicer.util.arrayFromVolume(nodes.heatmap)
    assert abs(float(heat.max()) - 1.0) < 0.1
    before = slicer.mrmlScene.GetNumberOfNodes()

    _state().aggregation = "median"
    assert not panel.ui.staleLabel.isHidden()
    child.probability = 0.12
    _run(panel)
    assert child.jobs[1]["aggregation"] == "median"
    assert panel.ui.verdictLabel.text == "Negative for cancer"
    assert panel.ui.staleLabel.isHidden()
    assert slicer.mrmlScene.GetNumberOfNodes() == before
    _looks(test, panel)
    _survives(panel)


def _looks(test, panel):
    """Heat map and charts move the slice views, where there are any."""
    from HNCAnalysisLib.NeckView import viewedPlace

    panel.heatMap.onHottest()
    here = viewedPlace()
    if here is None:
        test.delayDisplay("HNCAnalysis: no slice views, so jumping is not tried")
        return
    for found, wanted in zip(here, SmallPatient.HOT, strict=True):
        assert abs(found - wanted) < 1.0
    panel.neck.goTo(390.0)
    assert abs(viewedPlace()[2] - 390.0) < 1.0
    assert abs(viewedPlace()[0] - SmallPatient.HOT[0]) < 6.0


def _survives(panel):
    """Saved, closed and read again, the answer is there again."""
    with tempfile.TemporaryDirectory(prefix="hnc-self-test-") as folder:
        path = str(Path(folder) / "case.mrb")
        assert slicer.util.saveScene(path)
        slicer.mrmlScene.Clear(0)
        assert _state().result is None
        assert panel.ui.answerSection.isHidden()
        slicer.util.loadScene(path)
    _wait(lambda: panel.result is not None)
    assert panel.ui.verdictLabel.text == "Negative for cancer"
    assert panel.ui.staleLabel.isHidden()


def failsWithoutTrace(test, panel):
    """Cancelled, or with the scene closed half-way, a run leaves the scene as it was."""
    child = FakeChild("wait")
    panel.useProcess(child, lambda: True)
    _patient(panel)
    before = slicer.mrmlScene.GetNumberOfNodes()
    panel.onAnalyse()
    _wait(lambda: child.jobs)
    panel.run.cancel()
    _wait(lambda: not panel.run.running)
    assert slicer.mrmlScene.GetNumberOfNodes() == before
    panel.onAnalyse()
    _wait(lambda: len(child.jobs) == 2)
    slicer.mrmlScene.Clear(0)
    assert not panel.run.running
    assert _state().result is None


def judgesExtension(test, panel):
    """Another question: its own CT and model; the volume judged is a box that the user moves."""
    if not _canRead(test):
        return
    child = FakeChild()
    panel.useProcess(child, lambda: True)
    _pet, ct = _patient(panel)
    with tempfile.TemporaryDirectory(prefix="hnc-self-test-") as folder:
        _state().task = "extension"
        model = SmallPatient.writeModel(Path(folder).resolve() / "made-up", "extension", ["CT"])
        _state().extensionModel = str(model)
        panel.model.refill()
        _wait(lambda: _state().neckCt is ct and panel.run.enabled)
        _run(panel)
        assert child.jobs[0]["method"] == "extension"
        assert child.jobs[0]["model"] == str(model)
        assert panel.ui.verdictLabel.text == "Positive for extracapsular extension"
        assert _state().rangeSuperior == 480.0
        voi = _state().voi
        voi.SetCenterWorld(-10.0, 0.0, 400.0)
        assert _state().voiByHand
        assert not panel.ui.staleLabel.isHidden()
        _run(panel)
        assert child.jobs[1]["voi_centre"] == [-10.0, 0.0, 400.0]
        assert panel.ui.staleLabel.isHidden()
        assert _state().voi is voi
        _state().task = "presence"
        assert panel.ui.answerSection.isHidden()


def judgesParotid(test, panel):
    """MRI by sequence, a box, and the slices that the answer rests on."""
    if not _canRead(test):
        return
    child = FakeChild()
    panel.useProcess(child, lambda: True)
    with tempfile.TemporaryDirectory(prefix="hnc-self-test-") as folder:
        _state().task = "parotid"
        model = Path(folder).resolve() / "made-up"
        SmallPatient.writeModel(model, "parotid", ["T2", "CE-T1", "DWI-b1000"])
        _state().parotidModel = str(model)
        panel.enter(_state())
        t2, ceT1, dwi = SmallPatient.addMri()
        inputs = panel.inputsOf(panel.task)
        _wait(lambda: inputs.images() == {"T2": t2, "CE-T1": ceT1, "DWI-b1000": dwi})
        assert not panel.run.enabled
        inputs.onPlaceBox()
        _run(panel)
        low, high = child.jobs[0]["box_mm"][:2]
        assert abs(high - low - 40.0) < 0.1
        assert panel.ui.verdictLabel.text == "Most probably malignant"
        panel.neck.goTo(panel.result.parotid.slices[0].position_mm)
        _state().dwiB1000 = None
        assert "DWI-b1000" in inputs.ui.complaintLabel.text
        assert not panel.run.enabled


def answersForReal(test, panel):
    """The real process with the model that ships, where the packages are installed."""
    if lacking := dependencies.missing():
        test.delayDisplay(f"HNCAnalysis: no real run, for these are missing: {', '.join(lacking)}")
        return
    pet, _ct = _patient(panel)
    _run(panel, REAL_PATIENCE_S)
    result = panel.result
    assert len(result.presence.folds) == 5
    assert result.presence.trained_on in panel.ui.answerTrainedLabel.text
    assert answer_nodes_of(_state().result).image == pet


def _patient(panel):
    """The small patient, in the panel's selectors."""
    nodes = SmallPatient.addPatient()
    panel.enter(slicer.util.getModuleLogic("HNCAnalysis").getParameterNode())
    _wait(lambda: panel.inputs.images().get("PET") is not None)
    return nodes


def _run(panel, seconds=PATIENCE_S):
    shown = panel.result
    panel.onAnalyse()
    assert panel.run.running
    _wait(lambda: not panel.run.running, seconds)
    _wait(lambda: panel.result is not shown)


def _state():
    return slicer.util.getModuleLogic("HNCAnalysis").getParameterNode()


def _canRead(test):
    """An answer is read by pydantic, which comes with the first use."""
    lacking = [name for name in dependencies.missing() if name.startswith("pydantic")]
    if lacking:
        test.delayDisplay("HNCAnalysis: no answer is tried, for pydantic is not installed yet")
    return not lacking


def _wait(condition, seconds=PATIENCE_S):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "this took too long"
        slicer.app.processEvents()
        time.sleep(0.005)
