"""The module's own test, as it runs in desktop Slicer and on the stand-in alike."""
# ruff: noqa: PT009, as Slicer has it these are assertions of unittest

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import slicer

from HNCLogic import RESEARCH_USE
from HNCLogic.panels import dependencies
from HNCSegmentLib import SegmentationRecord as record
from HNCSegmentLib import SmallPatient
from HNCSegmentLib.FakeChild import TRAINED_ON, FakeChild

PATIENCE_S = 30.0
REAL_PATIENCE_S = 300.0


def runAll(test):
    """``test``: the HNCSegmentTest, whose assertions and messages are used."""
    torchWasThere = "torch" in sys.modules  # other modules of the application may import it
    for each in (opensAndFillsIn, declined, outlines, endsWithoutTrace, outlinesForReal):
        test.setUp()
        test.delayDisplay(f"HNCSegment: {each.__name__}")
        panel = slicer.util.getModuleWidget("HNCSegment").panel
        try:
            each(test, panel)
        finally:
            panel.useProcess(None, None)
        test.assertEqual("torch" in sys.modules, torchWasThere)
    test.setUp()
    test.delayDisplay("HNCSegment: passed")


def opensAndFillsIn(test, panel):
    """An empty scene asks for images; loaded ones find their places, and nothing is installed."""
    if slicer.util.mainWindow() is not None:
        slicer.util.selectModule("HNCSegment")
    test.assertFalse(panel.run.enabled)
    test.assertTrue(panel.run.toolTip)
    test.assertEqual(panel.ui.researchLabel.text, RESEARCH_USE)
    pet, ct = _patient(test, panel)
    test.assertEqual(panel.inputs.images(), {"PET": pet, "CT": ct})
    test.assertTrue(panel.run.enabled)
    test.assertIn("rained on", panel.ui.methodNote.text)
    test.assertFalse(panel.ui.modelRow.isHidden())
    test.assertTrue(panel.ui.fixedSpinBox.isHidden())
    _state().method = "fixed"
    test.assertTrue(panel.ui.modelRow.isHidden())
    test.assertFalse(panel.ui.fixedSpinBox.isHidden())
    test.assertIn("physiological", panel.ui.methodNote.text)


def declined(test, panel):
    """Without the packages, and without the user's consent to get them, nothing starts."""
    child = FakeChild()
    panel.useProcess(child, lambda: False)
    _patient(test, panel)
    panel.onSegment()
    test.assertFalse(panel.run.running)
    test.assertEqual(child.jobs, [])
    test.assertIsNone(_state().segmentation)


def outlines(test, panel):
    """Segment, look, relabel, delete, undo, paint, segment again; saved, closed, read again."""
    if not _canRead(test):
        return
    child = FakeChild()
    panel.useProcess(child, lambda: True)
    pet, _ct = _patient(test, panel)
    _run(test, panel)
    job = child.jobs[0]
    test.assertEqual((job["task"], job["plain"]), ("segment", True))
    test.assertEqual(job["delineation"]["method"], "network")
    test.assertEqual(job["simulated"], SmallPatient.SIMULATED)
    test.assertIn(TRAINED_ON, panel.ui.madeLabel.text)
    test.assertIn("Simulated", panel.ui.madeLabel.text)
    test.assertEqual(_cells(panel, 1)[:2], ["primary", "node"])
    _looks(test, panel)
    _edits(test, panel)

    first = _state().segmentation
    volume = _cells(panel, 3)[0]
    _paint(first, pet, SmallPatient.PRIMARY, 18.0)
    _wait(test, lambda: _measured(panel) and _cells(panel, 3)[0] != volume)
    test.assertGreater(float(_cells(panel, 3)[0]), float(volume))
    test.assertIn("edited by the user", panel.ui.madeLabel.text)

    child.lesions = ()
    _run(test, panel)
    test.assertIsNot(_state().segmentation, first)
    test.assertFalse(first.GetDisplayVisibility())
    test.assertIn("No lesion was found", panel.ui.tableNote.text)
    _state().segmentation = first
    _wait(test, lambda: _measured(panel))
    test.assertEqual(panel.ui.lesionTable.rowCount, 2 + 3)
    _survives(test, panel)


def _looks(test, panel):
    """A click on a row moves the slice views there, where there are any."""
    if slicer.app.layoutManager() is None:
        test.delayDisplay("HNCSegment: no slice views, so jumping is not tried")
        return
    panel.ui.lesionTable.cellClicked(1, 0)
    node = slicer.mrmlScene.GetNodeByID("vtkMRMLSliceNodeRed")
    offset = node.GetSliceOffset()
    test.assertAlmostEqual(offset, SmallPatient.NODE[2], delta=SmallPatient.SPACING[2])


def _edits(test, panel):
    """Relabelled, deleted, and both taken back."""
    ui = panel.ui
    _select(panel, 1)
    ui.kindButton.click()
    _wait(test, lambda: _measured(panel) and _cells(panel, 1)[:2] == ["primary", "primary"])
    ui.deleteButton.click()
    _wait(test, lambda: _measured(panel) and ui.lesionTable.rowCount == 1 + 3)
    ui.undoButton.click()
    _wait(test, lambda: _measured(panel) and ui.lesionTable.rowCount == 2 + 3)
    ui.undoButton.click()
    _wait(test, lambda: _measured(panel) and _cells(panel, 1)[:2] == ["primary", "node"])
    test.assertNotIn("edited", ui.madeLabel.text)
    test.assertFalse(ui.undoButton.enabled)


def _survives(test, panel):
    """Saved, closed and read again, the lesions are as they were edited."""
    before = _texts(panel)
    with tempfile.TemporaryDirectory(prefix="hnc-self-test-") as folder:
        path = str(Path(folder) / "case.mrb")
        test.assertTrue(slicer.util.saveScene(path))
        slicer.mrmlScene.Clear(0)
        test.assertIsNone(_state().segmentation)
        test.assertEqual(panel.ui.lesionTable.rowCount, 0)
        slicer.util.loadScene(path)
    _wait(test, lambda: _measured(panel))
    test.assertEqual(_texts(panel), before)
    test.assertIn("edited by the user", panel.ui.madeLabel.text)
    test.assertIs(record.petOf(_state().segmentation), _state().pet)


def endsWithoutTrace(test, panel):
    """Cancelled, killed, or with the scene closed half-way, a run leaves the scene as it was."""
    child = FakeChild("wait")
    panel.useProcess(child, lambda: True)
    _patient(test, panel)
    before = slicer.mrmlScene.GetNumberOfNodes()
    panel.onSegment()
    _wait(test, lambda: child.jobs)
    panel.run.cancel()
    _wait(test, lambda: not panel.run.running)
    test.assertEqual(slicer.mrmlScene.GetNumberOfNodes(), before)
    panel.onSegment()
    _wait(test, lambda: len(child.jobs) == 2)
    slicer.mrmlScene.Clear(0)
    test.assertFalse(panel.run.running)
    test.assertIsNone(_state().segmentation)


def outlinesForReal(test, panel):
    """The real process with a threshold, where the packages are installed."""
    if lacking := dependencies.missing():
        test.delayDisplay(f"HNCSegment: no real run, for these are missing: {', '.join(lacking)}")
        return
    _patient(test, panel)
    _state().method = "fixed"
    _run(test, panel, REAL_PATIENCE_S)
    test.assertEqual(len(panel.lesions.measured.lesions), 2)
    test.assertIn("fixed threshold, SUV 4", panel.ui.madeLabel.text)
    found = sorted(panel.lesions.measured.lesions, key=lambda lesion: -lesion.suv_max)
    for lesion, place in zip(found, (SmallPatient.PRIMARY, SmallPatient.NODE), strict=True):
        test.assertLess(float(np.linalg.norm(np.subtract(lesion.suv_max_ras, place))), 6.0)


def _patient(test, panel):
    """The small patient, in the panel's selectors."""
    nodes = SmallPatient.addPatient()
    panel.enter(slicer.util.getModuleLogic("HNCSegment").getParameterNode())
    _wait(test, lambda: panel.inputs.images().get("PET") is not None)
    _wait(test, lambda: panel.run.enabled)
    return nodes


def _run(test, panel, seconds=PATIENCE_S):
    former = _state().segmentation
    panel.onSegment()
    test.assertTrue(panel.run.running)
    _wait(test, lambda: not panel.run.running, seconds)
    _wait(test, lambda: _state().segmentation is not former and _measured(panel))


def _measured(panel):
    return panel.lesions.measured is not None and not panel.lesions.live.running()


def _select(panel, row):
    panel.lesions.table.select([list(panel.lesions.measured.by_segment)[row]])


def _cells(panel, column):
    table = panel.ui.lesionTable
    return [table.item(row, column).text() for row in range(table.rowCount)]


def _texts(panel):
    return [_cells(panel, column) for column in range(panel.ui.lesionTable.columnCount)]


def _paint(segmentation, pet, place, radius):
    """What a brush in the Segment Editor does: a ball of voxels more in the first segment."""
    segment = segmentation.GetSegmentation().GetNthSegmentID(0)
    array = slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, segment, pet).copy()
    array[SmallPatient.distanceTo(place) < radius] = 1
    slicer.util.updateSegmentBinaryLabelmapFromArray(array, segmentation, segment, pet)


def _state():
    return slicer.util.getModuleLogic("HNCSegment").getParameterNode()


def _canRead(test):
    """An answer is read by pydantic, which comes with the first use."""
    lacking = [name for name in dependencies.missing() if name.startswith("pydantic")]
    if lacking:
        test.delayDisplay("HNCSegment: no answer is tried, for pydantic is not installed yet")
    return not lacking


def _wait(test, condition, seconds=PATIENCE_S):
    end = time.monotonic() + seconds
    while not condition():
        test.assertLess(time.monotonic(), end, "this took too long")
        slicer.app.processEvents()
        time.sleep(0.005)
