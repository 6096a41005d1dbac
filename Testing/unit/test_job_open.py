"""What a panel is handed: images opened from disk, answers as plain files, series to choose."""

from __future__ import annotations

import importlib.util
import json
import os
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from HNCLogic import run, steps
from HNCLogic.errors import ChoiceNeeded
from HNCLogic.handover import write_voxels
from HNCLogic.images.grid import Grid
from HNCLogic.images.read import read_image
from HNCLogic.images.study import Study
from HNCLogic.job import Delineation, Job, Region, Result, SuvByHand, SuvRecord
from HNCLogic.panel_process import run_job_file
from HNCLogic.report.json_out import read_json
from HNCLogic.run import run_job
from Testing.unit.dicom_writer import HIDDEN_ID, HIDDEN_NAME, planes, rotation, write_series
from Testing.unit.refusal import refused

OBLIQUE = rotation((1, 2, 3), 20)
OF_OPEN = {"result.json", ".hnc-output"}


def names_in(folder) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


def assert_unnamed(folder):
    for path in folder.rglob("*"):
        for hidden in (HIDDEN_ID, *HIDDEN_NAME.split("^")):
            assert hidden.encode() not in path.read_bytes()


def test_a_dicom_pet_is_opened_in_suv_with_its_record_and_no_name(tmp_path):
    write_series(tmp_path / "dicom", planes(), direction=OBLIQUE, slopes=[0.5, 1, 2, 3, 1, 0.1])
    told = []
    result = run_job(
        Job(task="open", images={"PET": tmp_path / "dicom"}, out=tmp_path / "out"),
        lambda share, words: told.append(share),
    )
    expected = read_image(tmp_path / "dicom", "PET")
    opened = sitk.ReadImage(str(tmp_path / "out" / result.files["PET"]))
    assert opened.GetPixelID() == sitk.sitkFloat32
    assert np.array_equal(
        sitk.GetArrayViewFromImage(opened), sitk.GetArrayViewFromImage(expected.image)
    )
    assert Grid.of(opened).same_as(Grid.of(expected.image), 1e-9)
    assert result.suv == expected.suv
    assert result.suv.weight_kg == 70
    assert result.images[0].role == "PET"
    assert result.images[0].source == "DICOM series of 6 slices"
    assert names_in(tmp_path / "out") == {"PET.nrrd", "PET.json", *OF_OPEN}
    record = json.loads((tmp_path / "out" / "PET.json").read_text())
    assert SuvRecord.model_validate(record) == result.suv
    assert told[0] == 0
    assert told[-1] == 1
    assert told == sorted(told)
    assert_unnamed(tmp_path / "out")


def test_what_was_opened_is_taken_as_it_is_the_second_time(tmp_path):
    write_series(tmp_path / "dicom", planes())
    first = run_job(
        Job(
            task="open",
            images={"PET": tmp_path / "dicom"},
            suv=SuvByHand(weight_kg=61),
            out=tmp_path / "one",
        )
    )
    again = Job(task="open", images={"PET": tmp_path / "one" / "PET.nrrd"}, out=tmp_path / "two")
    second = run_job(again)
    assert second.suv == first.suv
    assert second.suv.weight_kg == 61
    files = [(tmp_path / name / "PET.nrrd").read_bytes() for name in ("one", "two")]
    assert files[0] == files[1]


def test_several_images_are_opened_by_role_each_in_its_own_geometry(tmp_path):
    images = {}
    for role, spacing in (("T1", (1.0, 2.0, 3.0)), ("CE-T1", (2.0, 2.5, 1.5))):
        grid = Grid((7, 6, 5), spacing, (-3.0, 4.0, 5.0), tuple(OBLIQUE.ravel()))
        values = np.arange(210, dtype=np.int16).reshape(5, 6, 7)
        images[role] = tmp_path / f"{role}.nii.gz"
        sitk.WriteImage(grid.image(values), str(images[role]))
    result = run_job(Job(task="open", images=images, out=tmp_path / "out"))
    assert result.suv is None
    assert names_in(tmp_path / "out") == {"T1.nrrd", "CE-T1.nrrd", *OF_OPEN}
    for role, path in images.items():
        opened = sitk.ReadImage(str(tmp_path / "out" / result.files[role]))
        given = sitk.ReadImage(str(path))
        assert np.array_equal(sitk.GetArrayViewFromImage(opened), sitk.GetArrayViewFromImage(given))
        assert Grid.of(opened).same_as(Grid.of(given), 1e-6)


def test_opening_refuses_what_it_cannot_use_and_leaves_nothing(tmp_path):
    out = tmp_path / "out"
    nowhere = Job(task="open", images={"CT": tmp_path / "nowhere"}, out=out)
    refused("CT", "does not exist", by=lambda: run_job(nowhere))
    write_series(tmp_path / "ct", planes(), modality="CT")
    masked = Job(task="open", images={"CT": tmp_path / "ct"}, mask=tmp_path / "m.nrrd", out=out)
    refused("mask", "no effect in open", by=lambda: run_job(masked))
    wrong = Job(task="open", images={"PET": tmp_path / "ct"}, out=out)
    refused("given as PET", by=lambda: run_job(wrong))
    assert not out.exists()


def job_file(tmp_path, **more):
    path = tmp_path / "job.json"
    job = Job(task="open", images={"PET": tmp_path / "dicom"}, out=tmp_path / "out", **more)
    path.write_text(job.model_dump_json())
    return path


def test_series_to_choose_from_are_told_as_json_before_the_refusal(tmp_path, capsys):
    for number, title in ((4, 'WB "AC"'), (5, "WB NAC")):
        write_series(
            tmp_path / "dicom", planes(), number=number, description=title, prefix=f"s{number}"
        )
    with pytest.raises(ChoiceNeeded) as caught:
        run_job_file(job_file(tmp_path))
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert last["choose"]["role"] == "PET"
    assert [one["choice"] for one in last["choose"]["series"]] == ["4", "5"]
    assert 'WB "AC"' in last["choose"]["series"][0]["words"]
    assert "6 slices" in last["choose"]["series"][1]["words"]
    assert "choose one with --series PET=NUMBER: 4:" in str(caught.value)
    assert not (tmp_path / "out").exists()

    run_job_file(job_file(tmp_path, series={"PET": last["choose"]["series"][1]["choice"]}))
    done = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert read_json(Path(done["result"])).files["PET"] == "PET.nrrd"


def test_series_of_one_number_are_to_be_chosen_by_uid(tmp_path):
    for uid in ("1.2.3.4", "1.2.3.5"):
        write_series(tmp_path / "dicom", planes(), uid=uid, prefix=uid)
    for series in ({}, {"PET": "3"}):
        job = Job(
            task="open", images={"PET": tmp_path / "dicom"}, series=series, out=tmp_path / "out"
        )
        with pytest.raises(ChoiceNeeded) as caught:
            run_job(job)
        assert caught.value.role == "PET"
        assert [choice for choice, _words in caught.value.choices] == ["1.2.3.4", "1.2.3.5"]


def pet_with_hot_ball(folder):
    """SUV 1 in a cylinder, one ball of SUV 8; oblique, unequal voxels."""
    grid = Grid((24, 26, 30), (5.0, 4.5, 6.0), (-60.0, -50.0, 300.0), tuple(OBLIQUE.ravel()))
    z, y, x = np.meshgrid(*[np.arange(n) for n in grid.size[::-1]], indexing="ij")
    values = np.where((x - 11) ** 2 + (y - 12) ** 2 < 100, 1.0, 0.0)
    values[(x - 15) ** 2 + (y - 12) ** 2 + (z - 14) ** 2 < 9] = 8.0
    path = folder / "pet.nrrd"
    sitk.WriteImage(grid.image(values.astype(np.float32)), str(path))
    return path, grid, values


def test_a_plain_job_gives_labels_on_the_pets_grid_and_neither_pictures_nor_report(
    tmp_path, monkeypatch
):
    pet, grid, values = pet_with_hot_ball(tmp_path)
    there = importlib.util.find_spec
    for module in (run, importlib.util):
        monkeypatch.setattr(
            module, "find_spec", lambda name, *a: None if name == "slicer" else there(name, *a)
        )
    result = run_job(
        Job(
            task="segment",
            images={"PET": pet},
            delineation=Delineation(method="fixed", fixed_suv=4),
            region_mm=(-1000, 2000),
            plain=True,
            out=tmp_path / "out",
        )
    )
    assert names_in(tmp_path / "out") == {"labels.nrrd", "lesions.csv", *OF_OPEN}
    assert result.files == {
        "result": "result.json",
        "lesions": "lesions.csv",
        "labels": "labels.nrrd",
    }
    labels = sitk.ReadImage(str(tmp_path / "out" / "labels.nrrd"))
    assert labels.GetPixelID() == sitk.sitkUInt16
    assert Grid.of(labels).same_as(grid, 1e-9)
    assert np.array_equal(sitk.GetArrayViewFromImage(labels) == 1, values == 8)
    assert [lesion.label for lesion in result.lesions] == [1]
    assert "handing over" in result.provenance.seconds
    head = (tmp_path / "out" / "labels.nrrd").read_bytes()[:400]
    assert b"encoding: raw" in head
    assert os.path.getsize(tmp_path / "out" / "labels.nrrd") > labels.GetNumberOfPixels() * 2


def heat_of(values: np.ndarray) -> tuple[steps.Findings, Grid]:
    size = values.shape[::-1]
    grid = Grid(size, (3.0, 4.0, 5.0), (1.0, 2.0, 3.0), tuple(OBLIQUE.ravel()))
    region = Region(inferior_mm=0, superior_mm=1, found_by="test")
    found = steps.Findings(Study({"PET": grid.image(values)}), region)
    found.heatmap = grid.image(values)
    return found, grid


def test_the_heat_map_is_cropped_to_what_is_hot_and_a_voxel_around(tmp_path):
    values = np.zeros((20, 22, 24), np.float32)
    values[5:9, 10, 0:3] = 0.4
    values[19, 11, 2] = 1.0
    found, grid = heat_of(values)
    result = Result(task="explain", research_use="tests")
    write_voxels(found, result, tmp_path)
    assert result.files == {"heatmap": "heatmap.nrrd"}
    cropped = sitk.ReadImage(str(tmp_path / "heatmap.nrrd"))
    assert cropped.GetSize() == (4, 4, 16)  # x 0 to 3, y 9 to 12, z 4 to 19
    assert cropped.GetOrigin() == pytest.approx(grid.points([[0, 9, 4]])[0], abs=1e-9)
    assert np.array_equal(sitk.GetArrayViewFromImage(cropped), values[4:20, 9:13, 0:4])


def test_a_heat_map_without_heat_is_left_out(tmp_path):
    found, _grid = heat_of(np.zeros((4, 5, 6), np.float32))
    result = Result(task="explain", research_use="tests")
    write_voxels(found, result, tmp_path)
    assert result.files == {}
    assert names_in(tmp_path) == set()
