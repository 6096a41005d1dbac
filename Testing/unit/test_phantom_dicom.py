"""A simulated patient's DICOM series read back through the project's own reader."""

from dataclasses import replace

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from HNCLogic.errors import InputError
from HNCLogic.images.grid import Grid
from HNCLogic.images.read import read_image
from HNCLogic.phantom.dicom_out import write_dicom
from HNCLogic.phantom.patient import simulate


@pytest.fixture(scope="module")
def patient():
    return simulate(
        8, centre="east", modalities=("T1", "T2"), pet_spacing=(5.1, 5.1, 5.0), pet_matrix=100
    )  # fmt: skip


@pytest.fixture(scope="module")
def folders(patient, tmp_path_factory):
    return write_dicom(patient, tmp_path_factory.mktemp("simulated"))


def test_suv_comes_back(patient, folders):
    read = read_image(folders["PET"], "PET")
    assert Grid.of(read.image).same_as(Grid.of(patient.pet))
    sent, back = (sitk.GetArrayViewFromImage(i) for i in (patient.pet, read.image))
    assert np.abs(sent - back).max() < 1e-3
    assert read.suv.units_found == "BQML"
    dose = 1e6 * round(4.0 * patient.weight_kg) * 2 ** (-3840 / 6586.2)
    assert read.suv.factor_min == pytest.approx(patient.weight_kg * 1000 / dose, rel=1e-6)
    assert read.suv.factor_max == pytest.approx(read.suv.factor_min)


@pytest.mark.parametrize("role", ["CT", "T1", "T2"])
def test_ct_and_oblique_mr_come_back(patient, folders, role):
    sent, back = patient.images[role], read_image(folders[role], role).image
    assert Grid.of(back).same_as(Grid.of(sent))
    assert np.abs(sitk.GetArrayViewFromImage(sent) - sitk.GetArrayViewFromImage(back)).max() <= 0.5


def test_headers_say_simulated_and_slopes_differ(folders):
    headers = [pydicom.dcmread(f, stop_before_pixels=True) for f in folders["PET"].iterdir()]
    assert all("SIMULATED" in str(h.PatientName) for h in headers)
    assert all("SIMULATED" in h.SeriesDescription for h in headers)
    assert all("no real person" in h.ImageComments for h in headers)
    assert len({str(h.RescaleSlope) for h in headers}) > len(headers) // 2


def test_no_header_depends_on_the_label(patient, tmp_path):
    """Not by a hash either: who guesses the label cannot check the guess against a UID."""
    headers = []
    for number, positive in enumerate((True, False)):
        other = replace(patient, positive=positive, lesions=(), event=None, time_months=None)
        path = write_dicom(other, tmp_path / str(number), roles=("PET",), name="A-7")["PET"]
        headers.append(pydicom.dcmread(path / "0001.dcm"))
    assert headers[0] == headers[1]
    assert headers[0].file_meta == headers[1].file_meta
    assert headers[0].PatientID == "A-7"


def test_series_are_told_apart_and_belong_together(patient, folders):
    first = [pydicom.dcmread(next(f.iterdir()), stop_before_pixels=True) for f in folders.values()]
    assert len({h.SeriesInstanceUID for h in first}) == len(folders) == 4
    assert len({h.SeriesNumber for h in first}) == 4
    assert len({h.StudyInstanceUID for h in first}) == 1
    assert {h.PatientSex for h in first} == {"M" if patient.sex == "male" else "F"}


def test_only_the_roles_that_are_asked_for_are_written(patient, tmp_path):
    assert list(write_dicom(patient, tmp_path, roles=("CT",))) == ["CT"]
    assert [f.name for f in tmp_path.iterdir()] == ["CT"]


def test_a_folder_with_files_is_refused(patient, folders):
    with pytest.raises(InputError, match="not empty"):
        write_dicom(patient, folders["PET"].parent)
