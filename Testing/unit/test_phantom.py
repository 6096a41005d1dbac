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
    return {seed: simulate(seed, positive=seed % 2 == 0, centre="north") for seed in range(4)}


@pytest.fixture(scope="module")
def with_mr():
    return simulate(2, positive=True, centre="north", modalities=("PET", "CT", "T1"))


def _hash(patient):
    digest = hashlib.sha256()
    for image in (patient.pet, patient.ct, patient.truth):
        digest.update(sitk.GetArrayViewFromImage(image).tobytes())
        digest.update(repr(Grid.of(image)).encode())
    return digest.hexdigest()


def test_same_seed_same_bytes_whatever_else_is_asked_for(patients, with_mr):
    assert _hash(with_mr) == _hash(patients[2])
    assert list(with_mr.mr) == ["T1"]
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


def test_lesions_are_as_hot_as_they_were_drawn(patients):
    for patient in patients.values():
        pet = sitk.GetArrayViewFromImage(patient.pet)
        truth = sitk.GetArrayViewFromImage(patient.truth)
        for kind, label, low, high in (("primary", 1, 4, 25), ("node", 2, 2, 12)):
            lesions = [lesion for lesion in patient.lesions if lesion.kind == kind]
            assert all(low <= lesion.suv_max <= high for lesion in lesions)
            if lesions:
                hottest = max(lesion.suv_max for lesion in lesions)
                assert pet[truth == label].max() == pytest.approx(hottest, rel=0.3)
                ml = (truth == label).sum() * Grid.of(patient.pet).voxel_ml
                assert ml == pytest.approx(sum(v.volume_ml for v in lesions), rel=0.35, abs=0.3)


def test_positive_and_negative_of_a_seed_differ_in_disease_only():
    coarse = {"centre": "north", "pet_spacing": (6.0, 6.0, 6.0), "pet_matrix": 80}
    sick, well = (simulate(11, positive=p, **coarse) for p in (True, False))
    assert Grid.of(sick.pet).same_as(Grid.of(well.pet))
    a, b = (sitk.GetArrayViewFromImage(p.pet) for p in (sick, well))
    bodies = [sitk.GetArrayViewFromImage(p.ct) for p in (sick, well)]
    assert np.mean(np.abs(bodies[0] - bodies[1]) <= 1) > 0.98
    truth = sitk.GetArrayViewFromImage(sick.truth) > 0
    assert a[truth].mean() > 1.5 * b[truth].mean()
    assert sick.age == well.age
    assert sick.weight_kg == well.weight_kg


def test_places_of_the_atlas_are_found_in_the_patient(patients):
    for patient in patients.values():
        left, right = patient.landmark((57, 4, 50)), patient.landmark((-57, 4, 50))
        assert left[0] > 30 > -30 > right[0]
        point = np.array(patient.landmark((0, 26, 84)))
        assert np.abs(patient.pose.atlas_point(point) - (0, 26, 84)).max() < 0.1
        brain, cheek = patient.landmark((0, 40, 160)), patient.landmark((0, -95, 20))
        assert brain[2] > cheek[2]
        assert brain[1] > cheek[1]


def test_ct_and_oblique_mr_show_the_same_tissue_at_the_same_point(with_mr):
    patient = with_mr
    direction = np.reshape(patient.mr["T1"].GetDirection(), (3, 3))
    assert np.abs(direction - np.eye(3)).max() > 0.02
    here = Grid.of(patient.mr["T1"])
    hu = sitk.GetArrayFromImage(resample(patient.ct, here, -1000))
    t1 = sitk.GetArrayViewFromImage(patient.mr["T1"])
    fat, muscle = (hu > -130) & (hu < -80), (hu > 35) & (hu < 75)
    air, bone = hu < -950, hu > 900
    medians = [float(np.median(t1[where])) for where in (air, bone, muscle, fat)]
    assert medians == sorted(medians)
    assert medians[3] > 1.8 * medians[2] > 1.8 * 2 * medians[0]
    # A shift between the two would mix them: air in CT is dark in MR nearly everywhere.
    assert np.mean(t1[air] < 100) > 0.97


def test_unknown_centre_is_refused():
    with pytest.raises(InputError, match="unknown centre 'nowhere'"):
        simulate(0, centre="nowhere")


@pytest.mark.parametrize("match", range(20030, 20042))
def test_above_the_crown_there_is_air(match):
    """Also where the field of view reaches far beyond it, wherever the patient lies."""
    patient = simulate(
        1, match=match, centre="north", pet_spacing=(6.0, 6.0, 6.0), pet_matrix=80, positive=False
    )
    pet = sitk.GetArrayViewFromImage(patient.pet)
    crown = patient.landmark((0, 10, 226))
    first = int(np.ceil((crown[2] - patient.pet.GetOrigin()[2]) / 6.0)) + 4  # heads are tilted
    assert pet[first:].size == 0 or pet[first:].max() < 0.3
    assert pet[first - 10].max() > 4
