"""A small made-up patient for the module's own test: PET and CT as volume nodes."""

from __future__ import annotations

import json

import numpy as np
import slicer

SHAPE = (40, 32, 32)  # z, y, x
SPACING = (5.0, 5.0, 6.0)  # mm, x, y, z
ORIGIN = (77.5, 70.0, 300.0)  # RAS, mm, of the first voxel; x and y run to the left and back
HOT = (-22.5, -5.0, 420.0)  # RAS, mm: the middle of the lesion
SIMULATED = "a cylinder with one hot ball"


def addPatient():
    """Adds a PET in SUVbw and a CT to the scene, both marked as simulated; gives (pet, ct)."""
    from HNCLogic.scene.volumes import show_ct, show_pet

    _z, y, x = np.meshgrid(*[np.arange(n) for n in SHAPE], indexing="ij")
    body = (x - 15.5) ** 2 + (y - 15.5) ** 2 < 13**2
    ball = distanceTo(HOT) < 14
    grain = np.abs(np.random.default_rng(0).normal(0, 0.05, SHAPE))
    pet = _volume(np.where(ball, 8.0, 1.0 * body) + grain * body, "PET (SUVbw)")
    ct = _volume(np.where(body, 40.0, -1000.0), "CT")
    show_pet(pet)
    show_ct(ct)
    return pet, ct


def addMri():
    """Adds three MRI of the same patient to the scene, marked as simulated; gives (T2, CE-T1,
    DWI-b1000)."""
    from HNCLogic.scene.volumes import show_mr

    ball = distanceTo(HOT) < 14
    grain = np.random.default_rng(1).normal(0, 5, SHAPE)
    volumes = [_volume(100 + 80 * ball + grain, name) for name in ("T2", "T1 +C", "DWI b1000")]
    for volume in volumes:
        show_mr(volume)
    return volumes


def writeModel(folder, method, roles):
    """A model's card with a file beside it that holds no weights: enough to be chosen."""
    card = {
        "format": "hnc-model",
        "format_version": 1,
        "name": folder.name,
        "version": "0.1",
        "method": method,
        "network": {"name": "none", "arguments": {}},
        "inputs": [{"role": role} for role in roles],
        "preprocessing": {},
        "classes": ["made up"],
        "training": {"words": "nothing: made up for a test"},
        "intended_use": "Tests.",
        "licence": "Apache-2.0",
        "weights": [{"file": "fold-1.safetensors", "sha256": "0" * 64, "fold": 1}],
    }
    folder.mkdir()
    (folder / "model.json").write_text(json.dumps(card), encoding="utf-8")
    (folder / "fold-1.safetensors").write_bytes(b"")
    return folder


def addOutline(reference):
    """A segmentation of the lesion, on the grid of ``reference``."""
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Outlined by hand")
    node.CreateDefaultDisplayNodes()
    node.SetReferenceImageGeometryParameterFromVolumeNode(reference)
    segment = node.GetSegmentation().AddEmptySegment("", "Lesion", (0.0, 0.8, 0.3))
    voxels = (distanceTo(HOT) < 14).astype(np.uint8)
    slicer.util.updateSegmentBinaryLabelmapFromArray(voxels, node, segment, reference)
    return node


def distanceTo(place):
    """mm from each voxel to ``place`` (RAS), axes (z, y, x)."""
    z, y, x = np.meshgrid(*[np.arange(n) for n in SHAPE], indexing="ij")
    right = ORIGIN[0] - SPACING[0] * x - place[0]
    front = ORIGIN[1] - SPACING[1] * y - place[1]
    return np.sqrt(right**2 + front**2 + (ORIGIN[2] + SPACING[2] * z - place[2]) ** 2)


def _volume(array, name):
    node = slicer.util.addVolumeFromArray(array.astype(np.float32), name=name)
    node.SetSpacing(SPACING)
    node.SetOrigin(ORIGIN)
    node.SetIJKToRASDirections(-1, 0, 0, 0, -1, 0, 0, 0, 1)
    node.SetAttribute("HNC_Simulated", SIMULATED)
    return node
