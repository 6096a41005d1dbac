"""The question "Extracapsular extension", clicked through: range, volume judged, no model."""

from __future__ import annotations

import pytest

from HNCLogic.scene import rois
from Testing.panels.handed_in_child import HandedInChild
from Testing.panels.questions import add_neck_ct, analyse, ask, asking, no_models, state


@pytest.fixture
def panel(host, tiny_models):
    with asking(host, "extension", "tiny-extension") as panel:
        yield panel


@pytest.fixture
def neck(host, panel):
    """The panel, ready to run the tiny model on a made-up neck."""
    ct = add_neck_ct(host.scene)
    assert host.wait(lambda: panel.run.enabled, 5), panel.run.toolTip
    assert state().neckCt is ct
    return panel


@pytest.fixture
def made_up(neck):
    """The same with a process that answers at once, without a network."""
    from HNCAnalysisLib.FakeChild import FakeChild

    neck.useProcess(FakeChild(), lambda: True)
    return neck


def viewed():
    from HNCAnalysisLib.NeckView import viewedPlace

    return viewedPlace()


def centre(roi):
    return rois.middle_of(rois.box_of(roi))


def test_the_question_brings_its_own_inputs(host, panel):
    ui = panel.ui
    assert not panel.run.enabled
    assert "CT of the neck" in panel.run.toolTip
    assert ui.modelSelector.currentText == "tiny-extension 0.1"
    assert not panel.inputs.widget.visible
    for part in (ui.aggregationSelector, ui.thresholdSpin, ui.annotatedSelector, ui.continueButton):
        assert part.isHidden()
    ask(host, panel, "cancer")
    assert not ui.aggregationSelector.isHidden()
    assert "PET" in panel.run.toolTip


def test_run_look_move_the_volume_run_again_save_and_restore(host, neck, child_python, tmp_path):
    from HNCAnalysisLib.FakeChild import FakeChild

    ui, inputs = neck.ui, neck.inputsOf(neck.task)
    own = inputs.ui
    analyse(host, neck)
    found = neck.result.extension
    assert "extracapsular extension" in ui.verdictLabel.text
    assert "random weights" in ui.answerTrainedLabel.text
    assert "Judged" in ui.agreementLabel.text
    assert not ui.windowsTitle.visible
    assert neck.neck.heat.label.height > 20

    # the range that was found is shown, and is where one by hand starts
    assert own.inferiorSpin.value == pytest.approx(found.region.inferior_mm, abs=0.06)
    assert own.superiorSpin.value == pytest.approx(found.region.superior_mm, abs=0.06)
    assert not own.superiorSpin.enabled

    # the heat map lies over the CT alone
    composite = host.scene.GetFirstNodeByClass("vtkMRMLSliceCompositeNode")
    assert composite.GetBackgroundVolumeID() == state().neckCt.GetID()
    assert not composite.GetForegroundVolumeID()
    assert composite.GetNthLayerVolumeID(3) == neck.nodes().heatmap.GetID()
    ui.heatOpacity.value = 0.3
    assert composite.GetNthLayerOpacity(3) == pytest.approx(0.3)
    ui.hottestButton.click()
    assert viewed() == pytest.approx(neck.result.explanation.hottest_ras, abs=0.5)

    # the volume judged is a box in the scene; moved, it is what the next run judges
    voi = state().voi
    assert voi.GetClassName() == "vtkMRMLMarkupsROINode"
    assert rois.box_of(voi) == pytest.approx(rois.box_of_corners(found.voi_corners), abs=0.01)
    assert not voi.GetDisplayNode().GetScaleHandleVisibility()
    own.voiButton.click()
    assert viewed() == pytest.approx(found.voi_centre, abs=0.5)
    assert not ui.staleLabel.visible
    count = host.scene.GetNumberOfNodes()
    there = (found.voi_centre[0] - 8.0, found.voi_centre[1] + 6.0, found.voi_centre[2] + 22.0)
    voi.SetCenterWorld(*there)
    host.process_events()
    assert own.voiByHand.checked
    assert "volume judged" in ui.staleLabel.text
    analyse(host, neck)
    second = neck.result.extension
    assert second.voi_found_by == "set by hand"
    assert second.voi_centre == pytest.approx(there, abs=12.0)
    assert second.voi_centre != pytest.approx(found.voi_centre, abs=3.0)
    assert centre(voi) == pytest.approx(second.voi_centre, abs=0.02)
    assert not ui.staleLabel.visible
    assert host.scene.GetNumberOfNodes() == count

    # a range by hand; from here on what the process answers is made up
    neck.useProcess(FakeChild(), lambda: True)
    own.rangeByHand.click()
    own.superiorSpin.value = round(found.region.superior_mm) - 20
    assert viewed()[2] == pytest.approx(own.superiorSpin.value, abs=0.5)
    assert "region" in ui.staleLabel.text
    analyse(host, neck)
    assert neck.result.extension.region.superior_mm == pytest.approx(own.superiorSpin.value)
    assert neck.result.extension.region.found_by == "set by hand"

    # saved, closed, read again
    words = (ui.verdictLabel.text, ui.sentenceLabel.text, ui.agreementLabel.text)
    placed, top = centre(voi), own.superiorSpin.value
    host.save_scene(tmp_path / "case.mrb")
    host.close_scene()
    assert "cancer" in ui.taskSelector.currentText
    assert not ui.answerSection.visible
    host.load_scene(tmp_path / "case.mrb")
    assert host.wait(lambda: neck.result is not None, 10)
    assert "extension" in ui.taskSelector.currentText
    assert (ui.verdictLabel.text, ui.sentenceLabel.text, ui.agreementLabel.text) == words
    assert not ui.staleLabel.visible, ui.staleLabel.text
    assert own.rangeByHand.checked
    assert own.superiorSpin.value == top
    assert own.voiByHand.checked
    assert centre(state().voi) == pytest.approx(placed, abs=0.01)

    # no longer by hand: the box is again where the answer has it, and the next run looks by itself
    own.voiByHand.click()
    assert "volume judged" in ui.staleLabel.text
    analyse(host, neck)
    assert neck.result.extension.voi_found_by != "set by hand"
    assert centre(state().voi) == pytest.approx(neck.result.extension.voi_centre, abs=0.01)


def test_an_answer_to_another_question_waits_for_its_own(host, made_up):
    neck = made_up
    analyse(host, neck)
    composite = host.scene.GetFirstNodeByClass("vtkMRMLSliceCompositeNode")
    words = neck.ui.verdictLabel.text
    ask(host, neck, "cancer")
    assert not neck.ui.answerSection.visible
    assert composite.GetNthLayerOpacity(3) == 0.0
    assert not state().voi.GetDisplayNode().GetVisibility()
    ask(host, neck, "extension")
    assert host.wait(lambda: neck.result is not None, 10)
    assert neck.ui.verdictLabel.text == words
    assert composite.GetNthLayerOpacity(3) > 0
    assert state().voi.GetDisplayNode().GetVisibility()


def test_reload_shows_the_answer_to_the_question_again(host, made_up):
    """The panel is made while the scene asks this question already, as after a scene was read."""
    analyse(host, made_up)
    words = made_up.ui.verdictLabel.text
    panel = host.reload("HNCAnalysis").widget.panel
    assert "extension" in panel.ui.taskSelector.currentText
    assert host.wait(lambda: panel.result is not None, 10)
    assert panel.ui.verdictLabel.text == words
    assert panel.inputsOf(panel.task).ui.neckCtSelector.currentNode() is state().neckCt
    assert panel.run.enabled, panel.run.toolTip


def test_what_the_run_is_asked(host, neck, tiny_models):
    child = HandedInChild()
    neck.useProcess(child, lambda: True)
    own = neck.inputsOf(neck.task).ui
    own.rangeByHand.click()
    low, high = own.inferiorSpin.value, own.superiorSpin.value
    assert (low, high) == pytest.approx((-302.5, -102.5)), "it starts from all of the CT"
    own.inferiorSpin.value = -250.0
    neck.onAnalyse()
    assert not neck.ui.taskSelector.enabled
    assert host.wait(lambda: child.launched, 20)
    job = child.job
    assert (job["task"], job["method"], job["plain"]) == ("explain", "extension", True)
    assert job["model"] == str(tiny_models["extension"])
    assert job["region_mm"] == [-250.0, pytest.approx(-102.5)]
    assert list(job["images"]) == ["CT"]
    assert "voi_centre" not in job
    neck.run.cancel()
    assert neck.ui.taskSelector.enabled


def test_a_range_upside_down_is_told(host, neck):
    own = neck.inputsOf(neck.task).ui
    own.rangeByHand.click()
    own.superiorSpin.value = -290.0
    own.inferiorSpin.value = -200.0
    assert not neck.run.enabled
    assert "upper end" in own.complaintLabel.text
    own.superiorSpin.value = -110.0
    assert neck.run.enabled


def test_too_short_a_range_is_refused_in_the_panels_words(host, neck, child_python):
    own = neck.inputsOf(neck.task).ui
    own.rangeByHand.click()
    own.superiorSpin.value = -270.0
    neck.onAnalyse()
    assert host.wait(lambda: not neck.run.running, 60)
    ((kind, words),) = host.messages
    assert kind == "error"
    assert "60 mm" in words
    assert "--" not in words


def test_the_report_tells_of_the_volume_judged(host, made_up, tmp_path):
    analyse(host, made_up)
    host.answers.append(str(tmp_path))
    made_up.ui.reportButton.click()
    assert host.wait(lambda: not made_up.report.running, 60)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Judged: 90 × 90 × 40 mm" in page
    assert len(list((tmp_path / "views").glob("*.png"))) == 6


def test_a_deleted_box_comes_back(host, made_up):
    neck = made_up
    analyse(host, neck)
    host.scene.RemoveNode(state().voi)
    host.process_events()
    own = neck.inputsOf(neck.task).ui
    assert not own.voiByHand.enabled
    own.voiButton.click()
    assert centre(state().voi) == pytest.approx(neck.result.extension.voi_centre, abs=0.01)


def test_without_a_model_the_panel_says_so_and_takes_a_folder(
    host, panel, tiny_models, tmp_path, monkeypatch
):
    no_models(monkeypatch, tmp_path)
    panel.model.refill()
    state().extensionModel = ""
    add_neck_ct(host.scene)
    panel.enter(state())
    said = panel.ui.trainedOnLabel.text
    assert "No model for “Extracapsular extension” is installed" in said
    assert host.wait(lambda: state().neckCt is not None, 5)
    assert not panel.run.enabled
    assert panel.run.toolTip == said
    assert not panel.ui.cardButton.enabled

    host.answers.append(str(tiny_models["parotid"]))
    panel.ui.folderButton.click()
    host.answers.append(str(tmp_path))
    panel.ui.folderButton.click()
    errors = [words for kind, words in host.messages if kind == "error"]
    assert "tiny-parotid 0.1 does not answer “Extracapsular extension”" in errors[0]
    assert len(errors) == 2
    assert not panel.run.enabled

    host.answers.append(str(tiny_models["extension"]))
    panel.ui.folderButton.click()
    assert panel.ui.modelSelector.currentText == "tiny-extension 0.1"
    assert "random weights" in panel.ui.trainedOnLabel.text
    assert panel.run.enabled, panel.run.toolTip
    child = HandedInChild()
    panel.useProcess(child, lambda: True)
    panel.onAnalyse()
    assert host.wait(lambda: child.launched, 20)
    assert child.job["model"] == str(tiny_models["extension"])
