"""What the parameter node says: what an answer is of, and whether that is still what is set."""

from __future__ import annotations

import json

import slicer
import vtk
from slicer.util import VTKObservationMixin

from HNCLogic.panels.volume_facts import changed_at

CLASSES = (  # of what an answer is of, and of its own nodes
    "vtkMRMLVolumeNode",
    "vtkMRMLSegmentationNode",
    "vtkMRMLTextNode",
    "vtkMRMLTableNode",
    "vtkMRMLMarkupsROINode",
)
SIMULATED = "HNC_Simulated"  # the attribute in which a node says that it is
VOXELS = "voxels"  # setting: "" as they were analysed, else what an answer is of no more
GIVEN = "given"  # setting: the images, as names of a task's inputs, that a run was given


class VoxelWatch(VTKObservationMixin):
    """Notes when images are changed in place, or moved, after they were analysed."""

    def __init__(self):
        VTKObservationMixin.__init__(self)
        self._parameterNode = None
        self._task = None
        self._changedAt = {}  # of each image's voxels, as last seen

    def follow(self, parameterNode, task):
        """Watch the images of this node's answer to ``task``; None for none."""
        if task is not self._task:
            self._changedAt = {}
        self._parameterNode, self._task = parameterNode, task
        self.removeObservers()
        if parameterNode is None or resultOf(parameterNode, task) is None:
            self._changedAt = {}
            return
        for analysed in task.inputs.values():
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
        node, task = self._parameterNode, self._task
        if slicer.mrmlScene.IsBatchProcessing() or resultOf(node, task) is None:
            return
        then = _settings(node, task)
        if not then.get(VOXELS):
            _keep(node, task, {**then, VOXELS: "changed since"})


def resultOf(parameterNode, task):
    """The text node of the answer to ``task``; None where there is none."""
    return getattr(parameterNode, task.result)


def chosen(parameterNode, task, inputs):
    """The settings of the panel: what an answer is compared with later. ``inputs``: the task's, as
    ``PresenceInputs``."""
    return {"model": getattr(parameterNode, task.model), VOXELS: "", **inputs.chosen()}


def simulated(nodes):
    """What the first simulated one of ``nodes`` says of itself; None where none is."""
    said = (node.GetAttribute(SIMULATED) for node in nodes if node is not None)
    return next((words for words in said if words), None)


def remember(parameterNode, task, text, inputs, settings):
    """Note the answer, a text node, and what it is of: ``inputs`` (name → node or None) and
    ``chosen()`` as they were when it was asked for."""
    with slicer.util.NodeModify(parameterNode.parameterNode):
        setattr(parameterNode, task.result, text)
        for name, analysed in task.inputs.items():
            setattr(parameterNode, analysed, inputs[name])
        _keep(parameterNode, task, settings)


def currentInputs(parameterNode, task, images):
    """The nodes of ``task``'s inputs, by name; without those whose role is none of a run's
    ``images``."""
    return {
        name: getattr(parameterNode, name) if task.roles.get(name) in (None, *images) else None
        for name in task.inputs
    }


def changedSince(parameterNode, task, now):
    """What is not any more as it was when the answer was made, as names of ``task.inputs`` or of
    the settings, ``now`` of ``chosen()``; empty where the answer is of what is set now."""
    then = _settings(parameterNode, task)
    given = then.get(GIVEN, list(task.inputs))
    nodes = {
        name: (getattr(parameterNode, name), getattr(parameterNode, analysed))
        for name, analysed in task.inputs.items()
        if name in given
    }
    changed = [name for name, (one, other) in nodes.items() if _id(one) != _id(other)]
    then.setdefault(VOXELS, "")  # an answer of before this was noted
    return changed + [name for name in now if now[name] != then.get(name)]


def analysedImages(parameterNode, task):
    """The images of the answer that are in the scene still: role → volume node."""
    roles = task.roles or {
        "pet": "PET",
        "mr": _settings(parameterNode, task).get("mrRole"),
        "ct": "CT",
    }
    images = {role: getattr(parameterNode, task.inputs[name]) for name, role in roles.items()}
    return {role: node for role, node in images.items() if role and node is not None}


def _settings(parameterNode, task):
    return json.loads(getattr(parameterNode, task.settings) or "{}")


def _keep(parameterNode, task, settings):
    setattr(parameterNode, task.settings, json.dumps(settings, sort_keys=True))


def _id(node):
    return node.GetID() if node is not None else None
