"""A whole case in a scene: images, lesions, heat map, tables, charts, and the views on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import SimpleITK as sitk

from HNCLogic.errors import InputError
from HNCLogic.images.grid import Grid
from HNCLogic.job import MR_ROLES, Position, Result
from HNCLogic.scene.adopt import PARTS, make_study, note_result
from HNCLogic.scene.application import Application
from HNCLogic.scene.framing import Box, Frame, body_points, box_of, focus, frames
from HNCLogic.scene.heatmap import OPACITY, add_heat_map
from HNCLogic.scene.layers import look_at, show_layers
from HNCLogic.scene.notes import note_on, notes
from HNCLogic.scene.plots import add_slice_chart, add_window_chart
from HNCLogic.scene.result_text import (
    ANSWERS,
    LESIONS,
    PET,
    PRESENCE,
    RESULT_NAME,
    refer,
    write_text,
)
from HNCLogic.scene.segments import Colour, add_segmentation, colours
from HNCLogic.scene.tables import add_lesion_table
from HNCLogic.scene.volumes import (
    PET_SUV_MAX,
    add_legend,
    add_volume,
    show_ct,
    show_mr,
    show_pet,
)


@dataclass
class SceneContent:
    """What goes into a scene.

    ``images`` maps roles to images, PET in SUVbw. ``labels`` holds the lesions by their label,
    on any grid; ``heatmap`` is float32 from 0 to 1. ``result`` has the numbers. ``colours``, by
    label, are the lesions' where they are not the usual ones.
    """

    images: Mapping[str, sitk.Image]
    result: Result
    labels: sitk.Image | None = None
    heatmap: sitk.Image | None = None
    suv_max: float = PET_SUV_MAX
    colours: dict[int, Colour] | None = None

    @property
    def colour_of(self) -> dict[int, Colour]:
        """Each lesion's colour, by its label."""
        return colours(self.result.lesions) if self.colours is None else self.colours

    @property
    def anatomical_role(self) -> str | None:
        return next((role for role in (*MR_ROLES, "CT") if role in self.images), None)

    @property
    def framing_role(self) -> str:
        """The image that shows where the body is: a PET has no table beneath it."""
        return "PET" if "PET" in self.images else str(self.anatomical_role)


@dataclass
class SceneNodes:
    """The nodes of a case (vtkMRML…Node), None where the result has nothing for them."""

    application: Application
    content: SceneContent
    focus: Position  # RAS: where the views are
    body: Box  # all of it that the images show
    frames: dict[str, Frame]  # orientation → what the slice view shows
    volumes: dict[str, Any] = field(default_factory=dict)  # role → volume node
    heatmap: Any = None
    segmentation: Any = None
    lesion_table: Any = None
    window_table: Any = None
    window_chart: Any = None
    slice_table: Any = None
    slice_chart: Any = None
    text: Any = None

    @property
    def background(self) -> Any:
        role = self.content.anatomical_role
        return self.volumes[role if role is not None else "PET"]

    @property
    def foreground(self) -> Any:
        """The PET where it lies over an anatomical image."""
        return self.volumes.get("PET") if self.content.anatomical_role is not None else None


def build(application: Application, content: SceneContent) -> SceneNodes:
    """Put a case into the application's scene, beside whatever is there, and show it.

    Raises InputError where there is no image, or labels and lesions do not fit.
    """
    if not content.images:
        raise InputError("A scene needs at least one image")
    result = content.result
    scene = application.scene
    pet = content.images.get("PET")
    role = content.anatomical_role
    anatomy = content.images[role] if role is not None else None
    at = focus(result, pet, anatomy)
    points = body_points(content.images[content.framing_role], content.framing_role)
    nodes = SceneNodes(application, content, at, box_of(points), frames(points, at, result.region))

    scene.StartState(scene.BatchProcessState)
    try:
        _add_images(scene, nodes)
        if content.labels is not None:
            nodes.segmentation = add_segmentation(
                scene, content.labels, result.lesions, "Lesions", _volume_on(nodes, content.labels)
            )
            note_on(nodes.segmentation, notes(result, result.delineation_trained_on))
            nodes.lesion_table = add_lesion_table(scene, result.lesions, result.totals)
        if result.presence is not None and result.presence.windows:
            nodes.window_table, nodes.window_chart = add_window_chart(scene, result.presence)
        if result.explanation is not None and result.explanation.slices:
            nodes.slice_table, nodes.slice_chart = add_slice_chart(scene, result.explanation)
        nodes.text = scene.AddNewNodeByClass("vtkMRMLTextNode", RESULT_NAME)
        _refer(nodes)
        _order(scene, nodes)
        _select(application, nodes)
    finally:
        scene.EndState(scene.BatchProcessState)
    show(nodes)
    return nodes


def _refer(nodes: SceneNodes) -> None:
    """The result into its text node, which knows all the others, as the panels' do."""
    answers = [PRESENCE] if nodes.content.result.presence is not None else []
    answers += [LESIONS] if nodes.segmentation is not None else []
    nodes.text.SetAttribute(ANSWERS, " ".join(answers))
    refer(nodes.text, PET, nodes.volumes.get("PET"))
    for part in PARTS:
        refer(nodes.text, part, getattr(nodes, part))
    write_text(nodes.text, nodes.content.result)


def show(nodes: SceneNodes) -> None:
    """Point the slice views at the case: its layers, its hottest lesion, its body."""
    show_layers(
        nodes.application, nodes.background, nodes.foreground, nodes.heatmap, heat_opacity=OPACITY
    )
    look_at(nodes.application, nodes.frames)


def _add_images(scene: Any, nodes: SceneNodes) -> None:
    content = nodes.content
    for role, image in content.images.items():
        node = add_volume(scene, image, "PET (SUVbw)" if role == "PET" else role)
        nodes.volumes[role] = node
        if role == "PET":
            alone = content.anatomical_role is None
            add_legend(show_pet(node, content.suv_max, alone), "SUVbw (g/ml)")
        elif role == "CT":
            show_ct(node)
        else:
            show_mr(node)
    if content.heatmap is not None:
        nodes.heatmap = add_heat_map(scene, content.heatmap)
        answer = content.result.answer
        note_on(nodes.heatmap, notes(content.result, answer.trained_on if answer else None))
        add_legend(nodes.heatmap.GetScalarVolumeDisplayNode(), "Grad-CAM")


def _volume_on(nodes: SceneNodes, labels: sitk.Image) -> Any:
    """The volume node on the labels' grid, the PET first."""
    grid = Grid.of(labels)
    for role in ("PET", *nodes.volumes):
        image = nodes.content.images.get(role)
        if image is not None and Grid.of(image).same_as(grid):
            return nodes.volumes[role]
    return None


def _order(scene: Any, nodes: SceneNodes) -> None:
    """One study in the subject hierarchy: images, then results."""
    tree = scene.GetSubjectHierarchyNode()
    results = [getattr(nodes, part) for part in PARTS]
    name = _study_name(nodes.content)
    note_result(tree, make_study(tree, name, nodes.volumes.values(), results), nodes.content.result)


def _study_name(content: SceneContent) -> str:
    kinds = ["FDG PET"] if "PET" in content.images else []
    kinds += ["CT"] if "CT" in content.images else []
    kinds += ["MR"] if any(role in content.images for role in MR_ROLES) else []
    return f"{'/'.join(kinds)} ({'simulated, ' if content.result.simulated else ''}research use)"


def _select(application: Application, nodes: SceneNodes) -> None:
    """The desktop's table and plot views open on the lesions and the windows."""
    selection = application.logic.GetSelectionNode()
    if selection is None:
        return
    selection.SetActiveVolumeID(nodes.background.GetID())
    if nodes.lesion_table is not None:
        selection.SetActiveTableID(nodes.lesion_table.GetID())
    chart = nodes.window_chart or nodes.slice_chart
    if chart is not None:
        selection.SetActivePlotChartID(chart.GetID())
