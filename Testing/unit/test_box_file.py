"""A box about a tumour from files: Slicer's own markups ROIs, and masks on any grid."""

import json

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.spatial.transform import Rotation

from HNCLogic.errors import InputError
from HNCLogic.images.box_file import read_box
from HNCLogic.images.grid import Grid
from HNCLogic.methods.box_slices import other_side


@pytest.fixture
def roi_in_slicer(tmp_path):
    """Writes an ROI as Slicer does; gives its path and its bounds as Slicer knows them, RAS."""
    slicer = pytest.importorskip("slicer")
    import vtk

    def write(turn, ras_in_file):
        node = slicer.vtkMRMLMarkupsROINode()
        node.SetSize(30.0, 20.0, 46.0)
        matrix = vtk.vtkMatrix4x4()
        for row in range(3):
            for column in range(3):
                matrix.SetElement(row, column, turn[row, column])
            matrix.SetElement(row, 3, (-48.0, 12.0, -590.0)[row])
        node.SetAndObserveObjectToNodeMatrix(matrix)
        storage = slicer.vtkMRMLMarkupsROIJsonStorageNode()
        storage.UseRASOn() if ras_in_file else storage.UseLPSOn()
        path = tmp_path / "ROI.mrk.json"
        storage.SetFileName(str(path))
        assert storage.WriteData(node)
        bounds = [0.0] * 6
        node.GetRASBounds(bounds)
        return path, bounds

    return write


@pytest.mark.parametrize("ras_in_file", [False, True])
@pytest.mark.parametrize("degrees", [(0, 0, 0), (20, -10, 35)])
def test_an_roi_as_slicer_saves_it(roi_in_slicer, degrees, ras_in_file):
    turn = Rotation.from_euler("xyz", degrees, degrees=True).as_matrix()
    path, bounds = roi_in_slicer(turn, ras_in_file)
    box, words, warnings = read_box(path)
    assert other_side(box) == pytest.approx(bounds, abs=1e-3)
    assert (words, warnings) == ("markups ROI", [])


@pytest.mark.parametrize("flips", [(1, 1, 1), (-1, -1, 1), (1, -1, -1)])
def test_a_mask_gives_the_box_that_holds_its_voxels(tmp_path, flips):
    turn = Rotation.from_euler("xyz", [11, -7, 25], degrees=True).as_matrix() @ np.diag(flips)
    grid = Grid((20, 24, 12), (1.5, 2.0, 4.0), (30.0, -50.0, -600.0), tuple(turn.ravel().tolist()))
    marked = np.zeros((12, 24, 20), np.uint8)
    marked[3, 5, 7] = marked[6, 9, 8] = 1
    path = tmp_path / "tumour.nrrd"
    sitk.WriteImage(grid.image(marked), str(path))
    box, words, warnings = read_box(path)
    ends = [(-0.5, 0.5)] * 3
    corners = np.array([(x, y, z) for x in ends[0] for y in ends[1] for z in ends[2]])
    points = grid.points(np.concatenate([corners + np.array(at) for at in ((7, 5, 3), (8, 9, 6))]))
    expected = np.stack([points.min(axis=0), points.max(axis=0)], axis=1).ravel()
    assert box == pytest.approx(expected, abs=1e-3)
    assert (words, warnings) == ("mask", [])
    marked[6, 9, 8] = 2
    sitk.WriteImage(grid.image(marked), str(path))
    again, _, warnings = read_box(path)
    assert again == box
    assert "2 segments" in warnings[0]


def test_what_is_no_box_is_refused_in_one_line(tmp_path):
    roi = {"type": "ROI", "coordinateSystem": "LPS", "center": [1, 2, 3], "size": [4, 5, 6]}
    path = tmp_path / "roi.mrk.json"
    wrong = [
        "no json",
        "[]",
        json.dumps({"markups": [{"type": "Fiducial"}]}),
        json.dumps({"markups": [roi, roi]}),
        json.dumps({"markups": [roi | {"size": [4, 5, 0]}]}),
        json.dumps({"markups": [roi | {"center": None}]}),
        json.dumps({"markups": [roi | {"coordinateSystem": "IJK"}]}),
    ]
    for text in wrong:
        path.write_text(text)
        with pytest.raises(InputError, match="is not a markups ROI as Slicer saves it") as refused:
            read_box(path)
        assert "\n" not in str(refused.value)
    path.write_text(json.dumps({"markups": [roi]}))
    assert read_box(path)[0] == (-1, 3, -0.5, 4.5, 0, 6)
    empty = tmp_path / "empty.nrrd"
    sitk.WriteImage(sitk.Image([4, 4, 4], sitk.sitkUInt8), str(empty))
    with pytest.raises(InputError, match="marks nothing"):
        read_box(empty)
    with pytest.raises(InputError, match="does not exist"):
        read_box(tmp_path / "none.mrk.json")
