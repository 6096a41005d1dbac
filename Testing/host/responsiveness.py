"""How long the panels keep the event loop from turning, on a large patient.

    python -m Testing.host.responsiveness [--quick]

prints JSON: a list of {"what", "longest_ms", "seconds"}. ``hnc benchmark`` runs it and holds the
figures against the 100 ms that a user does not notice.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from Testing.host import desktop

PATIENCE_S = 600


def measure(quick: bool) -> list[dict[str, Any]]:
    """Open both panels, run them with the shipped models, edit a lesion, write a report."""
    host = desktop.start()
    found: list[dict[str, Any]] = []

    def timed(what: str, act, until=lambda: True) -> None:
        with host.heartbeat() as beat:
            began = time.perf_counter()
            act()
            if not host.wait(until, PATIENCE_S):
                raise TimeoutError(what)
            host.process_events()
            seconds = time.perf_counter() - began
        if host.errors or any(kind == "error" for kind, _ in host.messages):
            raise RuntimeError(f"{what}: {host.errors or host.messages}")
        found.append({"what": what, "longest_ms": beat.longest_ms, "seconds": seconds})

    images = _large_patient(quick)
    _into_scene(images)
    timed("open HNCAnalysis", lambda: host.load("HNCAnalysis/HNCAnalysis.py"))
    analysis = host.load("HNCAnalysis/HNCAnalysis.py").widget.panel
    timed(
        "Analyse: click to answer",
        lambda: _press(analysis.run),
        lambda: not analysis.run.running and analysis.result is not None,
    )
    timed("open HNCSegment", lambda: host.load("HNCSegment/HNCSegment.py"))
    segment = host.load("HNCSegment/HNCSegment.py").widget.panel
    parameters = segment._parameterNode
    parameters.method = "fixed"
    timed(
        "Segment (fixed SUV): click to table",
        lambda: _press(segment.run),
        lambda: not segment.run.running and _measured(segment),
    )
    _paint(parameters.segmentation, parameters.pet)  # the brush is not ours; what follows is
    timed("edit: to the table", lambda: None, lambda: _measured(segment))
    return found


def _measured(panel: Any) -> bool:
    lesions = panel.lesions
    return lesions.measured is not None and not lesions.live.running()


def _paint(segmentation: Any, pet: Any) -> None:
    """A ball of 2 cm into the first lesion, as the Segment Editor's brush leaves it."""
    import numpy as np
    import slicer

    first = segmentation.GetSegmentation().GetNthSegmentID(0)
    voxels = slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, first, pet)
    middle = np.argwhere(voxels > 0).mean(axis=0)
    apart = [(np.arange(n) - m) * s for n, m, s in
             zip(voxels.shape, middle, pet.GetSpacing()[::-1], strict=True)]  # fmt: skip
    z, y, x = np.meshgrid(*apart, indexing="ij", sparse=True)
    voxels[z**2 + y**2 + x**2 < 10.0**2] = 1
    slicer.util.updateSegmentBinaryLabelmapFromArray(voxels, segmentation, first, pet)


def _press(controls: Any) -> None:
    import slicer

    if not controls.enabled:
        raise RuntimeError(f"the panel is not ready: {controls.toolTip}")
    slicer.util.findChild(controls.widget, name="runButton").click()


def _large_patient(quick: bool) -> dict[str, Any]:
    import SimpleITK as sitk

    from HNCLogic.benchmark.patient import large_patient

    sizes = {"ct": (256, 256, 100), "pet": (100, 100, 150)} if quick else {}
    with tempfile.TemporaryDirectory(prefix="hnc-benchmark-") as folder:
        paths = large_patient(Path(folder), **sizes)
        return {name: sitk.ReadImage(str(path)) for name, path in paths.items()}


def _into_scene(images: dict[str, Any]) -> None:
    import slicer

    from HNCLogic.scene.volumes import add_volume, show_ct, show_pet

    show_pet(add_volume(slicer.mrmlScene, images["pet"], "PET"))
    show_ct(add_volume(slicer.mrmlScene, images["ct"], "CT"))


if __name__ == "__main__":
    print(json.dumps(measure("--quick" in sys.argv[1:])))
