"""What can go wrong around HNCSegment's panel, and what the user is told then."""

from __future__ import annotations

import os
import signal
from dataclasses import replace

import numpy as np
import pytest

from Testing.panels.segment_panel import MODULE, opened_on, paint, voxels_of


@pytest.fixture
def opened(host):
    yield from opened_on(host)


@pytest.fixture
def ready(opened, small_patient):
    return opened.with_patient()


def errors_of(host):
    return [words for kind, words in host.messages if kind == "error"]


def count(host, kind):
    return host.scene.GetNumberOfNodesByClass(kind)


@pytest.mark.parametrize("with_window", [True, False])
def test_the_modules_own_test(opened, tiny_models, child_python, with_window):
    host = opened.host
    if with_window:
        host.run_self_test("HNCSegment")
        return
    with host.without_main_window():
        host.run_self_test("HNCSegment")


def test_a_pet_that_is_not_in_suv_is_refused_with_the_way_out(opened, small_patient):
    import slicer

    pet = slicer.util.addVolumeFromArray(np.full((20, 20, 20), 5000.0, np.float32), name="PET AC")
    opened.state.pet = pet
    opened.host.wait(lambda: "SUV" in opened.panel.run.toolTip, 5)
    assert not opened.panel.run.enabled
    assert "SUV" in opened.panel.run.toolTip
    assert not opened.ui.fusionButton.enabled


def test_a_network_without_its_ct(opened, small_patient, monkeypatch):
    from HNCLogic.panels import model_cards

    selector = opened.panel.inputs._ui.ctSelector
    opened.panel.enter(opened.state)
    selector.setCurrentNode(None)
    opened.host.process_events()
    assert opened.panel.run.enabled  # the model that ships can do without, and says so
    assert "PET alone" in opened.ui.methodNote.text
    cards = [replace(card, required=("PET", "CT")) for card in model_cards.cards("tumour-volume")]
    monkeypatch.setattr(model_cards, "cards", lambda *methods: cards)
    opened.panel.enter(opened.state)
    assert not opened.panel.run.enabled
    assert "CT" in opened.panel.run.toolTip
    opened.choose(opened.ui.methodSelector, "Percent")
    assert opened.panel.run.enabled


def test_an_mri_that_no_method_looks_at_needs_no_sequence(opened, small_patient, monkeypatch):
    import slicer

    from HNCLogic.panels import model_cards

    opened.panel.enter(opened.state)
    values = slicer.util.arrayFromVolume(small_patient.ct_node) + 2000
    mri = slicer.modules.volumes.logic().CloneVolume(small_patient.ct_node, "head")
    slicer.util.updateVolumeFromArray(mri, values)
    opened.state.mr = mri
    opened.host.wait(lambda: False, 0.2)
    assert opened.panel.run.enabled, opened.panel.run.toolTip
    cards = [
        replace(card, roles=("PET", "CT", "T1")) for card in model_cards.cards("tumour-volume")
    ]
    monkeypatch.setattr(model_cards, "cards", lambda *methods: cards)
    opened.panel.enter(opened.state)
    opened.host.wait(lambda: False, 0.2)
    assert "sequence" in opened.panel.run.toolTip
    opened.choose(opened.ui.methodSelector, "Percent")
    assert opened.host.wait(lambda: opened.panel.run.enabled, 5)


def test_simulated_images_are_called_so_before_anything_runs(opened, small_patient):
    opened.panel.enter(opened.state)
    assert not opened.ui.simulatedLabel.visible
    small_patient.pet_node.SetAttribute("HNC_Simulated", "made for a test")
    opened.panel.refresh()
    assert "made for a test" in opened.ui.simulatedLabel.text
    assert opened.ui.simulatedLabel.visible


def test_a_model_that_is_not_installed_here(opened, small_patient):
    opened.panel.enter(opened.state)
    opened.state.model = "of-another-clinic"
    assert opened.host.wait(lambda: not opened.panel.run.enabled, 5)
    assert "of-another-clinic" in opened.panel.run.toolTip
    assert not opened.ui.cardButton.enabled


def test_the_pet_is_removed(ready, small_patient):
    ready.host.scene.RemoveNode(small_patient.pet_node)
    assert ready.host.wait(lambda: not ready.panel.run.enabled, 5)
    assert ready.panel.run.toolTip == "Choose a PET."


def test_the_pet_is_removed_under_its_lesions(ready, child_python):
    ready.segment()
    before = ready.rows
    ready.host.scene.RemoveNode(ready.state.pet)
    assert ready.host.wait(lambda: "PET" in ready.ui.tableNote.text, 5)
    assert ready.rows == before  # what was known stays in sight
    assert not ready.ui.csvButton.enabled
    assert ready.ui.segmentationButton.enabled


def test_cancel_half_way_leaves_the_scene_as_it_was(ready):
    child = ready.hand_in()
    nodes = ready.host.scene.GetNumberOfNodes()
    ready.start()
    assert ready.host.wait(lambda: child.launched, 20)
    child.progress(0.5, "outlines")
    ready.child_of_run("cancelButton").click()
    assert child.process.asked == ["terminate"]
    assert ready.host.wait(lambda: not ready.panel.run.running, 5)
    assert "Cancelled" in ready.status
    assert ready.host.scene.GetNumberOfNodes() == nodes
    assert ready.panel.run.enabled


def test_a_killed_child_is_a_message(ready, child_python):
    import slicer

    started = []

    def launch(*args, **kwargs):
        started.append(slicer.util.launchConsoleProcess(*args, **kwargs))
        os.kill(started[0].pid, signal.SIGKILL)
        return started[0]

    ready.panel.useProcess(launch, None)
    ready.start()
    assert ready.host.wait(lambda: not ready.panel.run.running, 20)
    (words,) = errors_of(ready.host)
    assert "memory" in words
    assert ready.state.segmentation is None


def test_a_refusal_is_told_in_its_own_words(ready):
    child = ready.hand_in()
    ready.start()
    assert ready.host.wait(lambda: child.launched, 20)
    child.ends(2, "hnc: the PET is 2 mm large, which no image of a patient is")
    assert errors_of(ready.host) == ["The PET is 2 mm large, which no image of a patient is"]
    assert ready.state.segmentation is None


def test_declined_packages_start_nothing(ready):
    ready.host.packages.missing = {"torch", "pydantic"}
    ready.host.answers.append(False)
    ready.start()
    assert not ready.panel.run.running
    assert "missing" in ready.status
    assert ready.panel.run.enabled


def test_without_packages_lesions_show_what_was_measured(ready, child_python, tmp_path):
    """A scene from elsewhere, opened where nothing is installed yet."""
    ready.segment()
    rows = ready.rows
    ready.host.save_scene(tmp_path / "case.mrb")
    ready.host.close_scene()
    ready.host.packages.missing = {"torch", "pydantic"}
    ready.host.load_scene(tmp_path / "case.mrb")
    assert ready.host.wait(lambda: "packages" in ready.ui.tableNote.text, 5)
    assert ready.rows == rows
    assert ready.measured is None


def test_the_scene_is_closed_during_a_run(ready):
    child = ready.hand_in()
    ready.start()
    assert ready.host.wait(lambda: child.launched, 20)
    ready.host.close_scene()
    assert not ready.panel.run.running
    assert not ready.panel.run.enabled
    assert "closed" in ready.status


def test_the_scene_is_closed_while_it_measures(ready, child_python):
    node = ready.segment()
    first = next(iter(ready.measured.by_segment))
    voxels = voxels_of(node, first, ready.state.pet)
    paint(node, first, ready.state.pet, voxels | np.roll(voxels, 1, axis=0))
    ready.host.wait(lambda: ready.panel.lesions.live._work is not None, 5)
    ready.host.close_scene()
    assert ready.host.wait(lambda: not ready.panel.lesions.live.running(), 5)
    assert ready.rows == []
    assert not ready.ui.lesionTable.visible
    assert ready.status == "", "of another patient"


def test_two_runs_in_a_row_keep_the_first_ones_edits(ready, child_python):
    host, ui = ready.host, ready.ui
    first = ready.segment()
    ready.select_rows(0)
    ui.deleteButton.click()
    ready.wait_measured(lambda: "edited" in ui.madeLabel.text)
    rows = ready.rows
    ready.choose(ui.methodSelector, "Percent")
    second = ready.segment()
    assert second is not first
    assert not first.GetDisplayVisibility()
    assert second.GetDisplayVisibility()
    assert "41 % of each" in ui.madeLabel.text
    assert not ui.undoButton.enabled  # of the new one nothing was changed
    assert count(host, "vtkMRMLSegmentationNode") == 2
    ui.segmentationSelector.setCurrentNode(first)
    ready.wait_measured(lambda: ready.rows == rows)
    assert "fixed" in ui.madeLabel.text
    assert ready.state.result.GetText() != ""
    assert first.GetDisplayVisibility()
    assert not second.GetDisplayVisibility()
    ui.undoButton.click()
    ready.wait_measured(lambda: len(ready.rows) == len(rows) + 1)


def test_no_lesion_is_said_plainly(ready, child_python):
    ready.ui.fixedSpinBox.value = 90.0
    ready.ui.candidateSpinBox.value = 90.0
    ready.segment()
    assert "No lesion was found" in ready.ui.tableNote.text
    assert [row[0] for row in ready.rows] == ["Primary (0)", "Nodes (0)", "All (0)"]
    assert ready.ui.csvButton.enabled


def test_a_segmentation_made_elsewhere(ready, small_patient, tmp_path):
    node = ready.host.scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "By hand")
    node.CreateDefaultDisplayNodes()
    node.SetReferenceImageGeometryParameterFromVolumeNode(small_patient.pet_node)
    segment = node.GetSegmentation().AddEmptySegment("", "Tongue base")
    empty = node.GetSegmentation().AddEmptySegment("", "Nothing yet")
    voxels = np.zeros(voxels_of(node, segment, small_patient.pet_node).shape, bool)
    voxels[20:24, 40:44, 40:44] = True
    paint(node, segment, small_patient.pet_node, voxels)
    ready.ui.segmentationSelector.setCurrentNode(node)
    ready.wait_measured()
    assert [row[0] for row in ready.lesions] == ["Tongue base", "Nothing yet"]
    assert float(ready.lesions[0][3]) == pytest.approx(64 * 0.125, abs=0.01)
    assert float(ready.lesions[1][3]) == 0.0
    assert "given by the user" in ready.ui.madeLabel.text
    assert ready.state.result is None
    assert "Measured in: PET SUVbw" in ready.ui.madeLabel.text
    ready.host.answers.append(str(tmp_path))
    ready.ui.reportButton.click()
    assert ready.host.wait(lambda: not ready.panel.save.running, 60)
    assert "Tongue base" in (tmp_path / "report.html").read_text(encoding="utf-8")

    node.GetSegmentation().RemoveSegment(empty)
    ready.wait_measured(lambda: len(ready.lesions) == 1)
    node.SetName("Renamed")
    ready.host.process_events()
    ready.host.scene.RemoveNode(node)
    assert ready.host.wait(lambda: ready.state.segmentation is None, 5)
    assert not ready.ui.lesionTable.visible


def test_reload_keeps_what_is_in_the_scene(ready, child_python):
    ready.segment()
    rows = ready.rows
    old = ready.panel
    ready.loaded = ready.host.reload("HNCSegment")
    assert ready.panel is not old
    ready.wait_measured()
    assert ready.rows == rows
    ready.select_rows(0)
    ready.ui.deleteButton.click()
    ready.wait_measured(lambda: len(ready.rows) == len(rows) - 1)
    ready.loaded = ready.host.load(MODULE)


def test_the_segment_editor_opens_on_the_lesions(ready, child_python):
    import slicer

    node = ready.segment()
    ready.select_rows(1)
    ready.ui.editorButton.click()
    editor = ready.host.scene.GetSingletonNode("SegmentEditor", "vtkMRMLSegmentEditorNode")
    assert editor.GetSegmentationNode() is node
    assert editor.GetSourceVolumeNode() is ready.state.pet
    assert editor.GetSelectedSegmentID() == list(ready.measured.by_segment)[1]
    assert slicer.util.selectedModule() == "SegmentEditor"
    with ready.host.without_main_window():  # there is no place to go to, and nothing raises
        ready.ui.editorButton.click()
