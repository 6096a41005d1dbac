"""``hnc evaluate`` on a small cohort: a model, a training run, and what is refused."""

import csv
import json
import re
import shutil

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import average_precision_score, confusion_matrix, roc_auc_score

from Testing.unit.small_cohort import write_cohort

SMALL = {
    "preparation": {"pixels": 16, "window": 12, "stride": 6}, "entry_filters": 4,
    "filters": [4, 8], "dense": 8, "dropout": 0.0, "learning_rate": 0.01, "epochs": 1,
    "copies": 0, "batch": 4, "micro_batch": 4, "shift": 2,
}  # fmt: skip
SCORES = (5, 1, 4, 2, 2, 3, 5, 1, 4, 1, 3, 2)


def table_of(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def rewrite(path, rows):
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
    return path


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    """Twelve scans, six with cancer, that a reader has scored."""
    path = write_cohort(tmp_path_factory.mktemp("evaluated"), 12)
    rows = table_of(path)
    for row, score in zip(rows, SCORES, strict=True):
        row["reader_score"] = score
    return rewrite(path, rows)


@pytest.fixture(scope="module")
def run(cohort, tmp_path_factory):
    from HNCLogic.training.run import Order, train

    out = tmp_path_factory.mktemp("trained") / "run"
    train(Order("presence", cohort, out, SMALL, folds=2), lambda words: None)
    return out


def standing_alone(page):
    text = page.read_text(encoding="utf-8")
    assert "Research use" in text
    assert "<script" not in text
    assert not re.findall(r'(?:src|href)="(?!data:image/png;base64,)', text)
    return text


def test_a_model_is_judged_scan_by_scan(hnc, cohort, tiny_models, tmp_path):
    out = tmp_path / "out"
    ended = hnc("evaluate", tiny_models["presence"], "--cohort", cohort, "--out", out,
                "--about", "Made-up scans", "--json")  # fmt: skip
    assert ended.code == 0, ended.err
    assert ended.json == json.loads((out / "summary.json").read_text(encoding="utf-8"))
    assert ended.json["about"]["Trained on"] == "nothing: random weights, for tests"
    found = ended.json["figures"]["test"]
    rows = table_of(out / "scans.csv")
    label = np.array([int(row["label"]) for row in rows])
    value = np.array([float(row["probability"]) for row in rows])
    said = np.array([int(row["verdict"]) for row in rows])
    assert found["auc"]["value"] == pytest.approx(roc_auc_score(label, value))
    assert found["average_precision"]["value"] == pytest.approx(
        average_precision_score(label, value)
    )
    tn, fp, fn, tp = confusion_matrix(label, said).ravel().tolist()
    assert found["verdicts"]["confusion"] == {"tn": tn, "fp": fp, "fn": fn, "tp": tp}
    wilson = binomtest(tp, tp + fn).proportion_ci(0.95, "wilson")
    assert found["verdicts"]["sensitivity"]["low"] == pytest.approx(wilson.low, abs=1e-6)
    yes = np.array(SCORES) >= 3
    tn, fp, fn, tp = confusion_matrix(label, yes).ravel().tolist()
    assert found["reader"]["reader"]["confusion"] == {"tn": tn, "fp": fp, "fn": fn, "tp": tp}
    assert found["reader"]["reader_auc"]["value"] == pytest.approx(roc_auc_score(label, SCORES))
    assert set(found["aggregations"]) == {"mean", "median", "majority", "weighted", "max"}
    assert found["aggregations"]["majority"]["auc"] is None
    assert found["aggregations"]["mean"]["verdicts"] == found["verdicts"]
    assert [one["fold"] for one in found["networks"]] == [1, 2]
    assert [one["prevalence"] for one in found["at_prevalence"]] == [0.05, 0.2, 0.5]
    text = standing_alone(out / "report.html")
    for title in ("beside the reader", "Where cancer is rarer", "Model beside reader", "Made-up"):
        assert title.lower() in text.lower()
    assert {p.stem for p in (out / "figures").iterdir()} == {
        "test-roc", "test-precision-recall", "test-calibration", "test-roc-by-network",
    }  # fmt: skip
    assert "Majority vote" in (out / "tables.md").read_text(encoding="utf-8")
    # What is judged is what a user gets.
    alone = hnc("classify", "--pet", cohort.parent / "04_PET.nrrd", "--presence-model",
                tiny_models["presence"], "--out", tmp_path / "alone", "--json")  # fmt: skip
    assert alone.code == 0, alone.err
    assert value[4] == pytest.approx(alone.json["presence"]["probability"], abs=1e-9)


def test_a_run_is_judged_by_the_folds_that_did_not_see_the_scan(hnc, run, cohort, tmp_path):
    out = tmp_path / "out"
    ended = hnc("evaluate", run, "--out", out, "--heatmaps", "--sanity-scans", 1)
    assert ended.code == 0, ended.err
    assert "Mean and median of the folds" in ended.out
    found = json.loads((out / "summary.json").read_text(encoding="utf-8"))["figures"]
    assert list(found) == ["cross_validation", "heatmaps"]
    rows = table_of(run / "out_of_fold.csv")
    for way, column in (("own_thresholds", "threshold"), ("nested_thresholds", "nested_threshold")):
        each = []
        for one in found["cross_validation"][way]["folds"]:
            own = [row for row in rows if int(row["fold"]) == one["fold"]]
            label = [int(row["label"]) for row in own]
            value = [float(row["probability"]) for row in own]
            yes = [v >= float(row[column]) for v, row in zip(value, own, strict=True)]
            assert one["auc"]["value"] == pytest.approx(roc_auc_score(label, value))
            assert one["auc"]["low"] <= one["auc"]["value"] <= one["auc"]["high"]
            assert one["auc"]["low"] < one["auc"]["high"]
            counts = confusion_matrix(label, yes).ravel().tolist()
            assert list(one["verdicts"]["confusion"].values()) == counts
            each.append(one["auc"]["value"])
        mean = found["cross_validation"][way]["mean"]["AUC"]
        assert mean["value"] == pytest.approx(np.mean(each))
        assert mean["low"] <= mean["value"] <= mean["high"]
    assert found["heatmaps"]["fidelity"]["scans"] == 6
    assert (out / "figures" / "cross-validation-roc-by-fold.png").stat().st_size > 10_000
    text = standing_alone(out / "report.html")
    assert "Heat map against annotated lesions" in text
    # The same cohort by name is the same evaluation.
    again = hnc("evaluate", run, "--cohort", cohort, "--out", tmp_path / "again", "--json")
    assert again.json["figures"]["cross_validation"] == found["cross_validation"]


def test_on_another_cohort_it_is_the_runs_model_that_answers(hnc, run, tmp_path):
    other = write_cohort(tmp_path / "other", 6, first=50)
    ended = hnc("evaluate", run, "--cohort", other, "--out", tmp_path / "out", "--json")
    assert ended.code == 0, ended.err
    assert list(ended.json["figures"]) == ["test"]
    assert ended.json["figures"]["test"]["reader"] is None
    assert ended.json["about"]["How"] == "each scan by the whole model, as it answers a user"


def test_a_cohort_of_one_label_has_no_curve(hnc, cohort, tiny_models, tmp_path):
    rows = [row for row in table_of(cohort) if row["label"] == "1"]
    sick = rewrite(cohort.parent / "sick.csv", rows)
    ended = hnc("evaluate", tiny_models["presence"], "--cohort", sick, "--out", tmp_path / "out",
                "--json")  # fmt: skip
    assert ended.code == 0, ended.err
    found = ended.json["figures"]["test"]
    assert found["auc"] is None
    assert found["verdicts"]["specificity"]["value"] is None
    assert any("no ROC curve" in words for words in ended.json["warnings"])
    standing_alone(tmp_path / "out" / "report.html")


def changed(cohort, name, change):
    rows = table_of(cohort)
    change(rows)
    return rewrite(cohort.parent / name, rows)


def test_what_cannot_be_judged_is_refused(hnc, cohort, run, tiny_models, tmp_path):
    model = tiny_models["presence"]
    scored = changed(cohort, "scored.csv", lambda rows: rows[2].update(reader_score="7"))
    unknown = changed(cohort, "unknown.csv", lambda rows: rows[3].update(label="", mask=""))
    without = changed(cohort, "without.csv", lambda rows: rows[5].update(PET=""))
    unfinished = tmp_path / "unfinished"
    shutil.copytree(run, unfinished, ignore=shutil.ignore_patterns("model", "cache"))
    mixed = tmp_path / "mixed"
    shutil.copytree(run, mixed, ignore=shutil.ignore_patterns("cache"))
    text = (mixed / "out_of_fold.csv").read_text().replace("p03/1", "p99/1")
    (mixed / "out_of_fold.csv").write_text(text)
    moved = tmp_path / "moved"
    shutil.copytree(run, moved, ignore=shutil.ignore_patterns("cache"))
    about = json.loads((moved / "run.json").read_text())
    (moved / "run.json").write_text(json.dumps(about | {"cohort": "/nowhere/cohort.csv"}))
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    (damaged / "run.json").write_text("{}")
    for words, says in (
        ((model,), "which patients to evaluate on: --cohort"),
        (("no-such-model", "--cohort", cohort), "no model called"),
        ((model, "--cohort", tmp_path / "none.csv"), "cannot be read"),
        ((model, "--cohort", scored), "entry 3: column 'reader_score' must be 1, 2, 3, 4 or 5"),
        ((model, "--cohort", unknown), "entry 4: neither label nor mask"),
        ((model, "--cohort", without), "entry 6: the model tiny-presence 0.1 needs PET"),
        ((unfinished,), "has not come to its end"),
        ((mixed,), "do not name the same scans"),
        ((moved,), "no longer at"),
        ((damaged,), "is not the record of a training run"),
    ):
        ended = hnc("evaluate", *words, "--out", tmp_path / "out")
        assert ended.code == 2, says
        assert says in ended.err
        assert ended.err.startswith("hnc: ")
        assert not (tmp_path / "out").exists()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.doc").write_text("mine")
    ended = hnc("evaluate", model, "--cohort", cohort, "--out", tmp_path / "mine", "--overwrite")
    assert ended.code == 2
    assert "thesis.doc" in ended.err


def test_a_readers_outlines_stand_beside_the_networks(hnc, tiny_models, tmp_path):
    import SimpleITK as sitk

    path = write_cohort(tmp_path / "read", 4)
    rows, shared, sizes = table_of(path), 0, 0
    for row in rows:
        row["reader_mask"] = f"reader-{row['patient']}.nrrd" if row["label"] == "1" else ""
        if row["label"] == "1":
            mask = sitk.ReadImage(str(path.parent / row["mask"]))
            theirs = sitk.GetArrayFromImage(mask)
            theirs[theirs == 2] = 0  # the reader missed the node
            truth = sitk.GetArrayFromImage(mask)
            shared += int(((theirs > 0) & (truth > 0)).sum())
            sizes += int((theirs > 0).sum() + (truth > 0).sum())
            image = sitk.GetImageFromArray(theirs)
            image.CopyInformation(mask)
            sitk.WriteImage(image, str(path.parent / row["reader_mask"]))
    rewrite(path, rows)
    words = ("evaluate", tiny_models["volume"], "--cohort", path)
    ended = hnc(*words, "--out", tmp_path / "out", "--json")
    assert ended.code == 0, ended.err
    found = ended.json["figures"]["delineation"]
    assert found["beside_reader"]["scans"] == 2
    reader = found["beside_reader"]["Reader"]
    assert reader["union"]["pooled"] == pytest.approx(2 * shared / sizes)
    assert reader["primary"]["pooled"] == 1.0
    assert reader["nodes"]["failed"] == 2
    network = found["beside_reader"]["Network"]["union"]["pooled"]
    assert network == pytest.approx(found["dice"]["union"]["pooled"])
    assert "Reader: Primary tumour" in standing_alone(tmp_path / "out" / "report.html")
    rows[0]["reader_mask"] = "lost.nrrd"
    rewrite(path, rows)
    ended = hnc(*words, "--out", tmp_path / "no")
    assert ended.code == 2
    assert "entry 1: column 'reader_mask': there is no" in ended.err
    assert not (tmp_path / "no").exists()
