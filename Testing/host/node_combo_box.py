"""qMRMLNodeComboBox: the selector of a node, on the real scene and a real combo box.

The rows are those of Slicer: "None" first where it is allowed, then the nodes, then what can be
done with them. A row that goes leaves its neighbour chosen, as Qt's combo box has it.
"""

from __future__ import annotations

from typing import Any

from PySide6 import QtWidgets
from PySide6.QtCore import Property, Qt, Signal

from Testing.host.node_filter import NodeFilter, actions, make_node, type_label
from Testing.host.qt_properties import stored
from Testing.host.scene_watch import SceneWatch

ROW = Qt.ItemDataRole.UserRole  # what a row is: NONE, ACTION and its name, or a node's id
NONE, ACTION = "none", "action:"


class qMRMLNodeComboBox(QtWidgets.QWidget):
    """The scene's nodes of some types, to choose one of them.

    Nodes that come while a scene is imported, and those that go while it is closed, are looked at
    when that is over; then the list is made anew, and no node is chosen.
    """

    currentNodeChanged = Signal(object)
    currentNodeIDChanged = Signal(str)
    nodeActivated = Signal(object)
    nodeAdded = Signal(object)
    nodeAddedByUser = Signal(object)
    nodeAddedByUserAction = Signal(object)
    currentNodeRenamed = Signal(str)
    cppSignals = {
        f"{name}(vtkMRMLNode*)": f"{name}(PyObject)"
        for name in (
            "currentNodeChanged",
            "nodeActivated",
            "nodeAdded",
            "nodeAddedByUser",
            "nodeAddedByUserAction",
        )
    }
    cppSlots = (
        "setMRMLScene(vtkMRMLScene*)",
        "setCurrentNode(vtkMRMLNode*)",
        "setCurrentNodeID(QString)",
        "setCurrentNodeIndex(int)",
        "addNode()",
        "removeCurrentNode()",
        "renameCurrentNode()",
    )

    def __init__(self, parent: QtWidgets.QWidget | None = None):
        super().__init__(parent)
        self._scene, self._requested = None, ""
        self._filter = NodeFilter()
        calls = self._update_rows, self._update_row, self._on_new_content
        self._watch = SceneWatch(self._filter, *calls)
        self._base_names: dict[str, str] = {}
        self._none, self._add, self._remove, self._rename = False, True, True, False
        self._select_created, self._none_words = True, "None"
        self._sent, self._quiet = ("", ""), False
        self._combo = QtWidgets.QComboBox(self)
        row = QtWidgets.QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._combo)
        policy = QtWidgets.QSizePolicy.Policy
        self.setSizePolicy(policy.Preferred, policy.Fixed)
        self._combo.setSizePolicy(policy.Expanding, policy.Expanding)
        self._combo.setMinimumContentsLength(8)
        self._combo.setFocusProxy(self)
        self._combo.currentIndexChanged.connect(self._on_current)
        self._combo.currentTextChanged.connect(self._on_current)
        self._combo.activated.connect(self._on_activated)
        self._combo.view().clicked.connect(self._on_clicked)
        self.setEnabled(False)

    # Properties

    def _set_types(self, types: list[str]) -> None:
        self._filter.types = [each for each in types if each]
        self._make_rows()

    def _set_none(self, enabled: bool) -> None:
        if enabled != self._none:
            self._none = enabled
            self._make_rows()

    def _get_base_name(self) -> str:
        return self._base_names.get(self._filter.types[0], "") if self._filter.types else ""

    def _set_base_name(self, name: str) -> None:
        if not self._filter.types:
            raise ValueError("Slicer forgets a selector's baseName that is set before nodeTypes")
        self._base_names.update(dict.fromkeys(self._filter.types, name))

    nodeTypes = Property("QStringList", lambda self: list(self._filter.types), _set_types)
    noneEnabled = Property(bool, lambda self: self._none, _set_none)
    addEnabled = stored(bool, "_add", "_make_rows")
    removeEnabled = stored(bool, "_remove", "_make_rows")
    renameEnabled = stored(bool, "_rename", "_make_rows")
    showHidden = stored(bool, "_filter.hidden", "_update_rows")
    showChildNodeTypes = stored(bool, "_filter.subclasses", "_update_rows")
    hideChildNodeTypes = stored("QStringList", "_filter.not_subclasses", "_update_rows")
    selectNodeUponCreation = stored(bool, "_select_created")
    noneDisplay = stored(str, "_none_words", "_make_rows")
    baseName = Property(str, _get_base_name, _set_base_name)

    def setCurrentNodeID(self, node_id: str | None) -> None:
        """Choose the node of that id; none where the list does not have it."""
        if self._scene is None:
            self._requested = node_id or ""
        row = self._row_of(node_id) if node_id else -1
        if row < 0:
            row = 0 if self._none and self._combo.count else -1
        self._combo.setCurrentIndex(row)

    currentNodeID = Property(
        str,
        lambda self: self._id_at(self._combo.currentIndex),
        setCurrentNodeID,
        notify=currentNodeIDChanged,
    )

    # What can be called

    def mrmlScene(self) -> Any:
        return self._scene

    def setMRMLScene(self, scene: Any) -> None:
        if scene is self._scene:
            return
        before = self.currentNodeID if self.nodeCount() else self._requested
        self._requested = ""
        self._quiet = True
        self._scene = scene
        self._watch.watch(scene)
        self._make_rows()
        self._quiet = False
        self.setCurrentNodeID(before)
        self._on_current()
        self.setEnabled(scene is not None)

    def addAttribute(self, node_type: str, name: str, value: Any = None) -> None:
        """Show only nodes of the type with that attribute; new nodes get it."""
        self._filter.attributes[node_type] = (name, None if value is None else str(value))
        self._update_rows()

    def removeAttribute(self, node_type: str, name: str) -> None:
        if self._filter.attributes.get(node_type, ("",))[0] == name:
            del self._filter.attributes[node_type]
            self._update_rows()

    def nodeCount(self) -> int:
        return sum(bool(self._id_at(row)) for row in range(self._combo.count))

    def nodeFromIndex(self, index: int) -> Any:
        return self._node_at(index + self._none)

    def currentNode(self) -> Any:
        return self._node_at(self._combo.currentIndex)

    def setCurrentNode(self, node: Any) -> None:
        """Choose a node; none where it is None or the list does not have it."""
        if isinstance(node, str):
            raise TypeError("setCurrentNode takes a node; an id goes to setCurrentNodeID")
        self.setCurrentNodeID(node.GetID() if node is not None else "")

    def setCurrentNodeIndex(self, index: int) -> None:
        index = -1 if index >= self.nodeCount() else index
        self._combo.setCurrentIndex(index + self._none)

    def addNode(self, node_type: str | None = None) -> Any:
        """Make a node of the first type, or of ``node_type``, and choose it."""
        node_type = node_type or self._filter.types[0]
        if node_type not in self._filter.types:
            raise ValueError(f"this selector has no nodes of the type {node_type}")
        base_name, attributes = self._base_names.get(node_type), self._filter.attributes.values()
        node = make_node(self._scene, node_type, base_name, attributes)
        if self._select_created:
            self.setCurrentNode(node)
        self.nodeAddedByUser.emit(node)
        return node

    def removeCurrentNode(self) -> None:
        self._scene.RemoveNode(self.currentNode())

    def renameCurrentNode(self) -> None:
        node = self.currentNode()
        if node is None:
            return
        from Testing.host.questions import answer

        name = answer(f"Rename {type_label(self._scene, node.GetClassName())}: New name:")
        if name:
            node.SetName(name)
            self.currentNodeRenamed.emit(name)

    # Rows

    def _data_at(self, row: int) -> str:
        return self._combo.itemData(row, ROW) or "" if row >= 0 else ""

    def _id_at(self, row: int) -> str:
        data = self._data_at(row)
        return "" if data == NONE or data.startswith(ACTION) else data

    def _node_at(self, row: int) -> Any:
        node_id = self._id_at(row)
        return self._scene.GetNodeByID(node_id) if node_id and self._scene is not None else None

    def _row_of(self, node_id: str) -> int:
        return self._combo.findData(node_id, ROW) if node_id else -1

    def _make_rows(self) -> None:
        """All rows anew; the chosen node stays where it is still shown."""
        chosen, quiet = self._id_at(self._combo.currentIndex), self._quiet
        self._quiet = True
        self._combo.clear()
        if self._scene is not None:
            if self._none:
                self._combo.addItem(self._none_words, NONE)
            for node in self._filter.nodes(self._scene):
                self._combo.addItem(node.GetName() or "", node.GetID())
            flags = self._add, self._remove, self._rename
            for words, action in actions(self._scene, self._filter.types, *flags):
                self._combo.addItem(words, ACTION + action)
                last = self._combo.model().item(self._combo.count - 1)
                last.setFlags(Qt.ItemFlag.ItemIsEnabled)  # to be done, not to be chosen
            self._watch.follow_nodes()
        label = type_label(self._scene, next(iter(self._filter.types), ""))
        self._combo.setPlaceholderText(f"Select a {label}")
        self._combo.setCurrentIndex(-1)
        self._quiet = quiet
        if self._scene is not None:
            self.setCurrentNodeID(chosen)
        self._on_current()

    def _update_rows(self) -> None:
        """Take out the rows of nodes that are no longer shown, and put in those that now are."""
        if self._scene is None:
            return
        nodes = self._filter.nodes(self._scene)
        ids = [node.GetID() for node in nodes]
        for row in reversed(range(self._combo.count)):
            if self._id_at(row) and self._id_at(row) not in ids:
                self._combo.removeItem(row)
        for place, node in enumerate(nodes, start=int(self._none)):
            if self._row_of(node.GetID()) < 0:
                self._combo.insertItem(place, node.GetName() or "", node.GetID())
                self.nodeAdded.emit(node)
        self._watch.follow_nodes()
        if not self._id_at(self._combo.currentIndex):
            self.setCurrentNodeID("")

    def _update_row(self, node: Any) -> None:
        row = self._row_of(node.GetID())
        if (row >= 0) != self._filter.accepts(node):
            self._update_rows()
        elif row >= 0 and self._combo.itemText(row) != (node.GetName() or ""):
            self._combo.setItemText(row, node.GetName() or "")

    def _on_current(self, *_change: Any) -> None:
        row = self._combo.currentIndex
        now = (self._id_at(row), self._combo.itemText(row))
        if self._quiet or now == self._sent:
            return
        if self._data_at(row).startswith(ACTION):  # where a removal has left the combo box
            self.setCurrentNodeIndex(self.nodeCount() - 1)
            return
        before, self._sent = self._sent, now
        if not now[0] and not before[0]:
            return
        self.currentNodeChanged.emit(self._node_at(row))
        self.currentNodeIDChanged.emit(now[0])

    def _on_activated(self, row: int) -> None:
        self.nodeActivated.emit(self._node_at(row))

    def _on_clicked(self, index: Any) -> None:
        data = self._data_at(index.row())
        if not data.startswith(ACTION):
            return
        self._combo.hidePopup()
        action, _, node_type = data.removeprefix(ACTION).partition(":")
        if action == "create":
            self.nodeAddedByUserAction.emit(self.addNode(node_type))
        elif action == "rename":
            self.renameCurrentNode()
        elif self.currentNode() is not None:
            self.removeCurrentNode()

    def _on_new_content(self) -> None:
        """The scene was imported or closed: the rows of old are gone, and so is the choice."""
        self._watch.forget_nodes()
        self.setCurrentNodeID("")
        self._make_rows()
