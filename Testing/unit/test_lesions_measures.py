"""Measures against IBSI's published values, SimpleITK's statistics, and brute force."""

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.spatial.distance import pdist

from HNCLogic.errors import InputError
from HNCLogic.images.grid import Grid
from HNCLogic.lesions.components import separate
from HNCLogic.lesions.extent import extreme_voxels, largest_distance
from HNCLogic.lesions.measures import measure
from HNCLogic.lesions.peak import RADIUS_MM, global_peak, local_peak


def oblique_grid(size, spacing, origin=(-80.0, 33.0, 412.0), flip=(1, 1, -1)):
    turn = sitk.Euler3DTransform((0, 0, 0), 0.15, -0.1, 0.2)
    matrix = np.array(turn.GetMatrix()).reshape(3, 3) @ np.diag(flip)
    return Grid(size, spacing, origin, tuple(matrix.ravel()))


@pytest.fixture
def patient():
    """Noise with two primaries, three nodes and one other lesion on an oblique grid."""
    rng = np.random.default_rng(11)
    grid = oblique_grid((40, 36, 24), (2.1, 1.7, 3.3))
    suv = rng.gamma(2.0, 0.5, (24, 36, 40)).astype(np.float32)
    classes = np.zeros(suv.shape, np.uint8)
    index = np.argwhere(np.ones_like(classes))[:, ::-1]
    middle = grid.points([(19.5, 17.5, 11.5)])[0]
    place = (grid.points(index) - middle).reshape(*suv.shape, 3)
    balls = [
        ((20, 0, 0), 9.0, 1, 9.0),
        ((-20, 4, -20), 6.0, 1, 5.0),
        ((22, 18, 22), 5.0, 2, 7.0),
        ((-24, -14, 18), 7.0, 2, 3.0),
        ((0, -20, -24), 5.5, 2, 12.0),
        ((-2, 20, 24), 6.0, 3, 4.0),
    ]
    for centre, radius, kind, uptake in balls:
        inside = np.linalg.norm(place - centre, axis=-1) <= radius
        classes[inside] = kind
        suv[inside] += uptake
    return grid.image(suv), grid.image(classes)


def test_ibsi_digital_phantom(shared_data):
    folder = shared_data / "ibsi1_phantom" / "nifti"
    image = sitk.ReadImage(str(folder / "image" / "phantom.nii.gz"), sitk.sitkFloat32)
    mask = sitk.ReadImage(str(folder / "mask" / "mask.nii.gz"), sitk.sitkUInt8)
    (lesion,), totals = measure(image, mask, {1: "lesion"})
    assert lesion.suv_mean == pytest.approx(2.15, abs=0.005)
    assert lesion.suv_max == 6
    assert lesion.mtv_ml * 1000 == pytest.approx(592, abs=0.01)
    assert lesion.tlg_ml * 1000 == pytest.approx(2.1486 * 592, rel=1e-4)
    assert local_peak(image, mask, partial=False) == pytest.approx(2.6, abs=0.05)
    assert global_peak(image, mask, partial=False) == pytest.approx(3.1, abs=0.05)
    assert [t.count for t in totals] == [0, 0, 1]


def test_agrees_with_simpleitk_statistics(patient):
    pet, classes = patient
    labels, kinds = separate(classes)
    lesions, _ = measure(pet, labels, kinds)
    shape = sitk.LabelShapeStatisticsImageFilter()
    shape.Execute(labels)
    uptake = sitk.LabelIntensityStatisticsImageFilter()
    uptake.Execute(labels, pet)
    assert [lesion.label for lesion in lesions] == list(shape.GetLabels())
    for lesion in lesions:
        assert lesion.mtv_ml == pytest.approx(shape.GetPhysicalSize(lesion.label) / 1000)
        assert lesion.suv_max == pytest.approx(uptake.GetMaximum(lesion.label))
        assert lesion.suv_mean == pytest.approx(uptake.GetMean(lesion.label))
        x, y, z = shape.GetCentroid(lesion.label)
        assert lesion.centroid_ras == pytest.approx((-x, -y, z))
        hottest = pet.TransformIndexToPhysicalPoint(uptake.GetMaximumIndex(lesion.label))
        assert lesion.suv_max_ras == pytest.approx((-hottest[0], -hottest[1], hottest[2]))
        assert lesion.tlg_ml == pytest.approx(lesion.suv_mean * lesion.mtv_ml)


def test_names_and_totals(patient):
    pet, classes = patient
    lesions, totals = measure(pet, *separate(classes))
    assert [(lesion.name, lesion.kind) for lesion in lesions] == [
        ("Primary", "primary"),
        ("Primary 2", "primary"),
        ("Node 1", "node"),
        ("Node 2", "node"),
        ("Node 3", "node"),
        ("Lesion 1", "lesion"),
    ]
    primary, nodes, everything = totals
    assert (primary.group, nodes.group, everything.group) == ("primary", "nodes", "all")
    assert (primary.count, nodes.count, everything.count) == (2, 3, 6)
    suv = sitk.GetArrayViewFromImage(pet).astype(float)
    array = sitk.GetArrayViewFromImage(classes)
    grid = Grid.of(pet)
    for total, mask in ((primary, array == 1), (nodes, array == 2), (everything, array > 0)):
        points = grid.points(np.argwhere(mask)[:, ::-1])
        assert total.mtv_ml == pytest.approx(mask.sum() * grid.voxel_ml)
        assert total.suv_mean == pytest.approx(suv[mask].mean())
        assert total.suv_max == pytest.approx(suv[mask].max())
        assert total.tlg_ml == pytest.approx(suv[mask].sum() * grid.voxel_ml)
        assert total.dmax_mm == pytest.approx(pdist(points).max())
        assert total.suv_peak == pytest.approx(global_peak(pet, grid.image(mask.astype(np.uint8))))
        centroid = points.mean(axis=0)
        assert total.centroid_ras == pytest.approx((-centroid[0], -centroid[1], centroid[2]))


def test_nothing_found_is_no_volume_and_no_suv(patient):
    pet, classes = patient
    lesions, totals = measure(pet, classes * 0, {})
    assert lesions == []
    for total in totals:
        assert (total.count, total.mtv_ml, total.tlg_ml, total.dmax_mm) == (0, 0.0, 0.0, 0.0)
        absent = (total.suv_max, total.suv_mean, total.suv_peak, total.centroid_ras, total.side)
        assert absent == (None,) * 5


def test_lesions_without_background_and_in_float_are_measured(patient):
    pet, _ = patient
    everywhere = Grid.of(pet).image(np.full(pet.GetSize()[::-1], 1.0, np.float32))
    (lesion,), _ = measure(pet, everywhere, {1: "primary"})
    assert lesion.mtv_ml == pytest.approx(pet.GetNumberOfPixels() * Grid.of(pet).voxel_ml)


def supersampled_peak(pet, mask):
    """SUVpeak the slow way: points of a fine lattice in the sphere, each in its nearest voxel."""
    step = np.arange(-6.25, 6.26, 0.25)
    lattice = np.stack(np.meshgrid(step, step, step), axis=-1).reshape(-1, 3)
    sphere = lattice[np.linalg.norm(lattice, axis=1) <= RADIUS_MM]
    suv, grid, best = sitk.GetArrayFromImage(pet), Grid.of(pet), 0.0
    for z, y, x in np.argwhere(sitk.GetArrayViewFromImage(mask)):
        at = np.rint(grid.indices(sphere + grid.points([(x, y, z)])[0])).astype(int)
        at = at[np.all((at >= 0) & (at < grid.size), axis=1)]
        best = max(best, float(suv[at[:, 2], at[:, 1], at[:, 0]].mean()))
    return best


@pytest.mark.parametrize(
    "grid",
    [
        oblique_grid((30, 28, 14), (2.1, 1.7, 3.3)),
        oblique_grid((20, 18, 14), (4.07, 4.07, 5.0), flip=(-1, 1, 1)),
        oblique_grid((26, 26, 26), (2.0, 2.0, 2.0)),
    ],
    ids=["anisotropic", "coarse", "cubic"],
)
def test_suv_peak_is_the_supersampled_sphere(grid):
    rng = np.random.default_rng(5)
    suv = grid.image(rng.gamma(2.0, 2.0, grid.size[::-1]).astype(np.float32))
    mask = np.zeros(grid.size[::-1], np.uint8)
    mask[5:9, 6:11, 0:9] = 1  # up to the image's edge
    mask = grid.image(mask)
    assert global_peak(suv, mask) == pytest.approx(supersampled_peak(suv, mask), rel=0.004)


def test_suv_peak_of_a_constant_image_is_that_constant_even_at_the_corner():
    grid = oblique_grid((10, 9, 8), (2.1, 1.7, 3.3))
    suv = grid.image(np.full((8, 9, 10), 3.5, np.float32))
    mask = np.zeros((8, 9, 10), np.uint8)
    mask[0, 0, 0] = 1
    assert global_peak(suv, grid.image(mask)) == pytest.approx(3.5, rel=1e-6)
    assert local_peak(suv, grid.image(mask)) == pytest.approx(3.5, rel=1e-6)


def test_suv_peak_reaches_beyond_the_lesion_but_is_centred_in_it():
    grid = Grid((21, 21, 21), (1.0, 1.0, 1.0), (0, 0, 0), (1, 0, 0, 0, 1, 0, 0, 0, 1))
    suv = np.zeros((21, 21, 21), np.float32)
    suv[10, 10, 14] = 100.0
    mask = np.zeros(suv.shape, np.uint8)
    mask[10, 10, 10] = 1
    # One hot voxel of 1 mm³ wholly inside the sphere of 1000 mm³.
    assert global_peak(grid.image(suv), grid.image(mask)) == pytest.approx(0.1, rel=0.005)
    suv[10, 10, 14], suv[10, 10, 17] = 0.0, 100.0
    assert global_peak(grid.image(suv), grid.image(mask)) == 0.0


def test_local_peak_takes_the_best_of_equal_maxima():
    grid = Grid((40, 20, 20), (2.0, 2.0, 2.0), (0, 0, 0), (1, 0, 0, 0, 1, 0, 0, 0, 1))
    suv = np.zeros((20, 20, 40), np.float32)
    suv[10, 10, 10] = suv[10, 10, 30] = 8.0
    suv[10, 10, 31] = 4.0
    mask = grid.image(np.ones(suv.shape, np.uint8))
    volume = 4 / 3 * np.pi * RADIUS_MM**3
    assert local_peak(grid.image(suv), mask) == pytest.approx(12 * 8.0 / volume, rel=0.01)


@pytest.mark.parametrize("seed", range(6))
def test_dmax_is_that_of_all_pairs(seed):
    rng = np.random.default_rng(seed)
    grid = oblique_grid((40, 30, 20), (1.1, 2.3, 3.7))
    shape = [(20, 30, 40), (20, 30, 1), (1, 30, 40), (20, 1, 1), (20, 30, 40), (1, 1, 1)][seed]
    inside = rng.random(shape) > (0.9 if seed != 4 else 0.995)
    inside.ravel()[0] = True
    voxels = np.argwhere(inside)
    points = grid.points(voxels[:, ::-1])
    expected = pdist(points).max() if len(points) > 1 else 0.0
    assert largest_distance(grid.points(extreme_voxels(inside)[:, ::-1])) == pytest.approx(expected)


def test_dmax_of_flat_and_thin_shapes_with_many_voxels():
    flat = np.zeros((3, 60, 60), bool)
    flat[1] = np.hypot(*(np.indices((60, 60)) - 29.5)) < 29
    diagonal = np.zeros((500, 500, 2), bool)
    diagonal[np.arange(500), np.arange(500), 0] = True
    ball = np.linalg.norm(np.indices((50, 50, 50)) - 24.5, axis=0) < 24.2
    for inside in (flat, diagonal, ball):
        surface = np.argwhere(inside)
        if len(surface) > 6000:  # keep the check itself small: the outer tenth holds the answer
            surface = surface[np.linalg.norm(surface - surface.mean(axis=0), axis=1) > 22]
        expected = pdist(surface.astype(float)).max()
        assert largest_distance(extreme_voxels(inside)) == pytest.approx(expected)


def body_with_lesions(flip, shift_mm):
    """An elliptical body 30 cm wide, its middle ``shift_mm`` to the left, four lesions in it."""
    sign = -1 if flip else 1
    direction = (sign, 0, 0, 0, sign, 0, 0, 0, 1)
    grid = Grid((90, 60, 20), (4.0, 4.0, 5.0), (-180.0 * sign, -120.0 * sign, 0.0), direction)
    index = np.argwhere(np.ones(grid.size[::-1], bool))[:, ::-1]
    place = grid.points(index).reshape(*grid.size[::-1], 3) - (shift_mm, 0, 0)
    suv = (((place[..., 0] / 150) ** 2 + (place[..., 1] / 90) ** 2) < 1).astype(np.float32)
    classes = np.zeros(suv.shape, np.uint8)
    for x, kind in ((60, 1), (-60, 2), (3, 3)):
        inside = np.linalg.norm(place - (x, 0, 50), axis=-1) < 14
        classes[inside] = kind
        suv[inside] = 8.0
    return grid.image(suv), grid.image(classes)


@pytest.mark.parametrize("flip", [False, True], ids=["LPS", "flipped"])
@pytest.mark.parametrize("shift", [0.0, 20.0])
def test_side_is_the_patients_own_from_the_bodys_middle(flip, shift):
    pet, classes = body_with_lesions(flip, shift)
    lesions, totals = measure(pet, *separate(classes))
    assert [lesion.side for lesion in lesions] == ["left", "right", "midline"]
    assert lesions[0].centroid_ras[0] < 0  # left in RAS
    assert [t.side for t in totals] == ["left", "right", "both"]


def test_bad_input_is_named(patient):
    pet, classes = patient
    labels, kinds = separate(classes)
    moved = sitk.Image(labels)
    moved.SetOrigin([v + 1.0 for v in labels.GetOrigin()])
    with pytest.raises(InputError, match="another grid"):
        measure(pet, moved, kinds)
    with pytest.raises(InputError, match="label 6"):
        measure(pet, labels, {label: k for label, k in kinds.items() if label != 6})
    holes = sitk.Image(pet)
    holes[0, 0, 0] = float("nan")
    with pytest.raises(InputError, match="NaN"):
        measure(holes, labels, kinds)
    with pytest.raises(InputError, match="whole"):
        measure(pet, sitk.Cast(labels, sitk.sitkFloat32) * 0.5, kinds)
    with pytest.raises(InputError, match="empty"):
        global_peak(pet, labels * 0)
