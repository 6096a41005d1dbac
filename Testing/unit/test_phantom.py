"""Simulated patients: the same seed the same bytes, plausible values, truth where it can be."""

import hashlib

import numpy as np
import pytest
import SimpleITK as sitk

from HNCLogic.errors import InputError
from HNCLogic.images.grid import Grid, resample
from HNCLogic.phantom.patient import SIMULATED, simulate


@pytest.fixture(scope="module")
def patients():
    return {seed: simulate(seed, positive=seed % 2 == 0, centre="north") for seed in range(6)}


def _hash(patient):
    digest = hashlib.sha256()
    for image in (patient.pet, patient.ct, patient.truth):
        digest.update(sitk.GetArrayViewFromImage(image).tobytes())
        digest.update(repr(Grid.of(image)).encode())
    return digest.hexdigest()


def test_same_seed_same_bytes_whatever_else_is_asked_for(patients):
    again = simulate(2, positive=True, centre="north", with_mr=True)
    assert _hash(again) == _hash(patients[2])
    assert again.mr is not None
    assert len({_hash(p) for p in patients.values()}) == len(patients)


def test_values_are_suv_hu_and_labels(patients):
    for patient in patients.values():
        pet, ct = (sitk.GetArrayViewFromImage(i) for i in (patient.pet, patient.ct))
        assert patient.pet.GetPixelID() == sitk.sitkFloat32
        assert patient.ct.GetPixelID() == sitk.sitkFloat32
        assert patient.truth.GetPixelID() == sitk.sitkUInt8
        assert pet.min() == 0
        assert 6 < pet.max() < 40
        assert -1024 <= ct.min() <= -990
        assert 1000 < ct.max() <= 3071
        assert Grid.of(patient.truth).same_as(Grid.of(patient.pet))
        assert patient.simulated == SIMULATED


def test_only_positives_have_truth(patients):
    for patient in patients.values():
        labels = set(np.unique(sitk.GetArrayViewFromImage(patient.truth)))
        assert labels <= {0, 1, 2}
        assert (1 in labels) == patient.positive
        assert bool(patient.lesions) == patient.positive
        assert all(not lesion.malignant for lesion in patient.harmless)


def test_truth_lies_in_soft_tissue(patients):
    for patient in patients.values():
        hu = resample(patient.ct, Grid.of(patient.pet), -1000)
        inside = sitk.GetArrayViewFromImage(hu)[sitk.GetArrayViewFromImage(patient.truth) > 0]
        if patient.positive:
            assert -60 < np.median(inside) < 160


def test_unknown_centre_is_refused():
    with pytest.raises(InputError, match="unknown centre 'west'"):
        simulate(0, centre="west")
