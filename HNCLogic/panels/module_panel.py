"""A module's panel: made a bit at a time when it is opened, and told what its scene does."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import slicer
from slicer.util import VTKObservationMixin

from HNCLogic.panels.long_lived import set_aside, take_back
from HNCLogic.panels.stepwise import Stepwise, raised

# What both modules' panels import, in the order in which one needs the other.
IMPORTS = (
    "HNCLogic.panels.volume_facts",
    "HNCLogic.panels.tones",
    "HNCLogic.panels.charts",
    "HNCLogic.panels.model_cards",
    "HNCLogic.panels.request",
    "HNCLogic.panels.run_controls",
    "HNCLogic.panels.opening",
    "HNCLogic.panels.suv_fields",
    "HNCLogic.panels.inputs",
    "HNCLogic.scene.segments",
    "HNCLogic.scene.tables",
    "HNCLogic.scene.voxel_files",
)


class ModulePanel(VTKObservationMixin):
    """The panel in ``widget``, the module's own, whose ``logic`` gives the parameter node.

    Made at once it would stop the application for as long as a user notices. So it stays unseen
    until it is whole; asked for with ``panel`` before that, what is left is done first.
    """

    def __init__(self, widget: Any, imports: Iterable[str], make: Callable[[Any], Any]):
        """``imports``: modules to import beforehand. ``make(uiWidget)``, of the loaded .ui file,
        gives an object with ``setParameterNode``, ``enter``, ``cleanup`` and ``furtherSteps``: what
        is made while the user looks at the panel already, in steps."""
        VTKObservationMixin.__init__(self)
        self._widget, self._make = widget, make
        self._panel: Any = None
        self.whole = False  # made, and shows the scene
        self._work = self._begun(self._making((*IMPORTS, *imports)))
        scene = slicer.mrmlScene
        self.addObserver(scene, scene.StartCloseEvent, self._on_start_close)
        self.addObserver(scene, scene.EndCloseEvent, self._on_end_close)
        self.addObserver(scene, scene.EndImportEvent, self._on_end_import)

    @property
    def panel(self) -> Any:
        """What ``make`` gave, with all done that is to be done. Raises what ``make`` raises."""
        self._work.finish()
        return self._panel

    def enter(self) -> None:
        """The module is opened: for a panel that is not whole yet this comes with its making."""
        if self.whole:
            self._work.finish()
            self._panel.enter(self._node())

    def cleanup(self) -> None:
        self._work.cancel()
        self.removeObservers()
        if self._panel is not None:
            self._panel.cleanup()
        take_back()

    def _making(self, imports: Iterable[str]) -> Iterator[None]:
        for name in imports:
            importlib.import_module(name)
            yield
        widget = self._widget
        ui = slicer.util.loadUI(widget.resourcePath(f"UI/{widget.moduleName}.ui"))
        ui.hide()
        yield
        widget.layout.addWidget(ui)
        ui.setMRMLScene(slicer.mrmlScene)
        yield
        self._panel = self._make(ui)
        yield
        yield from self._showing()
        self.whole = True
        ui.show()
        yield
        yield from self._panel.furtherSteps()
        set_aside()

    def _showing(self) -> Iterator[None]:
        """The scene as it is now. It may be closed, or another read, between any two steps."""
        from HNCLogic.panels.roles import look_at_voxels

        node = self._node()
        yield from look_at_voxels(slicer.mrmlScene, node.pet, node.ct)
        self._panel.setParameterNode(self._node())
        yield
        self._panel.enter(self._node())

    def _begun(self, steps: Iterator[None]) -> Stepwise:
        work = Stepwise(steps, lambda _none: None, raised)
        work.start()
        return work

    def _node(self) -> Any:
        return self._widget.logic.getParameterNode()

    def _on_start_close(self, _caller: Any, _event: str) -> None:
        if self.whole:
            self._work.cancel()
        if self._panel is not None:
            self._panel.setParameterNode(None)

    def _on_end_close(self, _caller: Any, _event: str) -> None:
        if self.whole:
            self._panel.setParameterNode(self._node())

    def _on_end_import(self, _caller: Any, _event: str) -> None:
        """A scene was read from a file, maybe with a state of this panel in it."""
        from HNCLogic.scene.layers import restore_opacity

        restore_opacity(slicer.mrmlScene)
        if self.whole:
            self._work.cancel()
            self._work = self._begun(self._showing())
