"""A study: the images of one patient by their roles, PET in SUVbw with its record."""

from __future__ import annotations

from dataclasses import dataclass, field

import SimpleITK as sitk

from HNCLogic.job import MR_ROLES, SuvRecord


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

    @property
    def reference(self) -> sitk.Image:
        """The image on whose grid results are given: the PET, or without one the anatomy."""
        return self.pet if self.pet is not None else self.anatomical
