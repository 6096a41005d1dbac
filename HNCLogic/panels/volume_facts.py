"""What a loaded volume says of itself: DICOM modality and headers, units, values, files.

Nothing here reads a patient's name, and nothing blocks: voxels are looked at in part where there
are many of them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from HNCLogic.images.grid import Grid, overlap_fraction

LOOKED_AT = 20_000_000  # voxels: a few hundredths of a second
CT_AIR = (-1100.0, -850.0)  # HU
AIR_SHARE = 0.03  # of a CT's voxels at least, around and in the patient
FAR_BELOW_ZERO = -100.0  # HU have it, SUVs never, Bq/ml in a little noise
KEPT = 16  # volumes whose values are remembered

RECORD = "HNC.SuvRecord"  # JSON of a SuvRecord: the volume is SUVbw, made or stated here
ROLE = "HNC.Role"  # of a volume that was opened from a panel
SUV_SOURCE = "HNC.SuvSource"  # node reference: the volume that this one was converted from
# What results are marked with (scene.notes, scene.adopt); simulated images too say that they are.
OUR_NOTES = ("HNC_ResearchUse", "HNC_TrainedOn", "HNC.Part")

MODALITY, UNITS, SUV_TYPE, CONTRAST = "0008,0060", "0054,1001", "0054,1006", "0018,0010"


def is_image(node: Any) -> bool:
    """An image that came from outside, or was converted here: no label map, heat map, colour."""
    if node is None or node.GetClassName() != "vtkMRMLScalarVolumeNode":
        return False
    names = node.GetAttributeNames()
    if RECORD in names or ROLE in names:
        return True
    return not any(name.startswith(OUR_NOTES) for name in names)


def has_voxels(node: Any) -> bool:
    """Two voxels at least along each axis."""
    data = node.GetImageData()
    return (
        data is not None
        and data.GetPointData().GetScalars() is not None
        and min(data.GetDimensions()) > 1
    )


@dataclass(frozen=True)
class Values:
    """What a volume's voxels say of it; of a very large one, slices evenly through it."""

    lowest: float  # not a number where any voxel is none
    highest: float
    air: float  # share of voxels as air is in a CT
    far_below_zero: float  # share of voxels below ``FAR_BELOW_ZERO``

    @property
    def like_ct(self) -> bool:
        """Air near -1000: by values alone nothing else in a clinic has it."""
        return self.lowest <= CT_AIR[1] and self.air > AIR_SHARE


_looked_at: dict[int, Values] = {}  # by the time of the voxels' last change, which VTK counts


def values_of(node: Any) -> Values:
    """Looked up where the voxels have not changed since they were last asked for."""
    changed = changed_at(node)
    if changed not in _looked_at:
        while len(_looked_at) >= KEPT:
            del _looked_at[next(iter(_looked_at))]
        _looked_at[changed] = _look_at(node)
    return _looked_at[changed]


def looked_at(node: Any) -> bool:
    """Would ``values_of`` answer without looking through the voxels, which takes its time?"""
    return changed_at(node) in _looked_at


def changed_at(node: Any) -> int:
    """When the voxels last changed, as VTK counts time; 0 where there are none.

    A node tells of new voxels in more than one way: ImageDataModifiedEvent where it gets others,
    a plain ModifiedEvent where ``slicer.util.arrayFromVolumeModified`` was called.
    """
    data = node.GetImageData()
    scalars = None if data is None else data.GetPointData().GetScalars()
    return 0 if scalars is None else scalars.GetMTime()


def _look_at(node: Any) -> Values:
    from HNCLogic.scene.volumes import voxels_of

    array = voxels_of(node.GetImageData())
    array = array[:: -(-array.size // LOOKED_AT)]
    some = array[:: max(1, len(array) // 32), ::4, ::4]
    return Values(
        lowest=float(array.min()),
        highest=float(array.max()),
        air=float(np.mean((some > CT_AIR[0]) & (some < CT_AIR[1]))),
        far_below_zero=float(np.mean(some < FAR_BELOW_ZERO)),
    )


@lru_cache(maxsize=64)
def overlap(one: Grid, other: Grid) -> float:
    """The share of the smaller of two fields of view that lies within the other."""
    return max(overlap_fraction(one, other), overlap_fraction(other, one))


def modality(node: Any) -> str:
    """DICOM Modality (PT, CT, MR …), from the subject hierarchy or the file; "" if not known."""
    return _series_attribute(node, "DICOM.Modality") or header_value(node, MODALITY)


def patient(node: Any) -> int:
    """The subject hierarchy item of the patient that the volume lies under; 0 for none."""
    hierarchy = _hierarchy(node)
    item = 0 if hierarchy is None else hierarchy.GetItemByDataNode(node)
    found = hierarchy.GetItemAncestorAtLevel(item, "Patient") if item else 0
    return found if found and hierarchy.GetItemLevel(found) == "Patient" else 0


def record(node: Any) -> dict:
    """The volume's SuvRecord as plain values; empty without one."""
    try:
        found = json.loads(node.GetAttribute(RECORD) or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def is_stated_suv(node: Any) -> bool:
    """Did somebody say by hand that the values are SUVbw as they are?"""
    said = record(node)
    return said.get("units_found") == "SUVbw" and "units" in said.get("given_by_hand", ())


def units_code(node: Any) -> str:
    """The code of the voxels' units ({SUVbw}g/ml, Bq/ml, [hnsf'U] …); "" where not stated."""
    entry = node.GetVoxelValueUnits()
    return "" if entry is None else entry.GetCodeValue() or ""


def quantity_code(node: Any) -> str:
    entry = node.GetVoxelValueQuantity()
    return "" if entry is None else entry.GetCodeValue() or ""


def header_value(node: Any, tag: str) -> str:
    """A DICOM header's value by the open database, "" where that cannot be had.

    Only for tags that say nothing of the patient's identity.
    """
    database = _database()
    uids = instance_uids(node)
    if database is None or not uids:
        return ""
    file = database.fileForInstance(uids[0])
    return (database.fileValue(file, tag) or "").strip() if file else ""


def instance_uids(node: Any) -> list[str]:
    return (node.GetAttribute("DICOM.instanceUIDs") or "").split()


def own_files(node: Any) -> list[Path]:
    """The files the volume was loaded from, one a slice or one for all; those that are there."""
    found = []
    database = _database()
    if database is not None:
        found = [database.fileForInstance(uid) for uid in instance_uids(node)]
    storage = node.GetStorageNode()
    if not any(found) and storage is not None:
        found = [storage.GetFullNameFromFileName()]
        for i in range(storage.GetNumberOfFileNames()):
            found.append(storage.GetFullNameFromNthFileName(i))
    paths = [Path(name) for name in dict.fromkeys(found) if name]
    return [path for path in paths if path.is_file()]


def _database() -> Any | None:
    import slicer

    database = getattr(slicer, "dicomDatabase", None)
    return database if database is not None and database.isOpen else None


def _hierarchy(node: Any) -> Any | None:
    import slicer

    scene = node.GetScene()
    if scene is None:
        return None
    return slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)


def _series_attribute(node: Any, name: str) -> str:
    """An attribute of the volume's item in the subject hierarchy: Slicer keeps it on the series,
    which is the volume's own item or, where several volumes share it, the one above."""
    hierarchy = _hierarchy(node)
    item = 0 if hierarchy is None else hierarchy.GetItemByDataNode(node)
    for one in (item, hierarchy.GetItemParent(item) if item else 0):
        if one and hierarchy.HasItemAttribute(one, name):
            return (hierarchy.GetItemAttribute(one, name) or "").strip()
    return ""


def grid_or_none(node: Any) -> Grid | None:
    """Where the volume lies; None for one that is empty or stands under a warping transform."""
    from HNCLogic.errors import InputError
    from HNCLogic.scene.volumes import grid_of

    try:
        return grid_of(node)
    except InputError:
        return None
