"""Bad input gets one clear line and leaves nothing behind: every case of the list."""

import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import time

import dicom_writer as dicom
import numpy as np
import pytest
import SimpleITK as sitk

from HNCLogic.models.card import CARD_FILE


def analyze(pet, tmp_path, tiny_models, *more):
    return (
        "analyze",
        "--pet",
        pet,
        "--out",
        tmp_path / "out",
        "--presence-model",
        tiny_models["presence"],
        "--volume-model",
        tiny_models["volume"],
        *more,
    )


@pytest.fixture
def start(tmp_path, tiny_models, refused):
    """``analyze`` with the tiny models, expected to be refused."""

    def run(pet, *more, says):
        return refused(*analyze(pet, tmp_path, tiny_models, *more), says=says)

    return run


def test_missing_folder(start, tmp_path):
    start(tmp_path / "nowhere", says="nowhere")


def test_empty_folder(start, tmp_path):
    (tmp_path / "empty").mkdir()
    start(tmp_path / "empty", says="empty")


def test_text_file_called_dcm(start, tmp_path):
    folder = tmp_path / "series"
    folder.mkdir()
    (folder / "slice.dcm").write_text("This is not DICOM.\n" * 20)
    start(folder, says="slice.dcm")


def test_truncated_slice(start, tmp_path):
    paths = dicom.write_series(tmp_path / "pet", dicom.planes(8))
    paths[3].write_bytes(paths[3].read_bytes()[:-60])
    start(tmp_path / "pet", says=paths[3].name)


def test_ct_given_as_pet(start, tmp_path):
    dicom.write_series(tmp_path / "ct", dicom.ct_planes(8), modality="CT")
    start(tmp_path / "ct", says="CT")


def test_ct_file_given_as_pet(start, patient):
    start(patient.ct, says="HU")


def test_pet_in_bqml_without_weight(start, tmp_path):
    def no_weight(dataset, _index):
        del dataset.PatientWeight

    dicom.write_series(tmp_path / "pet", dicom.planes(8), change=no_weight)
    start(tmp_path / "pet", says="--weight")


def test_two_patients_in_one_folder(start, tmp_path):
    dicom.write_series(tmp_path / "both", dicom.planes(8))
    dicom.write_series(
        tmp_path / "both",
        dicom.planes(8),
        patient_id="OTHER",
        name="Other^One",
        prefix="b",
        number=4,
    )
    line = start(tmp_path / "both", says="patients")
    assert "OTHER" not in line


def test_pet_and_ct_that_do_not_overlap(start, patient, tmp_path):
    ct = sitk.ReadImage(str(patient.ct))
    ct.SetOrigin((900.0, 0.0, -2000.0))
    sitk.WriteImage(ct, str(tmp_path / "far.nrrd"))
    start(patient.pet, "--ct", tmp_path / "far.nrrd", says="overlap")


def test_volume_of_one_slice(start, tmp_path):
    sitk.WriteImage(sitk.Image(20, 20, 1, sitk.sitkFloat32), str(tmp_path / "one.nrrd"))
    start(tmp_path / "one.nrrd", says="slice")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nan_or_infinity_in_voxels(start, patient, tmp_path, value):
    image = sitk.ReadImage(str(patient.pet))
    image[3, 4, 5] = float(value)
    sitk.WriteImage(image, str(tmp_path / "bad.nrrd"))
    start(tmp_path / "bad.nrrd", says="bad.nrrd")


def test_mask_on_another_grid(refused, patient, tmp_path):
    mask = sitk.ReadImage(str(patient.mask))
    mask.SetSpacing((4.0, 4.0, 6.0))
    sitk.WriteImage(mask, str(tmp_path / "mask.nrrd"))
    refused(
        "measure",
        "--pet",
        patient.pet,
        "--mask",
        tmp_path / "mask.nrrd",
        "--out",
        tmp_path / "out",
        says="grid",
    )


def broken(tiny_models, tmp_path):
    return shutil.copytree(tiny_models["presence"], tmp_path / "model")


def classify(refused, patient, tmp_path, model, says):
    refused(
        "classify",
        "--pet",
        patient.pet,
        "--out",
        tmp_path / "out",
        "--presence-model",
        model,
        says=says,
    )


def test_model_with_a_wrong_hash(refused, patient, tmp_path, tiny_models):
    model = broken(tiny_models, tmp_path)
    weights = model / "fold-2.safetensors"
    held = bytearray(weights.read_bytes())
    held[-1] ^= 1
    weights.write_bytes(held)
    classify(refused, patient, tmp_path, model, "fold-2.safetensors")


def test_model_with_a_missing_fold(refused, patient, tmp_path, tiny_models):
    model = broken(tiny_models, tmp_path)
    (model / "fold-2.safetensors").unlink()
    classify(refused, patient, tmp_path, model, "fold-2.safetensors")


def test_model_with_an_unknown_network(refused, patient, tmp_path, tiny_models):
    model = broken(tiny_models, tmp_path)
    card = json.loads((model / CARD_FILE).read_text())
    card["network"]["name"] = "resnet-of-tomorrow"
    (model / CARD_FILE).write_text(json.dumps(card))
    classify(refused, patient, tmp_path, model, "unknown network")


def test_model_with_a_pickle(refused, patient, tmp_path, tiny_models):
    model = broken(tiny_models, tmp_path)
    (model / "extra.pkl").write_bytes(pickle.dumps({"a": 1}))
    classify(refused, patient, tmp_path, model, "extra.pkl")


def test_model_for_another_method(refused, patient, tmp_path, tiny_models):
    classify(refused, patient, tmp_path, tiny_models["volume"], "tumour-volume")


def test_output_folder_that_holds_something(refused, patient, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("mine")
    for more in ([], ["--overwrite"]):
        refused("segment", "--pet", patient.pet, "--out", tmp_path / "out", "--delineation",
                "fixed", *more, says=str(tmp_path / "out"))  # fmt: skip
    assert (tmp_path / "out" / "thesis.txt").read_text() == "mine"


def test_output_that_cannot_be_written(refused, patient, tmp_path):
    (tmp_path / "file").write_text("a file is no folder")
    refused("segment", "--pet", patient.pet, "--out", tmp_path / "file" / "out", "--delineation",
            "fixed", says="file")  # fmt: skip


@pytest.mark.skipif(os.name != "posix", reason="a process's largest file is limited on POSIX only")
def test_full_disk(patient, tmp_path):
    """The write itself fails half-way, as on a full disk."""
    import resource

    def small_files():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    done = subprocess.run(
        [sys.executable, "-m", "HNCLogic", "segment", "--pet", patient.pet, "--out",
         tmp_path / "out", "--delineation", "fixed"],
        capture_output=True, text=True, preexec_fn=small_files,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert done.stderr.startswith("hnc: ")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_stopped_half_way(patient, tiny_models, tmp_path, sent):
    job = tmp_path / "job.json"
    asked = {
        "task": "analyze",
        "images": {"PET": str(patient.pet)},
        "out": str(tmp_path / "out"),
        "presence_model": str(tiny_models["slow"]),
        "volume_model": str(tiny_models["volume"]),
    }
    job.write_text(json.dumps(asked))
    child = subprocess.Popen(
        [sys.executable, "-m", "HNCLogic", "run", job],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    for line in child.stdout:
        if "network 2 of 60" in line:  # weights read, many more to come
            break
    child.send_signal(sent)
    began = time.monotonic()
    _, complaint = child.communicate(timeout=30)
    assert child.returncode == 130, complaint
    assert complaint.startswith("hnc: stopped")
    assert time.monotonic() - began < 10
    assert sorted(p.name for p in tmp_path.iterdir()) == ["job.json"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["analyze"], "--out"),
        (["analyse"], "analyse"),
        (["analyze", "--out", "x", "--aggregate", "best"], "aggregat"),
        (["analyze", "--out", "x", "--threshold", "1.5"], "threshold"),
        (["analyze", "--out", "x", "--region", "low,high"], "--region"),
        (["analyze", "--out", "x", "--delineation", "magic"], "method"),
        (["analyze", "--out", "x", "--at", "1,2"], "--at"),
        (["analyze", "--out", "x", "--series", "PET"], "--series"),
        (["segment", "--out", "x"], "no image"),
        (["models", "show", "nobody"], "nobody"),
        (["run", "nowhere.json"], "nowhere.json"),
    ],
)
def test_wrong_options(refused, words, says):
    refused(*words, says=says)


def test_a_job_that_does_not_fit(refused, tmp_path):
    job = tmp_path / "job.json"
    job.write_text('{"task": "analyze", "images": {}, "out": "x", "weights": "evil.pkl"}')
    refused("run", job, says="weights")
    job.write_text("not json")
    refused("run", job, says="job.json")
