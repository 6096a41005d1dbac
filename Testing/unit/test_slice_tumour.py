"""Method 2 from study to slices and back: planes, fields of view, scales, the patient's grid."""

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from HNCLogic import outlines, steps
from HNCLogic.errors import InputError
from HNCLogic.images.grid import Grid
from HNCLogic.images.study import Study
from HNCLogic.inference.slices import mean_slices, slice_probabilities
from HNCLogic.job import Delineation, Job
from HNCLogic.methods import slice_tumour
from HNCLogic.methods.slice_tumour import LESION, Preparation
from HNCLogic.models.writing import write_model
from HNCLogic.networks.registry import make
from Testing.tiny_models import WORDS
from Testing.unit.test_methods import (
    HOT,
    PET_GRIDS,
    REGION,
    centre_of_heat,
    centred,
    painted,
    turned,
)

PET_MR = ["PET", "MR"]
MR_GRIDS = {
    "oblique": centred((256, 256, 50), (0.9, 0.9, 4.4), turned((14, 3, 0))),
    "flipped": centred((128, 128, 60), (1.7, 1.7, 4.0), turned(flips=(-1, -1, -1))),
    "coronal": centred((200, 200, 60), (1.0, 1.0, 3.0), turned((90, 0, 0))),
}


def mri(grid: Grid, bright: float = 900.0) -> sitk.Image:
    """As ``painted``, in numbers without a unit: the neck 300, the ball bright."""
    ball = painted(grid)
    values = sitk.GetArrayFromImage(ball)
    image = sitk.GetImageFromArray(
        np.where(values > 5, bright, 300.0 * (values > 0.5)).astype(np.float32)
    )
    image.CopyInformation(ball)
    return image


@pytest.mark.parametrize("name", PET_GRIDS)
def test_without_an_mri_the_slices_are_the_pets_own(name):
    pet = painted(PET_GRIDS[name])
    stack = slice_tumour.prepare(Study({"PET": pet}), REGION, Preparation(), ["PET"])
    assert stack.values.shape[2:] == (128, 128)
    assert stack.values.dtype == np.float32
    assert stack.grid.spacing[:2] == pytest.approx((1.7, 1.7))
    assert stack.values.max() == pytest.approx(10, abs=0.1)
    assert np.linalg.norm(centre_of_heat(stack.values[0], stack.grid) - HOT) < 2.5
    assert stack.grid.spacing[2] == pytest.approx(pet.GetSpacing()[2])
    apart = Grid.of(pet).indices(stack.grid.points(np.array([[63.5, 63.5, 0.0]])))[0, 2]
    assert apart == pytest.approx(round(apart), abs=1e-4)  # never between two slices


@pytest.mark.parametrize("name", MR_GRIDS)
def test_pet_is_resliced_to_the_planes_of_the_mri(name):
    image = mri(MR_GRIDS[name])
    study = Study({"PET": painted(PET_GRIDS["plain"]), "T1": image})
    stack = slice_tumour.prepare(study, REGION, Preparation(), PET_MR)
    assert stack.values.shape[0] == 2
    assert not np.isnan(stack.values).any()
    for channel in stack.values:
        assert np.linalg.norm(centre_of_heat(channel, stack.grid) - HOT) < 2.5
    normal = stack.grid.matrix[:, 2]
    assert max(abs(normal @ axis) for axis in Grid.of(image).matrix.T) == pytest.approx(1.0)
    if name == "coronal":  # 1 mm apart from top to bottom: resliced
        assert stack.grid.spacing[2] == pytest.approx(Preparation().slice_mm)
    else:
        assert stack.grid.spacing[2] == pytest.approx(image.GetSpacing()[2])


def test_slices_are_those_that_a_required_mri_shows():
    short = centred((128, 128, 20), (1.7, 1.7, 4.0), turned())  # 80 of the PET's 240 mm
    study = Study({"PET": painted(PET_GRIDS["plain"]), "T2": mri(short)})
    stack = slice_tumour.prepare(study, REGION, Preparation(), PET_MR)
    assert stack.grid.size[2] == 20
    assert "as far as the T2 shows it" in stack.region.found_by
    free = slice_tumour.prepare(study, REGION, Preparation(), PET_MR, optional=["MR"])
    assert free.grid.size[2] == 60
    assert free.region == REGION


def test_the_images_own_field_of_view():
    wide = centred((160, 120, 50), (2.0, 2.0, 4.0), turned((10, 0, 5)))
    study = Study({"PET": painted(PET_GRIDS["plain"]), "T1": mri(wide)})
    stack = slice_tumour.prepare(study, REGION, Preparation(field_mm=None), PET_MR)
    assert stack.grid.size[:2] == (128, 128)
    assert stack.grid.spacing == pytest.approx((2.5, 1.875, 4.0))
    # Its middle is the image's own, slice by slice.
    there = Grid.of(study.images["T1"]).indices(stack.grid.points(np.array([[63.5, 63.5, 9.0]])))
    assert there[0, :2] == pytest.approx((79.5, 59.5), abs=1e-3)
    assert np.linalg.norm(centre_of_heat(stack.values[0], stack.grid) - HOT) < 2.5


def test_what_is_not_given():
    study = Study({"PET": painted(PET_GRIDS["plain"])})
    with pytest.raises(InputError, match="needs MR, which was not given"):
        slice_tumour.prepare(study, REGION, Preparation(), PET_MR)
    stack = slice_tumour.prepare(study, REGION, Preparation(), PET_MR, optional=["MR"])
    assert np.isnan(stack.values[1]).all()
    seen = slice_tumour.scaled(stack.values, [(0, 10), (100, 900)])
    assert seen[0].max() == pytest.approx(1.0, abs=0.01)
    assert (seen[1] == 0).all()
    with pytest.raises(InputError, match="needs PET and MR"):
        slice_tumour.prepare(
            Study({"CT": study.pet}), REGION, Preparation(), PET_MR, optional=PET_MR
        )


def test_values_beyond_the_training_sets_are_clipped():
    values = np.array([-3.0, 0.0, 4.0, 8.0, 99.0], np.float32).reshape(1, 1, 1, 5)
    both = np.concatenate([values, values * 100])
    seen = slice_tumour.scaled(both, [(0.0, 8.0), (-100.0, 700.0)])
    assert seen.dtype == np.float32
    assert seen[0].ravel() == pytest.approx([0, 0, 0.5, 1, 1])
    assert seen[1].ravel() == pytest.approx([0, 0.125, 0.625, 1, 1])
    assert slice_tumour.scaled(both[:, 0], [(0.0, 8.0), (0.0, 1.0)]).shape == (2, 1, 5)


def test_an_mri_as_shares_of_its_own_percentile_has_no_unit():
    pet = painted(PET_GRIDS["plain"])
    stacks = []
    for gain in (1.0, 37.0):
        image = mri(MR_GRIDS["oblique"]) * gain
        study = Study({"PET": pet, "T1": image})
        stacks.append(slice_tumour.prepare(study, REGION, Preparation(mr_percentile=99), PET_MR))
    assert np.allclose(stacks[0].values[1], stacks[1].values[1], rtol=1e-5)
    assert stacks[0].values[0].max() == pytest.approx(10, abs=0.1)  # PET keeps its SUV


@pytest.mark.parametrize("name", PET_GRIDS)
def test_the_outline_lies_on_the_pets_own_grid(name):
    own = PET_GRIDS[name]
    study = Study({"PET": painted(own), "T1": mri(MR_GRIDS["oblique"])})
    stack = slice_tumour.prepare(study, REGION, Preparation(), PET_MR)
    classes = slice_tumour.tumour_on(own, stack.values[0] / 10, stack.grid, 0.5)
    assert Grid.of(classes).same_as(own)
    found = sitk.GetArrayFromImage(classes)
    assert set(np.unique(found)) == {0, LESION}
    truth = sitk.GetArrayFromImage(study.pet) > 5
    both = ((found > 0) & truth).sum()
    assert 2 * both / ((found > 0).sum() + truth.sum()) > 0.85


# A network made by hand: tumour is where PET is hot and the MRI bright.


def hand_made(pet_from: float = 0.5, mr_from: float | None = 0.5):
    """A U-Net of two levels whose features carry the input past the bottom: logit 40 (PET - a),
    and of the MRI likewise; ``None``: it does not look at it."""
    arguments = {"in_channels": 2, "base_filters": 2, "levels": 1, "dropout": 0.0}
    network = make("unet2d", arguments)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
        first, second = network.down[0][0], network.down[0][3]
        for norm in (m for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d)):
            norm.weight.fill_(1.0)
        last, end = network.joined[0][0], network.joined[0][3]
        for place in range(2):  # each channel for itself, untouched (they are not negative)
            first.weight[place, place, 1, 1] = second.weight[place, place, 1, 1] = 1.0
            last.weight[place, place, 1, 1] = 1.0  # the skipped features come first
            end.weight[0, 0, 1, 1] = 1.0
            end.weight[1, 1, 1, 1] = 1.0
        # ReLU before the end: how far each channel is below its level counts against tumour.
        for norm, level in ((network.joined[0][1], (pet_from, mr_from)),):
            for place, value in enumerate(level):
                if value is None:
                    norm.weight[place] = 0.0
                else:
                    norm.weight[place], norm.bias[place] = -1.0, value
        network.head.weight[0, :, 0, 0] = -400.0
        network.head.bias.fill_(4.0)
    return arguments, network.state_dict()


def slice_card(name: str, arguments: dict, folds: int, **preprocessing) -> dict:
    ranges = [[[0.0, 10.0], [0.0, 900.0]]] * folds
    return {
        **WORDS,
        "name": name,
        "method": "slice-tumour",
        "network": {"name": "unet2d", "arguments": arguments},
        "inputs": [{"role": "PET"}, {"role": "MR"}],
        "preprocessing": {"ranges": ranges} | preprocessing,
        "classes": ["tumour"],
        "threshold": {"value": 0.5, "chosen_by": "hand"},
    }


def test_a_hand_made_network_is_what_it_should_be():
    arguments, state = hand_made()
    network = make("unet2d", arguments)
    network.load_state_dict(state)
    values = np.zeros((2, 3, 16, 16), np.float32)
    values[0, 1, 4:9, 4:9] = 0.9
    values[1, :, :, 6:12] = 0.8
    said = slice_probabilities(network, values, batch=2)
    expected = (values[0] > 0.5) & (values[1] > 0.5)
    assert ((said > 0.5) == expected).all()


def test_the_mean_of_networks_each_on_its_own_scale():
    arguments, state = hand_made(mr_from=None)
    network = make("unet2d", arguments)
    network.load_state_dict(state)
    values = np.zeros((2, 1, 16, 16), np.float32)
    values[0, 0, 4:9, 4:9] = 4.0
    told = []
    said = mean_slices(
        [network, network], 2,
        lambda fold: slice_tumour.scaled(values, [[(0, 5), (0, 1)], [(0, 20), (0, 1)]][fold]),
        progress=lambda share, words: told.append((share, words)),
    )  # fmt: skip
    assert said[0, 5, 5] == pytest.approx(0.5, abs=0.02)  # one says yes, the other no
    assert said[0, 1, 1] == pytest.approx(0.0, abs=0.02)
    assert told[-1] == (1.0, "network 2 of 2")


def segmented(study: Study, model: Path, task="segment"):
    job = Job(
        task=task, images={}, out=Path("unused"), volume_model=str(model),
        delineation=Delineation(),
    )  # fmt: skip
    found = steps.Findings(study, REGION)
    outlines.lesions(job, found, outlines.open_model(job), lambda share, words: None)
    return found


@pytest.fixture(scope="module")
def by_hand(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "by-hand"
    arguments, state = hand_made()
    write_model(folder, slice_card("by-hand", arguments, 2), [state, state])
    return folder


@pytest.mark.parametrize("name", PET_GRIDS)
def test_a_hot_ball_becomes_a_lesion(by_hand, name):
    study = Study({"PET": painted(PET_GRIDS[name]), "T1": mri(MR_GRIDS["oblique"])})
    found = segmented(study, by_hand)
    (lesion,) = found.lesions
    assert lesion.kind == "lesion"
    assert lesion.name == "Lesion 1"
    assert Grid.of(found.labels).same_as(PET_GRIDS[name])
    truth = sitk.GetArrayFromImage(study.pet) > 5
    lesions = sitk.GetArrayFromImage(found.labels) > 0
    assert 2 * (lesions & truth).sum() / (lesions.sum() + truth.sum()) > 0.85
    assert found.delineation == "neural network by-hand 0.1"
    assert found.models.keys() == {"by-hand 0.1"}


def test_where_the_mri_is_dark_a_hot_place_is_no_tumour(by_hand):
    dark = mri(MR_GRIDS["oblique"], bright=100.0)
    found = segmented(Study({"PET": painted(PET_GRIDS["plain"]), "T1": dark}), by_hand)
    assert found.lesions == []


def test_a_missing_mri(by_hand, tmp_path):
    study = Study({"PET": painted(PET_GRIDS["plain"])})
    with pytest.raises(InputError, match="needs MR, which was not given"):
        segmented(study, by_hand)
    found = segmented(study, by_hand, "analyze")
    assert found.labels is None
    assert any("No outlines: the model by-hand 0.1 needs MR" in w for w in found.warnings)
    arguments, state = hand_made(mr_from=None)
    card = slice_card("pet-alone", arguments, 1)
    card["inputs"][1]["required"] = False
    write_model(tmp_path / "pet-alone", card, [state])
    found = segmented(study, tmp_path / "pet-alone")
    assert len(found.lesions) == 1
    assert any("without MR, from the PET alone" in words for words in found.warnings)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"threshold": None}, "needs a threshold"),
        ({"classes": ["primary", "node"]}, "has one class"),
        ({"network": {"name": "presence", "arguments": {"in_channels": 2}}}, 'network "unet2d"'),
        (
            {"threshold": {"value": 0.5, "per_fold": [0.5], "chosen_by": "hand"}},
            "one threshold per",
        ),
    ],
)
def test_cards_that_do_not_fit(tmp_path, change, says):
    arguments, state = hand_made()
    card = slice_card("odd", arguments, 2) | change
    with pytest.raises(InputError, match=says):
        write_model(tmp_path / "odd", card, [state, state])


@pytest.mark.parametrize(
    ("preprocessing", "says"),
    [
        ({"pixels": 127}, "sides divisible by 2, its preprocessing asks for 127"),
        ({"ranges": [[[0.0, 1.0], [0.0, 1.0]]]}, "ranges must have low and high for each of 2"),
        ({"ranges": [[[0.0, 1.0]], [[0.0, 1.0]]]}, "2 folds and 2 inputs"),
        ({"ranges": [[[1.0, 0.0], [0.0, 1.0]]] * 2}, "from a lower to a higher value"),
    ],
)
def test_models_that_contradict_themselves(tmp_path, preprocessing, says):
    arguments, state = hand_made()
    folder = tmp_path / "odd"
    write_model(folder, slice_card("odd", arguments, 2, **preprocessing), [state, state])
    job = Job(task="segment", images={}, out=Path("unused"), volume_model=str(folder))
    with pytest.raises(InputError, match=says):
        outlines.open_model(job)
