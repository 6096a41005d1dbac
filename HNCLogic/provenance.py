"""What a Result keeps so that it can be made again: its images, software and settings."""

from __future__ import annotations

import hashlib
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version

import numpy as np
import SimpleITK as sitk

from HNCLogic import __version__
from HNCLogic.images.grid import Grid
from HNCLogic.job import ImageRecord, Provenance

PACKAGES = ("torch", "openvino", "numpy", "SimpleITK", "pydicom", "slicer-core")


def image_record(role: str, image: sitk.Image, source: str) -> ImageRecord:
    """``source``: what it was read from, in words without path or name."""
    grid = Grid.of(image)
    digest = hashlib.sha256(np.ascontiguousarray(sitk.GetArrayViewFromImage(image)))
    digest.update(repr(grid).encode())
    return ImageRecord(
        role=role,
        size=grid.size,
        spacing_mm=grid.spacing,
        sha256=digest.hexdigest(),
        source=source,
    )


def provenance(
    settings: dict[str, str], models: dict[str, str], seconds: dict[str, float]
) -> Provenance:
    """Of an answer given now, by the packages that are installed."""
    packages = {}
    for name in PACKAGES:
        try:
            packages[name] = version(name)
        except PackageNotFoundError:
            continue
    return Provenance(
        hnc_version=__version__,
        created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        packages=packages,
        models=models,
        settings=settings,
        seconds=seconds,
    )
