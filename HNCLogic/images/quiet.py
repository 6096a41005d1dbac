"""Keeping the file-reading libraries' own warnings off the user's terminal.

What matters of them is found by our own checks and said in one line; the rest is noise about
old headers. Both are put back as they were on the way out.
"""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet_dicom() -> Iterator[None]:
    """No pydicom warnings (odd value lengths, unknown character sets …), logged or raised."""
    from pydicom import config

    log = logging.getLogger("pydicom")
    level, mode = log.level, config.settings.reading_validation_mode
    log.setLevel(logging.CRITICAL + 1)
    config.settings.reading_validation_mode = config.IGNORE
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)
        config.settings.reading_validation_mode = mode


@contextmanager
def quiet_itk() -> Iterator[None]:
    """No ITK warnings, nor what its C readers write straight to the error stream.

    The process's error stream (file descriptor 2) is set aside for the length of the block,
    so keep the block to the one reading call.
    """
    import SimpleITK as sitk

    shown = sitk.ProcessObject.GetGlobalWarningDisplay()
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        kept = os.dup(2)
    except OSError:  # a windowed process without an error stream has nothing to keep quiet
        kept = None
    try:
        if kept is not None:
            with open(os.devnull, "wb") as nowhere:
                os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        if kept is not None:
            os.dup2(kept, 2)
            os.close(kept)
        sitk.ProcessObject.SetGlobalWarningDisplay(shown)
