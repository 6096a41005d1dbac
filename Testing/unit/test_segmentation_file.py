"""Segmentation files as Slicer writes them: cropped, in layers, put in place exactly."""

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.spatial.transform import Rotation

from HNCLogic.images.grid import Grid
from HNCLogic.images.read import read_labels, read_mask
from HNCLogic.lesions.mask import read_outlines
from Testing.unit.refusal import refused

DIRECTION = Rotation.from_euler("xyz", [11, -8, 5], degrees=True).as_matrix() @ np.diag([1, -1, 1])
PET = Grid((14, 12, 10), (2.5, 3.0, 4.1), (-20.5, 34.0, -411.3), tuple(DIRECTION.ravel()))
TERM = "TerminologyEntry:list~SCT^49755003^Altered~SCT^{}^Type~^^~list~^^~^^|"
PRIMARY, NODE = TERM.format("86049000"), TERM.format("14799000")


def segmentation(path, array, segments, grid=PET, first=(0, 0, 0)):
    """A .seg.nrrd of ``array`` (z, y, x[, layers]) whose voxel 0 is ``grid``'s ``first``.

    ``segments``: (layer, value, tags) of each.
    """
    image = sitk.GetImageFromArray(array, isVector=array.ndim == 4)
    image.SetSpacing(grid.spacing)
    image.SetDirection(grid.direction)
    image.SetOrigin(grid.points(np.array([first]))[0])
    image.SetMetaData("Segmentation_MasterRepresentation", "Binary labelmap")
    for n, (layer, value, tags) in enumerate(segments):
        keys = {"ID": f"s{n}", "Name": "Doe^Jane", "Layer": layer, "LabelValue": value}
        for key, word in (keys | {"Tags": tags}).items():
            image.SetMetaData(f"Segment{n}_{key}", str(word))
    sitk.WriteImage(image, str(path))
    return path


def two_touching():
    array = np.zeros((10, 12, 14), np.uint8)
    array[2:4, 3:6, 4:8] = 2
    array[4:7, 3:6, 4:8] = 3
    return array


def values(image):
    return sitk.GetArrayFromImage(image)


def test_a_cropped_segmentation_is_put_in_its_place(tmp_path):
    cropped = two_touching()[2:7, 3:6, 4:8]
    path = segmentation(tmp_path / "c.seg.nrrd", cropped, [(0, 2, ""), (0, 3, "")], first=(4, 3, 2))
    mask = read_mask(path, PET)
    assert Grid.of(mask) == PET
    assert mask.GetPixelID() == sitk.sitkUInt16
    assert np.array_equal(values(mask), two_touching())


def test_a_crop_of_one_slice_and_one_that_reaches_beyond(tmp_path):
    one = segmentation(
        tmp_path / "one.seg.nrrd", np.full((1, 2, 3), 1, np.uint8), [(0, 1, "")], first=(1, 2, 9)
    )
    expected = np.zeros((10, 12, 14))
    expected[9, 2:4, 1:4] = 1
    assert np.array_equal(values(read_mask(one, PET)), expected)
    wide = np.zeros((12, 12, 16), np.uint8)
    wide[1:-1, :, 1:-1] = two_touching()
    beyond = segmentation(tmp_path / "wide.seg.nrrd", wide, [(0, 2, "")], first=(-1, 0, -1))
    assert np.array_equal(values(read_mask(beyond, PET)), two_touching())
    wide[0, 0, 0] = 2
    segmentation(tmp_path / "wide.seg.nrrd", wide, [(0, 2, "")], first=(-1, 0, -1))
    refused("another grid", "marks voxels outside", by=lambda: read_mask(beyond, PET))


@pytest.mark.parametrize(
    ("change", "first", "words"),
    [
        ({}, (4.4, 3, 2), "1.00 mm beside"),
        ({"spacing": (2.6, 3.0, 4.1)}, (4, 3, 2), "mm apart"),
        ({"direction": tuple((DIRECTION @ np.diag([-1, 1, 1])).ravel())}, (4, 3, 2), "flipped"),
        ({}, (60, 3, 2), "outside the image"),
    ],
)
def test_another_lattice_is_refused(tmp_path, change, first, words):
    grid = Grid(**{**PET.__dict__, **change})
    cropped = two_touching()[2:7, 3:6, 4:8]
    path = segmentation(tmp_path / "c.seg.nrrd", cropped, [(0, 2, "")], grid, first)
    refused("another grid", words, by=lambda: read_mask(path, PET))


def layered():
    """Primary and node in one layer; in the other a lesion of value 1 over both."""
    array = np.zeros((10, 12, 14, 2), np.uint8)
    array[..., 0] = two_touching() // 2 + two_touching() % 2  # 1 and 2
    array[3:5, 4:7, 5:7, 1] = 1
    return array


def test_layers_are_read_segment_by_segment_and_the_later_one_has_what_is_shared(tmp_path):
    segments = [(0, 1, PRIMARY), (0, 2, NODE), (1, 1, "")]
    path = segmentation(tmp_path / "l.seg.nrrd", layered()[1:8, 1:8], segments, first=(0, 1, 1))
    found = read_labels(path, PET)
    both = layered()
    expected = np.where(both[..., 1] > 0, 3, both[..., 0])
    assert np.array_equal(values(found.labels), expected)
    assert found.tags == {1: PRIMARY, 2: NODE, 3: ""}
    shared = np.count_nonzero((both > 0).all(axis=-1))
    assert shared == 8
    (warning,) = found.warnings
    assert f"overlap in {shared} voxels" in warning
    assert "Doe" not in warning
    outlines = read_outlines(path, PET)
    assert sorted(outlines.kinds.values()) == ["lesion", "node", "primary"]
    assert np.array_equal(values(outlines.labels), expected)


def test_layers_with_values_of_their_own_keep_them(tmp_path):
    array = np.zeros((10, 12, 14, 2), np.uint8)
    array[2, 2, 2, 0], array[5, 5, 5, 1] = 7, 4
    path = segmentation(tmp_path / "l.seg.nrrd", array, [(0, 7, ""), (1, 4, "")])
    found = read_labels(path, PET)
    assert found.warnings == []
    assert (values(found.labels)[2, 2, 2], values(found.labels)[5, 5, 5]) == (7, 4)


def test_a_header_that_does_not_fit_its_voxels(tmp_path):
    path = segmentation(tmp_path / "l.seg.nrrd", layered(), [(0, 1, ""), (2, 1, "")])
    refused("Segment1_Layer", "2 layers", by=lambda: read_mask(path, PET))
    path = segmentation(tmp_path / "l.seg.nrrd", two_touching(), [(0, "two", "")])
    refused("Segment0_LabelValue", "whole number", by=lambda: read_mask(path, PET))
    plain = tmp_path / "vector.nrrd"
    sitk.WriteImage(sitk.GetImageFromArray(layered(), isVector=True), str(plain))
    refused("2 values at each voxel", by=lambda: read_mask(plain, PET))


def test_touching_nodes_stay_two_and_a_lesion_in_parts_stays_one(tmp_path):
    array = two_touching()
    array[8, 9:11, 10:13] = 3  # another part of the second node
    for name, segments in (("m.nrrd", None), ("m.seg.nrrd", [(0, 2, NODE), (0, 3, NODE)])):
        path = tmp_path / name
        if segments is None:
            sitk.WriteImage(PET.image(array), str(path))
        else:
            segmentation(path, array, segments)
        outlines = read_outlines(path, PET)
        assert outlines.kinds == {1: "node", 2: "node"}
        found = values(outlines.labels)
        assert np.array_equal(found == 1, array == 3)  # the larger one first
        assert np.array_equal(found == 2, array == 2)
        (warning,) = outlines.warnings
        assert "1 of the 2 lesions" in warning


def test_kinds_come_from_the_values_or_the_terms(tmp_path):
    array = two_touching()
    array[9, 11, 13] = 1
    plain = tmp_path / "m.nii.gz"
    sitk.WriteImage(PET.image(array), str(plain))
    assert read_outlines(plain, PET).kinds == {1: "primary", 2: "node", 3: "node"}
    coded = segmentation(tmp_path / "m.seg.nrrd", array, [(0, 3, PRIMARY), (0, 1, NODE)])
    assert read_outlines(coded, PET).kinds == {1: "primary", 2: "node", 3: "lesion"}


def test_a_mask_of_one_value_is_parted_and_a_single_segment_is_not(tmp_path):
    array = np.zeros((10, 12, 14), np.uint8)
    array[2:4, 3:6, 4:8] = 5
    array[8, 9:11, 10:13] = 5
    plain = tmp_path / "m.nrrd"
    sitk.WriteImage(PET.image(array), str(plain))
    parted = read_outlines(plain, PET)
    assert parted.kinds == {1: "lesion", 2: "lesion"}
    assert parted.warnings == []
    one = read_outlines(segmentation(tmp_path / "m.seg.nrrd", array, [(0, 5, PRIMARY)]), PET)
    assert one.kinds == {1: "primary"}
    assert np.array_equal(values(one.labels) == 1, array == 5)


def test_a_mask_that_marks_nothing(tmp_path):
    empty = np.zeros((1, 1, 1), np.uint8)  # what Slicer writes of a segmentation without segments
    path = segmentation(tmp_path / "e.seg.nrrd", empty, [])
    assert not values(read_mask(path, PET)).any()
    refused("marks nothing", by=lambda: read_outlines(path, PET))
