"""Lesions become coded segments, and come back as they are or as somebody has edited them."""

import numpy as np
import pytest
import SimpleITK as sitk

from HNCLogic.errors import InputError
from HNCLogic.images.grid import Grid
from HNCLogic.scene.save import save_segmentation
from HNCLogic.scene.segments import (
    BINARY_LABELMAP,
    add_segmentation,
    colours,
    read_segmentation,
)
from HNCLogic.scene.terminology import kind_from_tag, term_for
from HNCLogic.scene.volumes import add_volume, voxels_of
from Testing.scene.small_patient import CENTRE, NODE, TURNED, grid_around, lesion

LISTS = (
    "Segmentation category and type - DICOM master list",
    "Anatomic codes - DICOM master list",
)


def arrays_equal(a: sitk.Image, b: sitk.Image) -> bool:
    return np.array_equal(sitk.GetArrayFromImage(a), sitk.GetArrayFromImage(b))


@pytest.fixture
def node(application, labels, result):
    return add_segmentation(application.scene, labels, result.lesions, "Lesions")


def test_terms_are_the_agreed_codes():
    assert term_for("primary").tag == (
        f"{LISTS[0]}~SCT^49755003^Morphologically Altered Structure"
        f"~SCT^86049000^Neoplasm, Primary~^^~{LISTS[1]}~^^~^^"
    )
    assert term_for("node").tag == (
        f"{LISTS[0]}~SCT^49755003^Morphologically Altered Structure"
        f"~SCT^14799000^Neoplasm, Secondary~^^~{LISTS[1]}"
        "~SCT^312501005^Lymph node of head and neck~^^"
    )
    assert term_for("lesion").tag.split("~")[2] == "SCT^52988006^Lesion"
    for kind in ("primary", "node", "lesion"):
        assert len(term_for(kind).tag.split("~")) == 7
        assert kind_from_tag(term_for(kind).tag) == kind


@pytest.mark.parametrize("tag", ["", "nonsense", "a~b", "a~b~SCT^85756007^Tissue~^^~c~^^~^^"])
def test_a_foreign_term_is_an_unclassified_lesion(tag):
    assert kind_from_tag(tag) == "lesion"


def test_labels_names_kinds_and_colours_come_back(node, labels, result):
    image, segments = read_segmentation(node)
    assert arrays_equal(image, labels)
    assert Grid.of(image).same_as(Grid.of(labels), 1e-6)
    assert [(s.label, s.name, s.kind) for s in segments] == [
        (1, "Primary tumour", "primary"),
        (2, "Node 1", "node"),
    ]
    expected = colours(result.lesions)
    for segment in segments:
        assert segment.colour == pytest.approx(expected[segment.label])


def test_kinds_differ_in_colour_and_nodes_in_shade():
    kinds = ["primary", "node", "node", "node", "lesion"]
    lesions = [lesion(n, kind, kind, 5.0, NODE) for n, kind in enumerate(kinds, 1)]
    assert len(set(colours(lesions).values())) == len(kinds)


def test_the_reference_geometry_is_the_pets(application, pet, labels, result):
    volume = add_volume(application.scene, pet, "PET")
    node = add_segmentation(application.scene, labels, result.lesions, "Lesions", volume)
    role = node.GetReferenceImageGeometryReferenceRole()
    assert node.GetNodeReference(role) is volume
    image, _ = read_segmentation(node)
    assert Grid.of(image).same_as(Grid.of(pet), 1e-6)


def test_a_file_reads_back_identically(application, node, labels, tmp_path):
    path = tmp_path / "ségmentation.seg.nrrd"
    save_segmentation(node, path)
    again = application.scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    again.AddDefaultStorageNode()
    again.GetStorageNode().SetFileName(str(path))
    assert again.GetStorageNode().ReadData(again)
    image, segments = read_segmentation(again)
    assert arrays_equal(image, labels)
    assert Grid.of(image).same_as(Grid.of(labels), 1e-6)
    assert segments == read_segmentation(node)[1]
    for one in segments:
        tags = [
            which.GetSegmentation().GetSegment(one.id).GetTerminology() for which in (node, again)
        ]
        assert tags == [term_for(one.kind).tag] * 2


def test_any_reader_of_nrrd_sees_the_labels_on_the_pets_grid(node, labels, tmp_path):
    save_segmentation(node, tmp_path / "s.seg.nrrd")
    image = sitk.ReadImage(tmp_path / "s.seg.nrrd")
    assert arrays_equal(image, labels)
    assert Grid.of(image).same_as(Grid.of(labels), 1e-6)


def test_many_lesions_keep_their_numbers(application, tmp_path):
    array = np.zeros((30, 30, 30), np.uint16)
    numbers = [1, 2, 255, 256, 300]
    for n, label in enumerate(numbers):
        array[5 * n : 5 * n + 3, 3:9, 4:8] = label
    labels = grid_around(CENTRE, (30, 30, 30), (2.0, 3.0, 4.0), TURNED).image(array)
    lesions = [lesion(label, "lesion", f"Lesion {label}", 4.0, NODE) for label in numbers]
    node = add_segmentation(application.scene, labels, lesions, "Lesions")
    save_segmentation(node, tmp_path / "s.seg.nrrd")
    image, segments = read_segmentation(node)
    assert [segment.label for segment in segments] == numbers
    assert arrays_equal(image, labels)
    assert arrays_equal(sitk.ReadImage(tmp_path / "s.seg.nrrd"), labels)


def test_no_lesion_at_all_is_an_empty_segmentation_that_can_be_saved(application, labels, tmp_path):
    node = add_segmentation(application.scene, labels * 0, [], "Lesions")
    save_segmentation(node, tmp_path / "s.seg.nrrd")
    image, segments = read_segmentation(node)
    assert segments == []
    assert Grid.of(image).same_as(Grid.of(labels), 1e-6)
    assert not sitk.GetArrayFromImage(image).any()


def test_labels_and_lesions_must_agree(application, labels, result):
    with pytest.raises(InputError, match=r"labels \[1, 2\], but the lesions are \[1\]"):
        add_segmentation(application.scene, labels, result.lesions[:1], "Lesions")


def test_edits_are_read_painted_renamed_recoded_removed(node, labels):
    """What a clinician does in the Segment Editor: each kind of edit, on its own layer or not."""
    import slicer

    segmentation = node.GetSegmentation()
    node_segment = segmentation.GetSegment("lesion-2")
    node_segment.SetName("Level II left")
    node_segment.SetTerminology(term_for("primary").tag)

    painted = slicer.vtkOrientedImageData()  # a third lesion, on a label map of its own
    node.GetBinaryLabelmapRepresentation("lesion-1", painted)
    third = slicer.vtkSegment()
    third.SetName("Added")
    third.SetTerminology(term_for("node").tag)
    third.AddRepresentation(BINARY_LABELMAP, painted)
    third.SetLabelValue(1)  # on its own layer it may bear a number that is taken
    segmentation.AddSegment(third, "added")
    segmentation.RemoveSegment("lesion-1")

    image, segments = read_segmentation(node)
    assert [(s.name, s.kind) for s in segments] == [("Level II left", "primary"), ("Added", "node")]
    before, after = sitk.GetArrayFromImage(labels), sitk.GetArrayFromImage(image)
    assert np.array_equal(after == segments[0].label, before == 2)
    assert np.array_equal(after == segments[1].label, before == 1)


def test_layers_with_the_same_number_are_numbered_anew(node):
    import slicer

    segmentation = node.GetSegmentation()
    copy = slicer.vtkOrientedImageData()
    node.GetBinaryLabelmapRepresentation("lesion-2", copy)
    voxels_of(copy)[:] *= 2
    same = slicer.vtkSegment()
    same.AddRepresentation(BINARY_LABELMAP, copy)
    same.SetLabelValue(2)
    segmentation.AddSegment(same, "copy")
    image, segments = read_segmentation(node)
    assert [segment.label for segment in segments] == [1, 2, 3]
    # the copy covers lesion 2 wholly, and comes later
    assert set(np.unique(sitk.GetArrayFromImage(image))) == {0, 1, 3}


def test_a_segmentation_is_read_onto_another_grid(node, labels):
    finer = grid_around(CENTRE, (120, 120, 90), (1.8, 1.8, 1.8), TURNED)
    image, _ = read_segmentation(node, finer)
    expected = sitk.Resample(labels, finer.empty(), sitk.Transform(), sitk.sitkNearestNeighbor)
    found, wanted = sitk.GetArrayFromImage(image), sitk.GetArrayFromImage(expected)
    for label in (1, 2):
        both = ((found == label) & (wanted == label)).sum()
        dice = 2 * both / ((found == label).sum() + (wanted == label).sum())
        assert dice > 0.98


def test_without_a_reference_the_segments_own_extent_is_the_grid(node, labels):
    import slicer

    name = slicer.vtkSegmentationConverter.GetReferenceImageGeometryParameterName()
    node.GetSegmentation().SetConversionParameter(name, "")
    image, _ = read_segmentation(node)
    inside = sitk.Resample(image, labels, sitk.Transform(), sitk.sitkNearestNeighbor)
    assert arrays_equal(inside, labels)
    assert np.prod(image.GetSize()) < np.prod(labels.GetSize())


def test_a_segmentation_without_geometry_is_refused(application):
    node = application.scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "nothing")
    with pytest.raises(InputError, match="nothing is empty"):
        read_segmentation(node)
