"""Where results stand in the subject hierarchy: under their image's study, in a fixed order."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # pydantic is not there before the user agreed to install it
    from HNCLogic.job import Result

# What a node is to its case, as the attribute PART says; in the order in which they are listed.
PARTS = (
    "segmentation",
    "heatmap",
    "lesion_table",
    "window_table",
    "window_chart",
    "slice_table",
    "slice_chart",
    "text",
)
PART = "HNC.Part"
STUDY_NAME = "FDG PET (research use)"


def mark(node: Any, part: str) -> Any:
    """Say on a node which of ``PARTS`` it is."""
    if part not in PARTS:
        raise ValueError(f"no part of a case is called {part}")
    node.SetAttribute(PART, part)
    return node


def place_under_study_of(
    scene: Any, image_node: Any, nodes: Iterable[Any], name: str = STUDY_NAME
) -> int:
    """Put ``nodes`` into the study that the image belongs to; returns the study's item.

    A study that is there (of DICOM, say) is used as it is. Where there is none one called ``name``
    is made in the image's place, patient or folder, and the image moved into it. Results in the
    study stand after its images, in the order of ``PARTS``; nodes that are None are passed over.
    """
    tree = scene.GetSubjectHierarchyNode()
    study = study_of(tree, image_node, name)
    _add(tree, study, nodes)
    return study


def study_of(tree: Any, pet_node: Any, name: str = STUDY_NAME) -> int:
    """The study that an image belongs to; called ``name`` where it has to be made."""
    pet = tree.GetItemByDataNode(pet_node)
    if not pet:
        pet = tree.CreateItem(tree.GetSceneItemID(), pet_node)
    study = tree.GetItemAncestorAtLevel(pet, "Study")
    if study and tree.GetItemLevel(study) == "Study":
        return study
    study = tree.CreateStudyItem(tree.GetItemParent(pet), name)
    tree.SetItemParent(pet, study)
    return study


def make_study(tree: Any, name: str, images: Iterable[Any], nodes: Iterable[Any]) -> int:
    """A new study with its images, then its results in the order of ``PARTS``."""
    study = tree.CreateStudyItem(tree.GetSceneItemID(), name)
    for image in images:
        tree.CreateItem(study, image)
    _add(tree, study, nodes)
    return study


def note_result(tree: Any, study: int, result: Result) -> None:
    """Say on a study what its results are for, and how they were made."""
    tree.SetItemAttribute(study, "HNC.ResearchUse", result.research_use)
    if result.simulated:
        tree.SetItemAttribute(study, "HNC.Simulated", result.simulated)
    if result.provenance is not None:
        tree.SetItemAttribute(study, "HNC.Version", result.provenance.hnc_version)
        tree.SetItemAttribute(study, "HNC.Created", result.provenance.created)


def _add(tree: Any, study: int, nodes: Iterable[Any]) -> None:
    for node in nodes:
        if node is None:
            continue
        item = tree.GetItemByDataNode(node)
        if not item:
            tree.CreateItem(study, node)
        elif tree.GetItemParent(item) != study:
            tree.SetItemParent(item, study)
    _sort(tree, study)


def _sort(tree: Any, study: int) -> None:
    """Results to the study's end, in their order; all else stays where it is."""
    import vtk

    children = vtk.vtkIdList()
    tree.GetItemChildren(study, children)
    results = []
    for n in range(children.GetNumberOfIds()):
        item = children.GetId(n)
        node = tree.GetItemDataNode(item)
        part = node.GetAttribute(PART) if node is not None else None
        if part in PARTS:
            results.append((PARTS.index(part), n, item))
    first = children.GetNumberOfIds() - len(results)
    if [n for _, n, _ in sorted(results)] == list(range(first, children.GetNumberOfIds())):
        return
    for _, _, item in sorted(results):
        tree.MoveItem(item, 0)  # 0: no item to stand before, so to the end
