"""slicer.dicomDatabase over a folder of DICOM files: found by their instances and series."""

from __future__ import annotations

from pathlib import Path
from typing import Any


class DICOMDatabase:
    """A ctkDICOMDatabase, as far as modules ask; empty where no folder is given.

    Files that are not DICOM are passed over, as at an import.
    """

    def __init__(self, folder: Path | None = None):
        self.isOpen = True
        self._files: dict[str, str] = {}  # instance → file
        self._series: dict[str, list[str]] = {}
        self._headers: dict[str, Any] = {}
        for file in sorted(Path(folder).rglob("*")) if folder is not None else ():
            if file.is_file():
                self._add(file)

    def fileForInstance(self, instance_uid: str) -> str:
        return self._files.get(instance_uid, "")

    def filesForSeries(self, series_uid: str, hits: int = -1) -> tuple[str, ...]:
        found = self._series.get(series_uid, [])
        return tuple(found if hits < 0 else found[:hits])

    def instancesForSeries(self, series_uid: str, hits: int = -1) -> tuple[str, ...]:
        files = set(self.filesForSeries(series_uid, hits))
        return tuple(uid for uid, file in self._files.items() if file in files)

    def instanceForFile(self, file: str) -> str:
        return next((uid for uid, each in self._files.items() if each == str(file)), "")

    def seriesForFile(self, file: str) -> str:
        return next((uid for uid, files in self._series.items() if str(file) in files), "")

    def fileValue(self, file: str, tag: str) -> str:
        """An element as text, "" where there is none; ``tag`` as "0008,103e"."""
        header = self._headers.get(str(file))
        group, _, element = tag.partition(",")
        try:
            number = (int(group, 16), int(element, 16))
        except ValueError as error:
            raise ValueError(f"a tag is written as 0008,103e, not {tag!r}") from error
        if header is None or number not in header or header[number].VR == "SQ":
            return ""
        value = header[number].value
        if value is None:
            return ""
        return "\\".join(map(str, value)) if header[number].VM > 1 else str(value)

    def instanceValue(self, instance_uid: str, tag: str) -> str:
        return self.fileValue(self.fileForInstance(instance_uid), tag)

    def _add(self, file: Path) -> None:
        import pydicom
        from pydicom.errors import InvalidDicomError

        try:
            header = pydicom.dcmread(file, stop_before_pixels=True)
        except (InvalidDicomError, OSError):
            return
        if "SOPInstanceUID" not in header or "SeriesInstanceUID" not in header:
            return
        self._headers[str(file)] = header
        self._files[str(header.SOPInstanceUID)] = str(file)
        self._series.setdefault(str(header.SeriesInstanceUID), []).append(str(file))
