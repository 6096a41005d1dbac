"""A study: the images of one patient by their roles, PET in SUVbw with its record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import SimpleITK as sitk

from HNCLogic.errors import InputError
from HNCLogic.images.grid import Grid, overlap_fraction
from HNCLogic.job import MR_ROLES, SuvByHand, SuvRecord

SMALL_OVERLAP = 0.25  # of the smaller of two images


@dataclass
class Study:
    """Images as float32 ``SimpleITK.Image`` with their own geometry.

    ``images`` maps roles (PET, CT, T1 …) to images; PET is always SUVbw. ``sources`` says in
    words what each was read from, without paths or names.
    """

    images: dict[str, sitk.Image]
    suv: SuvRecord | None = None
    sources: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    @property
    def pet(self) -> sitk.Image | None:
        return self.images.get("PET")

    @property
    def anatomical_role(self) -> str | None:
        """The role the user looks at under the PET: MR first, then CT; None where neither is."""
        return next((role for role in (*MR_ROLES, "CT") if role in self.images), None)

    @property
    def anatomical(self) -> sitk.Image | None:
        role = self.anatomical_role
        return None if role is None else self.images[role]

    def image(self, role: str) -> sitk.Image | None:
        """The image of ``role``, "MR" standing for any MR sequence; None where there is none."""
        if role == "MR":
            return self.anatomical if self.anatomical_role in MR_ROLES else None
        return self.images.get(role)

    @property
    def reference_role(self) -> str | None:
        """The image on whose grid results are given: the PET, or without one the anatomy."""
        return "PET" if "PET" in self.images else self.anatomical_role

    @property
    def reference(self) -> sitk.Image:
        """The image of ``reference_role``."""
        return self.images[self.reference_role]


def read_study(
    images: Mapping[str, Path],
    series: Mapping[str, str] | None = None,
    by_hand: SuvByHand | None = None,
) -> Study:
    """The images of one patient by role, each read from its path (see ``read.read_image``).

    ``series`` chooses by role where a DICOM folder holds several; ``by_hand`` goes to the PET.
    Raises ``InputError`` where an image cannot be used as its role, where two are of different
    patients, and where an image does not overlap the PET at all.
    """
    from HNCLogic.images.read import read_image

    series = series or {}
    if not images:
        raise InputError("no image was given: give at least one, for example --pet FOLDER")
    for role in series:
        if role not in images:
            raise InputError(f"--series {role}={series[role]}: no {role} image was given")
    order = sorted(images, key=lambda role: role != "PET")  # the PET first: others must meet it
    loaded = {role: read_image(images[role], role, series.get(role), by_hand) for role in order}
    first = order[0]
    warnings = []
    for role in order[1:]:
        _refuse_other_patient(first, role, loaded, images)
        warnings += _lying(first, role, loaded)
    return Study(
        images={role: one.image for role, one in loaded.items()},
        suv=loaded["PET"].suv if "PET" in loaded else None,
        sources={role: one.source for role, one in loaded.items()},
        warnings=[*(f"{r}: {w}" for r, one in loaded.items() for w in one.warnings), *warnings],
    )


def _refuse_other_patient(first: str, role: str, loaded: dict, images: Mapping[str, Path]) -> None:
    patients = loaded[first].patient, loaded[role].patient
    if None not in patients and patients[0] != patients[1]:
        raise InputError(
            f"{first} ({images[first]}) and {role} ({images[role]}) are of different patients by "
            "their DICOM headers: give images of one patient"
        )


def _lying(first: str, role: str, loaded: dict) -> list[str]:
    """Warnings on how ``role`` lies to ``first``. Raises ``InputError`` where they never meet."""
    grids = Grid.of(loaded[first].image), Grid.of(loaded[role].image)
    share = max(overlap_fraction(*grids), overlap_fraction(*reversed(grids)))
    if share == 0:
        raise InputError(
            f"{first} and {role} do not overlap: {first} covers {_extent(grids[0])}, {role} "
            f"{_extent(grids[1])}: give images of the same examination"
        )
    warnings = []
    if share < SMALL_OVERLAP:
        warnings.append(f"{first} and {role} overlap in {share:.0%} of the smaller one only.")
    frames = loaded[first].frame_of_reference, loaded[role].frame_of_reference
    if None not in frames and frames[0] != frames[1]:
        warnings.append(other_frame(first, role))
    return warnings


def other_frame(first: str, role: str) -> str:
    """The warning of images that by their headers need not lie on each other."""
    return (
        f"{first} and {role} have different DICOM frames of reference: they are laid over each "
        "other by the positions in their headers. Check that they fit."
    )


def _extent(grid: Grid) -> str:
    """The box around a grid in RAS, in words."""
    low, high = grid.corners().min(axis=0), grid.corners().max(axis=0)
    box = {"R": (-high[0], -low[0]), "A": (-high[1], -low[1]), "S": (low[2], high[2])}
    return ", ".join(f"{axis} {a:.0f} to {b:.0f}" for axis, (a, b) in box.items()) + " mm"
