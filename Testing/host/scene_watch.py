"""What a selector notices of the scene: nodes that come, go or change, and a new content.

As Slicer's own scene model, it looks away while a scene is imported, when ids and references are
not yet what they will be, and while it is closed; then ``on_new_content`` is called.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import shiboken6
import slicer
import vtk

from Testing.host.node_filter import NodeFilter


class SceneWatch:
    """Observes a scene for a widget; neither keeps the widget alive nor outlives it."""

    def __init__(
        self, nodes: NodeFilter, on_nodes: Callable, on_node: Callable, on_new_content: Callable
    ):
        """Methods of the widget: ``on_node`` takes the node that changed, the others nothing."""
        self._filter = nodes
        self._on_nodes, self._on_new_content = _weak(on_nodes), _weak(on_new_content)
        self._on_node = _weak(on_node)
        self._scene: Any = None
        self._scene_tags: list[int] = []
        self._node_tags: dict[str, tuple[Any, int]] = {}

    def watch(self, scene: Any) -> None:
        """Observe this scene and no other; None: none."""
        for tag in self._scene_tags:
            self._scene.RemoveObserver(tag)
        self.forget_nodes()
        self._scene, self._scene_tags = scene, []
        if scene is None:
            return
        kind = slicer.vtkMRMLScene
        for event, call, priority in (
            (kind.NodeAddedEvent, self._nodes_changed, 10.0),
            (kind.NodeRemovedEvent, self._nodes_changed, 10.0),
            (kind.EndImportEvent, _without_arguments(self._on_new_content), 0.0),
            (kind.EndCloseEvent, _without_arguments(self._on_new_content), 0.0),
        ):
            self._scene_tags.append(scene.AddObserver(event, call, priority))

    def follow_nodes(self) -> None:
        """Notice from now on when a node of the types is renamed, hidden or gets an attribute."""
        for index in range(self._scene.GetNumberOfNodes()):
            node = self._scene.GetNthNode(index)
            if node.GetID() not in self._node_tags and self._filter.may_accept(node):
                tag = node.AddObserver(vtk.vtkCommand.ModifiedEvent, self._node_changed)
                self._node_tags[node.GetID()] = (node, tag)

    def forget_nodes(self) -> None:
        """No longer notice the nodes' changes."""
        for node, tag in self._node_tags.values():
            node.RemoveObserver(tag)
        self._node_tags = {}

    def _looks_away(self) -> bool:
        return self._scene.IsImporting() or self._scene.IsClosing()

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _nodes_changed(self, _scene: Any, _event: str, node: Any) -> None:
        if not self._looks_away() and self._filter.may_accept(node):
            self._on_nodes()

    def _node_changed(self, node: Any, _event: str) -> None:
        if not self._looks_away():
            self._on_node(node)


def _without_arguments(call: Callable) -> Callable:
    return lambda _caller, _event: call()


def _weak(method: Callable) -> Callable:
    found = weakref.WeakMethod(method)

    def call(*arguments: Any) -> None:
        method = found()
        if method is not None and shiboken6.isValid(method.__self__):
            method(*arguments)

    return call
