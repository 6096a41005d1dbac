"""The offer to convert a PET to SUV: what it says, what it asks the child for, what comes of it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from HNCLogic.images.plain_nrrd import write_plain
from HNCLogic.images.read import read_image
from HNCLogic.images.suv import suv_factors
from HNCLogic.job import SuvByHand, SuvRecord
from Testing.panels.handed_in_child import HandedInChild
from Testing.panels.small_volumes import (
    UID,
    InputsInPanel,
    add,
    add_dicom_pet,
    bqml_values,
    ct_values,
    grid,
)
from Testing.unit.dicom_writer import HIDDEN_ID, HIDDEN_NAME, pet_header

SLOPES = np.linspace(0.5, 2.0, 20)


@pytest.fixture
def child() -> HandedInChild:
    return HandedInChild()


@pytest.fixture
def panel(host, child):
    shown = InputsInPanel(host, child)
    yield shown
    shown.close()


def convert(panel, child: HandedInChild) -> dict:
    """Press "Convert to SUV"; the job that the child is given."""
    panel.of_offer("runButton").click()
    assert panel.host.wait(lambda: child.launched > 0, 10), panel.host.messages
    return child.job


def comes_back(panel, child: HandedInChild, by_hand: dict | None = None) -> SuvRecord:
    """The child writes an image and its record, as it would, and ends well."""
    factors, record = suv_factors([pet_header()], SuvByHand(**(by_hand or {})))
    values = (bqml_values() * factors[0]).astype(np.float32)
    child.succeeds(
        lambda out: write_plain(out / "PET.nrrd", grid().image(values)),
        suv=record,
        files={"result": "result.json", "PET": "PET.nrrd"},
    )
    assert panel.host.wait(lambda: not panel.inputs.offer.controls.running, 20)
    panel.settle()
    return record


def test_a_dicom_pet_in_bqml_is_converted_from_its_own_files(host, tmp_path):
    """A real child: per-slice factors, a new volume in the same study, the formula shown."""
    from HNCLogic.panels.volume_facts import record
    from HNCLogic.scene.volumes import image_of

    panel = InputsInPanel(host)
    pet = add_dicom_pet(host, tmp_path, SLOPES)
    ct = add(host.scene, "CT", ct_values())
    tree = host.scene.GetSubjectHierarchyNode()
    study = tree.CreateStudyItem(tree.GetSceneItemID(), "a study")
    for node in (pet, ct):
        tree.SetItemParent(tree.GetItemByDataNode(node), study)
    panel.settle()
    assert panel.node.pet is pet
    assert panel.inputs.whyNotReady() == "The PET is not in SUV yet: convert it first."
    assert panel.of_offer("headline").text == "This PET is in Bq/ml, not in SUV"
    assert panel.texts() == {
        "weight": "70",
        "dose": "350",
        "injected": "10:00:00",
        "reference": "11:00:00",
        "halfLife": "109.77",
    }
    panel.of_offer("weightEdit").text = "82,5"
    assert "By hand: weight." in panel.of_offer("formulaLabel").text
    panel.of_offer("runButton").click()
    assert host.wait(lambda: panel.node.pet is not pet, 60), host.messages
    panel.settle()

    made = panel.node.pet
    expected = read_image(tmp_path / "pet", "PET", by_hand=SuvByHand(weight_kg=82.5))
    np.testing.assert_array_equal(
        sitk.GetArrayFromImage(image_of(made)), sitk.GetArrayFromImage(expected.image)
    )
    assert record(made) == expected.suv.model_dump(mode="json")
    assert made.GetName() == "3: PET WB SUVbw"
    assert tree.GetItemParent(tree.GetItemByDataNode(made)) == study
    assert pet.GetScene() is not None
    assert panel.inputs.images() == {"PET": made, "CT": ct}
    assert panel.inputs.whyNotReady() == ""
    said = panel.of_offer("foundLabel").text
    assert expected.suv.formula in said
    assert "By hand: weight." in said
    told = " ".join(text for _kind, text in host.messages) + made.GetAttribute("HNC.SuvRecord")
    for hidden in (HIDDEN_NAME, HIDDEN_ID, str(tmp_path)):
        assert hidden not in told
    panel.close()


def test_the_job_is_given_the_series_and_only_what_was_changed(host, panel, child, tmp_path):
    add_dicom_pet(host, tmp_path)
    panel.settle()
    panel.of_offer("injectedEdit").text = "10:05"
    job = convert(panel, child)
    assert job["task"] == "open"
    assert job["images"] == {"PET": str(tmp_path / "pet")}
    assert job["series"] == {"PET": UID}
    assert job["suv"] == {"injected": "10:05:00"}


def test_correct_reopens_the_fields_as_they_were_given(host, panel, child, tmp_path):
    pet = add_dicom_pet(host, tmp_path)
    panel.settle()
    panel.of_offer("weightEdit").text = "82.5"
    convert(panel, child)
    comes_back(panel, child, {"weight_kg": 82.5})
    first = panel.node.pet
    assert not panel.of_offer("weightEdit").visible
    panel.of_offer("correctButton").click()
    panel.settle()
    assert panel.texts()["weight"] == "82.5"
    assert "By hand: weight." in panel.of_offer("formulaLabel").text
    panel.of_offer("closeButton").click()
    assert not panel.of_offer("weightEdit").visible
    panel.of_offer("correctButton").click()
    panel.settle()
    panel.of_offer("weightEdit").text = "70"
    panel.of_offer("doseEdit").text = "340"
    child.launched = 0
    assert convert(panel, child)["suv"] == {"dose_mbq": 340.0}
    comes_back(panel, child, {"dose_mbq": 340.0})
    assert panel.node.pet not in (pet, first)
    assert panel.node.pet.GetName() == "3: PET WB SUVbw_1"
    assert panel.node.pet.GetNodeReference("HNC.SuvSource") is pet


def test_a_transform_over_the_pet_lies_over_the_converted_one(host, panel, child, tmp_path):
    pet = add_dicom_pet(host, tmp_path)
    moved = host.scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "registration")
    pet.SetAndObserveTransformNodeID(moved.GetID())
    panel.settle()
    assert convert(panel, child)["images"] == {"PET": str(tmp_path / "pet")}
    comes_back(panel, child)
    assert panel.node.pet.GetTransformNodeID() == moved.GetID()


@pytest.mark.parametrize("gone", ["files", "cropped"])
def test_without_its_own_files_the_volume_itself_is_handed_over(host, panel, child, tmp_path, gone):
    if gone == "files":
        pet = add(host.scene, "PET", bqml_values())
    else:  # the files hold more than the volume
        pet = add_dicom_pet(host, tmp_path)
        small = bqml_values()[2:]
        other = add(host.scene, "x", small)
        pet.SetAndObserveImageData(other.GetImageData())
        host.scene.RemoveNode(other)
    panel.node.pet = pet
    panel.settle()
    assert panel.of_offer("formulaLabel").text == (
        "Still missing: weight, injected dose, time of injection, start of the scan."
    )
    assert not panel.of_offer("runButton").enabled
    for name, text in {
        "weight": "70",
        "dose": "350",
        "injected": "10:00",
        "reference": "11:00",
    }.items():
        panel.of_offer(f"{name}Edit").text = text
    assert panel.of_offer("runButton").enabled
    job = convert(panel, child)
    assert Path(job["images"]["PET"]).name == "PET.nrrd"
    assert job["suv"] == {
        "units": "BQML",
        "weight_kg": 70.0,
        "dose_mbq": 350.0,
        "injected": "10:00:00",
        "scan_started": "11:00:00",
        "half_life_s": pytest.approx(6586.2),
        "decay_correction": "START",
    }
    handed = read_image(Path(job["images"]["PET"]), "PET", by_hand=SuvByHand(**job["suv"]))
    factors, _ = suv_factors([pet_header()])
    assert handed.suv.factor_max == pytest.approx(float(factors[0]), rel=1e-6)


def test_units_that_are_not_known_are_never_guessed(host, panel):
    panel.node.pet = add(host.scene, "scan", bqml_values(largest=17500).astype(np.float32) * 2)
    panel.settle()
    assert panel.of_offer("headline").text == "The units of this PET are not known"
    said = panel.of_offer("foundLabel").text.replace("\N{NO-BREAK SPACE}", " ")
    assert said == "Its largest value is 35 000: probably Bq/ml."
    panel.node.pet = add(host.scene, "SUV", bqml_values().astype(np.float32) / 2000)
    panel.settle()
    assert panel.of_offer("foundLabel").text == "Its largest value is 15: probably SUVbw already."
    assert panel.inputs.whyNotReady() == "The PET is not in SUV yet: convert it first."


def test_it_is_suv_already_and_taken_back(host, panel):
    from HNCLogic.panels.roles import is_suv

    pet = add(host.scene, "SUV", bqml_values().astype(np.float32) / 2000)
    panel.node.pet = pet
    panel.settle()
    panel.of_offer("isSuvButton").click()
    assert is_suv(pet)
    assert panel.inputs.whyNotReady() == ""
    record = SuvRecord.model_validate(json.loads(pet.GetAttribute("HNC.SuvRecord")))
    assert record.given_by_hand == ["units"]
    assert record.suv_max == pytest.approx(15.0)
    assert "as stated by hand" in record.formula
    assert pet.GetVoxelValueUnits().GetCodeValue() == "{SUVbw}g/ml"
    assert panel.inputs.settings() == {"suv": {}}
    assert panel.of_offer("headline").text == "SUVbw, as you said"
    panel.of_offer("correctButton").click()
    assert not is_suv(pet)
    assert panel.inputs.whyNotReady() == "The PET is not in SUV yet: convert it first."
    assert panel.of_offer("isSuvButton").visible


def test_bad_text_is_said_at_its_field_and_nothing_can_be_converted(host, panel, child, tmp_path):
    add_dicom_pet(host, tmp_path)
    panel.settle()
    panel.of_offer("doseEdit").text = "35o"
    assert panel.of_offer("doseProblem").text == "This is not a number."
    assert panel.of_offer("doseProblem").visible
    assert not panel.of_offer("runButton").enabled
    panel.of_offer("doseEdit").text = "351"
    assert not panel.of_offer("doseProblem").visible
    assert panel.of_offer("runButton").enabled


def test_a_header_without_weight_names_it_and_asks_for_it(host, panel, child, tmp_path):
    def unknown(dataset, _index):
        dataset.PatientWeight = None

    add_dicom_pet(host, tmp_path, change=unknown)
    panel.settle()
    assert panel.of_offer("formulaLabel").text == "Still missing: weight."
    panel.of_offer("weightEdit").text = "64"
    assert convert(panel, child)["suv"] == {"weight_kg": 64.0}


def test_values_corrected_to_the_injection_need_no_time(host, panel, child, tmp_path):
    def to_injection(dataset, _index):
        dataset.DecayCorrection = "ADMIN"

    add_dicom_pet(host, tmp_path, change=to_injection)
    panel.settle()
    assert panel.of_offer("decayCombo").currentText == "to the injection"
    assert not panel.of_offer("referenceEdit").enabled
    assert "÷ 350.0" in panel.of_offer("formulaLabel").text
    assert convert(panel, child)["suv"] == {}


def test_suv_by_lean_mass_needs_no_dose(host, panel, child, tmp_path):
    def by_lean_mass(dataset, _index):
        dataset.Units, dataset.SUVType = "GML", "LBM"
        del dataset.DecayCorrection

    add_dicom_pet(host, tmp_path, change=by_lean_mass)
    panel.settle()
    assert panel.of_offer("headline").text == "This PET is in GML (LBM), not in SUVbw"
    assert panel.of_offer("runButton").enabled
    assert convert(panel, child)["suv"] == {}


def test_of_a_restored_scene_weight_and_dose_can_be_put_right(host, panel, child):
    """Neither files nor Bq/ml are left: the SUVs are scaled, as their record allows."""
    from HNCLogic.scene.volumes import mark_as_suv

    _, record = suv_factors([pet_header()])
    pet = add(host.scene, "PET SUVbw", bqml_values().astype(np.float32) / 3000)
    pet.SetAttribute("HNC.SuvRecord", record.model_dump_json())
    mark_as_suv(pet)
    panel.node.pet = pet
    panel.settle()
    panel.of_offer("correctButton").click()
    panel.settle()
    assert not panel.of_offer("injectedEdit").enabled
    panel.of_offer("weightEdit").text = "77"
    job = convert(panel, child)
    assert job["suv"] == {"weight_kg": 77.0}
    handed = read_image(Path(job["images"]["PET"]), "PET", by_hand=SuvByHand(**job["suv"]))
    assert handed.suv.factor_max == pytest.approx(record.factor_max * 1.1)


def test_a_file_that_lacks_what_suv_needs_gets_the_fields(host, panel, child, tmp_path):
    from Testing.unit.dicom_writer import write_series

    def unknown(dataset, _index):
        dataset.PatientWeight = None

    folder = tmp_path / "pet"
    write_series(folder, bqml_values(), change=unknown)
    host.answers.extend(["PET: DICOM folder…", folder])
    import slicer

    slicer.util.findChild(panel.part("openingWidget"), name="runButton").click()
    assert host.wait(lambda: child.launched > 0, 10)
    child.ends(2, "hnc: SUV cannot be computed, what is missing is the weight (--weight KG)")
    panel.settle()
    assert host.messages[-1] == (
        "error",
        "SUV cannot be computed, what is missing is the weight",
    )
    assert panel.of_offer("headline").text == "This PET cannot be opened as SUV yet"
    assert panel.texts()["dose"] == "350"
    assert panel.of_offer("formulaLabel").text == "Still missing: weight."
    panel.of_offer("weightEdit").text = "70"
    child.launched = 0
    job = convert(panel, child)
    assert (job["images"], job["suv"]) == ({"PET": str(folder)}, {"weight_kg": 70.0})
    comes_back(panel, child, {"weight_kg": 70.0})
    assert panel.node.pet.GetName() == "PET SUVbw"
    panel.of_offer("correctButton").click()
    panel.settle()
    assert panel.texts()["weight"] == "70"
    assert panel.of_offer("injectedEdit").enabled  # the folder is still known


def test_a_refused_conversion_leaves_the_fields_to_be_put_right(host, panel, child, tmp_path):
    pet = add_dicom_pet(host, tmp_path)
    panel.settle()
    convert(panel, child)
    assert not panel.of_offer("weightEdit").enabled
    child.ends(2, "hnc: the PET is not attenuation-corrected")
    panel.settle()
    assert host.messages[-1] == ("error", "The PET is not attenuation-corrected")
    assert panel.of_offer("weightEdit").enabled
    assert panel.node.pet is pet


def test_closing_the_scene_ends_a_conversion(host, panel, child, tmp_path):
    add_dicom_pet(host, tmp_path)
    panel.settle()
    convert(panel, child)
    panel.inputs.setParameterNode(None)
    host.close_scene()
    panel.settle()
    assert not panel.inputs.offer.controls.running
    assert not panel.inputs.offer.widget.visible
    assert child.process.asked
