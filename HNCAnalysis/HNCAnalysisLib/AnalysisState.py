"""What the parameter node says: the settings of a run, and whether an answer is still of them."""

from __future__ import annotations

import json

import slicer
import vtk
from slicer.util import VTKObservationMixin

from HNCLogic.panels.volume_facts import changed_at

INPUTS = {  # input → what the answer was of
    "pet": "analysedPet",
    "ct": "analysedCt",
    "mr": "analysedMr",
    "annotated": "analysedAnnotated",
}
CLASSES = (  # of what an answer is of, and of its own nodes
    "vtkMRMLVolumeNode",
    "vtkMRMLSegmentationNode",
    "vtkMRMLTextNode",
    "vtkMRMLTableNode",
)
SIMULATED = "HNC_Simulated"  # the attribute in which a node says that it is
VOXELS = "voxels"  # setting: "" as they were analysed, else what an answer is of no more


class VoxelWatch(VTKObservationMixin):
    """Notes when images are changed in place, or moved, after they were analysed."""

    def __init__(self):
        VTKObservationMixin.__init__(self)
        self._parameterNode = None
        self._changedAt = {}  # of each image's voxels, as last seen

    def follow(self, parameterNode):
        """Watch the images of this node's answer; None for none."""
        self._parameterNode = parameterNode
        self.removeObservers()
        if parameterNode is None or parameterNode.result is None:
            self._changedAt = {}
            return
        for analysed in INPUTS.values():
            node = getattr(parameterNode, analysed)
            if node is None or not node.IsA("vtkMRMLVolumeNode"):
                continue
            self._changedAt.setdefault(node.GetID(), changed_at(node))
            for event, called in (
                (slicer.vtkMRMLVolumeNode.ImageDataModifiedEvent, self._onModified),
                (vtk.vtkCommand.ModifiedEvent, self._onModified),
                (slicer.vtkMRMLTransformableNode.TransformModifiedEvent, self._onChanged),
            ):
                if not self.hasObserver(node, event, called):
                    self.addObserver(node, event, called)

    def _onModified(self, caller, event=None):
        now = changed_at(caller)
        if self._changedAt.get(caller.GetID()) != now:
            self._changedAt[caller.GetID()] = now
            self._onChanged()

    def _onChanged(self, caller=None, event=None):
        if slicer.mrmlScene.IsBatchProcessing() or self._parameterNode.result is None:
            return
        then = json.loads(self._parameterNode.analysedSettings or "{}")
        if not then.get(VOXELS):
            self._parameterNode.analysedSettings = json.dumps(
                {**then, VOXELS: "changed since"}, sort_keys=True
            )


def chosen(parameterNode):
    """The settings of the panel, as JSON: what an answer is compared with later."""
    return json.dumps(
        {
            "aggregation": parameterNode.aggregation,
            "model": parameterNode.model,
            "mrRole": parameterNode.mrRole if parameterNode.mr is not None else "",
            VOXELS: "",
            "threshold": (
                round(parameterNode.threshold, 4) if parameterNode.thresholdByHand else None
            ),
        },
        sort_keys=True,
    )


def jobSettings(parameterNode, model, images, inputSettings):
    """The fields of the Job beside its images.

    ``model``: the model's folder; ``images``: role → volume node; ``inputSettings``: what the
    inputs say of them.
    """
    settings = {"task": "explain", "plain": True, "presence_model": str(model), **inputSettings}
    if parameterNode.aggregation:
        settings["aggregation"] = parameterNode.aggregation
    if parameterNode.thresholdByHand:
        settings["threshold"] = float(parameterNode.threshold)
    if words := simulated(images.values()):
        settings["simulated"] = words
    return settings


def simulated(nodes):
    """What the first simulated one of ``nodes`` says of itself; None where none is."""
    said = (node.GetAttribute(SIMULATED) for node in nodes if node is not None)
    return next((words for words in said if words), None)


def remember(parameterNode, text, inputs, settings):
    """Note the answer, a text node, and what it is of: ``inputs`` (name → node or None) and
    ``chosen()`` as they were when it was asked for."""
    with slicer.util.NodeModify(parameterNode.parameterNode):
        parameterNode.result = text
        for name, analysed in INPUTS.items():
            setattr(parameterNode, analysed, inputs[name])
        parameterNode.analysedSettings = settings


def currentInputs(parameterNode):
    return {name: getattr(parameterNode, name) for name in INPUTS}


def changedSince(parameterNode):
    """What is not any more as it was when the answer was made, as names of ``INPUTS`` or of the
    settings; empty where the answer is of what is set now."""
    changed = [
        name
        for name, analysed in INPUTS.items()
        if _id(getattr(parameterNode, name)) != _id(getattr(parameterNode, analysed))
    ]
    then, now = (
        json.loads(text or "{}") for text in (parameterNode.analysedSettings, chosen(parameterNode))
    )
    then.setdefault(VOXELS, "")  # an answer of before this was noted
    return changed + [name for name in now if now[name] != then.get(name)]


def analysedImages(parameterNode):
    """The images of the answer that are in the scene still: role → volume node."""
    mrRole = json.loads(parameterNode.analysedSettings or "{}").get("mrRole")
    images = {
        "PET": parameterNode.analysedPet,
        mrRole: parameterNode.analysedMr,
        "CT": parameterNode.analysedCt,
    }
    return {role: node for role, node in images.items() if role and node is not None}


def _id(node):
    return node.GetID() if node is not None else None
