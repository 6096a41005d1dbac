"""A slice view of our own, to draw pictures with: the user's views stay where they are.

It is a real slice node with a real slice logic, so that a picture shows what a view would. Its
nodes are in the scene as long as it is open: never shown, never saved, gone after ``close``.
"""

from __future__ import annotations

from typing import Any

from HNCLogic.scene.application import Application

VIEW_GROUP = 7301  # of its own: no crosshair, link or slice intersection joins it with others


class OwnSliceView:
    """A slice view of ``pixels`` by ``pixels`` in a plane of the patient's: ``node`` (a
    vtkMRMLSliceNode), ``composite`` (its layers) and ``logic``.

    The patient's right is at the left, whatever the application's own views do. ``owner`` is a
    node of the scene in whose name it is there: the desktop makes no widget for such a view.
    """

    def __init__(self, application: Application, orientation: str, pixels: int, owner: Any):
        import slicer

        scene = self._scene = application.scene
        name = f"HNC picture {orientation}"
        node = scene.CreateNodeByClass("vtkMRMLSliceNode")
        node.UnRegister(None)  # what CreateNodeByClass gives is the caller's
        node.SetName(scene.GenerateUniqueName(name))
        node.SetLayoutName(node.GetName())
        node.SetLayoutLabel(orientation[0])
        node.SetViewGroup(VIEW_GROUP)
        node.SetSaveWithScene(False)
        node.SetAndObserveParentLayoutNodeID(owner.GetID())  # before it is added, which tells
        self.node = scene.AddNode(node)
        self.logic = slicer.vtkMRMLSliceLogic()
        self.logic.SetMRMLApplicationLogic(application.logic)
        self.logic.SetMRMLScene(scene)
        self.logic.SetSliceNode(self.node)
        self.composite = self.logic.GetSliceCompositeNode()
        self.composite.SetSaveWithScene(False)
        self.composite.SetLinkedControl(False)
        self.composite.SetDoPropagateVolumeSelection(False)
        _turn(self.node, orientation)
        self.logic.ResizeSliceNode(pixels, pixels)

    def close(self) -> None:
        """Take its nodes out of the scene, as far as they are still in it."""
        made = [
            self.logic.GetSliceModelNode(),
            self.logic.GetSliceModelDisplayNode(),
            self.logic.GetSliceModelTransformNode(),
            self.composite,
            self.node,
        ]
        self.logic.SetSliceNode(None)
        self.logic.SetMRMLScene(None)
        for one in made:
            if one is not None and self._scene.IsNodePresent(one):
                self._scene.RemoveNode(one)


def _turn(node: Any, orientation: str) -> None:
    """Set a slice node to a plane of the patient's, seen as radiologists do."""
    import slicer
    import vtk

    axes = vtk.vtkMatrix3x3()
    getattr(slicer.vtkMRMLSliceNode, f"Get{orientation}SliceToRASMatrix")(axes)
    matrix = node.GetSliceToRAS()
    for row in range(3):
        for column in range(3):
            matrix.SetElement(row, column, axes.GetElement(row, column))
    node.UpdateMatrices()
