"""A study: several images of one patient, each for its role."""

import numpy as np
import pytest
import SimpleITK as sitk

from HNCLogic.images.grid import Grid
from HNCLogic.images.study import read_study
from HNCLogic.job import SuvByHand
from Testing.unit.dicom_writer import ct_planes, planes, rotation, write_series
from Testing.unit.refusal import refused


def test_pet_ct_and_mr_from_one_folder(tmp_path):
    tilt = rotation((1, 0, 0), 8)
    write_series(tmp_path / "p", planes(), number=4)
    write_series(tmp_path / "c", ct_planes(), modality="CT", number=2, spacing=(3.0, 3.0, 3.5))
    write_series(tmp_path / "m", planes(), modality="MR", number=5, direction=tilt)
    write_series(tmp_path / "n", planes(seed=2), modality="MR", number=6, direction=tilt)
    study = read_study(
        dict.fromkeys(("CT", "T1", "PET", "T2"), tmp_path),
        {"T1": "5", "T2": "6"},
        SuvByHand(weight_kg=84),
    )
    assert set(study.images) == {"PET", "CT", "T1", "T2"}
    assert study.suv.weight_kg == 84
    assert study.sources["CT"] == "DICOM series of 6 slices"
    assert study.anatomical_role == "T1"
    assert study.warnings == []
    assert np.allclose(Grid.of(study.images["T1"]).matrix, tilt, atol=1e-9)
    stored = [sitk.GetArrayFromImage(study.images[role]) for role in ("T1", "T2")]
    assert np.array_equal(stored[0], planes())
    assert np.array_equal(stored[1], planes(seed=2))


@pytest.mark.parametrize("other", [{"patient_id": "other"}, {"name": "Other^Person"}])
def test_images_of_different_patients(tmp_path, other):
    write_series(tmp_path / "p", planes())
    write_series(tmp_path / "c", ct_planes(), modality="CT", **other)
    paths = {"PET": tmp_path / "p", "CT": tmp_path / "c"}
    message = refused("different patients", by=lambda: read_study(paths))
    assert "Other" not in message.replace(str(tmp_path), "")


def test_images_that_do_not_meet(tmp_path):
    write_series(tmp_path / "p", planes())
    write_series(tmp_path / "c", ct_planes(), modality="CT", origin=(-31.5, 42.25, 900.0))
    paths = {"PET": tmp_path / "p", "CT": tmp_path / "c"}
    refused(
        *("PET and CT do not overlap", "S -182 to -164 mm", "S 898 to 916 mm"),
        by=lambda: read_study(paths),
    )


def test_images_that_hardly_meet(tmp_path):
    write_series(tmp_path / "p", planes())
    write_series(tmp_path / "c", ct_planes(), modality="CT", origin=(-31.5, 42.25, -165.0))
    study = read_study({"PET": tmp_path / "p", "CT": tmp_path / "c"})
    assert study.warnings == ["PET and CT overlap in 17% of the smaller one only."]


def test_a_small_image_within_a_large_one_is_no_small_overlap(tmp_path):
    write_series(tmp_path / "p", planes(30, 30, 30), origin=(-60, 0, -200))
    write_series(
        tmp_path / "c", ct_planes(), modality="CT", spacing=(1, 1, 1), origin=(0, 40, -150)
    )
    assert read_study({"PET": tmp_path / "p", "CT": tmp_path / "c"}).warnings == []


def test_different_frames_of_reference_are_noted(tmp_path):
    write_series(tmp_path / "p", planes())
    write_series(tmp_path / "m", planes(), modality="MR", frame_of_reference="1.2.3")
    study = read_study({"PET": tmp_path / "p", "T1": tmp_path / "m"})
    assert "different DICOM frames of reference" in study.warnings[0]


def test_an_images_warnings_say_whose_they_are(tmp_path):
    write_series(tmp_path / "p", planes())
    write_series(tmp_path / "c", planes(), modality="CT")
    study = read_study({"PET": tmp_path / "p", "CT": tmp_path / "c"})
    assert study.warnings[0].startswith("CT: This does not look like a CT in HU")


def test_anatomy_alone_and_nothing_at_all(tmp_path):
    write_series(tmp_path, ct_planes(), modality="CT")
    study = read_study({"CT": tmp_path})
    assert study.suv is None
    assert study.reference is study.images["CT"]
    refused("no image was given", by=lambda: read_study({}))
    refused("no T1 image was given", by=lambda: read_study({"CT": tmp_path}, {"T1": "4"}))


def test_real_pet_and_mr(shared_data):
    folder = shared_data / "pet_dicom_sts001"
    study = read_study({"PET": folder, "T1": folder}, {"T1": "11"})
    assert study.images["T1"].GetSize() == (512, 512, 40)
    assert study.images["PET"].GetSize() == (128, 128, 267)
    assert study.suv.suv_max == pytest.approx(66.52, abs=0.01)
