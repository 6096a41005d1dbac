"""slicer.modules and what looks after it: the module manager, the module objects, their panels."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import qt
import slicer
from PySide6.QtWidgets import QMainWindow

from Testing.host.questions import as_slot

PANEL_SIZE = (440, 620)


class Module:
    """An entry of ``slicer.modules``: only what a module may say of itself can be set."""

    KNOWN = (
        "title",
        "categories",
        "dependencies",
        "contributors",
        "helpText",
        "acknowledgementText",
        "icon",
        "hidden",
        "associatedNodeTypes",
        "index",
    )

    def __init__(self, name: str, path: str = "", logic: Any = None):
        said = dict.fromkeys(self.KNOWN)
        said |= {"title": name, "hidden": False, "index": -1, "associatedNodeTypes": []}
        self.__dict__.update(said, name=name, path=path, _logic=logic, _panel=None)

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in self.KNOWN and not name.startswith("_"):
            raise AttributeError(f"a Slicer module has no property '{name}' that can be set")
        self.__dict__[name] = value

    def logic(self) -> Any:
        return self._logic

    def widgetRepresentation(self) -> Any:
        return self._panel


class ScriptedModule(Module):
    """slicer.qSlicerScriptedLoadableModule: a module that is a Python file."""

    def widgetRepresentation(self) -> ModulePanel:
        """The module's panel, made and set up when it is first asked for."""
        if self._panel is None:
            self._panel = ModulePanel(self.name)
            try:
                self._panel.reload()
            except Exception:
                self._panel = None
                raise
        return self._panel


class ModulePanel(slicer.qMRMLWidget):
    """slicer.qSlicerScriptedLoadableModuleWidget: the widget that a module's panel lives in."""

    def __init__(self, module_name: str):
        super().__init__()
        self._module_name = module_name
        self._python = None
        self.isEntered = False
        self.setObjectName(f"{module_name}ModuleWidget")
        qt.QVBoxLayout(self)
        self.setMRMLScene(slicer.mrmlScene)
        self.resize(*PANEL_SIZE)

    def self(self) -> Any:
        """The module's own ``…Widget``."""
        return self._python

    def reload(self) -> None:
        """Make the module's ``…Widget`` anew and set it up in here."""
        name = self._module_name + "Widget"
        self._python = getattr(sys.modules[self._module_name], name)(self)
        setattr(slicer.modules, name, self._python)
        self._python.setup()

    def enter(self) -> None:
        self.isEntered = True
        call(self._python, "enter")

    def exit(self) -> None:
        self.isEntered = False
        call(self._python, "exit")


def call(widget: Any, method: str) -> None:
    """Call what a panel may or may not have; PythonQt prints an exception and goes on."""
    if hasattr(widget, method):
        as_slot(getattr(widget, method))()


class ModuleManager:
    """slicer.app.moduleManager(): the modules by name, and word of their going."""

    SIGNALS = ("moduleAboutToBeUnloaded(QString)", "moduleLoaded(QString)")

    def __init__(self):
        self.modules: dict[str, Module] = {}
        self._slots: dict[str, list[Callable]] = {signal: [] for signal in self.SIGNALS}

    def add(self, module: Module) -> Module:
        self.modules[module.name] = module
        setattr(slicer.modules, module.name.lower(), module)
        return module

    def module(self, name: str) -> Module | None:
        return self.modules.get(name)

    def factoryManager(self) -> Any:
        return SimpleNamespace(loadedModuleNames=lambda: tuple(self.modules))

    def connect(self, signal: str, slot: Callable) -> bool:
        self._known(signal).append(slot)
        return True

    def disconnect(self, signal: str, slot: Callable) -> bool:
        self._known(signal).remove(slot)
        return True

    def unload(self, name: str) -> None:
        """Say that a module goes, so that its panel cleans up; then forget it."""
        for slot in list(self._known("moduleAboutToBeUnloaded(QString)")):
            as_slot(slot)(name)
        module = self.modules.pop(name)
        if module._panel is not None:
            module._panel.hide()
            module._panel.deleteLater()
        for attribute in (name.lower(), name + "Widget"):
            if hasattr(slicer.modules, attribute):
                delattr(slicer.modules, attribute)

    def _known(self, signal: str) -> list[Callable]:
        if signal not in self._slots:
            raise ValueError(f"Slicer's module manager has no signal '{signal}' in this stand-in")
        return self._slots[signal]


class ModuleSelector:
    """The main window's module selector: one module is open, its panel entered and shown."""

    def __init__(self, manager: ModuleManager):
        self._manager = manager
        self.selectedModule = ""

    def selectModule(self, name: str) -> None:
        """Leave the open panel and enter that of ``name``. Raises ValueError for no such module."""
        module = self._manager.module(name)
        if module is None:
            raise ValueError(f"there is no module called '{name}' in this stand-in")
        self.leave()
        self.selectedModule = name
        panel = module.widgetRepresentation()
        if panel is not None:
            panel.show()
            panel.enter()

    def leave(self) -> None:
        """Leave the open panel; no module is open then."""
        opened = self._manager.module(self.selectedModule)
        panel = opened.widgetRepresentation() if opened is not None else None
        if panel is not None:
            panel.exit()
            panel.hide()
        self.selectedModule = ""


class MainWindow(QMainWindow):
    """Slicer's main window, as far as modules ask: its selector and its status bar."""

    def __init__(self, selector: ModuleSelector):
        super().__init__()
        self.setObjectName("qSlicerMainWindow")
        self._selector = selector

    def moduleSelector(self) -> ModuleSelector:
        return self._selector


def import_module(path: str) -> Any:
    """Run a module file as Slicer does: its folder on sys.path, the module under its bare name."""
    name = os.path.splitext(os.path.basename(path))[0]
    folder = os.path.dirname(path)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
