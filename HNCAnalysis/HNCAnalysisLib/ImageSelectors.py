"""Selectors of images by role that fill themselves in from what is loaded."""

from __future__ import annotations

import slicer
import vtk
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from HNCLogic.panels import image_checks
from HNCLogic.panels import volume_facts as facts
from HNCLogic.panels.roles import volumes_by_role
from HNCLogic.panels.stepwise import Soon


class ImageSelectors(VTKObservationMixin):
    """``selectors``: field of the parameter node → its selector, which ``connectGui`` connects;
    ``roles``: field → Job's role. ``onChanged`` is called when an image itself has changed."""

    def __init__(self, selectors, roles, onChanged):
        VTKObservationMixin.__init__(self)
        self._selectors, self._roles, self._onChanged = selectors, roles, onChanged
        self._parameterNode = None
        self._emptied = set()  # fields that the user emptied: they stay so
        self._doubtful = {}
        self._leaving = None
        self._later = Soon(self._onLater)
        for name, selector in selectors.items():
            selector.connect(
                "currentNodeChanged(vtkMRMLNode*)", lambda node, name=name: self._onPicked(name)
            )
        scene = slicer.mrmlScene
        for event in (scene.NodeAddedEvent, scene.EndImportEvent, scene.EndBatchProcessEvent):
            self.addObserver(scene, event, self._onScene)
        self.addObserver(scene, scene.EndCloseEvent, self._onClosed)
        # Before the selectors, which would take the next node in the list.
        self.addObserver(scene, scene.NodeAboutToBeRemovedEvent, self._onLeaving, priority=1.0)

    def setParameterNode(self, parameterNode):
        self._parameterNode = parameterNode
        for selector in self._selectors.values():
            selector.enabled = parameterNode is not None

    def fillIn(self):
        """Choose what is clear for the fields that are empty."""
        node = self._parameterNode
        if node is None or slicer.mrmlScene.IsBatchProcessing():
            return
        found, self._doubtful = volumes_by_role(slicer.mrmlScene, self._roles.values())
        with slicer.util.NodeModify(node.parameterNode):
            for name, role in self._roles.items():
                if getattr(node, name) is None and name not in self._emptied and role in found:
                    setattr(node, name, found[role])

    def images(self):
        """Job's role → volume node, of what is chosen."""
        node = self._parameterNode
        chosen = {} if node is None else {r: getattr(node, n) for n, r in self._roles.items()}
        return {role: volume for role, volume in chosen.items() if volume is not None}

    def complaints(self):
        """What keeps the images from being used, the worst first."""
        images = self.images()
        self._watch(images.values())
        return image_checks.complaints(images)

    def doubts(self):
        """Of which roles several volumes are loaded that fit equally well."""
        chosen = self.images()
        return [
            _("{role}: {names} fit equally well; choose one.").format(
                role=role, names=_(" and ").join(f"“{volume.GetName()}”" for volume in volumes)
            )
            for role, volumes in self._doubtful.items()
            if role not in chosen and all(volume.GetScene() is not None for volume in volumes)
        ]

    def cleanup(self):
        self._later.stop()
        self._parameterNode = None
        self.removeObservers()

    def _watch(self, volumes):
        self.removeObservers(self._onVolume)
        for volume in volumes:
            for event in (
                slicer.vtkMRMLVolumeNode.ImageDataModifiedEvent,
                slicer.vtkMRMLTransformableNode.TransformModifiedEvent,
            ):
                if not self.hasObserver(volume, event, self._onVolume):
                    self.addObserver(volume, event, self._onVolume)

    def _onVolume(self, caller, event):
        if not slicer.mrmlScene.IsBatchProcessing():
            self._onChanged()

    def _onPicked(self, name):
        if self._parameterNode is None or slicer.mrmlScene.IsBatchProcessing():
            return
        if self._selectors[name].currentNode() is not None:
            self._emptied.discard(name)
            self._later.start()
        elif self._leaving is None:
            self._emptied.add(name)

    def _onScene(self, caller, event):
        if not slicer.mrmlScene.IsBatchProcessing():
            self._later.start()

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _onLeaving(self, caller, event, node):
        self._leaving = node
        try:
            for name in self._roles if self._parameterNode is not None else ():
                if getattr(self._parameterNode, name) is node:
                    setattr(self._parameterNode, name, None)
        finally:
            self._leaving = None

    def _onClosed(self, caller, event):
        self._emptied.clear()
        self._doubtful = {}

    def _onLater(self):
        self.fillIn()
        ct = self.images().get("CT")  # of MRI nobody asks for values
        if ct is not None and facts.has_voxels(ct) and not facts.looked_at(ct):
            facts.values_of(ct)
            self._later.start()
            return
        self._onChanged()
