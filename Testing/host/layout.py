"""slicer.app.layoutManager(): Slicer's layouts, with slice and 3D views that are really drawn.

The views are made of Slicer's own logics and displayable managers, in windows off the screen.
"""

from __future__ import annotations

from typing import Any

import slicer

from HNCLogic.scene.application import Application
from Testing.host.arrangement import places
from Testing.host.drawn_views import SliceView, ThreeDView

FOUR_UP = 3


class SliceWidget:
    """A qMRMLSliceWidget, as far as modules ask."""

    def __init__(self, view: SliceView):
        self._view = view

    def sliceLogic(self) -> Any:
        return self._view.logic

    def mrmlSliceNode(self) -> Any:
        return self._view.node

    def mrmlSliceCompositeNode(self) -> Any:
        return self._view.logic.GetSliceCompositeNode()

    def sliceController(self) -> SliceController:
        return SliceController(self._view)

    def sliceView(self) -> SliceView:
        return self._view

    def fitSliceToBackground(self) -> None:
        self._view.logic.FitSliceToBackground()


class SliceController:
    """A qMRMLSliceControllerWidget."""

    def __init__(self, view: SliceView):
        self._view = view

    def setSliceOffsetValue(self, offset_mm: float) -> None:
        self._view.logic.SetSliceOffset(offset_mm)

    def fitSliceToBackground(self) -> None:
        self._view.logic.FitSliceToBackground()

    def setVisible(self, visible: bool) -> None:
        """The bar above a view; it is not drawn here."""


class ThreeDWidget:
    """A qMRMLThreeDWidget."""

    def __init__(self, view: ThreeDView):
        self._view = view

    def mrmlViewNode(self) -> Any:
        return self._view.node

    def threeDView(self) -> ThreeDView:
        return self._view

    def threeDController(self) -> ThreeDController:
        return ThreeDController(self._view)


class ThreeDController:
    """A qMRMLThreeDViewControllerWidget."""

    def __init__(self, view: ThreeDView):
        self._view = view

    def resetFocalPoint(self) -> None:
        self._view.resetFocalPoint()

    def spinView(self, spin: bool) -> None:
        node = self._view.node
        node.SetAnimationMode(node.Spin if spin else node.Off)

    def setVisible(self, visible: bool) -> None:
        """The bar above a view; it is not drawn here."""


class LayoutManager:
    """The layouts that vtkMRMLLayoutNode knows, and the views Red, Green, Yellow and one in 3D.

    ``size``: of a view, (width, height) in pixels.
    """

    tableViewCount = plotViewCount = 0

    def __init__(self, application: Application, size: tuple[int, int]):
        self._application = application
        self._layouts = slicer.vtkMRMLLayoutLogic()
        self._layouts.SetMRMLScene(application.scene)
        self._slices = {
            name: SliceView(application, application.slice_logic(name), size)
            for name in ("Red", "Green", "Yellow")
        }
        for name, view in self._slices.items():
            view.node.SetLayoutLabel(name[0])
        self._three_d: ThreeDView | None = None
        self._size = size
        self.setLayout(FOUR_UP)

    @property
    def layout(self) -> int:
        return self._layouts.GetLayoutNode().GetViewArrangement()

    @layout.setter
    def layout(self, number: int) -> None:
        self.setLayout(number)

    def setLayout(self, number: int) -> None:
        """Show layout ``number``. Raises ValueError where the layout node does not know it."""
        node = self._layouts.GetLayoutNode()
        if not node.IsLayoutDescription(number):
            raise ValueError(f"there is no layout {number}")
        node.SetViewArrangement(number)

    def layoutLogic(self) -> Any:
        return self._layouts

    def sliceViewNames(self) -> tuple[str, ...]:
        return tuple(self._slices)

    def sliceWidget(self, name: str) -> SliceWidget | None:
        return SliceWidget(self._slices[name]) if name in self._slices else None

    def mrmlSliceLogics(self) -> Any:
        return self._application.logic.GetSliceLogics()

    @property
    def threeDViewCount(self) -> int:
        """How many 3D views the layout has; of several only the first is drawn here."""
        return sum(place.node_class == "vtkMRMLViewNode" for place in places(self.description()))

    def threeDWidget(self, which: int | str = 0) -> ThreeDWidget | None:
        """The first 3D view, by number (0) or name ("1" or "View1"). Others raise."""
        if which not in (0, "1", "View1"):
            raise NotImplementedError(f"this stand-in draws one 3D view, not {which!r}")
        return ThreeDWidget(self.three_d_view()) if self.threeDViewCount else None

    def activeMRMLThreeDViewNode(self) -> Any:
        return self.three_d_node()

    def resetSliceViews(self) -> None:
        for view in self._slices.values():
            view.logic.FitSliceToBackground()

    def resetThreeDViews(self) -> None:
        self.three_d_view().resetFocalPoint()

    # Beyond what Slicer has: for pictures.

    def three_d_node(self) -> Any | None:
        """The first vtkMRMLViewNode of the scene; the layouts put it there."""
        return self._application.scene.GetFirstNodeByClass("vtkMRMLViewNode")

    def three_d_view(self) -> ThreeDView:
        """The 3D view, made when it is first asked for."""
        node = self.three_d_node()
        if self._three_d is None or self._three_d.node is not node:
            self._three_d = ThreeDView(self._application, node, self._size)
        return self._three_d

    def slice_view(self, name: str) -> SliceView | None:
        return self._slices.get(name)

    def description(self) -> Any:
        """The current layout as a vtkXMLDataElement: layouts, items, views."""
        return self._layouts.GetLayoutNode().GetLayoutRootElement()
