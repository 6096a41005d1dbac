"""The stand-in for Slicer's application: a real MRML scene with its logics, and no desktop.

Everything else in ``scene/`` acts on an ``Application`` that it is given: one made here by
``start()``, on slicer-core, or the desktop's own, wrapped by ``of_desktop()``.
"""

from __future__ import annotations

import logging
import tempfile
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from HNCLogic.errors import InputError

log = logging.getLogger(__name__)

SLICER_CORE = "slicer-core>=5.12"
SLICE_VIEWS = {"Red": "Axial", "Green": "Coronal", "Yellow": "Sagittal"}

complaints: deque[str] = deque(maxlen=20)  # the last errors that VTK reported, for our own


@dataclass
class Application:
    """A scene and the application logic that looks after it.

    ``scene`` is a vtkMRMLScene, ``logic`` a vtkMRMLApplicationLogic that knows the slice logics
    and the colour logic.
    """

    scene: Any
    logic: Any
    kept: list = field(default_factory=list)  # logics and folders that must outlive this call

    def slice_logic(self, view: str) -> Any | None:
        """The vtkMRMLSliceLogic of "Red", "Green" or "Yellow"; None where no such view is."""
        return self.logic.GetSliceLogicByLayoutName(view)


def of_desktop() -> Application:
    """The running desktop Slicer: its own scene and application logic."""
    import slicer

    return Application(slicer.mrmlScene, slicer.app.applicationLogic())


def start() -> Application:
    """A new, empty scene with colours, slice views, displayable managers and bundle reading.

    Several may live side by side. VTK's own messages go to Python's logging, never to the
    console. Raises InputError where slicer-core is not installed.
    """
    slicer, vtk = _slicer_core()
    _messages_to_logging(vtk)

    scene = slicer.vtkMRMLScene()
    logic = slicer.vtkMRMLApplicationLogic()
    logic.SetMRMLScene(scene)
    logic.SetSliceLogics(vtk.vtkCollection())
    logic.SetViewLogics(vtk.vtkCollection())
    app = Application(scene, logic)
    folder = tempfile.TemporaryDirectory(prefix="hnc-scene-")
    app.kept.append(folder)
    logic.SetTemporaryPath(folder.name)
    logic.SetHomeDirectory(folder.name)  # both are looked through for more colours: none there
    logic.SetShareDirectory(folder.name)

    colors = slicer.vtkSlicerColorLogic()
    colors.SetMRMLApplicationLogic(logic)
    colors.SetMRMLScene(scene)
    colors.AddDefaultColorNodes()
    logic.SetColorLogic(colors)
    logic.SetModuleLogic("Colors", colors)
    app.kept.append(colors)
    for name, module in (
        ("SubjectHierarchy", slicer.vtkSlicerSubjectHierarchyModuleLogic),
        ("Volumes", slicer.vtkSlicerVolumesLogic),
        ("Segmentations", slicer.vtkSlicerSegmentationsModuleLogic),
        ("Tables", slicer.vtkSlicerTablesLogic),
        ("VolumeRendering", slicer.vtkSlicerVolumeRenderingLogic),
    ):
        module_logic = module()  # registers its classes of nodes in the scene
        module_logic.SetMRMLApplicationLogic(logic)
        module_logic.SetMRMLScene(scene)
        logic.SetModuleLogic(name, module_logic)
        app.kept.append(module_logic)

    _add_bundle_reading(slicer, app, folder.name)
    _add_slice_views(slicer, app)
    return app


def _slicer_core() -> tuple[Any, Any]:
    try:
        import slicer
        import vtk
    except ImportError as error:
        raise InputError(
            f"Scenes and pictures need slicer-core, which is not installed here ({error}): "
            f'install it with  pip install "{SLICER_CORE}"  or run inside 3D Slicer'
        ) from error
    if not hasattr(slicer, "vtkMRMLScene"):  # an unrelated package bears the same name
        raise InputError(
            "Scenes and pictures need slicer-core, but another Python package called slicer is "
            f'installed in its place: pip uninstall slicer, then pip install "{SLICER_CORE}"'
        )
    return slicer, vtk


def _messages_to_logging(vtk: Any) -> None:
    vtk.vtkLogger.SetStderrVerbosity(vtk.vtkLogger.VERBOSITY_OFF)
    window = vtk.vtkOutputWindow()
    window.SetDisplayModeToNever()

    def hear(severity: int, keep: bool) -> Any:
        @vtk.calldata_type(vtk.VTK_STRING)
        def heard(_caller: Any, _event: str, text: str) -> None:
            line = " ".join(text.split())
            log.log(severity, "%s", line)
            if keep:
                complaints.append(line)

        return heard

    # Never above INFO: without a configured logger Python prints warnings to the console.
    window.AddObserver("ErrorEvent", hear(logging.INFO, True))
    window.AddObserver("WarningEvent", hear(logging.DEBUG, False))
    window.AddObserver("TextEvent", hear(logging.DEBUG, False))
    window.AddObserver("MessageEvent", hear(logging.DEBUG, False))
    vtk.vtkOutputWindow.SetInstance(window)


def _add_bundle_reading(slicer: Any, app: Application, folder: str) -> None:
    """What vtkMRMLScene.ReadFromMRB needs: a data manager with a folder to unpack in."""
    remote = slicer.vtkMRMLRemoteIOLogic()
    remote.GetCacheManager().SetRemoteCacheDirectory(folder)
    remote.SetMRMLScene(app.scene)
    remote.SetMRMLApplicationLogic(app.logic)
    data = slicer.vtkDataIOManagerLogic()
    data.SetMRMLScene(app.scene)
    data.SetMRMLApplicationLogic(app.logic)
    data.SetAndObserveDataIOManager(remote.GetDataIOManager())
    remote.AddDataIOToScene()
    app.kept += [remote, data]


def _add_slice_views(slicer: Any, app: Application) -> None:
    """Red, Green and Yellow, as the desktop's layouts have them."""
    for factory in (
        slicer.vtkMRMLSliceViewDisplayableManagerFactory,
        slicer.vtkMRMLThreeDViewDisplayableManagerFactory,
    ):
        factory.GetInstance().SetMRMLApplicationLogic(app.logic)
    slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(app.scene, True)
    for view, orientation in SLICE_VIEWS.items():
        logic = slicer.vtkMRMLSliceLogic()
        logic.SetMRMLApplicationLogic(app.logic)
        app.logic.GetSliceLogics().AddItem(logic)
        logic.SetMRMLScene(app.scene)
        logic.AddSliceNode(view).SetOrientation(orientation)
