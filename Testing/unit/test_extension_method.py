"""Extension on CT: the neck's range, the networks' input, the way back to the patient's grid."""

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from scipy.spatial.transform import Rotation

from HNCLogic.errors import InputError
from HNCLogic.extension_verdict import ask
from HNCLogic.images.grid import Grid, ras, resample
from HNCLogic.images.neck_landmarks import find_landmarks, neck_range
from HNCLogic.images.study import Study
from HNCLogic.job import Extension, Region
from HNCLogic.methods import extension
from HNCLogic.methods.extension import Preparation
from HNCLogic.networks.registry import make
from HNCLogic.phantom.cases.extension_case import simulate_extension
from Testing.tiny_models import EXTENSION
from Testing.unit.bright_extractor import Bright

SMALL = Preparation(size=(18, 30, 30), voi=(5, 18, 18), spacing_mm=3.0)


@pytest.fixture(autouse=True)
def seeded():
    torch.set_num_threads(1)
    torch.manual_seed(3)


@pytest.fixture(scope="module")
def case():
    return simulate_extension(8, True)


def turned(image, degrees=(9.0, -6.0, 12.0), spacing=(3.0, 2.2, 4.1), flips=(-1.0, 1.0, -1.0)):
    """The same patient on an oblique, anisotropic, flipped grid that holds all of the image."""
    direction = Rotation.from_euler("xyz", degrees, degrees=True).as_matrix() @ np.diag(flips)
    corners = Grid.of(image).corners() @ direction
    low, high = corners.min(axis=0), corners.max(axis=0)
    size = tuple(int(n) for n in np.ceil((high - low) / spacing))
    origin = direction @ (low + np.array(spacing) / 2)
    grid = Grid(size, spacing, tuple(origin.tolist()), tuple(direction.ravel().tolist()))
    return resample(image, grid, -1000.0)


def shortened(image, low, high):
    heights = image.GetOrigin()[2] + image.GetSpacing()[2] * np.arange(image.GetSize()[2])
    kept = np.flatnonzero((heights >= low) & (heights <= high))
    return image[:, :, int(kept[0]) : int(kept[-1]) + 1]


def test_landmarks_of_a_patient_on_straight_and_on_turned_grids(case):
    for image in (case.ct, turned(case.ct), sitk.Flip(case.ct, [True, False, True])):
        found = find_landmarks(image)
        assert found.nose_mm == pytest.approx(case.nose_z, abs=6)
        # The clavicle's outer end, which is also found, stands a little over the acromion.
        assert -4 < found.acromion_mm - case.acromion_z < 12


def test_range_is_three_centimetres_beyond_both(case):
    found = find_landmarks(case.ct)
    region, warnings = neck_range(case.ct)
    assert warnings == []
    assert region.superior_mm == pytest.approx(found.nose_mm + 30)
    assert region.inferior_mm == pytest.approx(found.acromion_mm - 30)
    assert region.found_by == "nose and acromion in CT"
    narrow, _ = neck_range(case.ct, margin_mm=10.0)
    assert narrow.superior_mm == pytest.approx(found.nose_mm + 10)


def test_ct_without_nose_or_shoulders_is_taken_to_its_end_with_a_warning(case):
    cut = shortened(case.ct, case.acromion_z + 50, case.nose_z - 20)
    region, warnings = neck_range(cut)
    assert [w.split(" was")[0] for w in warnings] == ["The nose", "The acromion"]
    ends = Grid.of(cut).corners()[:, 2]
    assert (region.inferior_mm, region.superior_mm) == pytest.approx((ends.min(), ends.max()))


def test_range_by_hand_is_cut_to_the_image_and_refused_outside_it(case):
    region, _ = neck_range(case.ct, (case.nose_z, -5000.0))
    assert region.found_by == "set by hand"
    assert region.superior_mm == pytest.approx(case.nose_z)
    assert region.inferior_mm == pytest.approx(Grid.of(case.ct).corners()[:, 2].min())
    with pytest.raises(
        InputError, match=r"^the region 2000 to 2100 mm \(S\) holds less than 60 mm"
    ):
        neck_range(case.ct, (2000.0, 2100.0))


def test_short_ct_is_refused_in_one_line(case):
    with pytest.raises(InputError, match=r"^the CT is too short: it shows 4\d mm") as refused:
        neck_range(shortened(case.ct, case.nose_z - 60, case.nose_z - 20))
    assert "\n" not in str(refused.value)


def test_missing_ct_is_refused_in_one_line(case):
    region = Region(inferior_mm=0.0, superior_mm=100.0, found_by="set by hand")
    with pytest.raises(InputError, match="none was given: add --ct") as refused:
        extension.prepare(Study({"T1": case.ct}), region, SMALL)
    assert "\n" not in str(refused.value)


def test_voi_larger_than_the_volume_is_refused():
    with pytest.raises(ValueError, match="voi must not be larger"):
        Preparation(size=(18, 30, 30), voi=(19, 18, 18))


def test_default_is_the_papers():
    chosen = Preparation()
    assert (chosen.size, chosen.voi) == ((90, 150, 150), (25, 90, 90))
    assert (chosen.ct_window, chosen.spacing_mm, chosen.margin_mm) == ((-400.0, 400.0), 1.0, 30.0)


def test_input_is_the_ct_where_the_grid_says(case):
    region, _ = neck_range(case.ct)
    volume = extension.prepare(Study({"CT": case.ct}), region, SMALL)
    assert volume.values.shape == (1, 18, 30, 30)
    assert volume.values.dtype == np.float32
    assert volume.values.min() >= 0
    assert volume.values.max() <= 1
    ends = volume.grid.corners()[:, 2]
    assert (ends.min(), ends.max()) == pytest.approx((region.inferior_mm, region.superior_mm))
    # Smoothed by hand to a volume's voxel and read at its place: the same, window apart.
    low, high = SMALL.ct_window
    scaled = sitk.Clamp(case.ct, sitk.sitkFloat32, low, high)
    smooth = sitk.SmoothingRecursiveGaussian((scaled - low) / (high - low), 3.0)
    expected = sitk.GetArrayFromImage(resample(smooth, volume.grid, 0.0))
    assert np.corrcoef(expected.ravel(), volume.values.ravel())[0, 1] > 0.97
    assert volume.values[0][~volume.body].mean() < 0.1
    assert 0.15 < volume.body.mean() < 0.5


def test_same_patient_on_another_grid_gives_the_same_input(case):
    region = Region(
        inferior_mm=case.acromion_z - 20, superior_mm=case.nose_z + 20, found_by="set by hand"
    )
    straight = extension.prepare(Study({"CT": case.ct}), region, SMALL)
    other = extension.prepare(
        Study({"CT": turned(case.ct, spacing=(2.0, 2.2, 2.6))}), region, SMALL
    )
    assert np.abs(np.subtract(straight.grid.origin, other.grid.origin)).max() < 8
    there = sitk.GetArrayFromImage(resample(other.grid.image(other.values[0]), straight.grid, 0.0))
    inner = (slice(2, -2), slice(4, -4), slice(4, -4))
    assert np.corrcoef(there[inner].ravel(), straight.values[0][inner].ravel())[0, 1] > 0.95


@pytest.fixture
def spot():
    """A volume with one hot place inside the body and a hotter one outside it."""
    grid = Grid((30, 30, 18), (10.0, 10.0, 9.0), (-150.0, -160.0, -600.0), extension.UPRIGHT)
    values = np.zeros((1, 18, 30, 30), np.float32)
    body = np.zeros((18, 30, 30), bool)
    body[:, 5:25, 6:24] = True
    values[0, 12, 9, 20], values[0, 3, 1, 1] = 0.5, 1.0
    return extension.Volume(values, body, grid)


def test_heat_outside_head_and_neck_counts_for_nothing(spot):
    heat = extension.refined_heat(Bright(), spot)
    assert heat[3, 1, 1] == 0
    assert np.unravel_index(heat.argmax(), heat.shape) == (12, 9, 20)
    voi = extension.extracted(heat, spot, SMALL)
    assert heat[voi.cut].sum() == pytest.approx(heat.sum())
    assert voi.start == (10, 0, 11)


@pytest.mark.parametrize("flips", [(1.0, 1.0, 1.0), (-1.0, 1.0, -1.0), (1.0, -1.0, -1.0)])
def test_heat_comes_back_to_where_it_was_on_the_patients_grid(spot, flips):
    heat = extension.refined_heat(Bright(), spot)
    own = turned(spot.grid.image(spot.values[0]), spacing=(4.0, 5.0, 6.0), flips=flips)
    shown = extension.heat_on(own, heat, spot)
    assert Grid.of(shown).same_as(Grid.of(own))
    values = sitk.GetArrayFromImage(shown)
    assert 0.5 < values.max() <= 1
    hottest = np.unravel_index(values.argmax(), values.shape)[::-1]
    place = Grid.of(own).points(np.array([hottest]))[0]
    expected = spot.grid.points(np.array([[20, 9, 12]]))[0]
    assert np.linalg.norm(place - expected) < 5


def test_empty_heat_is_an_empty_map_and_the_middle(spot):
    nothing = np.zeros(spot.body.shape, np.float32)
    assert not sitk.GetArrayFromImage(
        extension.heat_on(spot.grid.image(spot.values[0]), nothing, spot)
    ).any()
    assert not extension.extracted(nothing, spot, SMALL).found


def test_classifier_sees_the_voi_alone_and_the_answer_says_where_it_is(spot):
    classifier = make(
        "dense-net-3d", {"growth": 2, "layers": [1, 1], "stem_filters": 2, "stem_stride": 1}
    )
    voi = extension.extracted(extension.refined_heat(Bright(), spot), spot, SMALL)
    said = extension.judged(classifier, spot, voi)
    assert 0 < said < 1
    spot.values[0, 3, 1, 1] = 0.0  # outside the VOI
    assert extension.judged(classifier, spot, voi) == said
    region = Region(inferior_mm=-604.5, superior_mm=-442.5, found_by="set by hand")
    found = extension.answer(
        [0.4, 0.8], voi, region, threshold=0.6, threshold_source="set by hand",
        fold_thresholds=None, model="m 1.0.0", trained_on="simulated patients",
    )  # fmt: skip
    assert (found.probability, found.verdict) == (pytest.approx(0.6), "positive")
    assert found.fold_spread == pytest.approx(0.2)
    corners = np.array(found.voi_corners)
    # 18 voxels of 10 mm from x index 11, in LPS from -45 to 135; RAS turns the sign.
    assert (corners[:, 0].min(), corners[:, 0].max()) == pytest.approx((-135.0, 45.0))
    assert (corners[:, 1].min(), corners[:, 1].max()) == pytest.approx((-15.0, 165.0))
    assert (corners[:, 2].min(), corners[:, 2].max()) == pytest.approx((-514.5, -469.5))
    assert found.voi_found_by == "Grad-CAM of the extractor"
    # Placed by hand where it is, it is the same box.
    again = extension.placed(found.voi_centre, spot, SMALL)
    assert again.start == voi.start
    again = Extension.model_validate_json(found.model_dump_json())
    assert again == found


def test_voi_by_hand_moves_inside_the_volume_and_is_refused_beside_it(spot):
    near = tuple(v - 1 for v in ras(spot.grid.corners()[0])[:2])  # just within the first corner
    voi = extension.placed((*near, spot.grid.corners()[:, 2].min() + 1), spot, SMALL)
    assert voi.start == (0, 0, 0)
    with pytest.raises(
        InputError, match=r"outside of what is analysed, R -\d+ to 155, A"
    ) as refused:
        extension.placed((400.0, 0.0, -520.0), spot, SMALL)
    assert "\n" not in str(refused.value)


def test_folds_with_different_extractors_are_refused(spot):
    first = make("gmgenet", EXTENSION)
    other = make("gmgenet", EXTENSION)
    with pytest.raises(InputError, match="the extractor of fold 2 is another"):
        ask([first, other], 2, spot, SMALL)
    other.extractor.load_state_dict(first.extractor.state_dict())
    heat, voi, said = ask([first, other], 2, spot, SMALL)
    assert heat.shape == spot.body.shape
    assert said[1] == extension.judged(other.classifier, spot, voi, "quick")
