"""Hears when the user moves a markups ROI."""

from __future__ import annotations

import slicer
import vtk
from slicer.util import VTKObservationMixin

from HNCLogic.scene import rois

STILL_MM = 0.01  # what moves by less has not been moved


class BoxWatch(VTKObservationMixin):
    """``onMoved()`` is called when the ROI that is followed was moved by other than ``put``."""

    def __init__(self, onMoved):
        VTKObservationMixin.__init__(self)
        self._onMoved = onMoved
        self.node = None
        self._box = None  # where it was when last seen

    def follow(self, node):
        """None for none."""
        if node is self.node:
            return
        self.removeObservers()
        self.node = node
        self._box = None if node is None else rois.box_of(node)
        if node is not None:
            for event in (
                vtk.vtkCommand.ModifiedEvent,
                slicer.vtkMRMLTransformableNode.TransformModifiedEvent,
            ):
                self.addObserver(node, event, self._onModified)

    def put(self, box):
        """Move it without a word."""
        if not same(self._box, box):
            self._box = box
            rois.set_box(self.node, box)

    def _onModified(self, caller, event=None):
        box = rois.box_of(caller)
        if not same(box, self._box):
            self._box = box
            if not slicer.mrmlScene.IsBatchProcessing():
                self._onMoved()

    def cleanup(self):
        self.removeObservers()
        self.node = None


def same(one, other):
    """Are two boxes the same, as far as anybody could see?"""
    if one is None or other is None:
        return one is other
    return all(abs(a - b) <= STILL_MM for a, b in zip(one, other, strict=True))
