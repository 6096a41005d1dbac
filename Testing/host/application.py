"""slicer.app: what modules ask of the application. Anything else raises AttributeError."""

from __future__ import annotations

import os
import shlex
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from PySide6.QtCore import QProcessEnvironment, QSettings, Qt
from PySide6.QtGui import QCursor, QFont, QPalette
from PySide6.QtWidgets import QApplication

from HNCLogic.scene.application import Application
from Testing.host.file_io import FileIO
from Testing.host.layout import LayoutManager
from Testing.host.loaded_modules import MainWindow, ModuleManager, ModuleSelector
from Testing.host.questions import as_slot


class SlicerApp:
    """The application object, over a real scene and a real QApplication.

    ``folder``: a private folder for what a Slicer installation has on disk.
    """

    applicationName = "Slicer"
    applicationVersion = "5.12.3-stand-in"
    majorVersion, minorVersion = 5, 12
    revision = repositoryRevision = "0"
    releaseType = "Stable"
    isInstalled = True
    documentationBaseUrl = "https://slicer.readthedocs.io/en/5.12/"
    os = {"win32": "win", "darwin": "macosx"}.get(sys.platform, "linux")
    SIGNALS = ("startupCompleted()", "lastWindowClosed()", "aboutToQuit()")

    def __init__(self, application: Application, q_app: QApplication, size: tuple[int, int]):
        self._application, self._q_app = application, q_app
        self._folder = tempfile.TemporaryDirectory(prefix="hnc-host-")
        self.slicerHome = self._folder.name
        self.temporaryPath = self._made("Temporary")
        self.cachePath = self._made("Cache")
        self.defaultScenePath = self._made("Scenes")
        self.extensionsInstallPath = self._made("Extensions")
        self._settings = QSettings(
            os.path.join(self.slicerHome, "Slicer.ini"), QSettings.Format.IniFormat
        )
        self._settings.setValue("Developer/DeveloperMode", False)
        self._slots: dict[str, list[Callable]] = {signal: [] for signal in self.SIGNALS}
        self._modules = ModuleManager()
        self._selector = ModuleSelector(self._modules)
        self._main_window = MainWindow(self._selector)
        self._has_main_window = True
        self._layout = LayoutManager(application, size)
        self._files = FileIO(application)
        self._testing = False
        self._paused = 0
        _python_slicer(Path(self._made("bin")))

    def applicationLogic(self) -> Any:
        return self._application.logic

    def mrmlScene(self) -> Any:
        return self._application.scene

    def moduleLogic(self, name: str) -> Any:
        return self._application.logic.GetModuleLogic(name)

    def layoutManager(self) -> LayoutManager:
        return self._layout

    def moduleManager(self) -> ModuleManager:
        return self._modules

    def coreIOManager(self) -> FileIO:
        return self._files

    ioManager = coreIOManager

    def userSettings(self) -> QSettings:
        return self._settings

    settings = revisionUserSettings = userSettings

    def testingEnabled(self) -> bool:
        return self._testing

    def commandOptions(self) -> Any:
        return SimpleNamespace(noMainWindow=not self._has_main_window, testingEnabled=self._testing)

    def processEvents(self, *flags: Any) -> None:
        self._q_app.processEvents(*flags)

    def topLevelWidgets(self) -> list[Any]:
        others = [w for w in QApplication.topLevelWidgets() if w is not self._main_window]
        return [*others, *([self._main_window] if self._has_main_window else [])]

    def activeWindow(self) -> Any:
        return self._q_app.activeWindow()

    def palette(self) -> QPalette:
        return QApplication.palette()

    def font(self) -> QFont:
        return QApplication.font()

    def clipboard(self) -> Any:
        return QApplication.clipboard()

    def setOverrideCursor(self, cursor: Any) -> None:
        shape = cursor if isinstance(cursor, QCursor) else Qt.CursorShape(cursor)
        QApplication.setOverrideCursor(shape)

    def restoreOverrideCursor(self) -> None:
        QApplication.restoreOverrideCursor()

    def pauseRender(self) -> None:
        self._paused += 1

    def resumeRender(self) -> None:
        if self._paused == 0:
            raise RuntimeError("slicer.app.resumeRender() without a pauseRender()")
        self._paused -= 1

    def setRenderPaused(self, pause: bool) -> None:
        self.pauseRender() if pause else self.resumeRender()

    def startupEnvironment(self) -> QProcessEnvironment:
        return QProcessEnvironment.systemEnvironment()

    environment = startupEnvironment

    def moduleDocumentationUrl(self, name: str) -> str:
        return f"{self.documentationBaseUrl}user_guide/modules/{name.lower()}.html"

    def connect(self, signal: str, slot: Callable) -> bool:
        if signal not in self._slots:
            raise ValueError(f"slicer.app has no signal '{signal}' in this stand-in")
        self._slots[signal].append(slot)
        return True

    def disconnect(self, signal: str, slot: Callable) -> bool:
        self._slots[signal].remove(slot)
        return True

    def _emit(self, signal: str, once: bool = False) -> None:
        slots = list(self._slots[signal])
        if once:
            self._slots[signal].clear()
        for slot in slots:
            as_slot(slot)()

    def _made(self, name: str) -> str:
        path = os.path.join(self._folder.name, name)
        os.makedirs(path, exist_ok=True)
        return path


def _python_slicer(folder: Path) -> None:
    """Put a PythonSlicer on the PATH: this very Python."""
    if sys.platform == "win32":
        (folder / "PythonSlicer.bat").write_text(f'@"{sys.executable}" %*\n', encoding="utf-8")
    else:
        file = folder / "PythonSlicer"
        file.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n', encoding="utf-8")
        file.chmod(0o755)
    os.environ["PATH"] = os.pathsep.join((str(folder), os.environ.get("PATH", "")))
