"""The heat map over the images: how strong, shown or not, and where it is hottest."""

from __future__ import annotations

import slicer
from slicer.i18n import tr as _

from HNCLogic.errors import InputError
from HNCLogic.scene import display
from HNCLogic.scene.application import of_desktop
from HNCLogic.scene.hottest import hottest_of
from HNCLogic.scene.layers import jump


class HeatMapView:
    """Keeps the slice views' heat map as the parameter node says. Draws nothing itself."""

    def __init__(self, ui):
        self.ui = ui
        self._parameterNode = None
        self._heat = None  # the heat map's volume node
        self._hottest = None  # RAS, of the result: in the region that was analysed
        self._applied = None
        ui.hottestButton.connect("clicked(bool)", self.onHottest)

    def setParameterNode(self, parameterNode):
        self._parameterNode = parameterNode
        self._applied = None
        self.update()

    def show(self, heat, hottest):
        """``heat``: the volume node, or None. ``hottest``: where the result says that it is
        hottest (RAS); None: wherever its voxels say. Another one that is shown goes out of the
        views."""
        former = self._heat
        if former is not None and former is not heat and former.GetScene() is not None:
            display.set_heat(of_desktop(), former, 0.0, False)
        self._heat, self._hottest = heat, hottest
        self.update()

    def update(self):
        """To be called when the parameter node has changed."""
        ui, node = self.ui, self._parameterNode
        heat = self._heat if node is not None else None
        for widget in (ui.heatShown, ui.hottestButton):
            widget.enabled = heat is not None
        ui.heatOpacity.enabled = heat is not None and node.heatShown
        if heat is None:
            self._applied = None
            return
        wanted = (heat.GetID(), node.heatOpacity, node.heatShown)
        if wanted != self._applied:
            display.set_heat(of_desktop(), heat, node.heatOpacity, node.heatShown)
            self._applied = wanted

    def onHottest(self):
        """Jump there, and show the heat map if it was off."""
        if self._parameterNode is None or self._heat is None:
            return
        try:
            jumped = self.goToHottest()
        except InputError as error:
            slicer.util.warningDisplay(str(error))
            return
        if not jumped:
            slicer.util.infoDisplay(_("The heat map is empty: there is no hottest slice."))
            return
        self._parameterNode.heatShown = True

    def goToHottest(self):
        """False where there is no heat. Raises InputError where the heat map cannot be read."""
        place = self._hottest
        if place is None and self._heat is not None:
            place = hottest_of(self._heat)
        if place is not None:
            jump(of_desktop(), place)
        return place is not None
