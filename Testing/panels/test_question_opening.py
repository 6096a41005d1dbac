"""Images opened from disk for the other questions: into their fields, in words where not."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from HNCLogic.images.plain_nrrd import write_plain
from Testing.panels.handed_in_child import HandedInChild
from Testing.panels.questions import add_neck_ct, add_parotid, asking, state
from Testing.unit.dicom_writer import write_series
from Testing.unit.small_necks import neck_ct

CT_FILE, CT_FOLDER = "CT: image file…", "CT: DICOM folder…"
MR_FILE = "MRI: image file…"


@pytest.fixture
def neck(host, tiny_models):
    with asking(host, "extension", "tiny-extension") as panel:
        yield panel


@pytest.fixture
def parotid(host, tiny_models):
    with asking(host, "Parotid", "tiny-parotid") as panel:
        yield panel


@pytest.fixture
def child(monkeypatch):
    """A child process that the test plays, where the panel starts one to open images."""
    import slicer

    child = HandedInChild()
    monkeypatch.setattr(slicer.util, "launchConsoleProcess", child)
    return child


def inputs(panel):
    return panel.inputsOf(panel.task)


def open_(host, panel, *answers):
    """Press the button and pick: an entry of its menu, then a path, and what else is asked."""
    import slicer

    host.answers.extend(answers)
    slicer.util.findChild(inputs(panel).opening.controls.widget, name="runButton").click()


def ended(host, panel, seconds=60):
    assert host.wait(lambda: not inputs(panel).opening.controls.running, seconds)
    host.process_events()


def test_a_ct_from_disk_is_what_is_analysed(host, neck, child_python, tmp_path):
    import slicer

    image = neck_ct(2, True)[0]
    sitk.WriteImage(image, str(tmp_path / "neck.nrrd"))
    inputs(neck).ui.neckCtSelector.setCurrentNode(None)
    open_(host, neck, CT_FILE, tmp_path / "neck.nrrd")
    ended(host, neck)
    assert {kind for kind, _words in host.messages} == {"question"}
    opened = state().neckCt
    assert inputs(neck).ui.neckCtSelector.currentNode() is opened
    assert np.allclose(slicer.util.arrayFromVolume(opened), sitk.GetArrayFromImage(image))
    assert host.wait(lambda: neck.run.enabled, 5), neck.run.toolTip
    composite = host.scene.GetFirstNodeByClass("vtkMRMLSliceCompositeNode")
    assert composite.GetBackgroundVolumeID() == opened.GetID()
    # in place of the one that was chosen; that stays in the scene
    open_(host, neck, CT_FILE, tmp_path / "neck.nrrd")
    assert host.wait(lambda: state().neckCt is not opened, 60), host.messages
    assert opened.GetScene() is not None


def test_what_is_no_ct_is_refused_in_words(host, neck, child_python, tmp_path):
    write_series(tmp_path / "scan", np.full((4, 8, 8), 50, np.int16), modality="MR")
    (tmp_path / "notes.nrrd").write_text("no image")
    before = add_neck_ct(host.scene)
    assert host.wait(lambda: state().neckCt is before, 5)
    for entry, path in ((CT_FOLDER, tmp_path / "scan"), (CT_FILE, tmp_path / "notes.nrrd")):
        open_(host, neck, entry, path)
        ended(host, neck)
        kind, words = host.messages[-1]
        assert kind == "error"
        assert "CT" in words
        assert "--" not in words
        assert str(tmp_path) not in words
    assert state().neckCt is before
    assert neck.run.enabled


def test_what_there_is_to_mind_of_an_opened_image_goes_with_it(host, neck, child, tmp_path):
    import slicer

    ui = inputs(neck).ui
    other = add_neck_ct(host.scene)
    open_(host, neck, CT_FILE, tmp_path / "neck.nrrd")
    assert host.wait(lambda: child.launched, 10)
    assert child.job["task"] == "open"
    assert child.job["images"] == {"CT": str(tmp_path / "neck.nrrd")}
    child.succeeds(
        lambda out: write_plain(out / "CT.nrrd", neck_ct(2, True)[0]),
        files={"result": "result.json", "CT": "CT.nrrd"},
        warnings=["Slices are missing: give another with --ct."],
    )
    ended(host, neck)
    opened = state().neckCt
    assert opened is not other
    assert "Slices are missing: give another with a CT." in ui.complaintLabel.text
    ui.neckCtSelector.setCurrentNode(other)
    host.process_events()
    assert "Slices" not in ui.complaintLabel.text
    ui.neckCtSelector.setCurrentNode(opened)
    host.process_events()
    assert "Slices" in ui.complaintLabel.text
    status = slicer.util.findChild(inputs(neck).opening.controls.widget, name="statusLabel")
    assert status.text == "Done."
    host.close_scene()
    assert status.text == "", "of another patient"
    assert not ui.complaintLabel.visible
    add_neck_ct(host.scene)  # which may be given the id of one that is gone
    assert host.wait(lambda: state().neckCt is not None, 5)
    assert not ui.complaintLabel.visible


def test_the_sequence_is_asked_for_where_the_name_does_not_say_it(host, parotid, child, tmp_path):
    add_parotid(host.scene, ["ax T2"])
    assert host.wait(lambda: state().t2 is not None, 5)
    open_(host, parotid, MR_FILE, tmp_path / "series-7.nrrd", None)  # asked, and nothing chosen
    assert child.launched == 0
    open_(host, parotid, MR_FILE, tmp_path / "series-7.nrrd", "ADC")
    assert host.wait(lambda: child.launched, 10)
    assert list(child.job["images"]) == ["ADC"]
    inputs(parotid).opening.controls.cancel()
    ended(host, parotid)
    assert state().adc is None
    assert state().t2 is not None


def test_the_scene_is_closed_while_it_opens(host, parotid, child, tmp_path):
    open_(host, parotid, MR_FILE, tmp_path / "t1.nrrd")
    opening = inputs(parotid).opening
    assert host.wait(lambda: child.launched, 10)
    host.close_scene()  # and with it the question is the first again
    assert not opening.controls.running
    assert state().t1 is None
    assert parotid.ui.taskSelector.enabled
