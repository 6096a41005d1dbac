"""A case whose nodes are in a scene already, gathered as pictures and reports need it."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import SimpleITK as sitk

from HNCLogic.errors import InputError
from HNCLogic.images.grid import Grid
from HNCLogic.scene.application import Application
from HNCLogic.scene.framing import body_places, box_of, focus, frames
from HNCLogic.scene.mip import marked_part
from HNCLogic.scene.segments import Colour, Segment, paint_segments
from HNCLogic.scene.volumes import PET_SUV_MAX, grid_of, image_of, voxels_of

if TYPE_CHECKING:  # pydantic is not there before the user agreed to install it
    from HNCLogic.job import Lesion, Result
    from HNCLogic.scene.build import SceneNodes


def gather(
    application: Application,
    volumes: dict[str, Any],
    result: Result,
    segmentation: Any = None,
    heatmap: Any = None,
    lesions_of: dict[str, Any] | None = None,
) -> Generator[float | None, None, SceneNodes]:
    """The case of ``volumes`` (role → volume node) and ``result``, in steps; nothing is changed.

    ``lesions_of`` says which segment (by id) is which of the result's lesions, as
    ``live_measures.Measured.by_segment`` does; without it they are matched by their labels, else
    by their order. Raises InputError where there is no volume,
    where one is empty, or where outlines and lesions do not fit one another.
    """
    from HNCLogic.scene.build import SceneContent, SceneNodes

    if not volumes:
        raise InputError("Pictures and reports need at least one image")
    content = SceneContent(images=_Images(volumes), result=result)
    pet = volumes.get("PET")
    display = pet.GetScalarVolumeDisplayNode() if pet is not None else None
    content.suv_max = PET_SUV_MAX if display is None else float(display.GetWindowLevelMax())
    if segmentation is not None:
        labels, segments = yield from paint_segments(segmentation)
        labels = marked_part(labels)
        yield
        content.labels, content.colours = _labelled(labels, segments, result.lesions, lesions_of)
        yield
    if "PET" in volumes:
        at = focus(result, content.images["PET"], None)
    else:
        at = focus(result, None, content.images[content.anatomical_role])
    yield
    role = content.framing_role
    points = body_places(voxels_of(volumes[role].GetImageData()), grid_of(volumes[role]), role)
    yield
    return SceneNodes(
        application,
        content,
        at,
        box_of(points),
        frames(points, at, result.region),
        volumes=dict(volumes),
        heatmap=heatmap,
        segmentation=segmentation,
    )


class _Images(Mapping):
    """The volumes' images, each copied out of its node when it is first asked for."""

    def __init__(self, volumes: dict[str, Any]):
        self._volumes = dict(volumes)
        self._read: dict[str, sitk.Image] = {}

    def __getitem__(self, role: str) -> sitk.Image:
        if role not in self._read:
            self._read[role] = image_of(self._volumes[role])
        return self._read[role]

    def __contains__(self, role: object) -> bool:
        return role in self._volumes

    def __iter__(self) -> Iterator[str]:
        return iter(self._volumes)

    def __len__(self) -> int:
        return len(self._volumes)


def _labelled(
    labels: sitk.Image,
    segments: list[Segment],
    lesions: list[Lesion],
    lesions_of: dict[str, Any] | None,
) -> tuple[sitk.Image, dict[int, Colour]]:
    """The label image with each lesion's own label, and label → its segment's colour, whatever
    the user has made it. What is no lesion is left out."""
    array = sitk.GetArrayViewFromImage(labels)
    counts = np.bincount(array.ravel(), minlength=1)
    filled = [one for one in segments if one.label < len(counts) and counts[one.label]]
    new = _label_of(filled, lesions, lesions_of)
    colours = {new[one.label]: one.colour for one in filled if one.label in new}
    if len(new) == len(filled) and all(old == label for old, label in new.items()):
        return labels, colours
    table = np.zeros(len(counts), np.uint16)
    for old, label in new.items():
        table[old] = label
    return Grid.of(labels).image(table[array]), colours


def _label_of(
    filled: list[Segment], lesions: list[Lesion], lesions_of: dict[str, Any] | None
) -> dict[int, int]:
    """A segment's label → that of its lesion."""
    wanted = [lesion.label for lesion in lesions]
    if lesions_of is not None:  # a segment that lies beside the PET has no lesion with a label
        labels = {one.label: getattr(lesions_of.get(one.id), "label", None) for one in filled}
        found = {old: label for old, label in labels.items() if label is not None}
    elif {one.label for one in filled} == set(wanted):
        found = {label: label for label in wanted}
    elif len(filled) == len(wanted):
        found = dict(zip((one.label for one in filled), wanted, strict=True))
    else:
        found = {}
    if sorted(found.values()) != sorted(wanted):
        raise InputError(
            f"{len(filled)} lesions are outlined and {len(wanted)} measured: measure them again"
        )
    return found
