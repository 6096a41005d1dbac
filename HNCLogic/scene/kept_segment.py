"""A segment as it was: all that is needed to put it back, and no more memory than its box."""

from __future__ import annotations

from typing import Any

import numpy as np

from HNCLogic.scene.relabel import copy_of
from HNCLogic.scene.segment_voxels import (
    BINARY_LABELMAP,
    Piece,
    lattice_of,
    oriented_image,
    piece_of,
    write_piece,
)
from HNCLogic.scene.volumes import voxels_of

_SHOWN = (
    "Visibility",
    "Visibility3D",
    "Visibility2DFill",
    "Visibility2DOutline",
    "Opacity3D",
    "Opacity2DFill",
    "Opacity2DOutline",
)


class KeptSegment:
    """A copy of one segment: name, colour, tags, voxels, place among the others, how it is shown,
    and which segments shared its label map."""

    def __init__(self, node: Any, segment_id: str):
        import slicer

        segmentation = node.GetSegmentation()
        segment = segmentation.GetSegment(segment_id)
        self.id = segment_id
        self.piece = piece_of(segment)
        self.label = segment.GetLabelValue()
        self._words = copy_of(segment)
        image = segment.GetRepresentation(BINARY_LABELMAP)
        self.lattice = lattice_of(image)
        self._frame = slicer.vtkOrientedImageData()
        _copy_geometry(image, self._frame)
        ids = list(segmentation.GetSegmentIDs())
        self._behind = ids[ids.index(segment_id) + 1 :]
        self._sharing = [
            one
            for one in ids
            if one != segment_id
            and segmentation.GetSegment(one).GetRepresentation(BINARY_LABELMAP) is image
        ]
        display = node.GetDisplayNode()
        self._shown = {
            name: getattr(display, f"GetSegment{name}")(segment_id)
            for name in (_SHOWN if display is not None else ())
        }

    @property
    def bytes(self) -> int:
        return self.piece.inside.nbytes

    def put_back(self, node: Any, voxels: Piece | None = None) -> None:
        """Add the segment again, with ``voxels`` (on ``lattice``) in place of its own.

        It goes into the label map that it shared, or where others have taken its voxels there,
        into one of its own: nobody loses a voxel. A segment that is there again is left alone.
        """
        segmentation = node.GetSegmentation()
        ids = list(segmentation.GetSegmentIDs())
        if self.id in ids:
            return
        voxels = self.piece if voxels is None else voxels
        segment = copy_of(self._words)
        segment.SetLabelValue(self.label)
        shared = self._shared_image(segmentation, ids, voxels)
        image = self._own_image(voxels) if shared is None else shared
        segment.AddRepresentation(BINARY_LABELMAP, image)
        before = next((one for one in self._behind if one in ids), "")
        segmentation.AddSegment(segment, self.id, before)
        if shared is not None:
            write_piece(node, self.id, voxels)
        display = node.GetDisplayNode()
        if display is not None:
            for name, value in self._shown.items():
                getattr(display, f"SetSegment{name}")(self.id, value)

    def _own_image(self, voxels: Piece) -> Any:
        import slicer

        if voxels.inside.size:
            dtype = np.uint8 if self.label < 256 else np.uint16
            image = oriented_image(voxels, self.label, dtype)
        else:
            image = slicer.vtkOrientedImageData()
        _copy_geometry(self._frame, image)
        return image

    def _shared_image(self, segmentation: Any, ids: list[str], voxels: Piece) -> Any:
        """The label map that it shared, if the voxels and the label are free in it; else None."""
        there = next((one for one in self._sharing if one in ids), None)
        if there is None or not voxels.inside.size:
            return None
        image = segmentation.GetSegment(there).GetRepresentation(BINARY_LABELMAP)
        if image.IsEmpty() or not np.allclose(lattice_of(image), self.lattice, atol=1e-9):
            return None
        labels = {
            segmentation.GetSegment(one).GetLabelValue()
            for one in ids
            if segmentation.GetSegment(one).GetRepresentation(BINARY_LABELMAP) is image
        }
        if self.label in labels:
            return None
        x0, x1, y0, y1, z0, z1 = image.GetExtent()
        extent = ((z0, z1 + 1), (y0, y1 + 1), (x0, x1 + 1))
        held, asked = [], []
        for (first, end), box in zip(extent, voxels.box, strict=True):
            low, high = max(first, box.start), min(end, box.stop)
            if high <= low:  # wholly outside of what the label map holds
                return image
            held.append(slice(low - first, high - first))
            asked.append(slice(low - box.start, high - box.start))
        taken = voxels_of(image)[tuple(held)][voxels.inside[tuple(asked)]]
        return None if taken.any() else image


def _copy_geometry(source: Any, target: Any) -> None:
    target.SetSpacing(source.GetSpacing())
    target.SetOrigin(source.GetOrigin())
    target.CopyDirections(source)
