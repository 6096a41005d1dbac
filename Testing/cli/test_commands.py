"""The commands, run as a user would, on a small patient and on DICOM."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import dicom_writer as dicom
import numpy as np
import pytest
import SimpleITK as sitk

from HNCLogic.job import Result

WRITTEN = {
    "result.json", "report.html", "lesions.csv", "segmentation.seg.nrrd", "heatmap.nrrd",
    "scene.mrb",
}  # fmt: skip


def test_analyze_writes_everything(hnc, patient, tiny_models, tmp_path):
    out = tmp_path / "deep" / "out"
    outcome = hnc(
        "analyze", "--pet", patient.pet, "--ct", patient.ct, "--out", out, "--mask", patient.mask,
        "--presence-model", tiny_models["presence"], "--volume-model", tiny_models["volume"],
        "--json",
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    result = Result.model_validate_json(outcome.out)
    assert {path.name for path in out.iterdir()} >= WRITTEN
    assert Result.model_validate_json((out / "result.json").read_text()) == result
    assert 0 <= result.presence.probability <= 1
    assert len(result.presence.folds) == 2
    assert result.explanation.slices
    assert any(s.annotated for s in result.explanation.slices)
    for name in [*result.files.values(), *result.views.values()]:
        assert (out / name).stat().st_size > 0
    assert len(result.views) >= 3
    heat = sitk.ReadImage(str(out / "heatmap.nrrd"))
    assert heat.GetSize() == sitk.ReadImage(str(patient.pet)).GetSize()
    assert "research" in (out / "report.html").read_text().lower()


def test_thresholds_measure_the_ball(hnc, patient, tmp_path):
    outcome = hnc("segment", "--pet", patient.pet, "--out", tmp_path / "out", "--delineation",
                  "percent", "--percent", 41, "--json")  # fmt: skip
    assert outcome.code == 0, outcome.err
    result = Result.model_validate_json(outcome.out)
    assert "41 %" in result.delineation
    (lesion,) = result.lesions
    truth = np.count_nonzero(sitk.GetArrayFromImage(sitk.ReadImage(str(patient.mask)))) * 0.15
    assert lesion.mtv_ml == pytest.approx(truth, rel=0.01)
    assert lesion.suv_max == pytest.approx(8.0, abs=0.3)
    assert lesion.side == "left"
    assert lesion.centroid_ras == pytest.approx(patient.lesion_ras, abs=4)
    with (tmp_path / "out" / "lesions.csv").open(encoding="utf-8-sig") as file:
        assert len(list(csv.reader(file))) >= 2


def test_a_seed_outlines_only_its_lesion(hnc, patient, tmp_path):
    place = ",".join(f"{v:g}" for v in patient.lesion_ras)
    outcome = hnc("segment", "--pet", patient.pet, "--out", tmp_path / "out", "--delineation",
                  "adaptive", "--at", place, "--json")  # fmt: skip
    assert outcome.code == 0, outcome.err
    assert len(outcome.json["lesions"]) == 1


def test_measure_agrees_with_what_segment_wrote(hnc, patient, tmp_path):
    hnc("segment", "--pet", patient.pet, "--out", tmp_path / "a", "--delineation", "fixed",
        "--suv", 4)  # fmt: skip
    outcome = hnc("measure", "--pet", patient.pet, "--mask",
                  tmp_path / "a" / "segmentation.seg.nrrd", "--out", tmp_path / "b",
                  "--json")  # fmt: skip
    assert outcome.code == 0, outcome.err
    first = json.loads((tmp_path / "a" / "result.json").read_text())
    assert outcome.json["lesions"] == first["lesions"]


def test_pet_alone_is_enough(hnc, patient, tiny_models, tmp_path):
    outcome = hnc(
        "analyze", "--pet", patient.pet, "--out", tmp_path / "out", "--json",
        "--presence-model", tiny_models["presence"], "--volume-model", tiny_models["volume"],
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    assert any("without CT" in warning for warning in outcome.json["warnings"])


def test_majority_gives_a_verdict_without_a_probability(hnc, patient, tiny_models, tmp_path):
    outcome = hnc("classify", "--pet", patient.pet, "--out", tmp_path / "out", "--aggregate",
                  "majority", "--presence-model", tiny_models["presence"], "--json")  # fmt: skip
    assert outcome.json["presence"]["probability"] is None
    assert outcome.json["presence"]["verdict"] in ("positive", "negative")


def test_overwrite_replaces_our_own_output(hnc, patient, tmp_path):
    words = ("segment", "--pet", patient.pet, "--out", tmp_path / "out", "--delineation", "fixed")
    assert hnc(*words).code == 0
    assert hnc(*words).code == 2
    assert hnc(*words, "--overwrite").code == 0


def test_suv_of_dicom_with_its_record_beside(hnc, tmp_path):
    stored = dicom.planes(8)
    slopes = np.linspace(0.5, 3, 8)
    dicom.write_series(tmp_path / "pet", stored, slopes=slopes)
    outcome = hnc("suv", tmp_path / "pet", "--out", tmp_path / "pet.nrrd", "--json")
    assert outcome.code == 0, outcome.err
    record = json.loads((tmp_path / "pet.json").read_text())
    assert record == outcome.json
    # 350 MBq an hour before, 70 kg: worked out by hand.
    factor = 70_000 / (350e6 * 2 ** (-3600 / 6586.2))
    expected = stored.astype(float) * slopes[:, None, None] * factor
    written = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "pet.nrrd")))
    assert written == pytest.approx(expected, rel=0.01)
    again = hnc("suv", tmp_path / "pet", "--out", tmp_path / "pet.nrrd")
    assert again.code == 2


def test_a_record_that_cannot_be_written_leaves_the_earlier_image(hnc, patient, tmp_path):
    out, record = tmp_path / "pet.nrrd", tmp_path / "pet.json"
    assert hnc("suv", patient.pet, "--out", out, "--pet-units", "SUVbw").code == 0
    assert "Research use only" in json.loads(record.read_text())["research_use"]
    before = out.read_bytes()
    record.unlink()
    record.mkdir()
    outcome = hnc("suv", patient.pet, "--out", out, "--pet-units", "SUVbw", "--overwrite")
    assert outcome.code == 2
    assert "pet.json is a folder" in outcome.err
    assert out.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pet.json", "pet.nrrd"]


def test_weight_by_hand_scales_suv_and_is_recorded(hnc, tmp_path):
    dicom.write_series(tmp_path / "pet", dicom.planes(8))
    plain = hnc("suv", tmp_path / "pet", "--out", tmp_path / "a.nrrd", "--json").json
    heavy = hnc("suv", tmp_path / "pet", "--out", tmp_path / "b.nrrd", "--weight", 140, "--json")
    assert heavy.json["suv_max"] == pytest.approx(2 * plain["suv_max"], rel=1e-4)
    assert any("weight" in word for word in heavy.json["given_by_hand"])


def test_suv_file_and_record_are_read_back_without_a_warning(hnc, tmp_path):
    dicom.write_series(tmp_path / "pet", dicom.planes(40, 32, 32))
    hnc("suv", tmp_path / "pet", "--out", tmp_path / "pet.nrrd")
    outcome = hnc("segment", "--pet", tmp_path / "pet.nrrd", "--out", tmp_path / "out",
                  "--delineation", "fixed", "--json")  # fmt: skip
    assert outcome.code == 0, outcome.err
    assert outcome.json["suv"]["weight_kg"] == 70


def test_names_and_ids_stay_out_of_everything(hnc, tiny_models, tmp_path):
    dicom.write_series(tmp_path / "pet", dicom.planes(40, 32, 32))
    outcome = hnc("analyze", "--pet", tmp_path / "pet", "--out", tmp_path / "out", "--delineation",
                  "fixed", "--presence-model", tiny_models["presence"], "--json")  # fmt: skip
    assert outcome.code == 0, outcome.err
    held = outcome.out.encode() + outcome.err.encode()
    for path in (tmp_path / "out").rglob("*"):
        if path.is_file():
            held += path.name.encode() + path.read_bytes()
    for hidden in (b"Zephyrine", b"Quill", b"ZQ-4711"):
        assert hidden not in held


def test_run_prints_progress_and_the_result(patient, tmp_path):
    job = {
        "task": "segment",
        "images": {"PET": str(patient.pet)},
        "out": str(tmp_path / "out"),
        "delineation": {"method": "fixed"},
    }
    (tmp_path / "job.json").write_text(json.dumps(job))
    done = subprocess.run(
        [sys.executable, "-m", "HNCLogic", "run", tmp_path / "job.json"],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    shares = [line["progress"] for line in lines[:-1]]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    Result.model_validate_json(Path(lines[-1]["result"]).read_text())


def test_help_and_import_load_nothing_heavy():
    code = (
        "import sys; import HNCLogic.cli, HNCLogic.job, HNCLogic.run; "
        "print([m for m in ('torch','monai','slicer','vtk','matplotlib','pandas','sklearn','scipy')"
        " if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_shipped_models_are_listed_and_whole(hnc):
    listed = hnc("models", "list", "--json")
    assert listed.code == 0
    for name, words in (
        ("presence-pet", "no real head-and-neck PET"),
        ("tumour-volume-petct", "no real head-and-neck PET"),
        ("parotid-mri", "no real patient"),
    ):
        assert name in listed.out
        shown = hnc("models", "show", name)
        assert shown.code == 0
        assert words in " ".join(shown.out.split())


def test_measure_keeps_the_users_own_outlines(hnc, patient, tmp_path):
    """Two touching nodes under values of their own stay two, one in two parts stays one."""
    mask = sitk.ReadImage(str(patient.mask), sitk.sitkUInt8)
    values = sitk.GetArrayFromImage(mask)
    inside = np.argwhere(values > 0)
    half = int(np.median(inside[:, 0]))
    values[values > 0] = 2
    values[half:][values[half:] > 0] = 3
    z, y, x = inside[0]
    values[z, y, (x + 12) % values.shape[2]] = 2
    own = sitk.GetImageFromArray(values)
    own.CopyInformation(mask)
    sitk.WriteImage(own, str(tmp_path / "own.nrrd"))
    outcome = hnc("measure", "--pet", patient.pet, "--mask", tmp_path / "own.nrrd", "--out",
                  tmp_path / "out", "--json")  # fmt: skip
    assert outcome.code == 0, outcome.err
    found = outcome.json["lesions"]
    assert [lesion["kind"] for lesion in found] == ["node", "node"]
    voxel_ml = float(np.prod(mask.GetSpacing())) / 1000
    expected = sorted((np.count_nonzero(values == v) * voxel_ml for v in (2, 3)), reverse=True)
    assert [lesion["mtv_ml"] for lesion in found] == pytest.approx(expected)
    assert any("separate parts" in warning for warning in outcome.json["warnings"])
    written = sitk.ReadImage(str(tmp_path / "out" / "segmentation.seg.nrrd"))
    assert "Research use only" in written.GetMetaData("HNC_ResearchUse")
    assert not written.HasMetaDataKey("HNC_TrainedOn")
