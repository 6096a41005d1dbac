"""The stack of slices that a method looks at, on an image's own planes."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from HNCLogic.images.grid import Grid, to_patient_axes
from HNCLogic.job import Region


def slices_over(
    region: Region,
    planes: sitk.Image,
    centre: tuple[float, float] | None,
    *,
    field_mm: float | None,
    pixels: int,
    own_slices_mm: tuple[float, float],
    slice_mm: float,
    fewest: int = 1,
) -> Grid:
    """The slices of ``planes`` whose centres lie in ``region``, ``pixels`` x ``pixels`` each.

    ``field_mm``: side of the square field of view, whose middle is ``centre`` (x, y in LPS mm);
    None for both: the image's own field. Slices closer or wider than ``own_slices_mm`` are
    replaced by slices ``slice_mm`` apart. Fewer slices than ``fewest`` are filled up at both ends.
    """
    own = Grid.of(to_patient_axes(planes))
    step = own.spacing[2]
    low, high = own_slices_mm
    if not low <= step <= high:
        step = slice_mm
    normal = own.matrix[:, 2]
    upright = max(normal[2], 0.5)
    middle_mm = (region.inferior_mm + region.superior_mm) / 2
    if field_mm is None or centre is None:
        pixel = tuple(own.size[k] * own.spacing[k] / pixels for k in (0, 1))
        middle = own.points((np.array([own.size]) - 1) / 2)[0]
        middle = middle + (middle_mm - middle[2]) / upright * normal
    else:
        pixel = (field_mm / pixels, field_mm / pixels)
        middle = np.array([*centre, middle_mm])
    # Points of the central axis at the region's two ends, as distances along the slice normal.
    # The axis runs along the normal, so that an oblique stack stays a stack of whole slices.
    half = (region.superior_mm - region.inferior_mm) / 2 / upright
    origin_height = float(np.asarray(own.origin) @ normal)
    # Slices whose centres lie in the region: an MRI of 48 slices gives 48, not 50. The hair keeps
    # rounding from deciding about the outermost.
    first = np.ceil((middle @ normal - half - origin_height) / step - 1e-3)
    last = np.floor((middle @ normal + half - origin_height) / step + 1e-3)
    count = max(int(last - first + 1), 1)
    short = fewest - count
    if short > 0:
        first -= short // 2
        count = fewest
    height = origin_height + first * step
    on_axis = middle + (height - middle @ normal) * normal
    to_corner = (pixels - 1) / 2
    corner = on_axis - to_corner * (pixel[0] * own.matrix[:, 0] + pixel[1] * own.matrix[:, 1])
    return Grid(
        size=(pixels, pixels, count),
        spacing=(*pixel, float(step)),
        origin=tuple(float(v) for v in corner),
        direction=own.direction,
    )
