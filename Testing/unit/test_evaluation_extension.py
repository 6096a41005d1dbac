"""Evaluation of method 5: the two steps against a plain DenseNet, folds, heat in nodes."""

import csv
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from HNCLogic.errors import InputError
from HNCLogic.evaluation import run as evaluation
from HNCLogic.evaluation.extension_answers import Answer
from HNCLogic.evaluation.extension_scores import (
    by_figure,
    judged,
    judged_out_of_fold,
    paired_accuracy,
    spread,
)
from HNCLogic.training.run import Order, train
from Testing.unit.small_necks import write_necks

NETWORK = {"growth": 4, "layers": [1, 1], "stem_filters": 4, "stem_stride": 1, "bottleneck": 0}
TINY = {
    "preparation": {"size": [12, 16, 16], "voi": [5, 8, 8], "spacing_mm": 4.0, "field_mm": 250},
    "extractor": NETWORK, "classifier": NETWORK, "extractor_patients": 8, "extractor_parts": 2,
    "epochs": 3, "batch": 4, "micro_batch": 2, "plain": True,
}  # fmt: skip


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("extension")
    said = []
    order = Order(
        "extension", write_necks(folder / "cohort", 16), folder / "run", TINY, folds=2,
        precision="fp32", accept_metadata=True,
    )  # fmt: skip
    train(order, said.append)
    return order, said


def test_plain_networks_are_trained_on_the_same_folds(trained):
    order, said = trained
    assert any(words.startswith("fold 2, plain DenseNet, epoch 3/3") for words in said)
    assert any(words.startswith("plain DenseNet, AUC, mean of folds") for words in said)
    tables = [list(csv.DictReader((order.out / name).open()))
              for name in ("out_of_fold.csv", "plain_out_of_fold.csv")]  # fmt: skip
    assert len(tables[0]) == 8
    for name in ("scan", "label", "fold"):
        assert [row[name] for row in tables[0]] == [row[name] for row in tables[1]]


def test_a_run_on_its_own_cohort_is_judged_by_fold(trained, tmp_path):
    order, _ = trained
    summary = evaluation.evaluate(evaluation.Order(str(order.out), tmp_path / "out"))
    text = (tmp_path / "out" / "tables.md").read_text()
    for words in ("Table 4 of Wang", "Table 5 of Wang", "| GMGENet | DenseNet |",
                  "Heat map against annotated lesions"):  # fmt: skip
        assert words in text
    for name in ("extension-folds", "extension-roc"):
        assert (tmp_path / "out" / "figures" / f"{name}.png").stat().st_size > 10_000
    found = summary["figures"]["extension"]
    rows = {row["patient"]: row for row in csv.DictReader((tmp_path / "out" / "scans.csv").open())}
    tables = {"two_step": "out_of_fold.csv", "plain": "plain_out_of_fold.csv"}
    for column, name in (("probability", "two_step"), ("plain_probability", "plain")):
        for told in csv.DictReader((order.out / tables[name]).open()):
            row = rows[told["scan"].split("/")[0]]
            assert row["fold"] == told["fold"]
            # float16 in the cache and in the model's weights
            assert float(row[column]) == pytest.approx(float(told["probability"]), abs=0.02)
    from sklearn.metrics import roc_auc_score

    assert len(rows) == found["scans"] == 8  # the extractor's eight are in no figure
    labels = [int(row["label"]) for row in rows.values()]
    values = [float(row["probability"]) for row in rows.values()]
    assert found["models"]["GMGENet"]["auc"]["value"] == pytest.approx(
        roc_auc_score(labels, values)
    )
    assert summary["figures"]["heatmaps"]["fidelity"]["scans"] == 4


def test_other_patients_are_judged_by_all_folds_and_the_extractors_are_refused(trained, tmp_path):
    order, _ = trained
    others = write_necks(tmp_path / "others", 4, first=100)
    summary = evaluation.evaluate(evaluation.Order(str(order.out), tmp_path / "out", others))
    found = summary["figures"]["extension"]
    assert found["scans"] == 4
    assert [fold["fold"] for fold in found["models"]["DenseNet"]["folds"]] == [1, 2]
    rows = list(csv.DictReader((tmp_path / "out" / "scans.csv").open()))
    assert "fold" not in rows[0]
    assert all(0 <= float(row["heat_in_nodes"] or 0) <= 1 for row in rows)
    again = write_necks(tmp_path / "again", 16)  # the same patients' names, the extractor's too
    with pytest.raises(InputError, match="was trained on a patient of this name"):
        evaluation.evaluate(
            evaluation.Order(str(order.out / "model"), tmp_path / "no", again_without_hash(again))
        )


def again_without_hash(path):
    """Another table, with the extractor's and all others' patients in it."""
    path.write_text(path.read_text() + "\n")
    return path


def answer(number, label, two_step, plain):
    asked = SimpleNamespace(scan=SimpleNamespace(patient=f"p{number}"), label=label)
    return Answer(asked, two_step, plain, None, [])


def test_figures_over_folds_are_by_hand_and_by_the_libraries():
    from scipy.stats import ttest_rel
    from sklearn.metrics import accuracy_score, recall_score, roc_auc_score

    rng = np.random.default_rng(4)
    labels = rng.random(90) < 0.5
    answers = []
    for number, label in enumerate(labels):
        good, poor = rng.normal(0.4 + 0.25 * label, 0.2, 3), rng.normal(0.45 + 0.05 * label, 0.2, 3)
        answers.append(
            answer(number, bool(label), dict(enumerate(good, 1)), dict(enumerate(poor, 1)))
        )
    limits = [0.5, 0.45, 0.55]
    found = {name: judged(answers, name, limits, 0.5) for name in ("two_step", "plain")}
    accuracies = {}
    for name, model in found.items():
        figures = by_figure(model.each)
        for fold, limit in enumerate(limits):
            said = np.array([getattr(one, name)[fold + 1] for one in answers])
            called = said >= limit
            assert figures["accuracy"][fold] == accuracy_score(labels, called)
            assert figures["sensitivity"][fold] == recall_score(labels, called)
            assert figures["specificity"][fold] == recall_score(~labels, ~called)
            assert figures["AUC"][fold] == pytest.approx(roc_auc_score(labels, said))
        accuracies[name] = figures["accuracy"]
        over = spread(figures["accuracy"])
        assert over.deviation == pytest.approx(np.std(accuracies[name], ddof=1))
    pair = paired_accuracy(found["two_step"], found["plain"])
    assert pair.p == pytest.approx(ttest_rel(*accuracies.values()).pvalue)
    assert pair.difference > 0
    assert paired_accuracy(found["plain"], found["plain"]).p is None
    assert np.isnan(spread(np.array([0.5])).deviation)


def test_thresholds_out_of_fold_come_from_the_other_folds():
    """In fold 1 all values are higher: at its own threshold it would be judged right."""
    answers = [
        answer(n, n % 2 == 1, {fold: 0.2 + 0.4 * (fold == 1) + 0.2 * (n % 2)}, {})
        for n in range(8)
        for fold in [1 + n // 4]
    ]
    found = judged_out_of_fold(answers, "two_step")
    assert by_figure(found.each)["specificity"].tolist() == [0, 1]
    assert by_figure(found.each)["sensitivity"].tolist() == [1, 0]
    assert by_figure(found.each)["AUC"].tolist() == [1, 1]
    own = judged_out_of_fold(answers, "two_step", {1: 0.7, 2: 0.3})
    assert own.verdicts.accuracy.value == 1
    assert replace(own).labels.sum() == 4
