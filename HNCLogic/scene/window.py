"""An off-screen window to draw pictures in, without a display where there is none."""

from __future__ import annotations

import ctypes
import logging
from pathlib import Path
from typing import Any

from HNCLogic.errors import InputError

log = logging.getLogger(__name__)


class Canvas:
    """An off-screen window of ``width`` by ``height`` pixels in which renderers take turns.

    VTK chooses how to draw: a display, else EGL, else OSMesa. Raises InputError where none of
    them is there; VTK itself would end the process on the first picture.
    """

    def __init__(self, width: int, height: int):
        import vtk

        self.width, self.height = width, height
        self.window = vtk.vtkRenderWindow()
        kind = self.window.GetClassName()
        if "OSOpenGL" in kind and not _has_osmesa():
            raise InputError(
                "Pictures need OpenGL, and this machine has neither a display nor EGL nor OSMesa: "
                "install libegl1 and libgl1-mesa-dri (or libosmesa6)"
            )
        log.debug("drawing with %s", kind)
        self.window.SetOffScreenRendering(1)
        self.window.SetMultiSamples(0)  # several take ten times as long where there is no card
        self.window.SetSize(width, height)
        interactor = vtk.vtkRenderWindowInteractor()
        interactor.SetRenderWindow(self.window)

    def begin(self) -> None:
        """Have VTK reach the graphics card: the first drawing would take the time for it too."""
        self.window.Render()

    def renderer(self, background: tuple[float, float, float]) -> Any:
        """A new renderer for the whole window, in parallel projection."""
        import vtk

        made = vtk.vtkRenderer()
        made.SetBackground(*background)
        made.GetActiveCamera().ParallelProjectionOn()
        made.DrawOff()
        self.window.AddRenderer(made)
        return made

    def save(self, renderer: Any, path: Path) -> None:
        """Draw one of the renderers into a PNG file. Raises OSError when that is not possible."""
        self.draw(renderer)
        write_png(self.grab(), path)

    def draw(self, renderer: Any) -> None:
        """Draw one of the renderers, for ``grab``."""
        renderer.DrawOn()
        try:
            self.window.Render()
        finally:
            renderer.DrawOff()

    def grab(self) -> Any:
        """What was drawn last, as a vtkImageData in RGB."""
        import vtk

        grab = vtk.vtkWindowToImageFilter()
        grab.SetInput(self.window)
        grab.SetInputBufferTypeToRGB()
        grab.ReadFrontBufferOff()
        grab.ShouldRerenderOff()
        grab.Update()
        return grab.GetOutput()

    def close(self) -> None:
        """Give back what the window holds of the graphics card; it draws no more."""
        self.window.Finalize()


def write_png(picture: Any, path: Path) -> None:
    """Write what was grabbed as a PNG file. Raises OSError when that is not possible."""
    import vtk

    writer = vtk.vtkPNGWriter()
    writer.SetInputData(picture)
    writer.SetCompressionLevel(3)  # a tenth larger than the default, in a third of the time
    writer.WriteToMemoryOn()
    writer.Write()
    result = writer.GetResult()
    if result is None:
        raise OSError(f"the picture {path.name} could not be drawn")
    path.write_bytes(memoryview(result))


def _has_osmesa() -> bool:
    for name in ("libOSMesa.so", "libOSMesa.so.8", "libOSMesa.so.6"):
        try:
            ctypes.CDLL(name)
        except OSError:
            continue
        return True
    return False
