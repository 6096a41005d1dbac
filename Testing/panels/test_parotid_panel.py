"""The question "Parotid neoplasm", clicked through: six sequences, the box, what is missing."""

from __future__ import annotations

import numpy as np
import pytest

from HNCLogic.scene import rois
from Testing.panels.handed_in_child import HandedInChild
from Testing.panels.questions import (
    TUMOUR,
    add_parotid,
    analyse,
    asking,
    choose,
    no_models,
    state,
)

FIELDS = {
    "t1": "ax T1",
    "t2": "ax T2",
    "ceT1": "ax T1 +C",
    "dwiB0": "DWI b0",
    "dwiB1000": "DWI b1000",
    "adc": "ADC",
}


@pytest.fixture
def panel(host, tiny_models):
    with asking(host, "Parotid", "tiny-parotid") as panel:
        yield panel


@pytest.fixture
def placed(host, panel):
    """The panel with six sequences and the box about the tumour, ready to run the tiny model."""
    add_parotid(host.scene)
    assert host.wait(lambda: len(panel.inputsOf(panel.task).images()) == 6, 5)
    look_at(TUMOUR)
    own(panel).boxButton.click()
    assert panel.run.enabled, panel.run.toolTip
    return panel


def own(panel):
    return panel.inputsOf(panel.task).ui


def look_at(place):
    from HNCLogic.scene.application import of_desktop
    from HNCLogic.scene.layers import jump

    jump(of_desktop(), place)


def viewed():
    from HNCAnalysisLib.NeckView import viewedPlace

    return viewedPlace()


def middle():
    return rois.middle_of(rois.box_of(state().box))


def test_sequences_find_their_places_and_what_is_missing_is_named(host, panel):
    assert "sequences" in panel.run.toolTip
    found = add_parotid(host.scene, [name for name in FIELDS.values() if name != "DWI b1000"])
    assert host.wait(lambda: state().t2 is not None, 5)
    chosen = {field: getattr(state(), field) for field in FIELDS}
    assert chosen == {field: found.get(name) for field, name in FIELDS.items()}
    assert "looks at T2, CE-T1, DWI-b1000" in own(panel).stateLabel.text
    assert "Missing for this model: DWI-b1000." in own(panel).complaintLabel.text
    look_at(TUMOUR)
    own(panel).boxButton.click()
    assert not panel.run.enabled
    assert panel.run.toolTip == "The model needs DWI-b1000."
    add_parotid(host.scene, ["DWI b1000"])
    assert host.wait(lambda: panel.run.enabled, 5), panel.run.toolTip
    assert not own(panel).complaintLabel.visible


def test_a_sequence_that_the_user_takes_away_stays_away(host, placed):
    own(placed).t2Selector.setCurrentNode(None)
    assert "Missing for this model: T2." in own(placed).complaintLabel.text
    add_parotid(host.scene, ["ADC"])
    host.wait(lambda: False, 0.2)
    assert state().t2 is None
    host.scene.RemoveNode(state().ceT1)  # a volume that goes leaves no other in its place
    host.process_events()
    assert state().ceT1 is None
    assert "T2, CE-T1" in own(placed).complaintLabel.text


def test_two_that_fit_equally_well_are_left_to_the_user(host, panel):
    add_parotid(host.scene)
    add_parotid(host.scene, ["ax T2"])
    assert host.wait(lambda: "equally well" in own(panel).stateLabel.text, 5)
    assert state().t2 is None
    assert state().t1 is not None


def test_run_look_move_the_box_run_again_save_and_restore(host, placed, child_python, tmp_path):
    from HNCAnalysisLib.FakeChild import FakeChild

    ui = placed.ui
    assert middle() == pytest.approx(TUMOUR, abs=0.5)
    analyse(host, placed)
    parotid = placed.result.parotid
    assert ui.verdictLabel.text.startswith(f"Most probably {parotid.kind}")
    assert all(kind in ui.sentenceLabel.text for kind in ("benign", "malignant"))
    assert placed.answer.gauge.label.height > 40
    assert "Attention on each slice of CE-T1" in ui.windowsTitle.text
    assert ui.whySection.text == "Why: slice by slice"

    # the heat map lies over the sequence whose slices were looked at
    composite = host.scene.GetFirstNodeByClass("vtkMRMLSliceCompositeNode")
    assert composite.GetBackgroundVolumeID() == state().ceT1.GetID()
    assert composite.GetNthLayerVolumeID(3) == placed.nodes().heatmap.GetID()
    ui.heatShown.checked = False
    assert composite.GetNthLayerOpacity(3) == 0.0
    ui.hottestButton.click()
    assert viewed() == pytest.approx(placed.result.explanation.hottest_ras, abs=0.5)
    assert composite.GetNthLayerOpacity(3) > 0

    # a click on a slice's attention goes there, and so do the arrow keys
    one, other = parotid.slices[0], parotid.slices[-1]
    chart = placed.neck.windows
    for share in (one, other):
        assert chart.pressed(chart.frame.x(share.position_mm), chart.frame.top + 1)
        assert viewed()[2] == pytest.approx(share.position_mm, abs=0.6)
    assert chart.stepped(-1)
    assert viewed()[2] == pytest.approx(parotid.slices[-2].position_mm, abs=0.6)
    chart.pointed(chart.frame.x(one.position_mm), chart.frame.top + 1)
    assert f"Slice 1 of {len(parotid.slices)}" in chart.label.toolTip

    # moved, the box is what the next run looks at; what the model does not take changes nothing
    count = host.scene.GetNumberOfNodes()
    state().t1 = None
    assert not ui.staleLabel.visible, ui.staleLabel.text
    state().box.SetCenterWorld(TUMOUR[0] + 6.0, TUMOUR[1] - 4.0, TUMOUR[2] + 5.0)
    host.process_events()
    assert "box" in ui.staleLabel.text
    placed.useProcess(FakeChild(), lambda: True)
    analyse(host, placed)
    assert placed.result.parotid.box_mm == pytest.approx(rois.box_of(state().box), abs=0.01)
    assert placed.result.parotid.box_mm != pytest.approx(parotid.box_mm, abs=1.0)
    assert not ui.staleLabel.visible
    assert host.scene.GetNumberOfNodes() == count

    words = (ui.verdictLabel.text, ui.sentenceLabel.text, ui.agreementLabel.text)
    where = rois.box_of(state().box)
    host.save_scene(tmp_path / "case.mrb")
    host.close_scene()
    assert state().box is None
    host.load_scene(tmp_path / "case.mrb")
    assert host.wait(lambda: placed.result is not None, 10)
    assert "Parotid" in ui.taskSelector.currentText
    assert (ui.verdictLabel.text, ui.sentenceLabel.text, ui.agreementLabel.text) == words
    assert not ui.staleLabel.visible, ui.staleLabel.text
    assert rois.box_of(state().box) == pytest.approx(where, abs=0.01)
    one = placed.result.parotid.slices[0]
    assert chart.pressed(chart.frame.x(one.position_mm), chart.frame.top + 1)
    assert viewed()[2] == pytest.approx(one.position_mm, abs=0.6)
    state().t2 = None
    assert "T2" in ui.staleLabel.text


def test_the_report_tells_of_the_box(host, placed, tmp_path):
    from HNCAnalysisLib.FakeChild import FakeChild

    placed.useProcess(FakeChild(), lambda: True)
    analyse(host, placed)
    host.answers.append(str(tmp_path))
    placed.ui.reportButton.click()
    assert host.wait(lambda: not placed.report.running, 60)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Most probably malignant" in page
    assert "set by hand" in page
    assert list((tmp_path / "views").glob("*.png"))


def test_what_the_run_is_asked(host, placed, tiny_models):
    child = HandedInChild()
    placed.useProcess(child, lambda: True)
    placed.onAnalyse()
    assert host.wait(lambda: child.launched, 20)
    job = child.job
    assert (job["task"], job["method"], job["plain"]) == ("explain", "parotid", True)
    assert job["model"] == str(tiny_models["parotid"])
    assert sorted(job["images"]) == ["CE-T1", "DWI-b1000", "T2"], "what the model looks at"
    assert job["box_mm"] == pytest.approx(rois.box_of(state().box), abs=0.01)


def test_the_box_again_keeps_its_size_and_a_turned_one_is_held_whole(host, placed):
    box = state().box
    box.SetSize(30.0, 20.0, 24.0)
    look_at((-20.0, 0.0, 20.0))
    own(placed).boxButton.click()
    assert rois.box_of(box) == pytest.approx((-35.0, -5.0, -10.0, 10.0, 8.0, 32.0))
    assert state().box is box
    assert "Box: 30 × 20 × 24 mm" in own(placed).stateLabel.text
    import vtk

    turn = vtk.vtkTransform()
    turn.RotateZ(90)
    box.SetAndObserveObjectToNodeMatrix(turn.GetMatrix())
    low, high = rois.box_of(box)[:2]
    assert high - low == pytest.approx(20.0)


def test_the_box_of_a_segment(host, placed):
    import slicer
    import vtk

    outlines = host.scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "By hand")
    outlines.CreateDefaultDisplayNodes()
    reference = state().t2
    outlines.SetReferenceImageGeometryParameterFromVolumeNode(reference)
    voxels = np.zeros(slicer.util.arrayFromVolume(reference).shape, np.uint8)
    for name, place in (("Tumour", np.s_[4:8, 10:15, 12:20]), ("Node", np.s_[1:2, 2:4, 2:4])):
        segment = outlines.GetSegmentation().AddEmptySegment("", name)
        one = voxels.copy()
        one[place] = 1
        slicer.util.updateSegmentBinaryLabelmapFromArray(one, outlines, segment, reference)
    host.answers.append("Tumour")  # which of the two
    own(placed).boxSegmentation.setCurrentNode(outlines)
    matrix = vtk.vtkMatrix4x4()
    reference.GetIJKToRASMatrix(matrix)
    ends = slicer.util.arrayFromVTKMatrix(matrix) @ [[11.5, 19.5], [9.5, 14.5], [3.5, 7.5], [1, 1]]
    expected = np.sort(ends[:3], axis=1).ravel()
    assert rois.box_of(state().box) == pytest.approx(expected, abs=0.01)
    assert own(placed).boxSegmentation.currentNode() is None


def test_without_a_place_for_it_no_box_is_made(host, panel):
    own(panel).boxButton.click()
    assert state().box is None
    assert [kind for kind, _ in host.messages] == ["warning"]
    add_parotid(host.scene)
    assert host.wait(lambda: state().t1 is not None, 5)
    look_at((300.0, 0.0, 0.0))  # beside the patient
    own(panel).boxButton.click()
    assert middle() == pytest.approx(TUMOUR, abs=3.0)


def test_a_model_of_other_sequences_is_told(host, placed, tiny_models):
    import json
    import shutil

    other = tiny_models["parotid"].parent / "other-parotid"
    shutil.copytree(tiny_models["parotid"], other)
    card = json.loads((other / "model.json").read_text())
    card |= {"name": "other-parotid", "inputs": [{"role": r} for r in ("T1", "T2", "ADC")]}
    (other / "model.json").write_text(json.dumps(card))
    try:
        placed.enter(state())
        choose(placed.ui.modelSelector, "other-parotid")
        assert "looks at T1, T2, ADC" in own(placed).stateLabel.text
        assert placed.run.enabled
        host.scene.RemoveNode(state().t1)
        host.process_events()
        assert "Missing for this model: T1." in own(placed).complaintLabel.text
        assert not placed.run.enabled
    finally:
        shutil.rmtree(other)
        choose(placed.ui.modelSelector, "tiny-parotid")


def test_without_a_model_the_panel_says_so(host, panel, tmp_path, monkeypatch):
    no_models(monkeypatch, tmp_path)
    panel.model.refill()
    state().parotidModel = ""
    add_parotid(host.scene)
    panel.enter(state())
    assert "No model for “Parotid neoplasm” is installed" in panel.ui.trainedOnLabel.text
    assert not panel.run.enabled


def test_a_sequence_is_opened_from_disk_in_place_of_what_was_chosen(host, panel, tmp_path):
    import SimpleITK as sitk
    import slicer

    from HNCLogic.panels.opening import entries
    from HNCLogic.scene.volumes import image_of

    add_parotid(host.scene)
    assert host.wait(lambda: len(panel.inputsOf(panel.task).images()) == 6, 5)
    before = state().t2
    values = image_of(before) + 5.0
    sitk.WriteImage(values, str(tmp_path / "t2.nrrd"))
    button = slicer.util.findChild(own(panel).openingWidget, name="runButton")
    assert set(entries(("MR",))) == {"MRI: DICOM folder…", "MRI: image file…"}
    host.answers.extend(["MRI: image file…", str(tmp_path / "t2.nrrd")])
    button.click()
    assert host.wait(lambda: state().t2 is not before, 60), host.messages
    assert np.allclose(sitk.GetArrayFromImage(image_of(state().t2)), sitk.GetArrayFromImage(values))
    assert state().ceT1 is not None
