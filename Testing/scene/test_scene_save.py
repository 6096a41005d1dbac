"""What is saved is whole, opens again as it was, and says nothing on the console."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from HNCLogic.images.grid import Grid
from HNCLogic.job import Result
from HNCLogic.scene.application import SLICE_VIEWS, start
from HNCLogic.scene.build import build
from HNCLogic.scene.layers import HEAT_LAYER
from HNCLogic.scene.save import (
    check_nrrd,
    load_scene,
    save_heat_map,
    save_scene,
    save_segmentation,
)
from HNCLogic.scene.segments import read_segmentation
from HNCLogic.scene.volumes import image_of

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def reloaded(application, content, tmp_path):
    """The case as built, and the scene read back into another application."""
    nodes = build(application, content)
    path = tmp_path / "scène 1.mrb"
    save_scene(application, path)
    assert os.listdir(tmp_path) == [path.name]  # nothing else is left beside it
    again = start()
    load_scene(again, path)
    return nodes, again, path


def same_named(scene, node):
    found = scene.GetFirstNode(node.GetName(), node.GetClassName())
    assert found is not None, f"{node.GetClassName()} {node.GetName()} is gone"
    return found


def test_volumes_reload_with_voxels_places_and_display(reloaded):
    nodes, again, _ = reloaded
    for node in (*nodes.volumes.values(), nodes.heatmap):
        other = same_named(again.scene, node)
        before, after = image_of(node), image_of(other)
        assert Grid.of(after).same_as(Grid.of(before), 1e-6)
        assert after.GetPixelID() == before.GetPixelID()
        assert np.array_equal(sitk.GetArrayFromImage(after), sitk.GetArrayFromImage(before))
        shown, kept = node.GetScalarVolumeDisplayNode(), other.GetScalarVolumeDisplayNode()
        for what in (
            "GetWindow",
            "GetLevel",
            "GetAutoWindowLevel",
            "GetApplyThreshold",
            "GetLowerThreshold",
        ):
            assert getattr(kept, what)() == pytest.approx(getattr(shown, what)()), what
        assert kept.GetColorNode().GetName() == shown.GetColorNode().GetName()
        table, kept_table = (one.GetColorNode().GetLookupTable() for one in (shown, kept))
        for index in (0, 60, 130, 255):
            assert kept_table.GetTableValue(index) == pytest.approx(
                table.GetTableValue(index), abs=1 / 255
            )
    pet = same_named(again.scene, nodes.volumes["PET"])
    assert pet.GetVoxelValueUnits().GetCodeValue() == "{SUVbw}g/ml"
    assert pet.GetNumberOfDisplayNodes() == 2  # with its legend
    assert pet.GetNthDisplayNode(1).GetTitleText() == "SUVbw (g/ml)"


def test_segments_reload_identically(reloaded):
    nodes, again, _ = reloaded
    other = same_named(again.scene, nodes.segmentation)
    (before, segments), (after, kept) = (
        read_segmentation(nodes.segmentation),
        read_segmentation(other),
    )
    assert kept == segments
    assert Grid.of(after).same_as(Grid.of(before), 1e-6)
    assert np.array_equal(sitk.GetArrayFromImage(after), sitk.GetArrayFromImage(before))
    for one in segments:
        terms = [
            node.GetSegmentation().GetSegment(one.id).GetTerminology()
            for node in (nodes.segmentation, other)
        ]
        assert terms[0] == terms[1]
    role = other.GetReferenceImageGeometryReferenceRole()
    assert other.GetNodeReference(role).GetName() == "PET (SUVbw)"
    assert not other.GetDisplayNode().GetVisibility2DFill()


def test_tables_reload_with_their_types(reloaded):
    nodes, again, _ = reloaded
    for node in (nodes.lesion_table, nodes.window_table, nodes.slice_table):
        before, after = node.GetTable(), same_named(again.scene, node).GetTable()
        assert after.GetNumberOfColumns() == before.GetNumberOfColumns()
        for i in range(before.GetNumberOfColumns()):
            one, other = before.GetColumn(i), after.GetColumn(i)
            assert other.GetName() == one.GetName()
            assert other.GetDataType() == one.GetDataType()
            values = [[a.GetValue(n) for n in range(a.GetNumberOfValues())] for a in (one, other)]
            if isinstance(values[0][0], str):
                assert values[0] == values[1]
            else:
                assert values[1] == pytest.approx(values[0], rel=1e-12, nan_ok=True)


def test_charts_reload_with_their_series(reloaded):
    nodes, again, _ = reloaded
    for chart in (nodes.window_chart, nodes.slice_chart):
        other = same_named(again.scene, chart)
        assert other.GetTitle() == chart.GetTitle()
        assert other.GetNumberOfPlotSeriesNodes() == chart.GetNumberOfPlotSeriesNodes() == 2
        for n in range(2):
            one, kept = chart.GetNthPlotSeriesNode(n), other.GetNthPlotSeriesNode(n)
            assert kept.GetYColumnName() == one.GetYColumnName()
            assert kept.GetTableNode().GetName() == one.GetTableNode().GetName()
            assert kept.GetColor() == pytest.approx(one.GetColor())


def test_views_reload_with_layers_opacity_and_place(reloaded):
    nodes, again, _ = reloaded
    for view in SLICE_VIEWS:
        before = nodes.application.slice_logic(view).GetSliceCompositeNode()
        after = again.slice_logic(view).GetSliceCompositeNode()
        names = ["CT", "PET (SUVbw)", None, "Heat map (Grad-CAM)"]
        for layer, name in enumerate(names):
            volume = after.GetNthLayerVolume(layer)
            assert (volume.GetName() if volume else None) == name
        assert after.GetForegroundOpacity() == pytest.approx(before.GetForegroundOpacity())
        assert after.GetNthLayerOpacity(HEAT_LAYER) == pytest.approx(0.6)
        assert after.GetClipToBackgroundVolume()
        nodes_of_slices = [
            app.slice_logic(view).GetSliceNode() for app in (nodes.application, again)
        ]
        here, there = (
            [one.GetSliceToRAS().GetElement(i, j) for i in range(3) for j in range(4)]
            for one in nodes_of_slices
        )
        assert there == pytest.approx(here, abs=1e-4)


def test_study_and_result_reload(reloaded):
    nodes, again, _ = reloaded
    text = same_named(again.scene, nodes.text).GetText()
    assert Result.model_validate_json(text) == nodes.content.result
    tree = again.scene.GetSubjectHierarchyNode()
    pet = tree.GetItemByDataNode(same_named(again.scene, nodes.volumes["PET"]))
    study = tree.GetItemParent(pet)
    assert tree.GetItemAttribute(study, "HNC.ResearchUse") == nodes.content.result.research_use
    assert tree.GetItemParent(tree.GetItemByDataNode(same_named(again.scene, nodes.text))) == study


def test_the_bundle_names_no_place_on_this_machine(reloaded, tmp_path):
    _, _, path = reloaded
    with zipfile.ZipFile(path) as bundle:
        assert bundle.testzip() is None
        words = [n for n in bundle.namelist() if n.endswith((".mrml", ".txt", ".tsv", ".csv"))]
        assert any(name.endswith(".mrml") for name in words)
        for name in words:
            text = bundle.read(name).decode()
            assert str(tmp_path) not in text
            assert "/tmp" not in text


def test_saving_again_replaces_the_old_bundle(reloaded):
    nodes, _, path = reloaded
    before = path.stat().st_size
    nodes.volumes["CT"].GetImageData().GetPointData().GetScalars().Fill(0.0)
    save_scene(nodes.application, path)
    assert path.stat().st_size < before


def test_a_heat_map_file_reads_back(heat, tmp_path):
    save_heat_map(heat, tmp_path / "heatmap.nrrd")
    back = sitk.ReadImage(tmp_path / "heatmap.nrrd")
    assert Grid.of(back).same_as(Grid.of(heat), 1e-6)
    assert np.array_equal(sitk.GetArrayFromImage(back), sitk.GetArrayFromImage(heat))


def test_every_file_says_what_it_is_for_and_what_it_comes_from(application, content, tmp_path):
    content.result = content.result.model_copy(
        update={"delineation_trained_on": "Sarcomas,\nand a back\\slash: größer"}
    )
    nodes = build(application, content)
    path = tmp_path / "s.seg.nrrd"
    save_segmentation(nodes.segmentation, path)
    save_heat_map(content.heatmap, tmp_path / "heatmap.nrrd", content.result)
    assert sorted(os.listdir(tmp_path)) == ["heatmap.nrrd", "s.seg.nrrd"]
    simulated = {"HNC_Simulated": "A simulated patient"}
    use = {"HNC_ResearchUse": "Research use only. Not for clinical use."}
    trained = {
        "heatmap.nrrd": "simulated patients",
        path.name: "Sarcomas, and a back\\slash: größer",
    }
    for name, words in trained.items():
        image = sitk.ReadImage(tmp_path / name)
        said = {k: image.GetMetaData(k) for k in image.GetMetaDataKeys() if k.startswith("HNC_")}
        assert said == use | simulated | {"HNC_TrainedOn": words}
    assert "HNC_ResearchUse" not in content.heatmap.GetMetaDataKeys()
    again = start().scene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    again.AddDefaultStorageNode()
    again.GetStorageNode().SetFileName(str(path))
    assert again.GetStorageNode().ReadData(again)
    labels, segments = read_segmentation(again)
    before, kept = read_segmentation(nodes.segmentation)
    assert segments == kept
    assert Grid.of(labels).same_as(Grid.of(before), 1e-6)
    assert np.array_equal(sitk.GetArrayFromImage(labels), sitk.GetArrayFromImage(before))


def test_a_file_without_a_result_says_at_least_that_it_is_for_research(heat, tmp_path):
    save_heat_map(heat, tmp_path / "h.nrrd")
    assert "Research use" in sitk.ReadImage(tmp_path / "h.nrrd").GetMetaData("HNC_ResearchUse")


def test_a_file_cut_short_is_noticed(heat, tmp_path):
    path = tmp_path / "heatmap.nrrd"
    for packed in (True, False):
        sitk.WriteImage(heat, path, useCompression=packed)
        check_nrrd(path, path)
        whole = path.read_bytes()
        for keep in (len(whole) - 1, len(whole) // 2, 10, 0):
            path.write_bytes(whole[:keep])
            with pytest.raises(OSError, match=r"not be written whole|heatmap\.nrrd"):
                check_nrrd(path, path)


WITH_A_LIMIT = """
import resource, sys
from pathlib import Path
import numpy as np, SimpleITK as sitk
from HNCLogic.scene.application import start
from HNCLogic.scene.save import save_heat_map, save_scene, save_segmentation
from HNCLogic.scene.segments import add_segmentation
from HNCLogic.scene.volumes import add_volume
sys.path.insert(0, sys.argv[3])
from Testing.scene.small_patient import lesion
out = Path(sys.argv[2])
noise = np.random.default_rng(0).random((40, 50, 60)).astype(np.float32)
image = sitk.GetImageFromArray(noise)
app = start()
add_volume(app.scene, image, "PET")
labels = (sitk.GetImageFromArray((noise * 60000).astype(np.uint16)) > 30000)
node = add_segmentation(app.scene, labels, [lesion(1, "lesion", "it", 3.0, (0, 0, 0))], "Lesions")
jobs = {
    "scene": lambda: save_scene(app, out / "scene.mrb"),
    "segmentation": lambda: save_segmentation(node, out / "s.seg.nrrd"),
    "heatmap": lambda: save_heat_map(image, out / "heatmap.nrrd"),
}
resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))
try:
    jobs[sys.argv[1]]()
except OSError as error:
    print(error.errno, error.filename)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of files")
@pytest.mark.parametrize("what", ["scene", "segmentation", "heatmap"])
def test_a_disk_that_fills_up_is_an_error_in_the_systems_words(what, tmp_path):
    """The limit on file sizes stands in for a full disk: writes stop half-way, as there."""
    import errno

    done = subprocess.run(
        [sys.executable, "-c", WITH_A_LIMIT, what, str(tmp_path), str(REPOSITORY)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    number, _, name = done.stdout.strip().partition(" ")
    assert int(number) == errno.EFBIG
    assert Path(name).parent == tmp_path
    assert done.stderr == ""
    if what == "scene":
        assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("what", ["scene", "segmentation", "heatmap"])
def test_a_folder_that_is_not_there_is_an_error(what, application, content, tmp_path):
    nodes = build(application, content)
    nowhere = tmp_path / "no" / "such"
    jobs = {
        "scene": lambda: save_scene(application, nowhere / "scene.mrb"),
        "segmentation": lambda: save_segmentation(nodes.segmentation, nowhere / "s.seg.nrrd"),
        "heatmap": lambda: save_heat_map(content.heatmap, nowhere / "heatmap.nrrd"),
    }
    with pytest.raises(FileNotFoundError):
        jobs[what]()
    assert os.listdir(tmp_path) == []


def test_a_bundle_that_is_none_or_cut_short_is_an_error(reloaded, tmp_path):
    _, again, path = reloaded
    here = os.getcwd()
    (tmp_path / "text.mrb").write_text("not a bundle")
    with pytest.raises(OSError, match="no Slicer bundle"):
        load_scene(again, tmp_path / "text.mrb")
    hollow = tmp_path / "hollow.mrb"
    with zipfile.ZipFile(path) as whole, zipfile.ZipFile(hollow, "w") as less:
        for name in whole.namelist():
            if not name.endswith("CT.nrrd"):
                less.writestr(name, whole.read(name))
    with pytest.raises(OSError, match="cannot be read"):
        load_scene(again, hollow)
    assert os.getcwd() == here


def test_nothing_is_said_on_the_console(content, tmp_path, capfd):
    from HNCLogic.scene.views import render_views

    application = start()
    nodes = build(application, content)
    save_segmentation(nodes.segmentation, tmp_path / "s.seg.nrrd")
    save_segmentation(nodes.segmentation, tmp_path / "s.seg.nrrd")
    render_views(nodes, tmp_path)
    save_scene(application, tmp_path / "scene.mrb", tmp_path / "axial.png")
    load_scene(start(), tmp_path / "scene.mrb")
    said = capfd.readouterr()
    assert (said.out, said.err) == ("", "")


def test_real_patient_reloads(shared_data, tmp_path):
    """STS_002: real PET and CT on different grids, a real contour."""
    folder = shared_data / "sts_petctmr" / "STS_002"
    pet = sitk.ReadImage(folder / "PET_image.nii.gz", sitk.sitkFloat32)
    ct = sitk.ReadImage(folder / "CT_image.nii.gz", sitk.sitkFloat32)
    mask = sitk.ReadImage(folder / "PET_mask.nii.gz", sitk.sitkUInt8) > 0

    from HNCLogic.job import Result
    from HNCLogic.scene.build import SceneContent
    from Testing.scene.small_patient import lesion

    one = lesion(1, "lesion", "Sarcoma", 10.0, (-80.0, -120.0, -560.0))
    result = Result(task="measure", research_use="Research use only.", lesions=[one])
    application = start()
    nodes = build(application, SceneContent({"PET": pet, "CT": ct}, result, labels=mask))
    save_scene(application, tmp_path / "scene.mrb")
    again = start()
    load_scene(again, tmp_path / "scene.mrb")
    for role, image in (("PET (SUVbw)", pet), ("CT", ct)):
        back = image_of(again.scene.GetFirstNode(role, "vtkMRMLScalarVolumeNode"))
        assert np.array_equal(sitk.GetArrayFromImage(back), sitk.GetArrayFromImage(image))
        assert Grid.of(back).same_as(Grid.of(image), 1e-6)
    labels, _ = read_segmentation(same_named(again.scene, nodes.segmentation))
    assert np.array_equal(sitk.GetArrayFromImage(labels), sitk.GetArrayFromImage(mask))
