"""slicer.app.coreIOManager(): nodes and scenes from and to files, by Slicer's own storage nodes.

``slicer.util.loadVolume``, ``loadScene``, ``saveNode`` and the like, which are genuine, end here.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import slicer
import vtk

from HNCLogic.scene.application import Application, complaints
from HNCLogic.scene.save import quiet_stderr

BY_ENDING = {
    ".seg.nrrd": "SegmentationFile",
    ".nrrd": "VolumeFile",
    ".nhdr": "VolumeFile",
    ".nii": "VolumeFile",
    ".nii.gz": "VolumeFile",
    ".mha": "VolumeFile",
    ".mhd": "VolumeFile",
    ".mrb": "SceneFile",
    ".mrml": "SceneFile",
    ".csv": "TableFile",
    ".tsv": "TableFile",
    ".txt": "TextFile",
    ".json": "TextFile",
}
NODES = {
    "SegmentationFile": "vtkMRMLSegmentationNode",
    "TableFile": "vtkMRMLTableNode",
    "TextFile": "vtkMRMLTextNode",
}
WRITTEN_AS = {
    "vtkMRMLSegmentationNode": "SegmentationFile",
    "vtkMRMLVolumeNode": "VolumeFile",
    "vtkMRMLTableNode": "TableFile",
    "vtkMRMLTextNode": "TextFile",
}
KNOWN = {"fileName", "name", "show", "labelmap", "singleFile", "center", "clear", "nodeID"}


class FileIO:
    """Reads and writes; a failure is False with a message, as in Slicer. Unknown kinds raise."""

    def __init__(self, application: Application):
        self._application = application

    def fileType(self, path: Any) -> str:
        """The kind of a file by its name: "VolumeFile", "SceneFile" …; "NoFile" for others."""
        name = str(path).lower()
        endings = [ending for ending in BY_ENDING if name.endswith(ending)]
        return BY_ENDING[max(endings, key=len)] if endings else "NoFile"

    def fileWriterFileType(self, node: Any) -> str:
        for name, kind in WRITTEN_AS.items():
            if node.IsA(name):
                return kind
        raise NotImplementedError(f"this stand-in cannot write a {node.GetClassName()}")

    def loadNodes(
        self, kind: str, properties: dict, loaded: Any = None, messages: Any = None
    ) -> bool:
        _check(properties)
        path = properties["fileName"]
        complaints.clear()
        if not os.path.exists(path):
            return self._failed(messages, f"The file does not exist: {path}")
        if kind == "SceneFile":
            return self._load_scene(path, bool(properties.get("clear")), messages)
        name = properties.get("name") or Path(path).name.split(".")[0]
        with quiet_stderr():
            if kind == "VolumeFile":
                node = self._load_volume(path, name, properties)
            elif kind in NODES:
                node = self._load_data(path, name, NODES[kind])
            else:
                raise NotImplementedError(f"this stand-in cannot read a {kind}")
        if node is None:
            return self._failed(messages, f"The file cannot be read: {path}")
        if loaded is not None:
            loaded.AddItem(node)
        return True

    def saveNodes(self, kind: str, properties: dict, messages: Any = None) -> bool:
        _check(properties)
        path = str(properties["fileName"])
        complaints.clear()
        with quiet_stderr():
            if kind == "SceneFile":
                done = self._save_scene(path, messages)
            else:
                node = self._application.scene.GetNodeByID(properties["nodeID"])
                node.AddDefaultStorageNode(path)
                node.GetStorageNode().SetFileName(path)
                done = node.GetStorageNode().WriteData(node)
        return bool(done) or self._failed(messages, f"The file cannot be written: {path}")

    def saveScene(self, path: str, *_rest: Any) -> bool:
        return self.saveNodes("SceneFile", {"fileName": path})

    def _load_volume(self, path: str, name: str, properties: dict) -> Any:
        flags = (bool(properties.get("labelmap")), bool(properties.get("center")))
        options = flags[0] * 1 + flags[1] * 2 + bool(properties.get("singleFile")) * 4
        volumes = self._application.logic.GetModuleLogic("Volumes")
        node = volumes.AddArchetypeVolume(path, name, options)
        if node is not None and properties.get("show", True):
            selection = self._application.logic.GetSelectionNode()
            if flags[0]:
                selection.SetActiveLabelVolumeID(node.GetID())
            else:
                selection.SetActiveVolumeID(node.GetID())
            self._application.logic.PropagateVolumeSelection()
        return node

    def _load_data(self, path: str, name: str, node_class: str) -> Any:
        scene = self._application.scene
        node = scene.AddNewNodeByClass(node_class, scene.GenerateUniqueName(name))
        node.AddDefaultStorageNode(path)
        storage = node.GetStorageNode()
        storage.SetFileName(path)
        if not storage.ReadData(node):
            scene.RemoveNode(storage)
            scene.RemoveNode(node)
            return None
        if hasattr(node, "CreateDefaultDisplayNodes"):
            node.CreateDefaultDisplayNodes()
        return node

    def _load_scene(self, path: str, clear: bool, messages: Any) -> bool:
        scene = self._application.scene
        here = os.getcwd()
        try:
            with quiet_stderr():
                if path.endswith(".mrb"):
                    given = messages or slicer.vtkMRMLMessageCollection()
                    done = scene.ReadFromMRB(path, clear, given)
                else:
                    scene.SetURL(path)
                    done = scene.Connect() if clear else scene.Import()
        finally:
            os.chdir(here)  # VTK unpacks in the working folder, and on failure stays elsewhere
        return bool(done) or self._failed(messages, f"The scene cannot be read: {path}")

    def _save_scene(self, path: str, messages: Any) -> bool:
        scene = self._application.scene
        given = messages or slicer.vtkMRMLMessageCollection()
        if path.endswith(".mrml"):
            return scene.Commit(path)
        if path.endswith(".mrb"):
            return scene.WriteToMRB(path, None, given)
        os.makedirs(path, exist_ok=True)
        return scene.SaveSceneToSlicerDataBundleDirectory(path, None, given)

    def _failed(self, messages: Any, words: str) -> bool:
        if messages is not None:
            for each in (words, *complaints):
                messages.AddMessage(vtk.vtkCommand.ErrorEvent, each)
        return False


def _check(properties: dict) -> None:
    """Reading and writing take these properties here; Slicer ignores others in silence."""
    # nodeID travels along: slicer.util's functions share one dictionary between their calls.
    if unknown := set(properties) - KNOWN:
        raise NotImplementedError(f"this stand-in does not know the properties {sorted(unknown)}")
