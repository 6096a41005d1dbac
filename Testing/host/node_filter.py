"""Which of the scene's nodes a qMRMLNodeComboBox shows, what it calls them, how it makes one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any


@dataclass
class NodeFilter:
    """The rules of qMRMLSortFilterProxyModel that panels use; without types every node passes."""

    types: list[str] = field(default_factory=list)
    hidden: bool = False  # show nodes that are hidden from editors
    subclasses: bool = True  # show classes that derive from the types
    not_subclasses: list[str] = field(default_factory=list)
    attributes: dict[str, tuple[str, str | None]] = field(default_factory=dict)  # by node type

    def accepts(self, node: Any) -> bool:
        """Whether a node is shown."""
        if node.GetID() is None or (node.GetHideFromEditors() and not self.hidden):
            return False
        if not self.types:
            return True
        for kind in self.types:
            if not node.IsA(kind) or not (self.subclasses or node.GetClassName() == kind):
                continue
            if self.subclasses and any(node.IsA(other) for other in self.not_subclasses):
                return False
            return self._has_attribute(node, kind)
        return False

    def _has_attribute(self, node: Any, kind: str) -> bool:
        if kind not in self.attributes:
            return True
        name, wanted = self.attributes[kind]
        value = node.GetAttribute(name)
        return value is not None and wanted in (None, value)

    def may_accept(self, node: Any) -> bool:
        """Whether a node is of a type that is shown, so that its changes matter."""
        return not self.types or any(node.IsA(kind) for kind in self.types)

    def nodes(self, scene: Any) -> list[Any]:
        """The nodes shown, in the scene's order."""
        if scene is None:
            return []
        everything = (scene.GetNthNode(index) for index in range(scene.GetNumberOfNodes()))
        return [node for node in everything if self.accepts(node)]


def type_label(scene: Any, node_type: str) -> str:
    """The words for a type of node: "Volume", "Segmentation" …; "node" where there are none."""
    if scene is None or not node_type:
        return "node"
    return scene.GetTypeDisplayNameByClassName(node_type) or "node"


def make_node(
    scene: Any, node_type: str, base_name: str | None, attributes: Iterable[tuple[str, str | None]]
) -> Any:
    """A new node of that type in the scene, with the attributes that make it be shown."""
    node = scene.CreateNodeByClass(node_type)
    node.UnRegister(None)
    name = base_name or node.GetName() or node.GetDefaultNodeNamePrefix()
    node.SetName(scene.GetUniqueNameByString(name))
    for name, value in attributes:
        node.SetAttribute(name, value or "")
    return scene.AddNode(node)


def actions(
    scene: Any, types: list[str], add: bool, remove: bool, rename: bool
) -> list[tuple[str, str]]:
    """What can be done below the nodes: the words, and rename, create:TYPE or delete."""
    label = type_label(scene, types[0] if len(types) == 1 else "")
    found = [(f"Rename current {label}", "rename")] if rename else []
    for each in types if add else ():
        found.append((f"Create new {type_label(scene, each)}", f"create:{each}"))
    if remove:
        found.append((f"Delete current {label}", "delete"))
    return found
