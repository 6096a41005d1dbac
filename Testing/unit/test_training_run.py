"""Whole training runs on a small cohort: a model folder that answers, resumable, never leaking."""

import csv
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from HNCLogic.errors import InputError
from HNCLogic.models.store import verify
from HNCLogic.training.run import Order, train
from HNCLogic.training.run_folder import (
    BEST,
    DONE,
    FOLDS,
    MODEL,
    OUT_OF_FOLD,
    RUN,
    VERDICT,
    VERDICT_OUT_OF_FOLD,
)
from Testing.unit.small_cohort import write_cohort

PRESENCE = {
    "preparation": {"pixels": 16, "window": 12, "stride": 6}, "entry_filters": 4,
    "filters": [4, 8], "dense": 8, "dropout": 0.0, "learning_rate": 0.01, "epochs": 3,
    "copies": 1, "batch": 4, "micro_batch": 4, "shift": 2,
}  # fmt: skip
VOLUME = {
    "preparation": {"spacing_mm": 8.0, "pixels": 32, "patch_slices": 8, "stride": 4},
    "widths": [4, 8, 8], "heads": 2, "epochs": 2, "batch": 4, "micro_batch": 2, "patches": 12,
    "optimiser": "adam", "learning_rate": 0.01, "ct_left_out": 0.3, "tumour_share": 0.5,
    "augmentation": {"flip": True, "shift_voxels": 1, "turn_degrees": 10, "scale": 0.1, "suv": 0.1},
}  # fmt: skip


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    return write_cohort(tmp_path_factory.mktemp("cohort"), 20)


@pytest.fixture(scope="module")
def presence_run(cohort, tmp_path_factory):
    out, said = tmp_path_factory.mktemp("runs") / "presence", []
    order = Order("presence", cohort, out, PRESENCE, trained_on="twenty made-up scans")
    train(order, said.append)
    return order, said


def weights(out):
    return [(out / f"fold-{n}" / BEST).read_bytes() for n in range(1, 6)]


def test_a_presence_model_comes_out_and_says_what_it_is(presence_run):
    order, said = presence_run
    model = verify(order.out / MODEL)
    assert model.card.training.words == "twenty made-up scans"
    assert model.card.training.counts == {"patients": 20, "patients with cancer": 10}
    assert len(model.card.threshold.per_fold) == 5
    assert model.card.threshold.value == pytest.approx(np.mean(model.card.threshold.per_fold))
    assert any("metadata alone" in words for words in said)
    assert any("fold 5, epoch 3/3" in words for words in said)
    assert (order.out / "curves.png").read_bytes()[:4] == b"\x89PNG"
    for number in range(1, 6):
        log = (order.out / f"fold-{number}" / "log.csv").read_text()
        assert log.splitlines()[0].startswith("epoch,loss,learning_rate")
        assert len(log.splitlines()) == 4


def test_out_of_fold_figures_are_of_patients_the_fold_never_saw(presence_run):
    order, _ = presence_run
    folds = json.loads((order.out / FOLDS).read_text())
    with (order.out / OUT_OF_FOLD).open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 20
    for row in rows:
        fold = folds[int(row["fold"]) - 1]
        patient = row["scan"].split("/")[0]
        assert patient in fold["validation"]
        assert patient not in fold["train"]
        others = [r for r in rows if r["fold"] != row["fold"]]
        assert float(row["nested_threshold"]) <= max(float(r["probability"]) for r in others)
    from sklearn.metrics import roc_auc_score

    card = verify(order.out / MODEL).card
    for metric in (m for m in card.metrics if m.name.startswith("AUC, fold")):
        part = [r for r in rows if r["fold"] == metric.name[-1]]
        auc = roc_auc_score(
            [int(r["label"]) for r in part], [float(r["probability"]) for r in part]
        )
        assert metric.value == pytest.approx(auc)


def test_the_model_answers_as_its_fold_did(presence_run, cohort):
    """The way from file to probability is the same in training and afterwards."""
    from HNCLogic.images.region import study_region
    from HNCLogic.images.study import read_study
    from HNCLogic.inference.ensemble import window_probabilities
    from HNCLogic.methods import presence

    order, _ = presence_run
    model = verify(order.out / MODEL)
    preparation = presence.Preparation(**model.card.preprocessing)
    with (order.out / OUT_OF_FOLD).open() as file:
        row = next(r for r in csv.DictReader(file) if r["scan"] == "p03/1")
    study = read_study({"PET": cohort.parent / "03_PET.nrrd"})
    stack = presence.prepare(study, study_region(study)[0], preparation, ["PET"])
    each = window_probabilities(
        model.networks(), 5, stack.values, preparation.window, preparation.stride
    )
    assert each.mean(axis=1)[int(row["fold"]) - 1] == pytest.approx(
        float(row["probability"]), abs=5e-3
    )  # the model's weights are float16, the prepared scan's values too


def test_a_run_that_was_stopped_goes_on_to_the_same_model(presence_run, cohort, tmp_path):
    order, _ = presence_run
    part = replace(order, out=tmp_path / "part", only=(1, 2))
    train(part, lambda words: None)
    assert not (part.out / MODEL).exists()
    with pytest.raises(InputError, match="--resume to go on"):
        train(part, lambda words: None)
    # As if it had been killed within fold 2, after its state was written.
    (part.out / "fold-2" / DONE).unlink()
    said = []
    train(replace(part, only=(), resume=True), said.append)
    assert "fold 1: done before" in said
    assert weights(part.out) == weights(order.out)
    assert verify(part.out / MODEL).digest == verify(order.out / MODEL).digest
    before = (part.out / MODEL / "model.json").stat().st_mtime_ns
    train(replace(part, only=(), resume=True), said.append)
    assert said[-2] == "the model was made before"
    assert (part.out / MODEL / "model.json").stat().st_mtime_ns == before


def test_resuming_another_run_is_refused(presence_run, tmp_path):
    order, _ = presence_run
    again = replace(order, resume=True)
    with pytest.raises(InputError, match="begun with another settings"):
        train(replace(again, chosen=PRESENCE | {"dense": 16}), print)
    with pytest.raises(InputError, match="begun with another seed"):
        train(replace(again, seed=1), print)
    (tmp_path / "thesis.doc").write_text("mine")
    with pytest.raises(InputError, match="no run of ours"):
        train(replace(again, out=tmp_path), print)


def test_a_tumour_volume_model_comes_out(cohort, tmp_path):
    order = Order("tumour-volume", cohort, tmp_path / "run", VOLUME, name="small-volume")
    said = []
    train(order, said.append)
    model = verify(order.out / MODEL)
    assert model.card.name == "small-volume"
    assert [(i.role, i.required) for i in model.card.inputs] == [("PET", True), ("CT", False)]
    names = [metric.name for metric in model.card.metrics]
    assert names == [f"Dice, {part}, pooled" for part in ("primary", "nodes", "union")]
    folds = json.loads((order.out / FOLDS).read_text())
    assert [(len(f["train"]), len(f["validation"]), len(f["test"])) for f in folds] == [
        (12, 4, 4)
    ] * 5 or all(len(f["test"]) == 4 for f in folds)
    with (order.out / OUT_OF_FOLD).open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 20
    assert sum(int(r["primary true"]) for r in rows) > 20
    about = json.loads((order.out / RUN).read_text())
    assert about["settings"]["widths"] == [4, 8, 8]


def test_a_verdict_by_outlines_comes_with_it(cohort, tmp_path):
    """What the model of the verdict says of a scan is what its fold said, and says so anew."""
    from HNCLogic.images.region import study_region
    from HNCLogic.images.study import read_study
    from HNCLogic.inference.ensemble import window_probabilities
    from HNCLogic.methods import presence

    order = Order("tumour-volume", cohort, tmp_path / "run", VOLUME | {"epochs": 1, "patches": 4})
    said = []
    train(order, said.append)
    model = verify(order.out / VERDICT)
    assert model.card.method == "presence"
    assert model.digest == verify(order.out / MODEL).digest
    assert any(words.startswith("verdict by outlines: AUC, mean") for words in said)
    preparation = model.preparation(presence.Preparation)
    with (order.out / VERDICT_OUT_OF_FOLD).open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 20
    row = next(row for row in rows if row["scan"] == "p03/1")
    study = read_study({"PET": cohort.parent / "03_PET.nrrd"})
    stack = presence.prepare(study, study_region(study)[0], preparation, ["PET", "CT"], ["CT"])
    each = window_probabilities(
        model.networks(), 5, stack.values, preparation.window, preparation.stride
    )
    assert each.max(axis=1)[int(row["fold"]) - 1] == pytest.approx(
        float(row["probability"]), abs=0.02
    )


def test_copies_of_a_scan_under_two_names_are_refused(cohort, tmp_path):
    folder = tmp_path / "copied"
    shutil.copytree(cohort.parent, folder)
    for number in (3, 5, 7, 9, 11):
        shutil.copy(folder / "01_PET.nrrd", folder / f"{number:02d}_PET.nrrd")
    with pytest.raises(InputError, match="the same image stands under different patients"):
        train(Order("presence", folder / "cohort.csv", tmp_path / "run", PRESENCE), print)


def test_a_scanner_that_tells_the_label_stops_the_run(cohort, tmp_path):
    folder = tmp_path / "told"
    shutil.copytree(cohort.parent, folder)
    text = (folder / "cohort.csv").read_text().splitlines()
    told = [
        text[0],
        *(f"{line.replace('here', 'A' if line.endswith('1') else 'B')}" for line in text[1:]),
    ]
    (folder / "cohort.csv").write_text("\n".join(told))
    order = Order("presence", folder / "cohort.csv", tmp_path / "run", PRESENCE, only=(1,))
    with pytest.raises(InputError, match=r"AUC of 1\.00.*--accept-metadata"):
        train(order, print)
    said = []
    train(replace(order, accept_metadata=True, resume=True), said.append)
    assert any("accepted" in words for words in said)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"method": "presense"}, "no method 'presense': train presence, tumour-volume"),
        ({"chosen": {"batches": 3}}, "settings of presence: batches"),
        ({"chosen": {"epochs": 0}}, "settings of presence: epochs"),
        ({"only": (6,)}, "there are folds 1 to 5, not 6"),
        ({"chosen": PRESENCE | {"roles": ["T1"]}}, "entry 1: none of the images T1 is given"),
    ],
)  # fmt: skip
def test_what_cannot_be_trained_is_refused(cohort, tmp_path, change, says):
    order = replace(Order("presence", cohort, tmp_path / "run", PRESENCE), **change)
    with pytest.raises(InputError, match=says):
        train(order, print)
