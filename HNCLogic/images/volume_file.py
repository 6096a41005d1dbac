"""One image file (NIfTI, NRRD, MetaImage) as one 3D volume."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from HNCLogic.errors import InputError, out_of_memory
from HNCLogic.images.nifti_file import check_nifti
from HNCLogic.images.quiet import quiet_itk

KINDS = {
    ".nii": "NIfTI",
    ".nii.gz": "NIfTI",
    ".nrrd": "NRRD",
    ".nhdr": "NRRD",
    ".mha": "MetaImage",
    ".mhd": "MetaImage",
}


def read_volume(path: Path) -> tuple[sitk.Image, str, list[str]]:
    """The volume in ``path`` in its own pixel type, what kind of file it is ("NIfTI file"), and
    warnings. A fourth dimension of length one is dropped.

    Raises ``InputError`` for what is no image, is cut short, has several frames or components,
    has one slice only, or whose axes are not three directions at right angles.
    """
    image, kind = read_file(path)
    image = one_frame(image, path)
    refuse_geometry(image, path)
    return image, f"{kind} file", _orientation_warning(image, kind)


def read_file(path: Path) -> tuple[sitk.Image, str]:
    """What the image file at ``path`` holds, as it is, and its format ("NIfTI", "NRRD" …).

    Raises ``InputError`` for what is no image or is cut short.
    """
    path = Path(path)
    kind = next((name for end, name in KINDS.items() if path.name.lower().endswith(end)), None)
    if kind is None:
        raise InputError(_no_image(path))
    if kind == "NIfTI":
        check_nifti(path)
    try:
        with quiet_itk():
            return sitk.ReadImage(str(path)), kind
    except RuntimeError as error:
        if out_of_memory(error):
            raise MemoryError(str(error)) from error
        raise InputError(_barred(path) or _reason(path, kind, str(error))) from error


def base_name(path: Path) -> str:
    """The file's name without its image ending: pet.nii.gz → pet."""
    for ending in sorted(KINDS, key=len, reverse=True):
        if path.name.lower().endswith(ending):
            return path.name[: -len(ending)]
    return path.stem


def record_path(image: Path) -> Path:
    """Where the SUV record of an image file lies: the same name with .json."""
    return image.with_name(f"{base_name(image)}.json")


def one_frame(image: sitk.Image, path: Path) -> sitk.Image:
    """``image`` without further dimensions of length one. Raises ``InputError`` where it is not one
    volume, of one value a voxel and several slices."""
    size = image.GetSize()
    if image.GetNumberOfComponentsPerPixel() > 1:
        raise InputError(
            f"{path} has {image.GetNumberOfComponentsPerPixel()} values at each voxel (colours, "
            "vectors, or overlapping segments): one value a voxel is needed"
        )
    if "complex" in image.GetPixelIDTypeAsString():
        raise InputError(f"{path} holds complex numbers, not an image")
    if len(size) > 3 and all(n == 1 for n in size[3:]):
        image = sitk.Extract(image, [*size[:3], *[0] * (len(size) - 3)], [0] * len(size))
    elif len(size) > 3:
        raise InputError(
            f"{path} has {size[3]} frames ({' x '.join(map(str, size))}): give one of them as a "
            "3D image"
        )
    size = image.GetSize()
    if len(size) < 3 or min(size) < 2:
        raise InputError(
            f"{path} is a single slice ({' x '.join(map(str, size))}): a volume of several slices "
            "is needed"
        )
    return image


def refuse_geometry(image: sitk.Image, path: Path) -> None:
    """Raises ``InputError`` for axes, spacing or origin that place no voxel."""
    axes = np.reshape(image.GetDirection(), (3, 3))
    numbers = (*image.GetSpacing(), *image.GetOrigin(), *axes.ravel())
    if not np.isfinite(numbers).all() or min(image.GetSpacing()) <= 0:
        raise InputError(f"{path}: spacing or origin in its header is not a usable number")
    if np.abs(axes.T @ axes - np.eye(3)).max() > 1e-3:
        raise InputError(f"{path}: its axes are not at right angles (sheared): resample it first")


def _orientation_warning(image: sitk.Image, kind: str) -> list[str]:
    if kind == "NIfTI":
        unknown = all(_meta(image, key) in ("", "0") for key in ("qform_code", "sform_code"))
    else:
        unknown = kind == "NRRD" and not _meta(image, "NRRD_space")
    if not unknown:
        return []
    return ["The file does not say how it lies in the patient: check left and right."]


def _meta(image: sitk.Image, key: str) -> str:
    return image.GetMetaData(key).strip() if image.HasMetaDataKey(key) else ""


def _barred(path: Path) -> str | None:
    """Why, where the system does not let the file, or the one its header points to, be read."""
    parts = [path]
    if path.suffix.lower() in (".mhd", ".nhdr"):  # a header, the voxels in a file of their own
        header = path.read_bytes()[:100_000].decode("latin-1") if os.access(path, os.R_OK) else ""
        named = re.search(
            r"^(?:ElementDataFile\s*=|data ?file:)\s*(\S.*?)\s*$", header, re.M | re.I
        )
        parts += [path.parent / named[1]] if named else []
    for part in parts:
        if part.exists() and not os.access(part, os.R_OK):
            return f"{part} cannot be read: permission denied"
    return None


def _reason(path: Path, kind: str, words: str) -> str:
    if "Zero-valued spacing" in words:
        return f"{path}: the voxel spacing in its header is zero"
    if "orthonormal" in words or "Bad direction" in words:
        return f"{path}: the directions in its header are not three axes at right angles"
    if "fread got only" in words or "not read completely" in words or "data file" in words:
        return f"{path} is truncated: copy it again"
    if "Unable to determine ImageIO" in words:
        return _no_image(path)
    return f"{path} cannot be read as {kind} image: it is damaged or incomplete"


def _no_image(path: Path) -> str:
    return (
        f"{path} is not an image that can be read here: give a DICOM folder, or a file in NIfTI "
        "(.nii, .nii.gz), NRRD (.nrrd) or MetaImage (.mha) format"
    )
