"""What is measured of each lesion, and of primary, nodes and all lesions taken together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from HNCLogic.errors import InputError
from HNCLogic.images.grid import Grid, ras
from HNCLogic.images.midline import Midline, midline
from HNCLogic.job import Lesion, Totals
from HNCLogic.lesions.components import lesion_name
from HNCLogic.lesions.extent import extreme_voxels, largest_distance
from HNCLogic.lesions.peak import peak_in_box

MIDLINE_MM = 5.0  # a centroid this near the body's middle is on neither side
_GROUPS = {"primary": ("primary",), "nodes": ("node",), "all": ("primary", "node", "lesion")}


@dataclass
class MeasuredLesion:
    """A lesion and what its group's totals need of it."""

    lesion: Lesion
    voxels: int
    suv_sum: float
    centroid: np.ndarray  # LPS mm
    extremes: np.ndarray  # (n, 3) LPS mm: contains the two voxels farthest apart


def measure(
    pet: sitk.Image, labels: sitk.Image, kinds: dict[int, str]
) -> tuple[list[Lesion], list[Totals]]:
    """Measures of every lesion in ``labels``, and the totals for primary, nodes and all.

    ``pet``: SUVbw. ``labels``: 0 background, 1…n lesions, on the grid of ``pet``. ``kinds``:
    label → "primary", "node" or "lesion", as from ``components.separate``.

    - mtv_ml: number of voxels times the volume of one (IBSI: volume by voxel counting).
    - suv_max, suv_mean over the lesion's voxels; tlg_ml: suv_mean times mtv_ml.
    - suv_peak: see ``peak.global_peak``.
    - dmax_mm: largest distance between the centres of two of its voxels; over a group: of any
      two voxels of any of its lesions.
    - centroid_ras: mean of the voxels' positions, all weighing the same.
    - side: of the centroid from the body's middle at its height (``midline.midline``), "midline"
      within 5 mm. A group is on a side where its lesions that are off the midline all are, and
      on "both" where they are not.

    A group without lesions has count 0, no volume, and None for what does not exist.

    Raises InputError where the grids differ, the PET holds NaN or infinity, or a label has no
    kind.
    """
    grid = Grid.of(pet)
    if not grid.same_as(Grid.of(labels)):
        raise InputError(
            "the lesion mask lies on another grid than the PET; resample it to the PET's grid"
        )
    suv = sitk.GetArrayViewFromImage(pet)
    if not np.isfinite(suv).all():
        raise InputError("the PET holds voxels that are not numbers (NaN or infinity)")
    boxes, array = _boxes(labels, kinds)
    middle = midline(pet) if boxes else None

    counted: dict[str, int] = {}
    measured = []
    for label, box in boxes.items():
        kind = kinds[label]
        counted[kind] = counted.get(kind, 0) + 1
        named = {"label": label, "name": lesion_name(kind, counted[kind]), "kind": kind}
        measured.append(measure_lesion(suv, array[box] == label, box, grid, middle, **named))
    return [m.lesion for m in measured], totals_of(measured, grid)


def totals_of(measured: list[MeasuredLesion], grid: Grid) -> list[Totals]:
    """The totals for primary, nodes and all, of lesions measured in a PET on ``grid``."""
    return [
        _total(group, [m for m in measured if m.lesion.kind in members], grid)
        for group, members in _GROUPS.items()
    ]


def _boxes(
    labels: sitk.Image, kinds: dict[int, str]
) -> tuple[dict[int, tuple[slice, ...]], np.ndarray]:
    """Bounding box of every label present, in label order, and the labels as integers."""
    from scipy import ndimage

    array = sitk.GetArrayViewFromImage(labels)
    low, high = array.min(), array.max()
    if not (low >= 0 and high <= np.iinfo(np.int32).max):
        raise InputError(
            f"the lesion mask holds values from {low:g} to {high:g}; labels are 1, 2 …"
        )
    whole = array.astype(np.int32)
    if np.issubdtype(array.dtype, np.floating) and (whole != array).any():
        raise InputError("the lesion mask holds values that are not whole numbers")
    boxes = {
        label: box for label, box in enumerate(ndimage.find_objects(whole), 1) if box is not None
    }
    for label in boxes:
        if label not in kinds:
            raise InputError(
                f"the lesion mask holds the label {label}, of which it is not said "
                "whether it is primary, node or lesion"
            )
    return boxes, whole


def measure_lesion(
    suv: np.ndarray,
    inside: np.ndarray,
    box: tuple[slice, ...],
    grid: Grid,
    middle: Midline,
    **named: int | str,
) -> MeasuredLesion:
    """What ``measure`` gives for one lesion: the voxels ``inside``, at least one, of a ``box`` of
    ``suv`` (axes z, y, x), the whole PET on ``grid``.

    ``middle``: the body's, as ``midline.midline`` finds it. ``named``: label, name and kind.
    """
    voxels = np.argwhere(inside) + [s.start for s in box]  # (n, 3) z, y, x
    values = suv[tuple(voxels.T)].astype(float)
    mean = float(values.mean())
    volume = len(values) * grid.voxel_ml
    centroid, hottest = grid.points([voxels.mean(axis=0)[::-1], voxels[values.argmax()][::-1]])
    extremes = grid.points((extreme_voxels(inside) + [s.start for s in box])[:, ::-1])
    lesion = Lesion(
        **named,
        mtv_ml=volume,
        suv_max=float(values.max()),
        suv_mean=mean,
        suv_peak=peak_in_box(suv, inside, box, grid),
        tlg_ml=mean * volume,
        dmax_mm=largest_distance(extremes),
        centroid_ras=ras(centroid),
        suv_max_ras=ras(hottest),
        side=_side(middle.left_of_middle_mm(centroid)),
    )
    return MeasuredLesion(lesion, len(values), float(values.sum()), centroid, extremes)


def _side(left_mm: float) -> str:
    if abs(left_mm) <= MIDLINE_MM:
        return "midline"
    return "left" if left_mm > 0 else "right"


def _total(group: str, members: list[MeasuredLesion], grid: Grid) -> Totals:
    if not members:
        return Totals.none(group)
    voxels = sum(m.voxels for m in members)
    mean = sum(m.suv_sum for m in members) / voxels
    sides = {m.lesion.side for m in members} - {"midline"}
    centroid = sum(m.centroid * m.voxels for m in members) / voxels
    return Totals(
        group=group,
        count=len(members),
        mtv_ml=voxels * grid.voxel_ml,
        suv_max=max(m.lesion.suv_max for m in members),
        suv_mean=mean,
        suv_peak=max(m.lesion.suv_peak for m in members),
        tlg_ml=mean * voxels * grid.voxel_ml,
        dmax_mm=largest_distance(np.concatenate([m.extremes for m in members])),
        centroid_ras=ras(centroid),
        side="both" if len(sides) == 2 else (sides.pop() if sides else "midline"),
    )
