"""Whether two images lie on each other, told from the body's outline."""

import numpy as np
import pytest
import SimpleITK as sitk

from HNCLogic.images.fit import body_share, leave_out_misplaced
from HNCLogic.images.grid import Grid
from HNCLogic.images.study import Study, other_frame
from HNCLogic.phantom.patient import simulate


@pytest.fixture(scope="module")
def patient():
    return simulate(11, positive=True, modalities=("PET", "CT", "T1"))


def moved(image: sitk.Image, by: tuple[float, float, float]) -> sitk.Image:
    there = sitk.Image(image)
    there.SetOrigin([o + b for o, b in zip(image.GetOrigin(), by, strict=True)])
    return there


def test_images_of_one_examination_lie_on_each_other(patient):
    assert body_share(patient.pet, patient.ct, "CT") > 0.9
    assert body_share(patient.pet, patient.mr["T1"], "T1") > 0.85  # an oblique stack of the neck


def test_a_misplaced_image_is_left_out_aloud(patient):
    far = moved(patient.mr["T1"], (170.0, 0.0, 20.0))
    study = Study({"PET": patient.pet, "T1": far, "CT": patient.ct})
    study.warnings = [other_frame("PET", "T1"), other_frame("PET", "CT")]
    (warning,) = leave_out_misplaced(study)
    assert set(study.images) == {"PET", "CT"}
    assert study.warnings == [other_frame("PET", "CT")]  # of the T1 all is said by the one warning
    assert warning.startswith("The T1 was left out")


def test_an_image_that_shows_no_body_is_not_judged(patient):
    grid = Grid.of(patient.mr["T1"])
    empty = grid.image(np.zeros(grid.size[::-1], np.float32))
    assert body_share(patient.pet, empty, "CT") is not None  # 0 HU everywhere is a body of water
    assert body_share(patient.pet, empty - 1000.0, "CT") is None
    study = Study({"PET": patient.pet, "CT": empty - 1000.0})
    assert leave_out_misplaced(study) == []
    assert "CT" in study.images


def test_without_a_pet_nothing_is_left_out(patient):
    study = Study({"CT": patient.ct})
    assert leave_out_misplaced(study) == []
    assert "CT" in study.images
