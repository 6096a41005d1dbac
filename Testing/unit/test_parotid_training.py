"""Parotid tumours from cohort to model folder: slices first, then sequences of their vectors."""

import csv
import json
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from HNCLogic.errors import InputError
from HNCLogic.images.study import read_study
from HNCLogic.methods import parotid
from HNCLogic.methods.box_slices import box_of
from HNCLogic.models.store import verify
from HNCLogic.networks.resnet_stages import ResNetStages
from HNCLogic.training.cohort import read_cohort
from HNCLogic.training.leakage import ScanFacts
from HNCLogic.training.parotid_settings import ParotidTraining
from HNCLogic.training.parotid_slices import moved, padded
from HNCLogic.training.parotid_task import SequenceTask, SliceTask, balancing, class_auc
from HNCLogic.training.prepared import Prepared
from HNCLogic.training.run import Order, train
from HNCLogic.training.run_folder import BESIDE, BEST, FOLDS, MODEL, OUT_OF_FOLD
from Testing.unit.small_parotids import write_parotids

ROLES = ["T2", "CE-T1"]
TINY = {
    "roles": ROLES, "preparation": {"pixels": 48, "field_mm": 90}, "widths": [4, 8], "roi": 3,
    "features": 8, "d_model": 8, "feed_forward": 8, "augmentation": {"copies": 1},
    "slices": {"epochs": 4, "learning_rate": 0.01, "batch": 8, "micro_batch": 4},
    "sequence": {"epochs": 12, "learning_rate": 0.01, "batch": 4, "micro_batch": 2},
}  # fmt: skip


@pytest.fixture(autouse=True)
def seeded():
    torch.set_num_threads(1)
    torch.manual_seed(4)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    torch.set_num_threads(1)  # sums in another order would not be the same to the last bit
    folder = tmp_path_factory.mktemp("parotid")
    said = []
    order = Order(
        "parotid", write_parotids(folder / "cohort", 12), folder / "run", TINY, folds=2,
        precision="fp32", accept_metadata=True, trained_on="twelve made-up tumours",
    )  # fmt: skip
    train(order, said.append)
    return order, said


def test_model_and_those_beside_it_are_of_the_same_slice_networks(run):
    order, said = run
    model = verify(order.out / MODEL)
    assert (model.card.method, model.card.network.name) == ("parotid", "parotid")
    assert [source.role for source in model.card.inputs] == ROLES
    assert model.card.classes == list(parotid.KINDS)
    assert model.card.training.words == "twelve made-up tumours"
    assert "sequence.learning_rate" not in model.card.defaults_taken
    assert any("'learning_rate': 0.01" in words for words in model.card.defaults_taken)
    assert any(words.startswith("fold 1, slices of CE-T1, epoch 4/4") for words in said)
    assert {path.name for path in (order.out / BESIDE).iterdir()} == {*ROLES, "late-add"}
    alone = verify(order.out / BESIDE / "CE-T1")
    assert [source.role for source in alone.card.inputs] == ["CE-T1"]
    first = load_file(order.out / "fold-1" / "slices-CE-T1" / BEST)
    whole, single = (next(iter(each.networks())).state_dict() for each in (model, alone))
    for name, value in first.items():
        if value.is_floating_point():
            assert whole[f"branches.1.{name}"] == pytest.approx(value.numpy(), rel=2e-3, abs=1e-4)
            assert torch.equal(whole[f"branches.1.{name}"], single[f"branches.0.{name}"])


def test_what_is_as_plain_as_this_is_learnt(run):
    metrics = {m.name: m.value for m in verify(run[0].out / MODEL).card.metrics}
    assert metrics["AUC, mean of folds"] > 0.9


def test_model_answers_a_user_as_its_fold_judged_the_scan(run):
    """From the files again, by the method's own code: the same probability."""
    order, _ = run
    rows = {row["scan"]: row for row in csv.DictReader((order.out / OUT_OF_FOLD).open())}
    assert len(rows) == 12
    model = verify(order.out / MODEL)
    folds = json.loads((order.out / FOLDS).read_text())
    scan = read_cohort(order.cohort).scans[3]
    number = next(n for n, fold in enumerate(folds) if scan.patient in fold["validation"])
    study = read_study({role: scan.images[role] for role in ROLES})
    slices = parotid.prepare(
        study, box_of(scan.facts["box"]), model.preparation(parotid.Preparation), ROLES
    )
    found = parotid.read(next(islice(model.networks(), number, None)), slices)
    malignant = found.probabilities[model.card.classes.index("malignant")]
    told = rows[scan.name]
    assert int(told["fold"]) == number + 1
    # float16 in the cache and in the model's weights
    assert malignant == pytest.approx(float(told["malignant"]), abs=0.02)
    assert told["probability"] == told["malignant"]


def test_run_is_taken_up_and_is_the_same_again(run, tmp_path):
    order, _ = run
    again = replace(order, out=tmp_path / "again")
    train(again, lambda words: None)
    for part in ("fold-1", "fold-2/slices-T2", "fold-2/late-add"):
        assert (order.out / part / BEST).read_bytes() == (again.out / part / BEST).read_bytes()
    (again.out / "fold-2" / "done.json").unlink()  # as if killed before its last training's end
    said = []
    train(replace(again, resume=True), said.append)
    assert {"fold 1: done before", "fold 2, slices of T2: done before"} <= set(said)
    assert (order.out / "fold-2" / BEST).read_bytes() == (again.out / "fold-2" / BEST).read_bytes()


def without(column, number=3):
    def change(rows):
        rows[number][column] = ""

    return change


def opposite(rows):
    rows[1]["label"] = 0


@pytest.mark.parametrize(
    ("change", "settings", "words"),
    [
        (without("label"), {}, "a scan has no label"),
        (without("box"), {}, "a scan has no box: give in column 'box'"),
        (lambda rows: rows[2].update(box="1 2 3"), {}, "is no box: give six numbers"),
        (opposite, {}, "column 'label' says the opposite"),
        (without("subtype"), {"classes": "subtypes"}, "a scan has no subtype"),
        (without("CE-T1"), {}, "the model needs CE-T1"),
        (lambda rows: None, {"fusion": "early"}, "early fusion takes three sequences, not 2"),
        (lambda rows: None, {"beside": ["ADC"]}, "beside 'ADC' can be one of roles"),
    ],
)
def test_table_or_settings_that_do_not_fit_are_refused_in_one_line(
    change, settings, words, tmp_path
):
    order = Order(
        "parotid", write_parotids(tmp_path / "cohort", 6, change=change), tmp_path / "run",
        TINY | settings, folds=2, accept_metadata=True,
    )  # fmt: skip
    with pytest.raises(InputError, match=words) as refused:
        train(order, lambda words: None)
    assert "\n" not in str(refused.value)


def test_weights_to_start_with_are_refused(run, tmp_path):
    order, _ = run
    start = order.out / "fold-1" / BEST
    copied = tmp_path / "weights.safetensors"
    copied.write_bytes(start.read_bytes())
    with pytest.raises(InputError, match="which has several networks"):
        train(replace(order, out=tmp_path / "run", start=copied), lambda words: None)


def prepared(values, boxes, label=True, subtype=""):
    facts = ScanFacts("p", label, frozenset(), frozenset(), {}, {})
    truth = np.zeros((len(boxes), 1, 1), np.uint8)
    return Prepared("p/1", "p", label, values, truth, facts, boxes, {"subtype": subtype})


def test_a_changed_copy_has_its_box_where_its_tumour_is():
    chosen = ParotidTraining(roles=["T2"], augmentation={"gain": 0.1, "box": 0})
    black = -chosen.preparation.mean / chosen.preparation.deviation
    values = np.full((1, 20, 30), black, np.float32)
    values[0, 5:9, 3:8] = 1.0
    box = np.array([3, 5, 8, 9], np.float32)
    met = set()
    for seed in range(12):
        changed, where = moved(values, box, chosen, np.random.default_rng(seed))
        x0, y0, x1, y1 = where.astype(int)
        assert np.allclose(changed[0, y0:y1, x0:x1], changed.max())
        assert (changed > black + 0.5).sum() == 20
        met.add(x0)
    assert met == {3, 22}  # as it was, and mirrored: 30 - 8


def test_an_epoch_has_every_slice_and_its_copies_once():
    chosen = ParotidTraining(**TINY)
    scans = [prepared(np.full((2, count, 8, 8), number, np.float16),
                      np.tile(np.float32([1, 1, 5, 5]), (count, 1)), number % 2 == 0)
             for number, count in enumerate((3, 1, 4, 2))]  # fmt: skip
    task = SliceTask(chosen, scans, [], 0, 1, group=("T2",))
    truth, rng = [], np.random.default_rng(0)
    for index in range(task.micro_batches(1)):
        (slices, boxes), classes = task.micro_batch(1, index, rng)
        assert slices.shape[1:] == (3, 8, 8)
        assert boxes.shape == (len(slices), 4)
        truth += classes.tolist()
    assert np.bincount(truth).tolist() == [2 * (1 + 2), 2 * (3 + 4)]
    assert task.weights == pytest.approx([10 / 2 / 3, 10 / 2 / 7])


def test_empty_places_of_a_batch_change_nothing():
    chosen = ParotidTraining(**TINY)
    network = SequenceTask(chosen, [], [], 0, 1).network().eval()
    rng = np.random.default_rng(1)
    vectors = [rng.standard_normal((n, 2, 8)).astype(np.float32) for n in (2, 5)]
    given, present = (torch.from_numpy(each) for each in padded(vectors))
    alone = [network(*(torch.from_numpy(e) for e in padded([v]))) for v in vectors]
    assert torch.allclose(network(given, present), torch.cat(alone), atol=1e-6)


def test_slice_network_begins_with_imagenet_from_a_file(tmp_path):
    held = ResNetStages((4, 8)).state_dict()
    path = tmp_path / "resnet18.safetensors"
    save_file(held | {"fc.weight": torch.zeros(2, 2)}, path)
    task = SliceTask(ParotidTraining(**TINY, imagenet=path), [], [], 0, 1, group=("T2",))
    assert torch.equal(task.network().stages.conv1.weight, held["conv1.weight"])


def test_area_of_four_classes_is_the_mean_of_each_against_the_others():
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(0)
    truth, said = rng.integers(0, 4, 40), rng.dirichlet(np.ones(4), 40)
    assert class_auc(truth, said) == pytest.approx(
        roc_auc_score(truth, said, multi_class="ovr", average="macro")
    )
    assert class_auc(truth > 1, said[:, :2]) == roc_auc_score(truth > 1, said[:, 1])
    assert np.isfinite(class_auc(np.minimum(truth, 2), said))  # one that nothing has
    assert balancing([0, 0, 0, 3], 4)[[0, 3]] == pytest.approx([4 / 2 / 3, 2])
