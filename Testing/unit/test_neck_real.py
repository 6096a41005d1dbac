"""Head and neck found in a real whole-body PET and in real CTs of head and neck."""

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from HNCLogic.images.grid import Grid
from HNCLogic.images.neck import brain_mask, find_region, lateral_centre
from HNCLogic.job import Delineation
from HNCLogic.lesions.thresholds import delineate


def suv_of(folder):
    """The GE PET as SUVbw: slope per slice, decay from injection to the series' time."""
    slices = [pydicom.dcmread(path) for path in sorted(folder.glob("*.dcm"))]
    slices.sort(key=lambda s: float(s.ImagePositionPatient[2]))
    array = np.stack([s.pixel_array * float(s.RescaleSlope) for s in slices])
    first = slices[0]
    tracer = first.RadiopharmaceuticalInformationSequence[0]

    def seconds(time):
        return int(time[:2]) * 3600 + int(time[2:4]) * 60 + float(time[4:])

    waited = seconds(first.SeriesTime) - seconds(tracer.RadiopharmaceuticalStartTime)
    left = 2 ** (-waited / float(tracer.RadionuclideHalfLife))
    dose = float(tracer.RadionuclideTotalDose) * left
    image = sitk.GetImageFromArray((array * float(first.PatientWeight) * 1000 / dose).astype("f4"))
    step = float(slices[1].ImagePositionPatient[2]) - float(first.ImagePositionPatient[2])
    image.SetSpacing([*map(float, first.PixelSpacing), step])
    image.SetOrigin([float(v) for v in first.ImagePositionPatient])
    return image


def test_whole_body_pet_with_arms_up_and_the_brain_all_but_cut_off(shared_data):
    pet = suv_of(shared_data / "pet_dicom_sts001" / "STS_001" / "FDG_PET" / "image")
    region, warnings = find_region(pet, None, None)
    # Seen in its MIP: chin at -110 mm, shoulders from -120, upper edge of the heart at -255.
    assert (region.found_by, warnings) == ("neck and shoulders in PET", [])
    assert region.superior_mm == pytest.approx(Grid.of(pet).corners()[:, 2].max())
    assert -240 < region.inferior_mm < -190
    x, y = lateral_centre(pet, region, "PET")
    assert x == pytest.approx(23, abs=6)
    assert y == pytest.approx(-55, abs=20)
    # Cerebellum and temporal lobes reach into the uppermost 2 cm and must not be outlined.
    mask = brain_mask(pet, region)
    array = sitk.GetArrayViewFromImage(mask)
    heights = np.flatnonzero(array.any(axis=(1, 2)))
    assert heights.min() >= pet.GetSize()[2] - 10
    assert 40 < array.sum() * Grid.of(pet).voxel_ml < 150
    upper = pet[:, :, -10:]
    hot = delineate(upper, Delineation(method="fixed", fixed_suv=6.0))
    spared = delineate(upper, Delineation(method="fixed", fixed_suv=6.0), exclude=mask[:, :, -10:])
    assert sitk.GetArrayViewFromImage(hot).any()
    assert not sitk.GetArrayViewFromImage(spared).any()


@pytest.mark.parametrize("patient", ["pt_112", "pt_124", "pt_150", "pt_168", "pt_116"])
def test_ct_by_neck_and_shoulders(shared_data, patient):
    folder = shared_data / "openkbp_ct" / patient
    ct = sitk.ReadImage(str(folder / "ct.nii.gz"), sitk.sitkFloat32)
    organs = sitk.ReadImage(str(folder / "oars.nii.gz"), sitk.sitkUInt8)
    longer = sitk.ConstantPad(ct, [0, 0, 30], [0, 0, 60], -1000.0)
    region, warnings = find_region(None, longer, "CT")
    assert (region.found_by, warnings) == ("neck and shoulders in CT", [])
    grid = Grid.of(organs)

    def where(label):
        voxels = np.argwhere(sitk.GetArrayViewFromImage(organs) == label)
        return grid.points(voxels[:, ::-1])

    larynx, cord = where(7), where(10)
    # Seven vertebrae down: from the larynx's lower end to the notch it is 5 to 9 cm.
    assert 70 < larynx[:, 2].min() - region.inferior_mm < 160
    head_end = Grid.of(ct).corners()[:, 2].max()
    assert region.superior_mm > min(larynx[:, 2].max() + 150, head_end)
    x, y = lateral_centre(longer, region, "CT")
    upper = cord[cord[:, 2] > larynx[:, 2].min()]
    assert x == pytest.approx(upper[:, 0].mean(), abs=8)
    assert abs(y - upper[:, 1].mean()) < 60


def test_a_short_crop_of_a_limb_is_kept_whole(shared_data):
    folder = shared_data / "sts_petctmr" / "STS_002"
    pet, ct = (sitk.ReadImage(str(folder / f"{n}_image.nii.gz"), 8) for n in ("PET", "CT"))
    region, warnings = find_region(pet, ct, "CT")
    assert (region.found_by, warnings) == ("whole field of view", [])
    assert brain_mask(pet, region) is None
