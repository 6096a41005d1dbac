"""Parotid tumours from study to slices and boxes: oblique, anisotropic, flipped grids."""

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from HNCLogic.errors import InputError
from HNCLogic.images.grid import Grid
from HNCLogic.images.study import Study
from HNCLogic.methods.box_slices import boxes_on, slices_about
from HNCLogic.methods.parotid import KINDS, Preparation, answer, heat_on, prepare, read
from HNCLogic.networks.parotid import ParotidNet
from HNCLogic.networks.resnet_stages import STRIDE
from HNCLogic.networks.roi_align import roi_align
from Testing.unit.test_methods import HOT, centre_of_heat, centred, painted, turned

BOX = tuple(float(v) for c in HOT for v in (c - 12, c + 12))  # about the ball of ``painted``
ROLES = ["T2", "CE-T1", "DWI-b1000"]
GRIDS = {
    "plain": centred((120, 100, 24), (1.7, 1.9, 4.0), turned()),
    "oblique": centred((140, 130, 26), (1.5, 1.5, 4.4), turned((14, -6, 8))),
    "flipped": centred((110, 120, 30), (2.0, 1.6, 3.3), turned(flips=(-1, -1, -1))),
    "thin": centred((110, 100, 90), (2.0, 2.0, 1.1), turned((5, 7, 0))),
}


def study(**by_role) -> Study:
    names = {"T2": "oblique", "CE-T1": "plain", "DWI-b1000": "flipped"} | by_role
    return Study({role: painted(GRIDS[name]) for role, name in names.items()})


def inside(values, boxes, index):
    """The pixels of a slice whose middles lie in its box."""
    x0, y0, x1, y1 = np.rint(boxes[index]).astype(int)
    return values[index, :, y0:y1, x0:x1]


@pytest.mark.parametrize("name", GRIDS)
def test_every_sequence_shows_the_tumour_in_its_box_whatever_the_planes(name):
    given = study(**{"CE-T1": name})
    # Nothing of these simple images is clipped: the ball is less than the brightest 0.5 %.
    plain = Preparation(mean=0, deviation=1, percentiles=(0, 100))
    slices = prepare(given, BOX, plain, ROLES)
    count = len(slices.boxes)
    assert slices.values.shape == (count, 3, 224, 224)
    assert slices.values.dtype == slices.boxes.dtype == np.float32
    assert slices.warnings == []
    for channel in range(3):
        found = centre_of_heat(slices.values[:, channel], slices.grid)
        assert np.linalg.norm(found - HOT) < 2.5
    # The slice nearest to the ball's middle: of its box the ball fills what a disk would.
    off = slices.grid.indices(HOT[None])[0, 2]
    nearest = int(np.clip(round(off), 0, count - 1))
    radius_squared = 12**2 - ((off - nearest) * slices.grid.spacing[2]) ** 2
    x0, y0, x1, y1 = slices.boxes[nearest]
    disk = np.pi * radius_squared / ((x1 - x0) * (y1 - y0) * (240 / 224) ** 2)
    bright = inside(slices.values, slices.boxes, nearest)[1] > 0.5
    assert bright.mean() == pytest.approx(disk, abs=0.08)
    # And nothing bright is beside the boxes, but for a pixel of interpolation.
    outside = slices.values[:, 1].copy()
    for index, (x0, y0, x1, y1) in enumerate(slices.boxes):
        outside[index, int(y0) - 2 : int(y1) + 3, int(x0) - 2 : int(x1) + 3] = 0
    assert outside.max() < 0.5


@pytest.mark.parametrize("name", GRIDS)
def test_slices_are_the_images_own_inferior_first(name):
    planes = painted(GRIDS[name])
    grid = prepare(study(**{"CE-T1": name}), BOX, Preparation(), ROLES).grid
    own = Grid.of(planes)
    thin = name == "thin"  # 1.1 mm: replaced by 4 mm
    assert grid.spacing == pytest.approx((240 / 224, 240 / 224, 4 if thin else own.spacing[2]))
    assert grid.size[2] == pytest.approx(24 / grid.spacing[2], abs=1.1)
    ends = grid.points(np.array([[111.5, 111.5, 0], [111.5, 111.5, grid.size[2] - 1]]))
    assert ends[0, 2] < ends[1, 2]
    if not thin:
        apart = own.indices(ends)[:, 2]
        assert apart == pytest.approx(np.round(apart), abs=1e-4)


def options(**changed):
    return {"pixels": 64, "field_mm": 240.0, "own_slices_mm": (2.0, 6.0), "slice_mm": 4.0} | changed


@pytest.mark.parametrize("name", GRIDS)
def test_the_cut_of_a_slice_is_what_the_slice_has_of_the_box(name):
    grid = slices_about(BOX, painted(GRIDS[name]), "T1", **options())
    low, high = np.reshape(BOX, (3, 2)).T
    fine = np.linspace(-0.5, 63.5, 1281)
    for index, (x0, y0, x1, y1) in enumerate(boxes_on(grid, BOX)):
        plane = np.stack(np.meshgrid(fine, fine, [index], indexing="ij"), -1).reshape(-1, 3)
        points = grid.points(plane)
        within = plane[((points >= low) & (points <= high)).all(axis=1)] + 0.5
        assert within[:, :2].min(axis=0) == pytest.approx([x0, y0], abs=0.06)
        assert within[:, :2].max(axis=0) == pytest.approx([x1, y1], abs=0.06)


def test_the_field_moves_to_hold_a_box_near_its_border():
    planes = painted(GRIDS["oblique"])
    grid = slices_about(BOX, planes, "T1", **options(field_mm=50.0))
    boxes = boxes_on(grid, BOX)
    assert boxes.min() >= 0
    assert boxes.max() <= 64


def test_a_box_thinner_than_a_slice_takes_the_nearest_one():
    flat = (*BOX[:4], HOT[2] + 1.0, HOT[2] + 1.2)
    grid = slices_about(flat, painted(GRIDS["plain"]), "T1", **options())
    assert grid.size[2] == 1
    assert abs(grid.origin[2] - (HOT[2] + 1.1)) <= 2.0
    assert boxes_on(grid, flat)[0, 2] - boxes_on(grid, flat)[0, 0] == pytest.approx(
        24 / grid.spacing[0], abs=1e-3
    )


def test_intensities_are_each_images_own_and_adc_keeps_its_unit():
    given = study()
    plain = prepare(given, BOX, Preparation(), ROLES).values
    given.images["T2"] = given.images["T2"] * 37.0 + 5.0
    # What lies around the other image's field is 0 in any unit: compared within the box.
    other = prepare(given, BOX, Preparation(), ROLES)
    middle = len(other.boxes) // 2
    np.testing.assert_allclose(
        inside(other.values, other.boxes, middle), inside(plain, other.boxes, middle), atol=1e-4
    )
    adc = Study({"ADC": painted(GRIDS["oblique"]) * 150.0})
    for factor, shown in ((1.0, 0.5), (0.5, 0.25)):
        scaled = Study({"ADC": adc.images["ADC"] * factor})
        values = prepare(scaled, BOX, Preparation(mean=0, deviation=1), ["ADC"]).values
        assert values.max() == pytest.approx(shown, abs=0.01)
    assert values.min() >= 0
    with pytest.raises(InputError, match="1e-6"):
        prepare(Study({"ADC": adc.images["ADC"] * 1e-6}), BOX, Preparation(), ["ADC"])


def test_what_is_missing_or_misplaced_is_named_in_one_line():
    given = study()
    with pytest.raises(InputError, match="needs T1 and ADC"):
        prepare(given, BOX, Preparation(), ["T1", "CE-T1", "ADC"])
    far = tuple(v + 900.0 for v in BOX)
    beside = (*(v + 200.0 for v in BOX[:2]), *BOX[2:])
    wide = (-200.0, 200.0, *BOX[2:])
    for wrong, named in (
        (far, "outside of the CE-T1"),
        (beside, "outside of the CE-T1"),
        (wide, "400 mm wide"),
        ((*BOX[:2], BOX[3], BOX[2], *BOX[4:]), "empty"),
        ((*BOX[:5], float("nan")), "empty"),
    ):
        with pytest.raises(InputError, match=named) as refused:
            prepare(given, wrong, Preparation(), ROLES)
        assert "\n" not in str(refused.value)
    with pytest.raises(InputError, match="same value"):
        prepare(Study({"T1": given.images["T2"] * 0.0}), BOX, Preparation(), ["T1"])


def test_a_sequence_that_shows_part_of_the_box_is_told_and_one_that_shows_none_refused():
    given = study()
    image = given.images["DWI-b1000"]
    index = image.TransformPhysicalPointToIndex(HOT.tolist())
    given.images["DWI-b1000"] = image[:, :, : index[2]]
    (warning,) = prepare(given, BOX, Preparation(), ROLES).warnings
    assert "DWI-b1000" in warning
    given.images["DWI-b1000"] = image[:, :, : index[2] - 6]
    with pytest.raises(InputError, match="outside of the DWI-b1000"):
        prepare(given, BOX, Preparation(), ROLES)


SMALL = {"widths": (4, 6), "roi": 2, "features": 8, "d_model": 12, "heads": 2, "feed_forward": 10}
SAID = {
    "box": BOX, "box_from": "six numbers", "planes": "CE-T1", "model": "m 1.0",
    "trained_on": "nothing",
}  # fmt: skip


@pytest.fixture(scope="module")
def asked():
    """A patient's slices, and what two networks of random weights say of them."""
    torch.set_num_threads(1)
    torch.manual_seed(3)
    networks = [ParotidNet(3, 2, "late-splice", **SMALL) for _ in range(2)]
    slices = prepare(study(), BOX, Preparation(pixels=64), ROLES)
    return networks, slices, [read(network, slices) for network in networks]


def test_the_answer_is_the_mean_of_the_folds_and_says_where_it_rests(asked):
    _, slices, readings = asked
    found = answer(readings, slices, KINDS, **SAID)
    assert sum(found.probabilities.values()) == pytest.approx(1)
    assert found.probabilities[found.kind] == max(found.probabilities.values())
    for name in KINDS:
        mean = np.mean([fold[name] for fold in found.folds])
        assert found.probabilities[name] == pytest.approx(mean)
    assert found.fold_spread == pytest.approx(np.std([f[found.kind] for f in found.folds]))
    heights = [share.position_mm for share in found.slices]
    assert heights == sorted(heights)
    assert np.mean(heights) == pytest.approx(HOT[2], abs=2.5)
    for share in ("attention", "contribution"):
        assert sum(getattr(one, share) for one in found.slices) == pytest.approx(1, abs=1e-5)
    same = answer(readings[:1], slices, KINDS, **SAID)
    assert same.probabilities == pytest.approx(found.folds[0])
    assert same.fold_spread == 0
    # The box is given back in RAS.
    assert found.box_mm == (-BOX[1], -BOX[0], -BOX[3], -BOX[2], BOX[4], BOX[5])


def test_what_is_read_for_the_heat_map_is_what_the_network_says_without(asked):
    networks, slices, readings = asked
    given = [torch.from_numpy(one)[None] for one in (slices.values, slices.boxes)]
    with torch.inference_mode():
        plain = networks[1](*given, torch.ones(given[0].shape[:2], dtype=torch.bool))
    assert readings[1].probabilities == pytest.approx(plain[0].softmax(0).numpy(), abs=1e-6)
    assert not any(p.grad is not None for p in networks[1].parameters())


def test_heat_is_what_each_cell_adds_to_the_log_odds(asked):
    """Worked out without hooks: gradient at layer2 of each branch, by hand from its output on."""
    networks, slices, readings = asked
    network = networks[0]
    boxes = torch.from_numpy(slices.boxes)
    grown, layers = [], []
    for branch, channels in zip(network.branches, network.channels, strict=True):
        cells = branch.stages(torch.from_numpy(slices.values)[:, channels * 3]).requires_grad_()
        inside = roi_align(cells, boxes, branch.roi, 1 / STRIDE)
        grown.append(torch.relu(branch.vector(inside.flatten(1))))
        layers.append(cells)
    present = torch.ones((1, len(boxes)), dtype=torch.bool)
    logits = network.sequence(torch.stack(grown, dim=1)[None], present)[0]
    gradients = torch.autograd.grad(logits[1] - logits[0], layers)
    expected = sum(
        g.mean(dim=(2, 3), keepdim=True) * cells for g, cells in zip(gradients, layers, strict=True)
    ).sum(dim=1)
    expected = expected.clamp(min=0).detach().numpy()
    assert expected.max() > 0
    np.testing.assert_allclose(readings[0].heat[1], expected, atol=1e-5 * expected.max())


def test_heat_lies_within_the_box_on_the_patients_own_grid(asked):
    _, slices, readings = asked
    planes = painted(GRIDS["oblique"])
    shown = heat_on(planes, readings, 1, slices)
    grid = Grid.of(planes)
    assert Grid.of(shown).same_as(grid)
    values = sitk.GetArrayFromImage(shown)
    assert 0.3 < values.max() <= 1
    places = grid.points(np.argwhere(values > 0)[:, ::-1])
    low, high = np.reshape(BOX, (3, 2)).T
    beyond = 1.5 * np.array(slices.grid.spacing)  # as far as interpolation reaches
    assert (places >= low - beyond).all()
    assert (places <= high + beyond).all()
