"""Method 2 from the command line: trained, shown, and asked for outlines."""

import json

import pytest
import SimpleITK as sitk

from Testing.unit.small_cohort import write_cohort

SETTINGS = {
    "preparation.pixels": 32, "preparation.field_mm": 176, "base_filters": 4, "levels": 2,
    "micro_batch": 8, "batch": 8, "epochs": 1, "repeats": 1, "left_out.MR": 0.3,
}  # fmt: skip


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    return write_cohort(tmp_path_factory.mktemp("cohort"), 8, with_mri=True)


@pytest.fixture(scope="module")
def model(cohort, tmp_path_factory):
    from HNCLogic.cli import main

    out = tmp_path_factory.mktemp("runs") / "run"
    words = [part for name, value in SETTINGS.items() for part in ("--set", f"{name}={value}")]
    told = ("train", "slice-tumour", "--cohort", cohort, "--out", out, "--folds", 2, *words,
            "--accept-metadata", "--name", "tiny-slices", "--threads", 1)  # fmt: skip
    assert main([str(word) for word in told]) == 0
    # One epoch teaches nothing: with a threshold of 0 every pixel that is seen is tumour.
    card = json.loads((out / "model" / "model.json").read_text())
    card["threshold"] |= {"value": 0.0, "per_fold": []}
    (out / "model" / "model.json").write_text(json.dumps(card))
    return out / "model"


def test_verified_by_the_command_line(hnc, model):
    assert hnc("models", "verify", model).code == 0


def test_outlines_from_pet_and_mri(hnc, cohort, model, tmp_path):
    images = ("--pet", cohort.parent / "00_PET.nrrd", "--mr", cohort.parent / "00_MR.nrrd")
    out = tmp_path / "out"
    outcome = hnc("segment", *images, "--volume-model", model, "--out", out, "--json")
    assert outcome.code == 0, outcome.err
    assert outcome.json["delineation"] == "neural network tiny-slices 1.0.0"
    assert [one["kind"] for one in outcome.json["lesions"]] == ["lesion"]
    assert outcome.json["provenance"]["models"].keys() == {"tiny-slices 1.0.0"}
    found = sitk.ReadImage(str(out / "segmentation.seg.nrrd"))
    assert found.GetSpacing() == pytest.approx((5.0, 5.0, 5.0))


def test_outlines_without_the_mri_say_so(hnc, cohort, model, tmp_path):
    outcome = hnc("segment", "--pet", cohort.parent / "00_PET.nrrd", "--volume-model", model,
                  "--out", tmp_path / "out", "--json")  # fmt: skip
    assert outcome.code == 0, outcome.err
    assert any("without MR, from the PET alone" in words for words in outcome.json["warnings"])


def test_a_model_that_gives_verdicts_outlines_nothing(refused, cohort, tiny_models, tmp_path):
    refused("segment", "--pet", cohort.parent / "00_PET.nrrd", "--volume-model",
            tiny_models["presence"], "--out", tmp_path / "out",
            says="for method presence, not tumour-volume or slice-tumour")  # fmt: skip
