"""Training from weights that were trained before, and presence taught by masks."""

import csv
from dataclasses import replace

import pytest

from HNCLogic.errors import InputError
from HNCLogic.models.store import verify
from HNCLogic.training.run import Order, train
from HNCLogic.training.run_folder import BEST, MODEL, OUT_OF_FOLD
from HNCLogic.training.start import start_weights
from Testing.unit.small_cohort import write_cohort

TAUGHT_BY_MASKS = {
    "preparation": {"pixels": 16, "window": 12, "stride": 6}, "entry_filters": 4,
    "filters": [4, 8], "dense": 12, "dropout": 0.0, "learning_rate": 0.01, "epochs": 3,
    "batch": 4, "micro_batch": 4, "masks": {"patch": [8, 8, 8], "patches": 2},
}  # fmt: skip


@pytest.fixture(scope="module")
def masked(tmp_path_factory):
    home = tmp_path_factory.mktemp("masked")
    order = Order(
        "presence", write_cohort(home / "cohort", 20), home / "run", TAUGHT_BY_MASKS, folds=2
    )
    train(order, lambda words: None)
    return order


def test_masks_teach_a_model_whose_head_reads_the_tumour_channels_alone(masked):
    model = verify(masked.out / MODEL)
    assert any("masks" in words for words in model.card.defaults_taken)
    for network in model.networks():
        assert not network.dense.weight[:, 2:].any()
        assert network.dense.weight[:, :2].any()
    with (masked.out / OUT_OF_FOLD).open() as file:
        rows = list(csv.DictReader(file))
    assert len({row["probability"] for row in rows}) > 1


def test_masks_that_mark_nothing_are_refused(masked, tmp_path):
    text = masked.cohort.read_text().splitlines()
    table = list(csv.DictReader(text))
    for row in table:
        row["mask"] = ""
    bare = masked.cohort.with_name("bare.csv")
    with bare.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(table[0]))
        writer.writeheader()
        writer.writerows(table)
    with pytest.raises(InputError, match="no training patient has tumour marked"):
        train(replace(masked, cohort=bare, out=tmp_path / "run"), lambda words: None)


def test_a_patch_larger_than_a_window_is_refused(masked, tmp_path):
    large = {**TAUGHT_BY_MASKS, "masks": {"patch": [16, 8, 8]}}
    with pytest.raises(InputError, match=r"masks.patch must have 4 to 12 slices"):
        train(replace(masked, out=tmp_path / "run", chosen=large), lambda words: None)


def test_every_fold_begins_with_the_given_weights(masked, tmp_path):
    still = {**TAUGHT_BY_MASKS, "epochs": 1, "learning_rate": 1e-12}
    cohort = write_cohort(tmp_path / "cohort", 12, first=50)
    begun = masked.out / "fold-1" / BEST
    order = replace(masked, cohort=cohort, out=tmp_path / "run", chosen=still, start=begun)
    train(order, lambda words: None)
    wanted = start_weights(begun, 1)
    for number in (1, 2):
        got = start_weights(tmp_path / "run" / f"fold-{number}" / BEST, 1)
        for name in ("entry.0.weight", "stages.1.1.features.weight"):
            assert (got[name] - wanted[name]).abs().max() < 1e-6
    card = verify(tmp_path / "run" / MODEL).card
    assert any("began with trained weights (sha256" in words for words in card.training.data)


def test_weights_of_the_cohorts_own_patients_are_refused(masked, tmp_path):
    order = replace(masked, out=tmp_path / "run", start=masked.out / "fold-1" / BEST)
    with pytest.raises(InputError, match="holds 20 of this cohort's scans"):
        train(order, lambda words: None)
    with pytest.raises(InputError, match="holds 20 of this cohort's scans"):
        train(replace(order, out=tmp_path / "again", start=masked.out / MODEL), lambda words: None)


def test_weights_that_do_not_fit_or_are_none_are_refused(masked, tmp_path):
    cohort = write_cohort(tmp_path / "cohort", 12, first=50)
    other = {**TAUGHT_BY_MASKS, "filters": [4, 12]}
    order = replace(masked, cohort=cohort, out=tmp_path / "run", start=masked.out / "fold-1" / BEST)
    with pytest.raises(InputError, match="are of another network"):
        train(replace(order, chosen=other), lambda words: None)
    for path, says in ((tmp_path / "none", "cannot be read"), (cohort, "holds no weights")):
        with pytest.raises(InputError, match=says):
            train(replace(order, out=tmp_path / "run2", start=path), lambda words: None)
