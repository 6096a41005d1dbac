"""``hnc phantom``: cohorts of simulated patients on disk, as a user asks for them."""

import csv
import hashlib
from functools import partial

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from HNCLogic.images.read import read_image, read_mask
from HNCLogic.phantom.patient import simulate
from HNCLogic.training.cohort import read_cohort
from HNCLogic.training.splits import cross_validation
from Testing.unit.real_ct_folder import built_in_case, images, write

COARSE = {"pet_spacing": (8.0, 8.0, 8.0), "pet_matrix": 60}


@pytest.fixture
def coarse(monkeypatch):
    """Large voxels, so that a patient takes no time. Only this process knows: --jobs 1."""
    monkeypatch.setattr("HNCLogic.phantom.patient.simulate", partial(simulate, **COARSE))


def listed(out):
    with (out / "cohort.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def hashes(out):
    return {
        path.relative_to(out).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(out.rglob("*"))
        if path.is_file()
    }


def test_a_cohort_of_simulated_patients(hnc, tmp_path):
    ended = hnc("phantom", "--count", "2", "--seed", "4", "--out", tmp_path / "cohort")
    assert ended.code == 0, ended.err
    rows = listed(tmp_path / "cohort")
    assert [row["patient"] for row in rows] == ["simulated-0004", "simulated-0005"]
    assert sorted(row["label"] for row in rows) == ["0", "1"]
    sick = next(row for row in rows if row["label"] == "1")

    pet = read_image(tmp_path / "cohort" / sick["PET"], "PET")
    assert pet.suv.formula.startswith("simulated")
    assert pet.warnings == []
    truth = sitk.GetArrayFromImage(read_mask(tmp_path / "cohort" / sick["mask"]))
    assert {0, 1} <= set(np.unique(truth))
    assert sitk.GetArrayViewFromImage(pet.image)[truth == 1].mean() > 2.0


def test_two_runs_give_the_same_bytes_of_mr_too(hnc, tmp_path, coarse):
    for name in ("one", "other"):
        words = ("--seed", 8, "--modalities", "pet,ct,t1")
        assert hnc("phantom", *words, "--out", tmp_path / name).code == 0
    assert hashes(tmp_path / "one") == hashes(tmp_path / "other")
    (row,) = listed(tmp_path / "one")
    assert row["T1"] == "simulated-0008/t1.nrrd"
    assert read_image(tmp_path / "one" / row["T1"], "T1").image.GetSize()[2] > 20


def test_parotid_cases_of_one_hospital_and_share(hnc, tmp_path):
    words = ("--cases", "parotid", "--centre", "west", "--malignant", 1, "--modalities", "T2")
    ended = hnc("phantom", *words, "--seed", 3, "--out", tmp_path / "cohort")
    assert ended.code == 0, ended.err
    (row,) = listed(tmp_path / "cohort")
    assert (row["centre"], row["subtype"], row["label"]) == ("west", "malignant", "1")
    readme = (tmp_path / "cohort" / "README.md").read_text(encoding="utf-8")
    assert "| share of malignant tumours | 1 |" in readme


def test_dicom_cohorts_read_back_with_the_same_suv_and_the_same_bytes(hnc, tmp_path, coarse):
    words = ("phantom", "--count", 2, "--seed", 1, "--jobs", 1)
    for name in ("dicom", "again"):
        ended = hnc(*words, "--as", "dicom", "--out", tmp_path / name)
        assert ended.code == 0, ended.err
    assert hashes(tmp_path / "dicom") == hashes(tmp_path / "again")
    assert hnc(*words, "--out", tmp_path / "nrrd").code == 0
    pairs = zip(listed(tmp_path / "dicom"), listed(tmp_path / "nrrd"), strict=True)
    for series, plain in pairs:
        for role, slack in (("PET", 1e-3), ("CT", 0.5)):
            back = read_image(tmp_path / "dicom" / series[role], role)
            sent = read_image(tmp_path / "nrrd" / plain[role], role)
            a, b = (sitk.GetArrayViewFromImage(one.image) for one in (back, sent))
            size = b.max() if role == "PET" else 1.0
            assert np.abs(a - b).max() <= slack * size, role
        first = pydicom.dcmread(next((tmp_path / "dicom" / series["PET"]).iterdir()))
        assert first.PatientID == series["patient"].upper()
        assert series["mask"] == plain["mask"]
        assert {k: v for k, v in series.items() if k not in ("PET", "CT")} == {
            k: v for k, v in plain.items() if k not in ("PET", "CT")
        }


def test_processes_make_what_one_makes(hnc, tmp_path):
    """Not coarse: other processes do not know of it."""
    words = ("phantom", "--count", 2, "--seed", 6, "--centre", "north")
    for jobs in (1, 2):
        assert hnc(*words, "--jobs", jobs, "--out", tmp_path / str(jobs)).code == 0
    assert hashes(tmp_path / "1") == hashes(tmp_path / "2")


def test_the_readme_states_the_parameters(hnc, tmp_path, coarse):
    from HNCLogic.phantom.disease import survival
    from HNCLogic.phantom.scanners.centres import CENTRES

    assert hnc("phantom", "--out", tmp_path / "cohort").code == 0
    text = (tmp_path / "cohort" / "README.md").read_text(encoding="utf-8")
    assert "simulated" in text.splitlines()[2]
    assert f"| `BETA` | {survival.BETA:g} |" in text
    for name in CENTRES:
        assert f"| {name} |" in text
    for column in listed(tmp_path / "cohort")[0]:
        assert f"| {column} |" in text
    assert "| tonsil | " in text


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--modalities", "PET,US"], "no US: choose of PET, CT"),
        (["--modalities", ","], "names no image"),
        (["--centre", "nowhere"], "unknown centre 'nowhere'"),
        (["--anatomy", "no-such-folder"], "no such folder of CTs"),
        (["--cases", "parotid", "--scanner", "full"], "has no effect on parotid cases"),
        (["--malignant", "0.4"], "share of parotid cases: add --cases parotid"),
        (["--cases", "extension", "--modalities", "T1"], "extension cases have no T1"),
        (["--as", "jpeg"], "jpeg"),
        (["--count", "0"], "count"),
    ],
)
def test_what_cannot_be_made_is_refused(refused, tmp_path, words, says):
    refused("phantom", "--out", tmp_path / "cohort", *words, says=says)


def test_a_folder_that_holds_something_and_a_missing_one_are_refused(refused, tmp_path):
    (tmp_path / "mine.txt").write_text("keep me")
    refused("phantom", "--out", tmp_path, says="not empty")
    refused("phantom", "--count", "2", says="--out")


def test_options_may_stand_in_a_file(hnc, tmp_path, coarse):
    config = tmp_path / "cohort.json"
    config.write_text('{"count": 2, "jobs": 1, "out": "there"}')
    assert hnc("phantom", "--config", config, "--seed", 3).code == 0
    assert len(listed(tmp_path / "there")) == 2


def test_patients_made_of_one_real_ct_are_of_one_group_and_never_parted(hnc, tmp_path, coarse):
    for number in range(2):
        write(tmp_path / "cts" / f"case {number}", *images(built_in_case(number)))
    words = ("--count", 6, "--seed", 2, "--jobs", 1, "--anatomy", tmp_path / "cts")
    assert hnc("phantom", *words, "--out", tmp_path / "cohort").code == 0
    rows = listed(tmp_path / "cohort")
    assert {row["group"] for row in rows} == {"case 0", "case 1"}
    assert len({(row["match"], row["group"]) for row in rows}) == 3, "a pair shares its body"
    cohort = read_cohort(tmp_path / "cohort" / "cohort.csv")
    for fold in cross_validation(cohort, 0, folds=2):
        both = [
            {r["group"] for r in rows if r["patient"] in part}
            for part in (fold.train, fold.validation)
        ]
        assert not both[0] & both[1]
