"""A box about a tumour from a file: a markups ROI as Slicer saves it (.mrk.json), or a mask."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from HNCLogic.errors import InputError
from HNCLogic.images.grid import Grid
from HNCLogic.images.read import read_labels

LARGEST = 1_000_000  # bytes; an ROI is a page of text
TO_LPS = {"LPS": (1.0, 1.0, 1.0), "RAS": (-1.0, -1.0, 1.0)}

Box = tuple[float, float, float, float, float, float]  # LPS mm: x, x, y, y, z, z, low first


def read_box(path: Path) -> tuple[Box, str, list[str]]:
    """The box in ``path``, where it is from in words, and what the user should know.

    Of a turned ROI, and of a mask on a tilted grid, the box along the patient's axes that holds
    it. Raises InputError where there is no such file, no ROI or no marked voxel in it.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"the box {path} does not exist")
    if path.suffix.lower() == ".json":
        return (*_of_roi(path), [])
    found = read_labels(path)
    values = sitk.GetArrayViewFromImage(found.labels)
    marked = np.argwhere(values > 0)[:, ::-1]
    if not len(marked):
        raise InputError(f"the mask {path} marks nothing: mark the tumour in it")
    grid = Grid.of(found.labels)
    half = np.abs(grid.matrix) @ (np.array(grid.spacing) / 2)
    box = _box(grid.points(marked), half)
    count = len(np.unique(values)) - 1
    many = [f"The box holds all {count} segments of the mask together."] if count > 1 else []
    return box, "mask", [*found.warnings, *many]


def _of_roi(path: Path) -> tuple[Box, str]:
    """The only ROI in a markups file; format 1.0.3 of Slicer's schema and those before."""
    wrong = f"{path} is not a markups ROI as Slicer saves it: "
    try:
        if path.stat().st_size > LARGEST:
            raise InputError(f"{wrong}it is too large")
        held = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{wrong}it cannot be read") from error
    markups = held.get("markups") if isinstance(held, dict) else None
    rois = [
        one
        for one in (markups if isinstance(markups, list) else [])
        if isinstance(one, dict) and one.get("type") == "ROI"
    ]
    if len(rois) != 1:
        raise InputError(f"{wrong}it holds {len(rois)} ROIs, not one")
    roi = rois[0]
    signs = TO_LPS.get(str(roi.get("coordinateSystem", "LPS")))
    if signs is None or roi.get("coordinateUnits", "mm") not in (
        "mm",
        ["mm", "UCUM", "millimeter"],
    ):
        raise InputError(f"{wrong}its positions are not in mm, LPS or RAS")
    centre = _numbers(roi.get("center"), 3)
    size = _numbers(roi.get("size"), 3)
    axes = _numbers(roi.get("orientation", [1, 0, 0, 0, 1, 0, 0, 0, 1]), 9)
    if centre is None or size is None or axes is None or not (size > 0).all():
        raise InputError(
            f"{wrong}centre, size or orientation are missing: place it about the tumour"
        )
    turned = axes.reshape(3, 3)  # columns are the ROI's own axes
    half = np.abs(turned) @ (size / 2)
    return _box((centre * signs)[None], half), "markups ROI"


def _numbers(values: object, count: int) -> np.ndarray | None:
    try:
        found = np.array(values, float)
    except (TypeError, ValueError):
        return None
    return found if found.shape == (count,) and np.isfinite(found).all() else None


def _box(points: np.ndarray, half: np.ndarray) -> Box:
    """About ``points`` (n, 3), LPS, and ``half`` (3,) beyond them."""
    low, high = points.min(axis=0) - half, points.max(axis=0) + half
    return tuple(float(v) for v in np.stack([low, high], axis=1).ravel())
