"""Results stand under the PET's study, whatever loaded it, in one order."""

import pytest

from HNCLogic.scene.adopt import PARTS, mark, place_under_study_of
from HNCLogic.scene.volumes import add_volume


@pytest.fixture
def tree(application):
    return application.scene.GetSubjectHierarchyNode()


def children(tree, study):
    import vtk

    ids = vtk.vtkIdList()
    tree.GetItemChildren(study, ids)
    return [tree.GetItemName(ids.GetId(n)) for n in range(ids.GetNumberOfIds())]


def text(scene, name):
    return scene.AddNewNodeByClass("vtkMRMLTextNode", name)


def test_a_study_is_made_where_there_is_none(application, tree, pet):
    scene = application.scene
    node = add_volume(scene, pet, "PET")
    folder = tree.CreateFolderItem(tree.GetSceneItemID(), "Today")
    tree.CreateItem(folder, node)
    study = place_under_study_of(scene, node, [None, text(scene, "Answer")])
    assert tree.GetItemLevel(study) == "Study"
    assert tree.GetItemParent(study) == folder
    assert children(tree, study) == ["PET", "Answer"]
    assert place_under_study_of(scene, node, [text(scene, "More")]) == study
    assert children(tree, study) == ["PET", "Answer", "More"]


def test_a_dicom_study_is_used_as_it_is(application, tree, pet, ct):
    """Patient, study and series as the DICOM module makes them; the CT comes with the PET."""
    scene = application.scene
    patient = tree.CreateSubjectItem(tree.GetSceneItemID(), "Patient")
    study = tree.CreateStudyItem(patient, "PET/CT")
    tree.SetItemUID(study, "DICOM", "1.2.3")
    volumes = [add_volume(scene, image, name) for image, name in ((pet, "PET"), (ct, "CT"))]
    for volume in volumes:
        tree.CreateItem(study, volume)
    assert place_under_study_of(scene, volumes[0], [text(scene, "Answer")]) == study
    assert children(tree, study) == ["PET", "CT", "Answer"]
    assert tree.GetItemName(study) == "PET/CT"
    assert tree.GetItemUID(study, "DICOM") == "1.2.3"


def test_results_are_in_one_order_however_they_came(application, tree, pet):
    scene = application.scene
    node = add_volume(scene, pet, "PET")
    for part in ("text", "window_chart", "heatmap"):
        study = place_under_study_of(scene, node, [mark(text(scene, part), part)])
    other = text(scene, "my own notes")
    place_under_study_of(scene, node, [other])
    rest = [part for part in PARTS if part not in ("text", "window_chart", "heatmap")]
    place_under_study_of(scene, node, [mark(text(scene, part), part) for part in reversed(rest)])
    assert children(tree, study) == ["PET", "my own notes", *PARTS]


def test_an_unknown_part_is_refused(application):
    with pytest.raises(ValueError, match="nonsense"):
        mark(text(application.scene, "x"), "nonsense")
