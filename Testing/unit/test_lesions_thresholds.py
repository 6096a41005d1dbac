"""Threshold delineation: known volumes, second implementations, neighbours, seeds, refusals.

The blurred spheres are exact: the convolution of a sphere with a Gaussian has a closed form.
"""

import numpy as np
import pytest
import SimpleITK as sitk
from scipy import ndimage
from scipy.special import erf

from HNCLogic.errors import InputError
from HNCLogic.images.grid import Grid
from HNCLogic.job import Delineation
from HNCLogic.lesions.components import separate
from HNCLogic.lesions.thresholds import delineate

FWHM_MM = 7.0


def oblique_grid(size, spacing):
    turn = sitk.Euler3DTransform((0, 0, 0), 0.15, -0.1, 0.2)
    matrix = np.array(turn.GetMatrix()).reshape(3, 3) @ np.diag([-1, 1, 1])
    return Grid(size, spacing, (-80.0, 33.0, 412.0), tuple(matrix.ravel()))


def blurred_sphere(distance, radius, fwhm=FWHM_MM):
    """A sphere of height 1 after a Gaussian blur, at a distance in mm from its centre."""
    sigma, r = fwhm / 2.3548, np.maximum(distance, 1e-6)
    near, far = (radius - r) / sigma, (radius + r) / sigma
    edges = (erf(near / 2**0.5) + erf(far / 2**0.5)) / 2
    return edges - sigma / (r * (2 * np.pi) ** 0.5) * (
        np.exp(-(near**2) / 2) - np.exp(-(far**2) / 2)
    )


def scene(grid, spheres, background=1.0, noise=0.0, seed=0):
    """PET with spheres of (offset from the middle in LPS mm, diameter mm, SUV) in background."""
    index = np.argwhere(np.ones(grid.size[::-1], bool))[:, ::-1]
    middle = grid.points([(np.array(grid.size) - 1) / 2])[0]
    place = (grid.points(index) - middle).reshape(*grid.size[::-1], 3)
    suv = np.full(grid.size[::-1], background)
    for offset, diameter, height in spheres:
        away = np.linalg.norm(place - offset, axis=-1)
        suv += (height - background) * blurred_sphere(away, diameter / 2)
    if noise:
        grain = np.random.default_rng(seed).normal(size=suv.shape)
        grain = ndimage.gaussian_filter(grain, [2.0 / s for s in grid.spacing[::-1]])
        suv *= 1 + noise * grain / grain.std()
    return grid.image(suv.astype(np.float32))


def volume_ml(classes):
    return float((sitk.GetArrayViewFromImage(classes) > 0).sum()) * Grid.of(classes).voxel_ml


def ras_offset(grid, offset):
    """A seed (RAS) at an LPS offset in mm from the grid's middle."""
    x, y, z = grid.points([(np.array(grid.size) - 1) / 2])[0] + offset
    return (-x, -y, z)


def sphere_errors(method, diameters, suvs, noise):
    """Relative volume errors, axes (SUV, diameter), over three places in the voxel grid."""
    errors = np.zeros((len(suvs), len(diameters)))
    for j, diameter in enumerate(diameters):
        size = tuple(int((diameter + 60) / s) for s in (4.07, 4.07, 3.0))
        grid = oblique_grid(size, (4.07, 4.07, 3.0))
        for i, height in enumerate(suvs):
            for k in range(3):
                offset = np.random.default_rng(k).uniform(-2, 2, 3)
                pet = scene(grid, [(offset, diameter, height)], noise=noise, seed=k)
                found = volume_ml(delineate(pet, Delineation(method=method)))
                errors[i, j] += found / (np.pi / 6 * diameter**3 / 1000) - 1
    return errors / 3


@pytest.mark.parametrize("noise", [0.0, 0.08])
def test_adaptive_gives_the_volume_of_spheres_at_any_contrast(noise):
    diameters, suvs = (13, 17, 22, 28, 37), (4.0, 8.0, 15.0)
    adaptive = sphere_errors("adaptive", diameters, suvs, noise)
    fixed = sphere_errors("fixed", diameters, suvs, noise)
    percent = sphere_errors("percent", diameters, suvs, noise)
    # Seen: 0.10 at most from 17 mm on, 0.17 at 13 mm; on average 0.10 without noise and 0.04
    # with it, where 41 % gives 0.33 and 0.22 and SUV 4 gives 0.53 and 0.51.
    assert np.abs(adaptive[:, 1:]).max() < 0.15
    assert np.abs(adaptive[:, 0]).max() < 0.25
    assert np.ptp(adaptive, axis=0).max() < 0.12  # hardly depends on contrast
    assert np.abs(adaptive).mean() < 0.5 * np.abs(percent).mean()
    assert np.abs(adaptive).mean() < 0.25 * np.abs(fixed).mean()


def test_spheres_near_the_resolution_come_out_large():
    # A known limit, and the docstring says so: 10 mm is 1.4 FWHM.
    assert 0.2 < sphere_errors("adaptive", (10,), (8.0, 15.0), 0.0).mean() < 0.9


def test_adaptive_scales_with_background_and_contrast():
    grid = oblique_grid((24, 24, 30), (4.07, 4.07, 3.0))
    volumes = [
        volume_ml(delineate(scene(grid, [((0, 0, 0), 20, h)], b), Delineation(method="adaptive")))
        for b, h in ((1.0, 8.0), (0.2, 8.0), (2.0, 8.0), (1.0, 30.0))
    ]
    assert np.ptp(volumes) < 0.03 * np.mean(volumes)


def test_adaptive_background_leaves_out_a_hot_neighbour():
    grid = oblique_grid((36, 24, 30), (4.0, 4.0, 3.0))
    method = Delineation(method="adaptive")
    alone = delineate(scene(grid, [((-22, 0, 0), 20, 8)]), method)
    beside = delineate(scene(grid, [((-22, 0, 0), 20, 8), ((12, 0, 0), 26, 20)]), method)
    labels, kinds = separate(beside)
    assert len(kinds) == 2
    smaller = (sitk.GetArrayViewFromImage(labels) == 2).sum() * grid.voxel_ml
    assert smaller == pytest.approx(volume_ml(alone), rel=0.06)


@pytest.mark.parametrize("percent", [41.0, 50.0])
def test_percent_is_the_isocontour_of_each_lesion(percent):
    grid = oblique_grid((50, 46, 30), (3.1, 2.7, 4.0))
    spheres = [((-45, -20, 0), 26, 18.0), ((35, 15, 18), 18, 6.0), ((10, -30, -20), 14, 9.0)]
    pet = scene(grid, spheres, noise=0.08)
    found = sitk.GetArrayFromImage(delineate(pet, Delineation(method="percent", percent=percent)))
    assert set(np.unique(found)) == {0, 3}
    # The same drawn by hand: a box around each sphere, its maximum, what hangs together with it.
    suv = sitk.GetArrayFromImage(pet)
    expected = np.zeros(suv.shape, bool)
    middle = grid.points([(np.array(grid.size) - 1) / 2])[0]
    for offset, _, _ in spheres:
        z, y, x = np.rint(grid.indices([middle + offset])[0]).astype(int)[::-1]
        box = (
            slice(max(0, z - 6), z + 7),
            slice(max(0, y - 8), y + 9),
            slice(max(0, x - 8), x + 9),
        )
        above = suv[box] >= percent / 100 * suv[box].max()
        parts, _ = ndimage.label(above, np.ones((3, 3, 3)))
        top = np.unravel_index(suv[box].argmax(), above.shape)
        expected[box] |= parts == parts[top]
    assert (found > 0).sum() > 300
    assert ((found > 0) == expected).all()


def test_a_mild_node_beside_a_very_hot_tumour_is_outlined_by_its_own_maximum():
    grid = oblique_grid((60, 40, 40), (2.5, 2.5, 2.5))
    tumour, node = ((-18, 0, 0), 30, 25.0), ((17, 0, 0), 14, 7.0)
    both = delineate(scene(grid, [tumour, node]), Delineation(method="percent"))
    labels, kinds = separate(both)
    assert len(kinds) == 2
    volumes = np.bincount(sitk.GetArrayViewFromImage(labels).ravel())[1:] * grid.voxel_ml
    hot = volume_ml(delineate(scene(grid, [tumour]), Delineation(method="percent")))
    mild = volume_ml(delineate(scene(grid, [node]), Delineation(method="percent")))
    assert volumes[0] == pytest.approx(hot, rel=0.02)
    # Its slope toward the tumour ends at the pass between them, its other side is its own.
    assert 0.7 * mild < volumes[1] < 1.35 * mild


def test_two_peaks_over_the_hotter_ones_threshold_are_one_lesion():
    grid = oblique_grid((60, 40, 40), (2.5, 2.5, 2.5))
    pet = scene(grid, [((-11, 0, 0), 20, 20.0), ((11, 0, 0), 20, 15.0)])
    labels, kinds = separate(delineate(pet, Delineation(method="percent")))
    assert kinds == {1: "lesion"}
    suv = sitk.GetArrayViewFromImage(pet)
    assert ((sitk.GetArrayViewFromImage(labels) > 0) == (suv >= 0.41 * suv.max())).all()


@pytest.mark.parametrize("method", ["percent", "adaptive"])
def test_noise_on_a_tumours_slope_makes_no_extra_lesions(method):
    grid = oblique_grid((60, 60, 40), (2.5, 2.5, 2.5))
    for seed in range(3):
        pet = scene(grid, [((0, 0, 0), 40, 18.0)], noise=0.12, seed=seed)
        assert len(separate(delineate(pet, Delineation(method=method)))[1]) == 1


def test_a_threshold_at_the_level_of_the_surroundings_stays_on_its_leash():
    grid = oblique_grid((60, 60, 40), (2.5, 2.5, 2.5))
    pet = scene(grid, [((0, 0, 0), 22, 3.1)], background=1.5)  # 41 % of 3.1 is below 1.5
    found = volume_ml(delineate(pet, Delineation(method="percent")))
    assert found < 3.4**3  # a box of 34 mm, not the image's 3400 ml
    adaptive = volume_ml(delineate(pet, Delineation(method="adaptive")))
    assert adaptive == pytest.approx(np.pi / 6 * 2.2**3, rel=0.15)


@pytest.mark.parametrize("level", [2.0, 4.0, 9.0])
def test_fixed_is_the_plain_threshold_of_what_reaches_the_candidate_level(level):
    grid = oblique_grid((50, 46, 30), (3.1, 2.7, 4.0))
    spheres = [((-45, -20, 0), 26, 18.0), ((35, 15, 18), 18, 6.0), ((10, -30, -20), 16, 2.6)]
    pet = scene(grid, spheres, noise=0.05)
    found = sitk.GetArrayFromImage(delineate(pet, Delineation(method="fixed", fixed_suv=level)))
    suv = sitk.GetArrayFromImage(pet)
    parts, count = ndimage.label(suv >= level, np.ones((3, 3, 3)))
    highest = ndimage.maximum(suv, parts, range(1, count + 1))
    kept = np.flatnonzero(np.asarray(highest) >= 2.5) + 1
    assert ((found > 0) == np.isin(parts, kept)).all()
    assert found.any()


@pytest.mark.parametrize("method", ["fixed", "percent", "adaptive"])
def test_excluded_uptake_leaves_no_rim_and_takes_no_lesion_with_it(method):
    grid = oblique_grid((60, 40, 50), (3.0, 3.0, 3.0))
    brain, tumour = ((0, 0, 15), 70, 9.0), ((0, 10, -42), 20, 11.0)
    pet = scene(grid, [brain, tumour], noise=0.05)
    middle = grid.points([(np.array(grid.size) - 1) / 2])[0] + (0, 0, 15)
    index = np.argwhere(np.ones(grid.size[::-1], bool))[:, ::-1]
    away = np.linalg.norm(grid.points(index) - middle, axis=1).reshape(grid.size[::-1])
    mask = grid.image((away < 33).astype(np.uint8))  # too small a mask: a rim of 5 SUV remains
    found = delineate(pet, Delineation(method=method), exclude=mask)
    labels, kinds = separate(found)
    assert len(kinds) == 1
    alone = volume_ml(delineate(scene(grid, [tumour]), Delineation(method=method)))
    assert volume_ml(labels) == pytest.approx(alone, rel=0.1)
    assert len(separate(delineate(pet, Delineation(method=method)))[1]) == 2


@pytest.mark.parametrize("method", ["fixed", "percent", "adaptive"])
def test_only_hot_spots_with_their_peak_in_the_region_are_kept(method):
    grid = oblique_grid((30, 30, 70), (3.0, 3.0, 3.0))
    heart, node = ((0, 0, -75), 60, 12.0), ((0, 0, 40), 18, 9.0)
    inside = np.zeros(grid.size[::-1], np.uint8)
    inside[18:] = 1  # cuts through the upper slope of the heart
    pet = scene(grid, [heart, node])
    found = delineate(pet, Delineation(method=method), within=grid.image(inside))
    assert len(separate(found)[1]) == 1
    assert volume_ml(found) == pytest.approx(
        volume_ml(delineate(scene(grid, [node]), Delineation(method=method))), rel=0.05
    )


def test_seeds_choose_the_lesions_at_or_near_them():
    grid = oblique_grid((50, 46, 30), (3.1, 2.7, 4.0))
    spheres = [((-45, -20, 0), 26, 18.0), ((35, 15, 18), 18, 6.0), ((10, -30, -20), 14, 9.0)]
    pet = scene(grid, spheres)
    every = delineate(pet, Delineation(method="percent"))
    labels = sitk.GetArrayFromImage(separate(every)[0])
    seeds = [ras_offset(grid, (35, 15, 18)), ras_offset(grid, (10 + 11, -30, -20))]
    for chosen, expected in ((seeds[:1], [2]), (seeds[1:], [3]), (seeds, [2, 3])):
        found = delineate(pet, Delineation(method="percent", seeds=chosen))
        assert ((sitk.GetArrayViewFromImage(found) > 0) == np.isin(labels, expected)).all()


def test_a_seed_without_uptake_or_outside_the_pet_is_named():
    grid = oblique_grid((50, 46, 30), (3.1, 2.7, 4.0))
    pet = scene(grid, [((-45, -20, 0), 26, 18.0)])
    cold = ras_offset(grid, (40, 20, 10))
    with pytest.raises(InputError, match=f"R {cold[0]:.1f}, A {cold[1]:.1f}, S {cold[2]:.1f}"):
        delineate(pet, Delineation(method="adaptive", seeds=[cold]))
    with pytest.raises(InputError, match=r"no uptake over SUV 4 in .* within 10 mm"):
        delineate(pet, Delineation(method="fixed", seeds=[cold]))
    with pytest.raises(InputError, match="outside the PET"):
        delineate(pet, Delineation(method="percent", seeds=[ras_offset(grid, (900, 0, 0))]))


@pytest.mark.parametrize("method", ["fixed", "percent", "adaptive"])
def test_nothing_hot_gives_an_empty_mask_on_the_same_grid(method):
    grid = oblique_grid((20, 22, 24), (3.1, 2.7, 4.0))
    found = delineate(scene(grid, [], noise=0.1), Delineation(method=method))
    assert Grid.of(found).same_as(grid)
    assert sitk.GetArrayViewFromImage(found).max() == 0


def test_bad_input_is_named():
    grid = oblique_grid((20, 22, 24), (3.1, 2.7, 4.0))
    pet = scene(grid, [((0, 0, 0), 20, 8.0)])
    with pytest.raises(InputError, match="not a threshold method"):
        delineate(pet, Delineation(method="network"))
    other = sitk.Image([20, 22, 24], sitk.sitkUInt8)
    with pytest.raises(InputError, match="region lies on another grid"):
        delineate(pet, Delineation(method="fixed"), within=other)
    with pytest.raises(InputError, match="excluded uptake lies on another grid"):
        delineate(pet, Delineation(method="fixed"), exclude=other)
    pet[3, 3, 3] = float("inf")
    with pytest.raises(InputError, match="NaN or infinity"):
        delineate(pet, Delineation(method="fixed"))
