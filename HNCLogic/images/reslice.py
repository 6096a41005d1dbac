"""One image of a study on another's grid: PET on the anatomy's, or the other way round."""

from __future__ import annotations

import SimpleITK as sitk

from HNCLogic.errors import InputError
from HNCLogic.images.grid import Grid, resample, shrink_toward, to_patient_axes
from HNCLogic.images.study import Study

OUTSIDE = {"PET": 0.0, "CT": -1000.0}  # SUV, HU: what lies around a patient. MR: 0


def resliced(study: Study, role: str, onto: Grid) -> sitk.Image:
    """The image of ``role`` (also "MR": any sequence) on the grid ``onto``, in its own unit.

    Averaged over whole blocks of its voxels where ``onto`` is coarser, then interpolated
    linearly. Voxels outside its field of view (by more than one of ``onto``'s, where it is
    coarser) get 0 (PET, MR) or -1000 HU (CT), never a smear.
    Raises InputError where the study has no such image.
    """
    image = study.image(role)
    if image is None:
        raise InputError(f"there is no {role} image to reslice: give one")
    # Turned first: the axes of a sagittal stack are not those of the grid.
    turned = to_patient_axes(image)
    return resample(shrink_toward(turned, onto.spacing), onto, OUTSIDE.get(role, 0.0))
