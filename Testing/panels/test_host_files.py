"""The stand-in for Slicer: scenes and nodes from and to files, packages, DICOM, sample data."""

import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "unit"))


def test_a_scene_is_saved_closed_and_loaded(host, small_patient, tmp_path):
    import slicer

    array = slicer.util.arrayFromVolume(small_patient.pet_node).copy()
    matrix = slicer.util.arrayFromVTKMatrix(_ijk_to_ras(small_patient.pet_node))
    path = tmp_path / "case.mrb"
    host.save_scene(path)
    assert zipfile.is_zipfile(path)
    host.close_scene()
    assert slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode") == []
    seen = []
    tag = host.scene.AddObserver(host.scene.EndImportEvent, lambda *_: seen.append("imported"))
    host.load_scene(path)
    host.scene.RemoveObserver(tag)
    assert seen == ["imported"]
    pet = slicer.util.getNode("PET SUVbw")
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(pet), array)
    np.testing.assert_allclose(slicer.util.arrayFromVTKMatrix(_ijk_to_ras(pet)), matrix)
    composite = host.app.layoutManager().sliceWidget("Red").mrmlSliceCompositeNode()
    assert composite.GetForegroundVolumeID() == pet.GetID()


def test_what_cannot_be_read_is_an_error(host, tmp_path):
    import slicer

    broken = tmp_path / "broken.nrrd"
    broken.write_bytes(b"NRRD0004\nno header")
    for read, path in (
        (slicer.util.loadVolume, tmp_path / "none.nrrd"),
        (slicer.util.loadVolume, broken),
        (slicer.util.loadSegmentation, tmp_path / "none.seg.nrrd"),
    ):
        with pytest.raises(RuntimeError, match=path.name):
            read(str(path), {})
    (tmp_path / "broken.mrb").write_bytes(b"no bundle")
    with pytest.raises(RuntimeError, match=r"broken\.mrb"):
        host.load_scene(tmp_path / "broken.mrb")
    with pytest.raises(NotImplementedError, match="speed"):
        slicer.util.loadVolume(str(broken), {"speed": 3})


def test_volumes_segmentations_and_tables_go_to_files_and_back(host, small_patient, tmp_path):
    import slicer

    pet = small_patient.pet_node
    file = tmp_path / "pet.nrrd"
    assert slicer.util.saveNode(pet, str(file), {})
    again = slicer.util.loadVolume(str(file), {"name": "again", "show": False})
    assert again.GetName() == "again"
    np.testing.assert_array_equal(
        slicer.util.arrayFromVolume(again), slicer.util.arrayFromVolume(pet)
    )

    segmentation = host.scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Lesions")
    segmentation.CreateDefaultDisplayNodes()
    segmentation.SetReferenceImageGeometryParameterFromVolumeNode(pet)
    segment = segmentation.GetSegmentation().AddEmptySegment("", "Lesion")
    mask = (slicer.util.arrayFromVolume(pet) > 8).astype(np.uint8)
    slicer.util.updateSegmentBinaryLabelmapFromArray(mask, segmentation, segment, pet)
    file = tmp_path / "lesions.seg.nrrd"
    assert slicer.util.saveNode(segmentation, str(file), {})
    read = slicer.util.loadSegmentation(str(file), {})
    segment = read.GetSegmentation().GetNthSegmentID(0)
    found = slicer.util.arrayFromSegmentBinaryLabelmap(read, segment, pet)
    np.testing.assert_array_equal(found, mask)

    table = host.scene.AddNewNodeByClass("vtkMRMLTableNode", "Measures")
    slicer.util.updateTableFromArray(table, [np.array([1.5, 2.5])], ["mtv_ml"])
    file = tmp_path / "measures.csv"
    assert slicer.util.saveNode(table, str(file), {})
    read = slicer.util.loadNodeFromFile(str(file), None, {})
    assert list(slicer.util.arrayFromTableColumn(read, "mtv_ml")) == [1.5, 2.5]


def test_the_subject_hierarchy_is_real(host, small_patient):
    import slicer

    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    item = hierarchy.GetItemByDataNode(small_patient.pet_node)
    assert item
    hierarchy.SetItemAttribute(item, "DICOM.Modality", "PT")
    assert hierarchy.GetItemAttribute(item, "DICOM.Modality") == "PT"
    study = hierarchy.CreateStudyItem(hierarchy.GetSceneItemID(), "Study")
    hierarchy.SetItemParent(item, study)
    assert slicer.util.getSubjectHierarchyItemChildren(study) == [item]
    host.scene.RemoveNode(small_patient.pet_node)
    assert slicer.util.getSubjectHierarchyItemChildren(study) == []


def test_submodules_are_there_once_they_are_imported(host):
    script = """
from Testing.host import desktop
desktop.start()
import slicer
assert not hasattr(slicer, "packaging")
import slicer.packaging
print(slicer.packaging.pip_check("numpy"))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60
    )
    assert (done.stdout.strip(), done.returncode) == ("True", 0), done.stderr


def test_packages_are_asked_for_and_recorded(host, tmp_path):
    import slicer
    import slicer.packaging

    file = tmp_path / "requirements.txt"
    file.write_text("# what an answer needs\nnumpy>=1.20\n\nnosuchpackage>=2\n--pre\n")
    wanted = slicer.packaging.load_requirements(file)
    assert [str(each) for each in wanted] == ["numpy>=1.20", "nosuchpackage>=2"]
    slicer.packaging.pip_ensure("numpy", requester="HNC")
    assert host.packages.installed == []

    host.answers.append(False)
    with pytest.raises(RuntimeError, match="declined"):
        slicer.packaging.pip_ensure(wanted, requester="HNC")
    host.answers.append(True)
    slicer.packaging.pip_ensure(wanted, requester="HNC")
    assert host.packages.installed == ["nosuchpackage>=2"]
    assert host.packages.requests == ["HNC"]

    host.packages.missing.add("numpy")
    host.packages.failure = "no network"
    with pytest.raises(subprocess.CalledProcessError):
        slicer.packaging.pip_ensure("numpy", requester="HNC", prompt_install=False)


def test_the_pytorch_extension_is_there_only_when_added(host):
    import slicer

    assert not hasattr(slicer.modules, "pytorchutils")
    extension = host.add_pytorch_extension()
    assert hasattr(slicer.modules, "pytorchutils")
    import PyTorchUtils

    host.packages.missing.add("torch")
    logic = PyTorchUtils.PyTorchUtilsLogic()
    assert not logic.torchInstalled()
    extension.declined = True
    assert logic.installTorch(torchVersionRequirement=">=2.5") is None
    extension.declined = False
    assert logic.installTorch(torchVersionRequirement=">=2.5") is not None
    assert logic.torchInstalled()
    assert host.packages.installed == ["torch>=2.5"]
    extension.failure = "no disk"
    with pytest.raises(RuntimeError, match="no disk"):
        logic.installTorch()
    host.fresh()
    assert "PyTorchUtils" not in sys.modules


def test_dicom_files_are_found_by_instance_and_series(host, tmp_path):
    import slicer
    from dicom_writer import write_series

    stored = np.arange(3 * 4 * 5, dtype=np.int16).reshape(3, 4, 5)
    files = write_series(tmp_path / "pet", stored)
    (tmp_path / "notes.txt").write_text("no DICOM")
    host.open_dicom_database(tmp_path)
    database = slicer.dicomDatabase
    assert database.isOpen
    series = database.seriesForFile(str(files[0]))
    assert sorted(database.filesForSeries(series)) == sorted(str(file) for file in files)
    instance = database.instanceForFile(str(files[0]))
    assert database.fileForInstance(instance) == str(files[0])
    assert database.instanceValue(instance, "0008,0060") == "PT"
    assert database.fileValue(str(files[0]), "0008,103E") != ""
    assert database.fileValue(str(files[0]), "0028,0030").count("\\") == 1
    assert database.fileValue(str(files[0]), "0099,0001") == ""
    assert database.fileForInstance("1.2.3") == ""


def _ijk_to_ras(node):
    import vtk

    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    return matrix
