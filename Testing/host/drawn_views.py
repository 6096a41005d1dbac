"""Slice and 3D views, drawn off the screen by Slicer's own displayable managers."""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer
import vtk
from vtkmodules.util import numpy_support

from HNCLogic.scene.application import Application

SLICE_MANAGERS = (
    "vtkMRMLCrosshairDisplayableManager",
    "vtkMRMLModelSliceDisplayableManager",
    "vtkMRMLSegmentationsDisplayableManager2D",
    "vtkMRMLOrientationMarkerDisplayableManager",
    "vtkMRMLRulerDisplayableManager",
    "vtkMRMLColorLegendDisplayableManager",
    "vtkMRMLMarkupsDisplayableManager",
)
# As in Slicer, the view's own manager and the camera's come first.
THREE_D_MANAGERS = (
    "vtkMRMLCameraDisplayableManager",
    "vtkMRMLViewDisplayableManager",
    "vtkMRMLModelDisplayableManager",
    "vtkMRMLCrosshairDisplayableManager3D",
    "vtkMRMLOrientationMarkerDisplayableManager",
    "vtkMRMLSegmentationsDisplayableManager3D",
    "vtkMRMLVolumeRenderingDisplayableManager",
    "vtkMRMLColorLegendDisplayableManager",
    "vtkMRMLMarkupsDisplayableManager",
)


class DrawnView:
    """A renderer in an off-screen window, with the displayable managers of one view node."""

    def __init__(self, application: Application, node: Any, factory: Any, managers: tuple):
        self.node = node
        self.renderer = vtk.vtkRenderer()
        self.window = vtk.vtkRenderWindow()
        self.window.SetOffScreenRendering(1)
        self.window.SetMultiSamples(0)
        self.window.AddRenderer(self.renderer)
        self._interactor = vtk.vtkRenderWindowInteractor()
        self._interactor.SetRenderWindow(self.window)
        for manager in managers:
            if not factory.IsDisplayableManagerRegistered(manager):
                factory.RegisterDisplayableManager(manager)
        factory.SetMRMLApplicationLogic(application.logic)
        self._group = slicer.vtkMRMLDisplayableManagerGroup()
        self._group.SetRenderer(self.renderer)
        self._group.Initialize(factory, self.renderer)
        self._group.SetMRMLDisplayableNode(node)

    def forceRender(self) -> None:
        self.window.Render()

    def scheduleRender(self) -> None:
        """Nothing: a view is drawn when a picture is taken."""

    def renderWindow(self) -> Any:
        return self.window

    def setVisible(self, visible: bool) -> None:
        """Nothing: views are off the screen."""

    def pixels(self, size: tuple[int, int]) -> np.ndarray:
        """The view drawn at ``size`` (width, height): rows from the top, RGB, uint8."""
        self.resize(size)
        self.window.Render()
        grab = vtk.vtkWindowToImageFilter()
        grab.SetInput(self.window)
        grab.SetInputBufferTypeToRGB()
        grab.ReadFrontBufferOff()
        grab.ShouldRerenderOff()
        grab.Update()
        width, height, _ = grab.GetOutput().GetDimensions()
        flat = numpy_support.vtk_to_numpy(grab.GetOutput().GetPointData().GetScalars())
        return np.ascontiguousarray(flat.reshape(height, width, 3)[::-1])

    def resize(self, size: tuple[int, int]) -> None:
        self.window.SetSize(*size)


class SliceView(DrawnView):
    """One of the application's slice views."""

    def __init__(self, application: Application, logic: Any, size: tuple[int, int]):
        factory = slicer.vtkMRMLSliceViewDisplayableManagerFactory.GetInstance()
        super().__init__(application, logic.GetSliceNode(), factory, SLICE_MANAGERS)
        self.logic = logic
        self.renderer.GetActiveCamera().ParallelProjectionOn()
        self._mapper = vtk.vtkImageMapper()
        self._mapper.SetColorWindow(255)
        self._mapper.SetColorLevel(127.5)
        image = vtk.vtkActor2D()
        image.SetMapper(self._mapper)
        image.GetProperty().SetDisplayLocationToBackground()
        self.renderer.AddViewProp(image)
        self.resize(size)

    def mrmlSliceNode(self) -> Any:
        return self.node

    def resize(self, size: tuple[int, int]) -> None:
        super().resize(size)
        if self.node.GetDimensions()[:2] != tuple(size):
            self.logic.ResizeSliceNode(*size)

    def pixels(self, size: tuple[int, int]) -> np.ndarray:
        before = self.node.GetDimensions()[:2]
        composite = self.logic.GetSliceCompositeNode()
        empty = not (composite.GetBackgroundVolumeID() or composite.GetForegroundVolumeID())
        # With nothing to show, the logic has no image, and the mapper would keep the last one.
        self._mapper.SetInputConnection(None if empty else self.logic.GetImageDataConnection())
        self.renderer.GetViewProps().GetItemAsObject(0).SetVisibility(not empty)
        try:
            return super().pixels(size)
        finally:
            self.resize(before)


class ThreeDView(DrawnView):
    """The 3D view of a vtkMRMLViewNode."""

    def __init__(self, application: Application, node: Any, size: tuple[int, int]):
        factory = slicer.vtkMRMLThreeDViewDisplayableManagerFactory.GetInstance()
        self._logic = slicer.vtkMRMLViewLogic()
        self._logic.SetMRMLApplicationLogic(application.logic)
        self._logic.SetMRMLScene(application.scene)
        application.logic.GetViewLogics().AddItem(self._logic)
        # It makes a node of this name anew, which would take the place of how the view looks.
        looks = node.CreateNodeInstance()
        looks.UnRegister(None)
        looks.Copy(node)
        self._logic.AddViewNode(node.GetLayoutName())
        node.Copy(looks)
        self._cameras = application.logic.GetModuleLogic("Cameras")
        super().__init__(application, node, factory, THREE_D_MANAGERS)
        self.resize(size)

    def mrmlViewNode(self) -> Any:
        return self.node

    def cameraNode(self) -> Any:
        """The vtkMRMLCameraNode of this view."""
        return self._cameras.GetViewActiveCameraNode(self.node)

    def resetFocalPoint(self) -> None:
        """Look at the middle of what is shown, from where the camera stands."""
        box, labels = self.node.GetBoxVisible(), self.node.GetAxisLabelsVisible()
        self.node.SetBoxVisible(False)
        self.node.SetAxisLabelsVisible(False)
        bounds = self.renderer.ComputeVisiblePropBounds()
        if bounds[0] <= bounds[1]:  # else nothing is shown
            middle = [(bounds[2 * axis] + bounds[2 * axis + 1]) / 2 for axis in range(3)]
            self.cameraNode().SetFocalPoint(*middle)
        self.node.SetBoxVisible(box)
        self.node.SetAxisLabelsVisible(labels)
        self.node.InvokeEvent(self.node.ResetFocalPointRequestedEvent)

    def resetCamera(
        self, resetRotation: bool = True, resetTranslation: bool = True, resetDistance: bool = True
    ) -> None:
        """See all that is shown."""
        self.cameraNode().Reset(resetRotation, resetTranslation, resetDistance, self.renderer)

    def rotateToViewAxis(self, axis: int) -> None:
        """Look from the patient's left (0), right, back, front, feet or head (5)."""
        camera = self.cameraNode()
        if axis not in range(6):
            raise ValueError(f"a view axis is 0 to 5, not {axis}")
        camera.RotateTo(
            (
                camera.Left,
                camera.Right,
                camera.Posterior,
                camera.Anterior,
                camera.Inferior,
                camera.Superior,
            )[axis]
        )
