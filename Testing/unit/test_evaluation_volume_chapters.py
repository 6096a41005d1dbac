"""Evaluation of method 3: from a cohort and a model to chapters, tables and a row for each scan."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from HNCLogic.errors import InputError
from HNCLogic.evaluation import page, volume_answers, volume_chapters
from HNCLogic.evaluation.lesions_found import find_lesions
from HNCLogic.evaluation.presence_answers import Asked, asked_of, one_fold
from HNCLogic.evaluation.segmentation import compare
from HNCLogic.job import Lesion
from HNCLogic.training.cohort import Cohort, Scan, read_cohort
from Testing.tiny_models import write_tiny_models
from Testing.unit.small_cohort import write_cohort

pytest.importorskip("torch")
ML = 0.0156


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    from HNCLogic.models.store import find_model

    return find_model(str(write_tiny_models(tmp_path_factory.mktemp("models"))["volume"]))


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    return read_cohort(write_cohort(tmp_path_factory.mktemp("cohort"), 4))


def _made(count=40):
    """Scans with a primary and a node, outlined with errors; three without tumour, one of which
    was outlined all the same; patients live the shorter the more tumour they have."""
    rng = np.random.default_rng(6)
    answers = []
    for number in range(count):
        truth = np.zeros((12, 24, 24), np.uint8)
        sick = number >= 3
        if sick:
            wide = int(rng.integers(3, 10))
            truth[2 : 2 + wide, 3 : 3 + wide, 3 : 3 + wide] = 1
            truth[8:11, 16:20, 16:20] = 2
        said = np.roll(truth, rng.integers(0, 2), 2)
        if number in (0, 5):
            said[1:5, 18:22, 2:6] = 2
        if number == 7:
            said[said == 2] = 0
        time = float(np.round(rng.exponential(4000 / (20 + (truth > 0).sum())) + 1, 2))
        known = number != 10
        scan = Scan(
            f"p{number:02d}", "1", "here", {}, Path("mask.nrrd"), sick,
            time if known else None, bool(number % 4) if known else None,
        )  # fmt: skip
        answers.append(
            volume_answers.Outlined(
                Asked(scan, sick, None, {}),
                compare(said, truth, ML),
                find_lesions(said, truth, ML),
                [f"a caution of {number} mm", "another"] if number < 2 else [],
                (2.0, 2.0, 3.0) if number % 2 else (4.07, 4.07, 5.0),
            )
        )
    return answers


@pytest.fixture
def evaluated(monkeypatch):
    """Chapters and rows of the made answers, cross-validated."""
    answers = _made()
    monkeypatch.setattr(volume_chapters, "outline_all", lambda *_: answers)
    monkeypatch.setattr(
        "HNCLogic.evaluation.presence_answers.asked_of",
        lambda *_, **__: [one.asked for one in answers],
    )
    monkeypatch.setattr("HNCLogic.evaluation.presence_answers.one_fold", lambda model, n: model)
    evaluation = page.Evaluation("Test", {})
    scans = tuple(one.asked.scan for one in answers)
    folds = {scan.name: 1 + i % 5 for i, scan in enumerate(scans)}
    rows = volume_chapters.volume(evaluation, None, Cohort(Path("c.csv"), scans), folds)
    return answers, evaluation, rows


def test_the_chapters_hold_the_papers_tables_and_figures(evaluated, tmp_path):
    answers, evaluation, _ = evaluated
    assert [one.name for one in evaluation.chapters] == ["delineation", "burden", "survival"]
    summary = page.write(evaluation, tmp_path)
    figures = json.loads((tmp_path / "summary.json").read_text())["figures"]
    assert figures == summary["figures"]

    found = figures["delineation"]["dice"]["union"]
    counts = np.sum([one.overlap.shared["union"] for one in answers[3:]], axis=0)
    assert found["pooled"] == pytest.approx(2 * counts[0] / (counts[1] + counts[2]))
    assert found["scans"] == 37  # those without tumour are not in it
    assert found["pooled_interval"]["low"] < found["pooled"] < found["pooled_interval"]["high"]
    assert figures["delineation"]["dice"]["nodes"]["failed"] == 1
    assert figures["delineation"]["lesions"]["nodes"]["fn"] == 1
    assert figures["delineation"]["lesions"]["nodes"]["fp"] == 1
    clean = figures["delineation"]["scans_without_tumour_left_empty"]
    assert (clean["of"], clean["value"]) == (3, pytest.approx(2 / 3))
    assert figures["burden"]["agreement"]["scans"] == 37
    assert figures["survival"]["survival"]["patients"] == 36  # of one nothing is known
    assert figures["survival"]["survival"]["annotated"]["grouped"]["ratio"] > 1
    assert evaluation.warnings == [
        "a caution of 0 mm (2 of 40 scans; the numbers are the first one's)",
        "another (2 of 40 scans)",
    ]
    assert "PET's own voxels, 2 × 2 × 3 to 4.07 × 4.07 × 5 mm" in evaluation.chapters[0].words
    text = (tmp_path / "tables.md").read_text()
    for title in ("Delineation performance", "Classification performance", "Lesion detection"):
        assert title in text
    assert "Of 3 scans without tumour 2 were left without an outline" in text
    pictures = sorted(path.stem for path in (tmp_path / "figures").iterdir())
    assert pictures == ["burden-correlation", "delineation-dice", "survival-kaplan-meier"]


def test_a_row_for_each_scan(evaluated):
    answers, _, rows = evaluated
    assert len(rows) == 40
    assert rows[0]["fold"] == 1
    assert (rows[0]["dice_union"], rows[0]["dice_primary"]) == ("0.0000", "")
    assert (rows[7]["lesions_annotated"], rows[7]["lesions_found"]) == (2, 1)
    assert float(rows[5]["annotated_ml"]) == pytest.approx(answers[5].annotated_ml, abs=1e-3)
    assert rows[5]["lesions_false"] == 1


def test_external_data_take_the_cutoff_they_are_given():
    sick = [one for one in _made() if one.annotated]
    chapter = volume_chapters._survival("External", sick, 2.5)
    found = chapter.figures["survival"]
    assert found.cutoff_ml == 2.5
    assert "parted at 2.5 ml, as was given" in chapter.words
    known = [one for one in sick if one.asked.scan.time is not None]
    assert found.network.curves["high"].patients == sum(one.outlined_ml > 2.5 for one in known)


def test_the_command_evaluates_a_volume_model(model, cohort, tmp_path):
    from HNCLogic.evaluation.run import Order, evaluate

    order = Order(str(model.folder), tmp_path / "out", cohort.path, cutoff_ml=3.0)
    summary = evaluate(order)
    assert set(summary["figures"]) == {"delineation", "burden", "survival"}
    rows = list(csv.DictReader((tmp_path / "out" / "scans.csv").open()))
    assert [row["lesions_annotated"] for row in rows] == ["2", "0", "2", "0"]


def test_of_few_deaths_the_page_says_so():
    few = volume_chapters._survival("x", _made(8)[3:])
    assert "Of 5 patients with tumour survival is known" in few.words
    assert "4 of them died" in few.words
    assert (few.tables, few.pictures, few.figures) == ([], [], {"survival": None})


def test_an_answer_is_what_a_user_gets_compared_with_the_mask(model, cohort):
    metrics = pytest.importorskip("monai.metrics")
    import torch

    from HNCLogic import outlines, steps
    from HNCLogic.job import Job

    asked = asked_of(cohort, model, with_labels=False)
    volume_answers.require_masks(asked, cohort.path)
    answers = volume_answers.outline_all(asked, lambda place: model, cohort.path)
    assert [one.annotated for one in answers] == [True, False, True, False]
    for one in (answers[0], answers[1]):
        job = Job(
            task="segment", images=one.asked.images, out=Path("x"), volume_model=str(model.folder)
        )
        found = steps.read(job)
        outlines.lesions(job, found, model, lambda share, words: None)
        said = sitk.GetArrayFromImage(found.labels) > 0
        truth = sitk.GetArrayFromImage(sitk.ReadImage(str(one.asked.scan.mask))) > 0
        assert said.any()
        union = one.overlap.shared["union"]
        assert union.outlined == pytest.approx(found.totals[-1].mtv_ml)
        assert union.annotated == pytest.approx(truth.sum() * 0.125)
        a, b = (torch.from_numpy(each)[None, None].float() for each in (said, truth))
        theirs = float(metrics.DiceMetric(ignore_empty=False)(a, b)[0, 0])
        assert 2 * union.both / (union.outlined + union.annotated) == pytest.approx(
            theirs, abs=1e-6
        )
    assert [len(one.lesions.annotated) for one in answers] == [2, 0, 2, 0]


def test_a_fold_answers_for_the_scans_it_did_not_see(model, cohort):
    evaluation = page.Evaluation("Test", {})
    folds = {scan.name: 1 + number % 2 for number, scan in enumerate(cohort.scans)}
    rows = volume_chapters.volume(evaluation, model, cohort, folds)
    asked = asked_of(cohort, model, with_labels=False)
    for number in (0, 1):
        alone = volume_answers.outline(asked[number], one_fold(model, 1 + number))
        assert float(rows[number]["outlined_ml"]) == pytest.approx(alone.outlined_ml, abs=1e-3)
    assert [chapter.name for chapter in evaluation.chapters] == [
        "delineation",
        "burden",
        "survival",
    ]


def test_lesions_become_classes():
    labels = np.array([[[0, 1, 2, 3]]], np.uint16)
    lesions = [
        Lesion.model_construct(label=1, kind="primary"),
        Lesion.model_construct(label=2, kind="node"),
        Lesion.model_construct(label=3, kind="node"),
    ]
    assert volume_answers.as_classes(labels, lesions).tolist() == [[[0, 1, 2, 2]]]
    assert not volume_answers.as_classes(np.zeros((1, 1, 2), np.uint16), []).any()


def test_a_scan_with_neither_mask_nor_label_is_refused(model, cohort, tmp_path):
    rows = list(csv.DictReader(cohort.path.open()))
    for row in rows:
        row["CT"] = row["PET"] = str(cohort.path.parent / row["PET"])
        row["mask"] = ""
    rows[2]["label"] = ""
    path = tmp_path / "cohort.csv"
    with path.open("w", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows([rows[1], rows[2]])
    told = read_cohort(path)
    with pytest.raises(InputError, match="entry 2: no mask to compare"):
        volume_chapters.volume(page.Evaluation("Test", {}), model, told)
