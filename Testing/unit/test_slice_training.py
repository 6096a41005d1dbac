"""Method 2 trained on a small cohort: the median of several trainings, scales of the training part
alone, thresholds by brute force, and a model that answers as its fold did."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from HNCLogic.errors import InputError
from HNCLogic.methods import slice_tumour
from HNCLogic.models.store import verify
from HNCLogic.training.leakage import ScanFacts
from HNCLogic.training.prepared import Prepared
from HNCLogic.training.repeats import BEST, DONE, median_of, seed_of_repeat
from HNCLogic.training.run import Order, train
from HNCLogic.training.run_folder import FOLDS, MODEL, OUT_OF_FOLD
from HNCLogic.training.slice_model import STEPS, best_threshold
from HNCLogic.training.slice_task import SliceTask, SliceTraining, chosen_slices, training_ranges
from Testing.unit.small_cohort import write_cohort

SLICES = {
    "preparation": {"pixels": 32, "field_mm": 176.0}, "base_filters": 8, "levels": 2,
    "dropout": 0.0, "learning_rate": 0.01, "batch": 8, "micro_batch": 8, "epochs": 16,
    "repeats": 3,
}  # fmt: skip


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    return write_cohort(tmp_path_factory.mktemp("cohort"), 20, with_mri=True)


@pytest.fixture(scope="module")
def run(cohort, tmp_path_factory):
    out, said = tmp_path_factory.mktemp("runs") / "slices", []
    order = Order("slice-tumour", cohort, out, SLICES, folds=3, trained_on="twenty made-up scans")
    train(order, said.append)
    return order, said


def table_of(order):
    with (order.out / OUT_OF_FOLD).open() as file:
        return list(csv.DictReader(file))


def test_a_model_comes_out_and_finds_the_lumps(run):
    order, said = run
    card = verify(order.out / MODEL).card
    assert (card.method, card.network.name, card.classes) == ("slice-tumour", "unet2d", ["tumour"])
    assert [(i.role, i.required) for i in card.inputs] == [("PET", True), ("MR", True)]
    assert len(card.threshold.per_fold) == 3
    assert card.threshold.value == pytest.approx(np.mean(card.threshold.per_fold))
    assert any("fold 3, training 3 of 3, epoch 16/16" in words for words in said)
    figures = {(m.name, m.data.split(",")[0], "test" in m.data): m.value for m in card.metrics}
    dice = figures["Dice, pooled", "slices with tumour and as many without", True]
    jaccard = figures["Jaccard index, pooled", "slices with tumour and as many without", True]
    assert dice > 0.5
    assert jaccard == pytest.approx(dice / (2 - dice))
    rows = table_of(order)
    both, found, true = (
        sum(int(r[f"volume {k}"]) for r in rows) for k in ("both", "found", "true")
    )
    assert figures["Dice, pooled", "all slices", True] == pytest.approx(2 * both / (found + true))


def test_the_median_training_of_each_fold_is_kept(run):
    order, _ = run
    for number in range(1, 4):
        folder = order.out / f"fold-{number}"
        about = json.loads((folder / DONE).read_text())
        each = [json.loads((folder / f"repeat-{n}" / DONE).read_text()) for n in (1, 2, 3)]
        dice = [one["history"][one["epoch"] - 1]["Dice"] for one in each]
        assert about["figures"] == dice
        assert dice[about["repeat"] - 1] == sorted(dice)[1]
        kept = folder / f"repeat-{about['repeat']}" / BEST
        assert (folder / BEST).read_bytes() == kept.read_bytes()
        assert len({(folder / f"repeat-{n}" / BEST).read_bytes() for n in (1, 2, 3)}) == 3


def test_out_of_fold_figures_are_of_patients_the_fold_never_saw(run):
    order, _ = run
    folds = json.loads((order.out / FOLDS).read_text())
    rows = table_of(order)
    assert len(rows) == 20
    for row in rows:
        fold = folds[int(row["fold"]) - 1]
        patient = row["scan"].split("/")[0]
        assert patient in fold["test"]
        assert patient not in fold["train"] + fold["validation"]


def test_the_model_answers_as_its_folds_did(run, cohort):
    """The way from files to pixels is the same in training and afterwards."""
    from HNCLogic.images.region import head_and_neck
    from HNCLogic.images.study import read_study
    from HNCLogic.inference.slices import slice_probabilities

    order, _ = run
    model = verify(order.out / MODEL)
    preparation = model.preparation(slice_tumour.Preparation)
    rows = {row["scan"]: row for row in table_of(order)}
    networks = model.networks()
    for fold, network in enumerate(networks):
        name = next(n for n, row in rows.items() if int(row["fold"]) == fold + 1)
        stem = name.split("/")[0][1:]
        files = {"PET": f"{stem}_PET.nrrd", "T1": f"{stem}_MR.nrrd"}
        study = read_study({role: cohort.parent / file for role, file in files.items()})
        stack = slice_tumour.prepare(study, head_and_neck(study)[0], preparation, ["PET", "MR"])
        values = slice_tumour.scaled(stack.values, preparation.ranges[fold])
        found = slice_probabilities(network, values) >= float(rows[name]["threshold"])
        # The model's weights are float16, and some processors compute in bfloat16: a pixel at the
        # threshold may fall to either side.
        assert found.sum() == pytest.approx(int(rows[name]["volume found"]), rel=0.02)


def test_a_fold_is_scaled_by_its_own_training_part(run):
    order, _ = run
    ranges = verify(order.out / MODEL).preparation(slice_tumour.Preparation).ranges
    folds = json.loads((order.out / FOLDS).read_text())
    abouts = sorted((order.out / "cache").glob("*/about.json"))
    held = {json.loads(p.read_text())["patient"]: np.load(p.parent / "values.npy") for p in abouts}
    assert all(values.dtype == np.float32 for values in held.values())
    for fold, own in zip(folds, ranges, strict=True):
        for channel in (0, 1):
            values = [held[patient][channel] for patient in fold["train"]]
            expected = min(v.min() for v in values), max(v.max() for v in values)
            assert own[channel] == pytest.approx(expected)
    assert len({tuple(own[1]) for own in ranges}) > 1  # no patient's maximum rules all folds


def test_a_run_that_was_stopped_goes_on_to_the_same_model(run, cohort, tmp_path):
    order, _ = run
    part = replace(order, out=tmp_path / "part", only=(1,))
    train(part, lambda words: None)
    # As if it had been killed within the second training of fold 1.
    folder = part.out / "fold-1"
    for path in (folder / DONE, folder / "repeat-2" / DONE, folder / "repeat-3" / DONE):
        path.unlink()
    said = []
    train(replace(part, resume=True), said.append)
    assert "fold 1, training 1 of 3: done before" in said
    assert (folder / BEST).read_bytes() == (order.out / "fold-1" / BEST).read_bytes()


# What is learnt from, by hand.


def prepared(name, values, tumour=(), label=None):
    """A scan of ``values`` (channel, z, y, x) with tumour in the middle of slices ``tumour``."""
    values = np.asarray(values, np.float32)
    truth = np.zeros(values.shape[1:], np.uint8)
    for z in tumour:
        truth[z, 4:8, 4:8] = 1
    label = bool(tumour) if label is None else label
    facts = ScanFacts(name, label, frozenset(), frozenset(), {}, {})
    return Prepared(name, name, label, values, truth, facts)


def scans(slices=10, side=16):
    rng = np.random.default_rng(0)
    make = lambda high: rng.uniform(-1, high, (2, slices, side, side))  # noqa: E731
    return [
        prepared("a", make(5.0), tumour=(2, 3, 4)),
        prepared("b", make(9.0)),
        prepared("c", make(3.0)),
    ]


def test_slices_with_tumour_and_as_many_of_scans_without():
    places = chosen_slices(scans(), SliceTraining(), 1)
    assert places[:3] == [(0, 2), (0, 3), (0, 4)]
    assert len(places) == 6
    assert {scan for scan, _ in places[3:]} <= {1, 2}
    assert places == chosen_slices(scans(), SliceTraining(), 1)
    assert places != chosen_slices(scans(), SliceTraining(draw=1), 1)
    every = chosen_slices(scans(), SliceTraining(negatives=9, negatives_of="all scans"), 1)
    assert len(every) == 3 + 27
    assert len(set(every)) == 30


def test_scans_that_cannot_teach_are_refused():
    a, b, c = scans()
    with pytest.raises(InputError, match="no slice of the training patients has tumour"):
        SliceTask(SliceTraining(), [b, c], [a, b], 0, 1)
    with pytest.raises(InputError, match="no slice of the validation patients has tumour"):
        SliceTask(SliceTraining(), [a, b], [c], 0, 1)
    with pytest.raises(InputError, match="no scan without cancer among the training patients"):
        SliceTask(SliceTraining(), [a], [a], 0, 1)
    SliceTask(SliceTraining(negatives_of="all scans"), [a], [a], 0, 1)
    with pytest.raises(ValueError, match="ranges come of the training set"):
        SliceTraining(preparation={"ranges": [[(0, 1), (0, 1)]]})


def test_ranges_leave_out_what_was_not_given():
    a, b, _ = scans()
    b.values[1] = np.nan
    (low, high), mr = training_ranges([a, b], SliceTraining())
    assert (low, high) == (
        min(a.values[0].min(), b.values[0].min()),
        max(a.values[0].max(), b.values[0].max()),
    )
    assert mr == (a.values[1].min(), a.values[1].max())
    set_ = training_ranges([a, b], SliceTraining(windows={"PET": (0, 25)}))
    assert set_ == [(0.0, 25.0), mr]
    with pytest.raises(InputError, match=r"the MR images hold values from .* to 2e"):
        training_ranges(
            [prepared("d", np.full((2, 2, 16, 16), 2e6))], SliceTraining(windows={"PET": (0, 25)})
        )
    a.values[1] = 7.0
    assert training_ranges([a], SliceTraining())[1] == (7.0, 8.0)


def test_copies_are_turned_together_with_their_truth():
    a, b, c = scans()
    a.values[0] = a.truth  # the PET is the truth itself
    quiet = SliceTraining(negatives=0, windows={"PET": (0, 1)})
    plain = SliceTask(quiet, [a, b, c], [a], 0, 1)
    values, tumour = plain.micro_batch(1, 0, np.random.default_rng(0))
    assert (values.shape, tumour.shape) == ((3, 2, 16, 16), (3, 1, 16, 16))
    assert (values[:, :1] == tumour).all()
    copying = quiet.model_copy(update={"copies": 5})
    task = SliceTask(copying, [a, b, c], [a], 0, 1)
    values, tumour = task.micro_batch(1, 0, np.random.default_rng(0))
    assert len(values) == 15  # five in the place of each
    assert values.shape[1:] == (2, 16, 16)
    assert len({v[:1].tobytes() for v in tumour}) > 5
    there, where = values[:, :1] > 0.5, tumour > 0
    assert (there & where).sum() / (there | where).sum() > 0.9
    assert 12 * 15 < tumour.sum() <= 20 * 15  # 16 pixels each, none lost


def test_training_begins_with_the_share_of_tumour():
    a, b, c = scans()
    task = SliceTask(SliceTraining(base_filters=2, levels=2), [a, b, c], [a], 0, 1)
    values, tumour = task.micro_batch(1, 0, np.random.default_rng(0))
    assert tumour.mean() == pytest.approx(task.share) == pytest.approx(0.5 * 16 / 256)
    torch.manual_seed(0)
    said = task.network()(torch.from_numpy(values)).sigmoid()
    assert said.mean().item() == pytest.approx(task.share, rel=0.1)


def test_the_learning_rate_falls_to_nothing_where_asked():
    a, b, c = scans()
    for decay, last in (("none", 1e-3), ("cosine", 0.0)):
        chosen = SliceTraining(batch=2, micro_batch=2, epochs=4, decay=decay)
        task = SliceTask(chosen, [a, b, c], [a], 0, 1)
        optimiser = task.optimiser(task.network())
        schedule = task.schedule(optimiser)
        for _ in range(4 * task.micro_batches(1)):
            optimiser.step()
            if schedule is not None:
                schedule.step()
        assert optimiser.param_groups[0]["lr"] == pytest.approx(last, abs=1e-5)


def test_a_role_is_left_out_as_often_as_asked():
    a, b, c = scans()
    chosen = SliceTraining(left_out={"MR": 0.5}, negatives=4, micro_batch=15)
    task = SliceTask(chosen, [a, b, c], [a], 0, 1)
    lacking = [
        (task.micro_batch(1, 0, np.random.default_rng(n))[0] == 0).all(axis=(2, 3)).mean(axis=0)
        for n in range(20)
    ]
    pet, mr = np.mean(lacking, axis=0)
    assert pet == 0
    assert 0.4 < mr < 0.6


def test_validation_figures_against_scikit_learn():
    from sklearn.metrics import f1_score

    a, b, c = scans()
    chosen = SliceTraining(base_filters=2, levels=2, prior=False)  # else nothing would be found
    task = SliceTask(chosen, [a, b, c], [a, b], 0, 1)
    torch.manual_seed(0)
    network = task.network().eval()
    with torch.inference_mode():
        figures = task.validate(network)
        places = chosen_slices([a, b], task.chosen, 1)
        slices = np.stack([slice_tumour.scaled((a, b)[n].values[:, z], task.ranges)
                           for n, z in places])  # fmt: skip
        said = network(torch.from_numpy(slices)).sigmoid().numpy()[:, 0].astype(float)
    truth = np.stack([(a, b)[n].truth[z] > 0 for n, z in places])
    assert figures["Dice"] == pytest.approx(f1_score(truth.ravel(), said.ravel() >= 0.5), abs=0.02)
    both = (said * truth).sum()
    assert figures["Jaccard"] == pytest.approx(both / (said + truth - said * truth).sum(), rel=0.02)


def test_the_best_threshold_is_the_one_of_brute_force():
    rng = np.random.default_rng(3)
    truth = rng.random(4000) < 0.2
    said = np.clip(rng.normal(np.where(truth, 0.6, 0.35), 0.15), 0, 1)
    counts = np.stack([
        np.bincount(np.int64(said[truth == there] * STEPS), minlength=STEPS + 1)
        for there in (False, True)
    ])  # fmt: skip

    def dice(threshold):
        found = said >= threshold
        return 2 * (found & truth).sum() / (found.sum() + truth.sum())

    found = best_threshold(counts)
    assert dice(found) == pytest.approx(max(dice(k / STEPS) for k in range(1, STEPS + 1)))
    clear = np.zeros((2, 11), int)
    clear[0, 2], clear[1, 8] = 50, 5  # anything from 0.3 to 0.8 is right
    assert best_threshold(clear) == pytest.approx(0.6)


def test_the_median_and_the_seeds_of_repeats():
    assert median_of([0.7]) == 0
    assert median_of([0.9, 0.1, 0.5]) == 2
    assert median_of([0.9, 0.1, 0.5, 0.4]) == 3
    assert median_of([0.5, 0.5, 0.5]) == 1
    seeds = [seed_of_repeat(0, n) for n in range(1, 51)]
    assert seeds[0] == 0
    assert len(set(seeds)) == 50
