"""From a finished run to the scene: the answer's nodes, and the views that show them."""

from __future__ import annotations

import slicer

from HNCLogic.in_steps import at_once
from HNCLogic.scene import display
from HNCLogic.scene.answer_nodes import put_answer
from HNCLogic.scene.application import of_desktop
from HNCLogic.scene.heatmap import HEAT_NAME
from HNCLogic.scene.layers import composites
from HNCLogic.scene.volumes import show_mr
from HNCLogic.scene.voxel_files import read_node


def putAnswer(images, result, folder):
    """Put a Result whose files lie in ``folder`` into the scene, step by step.

    ``images``: role → volume node, of the run. A generator of shares done that returns the
    AnswerNodes; closed half-way it leaves the scene as it was.
    """
    scene, heat = slicer.mrmlScene, None
    if "heatmap" in result.files:
        heat = yield from read_node(scene, folder / result.files["heatmap"], HEAT_NAME)
    # Without a pause: closed in between, the heat map would belong to no answer.
    return at_once(put_answer(scene, referenceOf(images, result), result, heat))


def referenceOf(images, result):
    """The node of the image on which the results lie: the PET, of a parotid the sequence whose
    slices were looked at, else the first."""
    role = "PET" if result.parotid is None else result.parotid.planes
    return images.get(role) or next(iter(images.values()))


def showImages(images, result):
    """What the answer is of in the slice views, in the usual colours; nothing where that is what
    they show already, in whatever colours the user gave them. What was removed meanwhile is not."""
    images = {role: node for role, node in images.items() if node.GetScene() is not None}
    if not images:
        return
    pet = images.get("PET")
    if pet is None:
        _showAlone(referenceOf(images, result))
        return
    role, background = next(
        ((role, node) for role, node in images.items() if role != "PET"), (None, None)
    )
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


def _showAlone(image):
    shown = {
        (composite.GetBackgroundVolumeID(), composite.GetForegroundVolumeID())
        for composite in composites(of_desktop())
    }
    if shown - {(image.GetID(), None)}:
        if image.GetScalarVolumeDisplayNode() is None:
            show_mr(image)
        display.set_fusion(of_desktop(), None, image, 1.0)
