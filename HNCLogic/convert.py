"""``hnc suv``: a PET as SUVbw in one file, with the record of how beside it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK as sitk

from HNCLogic.errors import InputError
from HNCLogic.job import SuvByHand, SuvRecord

ENDINGS = (".nrrd", ".nii.gz", ".nii", ".mha")


def convert_to_suv(
    source: Path, out: Path, series: str | None, by_hand: SuvByHand, overwrite: bool
) -> SuvRecord:
    """Write ``source`` (DICOM folder or image file) to ``out`` in SUVbw, float32, and its record
    beside it as JSON. Both files or none. Raises InputError."""
    from HNCLogic.images.read import read_image
    from HNCLogic.images.volume_file import record_path
    from HNCLogic.outputs import write_files_whole

    if not out.name.endswith(ENDINGS):
        raise InputError(f"{out}: the ending must be one of {', '.join(ENDINGS)}")
    beside = record_path(out)
    for path in (out, beside):
        if path.exists() and not overwrite:
            raise InputError(f"{path} exists already: choose another name or add --overwrite")
    loaded = read_image(source, "PET", series, by_hand)
    # What was found while reading (a missing slice) goes with the image, as the record does.
    warnings = list(dict.fromkeys([*loaded.suv.warnings, *loaded.warnings]))
    record = loaded.suv.model_copy(update={"warnings": warnings})
    text = record.model_dump_json(indent=2) + "\n"
    write_files_whole(
        {
            out: lambda path: write_volume(loaded.image, path, out),
            beside: lambda path: path.write_text(text, encoding="utf-8"),
        }
    )
    return record


def write_volume(image: sitk.Image, path: Path, told: Path, level: int = -1) -> None:
    """Write ``image`` to ``path``, compressed, and read it back: some writers cut a file short on
    a full disk and say nothing. ``level``: of the compression, 1 quickest to 9 smallest, −1 the
    writer's own. Raises InputError, naming ``told``, where it is not whole."""
    from HNCLogic.images.quiet import quiet_itk

    try:
        with quiet_itk():
            sitk.WriteImage(image, str(path), True, compressionLevel=level)
            held = sitk.ReadImage(str(path))
        read, meant = sitk.GetArrayViewFromImage(held), sitk.GetArrayViewFromImage(image)
        # Bits compare many times as fast as numbers that may be NaN.
        whole = read.dtype == meant.dtype and np.array_equal(
            read.view(f"u{read.itemsize}"), meant.view(f"u{meant.itemsize}")
        )
        whole = whole or np.array_equal(read, meant, equal_nan=True)
    except RuntimeError:
        whole = False
    if not whole:
        raise InputError(
            f"{told} could not be written whole: the disk is full or a limit on file sizes is "
            "reached; free some space or give another place"
        )
