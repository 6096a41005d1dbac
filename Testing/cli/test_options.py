"""Options that would have no effect are refused; models are opened first; ends that are no bugs."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from HNCLogic.cli import CLOSED_PIPE
from HNCLogic.refusal import in_users_words
from HNCLogic.task_commands import DIFFUSION, OFFERED, OTHERS


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("segment", "--mask", "m.nrrd"), "--mask has no effect in segment"),
        (("classify", "--mask", "m.nrrd"), "--mask has no effect in classify"),
        (("segment", "--aggregate", "mean"), "--aggregate has no effect in segment"),
        (("measure", "--threshold", "0.5"), "--threshold has no effect in measure"),
        (("measure", "--presence-model", "x"), "--presence-model has no effect in measure"),
        (("classify", "--delineation", "fixed"), "--delineation has no effect in classify"),
        (("explain", "--keep-brain"), "--keep-brain has no effect in explain"),
        (("segment", "--at", "1,2,3"), "--at has no effect with --delineation network"),
        (("analyze", "--percent", "50"), "--percent has no effect with --delineation network"),
        (("segment", "--delineation", "fixed", "--fraction", "0.4"), "--delineation adaptive"),
        (("segment", "--delineation", "fixed", "--volume-model", "x"), "--volume-model"),
        (("segment", "--delineation", "fixed", "--fast"), "--fast has no effect with"),
        (("segment", "--margin", "10", "--region", "0,200"), "--margin"),
    ],
)
def test_an_option_without_effect_is_refused(refused, patient, tmp_path, words, says):
    refused(*words, "--pet", patient.pet, "--out", tmp_path / "out", says=says)


def test_suv_by_hand_without_a_pet_is_refused(refused, patient, tmp_path):
    refused("classify", "--ct", patient.ct, "--weight", 70, "--out", tmp_path / "out", says="--pet")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"task": "segment", "mask": "m.nrrd"}, "mask"),
        ({"task": "classify", "mask": "m.nrrd"}, "mask"),
        ({"task": "analyze", "delineation": {"seeds": [[1, 2, 3]]}}, "--at"),
        ({"task": "segment", "delineation": {"method": "fixed", "fast": True}}, "--fast"),
    ],
)
def test_a_job_that_states_what_has_no_effect_is_refused(refused, patient, tmp_path, change, says):
    job = {"images": {"PET": str(patient.pet)}, "out": str(tmp_path / "out"), **change}
    (tmp_path / "job.json").write_text(json.dumps(job))
    refused("run", tmp_path / "job.json", says=says)


def test_help_offers_what_the_task_uses(hnc):
    shown = hnc("classify", "--help").out
    assert "--presence-model" in shown
    for other in ("--mask", "--delineation", "--at ", "--minimum"):
        assert other not in shown
    only_by_method = {*OTHERS, *DIFFUSION}
    assert {*OFFERED["analyze"], *only_by_method} == set().union(*OFFERED.values())


def test_fast_puts_patches_further_apart_and_the_result_says_so(
    hnc, patient, tiny_models, tmp_path
):
    words = ("segment", "--pet", patient.pet, "--ct", patient.ct, "--json")
    words += ("--volume-model", tiny_models["volume"])
    usual = hnc(*words, "--out", tmp_path / "a").json
    fast = hnc(*words, "--out", tmp_path / "b", "--fast").json
    assert any("16 slices apart instead of 8" in words for words in fast["warnings"])
    assert not any("slices apart" in words for words in usual["warnings"])
    assert "fast" in fast["provenance"]["settings"]["patches"]
    assert "patches" not in usual["provenance"]["settings"]


def test_a_margin_widens_what_was_found_and_the_result_says_so(hnc, patient, tmp_path):
    words = ("segment", "--pet", patient.pet, "--delineation", "fixed", "--json")
    plain = hnc(*words, "--out", tmp_path / "a").json
    narrow = hnc(*words, "--out", tmp_path / "b", "--margin", -30).json
    assert narrow["region"]["inferior_mm"] == pytest.approx(plain["region"]["inferior_mm"] + 30)
    assert narrow["region"]["superior_mm"] == pytest.approx(plain["region"]["superior_mm"] - 30)
    assert "-30 mm" in narrow["provenance"]["settings"]["region"]


def test_a_broken_volume_model_is_found_before_any_image_is_read(
    refused, patient, tiny_models, tmp_path, monkeypatch
):
    model = shutil.copytree(tiny_models["volume"], tmp_path / "model")
    (model / "fold-2.safetensors").write_bytes(b"cut short")
    monkeypatch.setattr("HNCLogic.steps.read", None)  # would be a TypeError
    refused("analyze", "--pet", patient.pet, "--out", tmp_path / "out", "--presence-model",
            tiny_models["presence"], "--volume-model", model, says="fold-2")  # fmt: skip


def optional_ct(tiny_models, folder):
    """The tiny model of method 1 with a second channel for a CT that need not be given."""
    import torch

    from HNCLogic.models.writing import write_model
    from HNCLogic.networks.registry import make

    torch.manual_seed(1)
    card = json.loads((tiny_models["presence"] / "model.json").read_text())
    card["network"]["arguments"] |= {"in_channels": 2, "filters": [8, 16], "dense": 32}
    card["inputs"] = [{"role": "PET"}, {"role": "CT", "required": False}]
    del card["weights"], card["format"], card["format_version"]
    network = make("presence", card["network"]["arguments"])
    write_model(folder, card | {"name": "with-ct"}, [network.state_dict()])
    return folder


def test_an_image_the_model_can_do_without_is_missed_aloud(hnc, patient, tiny_models, tmp_path):
    model = optional_ct(tiny_models, tmp_path / "with-ct")
    words = ("classify", "--pet", patient.pet, "--presence-model", model, "--json")
    alone = hnc(*words, "--out", tmp_path / "a")
    assert alone.code == 0, alone.err
    assert any("without CT, which was not given" in w for w in alone.json["warnings"])
    both = hnc(*words, "--ct", patient.ct, "--out", tmp_path / "b").json
    assert not any("without CT" in w for w in both["warnings"])
    assert both["presence"]["probability"] != alone.json["presence"]["probability"]


def test_a_ct_that_ends_early_does_not_shorten_the_outlines(hnc, patient, tiny_models, tmp_path):
    import SimpleITK as sitk

    ct = sitk.ReadImage(str(patient.ct))
    sitk.WriteImage(ct[:, :, 10:], str(tmp_path / "short.nrrd"))  # 60 mm of 240 less
    outcome = hnc("analyze", "--pet", patient.pet, "--ct", tmp_path / "short.nrrd", "--out",
                  tmp_path / "out", "--presence-model", tiny_models["presence"],
                  "--volume-model", tiny_models["volume"], "--json")  # fmt: skip
    assert outcome.code == 0, outcome.err
    result = outcome.json
    assert any("60 of the 240 mm" in w for w in result["warnings"]), result["warnings"]
    assert result["region"]["superior_mm"] - result["region"]["inferior_mm"] == pytest.approx(180)
    assert "240" not in result["region"]["found_by"]
    assert "297.0 to 537.0" in result["provenance"]["settings"]["region of the outlines"]


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't "
                     "allocate memory: you tried to allocate 9 bytes."),
        RuntimeError("itk::ERROR: Failed to allocate memory for image."),
        type("OutOfMemoryError", (RuntimeError,), {})("CUDA out of memory."),
    ],
)  # fmt: skip
def test_memory_that_does_not_suffice_is_told_with_advice(
    refused, patient, tmp_path, monkeypatch, error
):
    def full(*_):
        raise error

    monkeypatch.setattr("HNCLogic.steps.read", full)
    refused("segment", "--pet", patient.pet, "--out", tmp_path / "out", "--delineation", "fixed",
            says="--region")  # fmt: skip


def test_a_bug_of_ours_is_not_hidden():
    assert in_users_words(RuntimeError("shapes do not fit")) is None
    assert in_users_words(OSError("odd")) is None


@pytest.mark.skipif(os.name != "posix", reason="closed pipes as POSIX has them")
def test_a_reader_that_has_gone_is_no_error(patient, tmp_path):
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "HNCLogic", "suv", patient.pet, "--out", tmp_path / "pet.nrrd",
         "--json"],
        stdout=writer, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    os.close(writer)
    assert (done.returncode, done.stderr) == (CLOSED_PIPE, "")
    assert (tmp_path / "pet.nrrd").exists()


def test_no_empty_folder_where_no_picture_can_be_drawn(hnc, patient, tmp_path, monkeypatch):
    from HNCLogic.errors import InputError

    def blind(*_):
        raise InputError("nothing can be drawn here")

    monkeypatch.setattr("HNCLogic.scene.views.render_views", blind)
    outcome = hnc("segment", "--pet", patient.pet, "--out", tmp_path / "out", "--delineation",
                  "fixed", "--json")  # fmt: skip
    assert outcome.code == 0, outcome.err
    assert any("nothing can be drawn" in w for w in outcome.json["warnings"])
    assert not (tmp_path / "out" / "views").exists()
