"""What stands between the methods: region masks, per-slice heat, jobs as JSON."""

import numpy as np
import pytest
import SimpleITK as sitk
from pydantic import ValidationError
from scipy.spatial.transform import Rotation

from HNCLogic import steps
from HNCLogic.errors import InputError
from HNCLogic.explain.by_slice import explanation
from HNCLogic.images.grid import Grid
from HNCLogic.images.region import region_mask
from HNCLogic.job import Delineation, Explanation, Job, Region, Result

OBLIQUE = Rotation.from_euler("xyz", [12, -7, 4], degrees=True).as_matrix()


def grid(direction=OBLIQUE, size=(12, 10, 20)) -> Grid:
    return Grid(size, (4.0, 3.5, 5.0), (-20.0, -15.0, 700.0), tuple(direction.ravel()))


def test_the_region_mask_holds_the_voxels_whose_centres_lie_in_it():
    own = grid()
    mask = sitk.GetArrayFromImage(
        region_mask(own.empty(), Region(inferior_mm=730, superior_mm=760, found_by="test"))
    )
    z, y, x = np.meshgrid(np.arange(20), np.arange(10), np.arange(12), indexing="ij")
    height = own.points(np.stack([x, y, z], -1).reshape(-1, 3))[:, 2].reshape(20, 10, 12)
    assert np.array_equal(mask > 0, (height >= 730) & (height <= 760))


@pytest.mark.parametrize("flip", [1, -1])
def test_heat_by_slice_runs_from_foot_to_head_and_finds_the_hottest_place(flip):
    direction = OBLIQUE @ np.diag([1, 1, flip])
    own = grid(direction)
    heat = np.zeros((20, 10, 12), np.float32)
    heat[6, 4, 3], heat[14, 2, 2] = 1.0, 0.4
    mask = np.zeros((20, 10, 12), np.uint8)
    mask[6, 4, 2:5] = 1
    region = Region(inferior_mm=-2000, superior_mm=2000, found_by="test")
    found = explanation(own.image(heat), region, own.image(mask))
    positions = [s.position_mm for s in found.slices]
    assert positions == sorted(positions)
    assert [s.index for s in found.slices if s.heat > 0] == ([6, 14] if flip == 1 else [14, 6])
    assert [s.index for s in found.slices if s.annotated] == [6]
    x, y, z = own.points(np.array([[3, 4, 6]]))[0]
    assert found.hottest_ras == pytest.approx((-x, -y, z))
    assert found.slice_auroc == 1.0


def test_heat_by_slice_follows_the_axis_that_runs_head_to_foot():
    # A stack stored with its second axis along the body, as a coronal series is.
    direction = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]], float)
    own = grid(direction, (12, 20, 10))
    heat = np.zeros((10, 20, 12), np.float32)
    heat[3, 5, 4] = 0.8
    region = Region(inferior_mm=-2000, superior_mm=2000, found_by="test")
    found = explanation(own.image(heat), region, None)
    assert len(found.slices) == 20
    assert [s.index for s in found.slices if s.heat > 0] == [5]
    assert found.slice_auroc is None


def test_slices_outside_the_region_are_left_out():
    own = grid(np.eye(3))
    region = Region(inferior_mm=720, superior_mm=745, found_by="test")
    found = explanation(own.image(np.zeros((20, 10, 12), np.float32)), region, None)
    assert [s.position_mm for s in found.slices] == [720, 725, 730, 735, 740, 745]


@pytest.mark.parametrize("flip", [1, -1])
def test_the_hottest_place_is_looked_for_in_the_region_alone(flip):
    own = grid(OBLIQUE @ np.diag([1, 1, flip]))
    heat = np.zeros((20, 10, 12), np.float32)
    heat[3, 2, 2], heat[10, 5, 7] = 1.0, 0.3
    (_, _, far), (x, y, z) = own.points(np.array([[2, 2, 3], [7, 5, 10]]))
    assert abs(far - z) > 12
    region = Region(inferior_mm=z - 12, superior_mm=z + 12, found_by="test")
    found = explanation(own.image(heat), region, None)
    assert found.hottest_ras == pytest.approx((-x, -y, z))
    heat[10, 5, 7] = 0.0
    assert explanation(own.image(heat), region, None).hottest_ras is None


@pytest.mark.parametrize(
    ("job", "says"),
    [
        (Job(images={}, out="x"), "no image"),
        (Job(images={"CT": "ct.nrrd"}, out="x"), "--pet"),
        (Job(task="measure", images={"PET": "p.nrrd"}, out="x"), "--mask"),
    ],
)
def test_a_job_without_what_it_needs_is_refused(job, says):
    with pytest.raises(InputError, match=says):
        steps.require_sense(job)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_no_record_takes_a_number_that_json_cannot_hold(value):
    with pytest.raises(ValidationError, match="finite"):
        Region(inferior_mm=0.0, superior_mm=value, found_by="test")
    with pytest.raises(ValidationError, match="finite"):
        Explanation(slices=[], hottest_ras=(0.0, value, 0.0))


def test_jobs_and_results_go_to_json_and_back():
    job = Job(
        task="segment",
        images={"PET": "pet.nrrd", "CT": "ct.nrrd"},
        out="out",
        region_mm=(-10.0, 200.0),
        delineation=Delineation(method="percent", percent=50, seeds=[(1.0, 2.0, 3.0)]),
    )
    assert Job.model_validate_json(job.model_dump_json()) == job
    result = Result(task="segment", research_use="research", warnings=["one"])
    assert Result.model_validate_json(result.model_dump_json()) == result
