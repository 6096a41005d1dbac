"""Extracapsular extension on contrast-enhanced CT of the neck: GMGENet, Wang et al. 2022.

A CT becomes a volume of 150 x 150 x 90 voxels from the nose to the shoulders. A first network, the
extractor, is asked where extension would be (Grad-CAM); the part it points at, 90 x 90 x 25 voxels,
is what a second network, the classifier, judges.
Where the paper is silent the value is a parameter here, with our default (``Preparation``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import numpy as np
import SimpleITK as sitk
from pydantic import Field, model_validator

from HNCLogic.errors import InputError
from HNCLogic.images.grid import Grid, ras, resample, shrink_toward
from HNCLogic.images.reslice import resliced
from HNCLogic.images.study import Study
from HNCLogic.job import Extension, FoldAnswer, Position, Record, Region
from HNCLogic.methods.gradcam_voi import Voi, hottest_voi, voi_about
from HNCLogic.methods.intensity import Window

if TYPE_CHECKING:
    import torch

    from HNCLogic.inference.backends import Numbers

Side = Annotated[int, Field(ge=1, le=512)]
UPRIGHT = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)


class Preparation(Record):
    """How a CT becomes the networks' input; kept in the model's card. Voxels are z, y, x."""

    margin_mm: Annotated[float, Field(ge=0, le=100)] = 30.0  # beyond nose and acromion, the paper's
    ct_window: Window = (-400.0, 400.0)  # HU, the paper's
    spacing_mm: Annotated[float, Field(ge=0.5, le=4)] = 1.0  # cubic, before resizing; the paper's
    size: tuple[Side, Side, Side] = (90, 150, 150)  # the paper's
    field_mm: Annotated[float, Field(ge=100, le=600)] = 300.0  # ours: side in-plane, about the neck
    voi: tuple[Side, Side, Side] = (25, 90, 90)  # the paper's

    @model_validator(mode="after")
    def voi_fits(self) -> Preparation:
        if any(side > whole for side, whole in zip(self.voi, self.size, strict=True)):
            raise ValueError("voi must not be larger than size on any axis")
        return self


@dataclass
class Volume:
    """The extractor's input: ``values`` float32 (1, z, y, x) in [0, 1] on ``grid``.

    ``body`` bool (z, y, x): head and neck, without air and couch.
    """

    values: np.ndarray
    body: np.ndarray
    grid: Grid


def volume_grid(ct: sitk.Image, region: Region, preparation: Preparation) -> Grid:
    """The volume's voxels: along L, P and S, over the whole region, centred on head and neck."""
    from HNCLogic.images.neck import lateral_centre

    slices, rows, columns = preparation.size
    centre_x, centre_y = lateral_centre(ct, region, "CT")
    length = region.superior_mm - region.inferior_mm
    step = (preparation.field_mm / columns, preparation.field_mm / rows, length / slices)
    return Grid(
        size=(columns, rows, slices),
        spacing=step,
        origin=(
            centre_x - (columns - 1) / 2 * step[0],
            centre_y - (rows - 1) / 2 * step[1],
            region.inferior_mm + step[2] / 2,
        ),
        direction=UPRIGHT,
    )


def prepare(study: Study, region: Region, preparation: Preparation) -> Volume:
    """The CT as the extractor sees it: 1 mm cubes, clipped and scaled, then resized.

    What lies outside the CT's field of view is air. Raises InputError where the study has no CT,
    or where it shows no body.
    """
    from HNCLogic.images.body import body_mask

    ct = study.image("CT")
    if ct is None:
        raise InputError(
            "extension is looked for in a contrast-enhanced CT of the neck, and none was given: "
            "add --ct FILE"
        )
    grid = volume_grid(ct, region, preparation)
    fine = _refined(grid, preparation.spacing_mm)
    low, high = preparation.ct_window
    values = sitk.GetArrayFromImage(resliced(study, "CT", fine)).astype(np.float32)
    scaled = fine.image((np.clip(values, low, high) - low) / (high - low))
    resized = resample(shrink_toward(scaled, grid.spacing), grid, 0.0)
    # Found in the CT as it is, so that a window of another width does not move the skin.
    body = resample(sitk.Cast(body_mask(fine.image(values), "CT"), sitk.sitkFloat32), grid, 0.0)
    return Volume(
        sitk.GetArrayFromImage(resized).astype(np.float32)[None],
        sitk.GetArrayFromImage(body) >= 0.5,
        grid,
    )


def _refined(grid: Grid, spacing_mm: float) -> Grid:
    """Cubic voxels of about ``spacing_mm`` over the same field of view as ``grid``."""
    lengths = [n * s for n, s in zip(grid.size, grid.spacing, strict=True)]
    size = tuple(max(round(length / spacing_mm), 1) for length in lengths)
    spacing = tuple(length / n for length, n in zip(lengths, size, strict=True))
    corner = np.array(grid.origin) - np.array(grid.spacing) / 2
    origin = tuple(float(v) for v in corner + np.array(spacing) / 2)
    return Grid(size, spacing, origin, grid.direction)


def refined_heat(
    extractor: torch.nn.Module, volume: Volume, numbers: Numbers = "exact"
) -> np.ndarray:
    """Grad-CAM of extension, float32 (z, y, x) on the volume's grid, 0 outside head and neck.

    Always of the positive class: in a patient without extension it says where extension would be
    looked for. ``extractor`` has ``last_stage`` and gives one logit. ``numbers`` as of
    ``predict_volume``.
    """
    import torch

    from HNCLogic.explain.grad_cam import grad_cam

    given = torch.from_numpy(np.ascontiguousarray(volume.values, dtype=np.float32))[None]
    return grad_cam(extractor, extractor.last_stage, given, numbers).maps[0] * volume.body


def extracted(heat: np.ndarray, volume: Volume, preparation: Preparation) -> Voi:
    """The VOI that ``heat`` (z, y, x), as of ``refined_heat``, points at."""
    return hottest_voi(heat, volume.grid, preparation.voi)


def placed(centre_ras: Position, volume: Volume, preparation: Preparation) -> Voi:
    """The VOI about a position (RAS, mm), moved inside the volume where it sticks out.

    Raises InputError where the position itself is not in the volume.
    """
    middle = volume.grid.indices(np.array([ras(centre_ras)]))[0]  # ras() is its own inverse
    if not all(-0.5 <= v <= n - 0.5 for v, n in zip(middle, volume.grid.size, strict=True)):
        corners = np.array([ras(corner) for corner in volume.grid.corners()])
        low, high = corners.min(axis=0), corners.max(axis=0)
        reach = ", ".join(
            f"{axis} {a:.0f} to {b:.0f}" for axis, a, b in zip("RAS", low, high, strict=True)
        )
        raise InputError(
            f"the VOI's centre {', '.join(f'{v:g}' for v in centre_ras)} mm (R, A, S) lies outside "
            f"of what is analysed, {reach} mm: place it within, or set the region by hand"
        )
    return voi_about(centre_ras, volume.grid, preparation.voi)


def judged(
    classifier: torch.nn.Module, volume: Volume, voi: Voi, numbers: Numbers = "exact"
) -> float:
    """What one classifier says of the VOI: probability of extension."""
    import torch

    from HNCLogic.inference.backends import in_numbers

    layout, casting = in_numbers(classifier, numbers == "quick")
    part = np.ascontiguousarray(volume.values[(slice(None), *voi.cut)], dtype=np.float32)
    with torch.inference_mode(), casting():
        device = next(classifier.parameters()).device
        given = torch.from_numpy(part)[None].to(device).contiguous(memory_format=layout)
        return float(classifier(given).double().sigmoid().item())


def heat_on(image: sitk.Image, heat: np.ndarray, volume: Volume) -> sitk.Image:
    """``heat`` on the patient's own grid, that of ``image``: 0 to 1, 1 at the hottest voxel.

    All 0 where nothing speaks for extension, and outside the volume.
    """
    peak = float(heat.max())
    scaled = (heat / peak if peak > 0 else heat).astype(np.float32)
    return resample(volume.grid.image(scaled), Grid.of(image), 0.0)


def answer(
    probabilities: list[float],
    voi: Voi,
    region: Region,
    *,
    by_hand: bool = False,
    threshold: float,
    threshold_source: str,
    fold_thresholds: list[float] | None,
    model: str,
    trained_on: str,
) -> Extension:
    """One verdict from each fold's probability; a probability at the threshold is positive.

    ``by_hand``: the VOI was placed by the user.
    """
    mean = float(np.mean(probabilities))
    found_by = "Grad-CAM of the extractor" if voi.found else "middle of the volume"
    own = fold_thresholds or [None] * len(probabilities)
    folds = [
        FoldAnswer(fold=number, probability=float(value), threshold=limit)
        for number, (value, limit) in enumerate(zip(probabilities, own, strict=True), start=1)
    ]
    return Extension(
        probability=mean,
        verdict="positive" if mean >= threshold else "negative",
        threshold=threshold,
        threshold_source=threshold_source,
        folds=folds,
        fold_spread=float(np.std(probabilities)),
        voi_centre=voi.centre_ras,
        voi_corners=voi.corners_ras,
        voi_found_by="set by hand" if by_hand else found_by,
        region=region,
        model=model,
        trained_on=trained_on,
    )
