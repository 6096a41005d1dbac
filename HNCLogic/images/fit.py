"""Do two images of a patient lie on each other? Told from the body's outline in both."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from HNCLogic.errors import InputError
from HNCLogic.images.body import coarsened, outline
from HNCLogic.images.grid import Grid, resample
from HNCLogic.images.study import Study, other_frame

_WORKING_MM = 6.0
# Of the body that CT or MRI shows, at least this share must lie on the body that the PET shows.
# Ten real patients: 0.79 to 1.00 for images of one examination, 0.50 for one that has its own
# coordinates.
LEAST_SHARE = 0.65


def body_share(pet: sitk.Image, other: sitk.Image, role: str) -> float | None:
    """Share of the body in ``other`` (an image of ``role``) that lies on the body in the PET.

    Only what both show is looked at. None where one of them shows no body there.
    """
    shown = coarsened(other, _WORKING_MM)
    grid = Grid.of(shown)
    try:
        theirs = sitk.GetArrayFromImage(outline(shown, role)) > 0
        coarse = coarsened(pet, _WORKING_MM)
        body = sitk.Cast(outline(coarse, "PET"), sitk.sitkFloat32)
    except InputError:
        return None
    # Where the PET does not reach, nothing can be said.
    reached = sitk.GetArrayFromImage(resample(body * 0 + 1, grid, 0.0)) > 0.5
    ours = sitk.GetArrayFromImage(resample(body, grid, 0.0)) > 0.5
    counted = np.count_nonzero(theirs & reached)
    return None if counted == 0 else np.count_nonzero(theirs & ours) / counted


def leave_out_misplaced(study: Study) -> list[str]:
    """Take images out of ``study`` that do not lie on its PET; gives a warning for each.

    Fused, they would mislead: a thigh over a face. They are of use again once registered. The
    study's own warning that they might not fit goes with them.
    """
    if study.pet is None:
        return []
    warnings = []
    for role in [role for role in study.images if role != "PET"]:
        share = body_share(study.pet, study.images[role], role)
        if share is not None and share < LEAST_SHARE:
            del study.images[role]
            might_not = other_frame("PET", role)
            study.warnings = [words for words in study.warnings if words != might_not]
            warnings.append(
                f"The {role} was left out: only {share:.0%} of the body it shows lies on the body "
                "in the PET. Their positions do not belong together; register it to the PET first."
            )
    return warnings
