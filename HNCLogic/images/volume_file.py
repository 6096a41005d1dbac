"""One image file (NIfTI, NRRD, MHA and whatever else SimpleITK reads) as one 3D volume."""

from __future__ import annotations

import gzip
import struct
import zlib
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from HNCLogic.errors import InputError
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
    path = Path(path)
    kind = next((name for end, name in KINDS.items() if path.name.lower().endswith(end)), "image")
    if kind == "NIfTI":
        _refuse_truncated_nifti(path)
    try:
        with quiet_itk():
            image = sitk.ReadImage(str(path))
    except RuntimeError as error:
        raise InputError(_reason(path, kind, str(error))) from error
    image = _one_frame(image, path)
    _refuse_geometry(image, path)
    return image, f"{kind} file", _orientation_warning(image, kind)


def base_name(path: Path) -> str:
    """The file's name without its image ending: pet.nii.gz → pet."""
    for ending in sorted(KINDS, key=len, reverse=True):
        if path.name.lower().endswith(ending):
            return path.name[: -len(ending)]
    return path.stem


def _one_frame(image: sitk.Image, path: Path) -> sitk.Image:
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


def _refuse_geometry(image: sitk.Image, path: Path) -> None:
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


def _reason(path: Path, kind: str, words: str) -> str:
    if "Zero-valued spacing" in words:
        return f"{path}: the voxel spacing in its header is zero"
    if "orthonormal" in words or "Bad direction" in words:
        return f"{path}: the directions in its header are not three axes at right angles"
    if "fread got only" in words or "not read completely" in words or "data file" in words:
        return f"{path} is truncated: copy it again"
    if "Unable to determine ImageIO" in words:
        return f"{path} is not an image: give a DICOM folder, or a NIfTI, NRRD or MHA file"
    known = kind if kind == "image" else f"{kind} image"
    return f"{path} cannot be read as {known}: it is damaged or incomplete"


def _refuse_truncated_nifti(path: Path) -> None:
    """ITK reads a NIfTI file that breaks off without a word, the rest as it happens to be."""
    try:
        with open(path, "rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
        with gzip.open(path, "rb") if packed else open(path, "rb") as file:
            header = file.read(348)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path} cannot be read: {_damage(error)}") from error
    needed = _nifti_bytes(header)
    if needed is None:
        return  # no NIfTI-1 header: the reading itself will say so
    there = _unpacked_bytes(path, needed) if packed else path.stat().st_size
    if there < needed:
        raise InputError(f"{path} is truncated: {there} of {needed} bytes are there: copy it again")


def _damage(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return "it is truncated or damaged: copy it again"


def _nifti_bytes(header: bytes) -> int | None:
    """Length of the whole file by its NIfTI-1 header (nifti1.h); None if it is none."""
    if len(header) < 348 or header[344:348] != b"n+1\0":
        return None
    order = "<" if struct.unpack("<i", header[:4])[0] == 348 else ">"
    dims = struct.unpack(f"{order}8h", header[40:56])
    bits = struct.unpack(f"{order}h", header[72:74])[0]
    offset = struct.unpack(f"{order}f", header[108:112])[0]
    count = int(np.prod([max(1, d) for d in dims[1 : 1 + min(7, max(1, dims[0]))]], dtype=object))
    return int(offset) + count * bits // 8


def _unpacked_bytes(path: Path, needed: int) -> int:
    """Length of a gzip file's content, by its last four bytes where they fit (RFC 1952)."""
    with open(path, "rb") as file:
        file.seek(-4, 2)
        if struct.unpack("<I", file.read(4))[0] == needed % 2**32:
            return needed
    there = 0
    try:
        with gzip.open(path, "rb") as file:
            while part := file.read(1 << 24):
                there += len(part)
    except (OSError, EOFError, zlib.error):
        return min(there, needed - 1)  # whatever was read, the rest is lost
    return there
