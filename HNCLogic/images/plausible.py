"""Do an image's values look like what it was given as: PET, CT, or any image at all."""

from __future__ import annotations

import numpy as np

from HNCLogic.errors import InputError
from HNCLogic.images.nifti_file import non_finite

BQML_FROM = 100.0  # SUVs above this are a bladder's; in Bq/ml whole organs are far above it


def refuse_unusable(values: np.ndarray, source: str) -> None:
    """Raises ``InputError`` for NaN or infinite values, saying how many, and for an image that
    is the same everywhere. ``values``: any shape."""
    bad = values.size - int(np.count_nonzero(np.isfinite(values)))
    if bad:
        raise InputError(non_finite(source, bad, values.size))
    if values.min() == values.max():
        raise InputError(f"{source}: every voxel is {values.flat[0]:g}, there is no image in it")


def refuse_ct_as_pet(values: np.ndarray, source: str, noisy: bool = False) -> None:
    """A CT in Hounsfield units has air at -1000; a PET has nothing far below zero, but for a
    little noise where it is in Bq/ml (``noisy``)."""
    lowest = float(values.min())
    if lowest >= -100:
        return
    share = np.count_nonzero(values < -100) / values.size
    if share > 0.01 or not noisy:
        raise InputError(
            f"{source} was given as PET but has values down to {lowest:.0f}, like a CT in HU: "
            "give it with --ct, and a PET as PET"
        )


def refuse_activity_as_suv(values: np.ndarray, source: str) -> None:
    """Raises ``InputError`` where the values of a PET of unstated units look like Bq/ml."""
    high = float(np.percentile(values, 99.9))
    if high > BQML_FROM:
        raise InputError(
            f"{source}: its units are not stated and its values, up to {values.max():.0f}, look "
            "like Bq/ml: give --pet-units BQML with --weight KG, --dose MBQ, --injected TIME and "
            "--scan-started TIME, or give the DICOM series"
        )


def ct_warnings(values: np.ndarray) -> list[str]:
    """What is odd about a CT's values if they are meant as Hounsfield units."""
    lowest, highest = float(values.min()), float(values.max())
    if lowest >= -100:
        return [
            f"This does not look like a CT in HU: its values are {lowest:.4g} to {highest:.4g}, "
            "and air would be near -1000."
        ]
    if highest < 0 or lowest < -10000:
        return [f"This does not look like a CT in HU: {lowest:.4g} to {highest:.4g}."]
    return []
