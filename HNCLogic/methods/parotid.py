"""Kind of a parotid tumour from MRI of several sequences: Liu et al. 2022, Laryngoscope.

Within a box about the tumour, every slice of every sequence is brought to the planes of one of
them, 224 x 224 pixels; the networks read the slices as a sequence and say what kind of tumour it
is, and which slices that rests on.
Where the paper is silent the value is a parameter here, with our default (``Preparation``).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

import numpy as np
import SimpleITK as sitk
from pydantic import Field

from HNCLogic.errors import InputError
from HNCLogic.images.grid import Grid, overlap_fraction, resample
from HNCLogic.images.reslice import resliced
from HNCLogic.images.study import Study
from HNCLogic.job import Parotid, Record, Role, SliceShare
from HNCLogic.methods.box_slices import Box, boxes_on, other_side, slices_about
from HNCLogic.methods.intensity import Window

if TYPE_CHECKING:
    import torch

KINDS = ("benign", "malignant")
SUBTYPES = ("pleomorphic adenoma", "Warthin tumour", "basal cell adenoma", "malignant")
WHOLE = 0.999  # share of the box that counts as all of it
SMALLEST_ADC = 1.0  # an ADC whose highest values are lower is not in 1e-6 mm²/s

Percent = Annotated[float, Field(ge=0, le=100)]


class Preparation(Record):
    """How a study becomes the network's input; kept in the model's card."""

    planes: Role = "CE-T1"  # whose slices are looked at; where it is no input: the first input's
    pixels: Annotated[int, Field(ge=32, le=512)] = 224  # the paper's
    field_mm: Annotated[float, Field(ge=50, le=600)] = 240.0  # side of the slice; the paper's MRI
    own_slices_mm: tuple[float, float] = (2.0, 6.0)  # ours: slices this far apart are kept
    slice_mm: Annotated[float, Field(ge=1, le=10)] = 4.0  # ours: else resliced to this
    # Ours: MRI has no unit, so these percentiles of the whole image become 0 and 1.
    percentiles: tuple[Percent, Percent] = (1.0, 99.5)
    adc_window: Window = (0.0, 3000.0)  # ours: 1e-6 mm²/s; ADC has a unit, which is kept
    # Ours: mean and standard deviation of ImageNet's pixels, for its weights expect such input.
    mean: Annotated[float, Field(ge=0, le=1)] = 0.449
    deviation: Annotated[float, Field(gt=0, le=10)] = 0.226


@dataclass
class TumourSlices:
    """``values`` float32 (slice, channel, y, x) on ``grid``, inferior slice first.

    ``boxes`` float32 (slice, 4): x0, y0, x1, y1, in pixels as edges. ``warnings``: what the user
    should know.
    """

    values: np.ndarray
    boxes: np.ndarray
    grid: Grid
    warnings: list[str] = field(default_factory=list)


def refuse_missing(roles: Sequence[str], given: Collection[str]) -> None:
    """Raises InputError where one of a model's sequences is not ``given``: no other stands in."""
    if missing := [role for role in roles if role not in given]:
        which = "which was" if len(missing) == 1 else "which were"
        raise InputError(
            f"the model needs {' and '.join(missing)}, {which} not given: give it, or choose a "
            "model that works without (hnc models list)"
        )


def planes_role(preparation: Preparation, roles: Sequence[str]) -> str:
    """The sequence whose slices are looked at, and on whose grid the heat map is given."""
    return preparation.planes if preparation.planes in roles else roles[0]


def prepare(study: Study, box: Box, preparation: Preparation, roles: Sequence[str]) -> TumourSlices:
    """The slices through ``box``, a channel for each of ``roles``.

    Raises InputError where a sequence is missing, where the box is empty or not within the
    images, and where the ADC is in another unit.
    """
    refuse_missing(roles, study.images)
    role = planes_role(preparation, roles)
    grid = slices_about(
        box,
        study.images[role],
        role,
        pixels=preparation.pixels,
        field_mm=preparation.field_mm,
        own_slices_mm=preparation.own_slices_mm,
        slice_mm=preparation.slice_mm,
    )
    channels, warnings = [], []
    for each in roles:
        warnings += _lacking(each, study.images[each], box)
        values = sitk.GetArrayFromImage(resliced(study, each, grid)).astype(np.float32)
        low, high = _ends(each, study.images[each], preparation)
        scaled = np.clip((values - low) / (high - low), 0.0, 1.0)
        channels.append((scaled - preparation.mean) / preparation.deviation)
    values = np.stack(channels, axis=1).astype(np.float32)
    return TumourSlices(values, boxes_on(grid, box), grid, warnings)


def _lacking(role: str, image: sitk.Image, box: Box) -> list[str]:
    """Warning where the image shows the box in part. Raises InputError where not at all."""
    ends = np.asarray(box, float).reshape(3, 2)
    inner = Grid(
        (1, 1, 1),
        tuple(ends[:, 1] - ends[:, 0]),
        tuple(ends.mean(axis=1)),
        (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
    )
    share = overlap_fraction(inner, Grid.of(image))
    if share == 0:
        raise InputError(
            f"the box lies outside of the {role}: place it about the tumour, or give a {role} "
            "that shows it"
        )
    return [] if share > WHOLE else [f"The {role} shows {share:.0%} of the box only."]


def _ends(role: str, image: sitk.Image, preparation: Preparation) -> Window:
    """What becomes 0 and what 1: of the whole image, so that the box has no part in it."""
    values = sitk.GetArrayViewFromImage(image)
    low, high = (float(v) for v in np.percentile(values, preparation.percentiles))
    if role == "ADC":
        if high < SMALLEST_ADC:
            raise InputError(
                f"the ADC's highest values are about {high:.2g}: it must be in 1e-6 mm²/s, where "
                "water has about 2000 to 3000; multiply it accordingly"
            )
        return preparation.adc_window
    if not high > low:
        raise InputError(f"the {role} has the same value nearly everywhere: give another image")
    return low, high


def judged(network: torch.nn.Module, values: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """What one network says of a patient's slices, as of ``TumourSlices``: (class,), sums to 1."""
    import torch

    network.eval()
    device = next(network.parameters()).device
    given = (
        torch.from_numpy(np.array(each, np.float32))[None].to(device) for each in (values, boxes)
    )
    present = torch.ones((1, len(boxes)), dtype=torch.bool, device=device)
    with torch.inference_mode():
        return network(*given, present)[0].double().softmax(dim=0).cpu().numpy()


@dataclass
class Reading:
    """What one network says of a patient's slices.

    ``probabilities`` float64 (class,), ``attention`` and ``contribution`` float64 (slice,);
    ``heat`` float32 (class, slice, y', x'), Grad-CAM on the network's own cells.
    """

    probabilities: np.ndarray
    attention: np.ndarray
    contribution: np.ndarray
    heat: np.ndarray


def read(network: torch.nn.Module, slices: TumourSlices) -> Reading:
    """``network`` is a ``networks.parotid``'s."""
    import torch

    from HNCLogic.explain.slice_cam import slice_cam

    found = slice_cam(network, torch.from_numpy(slices.values), torch.from_numpy(slices.boxes))

    def plain(values: torch.Tensor) -> np.ndarray:
        return values[0].detach().double().cpu().numpy()

    return Reading(
        plain(found.reading.logits.double().softmax(dim=1)),
        plain(found.reading.attention),
        plain(found.reading.contribution),
        found.maps,
    )


def answer(
    readings: Sequence[Reading],
    slices: TumourSlices,
    classes: Sequence[str],
    *,
    box: Box,
    box_from: str,
    planes: str,
    model: str,
    trained_on: str,
) -> Parotid:
    """What the networks of all folds say of a patient: mean of their probabilities.

    ``classes`` names the networks' outputs, in order; ``box_from`` says where ``box`` comes from,
    ``planes`` is ``planes_role``'s.
    """
    each = np.stack([reading.probabilities for reading in readings])
    attention = np.mean([reading.attention for reading in readings], axis=0)
    contribution = np.mean([reading.contribution for reading in readings], axis=0)
    mean = each.mean(axis=0)
    top = int(mean.argmax())
    middles = slices.boxes.reshape(-1, 2, 2).mean(axis=1) - 0.5
    places = np.column_stack([middles, np.arange(len(middles))])
    heights = slices.grid.points(places)[:, 2]
    shares = zip(heights, attention, contribution, strict=True)
    return Parotid(
        kind=classes[top],
        probabilities=_named(classes, mean),
        folds=[_named(classes, row) for row in each],
        fold_spread=float(each[:, top].std()),
        slices=[
            SliceShare(
                index=index,
                position_mm=float(height),
                attention=float(attended),
                contribution=float(won),
            )
            for index, (height, attended, won) in enumerate(shares)
        ],
        box_mm=other_side(box),
        box_from=box_from,
        planes=planes,
        model=model,
        trained_on=trained_on,
    )


def heat_on(
    image: sitk.Image, readings: Sequence[Reading], of_class: int, slices: TumourSlices
) -> sitk.Image:
    """What speaks for a class, mean of the folds, on the patient's own grid, that of ``image``.

    float32, 0 to 1, 1 at the hottest place; 0 outside the box, which is all that the networks look
    at, and everywhere where nothing speaks for the class.
    """
    import torch
    from torch.nn.functional import interpolate

    coarse = np.mean([reading.heat[of_class] for reading in readings], axis=0)
    sides = slices.values.shape[2:]
    large = interpolate(torch.from_numpy(coarse)[None], sides, mode="bilinear")[0].numpy()
    middles = np.arange(max(sides)) + 0.5
    x0, y0, x1, y1 = slices.boxes.T[:, :, None]
    across = (middles[: sides[1]] >= x0) & (middles[: sides[1]] <= x1)
    down = (middles[: sides[0]] >= y0) & (middles[: sides[0]] <= y1)
    heat = np.where(down[:, :, None] & across[:, None, :], large, 0.0)
    peak = float(heat.max())
    scaled = (heat / peak if peak > 0 else heat).astype(np.float32)
    return resample(slices.grid.image(scaled), Grid.of(image), 0.0)


def _named(classes: Sequence[str], row: np.ndarray) -> dict[str, float]:
    return {name: float(value) for name, value in zip(classes, row, strict=True)}
