"""Head and neck found in simulated whole bodies of many kinds, and in real PET and CT."""

from functools import cache

import numpy as np
import pytest
import SimpleITK as sitk
from scipy import ndimage

from HNCLogic.errors import InputError
from HNCLogic.images.body import body_mask
from HNCLogic.images.grid import Grid
from HNCLogic.images.midline import midline
from HNCLogic.images.neck import brain_mask, find_region, lateral_centre
from HNCLogic.job import Region

STRAIGHT = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
BRAIN = ((0, 5, -86), (67, 84, 66))
NOTCH_MM = -310.0  # of the simulated body: upper end of the breastbone; its crown is at 0


def ball(place, centre, half):
    """Voxels within an ellipsoid; place is (x, y, z), each an array or of one that broadcasts."""
    return sum(((p - c) / h) ** 2 for p, c, h in zip(place, centre, half, strict=True)) <= 1


def tube(place, x, y, half_x, half_y, low, high):
    inside = ((place[0] - x) / half_x) ** 2 + ((place[1] - y) / half_y) ** 2 <= 1
    return inside & (place[2] >= low) & (place[2] <= high)


def uptake(place, arms="down", brain=8.0, tumour=None, drop=0.0):
    """SUV at LPS places x, y, z in mm of a body whose crown is at S = 0 and middle at x = 0."""
    height = place[2]
    suv = np.zeros(np.broadcast_shapes(*(p.shape for p in place)), np.float32)
    # Half the width from neck to shoulders to trunk, and half the depth.
    low = drop  # how much lower than usual the shoulders stand
    curve = [-850, -600, -330 - low, -280 - low, -220 - low, -195 - low]
    half = np.interp(height, curve, [170, 150, 200, 185, 112, 58])
    deep = np.interp(height, curve, [110, 105, 105, 90, 72, 62])
    trunk = (place[0] / half) ** 2 + ((place[1] - 10) / deep) ** 2 <= 1
    suv[trunk & (height > -850) & (height < -150)] = 0.8
    for side in (-1, 1):
        suv[tube(place, side * 95, 10, 80, 85, -1700, -840)] = 0.7  # legs
        suv[tube(place, side * 80, 0, 45, 60, -560, -370)] = 0.4  # lungs
        if arms == "down":
            suv[tube(place, side * 225, 20, 45, 45, -900, -330)] = 0.7
        elif arms == "up":
            suv[tube(place, side * (150 - 0.12 * (height + 100)), 30, 42, 42, -340, 250)] = 0.7
    suv[ball(place, (0, -5, -100), (78, 98, 100))] = 0.8  # head
    suv[ball(place, (0, -35, -180), (60, 68, 52))] = 1.0  # jaw
    suv[ball(place, (-80, -10, -560), (95, 85, 70))] = 2.3  # liver
    suv[ball(place, (45, -35, -440), (52, 48, 48))] = 14.0  # heart
    suv[ball(place, (0, -40, -820), (62, 55, 45))] = 55.0  # a full bladder, 640 ml
    if brain:
        suv[ball(place, *BRAIN)] = brain
        suv[ball(place, (0, 5, -86), (45, 60, 42))] = brain / 2
    if tumour:
        suv[ball(place, *tumour)] = 13.0
    return suv


def places(grid):
    """LPS x, y and z of the voxels of a grid, as arrays that broadcast to (z, y, x)."""
    steps = grid.matrix * grid.spacing
    ramps = np.ogrid[tuple(slice(0, n) for n in grid.size[::-1])][::-1]
    parts = [[steps[i, j] * ramps[j] for j in range(3) if steps[i, j] != 0] for i in range(3)]
    return [(sum(p) + o).astype(np.float32) for p, o in zip(parts, grid.origin, strict=True)]


def scan(low, high, spacing=(6.2, 6.2, 6.0), direction=STRAIGHT, width=600.0, shift=(0, 0), **how):
    """A PET of the simulated body from S = low to high on a grid with that direction."""
    matrix = np.reshape(direction, (3, 3))
    extent = np.abs(matrix.T) @ [width, 360.0, high - low]
    # An oblique field of view is made so large that it holds the whole box.
    size = tuple(int(n) for n in np.ceil(extent / spacing))
    centre = np.array([*shift, (low + high) / 2])
    origin = centre - matrix @ ((np.array(size) - 1) / 2 * spacing)
    grid = Grid(size, spacing, tuple(origin.tolist()), tuple(matrix.ravel().tolist()))
    suv = uptake(places(grid), **how)
    suv = ndimage.gaussian_filter(suv, [2.8 / s for s in spacing[::-1]])
    noise = np.random.default_rng(1).normal(size=suv.shape).astype(np.float32)
    return grid.image(suv * (1 + 0.15 * noise) + 0.01 * np.abs(noise))


def turned(pitch=0.0, roll=0.0, flips=(1, 1, 1), order=(0, 1, 2)):
    turn = sitk.Euler3DTransform((0, 0, 0), pitch, roll, 0.05)
    matrix = np.array(turn.GetMatrix()).reshape(3, 3) @ np.diag(flips)
    return tuple(matrix[:, list(order)].ravel())


WHOLE = {
    "arms down, to the thighs": {},
    "arms up": {"arms": "up"},
    "arms up, hands in view": {"arms": "up", "high": 230},
    "to the feet": {"low": -1650},
    "stored from head to foot": {"direction": turned(flips=(1, 1, -1))},
    "mirrored axes": {"direction": turned(flips=(-1, -1, 1))},
    "oblique": {"direction": turned(pitch=0.2, roll=0.08), "low": -700},
    "sagittal slices": {"direction": turned(order=(1, 2, 0)), "low": -700},
    "pale brain": {"brain": 3.6},
    "glowing brain": {"brain": 18.0},
    "crown just cut": {"high": -12},
}


@cache
def whole(kind):
    """A PET of one of these kinds, and its region."""
    pet = scan(**({"low": -1000, "high": 60} | WHOLE[kind]))
    return pet, *find_region(pet, None, None)


@pytest.mark.parametrize("kind", WHOLE)
def test_with_the_brain_in_view(kind):
    pet, region, warnings = whole(kind)
    assert warnings == []
    assert region.found_by.startswith("brain in PET")
    assert -350 < region.inferior_mm < NOTCH_MM  # below the collar bones, well above the heart
    heights = Grid.of(pet).corners()[:, 2]
    assert min(0.0, heights.max() - 1) <= region.superior_mm < 30


@pytest.mark.parametrize(("drop", "least", "most"), [(0, -350, -310), (60, -420, -370)])
def test_low_shoulders_lengthen_the_region(drop, least, most):
    region, _ = find_region(scan(-1000, 60, drop=drop), None, None)
    assert region.found_by == "brain in PET"
    assert least < region.inferior_mm < most


@pytest.mark.parametrize("arms", ["down", "up"])
def test_with_the_brain_cut_in_half(arms):
    region, _ = find_region(scan(-1000, -80, arms=arms), None, None)
    assert region.found_by == "brain in PET, cut off above"
    assert region.superior_mm == pytest.approx(-80, abs=3)
    assert -360 < region.inferior_mm < NOTCH_MM


@pytest.mark.parametrize(
    ("arms", "top", "brain"),
    [("down", -160, 8.0), ("up", -160, 8.0), ("down", 60, 0.0), ("up", 60, 0.0), ("down", -175, 8)],
)
def test_without_the_brain_by_neck_and_shoulders(arms, top, brain):
    pet = scan(-1000, top, arms=arms, brain=brain)
    region, warnings = find_region(pet, None, None)
    assert warnings == []
    assert region.found_by == "neck and shoulders in PET"
    assert -360 < region.inferior_mm < NOTCH_MM
    assert min(-30.0, top - 2.0) < region.superior_mm < 70


def test_neck_and_shoulders_in_ct_where_the_pet_shows_none():
    ct = scan(-800, 40, brain=0.0)
    ct = ct * 0.0 + sitk.Cast(ct > 0.2, sitk.sitkFloat32) * 1040.0 - 1000.0
    region, warnings = find_region(None, ct, "CT")
    assert (region.found_by, warnings) == ("neck and shoulders in CT", [])
    assert -360 < region.inferior_mm < NOTCH_MM
    empty = scan(-800, 40) * 0.0
    region, warnings = find_region(empty, ct, "CT")
    assert (region.found_by, warnings) == ("neck and shoulders in CT", [])


def test_a_dedicated_scan_is_kept_whole():
    pet = scan(-330, 15)
    region, warnings = find_region(pet, None, None)
    assert (region.found_by, warnings) == ("whole field of view", [])
    heights = Grid.of(pet).corners()[:, 2]
    assert (region.inferior_mm, region.superior_mm) == (heights.min(), heights.max())
    assert find_region(None, pet, "T1")[0] == region


def test_heart_and_bladder_are_no_brain_and_a_trunk_has_no_neck():
    for pet in (scan(-1000, -380), scan(-1200, -700), scan(-900, -440), scan(-1600, -900)):
        region, warnings = find_region(pet, None, None)
        assert region.found_by == "whole field of view"
        assert "by hand" in warnings[0]
        assert brain_mask(pet) is None


def test_an_image_of_nothing_is_kept_whole_with_a_warning():
    pet = scan(-800, 60) * 0.0
    region, warnings = find_region(pet, None, None)
    assert (region.found_by, len(warnings)) == ("whole field of view", 1)
    assert brain_mask(pet, region) is None
    x, y = lateral_centre(pet, region)
    assert (x, y) == pytest.approx(tuple(Grid.of(pet).corners().mean(axis=0)[:2]), abs=1e-6)
    with pytest.raises(InputError, match="no image"):
        find_region(None, None, None)


@pytest.mark.parametrize("kind", ["arms down, to the thighs", "oblique", "pale brain", "arms up"])
def test_brain_mask_holds_the_brain_and_little_else(kind):
    pet, region, _ = whole(kind)
    mask = brain_mask(pet, region)
    assert Grid.of(mask).same_as(Grid.of(pet))
    truth = ball(places(Grid.of(pet)), *BRAIN)
    found = sitk.GetArrayViewFromImage(mask) > 0
    dice = 2 * (found & truth).sum() / (found.sum() + truth.sum())
    assert dice > 0.92
    near = ndimage.binary_dilation(truth, iterations=2)
    assert not (found & ~near).any()


def test_a_tumour_of_the_nasopharynx_against_the_brain_is_not_masked():
    tumour = ((0, -30, -152), (20, 18, 16))
    pet = scan(-450, 40, (4.0, 4.0, 4.0), width=450.0, tumour=tumour)
    mask = brain_mask(pet)
    inside = ball(places(Grid.of(pet)), *tumour)
    found = sitk.GetArrayViewFromImage(mask) > 0
    assert found[inside].mean() < 0.25


def test_a_brain_above_the_region_gives_no_mask():
    region = Region(inferior_mm=-600, superior_mm=-300, found_by="set by hand")
    assert brain_mask(whole("arms up")[0], region) is None


@pytest.mark.parametrize("kind", WHOLE)
def test_lateral_centre_is_that_of_head_and_neck(kind):
    pet, region, _ = whole(kind)
    x, y = lateral_centre(pet, region, "PET")
    assert abs(x) < 5
    assert -20 < y < 20


def test_lateral_centre_where_one_arm_is_held_up_and_the_body_lies_aside():
    pet = scan(-1000, 60, shift=(-70, 30))
    array = sitk.GetArrayFromImage(pet)
    region, _ = find_region(pet, None, None)
    grid = Grid.of(pet)
    arm = tube(places(grid), 160, 30, 45, 45, -340, 60)
    array[arm] = np.maximum(array[arm], 0.7)
    for role in ("PET", None):
        x, _ = lateral_centre(grid.image(array), region, role)
        assert abs(x) < 6


def test_midline_follows_a_bent_neck_and_leaves_arms_aside():
    pet = scan(-1000, 60, arms="up")
    grid = Grid.of(pet)
    # Everything above the shoulders bends 30 mm to the left over 30 cm.
    array = sitk.GetArrayFromImage(pet)
    heights = grid.points([(0, 0, z) for z in range(len(array))])[:, 2]
    for z, height in enumerate(heights):
        bend = np.clip((height + 300) / 300, 0, 1) * 30.0
        array[z] = np.roll(array[z], round(bend / grid.spacing[0]), axis=1)
    line = midline(grid.image(array))
    assert "PET" in line.found_by
    for height, expected in ((-700, 0), (-400, 0), (-150, 15), (-60, 24)):
        assert line.left_of_middle_mm((40.0, 0.0, height)) == pytest.approx(40 - expected, abs=6)


def test_midline_of_a_crop_without_a_whole_outline_is_the_scanners():
    pet = scan(-400, -200)
    half = pet[pet.GetSize()[0] // 2 - 3 :, :, :]
    line = midline(half)
    assert line.found_by == "middle of the scanner"
    assert line.left_of_middle_mm((12.0, 0.0, -300.0)) == pytest.approx(12.0)


@pytest.mark.parametrize("role", ["PET", "CT", "T1"])
def test_body_mask_is_the_body(role):
    pet = scan(-600, 60, (5.1, 5.1, 6.0), turned(pitch=0.1, flips=(-1, 1, -1)))
    grid = Grid.of(pet)
    place = places(grid)
    made = uptake(place)
    truth = made > 0
    couch = np.abs(place[1] - 150) < 3
    image = pet
    if role != "PET":
        array = np.where(truth, 300.0, 3.0) if role == "T1" else np.where(truth, 40.0, -1000.0)
        if role == "CT":  # lungs and a couch
            array[made == np.float32(0.4)] = -800.0
            array[couch] = 200.0
        noise = np.random.default_rng(2).normal(size=array.shape) * 3
        image = grid.image((array + noise).astype(np.float32))
    mask = body_mask(image, role)
    assert Grid.of(mask).same_as(grid)
    found = sitk.GetArrayViewFromImage(mask) > 0
    assert 2 * (found & truth).sum() / (found.sum() + truth.sum()) > 0.96
    if role == "CT":
        assert not found[couch].any()


def test_body_mask_of_nothing_or_of_an_unknown_role_is_refused():
    empty = scan(-400, 0) * 0.0
    with pytest.raises(InputError, match="PET shows no body"):
        body_mask(empty, "PET")
    with pytest.raises(InputError, match="role US"):
        body_mask(empty, "US")
