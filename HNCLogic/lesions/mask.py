"""Outlines from a file as classes: which voxels are primary, node, or simply a lesion.

A ``.seg.nrrd`` says so itself, in its segments' terminology codes. In any other mask with one
value everything is a lesion; with several, 1 is the primary and the others are nodes.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK as sitk

from HNCLogic.errors import InputError
from HNCLogic.images.grid import Grid

CLASS_OF_CODE = {"86049000": 1, "14799000": 2}  # SNOMED CT: neoplasm, primary; secondary
UNCLASSIFIED = 3


def read_classes(path: Path, grid: Grid) -> sitk.Image:
    """Classes (uint8: 0 none, 1 primary, 2 node, 3 lesion) from the mask at ``path``.

    Raises InputError where the mask lies on another grid than ``grid`` or marks nothing.
    """
    from HNCLogic.images.read import read_mask

    values = sitk.GetArrayFromImage(read_mask(path, grid))
    present = [int(v) for v in np.unique(values) if v != 0]
    if not present:
        raise InputError(f"{path}: the mask marks nothing: outline the lesions first")
    coded = _coded_classes(path)
    if not coded:
        coded = {v: 1 if v == 1 else 2 for v in present} if len(present) > 1 else {}
    classes = np.zeros(values.shape, dtype=np.uint8)
    for value in present:
        classes[values == value] = coded.get(value, UNCLASSIFIED)
    return grid.image(classes)


def _coded_classes(path: Path) -> dict[int, int]:
    """Class of each label value, as far as a ``.seg.nrrd`` header gives terminology."""
    if not path.name.endswith(".seg.nrrd"):
        return {}
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    reader.ReadImageInformation()
    classes = {}
    for key in reader.GetMetaDataKeys():
        if not (key.startswith("Segment") and key.endswith("_LabelValue")):
            continue
        value = reader.GetMetaData(key)
        if not value.strip().isdecimal():
            raise InputError(f"{path}: {key} in its header is not a whole number: save it again")
        tags = key.replace("_LabelValue", "_Tags")
        words = reader.GetMetaData(tags) if reader.HasMetaDataKey(tags) else ""
        code = next((c for c in CLASS_OF_CODE if f"^{c}^" in words), None)
        classes[int(value)] = CLASS_OF_CODE.get(code, UNCLASSIFIED)
    return classes
