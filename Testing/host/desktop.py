"""The stand-in for desktop Slicer as a whole: ``host = desktop.start()``, then ``host.load(...)``.

Once a process: Qt has one application, and ``slicer.mrmlScene`` is one. Nothing here may be
imported before ``start()`` but this file: it makes the modules ``qt`` and ``ctk``.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]

_started: list[Host] = []


@dataclass(frozen=True)
class Loaded:
    """A module that was loaded: its module object's Python half, its widget, and its panel."""

    module: Any  # the ScriptedLoadableModule
    widget: Any  # the ScriptedLoadableModuleWidget
    panel: Any  # the qMRMLWidget that it lives in, shown


class Host:
    """What tests do with the stand-in; ``slicer`` and ``qt`` are for the modules.

    ``errors``: tracebacks of what escaped from slots and observers. ``messages``: (kind, text) of
    what the user was told, kind being error, warning, info, message or question. ``answers``: laid
    ready for the next questions, in order. ``opened_urls``: what the desktop was asked to open.
    ``packages``: what pip and PyTorch's extension find and were asked for.
    """

    def __init__(self, palette: str, size: tuple[int, int]):
        import slicer

        from HNCLogic.scene.application import start as start_scene
        from Testing.host import event_loop, pythonqt, questions
        from Testing.host.furnishing import furnish
        from Testing.host.packaging import packages

        self.errors: list[str] = pythonqt.errors
        self.messages = questions.messages
        self.answers = questions.answers
        self.opened_urls = questions.opened_urls
        self.packages = packages
        self._loaded: dict[str, Loaded] = {}
        self._application = start_scene()
        self._q_application = event_loop.application()
        furnish(self._application, self._q_application, size)
        self.app = slicer.app
        self.palette = palette

    @property
    def scene(self) -> Any:
        return self._application.scene

    @property
    def palette(self) -> str:
        return self._palette

    @palette.setter
    def palette(self, name: str) -> None:
        from Testing.host.palettes import dress

        dress(self._q_application, name)
        self._palette = name

    def load(self, path: str | Path) -> Loaded:
        """Load a module file, relative to the repository or absolute, and open its panel.

        What its ``__init__`` or ``setup`` raises is raised. A module is loaded once: the second
        time its panel is only opened.
        """
        import slicer

        from Testing.host.loaded_modules import ScriptedModule, import_module

        path = (REPOSITORY / path).resolve()
        name = path.stem
        manager = slicer.app.moduleManager()
        if name in self._loaded and slicer.util.modulePath(name) != str(path):
            raise ValueError(f"another module called {name} is loaded: unload it first")
        if name not in self._loaded:
            module = ScriptedModule(name, str(path))
            python = getattr(import_module(str(path)), name)(module)
            manager.add(module)
            try:
                slicer.app._emit("startupCompleted()", once=True)
                panel = module.widgetRepresentation()
            except Exception:
                manager.unload(name)
                raise
            self._loaded[name] = Loaded(python, panel.self(), panel)
        self.select_module(name)
        return self._loaded[name]

    def reload(self, name: str) -> Loaded:
        """Press the panel's Reload button. Raises AssertionError where its library stays as it was.

        Slicer reads the module's own file anew, and no other: a module with a library
        ``<Module>Lib`` overrides ``onReload`` and first takes it out of ``sys.modules``.
        """
        before = {
            key: module for key, module in sys.modules.items() if key.split(".")[0] == f"{name}Lib"
        }
        old = self._loaded[name]
        old.widget.onReload()
        stale = [key for key, module in before.items() if sys.modules.get(key) is module]
        if stale:
            raise AssertionError(
                f"Reload left {', '.join(sorted(stale))} as it was: Slicer reads only {name}.py "
                "anew; override onReload to take the library out of sys.modules first"
            )
        self._loaded[name] = Loaded(old.module, old.panel.self(), old.panel)
        if old.panel.isEntered:
            old.panel.enter()
        self.process_events()
        return self._loaded[name]

    def unload(self, name: str) -> None:
        """As at the end of the application: the panel cleans up and goes."""
        import slicer

        if slicer.util.selectedModule() == name:
            slicer.app._selector.leave()
        slicer.app.moduleManager().unload(name)
        del self._loaded[name]
        self.process_events()

    def select_module(self, name: str) -> None:
        """Leave the open panel and enter this one."""
        import slicer

        slicer.app._selector.selectModule(name)
        self.process_events()

    def run_self_test(self, name: str) -> None:
        """Run the module's ``…Test`` as ``Slicer --testing`` does; raises what it raises."""
        import slicer

        slicer.app._testing = True
        try:
            self._loaded[name].module.runTest(msec=0)
        finally:
            slicer.app._testing = False

    def without_main_window(self) -> Any:
        """``with host.without_main_window():`` as after ``--no-main-window``."""
        from contextlib import contextmanager

        @contextmanager
        def hidden():
            self.app._has_main_window = False
            try:
                yield
            finally:
                self.app._has_main_window = True

        return hidden()

    def process_events(self) -> None:
        """Turn the event loop until nothing is waiting, deleted widgets included."""
        from Testing.host import event_loop

        event_loop.turn()

    def wait(self, condition: Callable[[], Any], seconds: float = 60) -> bool:
        """Turn the event loop until ``condition()`` holds; False where time ran out first."""
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                return False
            self.process_events()
            time.sleep(0.001)
        return True

    def heartbeat(self) -> Any:
        """``with host.heartbeat() as beat: …`` then ``beat.longest_ms``."""
        from Testing.host.heartbeat import Heartbeat

        return Heartbeat()

    def picture(
        self, path: str | Path, panel: Any = None, views: bool = True, wide: int | None = None
    ) -> Path:
        """A PNG of ``panel`` (the open module's by default), ``wide`` pixels, beside the views."""
        from Testing.host.pictures import save_picture

        self.process_events()
        return save_picture(Path(path), panel or self._open_panel(), self.app, views, wide)

    def close_scene(self) -> None:
        """What the menu's Close Scene does."""
        self.scene.Clear(0)
        self.process_events()

    def save_scene(self, path: str | Path) -> None:
        """Save the scene, by its ending as .mrb or .mrml. Raises RuntimeError."""
        import slicer

        if not slicer.util.saveScene(str(path), {}):
            raise RuntimeError(f"the scene could not be saved: {path}")

    def load_scene(self, path: str | Path) -> None:
        """Load a scene into the one that is open. Raises RuntimeError."""
        import slicer

        slicer.util.loadScene(str(path), {})
        self.process_events()

    def open_dicom_database(self, folder: str | Path | None) -> None:
        """Let ``slicer.dicomDatabase`` hold a folder's DICOM files; None for an empty one."""
        import slicer

        from Testing.host.dicom_database import DICOMDatabase

        slicer.dicomDatabase = DICOMDatabase(None if folder is None else Path(folder))

    def add_pytorch_extension(self) -> Any:
        """Install the PyTorch extension's stand-in; returns its logic class (failure, declined)."""
        from Testing.host import loaded_modules, packaging

        module = loaded_modules.Module("PyTorchUtils")
        return packaging.add_pytorch_extension(self.app.moduleManager(), module)

    def fresh(self) -> None:
        """Between tests: an empty scene, nothing said, asked or failed. Modules stay loaded."""
        from Testing.host import packaging

        self.close_scene()
        self.open_dicom_database(None)
        packaging.remove_pytorch_extension(self.app.moduleManager())
        self.packages.reset()
        self.app.layoutManager().setLayout(3)
        for kept in (self.errors, self.messages, self.answers, self.opened_urls):
            kept.clear()

    def _open_panel(self) -> Any:
        import slicer

        return self._loaded[slicer.util.selectedModule()].panel


def start(palette: str = "light", size: tuple[int, int] = (300, 300)) -> Host:
    """The stand-in, made at the first call; a later call only changes the palette.

    ``palette``: "light" or "dark"; ``size``: of a view, (width, height) in pixels.
    """
    if not _started:
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
        from Testing.host import pythonqt

        pythonqt.install()
        _started.append(Host(palette, size))
    host = _started[0]
    if host.palette != palette:
        host.palette = palette
    return host
