"""Evaluation of method 2: slices of a cohort, with all images and with the PET alone."""

import csv
import json

import numpy as np
import pytest
import SimpleITK as sitk

from HNCLogic.evaluation import page, slice_answers, slice_chapters, slices
from HNCLogic.evaluation.presence_answers import asked_of
from HNCLogic.training.cohort import read_cohort
from Testing.tiny_models import WORDS
from Testing.unit.small_cohort import write_cohort

pytest.importorskip("torch")
ARGUMENTS = {"in_channels": 2, "base_filters": 2, "levels": 2}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """Two folds of random weights, scaled differently; the MRI may be missing."""
    import torch

    from HNCLogic.models.store import find_model
    from HNCLogic.models.writing import write_model
    from HNCLogic.networks.registry import make

    torch.manual_seed(1)
    states = [make("unet2d", ARGUMENTS).state_dict() for _ in range(2)]
    card = {
        **WORDS, "name": "tiny-slices", "method": "slice-tumour",
        "network": {"name": "unet2d", "arguments": ARGUMENTS},
        "inputs": [{"role": "PET"}, {"role": "MR", "required": False}],
        "preprocessing": {
            "pixels": 32, "field_mm": 260.0,
            "ranges": [[(0, 10), (0, 1500)], [(0, 8), (0, 1400)]],
        },
        "classes": ["tumour"],
        "threshold": {"value": 0.5, "per_fold": [0.48, 0.52], "chosen_by": "hand"},
    }  # fmt: skip
    folder = tmp_path_factory.mktemp("models") / "tiny-slices"
    write_model(folder, card, states)
    return find_model(str(folder))


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    """Four scans with an MRI made of the CT; every other one without tumour."""
    path = write_cohort(tmp_path_factory.mktemp("cohort"), 4)
    rows = list(csv.DictReader(path.open()))
    for row in rows:
        ct = sitk.ReadImage(str(path.parent / row["CT"]))
        row["T1"] = row["CT"].replace("CT", "T1")
        sitk.WriteImage(ct + 1000, str(path.parent / row["T1"]))
    with path.open("w", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
    return read_cohort(path)


def test_an_answer_counts_the_pixels_of_what_a_user_gets(model, cohort):
    from HNCLogic import outlines, steps
    from HNCLogic.job import Delineation, Job

    asked = asked_of(cohort, model, with_labels=False)
    answers = slice_answers.segment_all(asked, lambda place: model, cohort.path)
    assert [one.annotated for one in answers] == [True, False, True, False]
    job = Job(
        task="segment", images=asked[0].images, out=cohort.path, volume_model=str(model.folder),
        delineation=Delineation(minimum_ml=0),
    )  # fmt: skip
    found = steps.read(job)
    outlines.lesions(job, found, model, lambda share, words: None)
    said = sitk.GetArrayFromImage(found.labels) > 0
    truth = sitk.GetArrayFromImage(sitk.ReadImage(str(asked[0].scan.mask))) > 0
    at = answers[0].heights
    assert said.any()
    assert answers[0].slices.segmented.tolist() == said[at].sum(axis=(1, 2)).tolist()
    assert answers[0].slices.both.tolist() == (said & truth)[at].sum(axis=(1, 2)).tolist()
    assert answers[0].slices.annotated.sum() == truth.sum()  # no annotated slice is left out
    assert set(answers[0].slices.fewest) == {1}  # pixels of 5 mm
    assert len(at) == len(truth)  # the whole of this image is head and neck
    again = slice_answers.segment(asked[0], model, heights=at[:3])
    assert again.slices.segmented.tolist() == answers[0].slices.segmented[:3].tolist()


def test_a_fold_alone_has_its_own_network_threshold_and_scaling(model):
    alone = slice_answers.one_fold(model, 2)
    assert alone.folds == 1
    assert alone.card.threshold.value == 0.52
    assert alone.card.preprocessing["ranges"] == model.card.preprocessing["ranges"][1:]
    assert alone.card.weights == model.card.weights[1:]


def test_slices_are_chosen_as_in_the_paper(model):
    def scan(annotated):
        annotated = np.array(annotated)
        counts = slices.Slices(
            annotated, annotated, annotated, np.ones(len(annotated), int), ("p",) * len(annotated)
        )
        return slice_answers.Segmented(None, counts, np.arange(len(annotated)), [])

    answers = [scan([0, 5, 7, 0]), scan([0] * 6), scan([3, 0]), scan([0] * 5)]
    places = slice_answers.as_in_the_paper(answers, seed=3)
    assert places[0].tolist() == [1, 2]
    assert places[2].tolist() == [0]
    drawn = len(places[1]) + len(places[3])
    assert drawn == 3  # as many as have tumour, all from scans without
    assert len(set(places[1])) == len(places[1])
    table = slice_answers.taken(answers, places)
    assert (len(table), (table.annotated > 0).sum()) == (6, 3)
    assert len(slice_answers.taken(answers)) == 17
    same = slice_answers.as_in_the_paper(answers, seed=3)
    assert [a.tolist() for a in same] == [a.tolist() for a in places]
    seen = {tuple(slice_answers.as_in_the_paper(answers, seed=n)[1]) for n in range(20)}
    assert len(seen) > 1
    few = slice_answers.as_in_the_paper([answers[0], scan([0])])
    assert [len(one) for one in few] == [2, 1]


def test_both_ways_are_scored_on_the_same_slices_and_compared(model, cohort, tmp_path):
    evaluation = page.Evaluation("Test", {})
    folds = {scan.name: 1 + number % 2 for number, scan in enumerate(cohort.scans)}
    rows = slice_chapters.slices(evaluation, model, cohort, folds)
    assert [row["fold"] for row in rows] == [1, 2, 1, 2]
    page.write(evaluation, tmp_path)
    figures = json.loads((tmp_path / "summary.json").read_text())["figures"]
    assert set(figures) == {"slices", "all_slices"}
    chosen, every = (figures[name] for name in ("slices", "all_slices"))
    assert set(chosen) == {"PET-MRI", "PET alone", "compared"}
    for name in ("PET-MRI", "PET alone"):
        scores = chosen[name]["scores"]
        truly = scores["slices"]["with tumour"]
        assert scores["slices"]["all"] == 2 * truly > 0
        assert (
            scores["tp"] + scores["fn"] == truly == every[name]["scores"]["slices"]["with tumour"]
        )
        assert every[name]["scores"]["slices"]["all"] == sum(row["slices"] for row in rows)
    assert chosen["compared"]["PET alone"]["with"] == "PET-MRI"
    text = (tmp_path / "tables.md").read_text()
    assert text.count("| PET-MRI |") == text.count("| PET alone |") == 8
    pictures = sorted(path.stem for path in (tmp_path / "figures").iterdir())
    assert pictures == ["all-slices-pixels", "slices-pixels"]


def test_the_command_evaluates_a_slice_model(model, cohort, tmp_path):
    from HNCLogic.evaluation.run import Order, evaluate

    summary = evaluate(Order(str(model.folder), tmp_path / "out", cohort.path))
    assert set(summary["figures"]) == {"slices", "all_slices"}
    rows = list(csv.DictReader((tmp_path / "out" / "scans.csv").open()))
    assert [row["patient"] for row in rows] == ["p00", "p01", "p02", "p03"]
    assert "PET alone" in (tmp_path / "out" / "report.html").read_text()


def test_folds_of_a_run_are_those_of_its_test_patients(cohort, tmp_path):
    from HNCLogic.evaluation.run_folder import TrainingRun, scan_folds

    lines = ["scan,part,fold"]
    for number, scan in enumerate(cohort.scans):
        lines += [
            f"{scan.name},validation,{(number + 1) % 4 + 1}",
            f"{scan.name},test,{number + 1}",
        ]
    (tmp_path / "out_of_fold.csv").write_text("\n".join(lines) + "\n")
    run = TrainingRun(tmp_path, "slice-tumour", cohort.path, "")
    assert list(scan_folds(run, cohort).values()) == [1, 2, 3, 4]


def test_a_cohort_without_tumour_has_nothing_to_compare(model, cohort):
    healthy = type(cohort)(cohort.path, cohort.scans[1::2])
    evaluation = page.Evaluation("Test", {})
    rows = slice_chapters.slices(evaluation, model, healthy)
    assert evaluation.chapters == []
    assert any("nothing to compare" in words for words in evaluation.warnings)
    assert {row["true_positive"] for row in rows} == {0}
