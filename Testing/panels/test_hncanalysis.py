"""The panel of HNCAnalysis, clicked through as a user would: real scene, real child process."""

from __future__ import annotations

import os
import signal
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from Testing.panels.handed_in_child import HandedInChild


@pytest.fixture
def loaded(host, tiny_models):
    """The module, opened; afterwards its panel is as it was before."""
    loaded = host.load("HNCAnalysis/HNCAnalysis.py")
    panel = loaded.widget.panel
    panel.enter(state())
    for section in (panel.ui.imagesSection, panel.ui.modelSection):
        section.collapsed = False
    yield loaded
    panel = host.load("HNCAnalysis/HNCAnalysis.py").widget.panel
    panel.run.cancel()
    panel.useProcess(None, None)


@pytest.fixture
def panel(loaded):
    return loaded.widget.panel


@pytest.fixture
def tiny(panel, small_patient):
    """The panel, ready to run the tiny model on the small patient."""
    panel.enter(state())
    choose(panel.ui.modelSelector, "tiny-presence")
    assert panel.run.enabled, panel.run.toolTip
    return panel


@pytest.fixture
def made_up(host, panel):
    """The panel, ready to run on the module's own small patient, with a child that answers at
    once; ``made_up.child`` is that."""
    from HNCAnalysisLib import SmallPatient
    from HNCAnalysisLib.FakeChild import FakeChild

    child = FakeChild()
    panel.useProcess(child, lambda: True)
    pet, ct = SmallPatient.addPatient()
    assert host.wait(lambda: panel.inputs.images() == {"PET": pet, "CT": ct}, 5)
    return SimpleNamespace(panel=panel, child=child, pet=pet, ct=ct)


def state():
    import slicer

    return slicer.util.getModuleLogic("HNCAnalysis").getParameterNode()


def choose(selector, words):
    index = next(n for n in range(selector.count) if words in selector.itemText(n))
    selector.setCurrentIndex(index)


def button(panel, name):
    import qt

    return panel.run.widget.findChild(qt.QPushButton, name)


def analyse(host, panel, seconds=120):
    before = panel.result
    button(panel, "runButton").click()
    assert panel.run.running, (panel.run.toolTip, panel.inputs.whyNotReady(), host.messages)
    assert host.wait(lambda: not panel.run.running, seconds)
    assert host.wait(lambda: panel.result is not before, 10), host.messages


def viewed():
    from HNCAnalysisLib.NeckView import viewedPlace

    return viewedPlace()


def nodes(scene, kind):
    found = scene.GetNodesByClass(kind)
    return [found.GetItemAsObject(n) for n in range(found.GetNumberOfItems())]


def click(host, chart, height):
    """Press the mouse in the chart where a position along the body is drawn."""
    frame = chart.frame
    assert chart.pressed(frame.x(height), frame.top + 1)
    host.process_events()


def test_the_module_is_described_and_has_an_icon(loaded):
    parent = loaded.module.parent
    assert parent.title
    assert parent.categories == ["Nuclear Medicine"]
    assert "Research use" in parent.helpText
    assert parent.acknowledgementText
    assert not parent.icon.isNull()


def test_an_empty_scene_says_what_is_missing(panel):
    ui = panel.ui
    assert not panel.run.enabled
    assert "PET" in panel.run.toolTip
    assert "Research use" in ui.researchLabel.text
    for part in (ui.answerSection, ui.whySection, ui.endRow, ui.simulatedLabel):
        assert not part.visible


def test_from_loading_to_the_answer_and_back_from_a_file(
    host, tiny, small_patient, child_python, tmp_path
):
    ui = tiny.ui
    assert tiny.inputs.images() == {"PET": small_patient.pet_node, "CT": small_patient.ct_node}
    analyse(host, tiny)

    from HNCLogic.report.wording import verdict

    presence, explanation = tiny.result.presence, tiny.result.explanation
    assert ui.verdictLabel.text == verdict(presence)
    assert f"{presence.threshold:.2f}" in ui.sentenceLabel.text
    assert "networks" in ui.agreementLabel.text
    assert "random weights" in ui.answerTrainedLabel.text
    assert tiny.answer.gauge.label.height > 20
    assert ui.imagesSection.collapsed
    assert not ui.staleLabel.visible

    # the heat map lies over CT and PET in the views, at the hottest slice
    heat = tiny.nodes().heatmap
    composite = nodes(host.scene, "vtkMRMLSliceCompositeNode")[0]
    assert composite.GetNthLayerVolumeID(3) == heat.GetID()
    assert composite.GetBackgroundVolumeID() == small_patient.ct_node.GetID()
    assert composite.GetForegroundVolumeID() == small_patient.pet_node.GetID()
    assert viewed() == pytest.approx(explanation.hottest_ras, abs=0.5)

    # a click on a window: there, and in the plane at its hottest place
    window = presence.windows[1]
    middle = (window.inferior_mm + window.superior_mm) / 2
    click(host, tiny.neck.windows, middle)
    assert viewed()[2] == pytest.approx(middle, abs=1.0)
    from HNCLogic.scene.hottest import hottest_at

    place = hottest_at(heat, viewed()[2]) or hottest_at(small_patient.pet_node, viewed()[2])
    assert viewed() == pytest.approx(place, abs=0.5)

    # moving the views moves the charts' mark
    red = host.scene.GetNodeByID("vtkMRMLSliceNodeRed")
    red.JumpSliceByCentering(0.0, 0.0, middle + 20.0)
    line = tiny.neck.windows._line
    wanted = tiny.neck.windows.frame.x(middle + 20.0)
    assert host.wait(lambda: abs(line.x + 1 - wanted) < 2, 2)

    ui.hottestButton.click()
    assert viewed() == pytest.approx(explanation.hottest_ras, abs=0.5)
    ui.heatOpacity.value = 0.3
    assert composite.GetNthLayerOpacity(3) == pytest.approx(0.3)
    ui.heatShown.checked = False
    assert composite.GetNthLayerOpacity(3) == 0.0
    ui.heatShown.checked = True
    assert composite.GetNthLayerOpacity(3) == pytest.approx(0.3)

    # saved, closed, read again
    words = (ui.verdictLabel.text, ui.sentenceLabel.text, ui.agreementLabel.text)
    host.save_scene(tmp_path / "case.mrb")
    host.close_scene()
    assert state().result is None
    assert not ui.answerSection.visible
    assert status(tiny) == "", "of another patient"
    host.load_scene(tmp_path / "case.mrb")
    assert host.wait(lambda: tiny.result is not None, 10)
    assert (ui.verdictLabel.text, ui.sentenceLabel.text, ui.agreementLabel.text) == words
    assert not ui.staleLabel.visible
    assert ui.heatOpacity.value == pytest.approx(0.3)
    assert composite.GetNthLayerOpacity(3) == pytest.approx(0.3)
    click(host, tiny.neck.windows, middle)
    assert viewed()[2] == pytest.approx(middle, abs=1.0)


def test_a_second_run_takes_the_first_ones_place(host, made_up):
    panel = made_up.panel
    analyse(host, panel)
    first = panel.nodes()
    count = host.scene.GetNumberOfNodes()
    choose(panel.ui.aggregationSelector, "majority")
    assert "windows" in panel.ui.staleLabel.text
    panel.ui.thresholdByHand.click()
    panel.ui.thresholdSpin.value = 0.9
    assert "threshold" in panel.ui.staleLabel.text
    analyse(host, panel)
    assert not panel.ui.staleLabel.visible
    job = made_up.child.jobs[1]
    assert (job["aggregation"], job["threshold"]) == ("majority", pytest.approx(0.9))
    assert panel.ui.verdictLabel.text == "Negative for cancer"
    assert panel.nodes().heatmap is first.heatmap
    assert host.scene.GetNumberOfNodes() == count
    # back to what the first run was of: the answer shown is not of that
    panel.ui.thresholdByHand.click()
    assert "threshold" in panel.ui.staleLabel.text


def test_the_models_own_threshold_is_seen_and_is_where_one_by_hand_starts(panel):
    choose(panel.ui.modelSelector, "presence-petct")
    own = panel.ui.thresholdSpin.value
    assert own == pytest.approx(panel.model.card().threshold, abs=0.005)
    assert not panel.ui.thresholdSpin.enabled
    panel.ui.thresholdByHand.click()
    assert panel.ui.thresholdSpin.enabled
    assert panel.ui.thresholdSpin.value == own
    choose(panel.ui.modelSelector, "tiny-presence")
    assert panel.ui.thresholdSpin.value == own, "set by hand, it stays"
    panel.ui.thresholdByHand.click()
    assert panel.ui.thresholdSpin.value == 0.5


def test_the_card_is_one_click_away(host, panel):
    import qt

    panel.ui.cardButton.click()
    (dialog,) = [one for one in host.app.topLevelWidgets() if isinstance(one, qt.QDialog)]
    assert panel.model.card().title in dialog.windowTitle
    dialog.close()
    host.process_events()


def test_a_broken_or_absent_model_says_what_is_wrong(host, panel, small_patient, tiny_models):
    import shutil

    broken = tiny_models["presence"].parent / "broken-presence"
    shutil.copytree(tiny_models["presence"], broken)
    card = broken / "model.json"
    card.write_text(card.read_text().replace("tiny-presence", "broken-presence"))
    (broken / "fold-2.safetensors").unlink()
    try:
        panel.enter(state())
        choose(panel.ui.modelSelector, "broken-presence")
        assert not panel.run.enabled
        assert "fold-2.safetensors" in panel.run.toolTip
        assert "fold-2.safetensors" in panel.ui.trainedOnLabel.text
    finally:
        shutil.rmtree(broken)
    panel.enter(state())
    assert "not installed" in panel.ui.trainedOnLabel.text
    assert not panel.run.enabled
    choose(panel.ui.modelSelector, "tiny-presence")
    assert panel.run.enabled


def test_annotated_slices_stand_beside_the_heat(host, tiny, small_patient, child_python):
    import slicer

    outlines = host.scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "By hand")
    outlines.CreateDefaultDisplayNodes()
    outlines.SetReferenceImageGeometryParameterFromVolumeNode(small_patient.pet_node)
    import SimpleITK as sitk

    truth = sitk.GetArrayFromImage(small_patient.truth)
    segment = outlines.GetSegmentation().AddEmptySegment("", "Tumour")
    slicer.util.updateSegmentBinaryLabelmapFromArray(
        (truth > 0).astype(np.uint8), outlines, segment, small_patient.pet_node
    )
    tiny.ui.annotatedSelector.setCurrentNode(outlines)
    analyse(host, tiny)
    marked = [one.annotated for one in tiny.result.explanation.slices]
    assert any(marked)
    assert not all(marked)
    assert "Shaded" in tiny.ui.heatTitle.text


def test_the_report_is_written_in_steps_and_opened(host, made_up, tmp_path):
    analyse(host, made_up.panel)
    host.answers.append(str(tmp_path))
    made_up.panel.ui.reportButton.click()
    assert made_up.panel.report.running
    assert host.wait(lambda: not made_up.panel.report.running, 60)
    page = tmp_path / "report.html"
    assert made_up.panel.result.presence.model in page.read_text(encoding="utf-8")
    assert host.opened_urls[-1].endswith("report.html")
    assert "report.html" in made_up.panel.ui.reportStatus.text


def test_a_report_has_a_folder_of_its_own_where_other_things_lie(host, loaded, tmp_path):
    from HNCAnalysisLib.ReportButton import placeIn

    from HNCLogic.outputs import LIST

    assert placeIn(tmp_path) == tmp_path
    assert placeIn(tmp_path / "new") == tmp_path / "new"
    (tmp_path / "mine.txt").write_text("mine")
    assert placeIn(tmp_path) == tmp_path / "HNC report"
    (tmp_path / "HNC report").mkdir()
    (tmp_path / "HNC report" / "also mine.txt").write_text("mine")
    assert placeIn(tmp_path) == tmp_path / "HNC report 2"
    (tmp_path / "HNC report" / LIST).write_text("")  # of ours: it is replaced
    assert placeIn(tmp_path) == tmp_path / "HNC report"


def test_a_report_into_what_is_no_folder_is_refused(host, made_up, tmp_path):
    analyse(host, made_up.panel)
    (tmp_path / "a file").write_text("mine")
    host.answers.append(str(tmp_path / "a file" / "below"))
    made_up.panel.ui.reportButton.click()
    assert host.wait(lambda: not made_up.panel.report.running, 20)
    (words,) = [words for kind, words in host.messages if kind == "error"]
    assert "not a directory" in words
    assert not made_up.panel.ui.reportProgress.visible


def test_a_report_is_stopped_and_leaves_nothing(host, made_up, tmp_path):
    analyse(host, made_up.panel)
    host.answers.append(str(tmp_path))
    made_up.panel.ui.reportButton.click()
    host.wait(lambda: made_up.panel.ui.reportStatus.text.startswith("Drawing"), 20)
    made_up.panel.ui.reportButton.click()
    assert not made_up.panel.report.running
    assert list(tmp_path.iterdir()) == []
    assert made_up.panel.ui.reportButton.text == "Report…"
    host.answers.append("")  # the question for a folder, closed without an answer
    made_up.panel.ui.reportButton.click()
    assert not made_up.panel.report.running


def test_continue_takes_the_images_along(host, made_up):
    import slicer

    host.load("HNCSegment/HNCSegment.py")
    host.select_module("HNCAnalysis")
    analyse(host, made_up.panel)
    made_up.panel.ui.continueButton.click()
    host.process_events()
    assert slicer.util.selectedModule() == "HNCSegment"
    other = slicer.util.getModuleLogic("HNCSegment").getParameterNode()
    assert other.pet is made_up.pet
    assert other.ct is made_up.ct
    with host.without_main_window():  # there is no place to go to, and nothing raises
        made_up.panel.ui.continueButton.click()


def test_cancel_half_way_leaves_the_scene_as_it_was(host, tiny, child_python):
    choose(tiny.ui.modelSelector, "slow-presence")
    before = host.scene.GetNumberOfNodes()
    button(tiny, "runButton").click()
    assert host.wait(lambda: "etwork" in status(tiny), 60)
    button(tiny, "cancelButton").click()
    assert host.wait(lambda: not tiny.run.running, 10)
    assert "Cancelled" in status(tiny)
    assert host.scene.GetNumberOfNodes() == before
    assert not tiny.ui.answerSection.visible
    assert tiny.run.enabled


def test_a_killed_child_is_a_message(host, tiny, child_python):
    import slicer

    started = []

    def launch(*args, **kwargs):
        started.append(slicer.util.launchConsoleProcess(*args, **kwargs))
        return started[-1]

    tiny.useProcess(launch, None)
    choose(tiny.ui.modelSelector, "slow-presence")
    button(tiny, "runButton").click()
    assert host.wait(lambda: "etwork" in status(tiny), 60)
    os.kill(started[0].pid, signal.SIGKILL)
    assert host.wait(lambda: not tiny.run.running, 10)
    ((kind, words),) = host.messages
    assert kind == "error"
    assert "memory" in words
    assert not tiny.ui.answerSection.visible


def test_wrong_input_is_told_and_keeps_the_former_answer(host, made_up):
    analyse(host, made_up.panel)
    verdict = made_up.panel.ui.sentenceLabel.text
    array = made_up.pet.GetImageData()
    made_up.pet.SetAndObserveImageData(None)  # emptied by somebody meanwhile
    made_up.panel.onAnalyse()
    host.wait(lambda: not made_up.panel.run.running, 20)
    assert [kind for kind, _ in host.messages] == ["error"]
    assert made_up.panel.ui.sentenceLabel.text == verdict
    made_up.pet.SetAndObserveImageData(array)


@pytest.mark.parametrize("gone", [["pet"], ["ct"], ["pet", "ct"]])
def test_images_removed_during_a_run_are_missed_by_nobody(host, made_up, gone):
    panel = made_up.panel
    button(panel, "runButton").click()
    for name in gone:
        host.scene.RemoveNode(getattr(made_up, name))
    assert host.wait(lambda: not panel.run.running, 20)
    assert host.messages == []
    assert host.wait(lambda: panel.result is not None, 10)
    assert panel.ui.verdictLabel.text


def test_declined_packages_start_nothing(host, tiny):
    host.packages.missing = {"torch", "pydantic"}
    host.answers.append(False)
    button(tiny, "runButton").click()
    assert not tiny.run.running
    assert [kind for kind, _ in host.messages] == ["question"]
    assert "missing" in status(tiny)
    assert tiny.run.enabled


def test_a_scene_closed_during_a_run_ends_it(host, tiny):
    child = HandedInChild()
    tiny.useProcess(child, lambda: True)
    tiny.onAnalyse()
    assert host.wait(lambda: child.launched, 20)
    child.progress(0.5)
    host.close_scene()
    assert not tiny.run.running
    assert host.wait(lambda: child.process.asked == ["terminate"], 10)
    assert not tiny.ui.answerSection.visible
    assert not tiny.run.enabled


def test_a_setting_changed_during_a_run_is_not_of_its_answer(host, made_up):
    button(made_up.panel, "runButton").click()
    choose(made_up.panel.ui.aggregationSelector, "median")
    assert host.wait(lambda: made_up.panel.result is not None, 120)
    assert made_up.panel.result.presence.aggregation == "mean"
    assert "windows" in made_up.panel.ui.staleLabel.text


def test_voxels_changed_in_place_make_it_an_answer_of_earlier_images(host, made_up, tmp_path):
    import slicer

    analyse(host, made_up.panel)
    assert not made_up.panel.ui.staleLabel.visible
    slicer.util.arrayFromVolume(made_up.pet)[:] *= 2
    slicer.util.arrayFromVolumeModified(made_up.pet)
    assert "images themselves" in made_up.panel.ui.staleLabel.text
    host.save_scene(tmp_path / "case.mrb")
    host.close_scene()
    host.load_scene(tmp_path / "case.mrb")
    assert host.wait(lambda: made_up.panel.result is not None, 10)
    assert "images themselves" in made_up.panel.ui.staleLabel.text
    made_up.pet = state().pet
    analyse(host, made_up.panel)
    assert not made_up.panel.ui.staleLabel.visible


def test_reload_shows_the_answer_again(host, made_up):
    analyse(host, made_up.panel)
    verdict = made_up.panel.ui.verdictLabel.text
    panel = host.reload("HNCAnalysis").widget.panel
    assert panel is not made_up.panel
    assert host.wait(lambda: panel.result is not None, 10)
    assert panel.ui.verdictLabel.text == verdict
    panel.ui.hottestButton.click()
    assert viewed() == pytest.approx(panel.result.explanation.hottest_ras, abs=0.5)


def test_reload_during_a_run_ends_it(host, tiny):
    child = HandedInChild()
    tiny.useProcess(child, lambda: True)
    tiny.onAnalyse()
    assert host.wait(lambda: child.launched, 20)
    panel = host.reload("HNCAnalysis").widget.panel
    assert not panel.run.running
    assert panel.run.enabled
    assert host.wait(lambda: child.process.asked == ["terminate"], 10)


def test_without_pydantic_the_tables_are_shown(host, made_up, monkeypatch):
    analyse(host, made_up.panel)
    for name in [one for one in sys.modules if one.split(".")[0] == "pydantic"]:
        monkeypatch.setitem(sys.modules, name, None)
    for name in ("HNCLogic.job", "HNCLogic.report.json_out"):
        monkeypatch.delitem(sys.modules, name)
    host.scene.InvokeEvent(host.scene.EndImportEvent)
    assert host.wait(lambda: made_up.panel.ui.answerSection.visible, 10)
    assert "not installed" in made_up.panel.ui.sentenceLabel.text
    assert "made up for a test" in made_up.panel.ui.answerTrainedLabel.text
    assert (
        made_up.panel.ui.resultTable.rowCount
        == made_up.panel.nodes().window_table.GetNumberOfRows()
    )
    assert not made_up.panel.ui.reportButton.enabled
    made_up.panel.ui.hottestButton.click()
    monkeypatch.undo()
    host.scene.InvokeEvent(host.scene.EndImportEvent)
    assert host.wait(lambda: made_up.panel.result is not None, 10)
    assert not made_up.panel.ui.resultTable.visible


def test_an_answer_that_is_deleted_is_not_shown_any_more(host, made_up):
    analyse(host, made_up.panel)
    host.scene.RemoveNode(state().result)
    host.process_events()
    assert not made_up.panel.ui.answerSection.visible


def test_its_own_test_passes(host, loaded):
    host.run_self_test("HNCAnalysis")
    assert host.messages == []


def test_its_own_test_passes_without_a_main_window(host, loaded):
    with host.without_main_window():
        host.run_self_test("HNCAnalysis")


def status(panel):
    import qt

    return panel.run.widget.findChild(qt.QLabel, "statusLabel").text
