"""From a finished run to the scene: the answer's nodes, and the views that show them."""

from __future__ import annotations

import slicer

from HNCLogic.in_steps import at_once
from HNCLogic.scene import display
from HNCLogic.scene.application import of_desktop
from HNCLogic.scene.heatmap import HEAT_NAME
from HNCLogic.scene.layers import composites
from HNCLogic.scene.presence_nodes import put_presence
from HNCLogic.scene.voxel_files import read_node


def putAnswer(images, result, folder):
    """Put a Result whose files lie in ``folder`` into the scene, step by step.

    ``images``: role → volume node, of the run. A generator of shares done that returns the
    PresenceNodes; closed half-way it leaves the scene as it was.
    """
    scene, heat = slicer.mrmlScene, None
    if "heatmap" in result.files:
        heat = yield from read_node(scene, folder / result.files["heatmap"], HEAT_NAME)
    # Without a pause: closed in between, the heat map would belong to no answer.
    return at_once(put_presence(scene, referenceOf(images), result, heat))


def referenceOf(images):
    """The node of the image on which the results lie: the PET, without one the first."""
    return images.get("PET") or next(iter(images.values()))


def showImages(images):
    """PET over CT or MRI in the slice views, in the usual colours; nothing where that is what
    they show already, in whatever colours the user gave them."""
    pet = images.get("PET")
    role, background = next(
        ((role, node) for role, node in images.items() if role != "PET"), (None, None)
    )
    if pet is None:
        return
    wanted = (
        (background or pet).GetID(),
        pet.GetID() if background is not None else None,
    )
    shown = {
        (composite.GetBackgroundVolumeID(), composite.GetForegroundVolumeID())
        for composite in composites(of_desktop())
    }
    if shown - {wanted}:
        display.fuse(of_desktop(), pet, background, role or "CT")
