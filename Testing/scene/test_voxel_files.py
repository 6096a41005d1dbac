"""Nodes to plain files and back: every voxel, its exact place, whole or not at all."""

from __future__ import annotations

import os
import time

import numpy as np
import pytest
import SimpleITK as sitk
import vtk
from vtkmodules.util import numpy_support

from HNCLogic.errors import InputError
from HNCLogic.images import plain_nrrd
from HNCLogic.images.grid import Grid
from HNCLogic.images.plain_nrrd import read_header, write_plain
from HNCLogic.images.read import read_labels as read_labelled_file
from HNCLogic.in_steps import at_once
from HNCLogic.scene.segments import add_segmentation, read_segmentation
from HNCLogic.scene.volumes import add_volume, grid_of, image_of, voxels_of
from HNCLogic.scene.voxel_files import read_labels, read_node, write_node, write_segmentation
from Testing.scene.small_patient import FLIPPED, NODE, PRIMARY, TURNED, lesion

TYPES = [np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.float32, np.float64]
OBLIQUE = Grid((9, 8, 7), (0.7, 1.9, 3.1), (-11.3, 42.7, 180.1), tuple(TURNED.ravel()))
BACKWARDS = Grid((5, 11, 6), (4.07283, 4.07283, 3.0), (1e-7, -250.25, 7), tuple(FLIPPED.ravel()))


def values_on(grid: Grid, dtype=np.float32) -> np.ndarray:
    random = np.random.default_rng(3)
    if np.dtype(dtype).kind == "f":
        return random.normal(0, 1000, grid.size[::-1]).astype(dtype)
    limits = np.iinfo(dtype)
    return random.integers(limits.min, limits.max, grid.size[::-1], dtype, endpoint=True)


@pytest.fixture
def small_pieces(monkeypatch):
    """Files go in pieces of 128 bytes, which end within rows of voxels."""
    monkeypatch.setattr(plain_nrrd, "PIECE_BYTES", 128)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("grid", [OBLIQUE, BACKWARDS])
def test_there_and_back_every_value_and_place_is_the_same(
    application, tmp_path, grid, dtype, small_pieces
):
    values = values_on(grid, dtype)
    node = add_volume(application.scene, grid.image(values), "before")
    path = tmp_path / "CT.nrrd"
    shares = list(write_node(node, path))
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert len(shares) > 1
    read = sitk.ReadImage(str(path))  # as the child process does
    assert np.array_equal(sitk.GetArrayViewFromImage(read), values)
    assert sitk.GetArrayViewFromImage(read).dtype == dtype
    assert Grid.of(read).same_as(grid, 1e-9)

    back = at_once(read_node(application.scene, path, "after"))
    assert back.GetName() == "after"
    assert np.array_equal(voxels_of(back.GetImageData()), values)
    assert voxels_of(back.GetImageData()).dtype == dtype
    before, after = vtk.vtkMatrix4x4(), vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(before)
    back.GetIJKToRASMatrix(after)
    for i in range(4):
        for j in range(4):
            assert after.GetElement(i, j) == pytest.approx(before.GetElement(i, j), abs=1e-12)


def test_nan_and_infinity_survive(application, tmp_path):
    values = values_on(OBLIQUE)
    values[2, 3, 4], values[1, 1, 1] = np.nan, -np.inf
    node = add_volume(application.scene, OBLIQUE.image(values), "odd")
    at_once(write_node(node, tmp_path / "PET.nrrd"))
    back = at_once(read_node(application.scene, tmp_path / "PET.nrrd", "back"))
    assert np.array_equal(voxels_of(back.GetImageData()), values, equal_nan=True)
    assert voxels_of(back.GetImageData()).tobytes() == values.tobytes()


def transform_over(scene, node, matrix) -> None:
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    made = vtk.vtkMatrix4x4()
    made.DeepCopy(np.asarray(matrix, float).ravel())
    transform.SetMatrixTransformToParent(made)
    node.SetAndObserveTransformNodeID(transform.GetID())


MOVED = np.block([[TURNED @ TURNED, np.array([[5.0], [-8.0], [100.0]])], [np.eye(4)[3:]]])


def test_a_linear_transform_over_the_node_is_in_the_file(application, tmp_path):
    node = add_volume(application.scene, OBLIQUE.image(values_on(OBLIQUE)), "moved")
    transform_over(application.scene, node, MOVED)
    at_once(write_node(node, tmp_path / "T1.nrrd"))
    read = sitk.ReadImage(str(tmp_path / "T1.nrrd"))
    assert Grid.of(read).same_as(grid_of(node), 1e-9)
    assert not Grid.of(read).same_as(OBLIQUE, 1.0)


def test_what_cannot_be_handed_over_is_refused_and_no_file_is_left(application, tmp_path):
    scene = application.scene
    node = add_volume(scene, OBLIQUE.image(values_on(OBLIQUE)), "one")
    shear = np.eye(4)
    shear[0, 1] = 0.2
    transform_over(scene, node, shear)
    with pytest.raises(InputError, match="right angles"):
        at_once(write_node(node, tmp_path / "a.nrrd"))
    node.SetAndObserveTransformNodeID(
        scene.AddNewNodeByClass("vtkMRMLBSplineTransformNode").GetID()
    )
    transform = vtk.vtkThinPlateSplineTransform()
    node.GetParentTransformNode().SetAndObserveTransformToParent(transform)
    with pytest.raises(InputError, match="harden"):
        at_once(write_node(node, tmp_path / "b.nrrd"))
    empty = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "empty")
    with pytest.raises(InputError, match="empty"):
        at_once(write_node(empty, tmp_path / "c.nrrd"))
    colours = scene.AddNewNodeByClass("vtkMRMLVectorVolumeNode", "colours")
    data = vtk.vtkImageData()
    data.SetDimensions(3, 3, 3)
    data.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 3)
    colours.SetAndObserveImageData(data)
    with pytest.raises(InputError, match="one value a voxel"):
        at_once(write_node(colours, tmp_path / "d.nrrd"))
    assert list(tmp_path.iterdir()) == []


def test_writing_that_is_stopped_leaves_what_was_there(application, tmp_path, small_pieces):
    node = add_volume(application.scene, OBLIQUE.image(values_on(OBLIQUE)), "one")
    (tmp_path / "PET.nrrd").write_text("earlier")
    steps = write_node(node, tmp_path / "PET.nrrd")
    assert next(steps) < 1
    assert len(list(tmp_path.iterdir())) == 2
    steps.close()
    assert [path.name for path in tmp_path.iterdir()] == ["PET.nrrd"]
    assert (tmp_path / "PET.nrrd").read_text() == "earlier"


@pytest.mark.parametrize("how", ["voxels", "image", "place"])
def test_an_image_that_changes_while_it_is_written_is_refused(
    application, tmp_path, small_pieces, how
):
    node = add_volume(application.scene, OBLIQUE.image(values_on(OBLIQUE)), "one")
    steps = write_node(node, tmp_path / "PET.nrrd")
    next(steps)
    if how == "voxels":
        voxels_of(node.GetImageData())[:] = 0
        node.GetImageData().GetPointData().GetScalars().Modified()
    elif how == "image":
        node.SetAndObserveImageData(vtk.vtkImageData())
    else:
        node.SetOrigin(1, 2, 3)
    with pytest.raises(InputError, match="changed meanwhile"):
        at_once(steps)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs Linux's /dev/full")
def test_a_full_disk_is_said_and_leaves_nothing(application, tmp_path, monkeypatch):
    node = add_volume(application.scene, OBLIQUE.image(values_on(OBLIQUE)), "one")
    monkeypatch.setattr(
        "builtins.open", lambda path, mode: os.fdopen(os.open("/dev/full", 1), mode)
    )
    with pytest.raises(InputError, match="full; free some space"):
        at_once(write_node(node, tmp_path / "PET.nrrd"))
    assert list(tmp_path.iterdir()) == []


def test_a_node_is_added_only_when_all_is_read(application, tmp_path, small_pieces):
    write_plain(tmp_path / "PET.nrrd", OBLIQUE.image(values_on(OBLIQUE)))
    scene = application.scene
    count = scene.GetNumberOfNodes()
    steps = read_node(scene, tmp_path / "PET.nrrd", "PET", "vtkMRMLLabelMapVolumeNode")
    next(steps)
    steps.close()
    assert scene.GetNumberOfNodes() == count
    large = Grid((40, 40, 20), OBLIQUE.spacing, OBLIQUE.origin, OBLIQUE.direction)
    write_plain(tmp_path / "PET.nrrd", large.image(values_on(large)))
    with open(tmp_path / "PET.nrrd", "r+b") as file:
        steps = read_node(scene, tmp_path / "PET.nrrd", "PET")
        next(steps)
        file.truncate(50_000)
    with pytest.raises(InputError, match="cut short"):
        at_once(steps)
    assert scene.GetNumberOfNodes() == count


def hostile(text: str, old: str, new: str) -> str:
    assert old in text
    return text.replace(old, new)


HOSTILE = {
    "no NRRD": ("NRRD0004", "NRRD0099"),
    "another type": ("type: float", "type: block"),
    "two dimensions": ("dimension: 3", "dimension: 2"),
    "negative size": ("sizes: 9 8 7", "sizes: 9 -8 7"),
    "size zero": ("sizes: 9 8 7", "sizes: 9 0 7"),
    "more than there is": ("sizes: 9 8 7", "sizes: 9 8 8"),
    "less than there is": ("sizes: 9 8 7", "sizes: 9 8 6"),
    "terabytes": ("sizes: 9 8 7", "sizes: 99999 99999 99999"),
    "beyond counting": ("sizes: 9 8 7", "sizes: 9999999999 8 7"),
    "wider type": ("type: float", "type: double"),
    "data elsewhere": ("encoding: raw", "data file: /etc/passwd\nencoding: raw"),
    "packed": ("encoding: raw", "encoding: gzip"),
    "other end first": ("endian: little", "endian: big"),
    "another space": ("left-posterior-superior", "right-anterior-superior"),
    "a second size": ("sizes: 9 8 7", "sizes: 9 8 7\nsizes: 1 1 1"),
    "no number": ("space origin: (", "space origin: (nan"),
    "no direction": ("space directions: (", "space directions: (0.0,0.0,0.0) ("),
    "beyond all": ("space origin: (-11.3", "space origin: (1.0e+999"),
    "code": ("NRRD0004\n", "NRRD0004\n# __import__('os')\n"),
}


@pytest.mark.parametrize("fault", HOSTILE)
def test_a_hostile_header_is_refused_before_anything_is_allocated(
    application, tmp_path, fault, monkeypatch
):
    path = tmp_path / "PET.nrrd"
    write_plain(path, OBLIQUE.image(values_on(OBLIQUE)))
    header, _, voxels = path.read_bytes().partition(b"\n\n")
    changed = hostile(header.decode(), *HOSTILE[fault])
    path.write_bytes(changed.encode() + b"\n\n" + voxels)
    monkeypatch.setattr(numpy_support, "get_vtk_array_type", None)  # what is allocated needs it
    monkeypatch.setattr(np, "empty", None)
    for read in (read_node(application.scene, path, "PET"), read_labels(path)):
        with pytest.raises(InputError) as caught:
            at_once(read)
        assert str(path) in str(caught.value)


def sheared(header: str) -> str:
    before, _, rest = header.partition("space directions: ")
    _old, _, after = rest.partition("\n")
    return before + "space directions: (1.0,0.0,0.0) (0.5,1.0,0.0) (0.0,0.0,1.0)\n" + after


@pytest.mark.parametrize("content", [b"", b"\0" * 9000, b"NRRD0004\n", None])
def test_what_is_no_plain_nrrd_at_all_is_refused(tmp_path, content):
    path = tmp_path / "x.nrrd"
    if content is None:
        write_plain(path, OBLIQUE.image(values_on(OBLIQUE)))
        header, _, voxels = path.read_bytes().partition(b"\n\n")
        content = sheared(header.decode()).encode() + b"\n\n" + voxels
    path.write_bytes(content)
    with pytest.raises(InputError):
        read_header(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_header(tmp_path / "nowhere.nrrd")


def test_labels_come_cropped_and_lie_exactly_where_they_lay(
    application, tmp_path, labels, pet, small_pieces
):
    write_plain(tmp_path / "labels.nrrd", labels)
    cropped = at_once(read_labels(tmp_path / "labels.nrrd"))
    assert cropped.GetPixelID() == sitk.sitkUInt16
    assert np.prod(cropped.GetSize()) < 0.5 * np.prod(labels.GetSize())
    hot = np.argwhere(sitk.GetArrayViewFromImage(labels) > 0)
    low = np.maximum(hot.min(axis=0) - 1, 0)[::-1]
    high = np.minimum(hot.max(axis=0) + 2, labels.GetSize()[::-1])[::-1]
    expected = labels[tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))]
    assert Grid.of(cropped).same_as(Grid.of(expected), 1e-9)
    assert np.array_equal(sitk.GetArrayViewFromImage(cropped), sitk.GetArrayViewFromImage(expected))

    volume = add_volume(application.scene, pet, "PET")
    lesions = [lesion(1, "primary", "Primary", 14, PRIMARY), lesion(2, "node", "Node", 6, NODE)]
    node = add_segmentation(application.scene, cropped, lesions, "Lesions", volume)
    back, _segments = read_segmentation(node)
    assert Grid.of(back).same_as(Grid.of(labels), 1e-6)
    assert np.array_equal(sitk.GetArrayViewFromImage(back), sitk.GetArrayViewFromImage(labels))


@pytest.mark.parametrize("at", [(0, 0, 0), (6, 7, 8), (3, 0, 8)])
def test_a_label_at_the_images_edge_is_kept(tmp_path, at, small_pieces):
    array = np.zeros(OBLIQUE.size[::-1], np.uint16)
    array[at] = 3
    write_plain(tmp_path / "labels.nrrd", OBLIQUE.image(array))
    cropped = at_once(read_labels(tmp_path / "labels.nrrd"))
    values = sitk.GetArrayViewFromImage(cropped)
    (found,) = np.argwhere(values == 3)
    assert values.sum() == 3
    place = Grid.of(cropped).points([found[::-1]])[0]
    assert place == pytest.approx(OBLIQUE.points([at[::-1]])[0], abs=1e-9)


def test_labels_that_mark_nothing_are_one_voxel(tmp_path):
    write_plain(tmp_path / "labels.nrrd", OBLIQUE.empty(sitk.sitkUInt16))
    assert at_once(read_labels(tmp_path / "labels.nrrd")).GetSize() == (1, 1, 1)
    write_plain(tmp_path / "heat.nrrd", OBLIQUE.image(values_on(OBLIQUE)))
    with pytest.raises(InputError, match="whole numbers"):
        at_once(read_labels(tmp_path / "heat.nrrd"))


@pytest.mark.parametrize("moved", [False, True])
def test_a_segmentation_is_handed_over_with_the_kinds_of_its_lesions(
    application, tmp_path, labels, pet, moved
):
    scene = application.scene
    volume = add_volume(scene, pet, "PET")
    lesions = [
        lesion(1, "node", "Somebody's node", 14, PRIMARY),
        lesion(2, "primary", "T", 6, NODE),
    ]
    node = add_segmentation(scene, labels, lesions, "Lesions", volume)
    if moved:
        for one in (volume, node):
            transform_over(scene, one, MOVED)
    path = tmp_path / "mask.nrrd"
    at_once(write_segmentation(node, path, grid_of(volume)))
    read = read_labelled_file(path, grid_of(volume))
    assert np.array_equal(
        sitk.GetArrayViewFromImage(read.labels), sitk.GetArrayViewFromImage(labels)
    )
    assert "^14799000^" in read.tags[1]
    assert "^86049000^" in read.tags[2]
    assert b"Somebody" not in path.read_bytes()
    at_once(write_segmentation(node, path))
    own = read_labelled_file(path)
    assert Grid.of(own.labels).same_as(grid_of(volume), 1e-6)


def test_no_step_of_a_large_image_takes_longer_than_a_frame(application, tmp_path):
    grid = Grid((256, 256, 200), (1.0, 1.0, 2.0), (0.0, 0.0, 0.0), tuple(TURNED.ravel()))
    values = np.zeros(grid.size[::-1], np.float32)
    values[50:90, 100:160, 100:160] = 1
    node = add_volume(application.scene, grid.image(values), "large")
    as_labels = grid.image(values.astype(np.uint16))
    write_plain(tmp_path / "labels.nrrd", as_labels)
    for steps in (
        write_node(node, tmp_path / "PET.nrrd"),
        read_node(application.scene, tmp_path / "PET.nrrd", "back"),
        read_labels(tmp_path / "labels.nrrd"),
    ):
        took = []
        began = time.thread_time()
        for _share in steps:
            took.append(time.thread_time() - began)
            began = time.thread_time()
        assert len(took) >= 10
        assert sorted(took)[int(0.9 * len(took))] < 0.06
    back = application.scene.GetFirstNodeByName("back")
    assert np.array_equal(sitk.GetArrayFromImage(image_of(back)), values)
