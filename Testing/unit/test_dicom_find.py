"""Finding image series in folders and choosing one by role."""

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from HNCLogic.images.dicom import find_series, series_of_file
from HNCLogic.images.read import read_image
from HNCLogic.images.series_choice import choose_series
from Testing.unit.dicom_writer import ct_planes, planes, save, write_series
from Testing.unit.refusal import refused


def pick(folder, role, choice=None):
    return choose_series(find_series(folder), role, choice)


@pytest.fixture
def examination(tmp_path):
    """PET, CT and two MRs, nested, among files that are none of them."""
    write_series(tmp_path / "a" / "b", planes(), number=4, description="PET AC")
    write_series(tmp_path / "a" / "ct", ct_planes(), modality="CT", number=2)
    write_series(tmp_path / "mr", planes(), modality="MR", number=5, description="T1 tse")
    write_series(tmp_path / "mr", planes(), modality="MR", number=6, description="T2", prefix="x")
    (tmp_path / "report.txt").write_text("no image")
    (tmp_path / "a" / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")
    plan = pydicom.dcmread(tmp_path / "a" / "ct" / "im0000.dcm")
    plan.SOPClassUID, plan.Modality = "1.2.840.10008.5.1.4.1.1.481.3", "RTSTRUCT"
    plan.SeriesInstanceUID = "1.2.3.4"
    save(plan, tmp_path / "a" / "plan.dcm")
    return tmp_path


def test_nested_series_are_found_and_told_apart(examination):
    found = find_series(examination)
    assert [(s.number, s.modality, s.slices) for s in found] == [
        (2, "CT", 6),
        (4, "PT", 6),
        (5, "MR", 6),
        (6, "MR", 6),
    ]
    assert len({s.patient for s in found}) == 1
    assert pick(examination, "PET").number == 4
    assert pick(examination, "CT").number == 2


def test_several_that_fit_are_listed_with_the_way_to_choose(examination):
    refused(
        *("2 MR series", "--series T1=NUMBER", '5: "T1 tse" (6 slices)', '6: "T2" (6 slices)'),
        by=lambda: pick(examination, "T1"),
    )
    assert pick(examination, "T1", "5").description == "T1 tse"
    uid = pick(examination, "T2", "6").uid
    assert pick(examination, "T2", uid).number == 6
    refused("no series 9 for T1", by=lambda: pick(examination, "T1", "9"))
    refused("series 2 was chosen as T1 but is CT", by=lambda: pick(examination, "T1", "2"))


def test_equal_numbers_are_told_apart_by_uid(tmp_path):
    for word in ("one", "two"):
        write_series(tmp_path / word, planes(), number=3, description=word)
    message = refused("--series PET=UID", by=lambda: pick(tmp_path, "PET"))
    uids = [s.uid for s in find_series(tmp_path)]
    assert all(uid in message for uid in uids)
    refused("2 series numbered 3", by=lambda: pick(tmp_path, "PET", "3"))
    assert pick(tmp_path, "PET", uids[1]).uid == uids[1]


def test_the_attenuation_corrected_series_is_named_but_not_guessed(tmp_path):
    def uncorrected(dataset, _):
        dataset.CorrectedImage = ["NORM", "SCAT"]

    write_series(tmp_path / "ac", planes(), number=1)
    write_series(tmp_path / "nac", planes(), number=2, change=uncorrected)
    refused(
        "(6 slices, attenuation-corrected)",
        "(6 slices, not attenuation-corrected)",
        by=lambda: pick(tmp_path, "PET"),
    )


def test_projections_scouts_and_single_slices_stand_back(tmp_path):
    def projection(dataset, _):
        dataset.SeriesType = ["WHOLE BODY", "REPROJECTION"]

    def localizer(dataset, _):
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]

    write_series(tmp_path / "1", planes(), number=1, change=projection)
    write_series(tmp_path / "2", planes(1), number=2)
    write_series(tmp_path / "3", planes(), number=3)
    write_series(tmp_path / "4", ct_planes(2), modality="CT", number=4, change=localizer)
    write_series(tmp_path / "5", ct_planes(), modality="CT", number=5)
    assert pick(tmp_path, "PET").number == 3
    assert pick(tmp_path, "CT").number == 5


def test_a_ct_given_as_pet(tmp_path):
    write_series(tmp_path, ct_planes(), modality="CT")
    refused("given as PET but holds CT", by=lambda: read_image(tmp_path, "PET"))


@pytest.mark.parametrize("other", [{"patient_id": "other"}, {"name": "Other^Person"}])
def test_two_patients_in_one_folder(tmp_path, other):
    write_series(tmp_path / "1", planes(), number=1)
    write_series(tmp_path / "2", ct_planes(), modality="CT", number=2, **other)
    refused("images of 2 patients", by=lambda: pick(tmp_path, "PET"))


def test_two_patients_in_one_series(tmp_path):
    def other(dataset, z):
        dataset.PatientID = "A" if z < 3 else "B"

    write_series(tmp_path, planes(), change=other)
    refused("2 patients", by=lambda: find_series(tmp_path))


def test_the_same_name_in_another_spelling_is_the_same_patient(tmp_path):
    write_series(tmp_path / "1", planes(), name="Doe^Jane", number=1)
    write_series(tmp_path / "2", ct_planes(), modality="CT", name="DOE^JANE^^", number=2)
    assert pick(tmp_path, "PET").patient == pick(tmp_path, "CT").patient


def test_missing_and_empty_folders(tmp_path):
    refused("does not exist", by=lambda: find_series(tmp_path / "nowhere"))
    (tmp_path / "empty" / "within").mkdir(parents=True)
    refused("empty folder", by=lambda: find_series(tmp_path / "empty"))


def test_a_text_file_called_dcm(tmp_path):
    (tmp_path / "a.dcm").write_text("this is no image " * 40)
    refused("not DICOM despite the name: a.dcm", by=lambda: find_series(tmp_path))
    refused("not a DICOM file", by=lambda: read_image(tmp_path / "a.dcm", "PET"))
    (tmp_path / "b.dcm").write_bytes(b"")
    refused("a.dcm, b.dcm", by=lambda: find_series(tmp_path))


def test_a_text_file_beside_good_ones_is_left_out_aloud(tmp_path):
    write_series(tmp_path, planes())
    (tmp_path / "zz.dcm").write_text("no image")
    assert read_image(tmp_path, "PET").warnings == [
        "1 files were left out: not DICOM despite their names."
    ]


def test_a_folder_of_other_images_points_to_them(tmp_path):
    (tmp_path / "pet.nii.gz").write_bytes(b"x")
    refused("pet.nii.gz", "give the file itself", by=lambda: find_series(tmp_path))


@pytest.mark.parametrize("length", [133, 300, 700])
def test_a_header_that_breaks_off_is_named(tmp_path, length):
    paths = write_series(tmp_path, planes())
    paths[2].write_bytes(paths[2].read_bytes()[:length])
    refused(paths[2].name, "damaged", by=lambda: find_series(tmp_path))


def test_a_file_stands_for_its_series(tmp_path):
    first = write_series(tmp_path, planes(), number=1)
    write_series(tmp_path, ct_planes(), modality="CT", number=2, prefix="ct")
    (of_file,) = series_of_file(first[3])
    assert (of_file.number, of_file.slices) == (1, 6)
    assert read_image(first[3], "PET").image.GetDepth() == 6


def test_files_without_a_preamble_are_read_the_same(tmp_path):
    paths = write_series(tmp_path, planes(), slopes=np.linspace(0.5, 2, 6))
    before = sitk.GetArrayFromImage(read_image(tmp_path, "PET").image)
    for path in paths:
        dataset = pydicom.dcmread(path)
        del dataset.file_meta
        dataset.preamble = None
        pydicom.dcmwrite(
            path, dataset, implicit_vr=True, little_endian=True, enforce_file_format=False
        )
        assert path.read_bytes()[128:132] != b"DICM"
    after = sitk.GetArrayFromImage(read_image(tmp_path, "PET").image)
    assert np.array_equal(before, after)


def test_the_ending_of_a_file_does_not_matter(tmp_path):
    for z, path in enumerate(write_series(tmp_path, planes())):
        path.rename(tmp_path / f"IM{z}")
    assert find_series(tmp_path)[0].slices == 6
