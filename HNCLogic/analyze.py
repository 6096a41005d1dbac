"""Analyse a patient inside Slicer, without its window: the same as ``hnc analyze``.

    Slicer --no-splash --no-main-window --python-script HNCLogic/analyze.py --pet X --out DIR …

Slicer runs this file in its own ``__main__``, so there is no more in it than a call.
"""

import sys
from pathlib import Path

if __name__ == "__main__":
    here = Path(__file__).resolve().parent
    # Slicer and Python put this folder first, where our files' names would hide other packages'.
    sys.path[:] = [str(here.parent), *(p for p in sys.path if Path(p or ".").resolve() != here)]

    from HNCLogic.slicer_script import run_script

    run_script("analyze")
