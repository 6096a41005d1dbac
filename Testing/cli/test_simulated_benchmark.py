"""``hnc phantom benchmark`` on a few coarse patients."""

import csv
import json
from functools import partial

import pytest
import SimpleITK as sitk

from HNCLogic.phantom.patient import simulate

COARSE = {"pet_spacing": (7.0, 7.0, 7.0), "pet_matrix": 70}


@pytest.fixture
def few(monkeypatch):
    """One setting of four patients, large voxels. Only this process knows: --jobs 1."""
    from HNCLogic.benchmark import simulated_patients as benchmark
    from HNCLogic.phantom import honesty

    monkeypatch.setattr("HNCLogic.phantom.patient.simulate", partial(simulate, **COARSE))
    monkeypatch.setattr(benchmark, "SETTINGS", benchmark.SETTINGS[:1])
    monkeypatch.setattr(benchmark, "BLOCK", 4)
    bad = honesty.Gate("SUVmax", 0.9, "at most 0.70", False, "AUC")
    monkeypatch.setattr(honesty, "gates", lambda facts: [bad])  # the true ones need twenty


def test_methods_models_and_others_are_scored(hnc, few, tmp_path, tiny_models):
    words = ("--count", 4, "--jobs", 1)
    images = tmp_path / "images"
    assert hnc("phantom", *words, "--seed", 31000, "--centre", "main", "--out", images).code == 0
    with (images / "cohort.csv").open() as file:
        rows = list(csv.DictReader(file))
    theirs = tmp_path / "oracle"
    theirs.mkdir()
    with (theirs / "probabilities.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(("patient", "probability"))
        table.writerows((row["patient"], row["label"]) for row in rows)
    for row in rows:
        mask = sitk.ReadImage(str(images / row["mask"]))
        sitk.WriteImage(mask, str(theirs / f"{row['patient']}.nii.gz"))

    out = tmp_path / "benchmark"
    models = [str(tiny_models[name]) for name in ("volume", "presence")]
    ended = hnc("phantom", "benchmark", *words, "--out", out, "--predictions", theirs,
                "--model", models[0], "--model", models[1])  # fmt: skip
    assert ended.code == 0, ended.err
    found = json.loads((out / "summary.json").read_text())["settings"]["main"]
    # The oracle is right: the images it was given are the benchmark's own.
    assert found["verdicts"]["oracle"]["auc"] == 1.0
    assert found["verdicts"]["oracle"]["specificity"]["value"] == 1.0
    for target in ("primary", "union"):
        assert found["outlines"]["oracle"][target]["mean"] == 1.0
    assert found["outlines"]["oracle"]["clean_negatives"]["value"] == 1.0
    assert found["verdicts"]["simulated reader"]["sensitivity"]["of"] == 2
    assert 0.4 < found["outlines"]["simulated reader"]["union"]["median"] < 1.0
    thresholds = {"fixed SUV 2.5", "fixed SUV 4", "41 % of SUVmax", "adaptive"}
    assert set(found["outlines"]) >= thresholds | {"adaptive, told where", models[0]}
    assert 0 <= found["verdicts"][models[1]]["auc"] <= 1
    # A gate that failed is said aloud, and is no error unless asked for.
    assert "FAILED  main: SUVmax 0.90, must be at most 0.70" in ended.out
    for name in ("summary.md", "summary.html"):
        text = (out / name).read_text(encoding="utf-8")
        assert "FAILED" in text
        assert "All patients are simulated" in text


def test_a_failed_gate_ends_strictly(hnc, tmp_path, monkeypatch):
    gate = {"name": "SUVmax", "value": 0.9, "limit": "at most 0.70", "passed": False, "words": ""}
    found = {"gates": [gate], "words": "", "verdicts": {}, "outlines": {}}
    summary = {"simulated": "All patients are simulated", "settings": {"main": found}}
    monkeypatch.setattr("HNCLogic.benchmark.simulated_patients.run", lambda *_, **__: summary)
    assert hnc("phantom", "benchmark", "--out", tmp_path / "a").code == 0
    ended = hnc("phantom", "benchmark", "--out", tmp_path / "a", "--strict", "--json")
    assert ended.code == 3
    assert ended.json == summary


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--count", "30"], "a multiple of 20"),
        (["--count", "1020"], "20 to 1000"),
        (["--model", "no-such-model"], "no model called 'no-such-model'"),
        (["--predictions", "nowhere"], "no such folder of predictions"),
        (["--anatomy", "nowhere"], "no such folder of CTs"),
    ],
)
def test_what_cannot_be_scored_is_refused(refused, tmp_path, words, says):
    refused("phantom", "benchmark", "--out", tmp_path / "out", *words, says=says)


def test_options_of_the_cohort_before_the_benchmark_are_refused(refused):
    refused("phantom", "--count", "40", "benchmark", says="--count stands before benchmark")
