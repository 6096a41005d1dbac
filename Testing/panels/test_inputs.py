"""PET, CT and MRI by role: filled in, said what they are and what is wrong, opened from disk."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from HNCLogic.images.plain_nrrd import write_plain
from HNCLogic.images.read import read_image
from Testing.panels.handed_in_child import HandedInChild
from Testing.panels.small_volumes import (
    ORIGIN,
    SPACING,
    TURNED,
    InputsInPanel,
    add,
    bqml_values,
    ct_values,
    grid,
)
from Testing.unit.dicom_writer import HIDDEN_ID, HIDDEN_NAME, write_series

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def child() -> HandedInChild:
    return HandedInChild()


@pytest.fixture
def panel(host, child):
    shown = InputsInPanel(host, child)
    yield shown
    shown.close()


def suv_pet(host, name="PET", **where):
    from HNCLogic.scene.volumes import mark_as_suv

    node = add(host.scene, name, bqml_values(largest=30).astype(np.float32) / 1000, **where)
    mark_as_suv(node)
    return node


def test_what_is_loaded_fills_the_empty_roles_by_itself(host, panel):
    assert panel.inputs.whyNotReady() == "Choose a PET."
    pet, ct = suv_pet(host), add(host.scene, "CT", ct_values())
    mr = add(host.scene, "t2_tse", bqml_values())
    panel.settle()
    assert panel.inputs.images() == {"PET": pet, "CT": ct, "T2": mr}
    assert panel.inputs.whyNotReady() == ""
    assert panel.part("petSelector").currentNode() is pet
    assert panel.part("sequenceCombo").currentText == "T2"
    assert panel.part("stateLabel").text.replace("\N{NO-BREAK SPACE}", " ").splitlines() == [
        "PET: SUVbw, 26 × 24 × 20 voxels of 4 × 3.5 × 3 mm",
        "CT: HU, 26 × 24 × 20 voxels of 4 × 3.5 × 3 mm",
        "MRI: T2, 26 × 24 × 20 voxels of 4 × 3.5 × 3 mm",
    ]
    assert not panel.part("complaintLabel").visible
    assert panel.changes > 0


def test_chosen_roles_are_never_changed_and_emptied_ones_stay_empty(host, panel):
    mine = add(host.scene, "an image", bqml_values())
    panel.node.ct = mine
    suv_pet(host)
    add(host.scene, "CT", ct_values())
    panel.settle()
    assert panel.node.ct is mine
    panel.part("petSelector").setCurrentNode(None)
    add(host.scene, "PET of today", bqml_values((30, 30, 30)))
    panel.settle()
    assert panel.node.pet is None


def test_a_role_in_doubt_is_left_empty_and_said(host, panel):
    suv_pet(host)
    for name in ("CT soft", "CT lung"):
        add(host.scene, name, ct_values())
    panel.settle()
    assert panel.node.ct is None
    assert (
        "CT: “CT soft” and “CT lung” fit equally well; choose one." in panel.part("stateLabel").text
    )


def test_settings_state_units_where_no_record_does(host, panel):
    pet = suv_pet(host)
    panel.settle()
    assert panel.inputs.settings() == {"suv": {"units": "SUVbw"}}
    pet.SetAttribute("HNC.SuvRecord", '{"units_found": "BQML"}')
    assert panel.inputs.settings() == {"suv": {}}


def test_the_same_volume_twice(host, panel):
    panel.node.pet = panel.node.ct = suv_pet(host)
    panel.settle()
    assert "“PET” is chosen as PET and as CT." in panel.part("complaintLabel").text
    assert panel.inputs.whyNotReady() == "“PET” is chosen as PET and as CT."


def test_a_ct_as_pet_by_its_units_and_by_its_values(host, panel):
    from HNCLogic.scene.volumes import show_ct

    ct = add(host.scene, "scan", ct_values())
    panel.node.pet = ct
    panel.settle()
    assert panel.inputs.whyNotReady() == (
        "“scan” has values down to -1000, like a CT: it cannot be the PET."
    )
    assert not panel.inputs.offer.widget.visible
    show_ct(ct)
    panel.settle()
    assert panel.inputs.whyNotReady() == "“scan” is CT, not PET."


def test_a_little_noise_below_zero_is_still_a_pet(host, panel):
    values = bqml_values()
    values[0, 0, :4] = -300
    panel.node.pet = add(host.scene, "PET", values)
    panel.settle()
    assert panel.inputs.whyNotReady() == "The PET is not in SUV yet: convert it first."


def test_a_pet_as_ct_and_an_mri_without_sequence(host, panel):
    pet = suv_pet(host)
    panel.node.pet, panel.node.ct = pet, suv_pet(host, "other PET")
    panel.settle()
    assert panel.inputs.whyNotReady() == "“other PET” is PET, not CT."
    panel.part("ctSelector").setCurrentNode(None)
    panel.part("mrSelector").setCurrentNode(add(host.scene, "head", bqml_values()))
    assert panel.inputs.whyNotReady() == "Say which sequence the MRI is."
    assert set(panel.inputs.images()) == {"PET"}
    panel.part("sequenceCombo").currentText = "CE-T1"
    assert panel.inputs.whyNotReady() == ""
    assert set(panel.inputs.images()) == {"PET", "CE-T1"}


def test_a_volume_without_voxels_under_a_warp_or_elsewhere(host, panel):
    import slicer
    import vtk

    panel.node.pet = suv_pet(host)
    empty = host.scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "empty")
    panel.node.ct = empty
    panel.settle()
    assert panel.inputs.whyNotReady() == "“empty” has no voxels, or a single slice."

    far = add(host.scene, "CT", ct_values(), origin=(4000.0, 0.0, 0.0))
    panel.node.ct = far
    panel.settle()
    assert panel.inputs.whyNotReady() == (
        "PET and CT do not overlap: choose images of one examination."
    )

    warp = slicer.vtkMRMLBSplineTransformNode()
    spline = vtk.vtkThinPlateSplineTransform()
    warp.SetAndObserveTransformToParent(spline)
    host.scene.AddNode(warp)
    panel.node.pet.SetAndObserveTransformNodeID(warp.GetID())
    panel.settle()
    assert "stands under a warping transform" in panel.inputs.whyNotReady()


def test_a_result_is_no_image(host, panel):
    from HNCLogic.scene.adopt import mark

    panel.node.pet = suv_pet(host)
    panel.node.ct = mark(add(host.scene, "Heat map (Grad-CAM)", bqml_values()), "heatmap")
    panel.settle()
    assert panel.inputs.whyNotReady() == (
        "“Heat map (Grad-CAM)” is a result, not an image of the patient."
    )


def test_small_overlap_and_an_odd_ct_are_remarks_only(host, panel):
    panel.node.pet = suv_pet(host, origin=(0.0, 0.0, 0.0), direction=np.eye(3))
    panel.node.ct = add(
        host.scene, "CT", bqml_values(), origin=(90.0, 0.0, 0.0), direction=np.eye(3)
    )
    panel.settle()
    assert panel.inputs.whyNotReady() == ""
    told = panel.part("complaintLabel").text
    assert re.search(r"PET and CT overlap in 1\d% of the smaller one only\.", told)
    assert "does not look like Hounsfield units" in told


def test_another_image_does_not_take_the_place_of_one_that_is_removed(host, panel):
    panel.node.pet, panel.node.ct = suv_pet(host), add(host.scene, "CT", ct_values())
    panel.settle()
    host.scene.RemoveNode(panel.node.pet)
    panel.settle()
    assert set(panel.inputs.images()) == {"CT"}
    assert panel.part("petSelector").currentNode() is None
    assert panel.inputs.whyNotReady() == "Choose a PET."
    pet = suv_pet(host)
    panel.settle()
    assert panel.inputs.images()["PET"] is pet  # emptied by nobody, so it is filled in again


def test_a_volume_that_changes_is_looked_at_again(host, panel):
    pet = suv_pet(host)
    panel.settle()
    assert panel.inputs.whyNotReady() == ""
    pet.SetAndObserveImageData(None)
    panel.settle()
    assert panel.inputs.whyNotReady() == "“PET” has no voxels, or a single slice."


def test_a_parameter_node_that_is_let_go_changes_no_more(host, panel):
    pet, kept = suv_pet(host), panel.node
    panel.settle()
    panel.inputs.setParameterNode(None)
    assert panel.inputs.images() == {}
    assert not panel.part("petSelector").enabled
    panel.part("petSelector").setCurrentNode(None)
    assert kept.pet is pet
    panel.inputs.setParameterNode(kept)
    assert panel.part("petSelector").currentNode() is pet


def test_the_scene_is_saved_closed_and_restored(host, panel, tmp_path):
    import slicer

    suv_pet(host), add(host.scene, "CT", ct_values())
    add(host.scene, "t1 Gd", bqml_values())
    panel.settle()
    host.save_scene(tmp_path / "scene.mrb")
    panel.inputs.setParameterNode(None)
    host.close_scene()
    panel.settle()
    host.load_scene(tmp_path / "scene.mrb")
    kept = slicer.util.getNode("inputs")
    panel.inputs.setParameterNode(panel.kind(kept))
    panel.settle()
    assert {role: node.GetName() for role, node in panel.inputs.images().items()} == {
        "PET": "PET",
        "CT": "CT",
        "CE-T1": "t1 Gd",
    }


def open_from_menu(panel, host, child, text, *answers):
    import slicer

    host.answers.extend([text, *answers])
    button = slicer.util.findChild(panel.part("openingWidget"), name="runButton")
    button.click()
    if child is not None:
        assert host.wait(lambda: child.launched > 0, 10)


def test_a_dicom_folder_is_opened_in_a_child_process(host, tmp_path):
    """A real one: PET and CT of one folder, into their roles, one study and the views."""
    from HNCLogic.panels.volume_facts import record

    write_series(
        tmp_path / "scans" / "a",
        bqml_values(),
        spacing=SPACING,
        origin=ORIGIN,
        direction=TURNED,
        slopes=np.linspace(0.5, 2.0, 20),
    )
    write_series(
        tmp_path / "scans" / "b",
        ct_values(),
        modality="CT",
        spacing=SPACING,
        origin=ORIGIN,
        direction=TURNED,
        number=5,
    )
    panel = InputsInPanel(host)
    folder = tmp_path / "scans"
    open_from_menu(panel, host, None, "PET and CT from one DICOM folder…", folder)
    assert host.wait(lambda: panel.node.ct is not None, 60), host.messages
    panel.settle()
    chosen = panel.inputs.images()
    assert {role: node.GetName() for role, node in chosen.items()} == {
        "PET": "PET SUVbw",
        "CT": "CT",
    }
    assert panel.inputs.whyNotReady() == ""
    from HNCLogic.scene.volumes import image_of

    for role, node in chosen.items():
        same = read_image(tmp_path / "scans", role)
        made = image_of(node)
        np.testing.assert_array_equal(
            sitk.GetArrayViewFromImage(made), sitk.GetArrayViewFromImage(same.image)
        )
        np.testing.assert_allclose(made.GetOrigin(), same.image.GetOrigin(), atol=1e-6)
        np.testing.assert_allclose(made.GetDirection(), same.image.GetDirection(), atol=1e-9)
    kept = record(chosen["PET"])
    assert kept == read_image(tmp_path / "scans", "PET").suv.model_dump(mode="json")
    tree = host.scene.GetSubjectHierarchyNode()
    studies = {tree.GetItemParent(tree.GetItemByDataNode(node)) for node in chosen.values()}
    assert len(studies) == 1
    assert tree.GetItemLevel(studies.pop()) == "Study"
    logic = host.app.applicationLogic().GetSliceLogicByLayoutName("Red")
    composite = logic.GetSliceCompositeNode()
    assert composite.GetBackgroundVolumeID() == chosen["CT"].GetID()
    assert composite.GetForegroundVolumeID() == chosen["PET"].GetID()
    everything = " ".join(
        str(text)
        for node in chosen.values()
        for text in (node.GetName(), *map(node.GetAttribute, node.GetAttributeNames()))
    )
    for hidden in (HIDDEN_NAME, HIDDEN_ID, str(tmp_path)):
        assert hidden not in everything
    panel.close()


def test_among_several_series_the_user_chooses(host, panel, child, tmp_path):
    open_from_menu(panel, host, child, "PET: DICOM folder…", tmp_path)
    assert child.job["images"] == {"PET": str(tmp_path)}
    assert child.job["task"] == "open"
    host.answers.append('4: "WB" (20 slices)')
    series = [
        {"choice": "3", "words": '3: "NAC" (20 slices)'},
        {"choice": "4", "words": '4: "WB" (20 slices)'},
    ]
    child.ends(2, {"choose": {"role": "PET", "series": series}}, "hnc: choose one")
    assert host.wait(lambda: child.launched == 2, 10)
    assert child.job["series"] == {"PET": "4"}


def test_the_sequence_of_an_mri_is_asked_for_where_its_name_does_not_say_it(
    host, panel, child, tmp_path
):
    open_from_menu(panel, host, child, "MRI: image file…", tmp_path / "head.nrrd", "T2")
    assert child.job["images"] == {"T2": str(tmp_path / "head.nrrd")}


def test_the_sequence_in_a_files_name_is_believed(host, panel, child, tmp_path):
    open_from_menu(panel, host, child, "MRI: image file…", tmp_path / "t1_gd.nrrd")
    assert child.job["images"] == {"CE-T1": str(tmp_path / "t1_gd.nrrd")}


@pytest.mark.parametrize(
    "answers",
    [(None,), ("CT: DICOM folder…", None), ("MRI: image file…", "head.nii", None)],
)
def test_nothing_is_opened_where_the_user_thinks_better_of_it(host, panel, child, answers):
    open_from_menu(panel, host, None, *answers)
    host.wait(lambda: False, 0.2)
    assert child.launched == 0
    assert panel.inputs.images() == {}


def test_a_refusal_is_shown_and_leaves_the_scene_as_it_was(host, panel, child, tmp_path):
    before = host.scene.GetNumberOfNodes()
    open_from_menu(panel, host, child, "CT: DICOM folder…", tmp_path)
    child.ends(2, "hnc: the folder was given as CT but holds PET, no CT image")
    assert host.wait(lambda: host.messages[-1][0] == "error", 10)
    assert "holds PET, no CT image" in host.messages[-1][1]
    assert host.scene.GetNumberOfNodes() == before


def test_a_cancelled_opening_takes_back_what_it_had_put(host, tmp_path):
    """By the generator itself: one of two volumes is in the scene when it is closed."""
    from HNCLogic.panels.opening import Wanted, put

    class Opened:
        files = {"CT": "CT.nrrd", "T1": "T1.nrrd"}
        warnings = []

    for role in Opened.files:
        write_plain(tmp_path / f"{role}.nrrd", grid().image(ct_values().astype(np.float32)))
    steps = put(Opened, tmp_path, Wanted({"CT": tmp_path, "T1": tmp_path}))
    for share in steps:
        if share > 0.5:
            break
    assert host.scene.GetFirstNodeByName("CT") is not None
    steps.close()
    assert host.scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == 0


def test_inputs_and_offer_need_no_package_that_comes_later():
    """Before the user agreed to install anything, the panel fills in and shows the formula."""
    script = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "pydantic", "jinja2", "scipy", "monai", "safetensors"):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Absent())
import tempfile
from pathlib import Path
from Testing.host import desktop
host = desktop.start()
from Testing.panels.small_volumes import InputsInPanel, add_dicom_pet
panel = InputsInPanel(host)
add_dicom_pet(host, Path(tempfile.mkdtemp()))
panel.settle()
print(panel.of_offer("formulaLabel").text, host.errors)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True
    )
    assert done.stdout.startswith("SUV = Bq/ml ×"), done.stdout + done.stderr
    assert done.stdout.endswith("[]\n")
