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

    def __init__(self, nodes: NodeFilter, on_nodes: Callable, on_new_content: Callable):
        """``on_nodes`` and ``on_new_content``: methods of the widget, without arguments."""
        self._filter = nodes
        self._on_nodes, self._on_new_content = _weak(on_nodes), _weak(on_new_content)
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
            (kind.EndImportEvent, self._on_new_content, 0.0),
            (kind.EndCloseEvent, self._on_new_content, 0.0),
        ):
            self._scene_tags.append(scene.AddObserver(event, _without_arguments(call), priority))

    def follow_nodes(self) -> None:
        """Notice from now on when a node of the types is renamed, hidden or gets an attribute."""
        for index in range(self._scene.GetNumberOfNodes()):
            node = self._scene.GetNthNode(index)
            if node.GetID() not in self._node_tags and self._filter.may_accept(node):
                call = _without_arguments(self._nodes_changed)
                tag = node.AddObserver(vtk.vtkCommand.ModifiedEvent, call)
                self._node_tags[node.GetID()] = (node, tag)

    def forget_nodes(self) -> None:
        """No longer notice the nodes' changes."""
        for node, tag in self._node_tags.values():
            node.RemoveObserver(tag)
        self._node_tags = {}

    def _nodes_changed(self) -> None:
        if not self._scene.IsImporting() and not self._scene.IsClosing():
            self._on_nodes()


def _without_arguments(call: Callable) -> Callable:
    return lambda _caller, _event: call()


def _weak(method: Callable) -> Callable:
    found = weakref.WeakMethod(method)

    def call() -> None:
        method = found()
        if method is not None and shiboken6.isValid(method.__self__):
            method()

    return call
