"""How it looks: SUV window, PET over anatomy, outline or fill, fusion, the turning MIP."""

from __future__ import annotations

import slicer
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from HNCLogic.panels.roles import is_suv
from HNCLogic.scene import display
from HNCLogic.scene.application import of_desktop
from HNCLogic.scene.layers import PET_OPACITY, composites


class DisplayBox(VTKObservationMixin):
    """The section "Display". The sliders show what the views have, and opening changes nothing.

    ``petNode()`` and ``segmentation()`` give nodes or None, ``background()`` the role and the node
    of the anatomy, ("", None) where there is none.
    """

    def __init__(self, ui, petNode, background, segmentation):
        VTKObservationMixin.__init__(self)
        self.ui = ui
        self._petNode, self._background, self._segmentation = petNode, background, segmentation
        self._parameterNode = None
        self._filling = False
        ui.windowSlider.connect("valueChanged(double)", self._onWindow)
        ui.opacitySlider.connect("valueChanged(double)", self._onOpacity)
        ui.fillButton.connect("toggled(bool)", self._onFill)
        ui.fusionButton.connect("clicked()", self.onFusion)
        ui.mipButton.connect("clicked(bool)", self.onMip)

    def setParameterNode(self, parameterNode):
        self._parameterNode = parameterNode

    def refresh(self):
        """Offer what there are nodes for, and show how they look now."""
        ui, pet = self.ui, self._suvPet()
        role, background = self._background()
        fused = pet is not None and background is not None
        ui.windowSlider.enabled = ui.fusionButton.enabled = pet is not None
        ui.opacitySlider.enabled = fused
        other = "MRI" if role == "MR" else "CT"
        ui.opacityLabel.text = _("PET over {other}:").format(other=other)
        ui.fusionButton.text = _("PET/{other} fusion").format(other=other)
        shown = display.mip_shown(slicer.mrmlScene) is not None
        ui.mipButton.enabled = pet is not None or shown
        ui.outlineRow.enabled = self._segmentation() is not None
        self._watch(pet)
        self._filling = True
        try:
            ui.mipButton.checked = shown
            if pet is not None:
                ui.windowSlider.value = display.suv_window(pet)
            if fused:
                ui.opacitySlider.value = _opacityOf(pet)
            button = ui.outlineButton if self._outline() else ui.fillButton
            button.checked = True
        finally:
            self._filling = False

    def applyOutline(self):
        """Draw a new segmentation as the user had the last one."""
        if self._segmentation() is not None and self._parameterNode is not None:
            display.set_outline(self._segmentation(), self._parameterNode.outline)
            self.refresh()

    def showPet(self):
        """Lay the PET over the anatomy, unless the slice views show it already."""
        pet = self._suvPet()
        shown = {
            volume
            for composite in composites(of_desktop())
            for volume in (composite.GetBackgroundVolumeID(), composite.GetForegroundVolumeID())
        }
        if pet is not None and pet.GetID() not in shown:
            self.onFusion()

    def onFusion(self):
        """The PET in colour over the anatomy, in every slice view."""
        role, background = self._background()
        display.fuse(
            of_desktop(),
            self._suvPet(),
            background,
            "MR" if role == "MR" else "CT",
            suv_max=self.ui.windowSlider.value,
            opacity=self.ui.opacitySlider.value,
        )

    def onMip(self, on):
        if on and self._suvPet() is not None:
            display.mip_view(slicer.mrmlScene, self._suvPet(), self.ui.windowSlider.value)
        else:
            display.stop_mip(slicer.mrmlScene)
        self.refresh()

    def _watch(self, pet):
        """Follow the window when it is dragged in a view."""
        event = slicer.vtkMRMLDisplayableNode.DisplayModifiedEvent
        if pet is None or not self.hasObserver(pet, event, self._onPetDisplay):
            self.removeObservers(self._onPetDisplay)
            if pet is not None:
                self.addObserver(pet, event, self._onPetDisplay)

    def _onPetDisplay(self, caller=None, event=None):
        pet = self._suvPet()
        if pet is not None and not slicer.mrmlScene.IsBatchProcessing():
            self._filling = True
            self.ui.windowSlider.value = display.suv_window(pet)
            self._filling = False

    def _outline(self):
        if self._segmentation() is not None:
            return display.is_outline(self._segmentation())
        return self._parameterNode is None or self._parameterNode.outline

    def _suvPet(self):
        pet = self._petNode()
        return pet if pet is not None and is_suv(pet) else None

    def _onWindow(self, value):
        if not self._filling and self._suvPet() is not None:
            display.set_suv_window(self._suvPet(), value)

    def _onOpacity(self, value):
        background = self._background()[1]
        if not self._filling and None not in (self._suvPet(), background):
            display.set_fusion(of_desktop(), background, self._suvPet(), value)

    def _onFill(self, fill):
        if not self._filling and self._parameterNode is not None:
            self._parameterNode.outline = not fill
            self.applyOutline()


def _opacityOf(pet):
    """The PET's opacity over the anatomy in the slice views; the usual one where it is not."""
    for composite in composites(of_desktop()):
        if composite.GetForegroundVolumeID() == pet.GetID():
            return composite.GetForegroundOpacity()
    return PET_OPACITY
