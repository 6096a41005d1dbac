"""What Slicer's Qt side does for the subject hierarchy: every node of data gets an item."""

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


def follow(scene: Any) -> Any:
    """Give an item to each node of data that comes, as the desktop does; returns the observer.

    During an import the file's own items come with it; nodes without one get theirs at the end.
    """

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def added(_scene: Any, _event: str, node: Any) -> None:
        if not scene.IsBatchProcessing():
            _add_item(scene, node)

    def filled(*_event: Any) -> None:
        for index in range(scene.GetNumberOfNodes()):
            _add_item(scene, scene.GetNthNode(index))

    scene.AddObserver(scene.NodeAddedEvent, added)
    scene.AddObserver(scene.EndImportEvent, filled)
    scene.AddObserver(scene.EndBatchProcessEvent, filled)
    return added


def _add_item(scene: Any, node: Any) -> None:
    if node.GetHideFromEditors() or not any(node.IsA(name) for name in SHOWN):
        return
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    if not hierarchy.GetItemByDataNode(node):
        hierarchy.CreateItem(hierarchy.GetSceneItemID(), node)
