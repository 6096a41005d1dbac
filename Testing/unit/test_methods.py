"""Methods 1 and 3 from study to network input and back, on oblique and flipped grids."""

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.spatial.transform import Rotation

from HNCLogic.errors import InputError
from HNCLogic.images.grid import Grid
from HNCLogic.images.region import axial_extent, slice_extent, study_region
from HNCLogic.images.study import Study
from HNCLogic.job import Region
from HNCLogic.methods import presence, tumour_volume

HOT = np.array([24.0, -31.0, 517.0])  # LPS, mm
REGION = Region(inferior_mm=400, superior_mm=640, found_by="test")


def turned(angles=(0, 0, 0), flips=(1, 1, 1)) -> tuple[float, ...]:
    matrix = Rotation.from_euler("xyz", angles, degrees=True).as_matrix() * np.array(flips)
    return tuple(matrix.ravel())


def centred(size, spacing, direction, middle=(5.0, -20.0, 520.0)) -> Grid:
    matrix = np.array(direction).reshape(3, 3)
    half = matrix @ (np.array(spacing) * (np.array(size) - 1) / 2)
    return Grid(size, spacing, tuple(np.array(middle) - half), direction)


def painted(grid: Grid, radius: float = 12.0) -> sitk.Image:
    """A neck of SUV 1, 15 cm across, with a ball of SUV 10 at HOT."""
    indices = np.stack(np.meshgrid(*[np.arange(n) for n in grid.size[::-1]], indexing="ij"), -1)
    points = grid.points(indices.reshape(-1, 3)[:, ::-1]).reshape(*indices.shape)
    neck = np.hypot(points[..., 0] - 5, points[..., 1] + 20) < 75
    ball = np.linalg.norm(points - HOT, axis=-1) < radius
    return grid.image(np.where(ball, 10.0, neck.astype(float)).astype(np.float32))


PET_GRIDS = {
    "plain": centred((60, 60, 75), (4.0, 4.0, 4.0), turned()),
    "flipped": centred((60, 60, 75), (4.0, 4.0, 4.0), turned(flips=(-1, 1, -1))),
    "oblique": centred((110, 110, 100), (2.3, 2.3, 2.8), turned((9, -6, 12))),
    "thin": centred((60, 60, 150), (4.0, 4.0, 2.0), turned()),
}


def centre_of_heat(values: np.ndarray, grid: Grid) -> np.ndarray:
    hot = np.argwhere(values > 0.6 * values.max())[:, ::-1]
    return grid.points(hot.mean(axis=0)[None])[0]


@pytest.mark.parametrize("name", PET_GRIDS)
def test_the_stack_shows_the_hot_place_where_it_is(name):
    study = Study({"PET": painted(PET_GRIDS[name])})
    stack = presence.prepare(study, REGION, presence.Preparation(), ["PET"])
    assert stack.values.shape[0] == 1
    assert stack.values.shape[2:] == (64, 64)
    assert stack.values.dtype == np.float32
    assert stack.values.max() == pytest.approx(10 / 25, abs=0.02)
    assert np.linalg.norm(centre_of_heat(stack.values[0], stack.grid) - HOT) < 2.5
    low, high = presence.Preparation().own_slices_mm
    assert low <= stack.grid.spacing[2] <= high


def test_the_stack_lies_on_the_planes_of_the_mri_and_keeps_its_slices():
    mr = painted(centred((256, 256, 50), (0.9, 0.9, 4.4), turned((14, 3, 0))))
    study = Study({"PET": painted(PET_GRIDS["plain"]), "T1": mr})
    stack = presence.prepare(study, REGION, presence.Preparation(), ["PET", "MR"])
    assert stack.values.shape[0] == 2
    assert stack.grid.spacing == pytest.approx((4.0, 4.0, 4.4))
    assert stack.grid.direction == pytest.approx(Grid.of(mr).direction)
    # Slices are the MRI's own: whole slices apart, never between two of them.
    apart = Grid.of(mr).indices(stack.grid.points(np.array([[31.5, 31.5, 0.0]])))[0, 2]
    assert apart == pytest.approx(round(apart), abs=1e-4)
    for channel in stack.values:
        assert np.linalg.norm(centre_of_heat(channel, stack.grid) - HOT) < 2.5
    assert stack.values[1].min() == 0
    assert stack.values[1].max() == 1


def test_inferior_is_the_first_slice_however_the_pet_is_stored():
    for name in PET_GRIDS:
        grid = presence.stack_grid(
            Study({"PET": painted(PET_GRIDS[name])}), REGION, presence.Preparation()
        )
        ends = grid.points(np.array([[31, 31, 0], [31, 31, grid.size[2] - 1]]))
        assert ends[0, 2] < ends[1, 2]


def test_a_short_stack_is_filled_up_to_one_window():
    grid = centred((60, 60, 16), (4.0, 4.0, 4.0), turned())
    study = Study({"PET": painted(grid)})
    region = Region(inferior_mm=490, superior_mm=550, found_by="test")
    stack = presence.prepare(study, region, presence.Preparation(), ["PET"])
    assert stack.values.shape[1] == 32
    assert np.linalg.norm(centre_of_heat(stack.values[0], stack.grid) - HOT) < 2.5


def test_missing_images_are_named():
    study = Study({"PET": painted(PET_GRIDS["plain"])})
    assert presence.missing_roles(["PET", "MR"], study) == ["MR"]
    with pytest.raises(InputError, match="MR"):
        presence.prepare(study, REGION, presence.Preparation(), ["PET", "MR"])
    with pytest.raises(InputError, match="--ct"):
        tumour_volume.prepare(study, REGION, tumour_volume.Preparation())
    with pytest.raises(InputError, match="--pet"):
        tumour_volume.prepare(
            Study({"CT": study.pet}), REGION, tumour_volume.Preparation(), ct_required=False
        )


def test_an_optional_image_that_was_not_given_is_a_channel_of_zeros():
    study = Study({"PET": painted(PET_GRIDS["oblique"])})
    roles = ["PET", "MR"]
    stack = presence.prepare(study, REGION, presence.Preparation(), roles, optional=["MR"])
    alone = presence.prepare(study, REGION, presence.Preparation(), ["PET"])
    assert np.array_equal(stack.values[:1], alone.values)
    assert stack.values.shape[0] == 2
    assert not stack.values[1].any()
    with pytest.raises(InputError, match="CT and MR"):  # nothing would be left to look at
        presence.prepare(study, REGION, presence.Preparation(), ["CT", "MR"], optional=roles)


def test_min_max_scaling_is_per_image():
    study = Study({"PET": painted(PET_GRIDS["plain"])})
    preparation = presence.Preparation(pet_intensity="minmax")
    stack = presence.prepare(study, REGION, preparation, ["PET"])
    assert stack.values.min() == 0
    assert stack.values.max() == 1


@pytest.mark.parametrize("name", PET_GRIDS)
def test_the_volume_and_the_way_back_to_the_patients_own_grid(name):
    own = PET_GRIDS[name]
    pet = painted(own, radius=16)
    study = Study({"PET": pet})
    volume = tumour_volume.prepare(study, REGION, tumour_volume.Preparation(), ct_required=False)
    assert volume.values.shape == (2, 96, 128, 128)
    assert volume.grid.spacing == (2.5, 2.5, 2.5)
    assert not volume.values[1].any()
    assert np.linalg.norm(centre_of_heat(volume.values[0], volume.grid) - HOT) < 2
    share = np.clip((volume.values[0] * 25 - 1) / 9, 0, 1)
    probabilities = np.stack([1 - share, share * 0.9, share * 0.1])
    classes = tumour_volume.classes_on(own, probabilities, volume.grid)
    assert Grid.of(classes).same_as(own)
    outlined = sitk.GetArrayFromImage(classes)
    truth = sitk.GetArrayFromImage(pet) > 5.5
    assert set(np.unique(outlined)) == {0, 1}
    dice = 2 * ((outlined == 1) & truth).sum() / ((outlined == 1).sum() + truth.sum())
    assert dice > 0.93


def test_the_ct_window_is_the_papers():
    pet = painted(PET_GRIDS["plain"])
    ct = sitk.Cast(pet * 0 + 75, sitk.sitkFloat32)
    volume = tumour_volume.prepare(
        Study({"PET": pet, "CT": ct}), REGION, tumour_volume.Preparation()
    )
    assert np.unique(np.round(volume.values[1], 4)).tolist() == [0.0, 0.75]  # -150 … 150 HU


def test_the_larger_class_wins_and_outside_is_background():
    grid = centred((10, 10, 10), (4.0, 4.0, 4.0), turned())
    inner = centred((4, 4, 4), (4.0, 4.0, 4.0), turned())
    probabilities = np.zeros((3, 4, 4, 4), np.float32)
    probabilities[:] = np.array([0.3, 0.3, 0.4], np.float32)[:, None, None, None]
    classes = sitk.GetArrayFromImage(tumour_volume.classes_on(grid, probabilities, inner))
    assert classes[3:7, 3:7, 3:7].min() == tumour_volume.NODE
    classes[3:7, 3:7, 3:7] = 0
    assert classes.max() == 0


def test_region_by_hand_and_by_the_anatomical_images_field_of_view():
    pet = painted(PET_GRIDS["plain"])
    low, high = axial_extent(pet)
    assert (low, high) == pytest.approx((370, 670))
    region, warnings = study_region(Study({"PET": pet}), (600.0, 450.0))
    assert (region.inferior_mm, region.superior_mm, region.found_by) == (450, 600, "set by hand")
    with pytest.raises(InputError, match="--region"):
        study_region(Study({"PET": pet}), (900.0, 950.0))
    mr = painted(centred((256, 256, 40), (0.9, 0.9, 4.0), turned()))
    region, warnings = study_region(Study({"PET": pet, "T1": mr}))
    assert (region.inferior_mm, region.superior_mm) == pytest.approx((440, 600))
    assert not warnings
    assert slice_extent(mr) == pytest.approx((440, 600))


def test_an_mri_of_another_part_of_the_body_is_analysed_with_a_warning():
    # A long PET in which the head and neck are at the top, and an MRI far below them.
    from HNCLogic.phantom.patient import simulate

    patient = simulate(1, positive=True)
    low, _ = axial_extent(patient.pet)
    own = Grid.of(patient.pet)
    below = Grid((*own.size[:2], 60), own.spacing, (*own.origin[:2], low - 240), own.direction)
    longer = sitk.Resample(patient.pet, [*own.size[:2], own.size[2] + 60], sitk.Transform(),
                           sitk.sitkNearestNeighbor, below.origin, own.spacing,
                           own.direction, 0.0)  # fmt: skip
    mr = centred((100, 100, 20), (2.0, 2.0, 4.0), turned(), (0.0, 0.0, low - 150))
    region, warnings = study_region(Study({"PET": longer, "T1": mr.image(
        np.ones((20, 100, 100), np.float32))}))  # fmt: skip
    assert region.found_by == "field of view of the T1"
    assert any("does not show the head and neck" in warning for warning in warnings)
