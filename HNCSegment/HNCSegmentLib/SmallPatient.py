"""A small made-up PET/CT for the module's own test: a body, a hot primary, a hot node."""

from __future__ import annotations

import numpy as np
import slicer
import vtk

SIZE = (44, 44, 40)  # x, y, z
SPACING = (4.0, 4.2, 5.0)  # mm
CENTRE = np.array([12.0, -34.0, 210.0])  # RAS, mm
PRIMARY = CENTRE + np.array([22.0, 18.0, 12.0])
NODE = CENTRE + np.array([-36.0, -12.0, -30.0])
RADII = {1: 13.0, 2: 9.0}
SUV = {1: 12.0, 2: 7.0}
SIMULATED = "a cylinder with two hot balls"

# The rows and slices run backward, and the head is turned a little: as scanners do it.
_TURN = np.deg2rad(6.0)
_DIRECTION = np.array(
    [[-np.cos(_TURN), np.sin(_TURN), 0], [np.sin(_TURN), np.cos(_TURN), 0], [0, 0, 1]]
) @ np.diag([1.0, -1.0, -1.0])


def addPatient():
    """Adds a PET in SUVbw and a CT to the scene, both marked as simulated; gives (pet, ct)."""
    from HNCLogic.scene.volumes import show_ct, show_pet

    grain = np.abs(np.random.default_rng(3).normal(0, 0.05, SIZE[::-1]))
    suv = (0.8 + grain) * inBody()
    for label, place in ((1, PRIMARY), (2, NODE)):
        far = distanceTo(place)
        suv[far < RADII[label]] = SUV[label]
        suv[far < 3.0] = SUV[label] + 2.0
    pet = _volume(suv, "PET (SUVbw)")
    ct = _volume(np.where(inBody(), 40.0, -1000.0), "CT")
    show_pet(pet)
    show_ct(ct)
    return pet, ct


def labels():
    """The lesions' labels, uint16, axes (z, y, x): 1 the primary, 2 the node."""
    found = np.zeros(SIZE[::-1], np.uint16)
    for label, place in ((1, PRIMARY), (2, NODE)):
        found[distanceTo(place) < RADII[label]] = label
    return found


def inBody():
    across = positions() - CENTRE
    return np.hypot(across[..., 0] / 75.0, across[..., 1] / 80.0) < 1


def distanceTo(place):
    """mm from each voxel to ``place`` (RAS), axes (z, y, x)."""
    return np.linalg.norm(positions() - place, axis=-1)


def positions():
    """RAS of each voxel, axes (z, y, x, 3)."""
    z, y, x = np.meshgrid(*[np.arange(n) for n in SIZE[::-1]], indexing="ij")
    matrix = ijkToRas()
    return np.stack([x, y, z], axis=-1) @ matrix[:3, :3].T + matrix[:3, 3]


def ijkToRas():
    matrix = np.eye(4)
    matrix[:3, :3] = _DIRECTION * SPACING
    matrix[:3, 3] = CENTRE - matrix[:3, :3] @ ((np.array(SIZE) - 1) / 2)
    return matrix


def _volume(array, name):
    node = slicer.util.addVolumeFromArray(array.astype(np.float32), name=name)
    matrix = vtk.vtkMatrix4x4()
    matrix.DeepCopy(ijkToRas().ravel())
    node.SetIJKToRASMatrix(matrix)
    node.SetAttribute("HNC_Simulated", SIMULATED)
    return node
