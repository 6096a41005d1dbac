"""A simulated patient with a tumour of the parotid: MR by six roles, the box, the kind.

For the classification of Liu et al., Laryngoscope 2023;133:327. The same seed gives the same
bytes. Body, pose, protocol, grids and field of view come from streams that know nothing of the
tumour; age and sex go with its kind as in life.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from HNCLogic.errors import InputError
from HNCLogic.images.grid import Grid
from HNCLogic.phantom.body.anatomy import HIGH, LOW, BuiltIn, draw_anatomy
from HNCLogic.phantom.body.noise import on_grid
from HNCLogic.phantom.body.shapes import Canvas, ellipsoid
from HNCLogic.phantom.body.tissues import LABEL
from HNCLogic.phantom.cases.parotid_tumours import (
    ParotidTumour,
    draw_person,
    draw_subtype,
    draw_tumour,
    paint_tumour,
)
from HNCLogic.phantom.mr.images import acquire, mask_on
from HNCLogic.phantom.mr.sequences import HABITS, ROLES
from HNCLogic.phantom.mr.study import plan_study, view_box
from HNCLogic.phantom.mr.tissues import draw_columns
from HNCLogic.phantom.reader_score import PAROTID, draw_score
from HNCLogic.phantom.scanners.centres import CENTRES, draw_centre

SIMULATED = "Simulated patient, made by HNC; no real person"
SPACING = 1.25  # mm: of the canvas
LENGTH = 104.0  # mm from the first slice to the last


@dataclass(frozen=True)
class ParotidCase:
    """Images in one scanner space (LPS mm), each on its own oblique grid."""

    seed: int
    centre: str  # the virtual hospital, see centres.py
    subtype: str  # of parotid_tumours.SUBTYPES
    side: str  # "left", "right": the tumour's
    images: dict[str, sitk.Image]  # by role, float32; ADC in 1e-6 mm²/s
    mask: sitk.Image  # uint8 on the grid of CE-T1: 1 the tumour, 2 a second focus
    box: tuple[float, float, float, float, float, float]  # LPS mm: x, x, y, y, z, z, low first
    box_voxels: tuple[int, int, int, int, int, int]  # the same in voxels of CE-T1, both included
    volume_ml: float  # of the tumour with its cysts, without a second focus
    reader_score: int  # a simulated radiologist's: 1 surely benign to 5 surely malignant
    age: float
    sex: str
    tumour: ParotidTumour
    simulated: str = SIMULATED

    @property
    def malignant(self) -> bool:
        return self.tumour.malignant


def simulate_parotid(
    seed: int,
    subtype: str | None = None,
    *,
    centre: str | None = None,
    roles: Iterable[str] = ROLES,
) -> ParotidCase:
    """A patient with one parotid tumour; ``subtype`` None draws one by prevalence.

    ``centre``: of ``centres.CENTRES``, whose habits the examination follows; None draws one,
    never by the tumour and never one that is held out.
    ``roles``: which images are wanted; none of them depends on which others are. The box is
    drawn round the tumour on CE-T1 as by a physician, up to some millimetres wide of it, and
    always holds it.
    ``reader_score``: of a simulated radiologist, whose sensitivity, specificity and AUC (0.74)
    are taken from the paper and do not come from the images; margins more ragged than is usual
    for the class raise it.
    Raises InputError for an unknown subtype, centre or role.
    """
    names = ("subtype", "body", "pose", "nodes", "tumour", "person", "plan", "tissue", "scan",
             "box", "reader", "centre")  # fmt: skip
    children = np.random.SeedSequence(int(seed)).spawn(len(names))
    rng = {name: np.random.default_rng(c) for name, c in zip(names, children, strict=True)}
    drawn = draw_subtype(rng["subtype"])
    tumour = draw_tumour(rng["tumour"], subtype or drawn)
    age, sex = draw_person(rng["person"], tumour.subtype)

    if centre is not None and centre not in CENTRES:
        known = ", ".join(CENTRES)
        raise InputError(f"unknown centre {centre!r} of simulated patients; there are: {known}")
    site = CENTRES[centre] if centre else draw_centre(rng["centre"])

    anatomy = draw_anatomy(rng["body"])
    pose = anatomy.pose(rng["pose"])
    study = plan_study(
        pose,
        rng["plan"],
        centre=_between_glands(anatomy),
        length_mm=LENGTH,
        habits=HABITS[site.name],
    )
    low, high = view_box(study)
    canvas = _painted(anatomy, np.maximum(low, LOW), np.minimum(high, HIGH))
    _add_small_nodes(rng["nodes"], canvas)
    found = paint_tumour(tumour, canvas)
    table = draw_columns(rng["tissue"], tumour.properties)
    images = acquire(canvas, study, roles, table, rng["scan"])

    main = mask_on(found == 1, canvas, study["CE-T1"])
    labels = main.astype(np.uint8)
    if tumour.several:
        labels[mask_on(found == 2, canvas, study["CE-T1"]) & ~main] = 2
    grid = study["CE-T1"].grid
    voxels = _frame(main, rng["box"].integers(0, 4, 6))
    return ParotidCase(
        seed=int(seed),
        centre=site.name,
        subtype=tumour.subtype,
        side=tumour.side,
        images=images,
        mask=grid.image(labels),
        box=_box_mm(grid, voxels),
        box_voxels=voxels,
        volume_ml=float((found == 1).sum() * canvas.spacing**3 / 1000),
        reader_score=draw_score(rng["reader"], tumour.malignant, PAROTID, ragged(tumour)),
        age=age,
        sex=sex,
        tumour=tumour,
    )


def ragged(tumour: ParotidTumour) -> float:
    """How ragged its margin is against what is usual for its class, standard deviations, ±2."""
    usual, spread = (0.225, 0.12) if tumour.malignant else (0.105, 0.065)
    seen = tumour.rough + (0.15 if tumour.infiltrates else 0.0)
    return float(np.clip((seen - usual) / spread, -2, 2))


def _between_glands(anatomy: BuiltIn) -> np.ndarray:
    """The point in the middle between the glands as the plan has them, mm on the canvas."""
    glands = [s.shape for s in anatomy.plan.strokes if s.tissue == "parotid"]
    low = np.min([shape.low for shape in glands], axis=0)
    high = np.max([shape.high for shape in glands], axis=0)
    return (low + high) / 2 * (0, 1, 1)


def _painted(anatomy: BuiltIn, low: np.ndarray, high: np.ndarray) -> Canvas:
    """The tissues of the part of the patient that is in view."""
    canvas = Canvas(tuple(low), tuple(high), SPACING)
    canvas.roughness = on_grid(anatomy.surface_noise, canvas.low, SPACING, canvas.size)
    canvas.folds = on_grid(anatomy.folds, canvas.low, SPACING, canvas.size)
    anatomy.plan.paint(canvas)
    return canvas


def _add_small_nodes(rng: np.random.Generator, canvas: Canvas) -> None:
    """Small nodes within the glands, which everyone has; no tumour, though some look like one."""
    onto = np.arange(256) == LABEL["parotid"]
    for side in (1, -1):
        gland = (canvas.labels == LABEL["parotid"]) & (canvas.axes[0][None, None, :] * side > 0)
        places = np.argwhere(gland)[:, ::-1]
        count = int(rng.integers(0, 4))
        for pick, size in zip(rng.random(3)[:count], rng.uniform(1.8, 3.6, 3), strict=False):
            if len(places):
                point = canvas.low + canvas.spacing * places[int(pick * len(places))]
                shape = ellipsoid(point, np.array([0.8, 0.9, 1.3]) * size)
                canvas.paint(LABEL["node"], shape, onto)


def _frame(mask: np.ndarray, wider: np.ndarray) -> tuple[int, ...]:
    """First and last voxel in x, y, z that hold the mask (z, y, x), ``wider`` by whole voxels.

    Slices are thick: along z the frame is wider by one at most.
    """
    found = np.argwhere(mask)[:, ::-1]
    wider = np.asarray(wider) // (1, 1, 1, 1, 3, 3)
    first = np.maximum(found.min(axis=0) - wider[::2], 0)
    last = np.minimum(found.max(axis=0) + wider[1::2], np.array(mask.shape[::-1]) - 1)
    return tuple(int(v) for pair in zip(first, last, strict=True) for v in pair)


def _box_mm(grid: Grid, voxels: tuple[int, ...]) -> tuple[float, ...]:
    """The box along the axes of LPS that holds these voxels to their outer edges, mm."""
    ends = np.asarray(voxels, float).reshape(3, 2) + np.array([-0.5, 0.5])
    corners = grid.points(np.array([(x, y, z) for x in ends[0] for y in ends[1] for z in ends[2]]))
    low, high = corners.min(axis=0), corners.max(axis=0)
    return tuple(float(v) for pair in zip(low, high, strict=True) for v in pair)
