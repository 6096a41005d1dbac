"""Faults of NIfTI files that ITK's reader passes over in silence.

It fills what a truncated file lacks with whatever lies in memory, and turns NaN and infinity
into 0. Both must be found before the reading.
"""

from __future__ import annotations

import gzip
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from HNCLogic.errors import InputError

_PART = 1 << 24  # bytes read at a time; a multiple of every number's width


@dataclass(frozen=True)
class _Header:
    """What of a NIfTI-1 header says where the voxels are (nifti1.h)."""

    offset: int
    voxels: int
    width: int  # bytes a voxel
    floats: str | None  # numpy's name of the number type, None for whole numbers

    @property
    def length(self) -> int:
        return self.offset + self.voxels * self.width


def check_nifti(path: Path) -> None:
    """Raises ``InputError`` for a file that breaks off, and for NaN or infinite voxels."""
    try:
        with open(path, "rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
        with gzip.open(path, "rb") if packed else open(path, "rb") as file:
            header = _header(file.read(348))
            if header is None:
                return  # another kind of file: the reading itself will say so
            file.seek(0)
            there, bad = _walk(file, header)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or 'it is damaged'}") from error
    except (EOFError, zlib.error) as error:
        raise InputError(f"{path} is truncated or damaged: copy it again") from error
    if there < header.length:
        raise InputError(
            f"{path} is truncated: {there} of {header.length} bytes are there: copy it again"
        )
    if bad:
        raise InputError(non_finite(str(path), bad, header.voxels))


def non_finite(source: str, bad: int, voxels: int) -> str:
    """The message on voxels that are no numbers."""
    return (
        f"{source}: {bad} of {voxels} voxels are NaN or infinite: replace them first (for "
        "example by 0) with the tool that wrote the image"
    )


def _header(start: bytes) -> _Header | None:
    if len(start) < 348 or start[344:348] != b"n+1\0":
        return None
    order = "<" if struct.unpack("<i", start[:4])[0] == 348 else ">"
    dims = struct.unpack(f"{order}8h", start[40:56])
    kind, bits = struct.unpack(f"{order}2h", start[70:74])
    offset = int(struct.unpack(f"{order}f", start[108:112])[0])
    voxels = 1
    for size in dims[1 : 1 + min(7, max(1, dims[0]))]:
        voxels *= max(1, size)
    floats = {16: f"{order}f4", 64: f"{order}f8"}.get(kind)
    return _Header(offset, voxels, bits // 8, floats)


def _walk(file, header: _Header) -> tuple[int, int]:
    """Bytes up to the end of the voxels that are there, and how many voxels are no numbers."""
    there = len(file.read(header.offset))
    left, bad = header.length - header.offset, 0
    while left > 0 and (part := file.read(min(_PART, left))):
        there, left = there + len(part), left - len(part)
        if header.floats and len(part) % header.width == 0:
            values = np.frombuffer(part, header.floats)
            bad += values.size - int(np.count_nonzero(np.isfinite(values)))
    file.read(1)  # a packed file's checksum comes after its content
    return there, bad
