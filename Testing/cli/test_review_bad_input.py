"""More bad input: each gets one line. And output that a limit cuts short is no success."""

import json
import os
import shutil
import signal
import subprocess
import sys

import dicom_writer as dicom
import pytest
import SimpleITK as sitk

OUTLINE = ("--delineation", "fixed")


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (("--at", "nan,0,300"), "--at"),
        (("--region", "nan,nan"), "--region"),
        (("--region", "310,320"), "less than 20 mm"),
        (("--minimum", "inf"), "minimum"),
        (("--pet-units", "BQML", "--dose", "inf"), "dose"),
    ],
)
def test_numbers_that_are_none(refused, patient, tmp_path, more, says):
    refused("segment", "--pet", patient.pet, "--out", tmp_path / "out", *OUTLINE, *more, says=says)


def test_a_segmentation_whose_header_is_off(refused, patient, tmp_path):
    held = patient.mask.read_bytes()
    header, _, voxels = held.partition(b"\n\n")
    words = b"\nSegment0_LabelValue:=one\nSegment0_Tags:=x|\n\n"
    (tmp_path / "odd.seg.nrrd").write_bytes(header + words + voxels)
    refused("measure", "--pet", patient.pet, "--mask", tmp_path / "odd.seg.nrrd",
            "--out", tmp_path / "out", says="Segment0_LabelValue")  # fmt: skip


def test_a_mask_that_does_not_fit_is_told_before_the_networks_run(
    refused, patient, tiny_models, tmp_path, monkeypatch
):
    mask = sitk.ReadImage(str(patient.mask))
    mask.SetSpacing((4.0, 4.0, 6.0))
    sitk.WriteImage(mask, str(tmp_path / "mask.nrrd"))
    monkeypatch.setattr("HNCLogic.explain.grad_cam.heat_stack", None)  # would be a TypeError
    refused("explain", "--pet", patient.pet, "--mask", tmp_path / "mask.nrrd", "--out",
            tmp_path / "out", "--presence-model", tiny_models["presence"], says="grid")  # fmt: skip


def test_a_volume_model_with_other_inputs(refused, patient, tiny_models, tmp_path):
    model = shutil.copytree(tiny_models["volume"], tmp_path / "model")
    card = json.loads((model / "model.json").read_text())
    card["inputs"] = card["inputs"][::-1]
    (model / "model.json").write_text(json.dumps(card))
    refused("segment", "--pet", patient.pet, "--ct", patient.ct, "--out", tmp_path / "out",
            "--volume-model", model, says="takes CT, PET")  # fmt: skip


@pytest.mark.skipif(os.name != "posix", reason="a process's largest file is limited on POSIX only")
@pytest.mark.parametrize("ending", [".nrrd", ".nii.gz", ".mha"])
def test_suv_cut_short_is_no_success(patient, tmp_path, ending):
    import resource

    def small_files():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    done = subprocess.run(
        [sys.executable, "-m", "HNCLogic", "suv", patient.pet, "--out", tmp_path / f"pet{ending}"],
        capture_output=True, text=True, preexec_fn=small_files,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert done.stderr.startswith("hnc: ")
    assert list(tmp_path.iterdir()) == []


def test_suv_says_what_was_found_while_reading_and_that_it_is_for_research(hnc, tmp_path):
    paths = dicom.write_series(tmp_path / "pet", dicom.planes(8))
    shown = hnc("suv", tmp_path / "pet", "--out", tmp_path / "whole.nrrd")
    assert "research" in shown.out.lower()
    sitk.WriteImage(sitk.ReadImage([str(p) for p in paths]), str(tmp_path / "file.nrrd"))
    held = (tmp_path / "file.nrrd").read_bytes().replace(b"space: left-posterior-superior\n", b"")
    held = held.replace(b"space origin", b"# origin").replace(b"space directions", b"# directions")
    (tmp_path / "file.nrrd").write_bytes(held)
    outcome = hnc("suv", tmp_path / "file.nrrd", "--out", tmp_path / "out.nrrd", "--json",
                  "--pet-units", "SUVbw")  # fmt: skip
    assert outcome.code == 0, outcome.err
    assert any("left and right" in word for word in outcome.json["warnings"])
    assert json.loads((tmp_path / "out.json").read_text()) == outcome.json


def test_answers_go_to_a_pipe_as_utf8_whatever_the_console_speaks(patient, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "HNCLogic", "suv", patient.pet, "--out", tmp_path / "pet.nrrd",
         "--json"],
        capture_output=True, env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "×" in json.loads(done.stdout.decode("utf-8"))["formula"]


@pytest.mark.skipif(not hasattr(os, "wait4"), reason="the system tells no peak memory")
def test_the_benchmarks_peak_is_the_childs_own():
    from HNCLogic.benchmark.patient import _child

    held = bytearray(300_000_000)
    held[::4096] = b"x" * len(held[::4096])
    out, err, code, peak = _child([sys.executable, "-c", "print('here'); raise SystemExit(2)"])
    assert (out, err, code) == ("here\n", "", 2)
    assert 0.001 < peak < 0.2


@pytest.mark.parametrize(("spacing", "says"), [(500.0, "16000"), (0.005, "0.16")])
def test_spacing_in_another_unit(refused, patient, tmp_path, spacing, says):
    image = sitk.ReadImage(str(patient.pet))
    image.SetSpacing((spacing,) * 3)
    sitk.WriteImage(image, str(tmp_path / "pet.nrrd"))
    refused("segment", "--pet", tmp_path / "pet.nrrd", "--out", tmp_path / "out", *OUTLINE,
            "--pet-units", "SUVbw", says=says)  # fmt: skip


def test_a_path_longer_than_the_system_allows(refused, patient, tmp_path):
    name = "x" * 400
    refused("segment", "--pet", name, "--out", tmp_path / "out", *OUTLINE, says="too long")
    refused("suv", patient.pet, "--out", tmp_path / f"{name}.nrrd", says="too long")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ('"region_mm": [NaN, 1]', "region_mm.0"),
        ('"delineation": {"minimum_ml": 1e999}', "delineation.minimum_ml"),
        ('"mask": "a\\u0000b"', "mask"),
    ],
)
def test_a_job_with_values_that_no_command_line_gives(refused, patient, tmp_path, change, says):
    job = tmp_path / "job.json"
    images = json.dumps({"PET": str(patient.pet)})
    job.write_text(f'{{"task": "segment", "images": {images}, "out": "x", {change}}}')
    refused("run", job, says=says)
