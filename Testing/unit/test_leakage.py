"""Leakage is refused: shared images, mirrored copies, labels that metadata give away."""

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from HNCLogic.errors import InputError
from HNCLogic.images.study import Study
from HNCLogic.training.cohort import Scan
from HNCLogic.training.leakage import (
    facts_of,
    metadata_auc,
    refuse_given_away,
    refuse_shared_images,
)
from HNCLogic.training.splits import Fold

FOLD = Fold(frozenset("ab"), frozenset("c"), frozenset("d"))


def facts(patient, values, label=False, centre="north", spacing=(4.0, 4.0, 4.0), **columns):
    image = sitk.GetImageFromArray(np.asarray(values, np.float32))
    image.SetSpacing(spacing)
    scan = Scan(patient, "1", centre, {"PET": Path("x")}, label=label, facts=columns)
    return facts_of(scan, Study({"PET": image}))


def noise(seed):
    return np.random.default_rng(seed).random((4, 5, 6))


def test_the_same_image_on_two_sides_is_refused():
    apart = [facts("a", noise(0)), facts("b", noise(1)), facts("c", noise(2))]
    refuse_shared_images(apart, [FOLD])
    with pytest.raises(InputError, match="same image stands under different patients, in differ"):
        refuse_shared_images([*apart, facts("d", noise(0))], [FOLD])
    # On one side of this fold it does no harm; in another fold it would.
    refuse_shared_images([facts("a", noise(0)), facts("b", noise(0))], [FOLD])
    other = Fold(frozenset("a"), frozenset("b"))
    with pytest.raises(InputError, match=r"of fold 2 \(1 times\)"):
        refuse_shared_images([facts("a", noise(0)), facts("b", noise(0))], [FOLD, other])


@pytest.mark.parametrize(
    "copy",
    [lambda v: v[:, :, ::-1], lambda v: np.rot90(v, axes=(1, 2)), lambda v: np.roll(v, 2, 0)],
)
def test_mirrored_turned_and_shifted_copies_are_refused(copy):
    with pytest.raises(InputError, match="augment after the split"):
        refuse_shared_images([facts("a", noise(0)), facts("c", copy(noise(0)))], [FOLD])


def test_another_grid_is_another_image_but_the_same_voxels():
    one, other = facts("a", noise(0)), facts("c", noise(0), spacing=(2.0, 2.0, 2.0))
    assert one.hashes != other.hashes
    assert one.voxels == other.voxels


def cohort(count, tell):
    chance = np.random.default_rng(5)
    found = []
    for n in range(count):
        label = bool(n % 2)
        found.append(facts(str(n), noise(n), label, **tell(label, chance)))
    return found


@pytest.mark.parametrize(
    ("tell", "low", "high"),
    [
        (lambda y, r: {"centre": r.choice(["north", "south"])}, 0.35, 0.6),
        (lambda y, r: {"centre": "north" if y or r.random() < 0.2 else "south"}, 0.8, 0.98),
        (lambda y, r: {"spacing": (2.0 if y else 4.0, 4.0, 4.0)}, 0.99, 1.0),
        (lambda y, r: {"age": str(60 + 10 * y + 5 * r.standard_normal())}, 0.85, 1.0),
        (lambda y, r: {"sequence": "TSE" if y else "VIBE"}, 0.99, 1.0),
        (lambda y, r: {"age": "50" if y else ""}, 0.99, 1.0),  # being missing tells, too
    ],
)
def test_metadata_tell_the_label_only_where_they_do(tell, low, high):
    assert low <= metadata_auc(cohort(80, tell)) <= high


def test_names_groups_and_readers_are_no_metadata():
    found = cohort(
        40,
        lambda y, r: {
            "scanner": str(r.random()) + "x", "group": "g" if y else "h", "reader_score": str(4 * y)
        },
    )  # fmt: skip
    assert metadata_auc(found) == pytest.approx(0.5)


def test_a_given_away_label_stops_the_run_unless_accepted():
    assert "0.55" in refuse_given_away(0.55, accepted=False)
    assert "accepted" in refuse_given_away(0.81, accepted=True)
    with pytest.raises(InputError, match=r"0\.81.*--accept-metadata"):
        refuse_given_away(0.81, accepted=False)


def test_labels_of_both_kinds_are_needed():
    with pytest.raises(ValueError, match="both kinds"):
        metadata_auc([facts(str(n), noise(n), True) for n in range(6)])
    unlabelled = [facts("0", noise(0), None), *cohort(6, lambda y, r: {})]
    with pytest.raises(ValueError, match="needs a label"):
        metadata_auc(unlabelled)


def test_metadata_of_so_few_scans_that_parts_have_one_label_each_still_give_a_figure():
    """Two scans of the third patient: one of the divisions then puts like with like."""
    few = [facts(name, [[[number]]], name in "pq") for number, name in enumerate("pqrrs")]
    assert 0 <= metadata_auc(few) <= 1
