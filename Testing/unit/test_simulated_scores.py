"""Scores of the benchmark on simulated patients, against MONAI and scikit-learn."""

import csv

import numpy as np
import pytest
import SimpleITK as sitk

from HNCLogic.benchmark import scores, simulated_page, simulated_patients
from HNCLogic.benchmark.predictions import read_predictions
from HNCLogic.benchmark.simulated_methods import READER, Said
from HNCLogic.errors import InputError
from HNCLogic.evaluation import classification, roc, segmentation
from HNCLogic.phantom.honesty import Facts


@pytest.fixture
def outlines():
    """Twelve pairs of label arrays that overlap by chance: 0 none, 1 primary, 2 and 3 nodes."""
    rng = np.random.default_rng(2)
    pairs = []
    for number in range(12):
        truth = rng.choice(4, (6, 7, 8), p=[0.7, 0.15, 0.1, 0.05]).astype(np.uint8)
        outlined = np.where(rng.random(truth.shape) < 0.3 + number / 20, truth, 0).astype(np.uint8)
        if number == 3:
            truth[truth == 1] = 0
        pairs.append((outlined, truth))
    return pairs


def test_dice_is_monais(outlines):
    torch = pytest.importorskip("torch")
    metrics = pytest.importorskip("monai.metrics")

    ours = [scores.counts(*pair) for pair in outlines]
    for target, of in (("primary", (1,)), ("nodes", (2, 3)), ("union", (1, 2, 3))):
        theirs = []
        for outlined, truth in outlines:
            a, b = (
                torch.from_numpy(np.isin(one, of))[None, None].float() for one in (outlined, truth)
            )
            value = metrics.DiceMetric(ignore_empty=False)(a, b)
            theirs.append(float(value[0, 0]))
        for counts, value in zip(ours, theirs, strict=True):
            assert segmentation.dice(counts[target]) == pytest.approx(value, abs=1e-6), target
        found = segmentation.overlap([one[target] for one in ours])
        assert found.mean == pytest.approx(np.mean(theirs), abs=1e-6)
        assert found.median == pytest.approx(np.median(theirs), abs=1e-6)
        whole = [
            np.concatenate([np.isin(pair[i], of).ravel() for pair in outlines]) for i in (0, 1)
        ]
        a, b = (torch.from_numpy(one)[None, None].float() for one in whole)
        assert found.pooled == pytest.approx(float(metrics.DiceMetric()(a, b)[0, 0]), abs=1e-6)


def test_a_patient_without_the_target_counts_only_where_it_was_outlined():
    found = segmentation.overlap([(0, 0, 0), (0, 5, 0), (4, 4, 4)])
    assert (found.scans, found.failed) == (2, 1)
    assert found.mean == pytest.approx(0.5)
    assert segmentation.overlap([(0, 0, 0)]) is None


def test_auc_is_scikit_learns_with_ties():
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(3)
    labels = rng.random(150) < 0.4
    values = np.round(rng.normal(labels * 0.8, 1.0), 1)
    assert roc.auc(labels, values) == pytest.approx(roc_auc_score(labels, values), abs=1e-12)
    assert roc.auc([True, True], [0.1, 0.2]) is None
    low, high = scores.auc_interval(labels, values, np.arange(150) // 2)
    assert low < roc.auc(labels, values) < high
    assert 0.1 < high - low < 0.3


def test_shares_have_wilsons_interval():
    # Ten of ten: 0.7225 to 1, as any table of Wilson's interval gives.
    found = classification.wilson(10, 10)
    assert found.value == 1.0
    assert found.high == pytest.approx(1.0)
    assert found.low == pytest.approx(0.7225, abs=1e-4)
    assert np.isnan(classification.wilson(0, 0).value)
    both = scores.verdicts(
        [True, True, False, False], [3, 1, 2, 0], [True, False, True, False], [0, 1, 0, 1]
    )
    assert (both.auc, both.sensitivity.value, both.specificity.value) == (0.75, 0.5, 0.5)


def test_predictions_are_read_by_name_and_must_be_whole(tmp_path):
    image = sitk.GetImageFromArray(np.zeros((3, 4, 5), np.uint8))
    (tmp_path / "main").mkdir()
    for name in ("main/simulated-31000.nii.gz", "simulated-31001.nrrd"):
        sitk.WriteImage(image, str(tmp_path / name))
    with (tmp_path / "probabilities.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("patient", "probability"), ("simulated-31000", 0.4)])
    found = read_predictions(tmp_path)
    assert found.name == tmp_path.name
    assert set(found.masks) == {"simulated-31000", "simulated-31001"}
    assert found.probabilities == {"simulated-31000": 0.4}
    assert found.of(["simulated-33000"]) is None
    with pytest.raises(
        InputError, match="probabilities of 1 of 2 patients, none of simulated-31001"
    ):
        found.of(["simulated-31000", "simulated-31001"])
    assert found.of(["simulated-31000"]).probabilities == {"simulated-31000": 0.4}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("patient,chance\na,0.5\n", "columns patient and probability"),
        ("patient,probability\na,high\n", "line 2"),
        ("patient,probability\na,1.5\n", "1.5 is no probability"),
        ("patient,probability\na,0.5\na,0.6\n", "stands there twice"),
    ],
)
def test_a_table_that_is_none_is_refused(tmp_path, text, says):
    (tmp_path / "probabilities.csv").write_text(text)
    with pytest.raises(InputError, match=says):
        read_predictions(tmp_path)


def test_an_empty_folder_and_a_missing_one_are_refused(tmp_path):
    with pytest.raises(InputError, match="holds neither masks"):
        read_predictions(tmp_path)
    with pytest.raises(InputError, match="no such folder"):
        read_predictions(tmp_path / "none")


def _said(number, rng):
    positive = number % 2 == 0
    value = float(rng.normal(positive, 1))
    overlap = {k: (80, 90, 100) for k in ("fixed", "percent", "percent of hottest", "adaptive")}
    facts = Facts(
        positive, number // 2, 12 + value, 8 + value, 8 + value, 7 + value, value, 10 + value,
        {"bottom": float(number // 2)}, {"age": float(number // 2)}, overlap if positive else {},
    )  # fmt: skip
    counts = {"primary": (8, 9, 10), "nodes": (0, 0, 0), "union": (8, 9, 10)}
    return Said(
        f"p{number}", positive, number // 2, facts,
        {READER: (value, value > 0.5)}, {"a network": counts, "<script>": {"union": (1, 2, 3)}},
    )  # fmt: skip


@pytest.fixture
def summary():
    rng = np.random.default_rng(1)
    setting = simulated_patients.SETTINGS[0]
    found = simulated_patients._summary(setting, [_said(n, rng) for n in range(40)], 40)
    return simulated_patients._without_nan(
        {
            "made_by": "HNC", "simulated": "All patients are simulated.", "research_use": "r",
            "patients_of_each_setting": 40, "anatomy": "built in",
            "settings": {setting.name: found},
        }
    )  # fmt: skip


def test_a_summary_holds_gates_verdicts_and_outlines(summary):
    found = summary["settings"]["main"]
    assert found["images"] == "hnc phantom --count 40 --seed 31000 --centre main"
    assert 0.6 < found["verdicts"][READER]["auc"] < 0.95
    assert found["outlines"]["a network"]["primary"]["pooled"] == pytest.approx(16 / 19)
    assert found["outlines"]["a network"]["nodes"] is None
    assert found["outlines"]["a network"]["clean_negatives"]["value"] == 0.0
    failed = simulated_patients.failed_gates(summary)
    assert any("fixed SUV 2.5" in words for words in failed)  # 80 of 90 and 100: too easy


def test_pages_show_what_failed_and_no_markup_of_others(summary):
    text = simulated_page.markdown(summary)
    assert "simulated" in text
    assert "| FAILED |" in text
    page = simulated_page.html(summary)
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "FAILED" in page
    assert "All patients are simulated." in page


def test_seeds_are_frozen_and_names_do_not_meet():
    assert [s.seed for s in simulated_patients.SETTINGS] == [31000, 32000, 33000]
    assert [s.centre for s in simulated_patients.SETTINGS] == ["main", "external", "west"]
