"""Which volume is the PET, the CT, the MRI: by modality, units, names, values; in doubt none."""

from __future__ import annotations

import numpy as np
import pytest

from HNCLogic.images.grid import Grid

SIZE = (20, 18, 16)


@pytest.fixture
def volume(host):
    """Adds a volume: ``volume("name", ct_values(), at=(x, y, z))``."""
    from HNCLogic.scene.volumes import add_volume

    def add(name, array=None, size=SIZE, at=(0.0, 0.0, 0.0)):
        if array is None:
            array = np.random.default_rng(4).random(size[::-1], dtype=np.float32) * 9
        grid = Grid(array.shape[::-1], (4.0, 4.0, 3.0), at, tuple(np.eye(3).ravel()))
        return add_volume(host.scene, grid.image(array), name)

    return add


def ct_values(size=SIZE) -> np.ndarray:
    array = np.full(size[::-1], 40, np.int16)
    array[:, :5] = -1000
    array[:, 5:6] = 900
    return array


def under_series(host, node, modality, patient=None):
    tree = host.scene.GetSubjectHierarchyNode()
    parent = tree.GetSceneItemID()
    if patient is not None:
        parent = tree.GetItemByName(patient) or tree.CreateSubjectItem(parent, patient)
    item = tree.GetItemByDataNode(node) or tree.CreateItem(parent, node)
    tree.SetItemParent(item, parent)
    if modality:
        tree.SetItemAttribute(item, "DICOM.Modality", modality)
    return node


def found(host, pet=None):
    from HNCLogic.panels.roles import roles_in_scene

    return {role: node.GetName() for role, node in roles_in_scene(host.scene, pet).items()}


def test_modality_is_believed_before_the_name(host, volume):
    under_series(host, volume("CT of the thorax"), "PT")
    under_series(host, volume("PET"), "MR")
    under_series(host, volume("T1", ct_values()), "CT")
    assert found(host) == {"PET": "CT of the thorax", "MR": "PET", "CT": "T1"}


@pytest.mark.parametrize("modality", ["NM", "US", "SEG", "RTDOSE"])
def test_another_modality_has_no_role_whatever_its_name(host, volume, modality):
    under_series(host, volume("PET"), modality)
    assert found(host) == {}


def test_a_folder_of_the_series_above_the_volume_says_its_modality(host, volume):
    node = volume("frame 1")
    tree = host.scene.GetSubjectHierarchyNode()
    folder = tree.CreateFolderItem(tree.GetSceneItemID(), "series")
    tree.SetItemAttribute(folder, "DICOM.Modality", "PT")
    tree.SetItemParent(tree.GetItemByDataNode(node), folder)
    assert found(host) == {"PET": "frame 1"}


def test_the_open_database_says_modality_and_units(host, volume, tmp_path):
    from HNCLogic.panels.roles import is_suv, pet_units
    from Testing.unit.dicom_writer import planes, write_series

    write_series(tmp_path / "pet", planes(), uid="1.2.3.4", description="WB 3D")
    host.open_dicom_database(tmp_path)
    node = volume("7: WB 3D")
    node.SetAttribute("DICOM.instanceUIDs", "1.2.3.4.1 1.2.3.4.2")
    assert found(host) == {"PET": "7: WB 3D"}
    assert (pet_units(node), is_suv(node)) == ("BQML", False)


@pytest.mark.parametrize(
    ("kind", "units", "suv"),
    [("BW", "SUVbw", True), ("", "SUVbw", True), ("LBM", "GML (LBM)", False)],
)
def test_a_scanners_suvs_are_suvbw_only_by_body_weight(host, volume, tmp_path, kind, units, suv):
    from HNCLogic.panels.roles import is_suv, pet_units
    from Testing.unit.dicom_writer import planes, write_series

    def as_suv(dataset, _index):
        dataset.Units = "GML"
        if kind:
            dataset.SUVType = kind

    write_series(tmp_path / "pet", planes(), uid="1.2.3.5", change=as_suv)
    host.open_dicom_database(tmp_path)
    node = volume("PET")
    node.SetAttribute("DICOM.instanceUIDs", "1.2.3.5.1")
    assert (pet_units(node), is_suv(node)) == (units, suv)


def test_units_are_believed_before_the_name(host, volume):
    from HNCLogic.panels.roles import is_suv
    from HNCLogic.scene.volumes import show_ct, show_pet

    show_pet(pet := volume("fused CT"))
    show_ct(volume("series 4", ct_values()))
    assert found(host) == {"PET": "fused CT", "CT": "series 4"}
    assert is_suv(pet)


def test_a_name_never_says_that_values_are_suv(host, volume):
    from HNCLogic.panels.roles import is_suv, pet_units

    node = volume("PET SUVbw")
    assert found(host) == {"PET": "PET SUVbw"}
    assert (pet_units(node), is_suv(node)) == ("", False)


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("CHUM-001__PT", "PET"),
        ("3: FDG WB", "PET"),
        ("SUV", "PET"),
        ("petite series", ""),
        ("t1_tse_tra+C", "MR"),
        ("PET-MR T1 dixon", "MR"),
        ("ADC", "MR"),
        ("Octopus", ""),
        ("PET mask", ""),
        ("CT seg", ""),
    ],
)
def test_whole_words_in_names(host, volume, name, role):
    volume(name)
    assert found(host) == ({role: name} if role else {})


def test_pet_ct_names_the_examination_and_the_values_decide(host, volume):
    volume("PET/CT neck 2.0", ct_values())
    volume("PET/CT neck 5.0")
    assert found(host) == {"CT": "PET/CT neck 2.0", "PET": "PET/CT neck 5.0"}


def test_by_values_alone_only_a_ct_is_known(host, volume):
    volume("image A", ct_values())
    volume("image B")
    assert found(host) == {"CT": "image A"}


def test_results_and_label_maps_have_no_role(host, volume):
    from HNCLogic.scene.adopt import mark
    from HNCLogic.scene.notes import note_on, notes

    note_on(volume("PET heat"), notes(None))
    mark(volume("CT heat"), "heatmap")
    labels = host.scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "CT")
    labels.SetAndObserveImageData(volume("x").GetImageData())
    host.scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "PET without voxels")
    volume("CT localizer", ct_values((20, 18, 1)))
    assert found(host) == {}


def test_the_ct_that_meets_the_pet_and_is_largest(host, volume):
    from HNCLogic.panels.roles import found_roles

    pet = volume("PET")
    volume("CT far", ct_values((40, 40, 40)), at=(5000.0, 0.0, 0.0))
    volume("CT small", ct_values((20, 18, 8)))
    volume("CT large", ct_values((30, 30, 20)))
    roles, doubtful = found_roles(host.scene)
    assert (roles["PET"], roles["CT"].GetName(), doubtful) == (pet, "CT large", {})


def test_two_that_fit_equally_well_are_left_to_the_user(host, volume):
    from HNCLogic.panels.roles import found_roles

    volume("PET")
    soft, lung = volume("CT soft", ct_values()), volume("CT lung", ct_values())
    roles, doubtful = found_roles(host.scene)
    assert set(roles) == {"PET"}
    assert doubtful == {"CT": [soft, lung]}


def test_a_converted_pet_is_taken_before_the_one_it_was_made_from(host, volume):
    from HNCLogic.panels.volume_facts import RECORD

    volume("PET")
    volume("PET SUVbw").SetAttribute(RECORD, '{"units_found": "BQML"}')
    volume("PET NAC", size=(40, 40, 40))
    assert found(host) == {"PET": "PET SUVbw"}


def test_images_of_another_patient_do_not_go_with_the_pet(host, volume):
    pet = under_series(host, volume("PET"), "PT", "A")
    under_series(host, volume("CT of B", ct_values((30, 30, 20))), "CT", "B")
    under_series(host, volume("CT of A", ct_values()), "CT", "A")
    assert found(host, pet)["CT"] == "CT of A"


@pytest.mark.parametrize(
    ("name", "sequence"),
    [
        ("t1_tse_tra", "T1"),
        ("T1w", "T1"),
        ("T1 VIBE Gd", "CE-T1"),
        ("t1gd", "CE-T1"),
        ("Ax T1 +C", "CE-T1"),
        ("T2 TSE", "T2"),
        ("DWI b0", "DWI-b0"),
        ("dwi_b1000", "DWI-b1000"),
        ("DWI b800", ""),
        ("DWI b0 b1000", ""),
        ("ADC map", "ADC"),
        ("T2 FLAIR", ""),
        ("STIR cor", ""),
        ("T1 T2 map", ""),
        ("MR head", ""),
    ],
)
def test_the_mr_sequence_by_its_name(host, volume, name, sequence):
    from HNCLogic.panels.roles import mr_sequence

    assert mr_sequence(volume(name)) == sequence


def test_a_t1_whose_header_names_an_agent_is_enhanced(host, volume, tmp_path):
    from HNCLogic.panels.roles import mr_sequence
    from Testing.unit.dicom_writer import planes, write_series

    def enhanced(dataset, _index):
        dataset.ContrastBolusAgent = "gadobutrol"

    write_series(tmp_path / "mr", planes(), modality="MR", uid="1.2.3.6", change=enhanced)
    host.open_dicom_database(tmp_path)
    node = volume("t1 tra")
    node.SetAttribute("DICOM.instanceUIDs", "1.2.3.6.1")
    assert mr_sequence(node) == "CE-T1"


def test_each_sequence_finds_its_volume_and_a_ct_with_contrast_goes_first(host, volume):
    from HNCLogic.panels.roles import volumes_by_role

    volume("PET-CT low dose CT", ct_values((30, 30, 30)))
    neck = volume("Neck CT +C", ct_values())
    t2, plain = volume("ax T2"), volume("ax T1")
    volume("DWI b0"), volume("DWI b0 again")
    names = ("CT", "T1", "T2", "CE-T1", "DWI-b0")
    roles, doubtful = volumes_by_role(host.scene, names)
    assert roles == {"CT": neck, "T2": t2, "T1": plain}
    assert [one.GetName() for one in doubtful["DWI-b0"]] == ["DWI b0", "DWI b0 again"]
