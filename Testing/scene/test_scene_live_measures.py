"""Measures follow the edits: the numbers of a whole label image, and only what changed anew."""

import time

import numpy as np
import pytest
import SimpleITK as sitk

from HNCLogic.errors import InputError
from HNCLogic.images.grid import Grid
from HNCLogic.in_steps import at_once
from HNCLogic.lesions import measures
from HNCLogic.lesions.measures import measure
from HNCLogic.scene.edits import LesionEdits
from HNCLogic.scene.live_measures import remeasure
from HNCLogic.scene.segment_voxels import BINARY_LABELMAP, piece, write_piece
from HNCLogic.scene.segments import add_segmentation, read_segmentation
from HNCLogic.scene.tables import add_lesion_table, lesion_columns, set_columns
from HNCLogic.scene.volumes import add_volume, grid_of, image_of, voxels_of, vtk_matrix
from Testing.scene.small_patient import (
    CENTRE,
    NODE,
    PRIMARY,
    TURNED,
    distance,
    grid_around,
    lesion,
    positions,
)

ONE, TWO = "lesion-1", "lesion-2"


@pytest.fixture
def pet_node(application, pet):
    return add_volume(application.scene, pet, "PET")


@pytest.fixture
def node(application, pet_node, labels, result):
    return add_segmentation(application.scene, labels, result.lesions, "Lesions", pet_node)


@pytest.fixture
def measured_labels(monkeypatch):
    """The labels of the lesions that are really measured, in their order."""
    seen = []
    original = measures.measure_lesion

    def spy(*given, **named):
        seen.append(named["label"])
        return original(*given, **named)

    monkeypatch.setattr(measures, "measure_lesion", spy)
    return seen


def assert_as_from_the_label_image(node, pet_node, measured):
    """Every number, to the last digit, as ``measure`` has it of ``read_segmentation``."""
    image, segments = read_segmentation(node, grid_of(pet_node))
    lesions, totals = measure(image_of(pet_node), image, {s.label: s.kind for s in segments})
    expected = {}
    for each in lesions:
        (segment,) = [s for s in segments if s.label == each.label]
        expected[segment.id] = each.model_copy(update={"name": segment.name})
    found = {one: each for one, each in measured.by_segment.items() if hasattr(each, "label")}
    assert found == expected
    assert measured.totals == totals
    assert list(measured.by_segment) == [s.id for s in segments]
    assert measured.lesions == list(found.values())


def paint(node, one, inside, low=(0, 0, 0)):
    write_piece(node, one, piece(inside, low))


def test_numbers_are_those_of_measure(node, pet_node, pet):
    measured = at_once(remeasure(node, pet_node, {}))
    assert_as_from_the_label_image(node, pet_node, measured)
    assert [lesion.name for lesion in measured.lesions] == ["Primary tumour", "Node 1"]
    assert measured.lesions[0].suv_max == pytest.approx(14.0, abs=1e-3)


def test_only_what_changed_is_measured_again(node, pet_node, pet, labels, measured_labels):
    known = {}
    at_once(remeasure(node, pet_node, known))
    assert measured_labels == [1, 2]
    at_once(remeasure(node, pet_node, known))
    assert measured_labels == [1, 2]
    inside = sitk.GetArrayFromImage(labels) == 2
    inside[:, :, ::2] = False
    paint(node, TWO, inside)  # both lie in one label map: it changes under both
    measured = at_once(remeasure(node, pet_node, known))
    assert measured_labels == [1, 2, 2]
    measured_labels.clear()
    assert_as_from_the_label_image(node, pet_node, measured)


def test_names_kinds_and_order_are_those_of_the_segments(node, pet_node, measured_labels):
    known = {}
    at_once(remeasure(node, pet_node, known))
    edits = LesionEdits(node)
    edits.set_kind([TWO], "primary")
    node.GetSegmentation().GetSegment(ONE).SetName("Base of tongue")
    node.GetSegmentation().GetSegment(ONE).SetTerminology("a~b~SCT^85756007^Tissue~^^~c~^^~^^")
    node.GetSegmentation().SetSegmentIndex(TWO, 0)
    measured = at_once(remeasure(node, pet_node, known))
    assert [(each.name, each.kind) for each in measured.lesions] == [
        ("Primary 2", "primary"),
        ("Base of tongue", "lesion"),
    ]
    assert {t.group: t.count for t in measured.totals} == {"primary": 1, "nodes": 0, "all": 2}
    assert measured_labels == [1, 2]


def test_edits_and_their_undo(node, pet_node, pet, measured_labels):
    known, edits = {}, LesionEdits(node)
    first = at_once(remeasure(node, pet_node, known))
    edits.delete([TWO])
    after = at_once(remeasure(node, pet_node, known))
    assert list(after.by_segment) == [ONE]
    assert {t.group: t.count for t in after.totals} == {"primary": 1, "nodes": 0, "all": 1}
    edits.undo()
    assert at_once(remeasure(node, pet_node, known)) == first
    edits.merge([ONE, TWO])
    merged = at_once(remeasure(node, pet_node, known))
    assert_as_from_the_label_image(node, pet_node, merged)
    edits.undo()
    assert at_once(remeasure(node, pet_node, known)) == first
    assert measured_labels.count(1) <= 4


def test_a_changed_pet_is_measured_again(node, pet_node, pet, measured_labels):
    known = {}
    before = at_once(remeasure(node, pet_node, known))
    voxels_of(pet_node.GetImageData())[:] *= 2
    pet_node.GetImageData().GetPointData().GetScalars().Modified()
    pet_node.GetImageData().Modified()
    after = at_once(remeasure(node, pet_node, known))
    assert measured_labels == [1, 2, 1, 2]
    for a, b in zip(before.lesions, after.lesions, strict=True):
        assert b.suv_mean == pytest.approx(2 * a.suv_mean)


def test_an_empty_segment_is_listed_with_nothing(application, node, pet_node, pet):
    empty = node.GetSegmentation().AddEmptySegment("", "To be painted")
    paint(node, TWO, np.zeros((2, 2, 2), bool))
    measured = at_once(remeasure(node, pet_node, {}))
    assert list(measured.by_segment) == [ONE, TWO, empty]
    assert [each.mtv_ml for each in measured.by_segment.values()][1:] == [0.0, 0.0]
    assert [each.name for each in measured.by_segment.values()][1:] == ["Node 1", "To be painted"]
    assert len(measured.lesions) == 1
    assert {t.group: t.count for t in measured.totals} == {"primary": 1, "nodes": 0, "all": 1}

    table = add_lesion_table(application.scene, [], [])
    set_columns(table, lesion_columns(list(measured.by_segment.items()), measured.totals))
    rows = table.GetTable()
    assert rows.GetNumberOfRows() == 6
    assert rows.GetValueByName(2, "Lesion").ToString() == "To be painted"
    assert rows.GetValueByName(2, "MTV (ml)").ToDouble() == 0.0
    assert np.isnan(rows.GetValueByName(2, "SUVmax (g/ml)").ToDouble())
    assert rows.GetValueByName(2, "Segment").ToString() == empty


def test_no_segment_at_all(application, pet_node, labels):
    node = add_segmentation(application.scene, labels * 0, [], "Lesions", pet_node)
    measured = at_once(remeasure(node, pet_node, {}))
    assert measured.lesions == []
    assert measured.by_segment == {}
    assert [t.count for t in measured.totals] == [0, 0, 0]


def test_overlap_belongs_to_the_later_segment(node, pet_node, pet, labels, measured_labels):
    """And an earlier one is measured again when a later one gives its voxels free."""
    known = {}
    first = at_once(remeasure(node, pet_node, known))
    array = sitk.GetArrayFromImage(labels)
    over = (array == 2) | ((array == 1) & (np.arange(array.shape[2]) % 2 == 0))
    paint(node, TWO, over)
    assert node.GetSegmentation().GetNumberOfLayers() == 2
    measured = at_once(remeasure(node, pet_node, known))
    assert_as_from_the_label_image(node, pet_node, measured)
    assert measured.by_segment[ONE].mtv_ml < 0.7 * first.by_segment[ONE].mtv_ml
    paint(node, TWO, array == 2)
    again = at_once(remeasure(node, pet_node, known))
    assert {o: e.mtv_ml for o, e in again.by_segment.items()} == {
        o: e.mtv_ml for o, e in first.by_segment.items()
    }


def test_segments_on_other_voxels_are_taken_to_the_pets(application, pet_node, pet, result):
    """Finer, turned otherwise, and reaching beyond the PET."""
    grid = grid_around(CENTRE, (150, 150, 110), (1.9, 1.7, 2.3), TURNED)
    where = positions(grid)
    array = np.zeros(grid.size[::-1], np.uint16)
    array[distance(where, PRIMARY) < 12] = 1
    array[distance(where, NODE) < 9] = 2
    array[:, :, :3] = 2  # outside the PET
    node = add_segmentation(application.scene, grid.image(array), result.lesions, "Lesions")
    measured = at_once(remeasure(node, pet_node, {}))
    assert_as_from_the_label_image(node, pet_node, measured)
    expected = 4 / 3 * np.pi * 12**3 / 1000
    assert measured.by_segment[ONE].mtv_ml == pytest.approx(expected, rel=0.15)


def test_both_under_a_transform(application, node, pet_node, pet):
    import slicer

    matrix = np.eye(4)
    matrix[:3, 3] = 11.0, -7.0, 23.0
    transform = slicer.vtkMRMLLinearTransformNode()
    transform.SetMatrixTransformToParent(vtk_matrix(matrix))
    application.scene.AddNode(transform)
    before = at_once(remeasure(node, pet_node, {}))
    for each in (node, pet_node):
        each.SetAndObserveTransformNodeID(transform.GetID())
    after = at_once(remeasure(node, pet_node, {}))
    for a, b in zip(before.lesions, after.lesions, strict=True):
        assert b.mtv_ml == pytest.approx(a.mtv_ml)
        assert b.suv_peak == pytest.approx(a.suv_peak)
        assert b.suv_max_ras == pytest.approx(np.add(a.suv_max_ras, (11.0, -7.0, 23.0)))


def test_segments_that_came_as_surfaces(node, pet_node, labels):
    node.CreateClosedSurfaceRepresentation()
    segmentation = node.GetSegmentation()
    segmentation.SetSourceRepresentationName("Closed surface")
    segmentation.RemoveRepresentation(BINARY_LABELMAP)
    measured = at_once(remeasure(node, pet_node, {}))
    count = int((sitk.GetArrayViewFromImage(labels) == 1).sum())
    expected = count * Grid.of(labels).voxel_ml
    assert measured.by_segment[ONE].mtv_ml == pytest.approx(expected, rel=0.15)


def test_an_edit_while_it_measures_is_seen(node, pet_node, pet, labels):
    known = {}
    steps = remeasure(node, pet_node, known)
    for _ in range(4):
        next(steps)
    paint(node, TWO, (sitk.GetArrayFromImage(labels) == 2) & (np.arange(56) % 2 == 0))
    node.GetSegmentation().RemoveSegment(ONE)
    voxels_of(pet_node.GetImageData())[:] += 1
    pet_node.GetImageData().GetPointData().GetScalars().Modified()
    measured = at_once(steps)
    assert_as_from_the_label_image(node, pet_node, measured)
    assert list(measured.by_segment) == [TWO]


def test_numbers_that_are_none_are_refused(application, node, pet):
    bad = sitk.Image(pet)
    bad[3, 4, 5] = float("nan")
    with pytest.raises(InputError, match="not numbers"):
        at_once(remeasure(node, add_volume(application.scene, bad, "PET"), {}))


def test_a_whole_body_takes_short_steps(application):
    """200 x 200 x 300 voxels with a dozen lesions: no step blocks a panel."""
    grid = grid_around(CENTRE, (200, 200, 300), (4.07, 4.07, 3.0), TURNED)
    z, y, x = np.ogrid[:300, :200, :200]
    suv = np.where(((x - 100) / 45.0) ** 2 + ((y - 100) / 30.0) ** 2 < 1, 1.0, 0.0) + 0.0 * z
    labels = np.zeros(grid.size[::-1], np.uint16)
    for n in range(12):
        ball = (x - 70 - 5 * n) ** 2 + (y - 95) ** 2 + (1.3 * (z - 140 - 9 * n)) ** 2 < (
            2 + n % 4
        ) ** 2
        suv[ball] = 5.0 + n
        labels[ball] = n + 1
    pet_node = add_volume(application.scene, grid.image(suv.astype(np.float32)), "PET")
    lesions = [lesion(n, "node", f"Node {n}", 5.0, NODE) for n in range(1, 13)]
    node = add_segmentation(application.scene, grid.image(labels), lesions, "Lesions", pet_node)
    known: dict = {}
    at_once(remeasure(node, pet_node, {}))  # imports, tables made once
    took = _times(remeasure(node, pet_node, known))
    assert np.percentile(took, 95) < 0.1
    assert max(took) < 0.3  # 50 ms, where nothing else runs
    LesionEdits(node).delete(["lesion-5"])
    assert sum(_times(remeasure(node, pet_node, known))) < 1.0


def _times(steps) -> list[float]:
    took = []
    while True:
        begin = time.thread_time()  # of this thread alone: the machine may be busy
        try:
            next(steps)
        except StopIteration:
            return took
        finally:
            took.append(time.thread_time() - begin)
