"""Everything of ``slicer`` that slicer-core does not bring, put where modules look for it."""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from types import ModuleType, SimpleNamespace
from typing import Any

import slicer
from PySide6.QtWidgets import QApplication

from HNCLogic.scene.application import Application
from Testing.host import (
    ctk_widgets,
    mrml_widgets,
    packaging,
    parameter_node,
    questions,
    sample_data,
    subject_hierarchy,
    ui_loader,
)
from Testing.host.dicom_database import DICOMDatabase

WITH_LOGIC = (
    "Volumes",
    "Segmentations",
    "Tables",
    "VolumeRendering",
    "Colors",
    "Cameras",
    "Markups",
)
WITHOUT_LOGIC = ("Data", "SegmentEditor", "Welcome")  # to go to and come back from


def furnish(application: Application, q_application: QApplication, size: tuple[int, int]) -> None:
    """Fill ``slicer`` for this scene; ``size``: of a view, (width, height) in pixels.

    ``qt`` is there already (``pythonqt.install``).
    """
    slicer.mrmlScene = application.scene
    slicer.modules = SimpleNamespace()
    slicer.dicomDatabase = DICOMDatabase()
    ctk_widgets.install()
    mrml_widgets.install()
    ui_loader.install()
    questions.install()
    sample_data.install()

    # Only now: these are made of the widgets above.
    from Testing.host import loaded_modules, scripted_module
    from Testing.host.application import SlicerApp

    slicer.qSlicerScriptedLoadableModule = loaded_modules.ScriptedModule
    slicer.qSlicerScriptedLoadableModuleWidget = loaded_modules.ModulePanel
    _add_cameras(application)
    _add_markups(application)
    slicer.app = SlicerApp(application, q_application, size)
    scripted = ModuleType("slicer.ScriptedLoadableModule")
    scripted.__all__ = scripted_module.__all__
    for name in scripted.__all__:
        setattr(scripted, name, getattr(scripted_module, name))
    made = (_untranslated(), scripted, packaging.module(), parameter_node.module())
    sys.meta_path.insert(0, _Submodules({each.__name__: each for each in made}))
    for name in WITH_LOGIC:
        logic = application.logic.GetModuleLogic(name)
        slicer.app.moduleManager().add(loaded_modules.Module(name, logic=logic))
    for name in WITHOUT_LOGIC:
        slicer.app.moduleManager().add(loaded_modules.Module(name))
    subject_hierarchy.follow(application.scene)


class _Submodules:
    """Modules of the package slicer. As in Slicer each is there only once somebody imports it."""

    def __init__(self, made: dict[str, ModuleType]):
        self._made = made

    def find_spec(self, name: str, _path: Any = None, _target: Any = None) -> ModuleSpec | None:
        return ModuleSpec(name, self) if name in self._made else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return self._made[spec.name]

    def exec_module(self, module: ModuleType) -> None:
        """It is made already."""


def _untranslated() -> ModuleType:
    """slicer.i18n where the language is English."""
    made = ModuleType("slicer.i18n")

    def tr(text: str) -> str:
        return _text(text)

    def translate(context: str, text: str) -> str:
        return _text(text)

    made.tr, made.translate = tr, translate
    return made


def _text(text: Any) -> str:
    if not isinstance(text, str):
        raise TypeError(f"only text is translated, not {text!r}")
    return text


def _add_cameras(application: Application) -> None:
    """What the views need beside slice logics: cameras and the one crosshair."""
    cameras = slicer.vtkSlicerCamerasModuleLogic()
    cameras.SetMRMLApplicationLogic(application.logic)
    cameras.SetMRMLScene(application.scene)
    application.logic.SetModuleLogic("Cameras", cameras)
    application.kept.append(cameras)
    crosshair = slicer.vtkMRMLCrosshairNode()
    crosshair.SetCrosshairName("default")
    crosshair.SetSingletonTag("default")
    application.scene.AddNode(crosshair)


def _add_markups(application: Application) -> None:
    """Points, lines and boxes (ROI): their nodes' classes, and how they are shown and stored."""
    markups = slicer.vtkSlicerMarkupsLogic()
    markups.SetMRMLApplicationLogic(application.logic)
    markups.SetMRMLScene(application.scene)
    application.logic.SetModuleLogic("Markups", markups)
    application.kept.append(markups)
