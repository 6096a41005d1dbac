"""The regions of the two methods, and images on each other's grids, oblique and flipped too."""

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.spatial.transform import Rotation

from HNCLogic.errors import InputError
from HNCLogic.images.grid import Grid
from HNCLogic.images.region import (
    as_far_as_shown,
    head_and_neck,
    not_shown_mm,
    study_region,
)
from HNCLogic.images.reslice import resliced
from HNCLogic.images.study import Study
from HNCLogic.job import Region

MIDDLE = np.array([5.0, -20.0, 520.0])  # LPS, mm


def grid(size, spacing, angles=(0, 0, 0), flips=(1, 1, 1), middle=MIDDLE) -> Grid:
    matrix = Rotation.from_euler("xyz", angles, degrees=True).as_matrix() * np.array(flips)
    origin = middle - matrix @ (np.array(spacing) * (np.array(size) - 1) / 2)
    return Grid(size, spacing, tuple(origin), tuple(matrix.ravel()))


def ramp(own: Grid) -> sitk.Image:
    """A value that is linear in place: what it is at a point is known exactly."""
    z, y, x = np.meshgrid(*[np.arange(n) for n in own.size[::-1]], indexing="ij")
    points = own.points(np.stack([x, y, z], -1).reshape(-1, 3)) - MIDDLE
    values = 50.0 + points @ np.array([0.2, -0.1, 0.3])
    return own.image(values.reshape(own.size[::-1]).astype(np.float32))


GRIDS = {
    "oblique": grid((40, 50, 30), (3.0, 2.5, 4.0), (11, -8, 14)),
    "flipped": grid((40, 40, 40), (3.5, 3.0, 2.0), (4, 0, -9), (-1, 1, -1)),
    "sagittal": Grid(
        (60, 50, 24), (2.0, 2.5, 5.0), (-55.0, -80.0, 580.0), (0, 0, 1, 1, 0, 0, 0, -1, 0)
    ),
}


@pytest.mark.parametrize("fine", GRIDS)
@pytest.mark.parametrize(("role", "outside"), [("PET", 0.0), ("CT", -1000.0), ("T2", 0.0)])
def test_resliced_keeps_values_in_place_and_never_smears(fine, role, outside):
    own = GRIDS[fine]
    onto = grid((30, 26, 40), (6.0, 7.0, 6.5), (-6, 9, 3), (1, -1, 1))  # coarser, and larger
    out = resliced(Study({role: ramp(own)}), "MR" if role == "T2" else role, onto)
    assert Grid.of(out).same_as(onto)
    values, truth = sitk.GetArrayFromImage(out), sitk.GetArrayFromImage(ramp(onto))
    z, y, x = np.meshgrid(*[np.arange(n) for n in onto.size[::-1]], indexing="ij")
    where = own.indices(onto.points(np.stack([x, y, z], -1).reshape(-1, 3)))
    top = np.array(own.size) - 1
    within = ((where > 3) & (where < top - 3)).all(axis=1).reshape(values.shape)
    voxel = np.array([max(onto.spacing)] * 3) / own.spacing  # of the coarser grid
    beyond = ((where < -voxel) | (where > top + voxel)).any(axis=1).reshape(values.shape)
    assert within.sum() > 100
    assert values[within] == pytest.approx(truth[within], abs=1e-2)
    assert (values[beyond] == outside).all()


def test_reslicing_what_is_not_there_is_refused():
    with pytest.raises(InputError, match="no MR image"):
        resliced(Study({"CT": ramp(GRIDS["oblique"])}), "MR", GRIDS["flipped"])


def pet() -> sitk.Image:
    return ramp(grid((60, 60, 75), (4.0, 4.0, 4.0)))  # 370 to 670 mm


def test_only_method_1s_region_ends_with_the_mri():
    mr = ramp(grid((100, 100, 40), (2.0, 2.0, 4.0)))  # 440 to 600 mm
    study = Study({"PET": pet(), "T1": mr})
    whole, warnings = head_and_neck(study)
    assert (whole.inferior_mm, whole.superior_mm) == pytest.approx((370, 670))
    shown, more = as_far_as_shown(whole, study)
    assert (shown.inferior_mm, shown.superior_mm) == pytest.approx((440, 600))
    assert shown.found_by.endswith("as far as the T1 shows it")
    assert study_region(study)[0] == shown
    assert warnings + more == []


@pytest.mark.parametrize("slices", [2, 4])
def test_a_thin_slab_within_the_neck_is_no_image_of_another_part(slices):
    study = Study({"PET": pet(), "T1": ramp(grid((100, 100, slices), (2.0, 2.0, 4.0)))})
    region, warnings = study_region(study)
    assert region.superior_mm - region.inferior_mm == pytest.approx(4.0 * slices)
    assert "T1" in region.found_by
    assert warnings == []


def test_a_margin_extends_the_region_found_as_far_as_the_image_reaches():
    study = Study({"PET": pet()})
    narrower, _ = head_and_neck(study, None, -30)
    assert (narrower.inferior_mm, narrower.superior_mm) == pytest.approx((400, 640))
    assert "-30 mm" in narrower.found_by
    wider, _ = head_and_neck(study, None, 30)
    assert (wider.inferior_mm, wider.superior_mm) == pytest.approx((370, 670))
    with pytest.raises(InputError, match="--margin"):
        head_and_neck(study, None, -145)


def test_how_much_of_a_region_an_image_does_not_show():
    region = Region(inferior_mm=400, superior_mm=640, found_by="test")
    ct = ramp(grid((50, 50, 40), (4.0, 4.0, 4.0)))  # 440 to 600 mm
    assert not_shown_mm(ct, region) == pytest.approx(80)
    assert not_shown_mm(pet(), region) == pytest.approx(0)
    away = ramp(grid((50, 50, 10), (4.0, 4.0, 4.0), middle=np.array([0.0, 0, 900])))
    assert not_shown_mm(away, region) == pytest.approx(240)
