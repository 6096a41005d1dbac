"""What a run was trained on is no test of its model: refused by name, image and mirrored image."""

import csv
import json
import shutil

import pytest
import SimpleITK as sitk

from HNCLogic.training.known_images import IMAGES
from Testing.unit.small_cohort import write_cohort

SMALL = {
    "preparation": {"pixels": 16, "window": 12, "stride": 6}, "entry_filters": 4,
    "filters": [4, 8], "dense": 8, "dropout": 0.0, "learning_rate": 0.01, "epochs": 1,
    "copies": 0, "batch": 4, "micro_batch": 4, "shift": 2,
}  # fmt: skip


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    return write_cohort(tmp_path_factory.mktemp("trained-on"), 8)


@pytest.fixture(scope="module")
def run(cohort, tmp_path_factory):
    from HNCLogic.training.run import Order, train

    out = tmp_path_factory.mktemp("trained") / "run"
    train(Order("presence", cohort, out, SMALL, folds=2, accept_metadata=True), lambda words: None)
    return out


@pytest.fixture
def others(tmp_path):
    return write_cohort(tmp_path / "others", 4, first=200)


def changed(path, change, name="changed.csv"):
    """The table at ``path``, changed, beside it."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    change(rows)
    with (path.parent / name).open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
    return path.parent / name


def test_a_run_keeps_the_hashes_of_its_images(run, cohort):
    from HNCLogic.images.study import read_study
    from HNCLogic.training.cohort import read_cohort
    from HNCLogic.training.leakage import facts_of

    held = json.loads((run / IMAGES).read_text(encoding="utf-8"))
    assert sorted(held) == [f"p{number:02d}" for number in range(8)]
    scan = read_cohort(cohort).scans[3]
    facts = facts_of(scan, read_study({"PET": scan.images["PET"]}))
    assert held["p03"] == {"hashes": sorted(facts.hashes), "voxels": sorted(facts.voxels)}


def test_other_patients_are_said_to_be_others(hnc, run, others, tmp_path):
    for place, what in enumerate((run, run / "model")):
        ended = hnc("evaluate", what, "--cohort", others, "--out", tmp_path / str(place), "--json")
        assert ended.code == 0, ended.err
        assert list(ended.json["figures"]) == ["test"]
        assert ended.json["about"]["Apart from training"].startswith("no patient's name and no im")
        assert not any("is not known here" in words for words in ended.json["warnings"])


def test_a_name_that_the_run_was_trained_on_is_refused(run, others, refused):
    def rename(rows):
        rows[2]["patient"] = "p05"

    named = changed(others, rename)
    for what in (run, run / "model"):
        said = refused("evaluate", what, "--cohort", named, "--out", others.parent / "out",
                       says="entry 3")  # fmt: skip
        assert "was trained on a patient of this name, 'p05'" in said


def test_an_image_that_the_run_was_trained_on_is_refused(run, cohort, others, refused):
    held = sitk.ReadImage(str(cohort.parent / "05_PET.nrrd"))
    for image in (held, held[::-1, :, :]):  # as it is, and mirrored
        sitk.WriteImage(image, str(others.parent / "201_PET.nrrd"))
        said = refused("evaluate", run, "--cohort", others, "--out", others.parent / "out",
                       says="entry 2: an image of 'p201' is one that")  # fmt: skip
        assert "as of 'p05'" in said
    # Of a run from before there was a record, its cache tells.
    old = others.parent / "old"
    shutil.copytree(run, old)
    (old / IMAGES).unlink()
    refused("evaluate", old, "--cohort", others, "--out", others.parent / "out", says="entry 2")
    (old / IMAGES).write_text("[1, 2]")
    refused("evaluate", old, "--cohort", others, "--out", others.parent / "out",
            says="is not the record of a run's images")  # fmt: skip


def test_without_a_record_the_page_says_that_names_alone_were_compared(hnc, run, others, tmp_path):
    bare = tmp_path / "bare"
    shutil.copytree(run, bare, ignore=shutil.ignore_patterns("cache", IMAGES))
    ended = hnc("evaluate", bare, "--cohort", others, "--out", tmp_path / "out", "--json")
    assert ended.code == 0, ended.err
    assert any("only patients' names were compared" in words for words in ended.json["warnings"])
    assert "Apart from training" not in ended.json["about"]


def test_the_runs_own_cohort_is_judged_by_fold_where_its_table_has_changed(
    hnc, run, cohort, tmp_path
):
    def score(rows):
        for row, said in zip(rows, (5, 1, 4, 2, 2, 3, 5, 1), strict=True):
            row["reader_score"] = said

    scored = changed(cohort, score, "scored.csv")
    words = ("evaluate", run, "--cohort", scored, "--own-cohort", "--json")
    ended = hnc(*words, "--out", tmp_path / "out")
    assert ended.code == 0, ended.err
    found = ended.json["figures"]["cross_validation"]
    assert found["reader"]["scans"] == 8
    before = hnc("evaluate", run, "--json", "--out", tmp_path / "before").json
    assert found["auc"] == before["figures"]["cross_validation"]["auc"]
    assert ended.json["about"]["How"] == before["about"]["How"]


def test_what_is_not_the_runs_own_is_refused(run, cohort, others, refused, tmp_path):
    out = others.parent / "out"

    def swap(rows):
        rows[1]["PET"], rows[3]["PET"] = rows[3]["PET"], rows[1]["PET"]

    def other_label(rows):
        rows[4].update(label="0", mask="")

    swapped = changed(cohort, swap, "swapped.csv")
    relabelled = changed(cohort, other_label, "relabelled.csv")
    for table, says in (
        (swapped, "entry 2: an image of 'p01' is not the one that"),
        (relabelled, "entry 5: "),
        (others, "entry 1: an image of 'p200' is not the one that"),
    ):
        refused("evaluate", run, "--cohort", table, "--own-cohort", "--out", out, says=says)
    refused("evaluate", run / "model", "--cohort", cohort, "--own-cohort", "--out", out,
            says="no training run's folder")  # fmt: skip
