"""A whole simulated patient: PET, CT and, if wished, MR, with the truth.

The same seed gives the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import SimpleITK as sitk

from HNCLogic.errors import InputError
from HNCLogic.images.grid import Grid
from HNCLogic.phantom import lesions as tumours
from HNCLogic.phantom import scanner
from HNCLogic.phantom.activity import activity, add_brown_fat, draw_uptake
from HNCLogic.phantom.anatomy import HIGH, LOW, draw_anatomy
from HNCLogic.phantom.centres import CENTRES, draw_centre, draw_misregistration
from HNCLogic.phantom.lesions import Lesion
from HNCLogic.phantom.noise import on_grid, smooth_field
from HNCLogic.phantom.pose import Pose, draw_pose

SIMULATED = "Simulated patient, made by HNC; no real person"
COARSE, FINE = 2.5, 1.5  # mm: spacing of the canvases for PET and light CT, for fine CT and MR


@dataclass(frozen=True)
class SimulatedPatient:
    """Images in one scanner space (LPS mm) on their own grids, as a hospital would send them."""

    seed: int
    positive: bool
    centre: str  # the virtual hospital, see centres.py
    pet: sitk.Image  # float32, SUVbw
    ct: sitk.Image  # float32, HU
    mr: sitk.Image | None  # float32, T1-weighted, arbitrary units, slightly oblique
    truth: sitk.Image  # uint8 on the PET's grid: 0 background, 1 primary, 2 node
    lesions: tuple[Lesion, ...]  # malignant; centre in scanner space
    harmless: tuple[Lesion, ...]  # uptake that looks like disease and is none
    pose: Pose  # from scanner to atlas space and back
    age: float
    weight_kg: float
    notes: tuple[str, ...] = ()
    simulated: str = SIMULATED

    def landmark(self, atlas_point: tuple[float, float, float]) -> tuple[float, float, float]:
        """Where a position of the atlas (mm, see anatomy.py) lies in this patient, LPS mm."""
        return tuple(float(v) for v in self.pose.scanner_point(atlas_point))


def _streams(seed: int, names: tuple[str, ...]) -> dict[str, np.random.Generator]:
    """A random stream for each subject, so that leaving one out changes no other."""
    children = np.random.SeedSequence(seed).spawn(len(names))
    return {n: np.random.default_rng(c) for n, c in zip(names, children, strict=True)}


def simulate(
    seed: int,
    positive: bool = True,
    *,
    centre: str | None = None,
    with_mr: bool = False,
    fine_ct: bool = False,
    pet_spacing: tuple[float, float, float] | None = None,
    pet_matrix: int | None = None,
    full_chain: bool = False,
    misregistration_mm: float | None = None,
    device: str = "cpu",
) -> SimulatedPatient:
    """A patient from vertex to upper chest.

    ``positive``: with primary and nodes; otherwise after treatment, with nothing but harmless
    uptake. ``centre``: one of ``centres.CENTRES``; None draws one by the seed, never by
    ``positive`` and never one that is held out.
    ``pet_spacing`` (x, y, z; mm) and ``pet_matrix`` replace the centre's own. ``fine_ct``: about
    1x1x3 mm, 512x512, instead of 3 mm, 160x160. ``with_mr`` adds a T1-weighted neck, 0.8x0.8x4 mm.
    What is asked for besides changes neither PET nor truth.
    ``full_chain``: the PET is projected, counted and reconstructed (``full_chain.py``), on the
    torch ``device``, instead of blurred and made noisy (``scanner.pet``); it is corrected with
    the CT, so ``fine_ct`` then changes it a little. ``misregistration_mm``: how far the patient
    moved between CT and PET, 0 to 5; None draws it (see ``draw_misregistration``).
    Raises InputError for an unknown centre, a misregistration out of range, and pixels that are
    not square with ``full_chain``.
    """
    if misregistration_mm is not None and not 0 <= misregistration_mm <= 5:
        raise InputError(f"misregistration must be 0 to 5 mm, not {misregistration_mm:g}")
    rng = _streams(int(seed), ("anatomy", "pose", "uptake", "malignant", "harmless", "centre",
                               "texture", "pet", "ct", "mr"))  # fmt: skip
    site = draw_centre(rng["centre"])
    if centre is not None and centre not in CENTRES:
        names = list(CENTRES)
        raise InputError(f"unknown centre {centre!r} of simulated patients; there are: {names}")
    site = CENTRES[centre or site.name]
    psf = rng["centre"].uniform(*site.psf_mm)
    cov = rng["centre"].uniform(*site.liver_cov)
    contrast = bool(rng["centre"].random() < 0.5)
    age = float(np.clip(rng["uptake"].normal(61, 10), 30, 88))
    weight = float(np.clip(rng["uptake"].normal(76, 13), 45, 130))

    anatomy = draw_anatomy(rng["anatomy"])
    pose = draw_pose(rng["pose"])
    malignant = tumours.draw_malignant(rng["malignant"], site.node_median_ml) if positive else []
    harmless = tumours.draw_harmless(rng["harmless"], 0.45 if positive else 0.75)

    canvas = anatomy.painted(COARSE)
    texture = on_grid(smooth_field(rng["texture"], LOW, HIGH, 9.0), canvas.low, COARSE, canvas.size)
    suv = activity(canvas, draw_uptake(rng["uptake"], age), texture)
    brown = add_brown_fat(rng["uptake"], canvas, suv)
    grown, truth = tumours.paint_uptake([*harmless, *malignant], canvas, suv, psf)

    bottom = pose.offset[2] - rng["centre"].uniform(140, 180)
    top = pose.scanner_point((0, 0, 217))[2] + rng["centre"].uniform(8, 30)
    middle = pose.scanner_point((0, 0, 0))[:2] + rng["centre"].uniform(-8, 8, 2)
    shift = draw_misregistration(rng["centre"])
    if misregistration_mm is not None:
        shift *= misregistration_mm / np.linalg.norm(shift)
    moved = sitk.CompositeTransform([pose.to_atlas, sitk.TranslationTransform(3, shift.tolist())])

    fine = None
    if fine_ct or with_mr:
        fine = anatomy.painted(FINE)
        tumours.paint_tissue([*harmless, *malignant], fine)
    step, pixels = (0.9766, 512) if fine_ct else (3.0, 160)
    ct_grid = scanner.axial_grid(
        (step, step, site.ct_slice_mm if fine_ct else 3.0), (pixels, pixels), middle, bottom, top
    )
    filled = rng["ct"].integers(1, 5) if rng["ct"].random() < 0.45 else 0
    metal = anatomy.teeth[rng["ct"].permutation(len(anatomy.teeth))[:filled]]
    fillings = np.array([pose.scanner_point(tooth) for tooth in metal]).reshape(-1, 3)
    couch_y = pose.scanner_point((0, 116, -180))[1] + 6
    hu = scanner.ct(
        fine if fine_ct else canvas, ct_grid, pose.to_atlas, contrast, rng["ct"], fillings, couch_y
    )
    ct = ct_grid.image(hu)

    spacing, matrix = pet_spacing or site.pet_spacing, pet_matrix or site.pet_matrix
    grid = scanner.axial_grid(spacing, (matrix, matrix), middle, bottom, top)
    if full_chain:
        from HNCLogic.phantom import full_chain as chain

        noisy = chain.pet(
            suv, canvas, grid, moved, ct, couch_y, psf, cov, site.protocol,
            rng["pet"], device,
        )  # fmt: skip
    else:
        noisy = scanner.pet(
            suv, canvas, grid, moved, psf, 1.1 * site.protocol.filter_mm, cov, rng["pet"]
        )
    pet = grid.image(noisy)
    labels = np.zeros(noisy.shape, np.uint8)
    for value in (1, 2):
        if (truth == value).any():
            share = scanner.read((truth == value).astype(np.float32), canvas, grid, moved, 0.0)
            labels[share >= 0.5] = value

    notes = (("brown fat",) if brown else ()) + (("contrast-enhanced CT",) if contrast else ())
    notes += ("dental metal",) if len(fillings) else ()
    notes += ("PET by the full scanner chain",) if full_chain else ()
    placed = [
        replace(found, centre=tuple(float(v) for v in pose.scanner_point(found.centre) - shift))
        for found in grown
    ]
    return SimulatedPatient(
        seed=int(seed),
        positive=bool(positive),
        centre=site.name,
        pet=pet,
        ct=ct,
        mr=_mr(fine, pose, rng["mr"]) if with_mr else None,
        truth=grid.image(labels),
        lesions=tuple(found for found in placed if found.malignant),
        harmless=tuple(found for found in placed if not found.malignant),
        pose=pose,
        age=age,
        weight_kg=weight,
        notes=notes,
    )


def _mr(canvas, pose: Pose, rng: np.random.Generator) -> sitk.Image:
    """T1-weighted, 0.8x0.8x4 mm, from the skull base to the collar bones, tilted to the neck."""
    from scipy.spatial.transform import Rotation

    angles = rng.uniform((-14, -3, -3), (-3, 3, 3))
    matrix = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    spacing, size = (0.8, 0.8, 4.0), (300, 300, 56)
    middle = pose.scanner_point((0, 6, 20))
    half = np.asarray(spacing) * (np.asarray(size) - 1) / 2
    origin = middle - matrix @ half
    grid = Grid(size, spacing, tuple(float(v) for v in origin), tuple(matrix.ravel().tolist()))
    field = on_grid(smooth_field(rng, LOW, HIGH, 140.0), canvas.low, canvas.spacing, canvas.size)
    return grid.image(scanner.t1(canvas, grid, pose.to_atlas, np.exp(0.12 * field), rng))
