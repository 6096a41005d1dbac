"""The panel of HNCSegment, clicked through as a user would: real scene, real child process."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
import SimpleITK as sitk

from Testing.panels.segment_panel import opened_on, paint, voxels_of

MTV, SUV_MAX = 3, 4  # columns


@pytest.fixture
def opened(host):
    yield from opened_on(host)


@pytest.fixture
def ready(opened, small_patient):
    return opened.with_patient()


def test_the_module_is_described_and_has_an_icon(opened):
    parent = opened.loaded.module.parent
    assert parent.title
    assert parent.categories == ["Nuclear Medicine"]
    assert "Research use" in parent.helpText
    assert parent.acknowledgementText
    assert not parent.icon.isNull()


def test_an_empty_scene_says_what_is_missing(opened):
    ui = opened.ui
    assert not opened.panel.run.enabled
    assert "PET" in opened.panel.run.toolTip
    assert "Research use" in ui.researchLabel.text
    assert "rained on" in ui.methodNote.text
    for widget in (ui.lesionTable, ui.changeRow, ui.undoRow):
        assert not widget.visible
    for button in (ui.csvButton, ui.reportButton, ui.segmentationButton, ui.fusionButton):
        assert not button.enabled


@pytest.mark.parametrize(
    ("method", "shown", "words"),
    [
        ("Neural", {"modelRow"}, "rained on"),
        ("Fixed", {"fixedSpinBox", "candidateSpinBox", "brainCheckBox"}, "physiological"),
        ("Percent", {"percentSpinBox", "candidateSpinBox", "brainCheckBox"}, "physiological"),
        ("Adaptive", {"adaptiveSpinBox", "candidateSpinBox", "brainCheckBox"}, "physiological"),
    ],
)
def test_each_method_shows_its_own_parameters(opened, method, shown, words):
    ui = opened.ui
    opened.choose(ui.methodSelector, method)
    own = ("modelRow", "fixedSpinBox", "percentSpinBox", "adaptiveSpinBox")
    own += ("candidateSpinBox", "brainCheckBox")
    assert {name for name in own if getattr(ui, name).visible} == shown
    assert ui.minimumSpinBox.visible
    assert words in ui.methodNote.text


def test_parameters_reach_the_job(ready):
    child = ready.hand_in()
    ui = ready.ui
    ui.fixedSpinBox.value = 3.5
    ui.candidateSpinBox.value = 3.0
    ui.minimumSpinBox.value = 0.5
    ui.brainCheckBox.click()
    ready.start()
    assert ready.host.wait(lambda: child.launched, 20)
    job = child.job
    assert (job["task"], job["plain"]) == ("segment", True)
    assert set(job["images"]) == {"PET"}
    assert job["suv"] == {"units": "SUVbw"}
    assert job["delineation"] == {
        "method": "fixed",
        "fixed_suv": 3.5,
        "candidate_suv": 3.0,
        "minimum_ml": 0.5,
        "exclude_brain": False,
    }
    assert "volume_model" not in job


def test_lesions_come_with_measures_codes_and_a_place(ready, small_patient, child_python):
    host, ui = ready.host, ready.ui
    node = ready.segment()
    assert "fixed threshold, SUV 4" in ui.madeLabel.text
    assert "physiological" in ui.tableNote.text
    assert ready.state.result.GetName() == "Result (JSON)"
    said = json.loads(ready.state.result.GetText())
    assert said["research_use"].startswith("Research use only")
    lesions = ready.measured.lesions
    assert len(said["lesions"]) == len(lesions) == len(ready.lesions) >= 2
    for row, lesion in zip(ready.lesions, lesions, strict=True):
        assert row[0] == lesion.name
        assert float(row[MTV]) == pytest.approx(lesion.mtv_ml, abs=0.01)
        assert float(row[SUV_MAX]) == pytest.approx(lesion.suv_max, abs=0.01)
    names = [row[0] for row in ready.rows[len(lesions) :]]
    assert [name.split()[0] for name in names] == ["Primary", "Nodes", "All"]
    assert float(ready.rows[-1][MTV]) == pytest.approx(
        sum(each.mtv_ml for each in lesions), abs=0.1
    )

    # beside its PET in the subject hierarchy, and what it was made in is on it
    tree = host.scene.GetSubjectHierarchyNode()
    parent = tree.GetItemParent(tree.GetItemByDataNode(node))
    assert tree.GetItemParent(tree.GetItemByDataNode(small_patient.pet_node)) == parent
    assert "Research use" in node.GetAttribute("HNC_ResearchUse")


def test_a_row_takes_the_views_to_the_hottest_voxel(ready, child_python):
    ready.segment()
    for row in (1, 0):
        ready.click_row(row)
        wanted = ready.measured.lesions[row].suv_max_ras
        views = ("Red", "Green", "Yellow")
        found = {v: ready.host.scene.GetNodeByID(f"vtkMRMLSliceNode{v}") for v in views}
        for view, axis in (("Red", 2), ("Green", 1), ("Yellow", 0)):
            at = found[view].GetSliceToRAS().GetElement(axis, 3)
            assert at == pytest.approx(wanted[axis], abs=0.5)
    ready.ui.lesionTable.cellClicked(len(ready.rows) - 1, 0)  # a total lies nowhere
    assert found["Red"].GetSliceToRAS().GetElement(2, 3) == pytest.approx(wanted[2], abs=0.5)


def test_delete_and_relabel_and_undo_of_each(ready, child_python):
    ui = ready.ui
    ready.segment()
    before = ready.rows
    ready.select_rows(0)
    ui.deleteButton.click()
    ready.wait_measured(lambda: len(ready.rows) == len(before) - 1)
    assert before[0] not in ready.rows
    assert "edited by the user" in ui.madeLabel.text
    ui.undoButton.click()
    ready.wait_measured(lambda: ready.rows == before)
    assert "edited" not in ui.madeLabel.text
    ui.redoButton.click()
    ready.wait_measured(lambda: len(ready.rows) == len(before) - 1)
    ui.undoButton.click()
    ready.wait_measured(lambda: ready.rows == before)

    ready.select_rows(0)
    ui.kindButton.click()
    ready.wait_measured(lambda: ready.lesions[0][1] == "primary")
    ui.kindButton.click()
    ready.wait_measured(lambda: ready.lesions[0][1] == "node")
    assert ready.rows[len(ready.lesions) + 1][0] == "Nodes (1)"
    ui.undoButton.click()
    ui.undoButton.click()
    ready.wait_measured(lambda: ready.rows == before)
    assert not ui.undoButton.enabled


def test_merge_and_split_and_undo_of_each(ready, child_python):
    ui = ready.ui
    ready.segment()
    before = ready.rows
    ready.select_rows(0)
    assert not ui.mergeButton.enabled
    ready.select_rows(0, 1)
    assert not ui.splitButton.enabled
    ui.mergeButton.click()
    ready.wait_measured(lambda: len(ready.rows) == len(before) - 1)
    both = sum(float(row[MTV]) for row in before[:2])
    assert any(float(row[MTV]) == pytest.approx(both, abs=0.02) for row in ready.lesions)
    assert len(ready.panel.lesions.table.selected()) == 1  # what was made of them
    ui.splitButton.click()
    ready.wait_measured(lambda: len(ready.rows) == len(before))
    assert len(ready.panel.lesions.table.selected()) == 2
    ui.undoButton.click()
    ready.wait_measured(lambda: len(ready.rows) == len(before) - 1)
    ui.undoButton.click()
    ready.wait_measured(lambda: ready.rows == before)


def test_what_cannot_be_split_is_said(ready, child_python):
    ready.segment()
    pet, node = ready.state.pet, ready.state.segmentation
    first = next(iter(ready.measured.by_segment))
    voxels = np.zeros_like(voxels_of(node, first, pet))
    voxels[10:13, 40:43, 40:43] = True
    paint(node, first, pet, voxels)
    ready.wait_measured(lambda: ready.lesions[0][MTV] == "3.38")
    ready.select_rows(0)
    ready.ui.splitButton.click()
    kind, words = ready.host.messages[-1]
    assert kind == "info"
    assert "split" in words


def test_painted_voxels_show_in_the_table(ready, child_python):
    ready.segment()
    pet, node = ready.state.pet, ready.state.segmentation
    before = ready.rows
    first = next(iter(ready.measured.by_segment))
    voxels = voxels_of(node, first, pet)
    count = int(voxels.sum())
    grown = voxels | np.roll(voxels, 1, axis=0)
    paint(node, first, pet, grown)
    assert "Measuring" in ready.ui.tableNote.text
    assert not ready.ui.csvButton.enabled  # not with numbers of before
    ready.wait_measured(lambda: ready.rows != before)
    more = float(ready.lesions[0][MTV]) / float(before[0][MTV])
    assert more == pytest.approx(grown.sum() / count, rel=0.01)
    assert ready.lesions[1:] == before[1 : len(ready.lesions)]

    # painted on while it measures: the last state is what counts
    paint(node, first, pet, voxels)
    ready.host.wait(lambda: ready.panel.lesions.live._work is not None, 5)
    paint(node, first, pet, grown | np.roll(voxels, 1, axis=1))
    paint(node, first, pet, voxels)
    ready.wait_measured(lambda: ready.rows == before)


def test_a_pet_that_is_changed_in_place_is_measured_anew(ready, child_python):
    import slicer

    ready.segment()
    before = float(ready.lesions[0][4])
    slicer.util.arrayFromVolume(ready.state.pet)[:] *= 2
    slicer.util.arrayFromVolumeModified(ready.state.pet)
    ready.wait_measured(lambda: float(ready.lesions[0][4]) != before)
    assert float(ready.lesions[0][4]) == pytest.approx(2 * before, abs=0.02)


def test_files_hold_what_the_table_shows(ready, child_python, tmp_path):
    host, ui = ready.host, ready.ui
    ready.segment()
    ready.select_rows(1)
    ui.deleteButton.click()
    ready.wait_measured(lambda: len(ready.lesions) == len(ready.measured.lesions))
    host.answers += [str(tmp_path / "lesions"), str(tmp_path / "lesions.seg.nrrd")]
    ui.csvButton.click()
    ui.segmentationButton.click()
    with (tmp_path / "lesions.csv").open(encoding="utf-8-sig", newline="") as file:
        table = list(csv.DictReader(file))
    assert [row["Name"] for row in table[:-3]] == [row[0] for row in ready.lesions]
    assert "edited by the user" in table[0]["Delineation"]
    assert table[0]["Use"].startswith("Research use only")
    labels = sitk.ReadImage(str(tmp_path / "lesions.seg.nrrd"))
    assert int(sitk.GetArrayViewFromImage(labels).astype(bool).sum()) > 0
    header = {key: labels.GetMetaData(key) for key in labels.GetMetaDataKeys()}
    assert sum(key.endswith("_ID") for key in header) == len(ready.lesions)
    assert "HNC_ResearchUse" in header

    host.answers.append(str(tmp_path))
    ui.reportButton.click()
    assert ui.reportButton.text == "Cancel report"
    assert host.wait(lambda: not ready.panel.save.running, 60)
    page = (tmp_path / "HNC lesions" / "report.html").read_text(encoding="utf-8")
    assert "edited by the user" in page
    assert host.opened_urls[-1].endswith("report.html")
    assert "Written" in ui.saveNote.text
    assert not [message for message in host.messages if message[0] == "error"]


def test_where_nothing_can_be_written_that_is_said(ready, child_python, tmp_path):
    ready.segment()
    file = tmp_path / "a file"
    file.write_text("mine")
    host = ready.host
    for folder in (file, file / "below"):  # no folder, or one that is gone
        host.answers.append(str(folder))
        ready.ui.reportButton.click()
        assert host.wait(lambda: not ready.panel.save.running, 20)
    host.answers.append(str(file / "lesions.csv"))
    ready.ui.csvButton.click()
    errors = [words for kind, words in host.messages if kind == "error"]
    assert len(errors) == 3
    assert "choose another folder" in errors[0]
    assert all("ot a directory" in words and "Errno" not in words for words in errors)
    assert file.read_text() == "mine"


def test_edited_lesions_are_what_is_restored(ready, child_python, tmp_path):
    host, ui = ready.host, ready.ui
    ready.segment()
    ready.select_rows(0)
    ui.kindButton.click()
    ready.wait_measured(lambda: ready.lesions[0][1] == "primary")
    ready.select_rows(1)
    count = len(ready.lesions)
    ui.deleteButton.click()
    ready.wait_measured(lambda: len(ready.lesions) == count - 1)
    ui.fillButton.click()
    ui.minimumSpinBox.value = 0.7
    before, made = ready.rows, ui.madeLabel.text
    host.answers.append(str(tmp_path / "case.mrb"))
    ui.sceneButton.click()
    host.close_scene()
    assert ready.state.segmentation is None
    assert not ui.lesionTable.visible
    assert ui.lesionTable.rowCount == 0
    host.load_scene(tmp_path / "case.mrb")
    ready.wait_measured()
    assert ready.rows == before
    assert ui.madeLabel.text == made
    assert ui.minimumSpinBox.value == pytest.approx(0.7)
    assert ready.state.method == "fixed"
    assert ui.fillButton.checked
    assert ready.state.segmentation.GetDisplayNode().GetVisibility2DFill()
    assert ready.state.pet is not None
    assert ready.state.result.GetText()
    assert ready.state.table.GetTable().GetNumberOfRows() == len(before)


def test_the_tiny_network(opened, small_patient, child_python):
    opened.panel.enter(opened.state)
    opened.choose(opened.ui.modelSelector, "tiny-volume")
    opened.ui.minimumSpinBox.value = 0.0
    opened.segment()
    assert "neural network tiny-volume" in opened.ui.madeLabel.text
    assert "random weights" in opened.ui.madeLabel.text
    assert len(opened.rows) == len(opened.measured.by_segment) + 3
