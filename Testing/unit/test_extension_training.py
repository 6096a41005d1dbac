"""GMGENet from cohort to model folder: the extractor first, on patients of its own."""

import csv
import json

import numpy as np
import pytest
import torch

from HNCLogic.errors import InputError
from HNCLogic.models.card import card_of
from HNCLogic.models.store import verify
from HNCLogic.networks.registry import make
from HNCLogic.training.extension_model import EXTRACTOR, cut_out
from HNCLogic.training.extension_task import ExtensionTask, ExtensionTraining
from HNCLogic.training.leakage import ScanFacts
from HNCLogic.training.prepared import Prepared
from HNCLogic.training.run import Order, train
from HNCLogic.training.run_folder import BEST, FOLDS, MODEL, OUT_OF_FOLD
from Testing.unit.bright_extractor import Bright
from Testing.unit.small_necks import write_necks

NETWORK = {"growth": 4, "layers": [1, 1], "stem_filters": 4, "stem_stride": 1, "bottleneck": 0}
TINY = {
    "preparation": {"size": [12, 16, 16], "voi": [5, 8, 8], "spacing_mm": 4.0, "field_mm": 250},
    "extractor": NETWORK, "classifier": NETWORK, "extractor_patients": 8, "extractor_parts": 2,
    "epochs": 15, "patience": 15, "batch": 4, "micro_batch": 2,
}  # fmt: skip


@pytest.fixture(autouse=True)
def seeded():
    torch.set_num_threads(1)
    torch.manual_seed(2)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    torch.set_num_threads(1)  # sums in another order would not be the same to the last bit
    folder = tmp_path_factory.mktemp("extension")
    said = []
    order = Order(
        "extension", write_necks(folder / "cohort", 18), folder / "run", TINY, folds=2, precision="fp32",
        accept_metadata=True, trained_on="eighteen made-up necks",
    )  # fmt: skip
    train(order, said.append)
    return order, said


def test_a_model_comes_out_with_both_networks(run):
    order, said = run
    model = verify(order.out / MODEL)
    assert (model.card.method, model.card.network.name) == ("extension", "gmgenet")
    assert model.card.training.words == "eighteen made-up necks"
    assert model.card.training.counts == {"patients": 10, "patients with extension": 5}
    assert any(
        "extractor was trained on 8 further patients" in w for w in model.card.defaults_taken
    )
    assert "extractor_patients = 8" in model.card.defaults_taken
    assert any(words.startswith("extractor, epoch 15/15") for words in said)
    assert any(words.startswith("fold 2, epoch") for words in said)
    first, second = (
        {k: v.clone() for k, v in net.state_dict().items()} for net in model.networks()
    )
    learnt = [name for name in first if name.endswith("weight")]
    assert all(torch.equal(first[n], second[n]) for n in learnt if n.startswith("extractor."))
    assert not all(torch.equal(first[n], second[n]) for n in learnt if n.startswith("classifier."))


def test_extractors_patients_are_in_no_fold_and_in_no_figure(run):
    order, _ = run
    folds = json.loads((order.out / FOLDS).read_text())
    extractor = set(folds[0]["extractor"])
    assert len(extractor) == 8
    assert all(f"p{int(p[1:]) ^ 1:02d}" in extractor for p in extractor)  # pairs are whole
    with (order.out / OUT_OF_FOLD).open() as file:
        rows = list(csv.DictReader(file))
    tested = {row["scan"].split("/")[0] for row in rows}
    assert len(tested) == 10
    for fold in folds:
        assert set(fold["extractor"]) == extractor
        assert not extractor & {*fold["train"], *fold["validation"], *fold["test"], *tested}


def test_what_is_as_plain_as_this_is_learnt(run):
    order, _ = run
    metrics = {m.name: m.value for m in verify(order.out / MODEL).card.metrics}
    assert metrics["AUC, mean of folds"] > 0.8


def test_run_is_taken_up_and_is_the_same_again(run, tmp_path):
    order, _ = run
    again = Order(**{**order.__dict__, "out": tmp_path / "again"})
    train(again, lambda words: None)
    for part in (EXTRACTOR, "fold-1", "fold-2"):
        assert (order.out / part / BEST).read_bytes() == (again.out / part / BEST).read_bytes()
    said = []
    train(Order(**{**again.__dict__, "resume": True}), said.append)
    assert "extractor: done before" in said
    assert "the model was made before" in said


def copy_everyone(rows):
    """Every patient once more under another name, of no group: half of the copies must be apart."""
    for row in list(rows):
        rows.append(row | {"patient": "q" + row["patient"][1:], "match": ""})


def test_same_image_for_extractor_and_classifier_is_refused(tmp_path):
    cohort = write_necks(tmp_path / "cohort", 12, change=copy_everyone)
    order = Order("extension", cohort, tmp_path / "run", TINY, folds=2, accept_metadata=True)
    with pytest.raises(InputError, match=r"the same image|extractor is trained on") as refused:
        train(order, lambda words: None)
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "run" / EXTRACTOR / BEST).exists()


def test_nodes_do_not_stand_in_for_a_label(tmp_path):
    def unlabelled(rows):
        rows[3]["label"] = ""

    cohort = write_necks(tmp_path / "cohort", 6, change=unlabelled)
    with pytest.raises(InputError, match="a scan has no label: say in column 'label'"):
        train(Order("extension", cohort, tmp_path / "run", TINY), lambda words: None)


def test_weights_to_start_with_are_refused(run, tmp_path):
    order, _ = run
    with pytest.raises(InputError, match=r"two networks|trained in a run"):
        train(
            Order(**{**order.__dict__, "out": tmp_path / "run", "start": order.out / MODEL}),
            lambda words: None,
        )


def prepared(values, label=True):
    facts = ScanFacts("p", label, frozenset(), frozenset(), {}, {})
    return Prepared("p/1", "p", label, values, np.zeros(values.shape[1:], np.uint8), facts)


@pytest.mark.parametrize("label", [True, False])
def test_voi_is_cut_about_the_heat_inside_the_body_whatever_the_label(label):
    values = np.zeros((2, 12, 16, 16), np.float16)
    values[1, :, 3:, :] = 1
    values[0, 10, 5, 14], values[0, 2, 0, 0] = 0.5, 1.0
    found = cut_out(Bright(), prepared(values, label), ExtensionTraining(**TINY))
    assert found.values.shape == (1, 5, 8, 8)
    assert np.unravel_index(found.values[0].argmax(), (5, 8, 8)) == (3, 4, 6)
    assert found.values.max() == 0.5
    assert found.truth.shape == (5, 8, 8)


def test_batches_hold_every_patient_once_and_flips_only_left_to_right():
    scans = [prepared(np.full((1, 2, 3, 4), n, np.float16) * np.arange(1, 5), n % 2 == 0)
             for n in range(1, 10)]  # fmt: skip
    chosen = ExtensionTraining(**TINY)
    task = ExtensionTask(chosen, scans, [], 0, 1)
    met, rng = [], np.random.default_rng(0)
    for index in range(task.micro_batches(1)):
        inputs, labels = task.micro_batch(1, index, rng)
        assert inputs.dtype == labels.dtype == np.float32
        assert len(inputs) >= 2  # batch norm
        for one, label in zip(inputs, labels, strict=True):
            number = int(one.min())
            met.append(number)
            assert label == (number % 2 == 0)
            line = one[0, 0, 0] / number
            assert line.tolist() in ([1, 2, 3, 4], [4, 3, 2, 1])
    assert sorted(met) == list(range(1, 10))


def test_optimiser_and_loss_are_the_papers():
    task = ExtensionTask(ExtensionTraining(), [], [], 0, 1)
    network = make("dense-net-3d", NETWORK)
    assert isinstance(task.optimiser(network), torch.optim.Adadelta)
    logits, truth = torch.tensor([[0.3], [-2.0]]), torch.tensor([1.0, 0.0])
    by_hand = -(np.log(1 / (1 + np.exp(-0.3))) + np.log(1 - 1 / (1 + np.exp(2.0)))) / 2
    assert task.loss(logits, truth).item() == pytest.approx(by_hand, abs=1e-6)
    assert (ExtensionTraining().batch, ExtensionTraining().extractor_patients) == (4, 30)


def test_batch_that_micro_batches_do_not_divide_is_refused():
    with pytest.raises(ValueError, match="multiple of micro_batch"):
        ExtensionTraining(batch=4, micro_batch=3)


def test_card_of_extension_needs_its_network_and_a_threshold(run):
    card = verify(run[0].out / MODEL).card.model_dump(mode="json")
    with pytest.raises(InputError, match='needs network "gmgenet"'):
        card_of(card | {"network": {"name": "dense-net-3d", "arguments": {}}}, "the card")
    with pytest.raises(InputError, match="needs a threshold"):
        card_of(card | {"threshold": None}, "the card")
