"""Plain NRRD files: how voxels go between the application and the process that computes.

One form only: three axes, LPS, raw, little-endian, header and voxels in one file. It is written
and read a piece at a time, so that whoever does it can do other things between. Any NRRD reader
takes such a file; here nothing else is taken, and nothing of it is believed before it is checked.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from HNCLogic.errors import InputError
from HNCLogic.images.grid import Grid
from HNCLogic.outputs import FULL

PIECE_BYTES = 2 * 2**20  # of one step: some milliseconds on any disk
LONGEST_HEADER = 8192
SQUARE = 1e-3  # how far the axes' cosines may be from those of right angles

# NRRD's words for the types that a volume node can hold.
TYPES = {
    "int8": "<i1",
    "uint8": "<u1",
    "int16": "<i2",
    "uint16": "<u2",
    "int32": "<i4",
    "uint32": "<u4",
    "int64": "<i8",
    "uint64": "<u8",
    "float": "<f4",
    "double": "<f8",
}
_NUMBER = r"(-?\d+\.\d+(?:e[+-]\d+)?|-?\d+e[+-]\d+)"  # as repr() writes a float
_VECTOR = rf"\({_NUMBER},{_NUMBER},{_NUMBER}\)"
_HEADER = re.compile(
    rf"NRRD0004\ntype: ({'|'.join(TYPES)})\ndimension: 3\nspace: left-posterior-superior\n"
    r"sizes: (\d{1,5}) (\d{1,5}) (\d{1,5})\n"
    rf"space directions: {_VECTOR} {_VECTOR} {_VECTOR}\n"
    r"kinds: domain domain domain\nendian: little\nencoding: raw\n"
    rf"space origin: {_VECTOR}\n\n"
)


@dataclass(frozen=True)
class PlainNrrd:
    """What a checked header says. ``start``: the byte at which the voxels begin."""

    grid: Grid
    dtype: np.dtype
    start: int

    @property
    def voxels(self) -> int:
        return int(np.prod(self.grid.size, dtype=np.int64))


def write_pieces(
    path: Path,
    grid: Grid,
    dtype: np.dtype,
    voxels: Callable[[int, int], np.ndarray],
    notes: dict[str, str] | None = None,
) -> Generator[float, None, None]:
    """Write ``voxels(first, end)``, a stretch of them in the order x fastest, piece by piece.

    Yields the share done. The file is made aside and put at ``path`` when it is whole; where the
    generator is closed or fails before, nothing is left. ``notes``: key and value lines for the
    header. Raises InputError for a type or a grid that the form cannot hold, and for a full disk.
    """
    _refuse_grid(grid, path.name)
    dtype = np.dtype(dtype).newbyteorder("<")
    header = _header(grid, dtype, path.name, notes or {})
    count = int(np.prod(grid.size, dtype=np.int64))
    step = max(1, PIECE_BYTES // dtype.itemsize)
    part = path.with_name(f".partial-{secrets.token_hex(4)}-{path.name}")
    try:
        with open(part, "wb") as file:
            file.write(header)
            for first in range(0, count, step):
                end = min(first + step, count)
                file.write(np.ascontiguousarray(voxels(first, end), dtype).data)
                yield end / count
        os.replace(part, path)
    except OSError as error:
        if error.errno in FULL:
            raise InputError(
                f"{path.name} cannot be written: the disk for temporary files ({path.parent.parent}"
                ") is full; free some space"
            ) from error
        raise
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def write_plain(path: Path, image: sitk.Image) -> None:
    """Write ``image`` (three axes, one value a voxel) at once. Raises as ``write_pieces``."""
    values = sitk.GetArrayViewFromImage(image).ravel()
    for _share in write_pieces(path, Grid.of(image), values.dtype, lambda a, b: values[a:b]):
        pass


def read_header(path: Path) -> PlainNrrd:
    """The checked header of the plain NRRD at ``path``, whose size is that of its voxels.

    Raises InputError for anything else than ``write_pieces`` writes without notes.
    """
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            text = file.read(LONGEST_HEADER).partition(b"\n\n")
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error
    header = text[0] + text[1]
    match = _HEADER.fullmatch(header.decode("latin-1"))
    if match is None:
        raise InputError(f"{path} is not an image as HNC writes it")
    kind, *numbers = match.groups()
    sizes = tuple(int(n) for n in numbers[:3])
    vectors = np.array([float(n) for n in numbers[3:12]]).reshape(3, 3)  # one row an index axis
    origin = tuple(float(n) for n in numbers[12:])
    spacing = np.linalg.norm(vectors, axis=1)
    if not np.isfinite(spacing).all() or spacing.min() <= 0:
        raise InputError(f"{path}: the voxel spacing in its header is not a usable number")
    direction = (vectors / spacing[:, None]).T
    grid = Grid(sizes, tuple(spacing.tolist()), origin, tuple(direction.ravel().tolist()))
    _refuse_grid(grid, str(path))
    found = PlainNrrd(grid, np.dtype(TYPES[kind]), len(header))
    if size - found.start != found.voxels * found.dtype.itemsize:
        raise InputError(f"{path} does not hold the voxels that its header speaks of")
    return found


def read_pieces(
    path: Path, header: PlainNrrd, into: np.ndarray
) -> Generator[tuple[int, int], None, None]:
    """Read the voxels into ``into`` (one axis, ``header.voxels`` long, of its type).

    Yields each stretch that was read, as (first, end). Raises InputError where the file ends
    before its voxels do.
    """
    if into.shape != (header.voxels,) or into.dtype != header.dtype:
        raise ValueError(f"{into.dtype} {into.shape} is no place for the voxels of {path.name}")
    step = max(1, PIECE_BYTES // header.dtype.itemsize)
    with open(path, "rb") as file:
        file.seek(header.start)
        for first in range(0, header.voxels, step):
            piece = into[first : first + step]
            if file.readinto(memoryview(piece).cast("B")) != piece.nbytes:
                raise InputError(f"{path} was cut short while it was read")
            yield first, first + len(piece)


def _header(grid: Grid, dtype: np.dtype, name: str, notes: dict[str, str]) -> bytes:
    kind = next((kind for kind, ours in TYPES.items() if np.dtype(ours) == dtype), None)
    if kind is None:
        raise InputError(f"{name}: voxels of the type {dtype} cannot be written")
    axes = (grid.matrix * np.asarray(grid.spacing)).T
    lines = [
        "NRRD0004",
        f"type: {kind}",
        "dimension: 3",
        "space: left-posterior-superior",
        "sizes: {} {} {}".format(*grid.size),
        f"space directions: {' '.join(map(_vector, axes))}",
        "kinds: domain domain domain",
        "endian: little",
        "encoding: raw",
        f"space origin: {_vector(grid.origin)}",
    ]
    lines += [f"{key}:={value}" for key, value in notes.items()]
    return ("\n".join(lines) + "\n\n").encode("ascii")


def _vector(numbers: np.ndarray | tuple[float, ...]) -> str:
    return f"({','.join(repr(float(n)) for n in numbers)})"


def _refuse_grid(grid: Grid, name: str) -> None:
    """Raises InputError for what places no voxel, or places them askew."""
    numbers = (*grid.spacing, *grid.origin, *grid.direction)
    if min(grid.size) < 1 or max(grid.size) > 99_999:
        raise InputError(f"{name}: {grid.size} voxels are no volume")
    if not np.isfinite(numbers).all() or min(grid.spacing) <= 0:
        raise InputError(f"{name}: its spacing or origin is not a usable number")
    if np.abs(grid.matrix.T @ grid.matrix - np.eye(3)).max() > SQUARE:
        raise InputError(f"{name}: its axes are not at right angles (sheared): resample it first")
