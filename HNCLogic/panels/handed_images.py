"""The images of a request as the child process gets them: nodes as files, paths as they are."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from slicer.i18n import tr as _

from HNCLogic.panels.roles import is_suv
from HNCLogic.panels.volume_facts import RECORD
from HNCLogic.scene.volumes import grid_of
from HNCLogic.scene.voxel_files import write_node, write_segmentation

ON_WHICH_RESULTS_LIE = ("PET", "T1", "T2", "CE-T1", "DWI-b0", "DWI-b1000", "ADC", "CT")

Images = dict[str, Any]  # role → volume node or Path


@dataclass
class Handed:
    """``job``: the fields of Job so far, as plain values. ``names``: paths, and what to call them
    where they would be shown."""

    job: dict[str, Any]
    names: dict[str, str] = field(default_factory=dict)


def write_images(
    images: Images, mask: Any, folder: Path, settings: dict[str, Any]
) -> Generator[float, None, Handed]:
    """Write what is a node into ``folder``; yields the share done, returns what was handed over.

    A PET's record goes beside it; one whose node says that it is in SUVbw is stated to be.
    Raises InputError where a node cannot be handed over.
    """
    suv = dict(settings.get("suv") or {})
    handed = Handed({**settings, "images": {}})
    total = len(images) + (mask is not None)
    for done, (role, image) in enumerate(images.items()):
        path = folder / f"{role}.nrrd"
        if _on_disk(image):
            path = Path(image)
        else:
            yield from _part(write_node(image, path), done, total)
            if role == "PET":
                suv = {**_stated(image, path), **suv}
        handed.job["images"][role] = str(path)
        handed.names[str(path)] = _("the {role}").format(role=role)
    if suv:
        handed.job["suv"] = suv
    if mask is not None:
        path = folder / "mask.nrrd"
        if _on_disk(mask):
            path = Path(mask)
        else:
            yield from _part(_write_mask(mask, path, images), total - 1, total)
        handed.job["mask"] = str(path)
        handed.names[str(path)] = _("the mask")
    return handed


def _on_disk(image: Any) -> bool:
    return isinstance(image, str | Path)


def _part(steps: Generator[float, None, None], done: int, total: int) -> Generator[float]:
    for share in steps:
        yield (done + share) / total


def _write_mask(mask: Any, path: Path, images: Images) -> Generator[float, None, None]:
    if not mask.IsA("vtkMRMLSegmentationNode"):
        return write_node(mask, path)
    under = next(images[role] for role in ON_WHICH_RESULTS_LIE if role in images)
    # Where that is on disk nobody here knows its grid: the segmentation's own may be the same.
    return write_segmentation(mask, path, None if _on_disk(under) else grid_of(under))


def _stated(pet: Any, path: Path) -> dict[str, str]:
    """Write the record of a PET that was converted here beside it; else what its node states."""
    record = pet.GetAttribute(RECORD)
    if record:
        path.with_suffix(".json").write_text(record, encoding="utf-8")
        return {}
    return {"units": "SUVbw"} if is_suv(pet) else {}
