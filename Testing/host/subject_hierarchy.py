"""What Slicer's Qt side does for the subject hierarchy: every node of data has an item."""

from __future__ import annotations

from typing import Any

import slicer
import vtk

SHOWN = (
    "vtkMRMLDisplayableNode",
    "vtkMRMLTableNode",
    "vtkMRMLTextNode",
    "vtkMRMLPlotChartNode",
    "vtkMRMLPlotSeriesNode",
    "vtkMRMLSequenceNode",
)


def follow(scene: Any) -> None:
    """Give an item to each node of data that comes, and take it away when the node goes.

    As in the desktop: an import brings its own items, and nodes left without get theirs at its
    end; while the scene closes nothing is taken away one by one.
    """
    hierarchy_class = slicer.vtkMRMLSubjectHierarchyNode

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def added(_scene: Any, _event: str, node: Any) -> None:
        if node.IsA("vtkMRMLSubjectHierarchyNode"):
            hierarchy_class.ResolveSubjectHierarchy(scene)
        elif not scene.IsImporting():
            _add_item(scene, node)

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def goes(_scene: Any, _event: str, node: Any) -> None:
        if scene.IsClosing() or node.IsA("vtkMRMLSubjectHierarchyNode"):
            return
        hierarchy = hierarchy_class.GetSubjectHierarchyNode(scene)
        if item := hierarchy.GetItemByDataNode(node):
            hierarchy.RemoveItem(item, False, False)

    def imported(*_event: Any) -> None:
        hierarchy_class.ResolveSubjectHierarchy(scene)
        for index in range(scene.GetNumberOfNodes()):
            _add_item(scene, scene.GetNthNode(index))

    scene.AddObserver(scene.NodeAddedEvent, added)
    scene.AddObserver(scene.NodeAboutToBeRemovedEvent, goes)
    scene.AddObserver(scene.EndImportEvent, imported)


def _add_item(scene: Any, node: Any) -> None:
    if node.GetHideFromEditors() or not any(node.IsA(name) for name in SHOWN):
        return
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    if not hierarchy.GetItemByDataNode(node):
        hierarchy.CreateItem(hierarchy.GetSceneItemID(), node)
