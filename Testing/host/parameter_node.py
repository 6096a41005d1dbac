"""slicer.parameterNodeWrapper: typed attributes that live in a vtkMRMLScriptedModuleNode.

The part of Slicer's that panels use, with the same texts in the node, so that a scene goes from
one to the other; what is not here raises. ``module()`` makes what panels import.
"""

from __future__ import annotations

import typing
from types import ModuleType
from typing import Any

import slicer.util
import vtk
from PySide6 import QtWidgets

from Testing.host import parameter_types
from Testing.host.parameter_types import Parameter
from Testing.host.parameter_widgets import Connector, connector

NAME_PROPERTY = "SlicerParameterName"
RESERVED = (
    *("allParameters", "default", "dataType", "getValue", "setValue"),
    *("connectGui", "connectParametersToGui", "disconnectGui"),
    *("StartModify", "EndModify", "AddObserver", "RemoveObserver", "Modified"),
)
OFFERED = (
    *("Choice", "Maximum", "Minimum", "Validator", "WithinRange"),
    *("Decimals", "Default", "SingleStep"),
)


def parameterNodeWrapper(described: type | None = None) -> Any:
    """Make a class of typed attributes into a wrapper of a parameter node.

    Raises TypeError for a type that is not kept, ValueError for a name that the wrapper needs.
    """
    if described is None:
        return parameterNodeWrapper
    hints = typing.get_type_hints(described, include_extras=True)
    taken = [name for name in RESERVED if name in hints or hasattr(described, name)]
    if taken:
        raise ValueError(f"a parameter node's wrapper needs the names {taken} itself")
    parameters = {name: Parameter(name, hint, described) for name, hint in hints.items()}
    described.allParameters = parameters
    for name in parameters:
        setattr(described, name, _property(name))
    for name, member in vars(_Wrapper).items():
        if name in RESERVED or name in ("__init__", "_gui_from_node", "_parameter"):
            setattr(described, name, member)
    described._is_parameter_node_wrapper = True
    return described


def isParameterNodeWrapper(tested: Any) -> bool:
    """Whether a class or object was made by ``parameterNodeWrapper``."""
    return getattr(tested, "_is_parameter_node_wrapper", False)


def _property(name: str) -> property:
    return property(
        lambda self: self.allParameters[name].read(self.parameterNode),
        lambda self, value: self.setValue(name, value),
    )


class _Wrapper:
    """The methods that a wrapper gets."""

    allParameters: dict[str, Parameter]

    def __init__(self, parameterNode: Any, prefix: str | None = None):
        if prefix:
            raise NotImplementedError("this stand-in keeps parameters without a prefix")
        self.parameterNode = parameterNode
        self._connected: dict[int, tuple[int, dict[str, Connector]]] = {}
        self._next_tag = 0
        self._updating_gui = False
        for parameter in self.allParameters.values():
            if not parameter.is_in(parameterNode):
                parameter.write(parameterNode, parameter.default.value)

    def _parameter(self, name: str) -> Parameter:
        if name not in self.allParameters:
            raise ValueError(
                f"Cannot find a param with the given name: {name}; there is "
                + ", ".join(self.allParameters)
            )
        return self.allParameters[name]

    def default(self, name: str) -> Any:
        return self._parameter(name).default

    @classmethod
    def dataType(cls, name: str) -> Any:
        if name not in cls.allParameters:
            raise ValueError(f"Cannot find a param with the given name: {name}")
        return cls.allParameters[name].unalteredType

    def getValue(self, name: str) -> Any:
        return self._parameter(name).read(self.parameterNode)

    def setValue(self, name: str, value: Any) -> None:
        parameter = self._parameter(name)
        with slicer.util.NodeModify(self.parameterNode):
            parameter.write(self.parameterNode, value)

    def connectGui(self, gui: Any) -> int:
        """Connect the widgets that name a parameter in SlicerParameterName; returns a tag.

        ``gui``: a widget with those in it, or what childWidgetVariables gave. Raises ValueError
        for an unknown parameter or one that two widgets name, RuntimeError for a misfit.
        """
        is_widget = getattr(gui, "isWidgetType", lambda: False)()
        widgets = gui.findChildren(QtWidgets.QWidget) if is_widget else vars(gui).values()
        named: dict[str, Any] = {}
        for widget in widgets:
            name = widget.property(NAME_PROPERTY)
            if name and named.setdefault(name, widget) is not widget:
                raise ValueError(f"two widgets are to show {name}; Slicer connects the last alone")
        return self.connectParametersToGui(named)

    def connectParametersToGui(self, mapping: dict[str, Any]) -> int:
        """Connect widgets by parameter name, each to show and to change it; returns a tag."""
        for name in mapping:
            self._parameter(name)
        made = {name: connector(widget, self._parameter(name)) for name, widget in mapping.items()}
        tag, self._next_tag = self._next_tag, self._next_tag + 1
        observer = self.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: self._gui_from_node())
        self._connected[tag] = (observer, made)
        for name, each in made.items():
            each.write(self.getValue(name))
            each.on_changed(_to_parameter(self, name, each))
        return tag

    def disconnectGui(self, tag: int) -> None:
        """Undo one connectGui."""
        if tag in self._connected:
            observer, made = self._connected.pop(tag)
            self.RemoveObserver(observer)
            for each in made.values():
                each.on_changed(None)

    def _gui_from_node(self) -> None:
        if self._updating_gui:
            return
        self._updating_gui = True
        try:
            with slicer.util.NodeModify(self):
                for _observer, made in list(self._connected.values()):
                    for name, each in made.items():
                        each.write(self.getValue(name))
        finally:
            self._updating_gui = False

    def StartModify(self) -> Any:
        return self.parameterNode.StartModify()

    def EndModify(self, wasModified: Any) -> Any:
        return self.parameterNode.EndModify(wasModified)

    def AddObserver(self, event: Any, callback: Any, priority: float = 0.0) -> int:
        return self.parameterNode.AddObserver(event, callback, priority)

    def RemoveObserver(self, tag: int) -> None:
        self.parameterNode.RemoveObserver(tag)

    def Modified(self) -> None:
        self.parameterNode.Modified()


def _to_parameter(wrapper: Any, name: str, each: Connector) -> Any:
    def changed() -> None:
        if not wrapper._updating_gui:
            with slicer.util.NodeModify(wrapper):
                wrapper.setValue(name, each.read())

    return changed


def module() -> ModuleType:
    """What ``slicer.parameterNodeWrapper`` is for panels."""
    made = ModuleType("slicer.parameterNodeWrapper")
    for name in OFFERED:
        setattr(made, name, getattr(parameter_types, name))
    made.parameterNodeWrapper = parameterNodeWrapper
    made.isParameterNodeWrapper = isParameterNodeWrapper
    made.SlicerParameterNamePropertyName = NAME_PROPERTY
    made.__all__ = [
        *OFFERED,
        "SlicerParameterNamePropertyName",
        "isParameterNodeWrapper",
        "parameterNodeWrapper",
    ]
    return made
