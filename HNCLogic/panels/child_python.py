"""Which Python a child process runs: Slicer's own, outside the application."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import slicer


def child_python() -> str:
    """The path of PythonSlicer; where this is no Slicer application, of this very Python."""
    found = shutil.which("PythonSlicer")
    if found is None:
        name = "PythonSlicer.exe" if sys.platform == "win32" else "PythonSlicer"
        beside = Path(slicer.app.slicerHome) / "bin" / name
        found = str(beside) if beside.is_file() else sys.executable
    return found
