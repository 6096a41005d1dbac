"""A whole simulated patient: PET, CT and, if wished, MR, with the truth.

The same seed gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace

import numpy as np
import SimpleITK as sitk

from HNCLogic.errors import InputError
from HNCLogic.phantom.body.anatomy import Anatomy, AnatomySource, Sex, draw_anatomy
from HNCLogic.phantom.body.landmarks import BACK
from HNCLogic.phantom.body.pose import Pose
from HNCLogic.phantom.body.tissues import only
from HNCLogic.phantom.disease import lesions as tumours
from HNCLogic.phantom.disease.activity import activity, add_brown_fat, draw_uptake, unevenness
from HNCLogic.phantom.disease.confounders import apart, draw_harmless
from HNCLogic.phantom.disease.lesions import Lesion
from HNCLogic.phantom.disease.matching import Heat, draw_heat
from HNCLogic.phantom.disease.survival import draw_survival
from HNCLogic.phantom.mr.images import simulate_mr
from HNCLogic.phantom.mr.sequences import HABITS
from HNCLogic.phantom.mr.sequences import ROLES as MR_ROLES
from HNCLogic.phantom.mr.study import NECK
from HNCLogic.phantom.scanners import fast_pet, scanner
from HNCLogic.phantom.scanners.centres import CENTRES, Centre, draw_centre, draw_misregistration
from HNCLogic.phantom.scanners.truth_grid import labels_on

SIMULATED = "Simulated patient, made by HNC; no real person"
COARSE, FINE = 2.5, 1.5  # mm: spacing of the canvases for PET and light CT, for fine CT and MR
# The field of view, mm above and below the hyoid: set by eye, not by the patient's own vertex.
ABOVE, BELOW = (239.0, 259.0), (140.0, 205.0)
# Streams that the two of a matched pair share.
MATCHED = ("header", "pose", "centre", "stratum", "build")
OWN = ("anatomy", "uptake", "malignant", "harmless", "texture", "pet", "ct", "mr", "survival")


@dataclass(frozen=True)
class SimulatedPatient:
    """Images in one scanner space (LPS mm) on their own grids, as a hospital would send them."""

    seed: int
    positive: bool
    centre: str  # the virtual hospital, see centres.py
    pet: sitk.Image  # float32, SUVbw
    ct: sitk.Image  # float32, HU
    truth: sitk.Image  # uint8 on the PET's grid: 0 none, 1 primary, 2, 3, … a node each
    lesions: tuple[Lesion, ...]  # malignant; centre in scanner space
    harmless: tuple[Lesion, ...]  # uptake that looks like disease and is none
    pose: Pose  # from scanner to canvas space and back
    body: Anatomy
    match: int  # what a matched pair has in common was drawn from this
    age: float
    sex: Sex
    weight_kg: float
    time_months: float | None  # to death or the end of follow-up; None without tumour
    event: int | None  # 1: died
    mr: dict[str, sitk.Image] = field(default_factory=dict)  # by role, float32, slightly oblique
    notes: tuple[str, ...] = ()
    simulated: str = SIMULATED

    def landmark(self, atlas_point: tuple[float, float, float]) -> tuple[float, float, float]:
        """Where a position of the atlas (mm, see atlas.py) lies in this patient, LPS mm."""
        return tuple(float(v) for v in self.pose.scanner_point(self.body.place(atlas_point)))

    @property
    def images(self) -> dict[str, sitk.Image]:
        """All images by role."""
        return {"PET": self.pet, "CT": self.ct, **self.mr}


def _streams(seed: int, family: int, names: tuple[str, ...]) -> dict[str, np.random.Generator]:
    """A random stream for each subject, so that leaving one out changes no other.

    ``family`` keeps a pair's streams apart from those of the patient with the pair's number.
    """
    children = np.random.SeedSequence((seed, family)).spawn(len(names))
    return {n: np.random.default_rng(c) for n, c in zip(names, children, strict=True)}


@dataclass(frozen=True)
class _Header:
    """What the two of a matched pair have in common: nothing of it may tell the label."""

    site: Centre
    psf_mm: float
    liver_cov: float
    contrast: bool
    sex: Sex
    age: float
    weight_kg: float
    heat: Heat
    shift: np.ndarray  # mm: between CT and PET
    around: np.ndarray  # mm: bottom, top, x and y of the middle, from the pose's offset


def _draw_header(rng: dict[str, np.random.Generator], centre: str | None) -> _Header:
    if centre is not None and centre not in CENTRES:
        names = list(CENTRES)
        raise InputError(f"unknown centre {centre!r} of simulated patients; there are: {names}")
    drawn = draw_centre(rng["centre"])
    site = CENTRES[centre or drawn.name]
    share = rng["centre"].random(2)
    sex: Sex = "male" if rng["header"].random() < 0.75 else "female"
    kilograms = 80.0 if sex == "male" else 66.0
    return _Header(
        site=site,
        psf_mm=float(np.interp(share[0], (0, 1), site.psf_mm)),
        liver_cov=float(np.interp(share[1], (0, 1), site.liver_cov)),
        contrast=bool(rng["centre"].random() < 0.5),
        sex=sex,
        age=float(np.clip(rng["header"].normal(61, 10), 30, 88)),
        weight_kg=float(np.clip(rng["header"].normal(kilograms, 13), 42, 140)),
        heat=draw_heat(rng["stratum"]),
        shift=draw_misregistration(rng["centre"]),
        around=rng["header"].uniform((-BELOW[1], ABOVE[0], -8, -8), (-BELOW[0], ABOVE[1], 8, 8)),
    )


def simulate(
    seed: int,
    positive: bool = True,
    *,
    centre: str | None = None,
    match: int | None = None,
    anatomy: AnatomySource | None = None,
    modalities: Collection[str] = ("PET", "CT"),
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
    ``match``: a positive and a negative of the same number have centre, scanner settings,
    position, field of view, sex, age, weight, the heat that tumour and first look-alike aim at
    and, of ``anatomy``, the case in common; None: the seed's own.
    ``anatomy``: where bodies come from; None is the built-in one.
    ``modalities``: MR roles among ``MR_ROLES`` add MR images; PET and CT are always made.
    ``pet_spacing`` (x, y, z; mm) and ``pet_matrix`` replace the centre's own. ``fine_ct``: about
    1x1x3 mm, 512x512, instead of 3 mm, 160x160.
    What is asked for besides changes neither PET nor truth.
    ``full_chain``: the PET is projected, counted and reconstructed (``full_chain.py``), on the
    torch ``device``, instead of blurred and made noisy (``fast_pet.py``); it is corrected with
    the CT, so ``fine_ct`` then changes it a little. ``misregistration_mm``: how far the patient
    moved between CT and PET, 0 to 5; None draws it (see ``draw_misregistration``).
    Raises InputError for an unknown centre or modality, a misregistration out of range, and
    pixels that are not square with ``full_chain``.
    """
    if misregistration_mm is not None and not 0 <= misregistration_mm <= 5:
        raise InputError(f"misregistration must be 0 to 5 mm, not {misregistration_mm:g}")
    unknown = [role for role in modalities if role not in ("PET", "CT", *MR_ROLES)]
    if unknown:
        raise InputError(
            f"simulated patients have no {unknown[0]}; there are: PET, CT, {', '.join(MR_ROLES)}"
        )
    match = int(seed) if match is None else int(match)
    rng = _streams(int(seed), 0, OWN) | _streams(match, 1, MATCHED)
    header = _draw_header(rng, centre)
    site = header.site
    if anatomy is None:
        body: Anatomy = draw_anatomy(rng["anatomy"], header.sex, header.age, rng["build"])
    else:
        body = anatomy.draw(rng["anatomy"], rng["build"])
    pose = body.pose(rng["pose"])
    malignant = tumours.draw_malignant(
        rng["malignant"], node_median_ml=site.node_median_ml, hottest=header.heat.tumour
    )
    malignant = malignant if positive else []
    harmless = draw_harmless(
        rng["harmless"], positive=positive, heat=header.heat, malignant=malignant
    )
    harmless = apart(harmless, malignant)
    malignant, harmless = (
        [replace(one, centre=tuple(float(v) for v in body.place(one.centre))) for one in found]
        for found in (malignant, harmless)
    )

    canvas = body.painted(COARSE)
    texture = unevenness(rng["texture"], canvas)
    suv = activity(canvas, draw_uptake(rng["uptake"], header.age), texture)
    brown = add_brown_fat(rng["uptake"], canvas, suv, body.place, texture)
    grown, truth = tumours.paint_uptake([*harmless, *malignant], canvas, suv, header.psf_mm)

    bottom, top = pose.offset[2] + header.around[:2]
    middle = pose.offset[:2] + header.around[2:]
    shift = header.shift
    if misregistration_mm is not None:
        shift = shift * misregistration_mm / np.linalg.norm(shift)
    moved = sitk.CompositeTransform([pose.to_atlas, sitk.TranslationTransform(3, shift.tolist())])

    fine = None
    if fine_ct or any(role in MR_ROLES for role in modalities):
        fine = body.painted(FINE)
        tumours.paint_tissue([*harmless, *malignant], fine)
    step, pixels = (0.9766, 512) if fine_ct else (3.0, 160)
    ct_grid = scanner.axial_grid(
        (step, step, site.ct_slice_mm if fine_ct else 3.0), (pixels, pixels), middle, bottom, top
    )
    filled = rng["ct"].integers(1, 5) if rng["ct"].random() < 0.45 else 0
    metal = body.teeth[rng["ct"].permutation(len(body.teeth))[:filled]]
    fillings = np.array([pose.scanner_point(tooth) for tooth in metal]).reshape(-1, 3)
    couch_y = pose.scanner_point(body.place(BACK))[1] + 6
    on_canvas = fine if fine_ct else canvas
    hu = tissue_numbers(body, on_canvas, header.contrast, rng["ct"])
    hu = scanner.read(hu, on_canvas, ct_grid, pose.to_atlas, -1000.0)
    ct = ct_grid.image(scanner.acquired(hu, ct_grid, rng["ct"], fillings, couch_y))

    spacing, matrix = pet_spacing or site.pet_spacing, pet_matrix or site.pet_matrix
    grid = scanner.axial_grid(spacing, (matrix, matrix), middle, bottom, top)
    if full_chain:
        from HNCLogic.phantom.scanners import full_chain as chain

        noisy = chain.pet(
            suv, canvas, grid, moved, ct, couch_y, header.psf_mm, header.liver_cov, site.protocol,
            rng["pet"], device, body.hu(canvas),
        )  # fmt: skip
    else:
        noisy = fast_pet.pet(
            suv, canvas, grid, moved, couch_y, header.psf_mm, header.liver_cov, site.protocol,
            rng["pet"],
        )  # fmt: skip
    pet = grid.image(noisy)
    labels = labels_on(grid, truth, canvas, moved)

    images: dict[str, sitk.Image] = {}
    wanted = [role for role in modalities if role in MR_ROLES]
    if wanted:
        images = simulate_mr(
            fine, pose, wanted, rng["mr"], centre=body.place(NECK), habits=HABITS[site.name]
        )

    notes = (("brown fat",) if brown else ()) + (
        ("contrast-enhanced CT",) if header.contrast else ()
    )
    notes += ("dental metal",) if len(fillings) else ()
    notes += ("PET by the full scanner chain",) if full_chain else ()
    notes += (f"anatomy: {body.source}",) if anatomy is not None else ()
    placed = [
        replace(found, centre=tuple(float(v) for v in pose.scanner_point(found.centre) - shift))
        for found in grown
    ]
    burden = float((truth > 0).sum()) * canvas.spacing**3 / 1000
    months, event = draw_survival(rng["survival"], burden)
    return SimulatedPatient(
        seed=int(seed),
        positive=bool(positive),
        centre=site.name,
        pet=pet,
        ct=ct,
        truth=grid.image(labels),
        lesions=tuple(found for found in placed if found.malignant),
        harmless=tuple(found for found in placed if not found.malignant),
        pose=pose,
        body=body,
        match=match,
        age=header.age,
        sex=header.sex,
        weight_kg=header.weight_kg,
        time_months=months if positive else None,
        event=event if positive else None,
        mr=images,
        notes=notes,
    )


def tissue_numbers(body: Anatomy, canvas, contrast: bool, rng: np.random.Generator) -> np.ndarray:
    """CT numbers on the canvas, HU (z, y, x): the body's real ones, but for lesions."""
    hu = scanner.tissue_hu(canvas, contrast, rng)
    known = body.hu(canvas)
    if known is None:
        return hu
    given = np.isfinite(known) & ~only("tumour", "necrosis", "node")[canvas.labels]
    return np.where(given, known, hu).astype(np.float32)
