"""What a panel writes: whole or not at all, true to the edits, nothing of the patient's in it."""

import csv
import os
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from HNCLogic import RESEARCH_USE
from HNCLogic.errors import InputError

NAME, NUMBER = "DOE^JANE", "4711-0815"  # what a DICOM import makes of a patient's nodes


def lesion(label: int, kind: str, name: str, at):
    from HNCLogic.job import Lesion

    return Lesion(
        label=label,
        name=name,
        kind=kind,
        mtv_ml=9.25 / label,
        suv_max=12.5 / label,
        suv_mean=7.5,
        suv_peak=11.0,
        tlg_ml=69.4,
        dmax_mm=25.5,
        centroid_ras=at,
        suv_max_ras=at,
        side="right" if at[0] > 0 else "left",
    )


@pytest.fixture
def case(small_patient):
    """Result and nodes as a panel has them after a run: volumes, segmentation, heat map."""
    from HNCLogic.images.grid import Grid, ras
    from HNCLogic.job import Result, Totals
    from HNCLogic.scene.heatmap import add_heat_map
    from HNCLogic.scene.segments import add_segmentation
    from Testing.panels.charts_shown import explanation, presence

    scene = small_patient.pet_node.GetScene()
    truth = small_patient.truth
    array, grid = sitk.GetArrayViewFromImage(truth), Grid.of(truth)
    middles = {
        int(value): ras(grid.points(np.argwhere(array == value).mean(axis=0)[None, ::-1])[0])
        for value in np.unique(array)
        if value
    }
    names = {1: ("primary", "Primary tumour"), 2: ("node", "Node 1")}
    lesions = [lesion(value, *names[value], at) for value, at in middles.items()]
    every = Totals(
        group="all",
        count=len(lesions),
        mtv_ml=13.9,
        suv_max=12.5,
        suv_mean=7.5,
        suv_peak=11.0,
        tlg_ml=138.8,
        dmax_mm=80.0,
        centroid_ras=None,
        side="both",
    )
    result = Result(
        task="analyze",
        research_use=RESEARCH_USE,
        simulated="A simulated patient",
        presence=presence(),
        explanation=explanation(),
        delineation="neural network",
        delineation_trained_on="simulated patients",
        lesions=lesions,
        totals=[every],
        files={"labels": "/tmp/somewhere/labels.nrrd", "heatmap": "heatmap.nrrd"},
        warnings=["The CT is short."],
    )
    segmentation = add_segmentation(scene, truth, lesions, "Lesions", small_patient.pet_node)
    heat = (sitk.GetArrayViewFromImage(truth) == 1).astype(np.float32)
    heatmap = add_heat_map(scene, grid.image(heat))
    volumes = {"PET": small_patient.pet_node, "CT": small_patient.ct_node}
    for role, node in volumes.items():
        node.SetName(f"{NAME} {NUMBER} {role}")
    return result, volumes, segmentation, heatmap


def write(case, folder: Path, **more):
    """The steps that a panel runs."""
    from HNCLogic.panels import report_writer

    result, volumes, segmentation, heatmap = case
    given = {"segmentation": segmentation, "heatmap": heatmap} | more
    return report_writer.write(given.pop("result", result), volumes, folder, **given)


def to_the_end(steps):
    said = []
    while True:
        try:
            said.append(next(steps))
        except StopIteration as stop:
            return said, stop.value


def held(folder: Path) -> set[str]:
    return {one.relative_to(folder).as_posix() for one in folder.rglob("*") if one.is_file()} - {
        ".hnc-output"
    }


def node_ids(scene) -> list[str]:
    return sorted(scene.GetNthNode(n).GetID() for n in range(scene.GetNumberOfNodes()))


PICTURES = {
    *(
        f"views/{plane}{kind}.png"
        for plane in ("axial", "coronal", "sagittal")
        for kind in ("", "-heat")
    ),
    "views/mip-anterior.png",
    "views/mip-left.png",
}


def test_report_pictures_lesions_and_outlines_are_written(host, case, tmp_path):
    from HNCLogic.scene.segments import read_segmentation

    out = tmp_path / "report"
    there, result = node_ids(host.scene), case[0]
    before = result.model_copy(deep=True)
    said, report = to_the_end(write(case, out))
    assert report == out / "report.html"
    assert held(out) == PICTURES | {"report.html", "lesions.csv", "segmentation.seg.nrrd"}
    assert said[0] == "reading the images"
    assert said[-2:] == ["writing the report", "putting the files in place"]
    assert sum("drawing pictures" in words for words in said) > len(PICTURES)
    page = report.read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") == len(PICTURES)
    for words in (
        RESEARCH_USE,
        "A simulated patient",
        "simulated patients",
        "Primary tumour",
        "The CT is short.",
        "lesions.csv, segmentation.seg.nrrd",
        "Positive for cancer",
    ):
        assert words in page, words
    assert "edited by the user" not in page
    labels = sitk.GetArrayFromImage(sitk.ReadImage(out / "segmentation.seg.nrrd"))
    ours, _segments = read_segmentation(case[2])
    assert np.array_equal(labels > 0, sitk.GetArrayViewFromImage(ours) > 0)
    assert node_ids(host.scene) == there
    assert result == before


def test_nothing_of_the_patients_and_no_path_is_in_it(host, case, tmp_path):
    out = tmp_path / "private-folder-name"
    to_the_end(write(case, out))
    for name in held(out):
        content = (out / name).read_bytes()
        if name.endswith(".png"):
            assert b"tEXt" not in content[:2000]  # pixels alone
            continue
        content = re.sub(rb"base64,[\w+/=]+", b"", content)
        for word in (NAME, "DOE", NUMBER, str(tmp_path), "private-folder-name", "/tmp/"):
            assert word.encode() not in content, f"{word} in {name}"


def test_after_edits_the_report_has_the_edited_lesions_and_says_so(host, case, tmp_path):
    from HNCLogic.job import Totals
    from HNCLogic.panels import report_writer
    from HNCLogic.scene.segments import segment_id

    result, _volumes, segmentation, _heat = case
    segmentation.GetSegmentation().RemoveSegment(segment_id(2))
    segmentation.GetSegmentation().GetSegment(segment_id(1)).SetName("Tongue base")
    left = result.lesions[0].model_copy(update={"label": 7, "name": "Tongue base", "mtv_ml": 4.56})
    totals = [Totals.none("nodes"), result.totals[0].model_copy(update={"count": 1})]
    how = f"{result.delineation}; {report_writer.EDITED}"
    changed = result.model_copy(
        update={"lesions": [left], "totals": totals, "delineation": how}, deep=True
    )
    _said, report = to_the_end(
        write(case, tmp_path / "out", result=changed, lesions_of={segment_id(1): left})
    )
    page = report.read_text(encoding="utf-8")
    assert "Outlined by: <strong>neural network; outlines edited by the user</strong>" in page
    assert "Tongue base" in page
    assert "Node 1" not in page
    rows = list(csv.DictReader((tmp_path / "out/lesions.csv").open(encoding="utf-8-sig")))
    assert [row["Name"] for row in rows] == ["Tongue base", "Total nodes", "Total all"]
    assert rows[0]["MTV [ml]"] == "4.56"
    assert {row["Delineation"] for row in rows} == {"neural network; outlines edited by the user"}
    header = (tmp_path / "out/segmentation.seg.nrrd").read_bytes()[:20_000]
    assert b"Tongue base" in header
    assert b"Node 1" not in header


def test_the_views_stay_and_the_panel_stays_alive(host, case, tmp_path):
    from HNCLogic.panels.stepwise import Stepwise
    from Testing.scene.test_views_in_steps import users_views

    before = users_views(_application())
    done, failed, said = [], [], []
    work = Stepwise(write(case, tmp_path / "out"), done.append, failed.append, said.append)
    work.start()
    assert host.wait(lambda: done or failed, 120)
    assert not failed
    assert done == [tmp_path / "out/report.html"]
    assert len(set(said)) > 8
    assert users_views(_application()) == before


def _application():
    from HNCLogic.scene.application import of_desktop

    return of_desktop()


@pytest.mark.parametrize("steps", [1, 3, 12, 40])
def test_cancelled_half_way_leaves_nothing(host, case, tmp_path, steps):
    there = node_ids(host.scene)
    work = write(case, tmp_path / "new/report")
    for _ in range(steps):
        next(work)
    assert node_ids(host.scene) != there or steps not in (12, 40)
    work.close()
    assert os.listdir(tmp_path) == []
    assert node_ids(host.scene) == there


def test_the_scene_is_closed_half_way(host, case, tmp_path):
    work = write(case, tmp_path / "out")
    for _ in range(12):
        next(work)
    host.close_scene()
    work.close()
    assert not (tmp_path / "out").exists()


def test_an_earlier_report_is_replaced_and_nothing_else(host, case, tmp_path):
    out = tmp_path / "out"
    to_the_end(write(case, out))
    first = (out / "report.html").read_bytes()
    to_the_end(write(case, out, heatmap=None))
    assert "views/axial-heat.png" not in held(out)
    assert (out / "report.html").read_bytes() != first
    (out / "mine.txt").write_text("not a report")
    again = held(out)
    with pytest.raises(InputError, match="give another folder"):
        to_the_end(write(case, out))
    assert held(out) == again


def test_a_folder_that_cannot_be_written_says_so(host, case, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match="give a folder"):
        to_the_end(write(case, tmp_path / "file"))


def test_the_scene_is_saved_where_asked_and_opens(host, case, tmp_path):
    out = tmp_path / "out"
    said, _report = to_the_end(write(case, out, with_scene=True))
    assert "saving the scene: the window waits for it" in said
    with zipfile.ZipFile(out / "scene.mrb") as bundle:
        (scene,) = [bundle.read(name) for name in bundle.namelist() if name.endswith(".mrml")]
    assert b"HNC picture" not in scene
    assert "scene.mrb" in (out / "report.html").read_text(encoding="utf-8")
    host.close_scene()
    host.load_scene(out / "scene.mrb")
    assert host.scene.GetFirstNodeByClass("vtkMRMLSegmentationNode").GetName() == "Lesions"


def test_without_opengl_the_report_is_there_without_pictures(host, case, tmp_path, monkeypatch):
    def none(*_size):
        raise InputError("Pictures need OpenGL")

    monkeypatch.setattr("HNCLogic.scene.views.Canvas", none)
    _said, report = to_the_end(write(case, tmp_path / "out"))
    assert held(tmp_path / "out") == {"report.html", "lesions.csv", "segmentation.seg.nrrd"}
    assert "No pictures: Pictures need OpenGL" in report.read_text(encoding="utf-8")


def test_a_verdict_alone_has_no_lesions(host, case, tmp_path):
    result = case[0].model_copy(
        update={"lesions": [], "totals": [], "delineation": None, "delineation_trained_on": None}
    )
    _said, report = to_the_end(write(case, tmp_path / "out", result=result, segmentation=None))
    assert held(tmp_path / "out") == PICTURES | {"report.html"}
    page = report.read_text(encoding="utf-8")
    assert "Where and how much" not in page
    assert not re.search(r"Files beside this one</dt><dd>[^<]*lesions", page)


def test_outlines_that_were_not_measured_are_refused(host, case, tmp_path):
    result = case[0].model_copy(update={"lesions": case[0].lesions[:1]})
    with pytest.raises(InputError, match="measure them again"):
        to_the_end(write(case, tmp_path / "out", result=result))
    assert not (tmp_path / "out").exists()


def test_csv_and_outlines_alone(host, case, tmp_path):
    from HNCLogic.panels import report_writer

    assert report_writer.write_csv(case[0], tmp_path / "lesions") == tmp_path / "lesions.csv"
    assert len((tmp_path / "lesions.csv").read_text(encoding="utf-8-sig").splitlines()) == 4
    for given in ("it", "it.nrrd", "it.seg.nrrd", "it.SEG.NRRD"):
        path = report_writer.write_segmentation(case[2], tmp_path / given)
        assert path.name in ("it.seg.nrrd", "it.SEG.NRRD")
        image = sitk.ReadImage(path)
        assert image.GetSize() == sitk.ReadImage(tmp_path / "it.seg.nrrd").GetSize()
        assert RESEARCH_USE in image.GetMetaData("HNC_ResearchUse")
    with pytest.raises(InputError):
        report_writer.write_csv(case[0], tmp_path / "lesions.csv" / "below-a-file")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(InputError, match="is a folder"):
        report_writer.write_csv(case[0], tmp_path / "folder.csv")


def test_the_browser_is_asked_or_the_user_told(host, case, tmp_path, monkeypatch):
    import qt

    from HNCLogic.panels import report_writer

    path = tmp_path / "report with spaces & ümlaut.html"
    path.write_text("x")
    assert report_writer.open_in_browser(path)
    (url,) = host.opened_urls
    assert qt.QUrl(url).toLocalFile() == str(path)
    assert host.messages == []
    monkeypatch.setattr(qt.QDesktopServices, "openUrl", lambda _url: False)
    assert not report_writer.open_in_browser(path)
    assert str(path) in host.messages[0][1]
