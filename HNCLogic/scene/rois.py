"""A box as a markups ROI in the scene: made, moved, read; in RAS, along the patient's axes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:  # pydantic is not there before the user agreed to install it
    from HNCLogic.job import BoxMm, Position

COLOUR = (0.10, 0.75, 0.95)


def add_box(scene: Any, name: str, box: BoxMm, *, resizable: bool = True) -> Any:
    """A vtkMRMLMarkupsROINode that the user moves by its handles; ``resizable``: its faces, too."""
    node = scene.AddNewNodeByClass("vtkMRMLMarkupsROINode", name)
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    display.SetHandlesInteractive(True)
    display.SetTranslationHandleVisibility(True)
    display.SetRotationHandleVisibility(False)
    display.SetScaleHandleVisibility(resizable)
    display.SetFillVisibility(False)  # what is looked at lies within
    display.SetPropertiesLabelVisibility(False)
    display.SetColor(*COLOUR)
    display.SetSelectedColor(*COLOUR)
    set_box(node, box)
    return node


def set_box(node: Any, box: BoxMm) -> None:
    """Move an ROI to a box; it loses a transform and a turn that somebody gave it."""
    import vtk

    changing = node.StartModify()
    node.SetAndObserveTransformNodeID(None)
    node.SetAndObserveObjectToNodeMatrix(vtk.vtkMatrix4x4())
    node.SetCenter(*((low + high) / 2 for low, high in zip(box[::2], box[1::2], strict=True)))
    node.SetSize(*(high - low for low, high in zip(box[::2], box[1::2], strict=True)))
    node.EndModify(changing)


def box_of(node: Any) -> BoxMm | None:
    """The box along the patient's axes that holds the ROI; None for one without an extent."""
    bounds = [0.0] * 6
    node.GetRASBounds(bounds)
    inside = zip(bounds[::2], bounds[1::2], strict=True)
    return tuple(bounds) if all(low < high for low, high in inside) else None


def corners_of(box: BoxMm) -> np.ndarray:
    """Its eight corners, RAS in mm (8, 3)."""
    ends = zip(box[::2], box[1::2], strict=True)
    return np.array(np.meshgrid(*ends, indexing="ij"), float).reshape(3, 8).T


def middle_of(box: BoxMm) -> Position:
    return tuple((low + high) / 2 for low, high in zip(box[::2], box[1::2], strict=True))


def box_about(middle: Position, sides: Position) -> BoxMm:
    """``sides``: its length along R, A and S, mm."""
    ends = [(m - s / 2, m + s / 2) for m, s in zip(middle, sides, strict=True)]
    return tuple(float(end) for pair in ends for end in pair)


def box_of_corners(corners: list[Position]) -> BoxMm:
    axes = list(zip(*corners, strict=True))
    return tuple(float(end) for axis in axes for end in (min(axis), max(axis)))


def show_box(node: Any, shown: bool) -> None:
    display = node.GetDisplayNode()
    if display is not None and bool(display.GetVisibility()) != shown:
        display.SetVisibility(shown)


def box_of_segment(node: Any, segment_id: str) -> BoxMm | None:
    """The box along the patient's axes that holds a segment's voxels, as ``images.box_file`` has it
    of a mask; None for a segment without any."""
    from HNCLogic.scene.segment_voxels import BINARY_LABELMAP, lattice_of, piece_of
    from HNCLogic.scene.volumes import to_world_of

    segment = node.GetSegmentation().GetSegment(segment_id)
    found = piece_of(segment)
    if not found.voxels:
        return None
    place = to_world_of(node) @ lattice_of(segment.GetRepresentation(BINARY_LABELMAP))
    marked = np.argwhere(found.inside)[:, ::-1] + np.array(found.low)
    points = marked @ place[:3, :3].T + place[:3, 3]
    half = np.abs(place[:3, :3]).sum(axis=1) / 2
    ends = np.stack([points.min(axis=0) - half, points.max(axis=0) + half], axis=1)
    return tuple(float(end) for end in ends.ravel())
