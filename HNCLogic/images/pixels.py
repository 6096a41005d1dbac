"""Stored pixel values out of one DICOM object, compressed or not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian

from HNCLogic.errors import InputError
from HNCLogic.images.quiet import quiet_itk

_FLOATS = {"FloatPixelData": 4, "DoubleFloatPixelData": 8}


def stored_frames(header: pydicom.Dataset, path: Path) -> tuple[np.ndarray, bool]:
    """The frames (n, rows, columns) of a monochrome image object, and whether slope and
    intercept are in them already (True only where ITK had to decompress them).

    Raises ``InputError`` naming the file: pixel data cut short or absent, colour, a compression
    for which there is no decoder.
    """
    if int(header.get("SamplesPerPixel", 1) or 1) != 1:
        raise InputError(f"{path} is a colour picture, not an image with measured values")
    syntax = getattr(header.file_meta, "TransferSyntaxUID", ImplicitVRLittleEndian)
    if syntax.is_compressed and not syntax.is_deflated:
        return _decompressed(header, path, syntax)
    return _plain(header, path, ">" if syntax == ExplicitVRBigEndian else "<"), False


def _shape(header: pydicom.Dataset) -> tuple[int, int, int]:
    return int(header.get("NumberOfFrames", 1) or 1), int(header.Rows), int(header.Columns)


def _plain(header: pydicom.Dataset, path: Path, order: str) -> np.ndarray:
    shape = _shape(header)
    for tag, width in _FLOATS.items():
        if tag in header:
            return _frombuffer(header[tag].value, f"{order}f{width}", shape, path)
    bits = int(header.get("BitsAllocated", 0) or 0)
    if bits not in (8, 16, 32):
        raise InputError(f"{path} has {bits} bits a pixel, which is not supported")
    signed = int(header.get("PixelRepresentation", 0) or 0)
    kind = f"{order}{'i' if signed else 'u'}{bits // 8}"
    frames = _frombuffer(header.get("PixelData", b"") or b"", kind, shape, path)
    unused = bits - int(header.get("BitsStored", bits) or bits)
    if unused > 0:  # old files keep overlays in the bits above (PS3.5 8.1.1): out with them
        above = bits - 1 - int(header.get("HighBit", bits - unused - 1))
        frames = np.right_shift(np.left_shift(frames, above), unused)
    return frames


def _frombuffer(data: bytes, kind: str, shape: tuple[int, int, int], path: Path) -> np.ndarray:
    needed = int(np.prod(shape)) * np.dtype(kind).itemsize
    if len(data) < needed:
        raise InputError(
            f"{path} is truncated: {len(data)} of {needed} bytes of pixel data are there: "
            "copy it again"
        )
    return np.frombuffer(data, kind, count=int(np.prod(shape))).reshape(shape)


def _decompressed(
    header: pydicom.Dataset, path: Path, syntax: pydicom.uid.UID
) -> tuple[np.ndarray, bool]:
    from pydicom.pixels import get_decoder

    shape = _shape(header)
    if "PixelData" not in header:
        raise InputError(f"{path} is truncated: it has no pixel data: copy it again")
    try:
        available = get_decoder(syntax).is_available
    except NotImplementedError:
        available = False
    if available:
        try:
            return header.pixel_array.reshape(shape), False
        except Exception as error:
            raise InputError(
                f"{path}: its pixel data ({syntax.name}) is damaged or truncated: copy it again"
            ) from error
    return _decompressed_by_itk(path, shape, syntax), True


def _decompressed_by_itk(
    path: Path, shape: tuple[int, int, int], syntax: pydicom.uid.UID
) -> np.ndarray:
    import SimpleITK as sitk

    try:
        if shape[0] > 1:  # ITK knows one slope for all frames: not to be relied upon
            raise RuntimeError("multi-frame")
        with quiet_itk():
            return sitk.GetArrayFromImage(sitk.ReadImage(str(path))).reshape(shape)
    except (RuntimeError, ValueError) as error:
        raise InputError(
            f"{path} cannot be decompressed here ({syntax.name}): it is damaged, or needs a "
            "decoder that is not installed; export the series uncompressed"
        ) from error
