"""Scenes, segmentations and heat maps as files that desktop Slicer opens.

VTK's writers report failure by returning False, if at all. Here every file is checked after it
was written, and whatever is not whole is an OSError: a full disk never passes for success.
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import SimpleITK as sitk

from HNCLogic.in_steps import at_once
from HNCLogic.scene.application import Application, complaints
from HNCLogic.scene.layers import restore_opacity
from HNCLogic.scene.notes import noted_on, notes, write_into_header

if TYPE_CHECKING:
    from HNCLogic.job import Result

PROBE_BYTES = 4 * 2**20
NRRD_BYTES = {
    "signed char": 1,
    "int8": 1,
    "unsigned char": 1,
    "uint8": 1,
    "short": 2,
    "int16": 2,
    "unsigned short": 2,
    "uint16": 2,
    "int": 4,
    "int32": 4,
    "unsigned int": 4,
    "uint32": 4,
    "float": 4,
    "double": 8,
    "int64": 8,
    "uint64": 8,
    "long long int": 8,
    "unsigned long long int": 8,
}


def save_scene(application: Application, path: Path, picture: Path | None = None) -> None:
    """Write the whole scene as a Slicer data bundle (.mrb); ``picture``, a PNG, is its thumbnail.

    The bundle is made beside ``path`` and moved there when it is whole. Raises OSError.
    """
    import slicer

    path = Path(path).resolve()
    work = Path(tempfile.mkdtemp(prefix=f".{path.stem}-", dir=path.parent))
    try:
        bundle = work / (path.stem or "scene")
        bundle.mkdir()
        messages = slicer.vtkMRMLMessageCollection()
        complaints.clear()
        with quiet_stderr():
            done = application.scene.SaveSceneToSlicerDataBundleDirectory(
                str(bundle), _thumbnail(picture), messages
            )
        if not done:
            raise _failed(path)
        files = sorted(file for file in bundle.rglob("*") if file.is_file())
        for file in files:
            if file.suffix == ".nrrd":
                check_nrrd(file, path)
        packed = work / "bundle"
        with zipfile.ZipFile(packed, "w") as archive:
            for file in files:
                small = file.suffix in (".mrml", ".tsv", ".csv", ".txt", ".ctbl", ".json")
                kind = zipfile.ZIP_DEFLATED if small else zipfile.ZIP_STORED
                archive.write(file, file.relative_to(work), kind)
                file.unlink()  # so that the disk need not hold everything twice
        os.replace(packed, path)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def save_segmentation(node: Any, path: Path) -> None:
    """Write a segmentation node as .seg.nrrd, on its reference grid, its notes in the header.

    Raises OSError.
    """
    at_once(segmentation_steps(node, path))


def segmentation_steps(node: Any, path: Path) -> Iterator[None]:
    """``save_segmentation`` in steps; the file is whole after the last."""
    import slicer

    storage = slicer.vtkMRMLSegmentationStorageNode()
    storage.SetScene(node.GetScene())
    storage.SetFileName(str(path))
    complaints.clear()
    with quiet_stderr():
        done = storage.WriteData(node)
    if not done:
        raise _failed(path)
    yield
    check_nrrd(path, path)
    try:
        write_into_header(path, noted_on(node))
    except OSError as error:
        raise _failed(path, error.strerror or "") from error
    check_nrrd(path, path)


def save_heat_map(heat: sitk.Image, path: Path, result: Result | None = None) -> None:
    """Write a heat map (float32, 0 to 1) as compressed .nrrd; what ``result`` says of its use, of
    simulation and of what the network was trained on stands in the header. Raises OSError."""
    answer = None if result is None else result.answer
    heat = sitk.Image(heat)  # shares the voxels, not the notes
    for key, words in notes(result, answer.trained_on if answer else None).items():
        heat.SetMetaData(key, words)
    try:
        sitk.WriteImage(heat, str(path), useCompression=True)
    except RuntimeError as error:
        raise _failed(path, str(error).strip().splitlines()[-1]) from error
    check_nrrd(path, path)


def load_scene(application: Application, path: Path) -> None:
    """Read a bundle into the application's scene in place of what is there. Raises OSError."""
    import slicer

    if not zipfile.is_zipfile(path):
        raise OSError(errno.EIO, "The scene cannot be read: it is no Slicer bundle", str(path))
    messages = slicer.vtkMRMLMessageCollection()
    here = os.getcwd()
    try:
        with quiet_stderr():
            done = application.scene.ReadFromMRB(str(path), True, messages)
    finally:
        os.chdir(here)  # VTK unpacks in the working folder, and on failure stays elsewhere
    if not done:
        why = " ".join(messages.GetAllMessagesAsString().split())
        raise OSError(errno.EIO, f"The scene cannot be read ({why})", str(path))
    restore_opacity(application.scene)


def check_nrrd(file: Path, told: Path) -> None:
    """Raise OSError (naming ``told``) unless ``file`` holds all the voxels its header promises.

    A gzip stream ends with the length of what was packed: nothing is unpacked to see it.
    """
    try:
        with file.open("rb") as stream:
            header = {}
            for line in iter(stream.readline, b""):
                text = line.decode("latin-1").strip()
                if not text:
                    break
                key, colon, value = text.partition(": ")
                if colon:
                    header[key] = value
            start = stream.tell()
            stream.seek(-4, os.SEEK_END)
            last = int.from_bytes(stream.read(4), "little")
        promised = NRRD_BYTES[header["type"]]
        for size in header["sizes"].split():
            promised *= int(size)
    except (OSError, KeyError, ValueError) as error:
        raise _failed(told, f"{file.name} is not whole") from error
    packed = header.get("encoding") in ("gzip", "gz")
    found = last if packed else file.stat().st_size - start
    if found != (promised % 2**32 if packed else promised):
        raise _failed(told, f"{file.name} is not whole")


@contextmanager
def quiet_stderr() -> Iterator[None]:
    """Keep what C++ libraries print about errors off the console: the error is raised instead."""
    try:
        kept = os.dup(2)
    except OSError:  # a program without a console
        yield
        return
    with open(os.devnull, "wb") as nothing:
        os.dup2(nothing.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _failed(path: Path, detail: str = "") -> OSError:
    """The error to raise for a file that a writer left unfinished, with the system's reason."""
    path = Path(path)
    try:
        with tempfile.TemporaryFile(dir=path.parent) as probe:
            probe.write(bytes(PROBE_BYTES))
        _check_limit()
    except OSError as error:
        return OSError(error.errno, error.strerror, str(path))
    why = detail or (complaints[-1].rpartition("): ")[2] if complaints else "unknown reason")
    return OSError(errno.EIO, f"The file could not be written whole ({why})", str(path))


def _check_limit() -> None:
    try:
        import resource  # not on Windows
    except ImportError:
        return
    if resource.getrlimit(resource.RLIMIT_FSIZE)[0] != resource.RLIM_INFINITY:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))


def _thumbnail(picture: Path | None) -> Any:
    if picture is None:
        return None
    import vtk

    reader = vtk.vtkPNGReader()
    reader.SetFileName(str(picture))
    reader.Update()
    return reader.GetOutput()
