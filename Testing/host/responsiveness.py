"""How long the panels keep the event loop from turning, on a large patient.

    python -m Testing.host.responsiveness [--quick]

prints JSON: a list of {"what", "longest_ms", "busiest_ms", "seconds"}, as the heartbeat has them.
``hnc benchmark`` runs it and holds the longest against the 100 ms that a user does not notice.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from Testing.host import desktop

PATIENCE_S = 600
ANALYSIS, LESIONS = "analysis", "lesions"  # folders for reports


class Stopwatch:
    """Times what a user does; ``found`` is what there is to report."""

    def __init__(self, host: Any):
        self.host = host
        self.found: list[dict[str, Any]] = []
        self.beat: Any = None  # of what is being timed

    def timed(self, what: str, act: Callable, until: Callable = lambda: True) -> None:
        """``act()``, and the event loop until ``until()``. Raises what went wrong in a panel."""
        host = self.host
        with host.heartbeat() as beat:
            self.beat = beat
            began = time.perf_counter()
            act()
            if not host.wait(until, PATIENCE_S):
                raise TimeoutError(what)
            host.process_events()
            seconds = time.perf_counter() - began
        if host.errors or any(kind in ("error", "info") for kind, _ in host.messages):
            raise RuntimeError(f"{what}: {host.errors or host.messages}")
        self.found.append(
            {
                "what": what,
                "longest_ms": beat.longest_ms,
                "busiest_ms": beat.busiest_ms,
                "seconds": seconds,
            }
        )

    def each(self, what: str, acts: list[Callable], until: Callable = lambda: True) -> None:
        """Several of a kind, one after the other; the longest pause of any."""
        before, self.found = self.found, []
        for act in acts:
            self.timed(what, act, until)
        longest = {of: max(one[of] for one in self.found) for of in ("longest_ms", "busiest_ms")}
        seconds = sum(one["seconds"] for one in self.found)
        self.found = [*before, {"what": what, **longest, "seconds": seconds}]


def measure(quick: bool) -> list[dict[str, Any]]:
    """Open both panels, run them with the shipped models, do what can be done to the answers."""
    host = desktop.start()
    from Testing.host import qt_arguments

    qt_arguments.look_ahead()
    watch = Stopwatch(host)
    _into_scene(_large_patient(quick))
    with tempfile.TemporaryDirectory(prefix="hnc-benchmark-") as folder:
        for name in (ANALYSIS, LESIONS):
            (Path(folder) / name).mkdir()
        _analyse(watch, Path(folder))
        _segment(watch, Path(folder))
        _open_again(watch, Path(folder))
        _ask_other_questions(watch, Path(folder))
    return watch.found


def _open(watch: Stopwatch, name: str) -> None:
    """For the first time, until its panel is seen."""
    opened: list[Any] = []
    watch.timed(
        f"open {name}",
        lambda: opened.append(watch.host.load(f"{name}/{name}.py").widget),
        lambda: opened[0].modulePanel.whole,
    )


def _analyse(watch: Stopwatch, folder: Path) -> None:
    host = watch.host
    _open(watch, "HNCAnalysis")
    panel = host.load("HNCAnalysis/HNCAnalysis.py").widget.panel
    watch.timed(
        "Analyse: click to answer",
        lambda: _press(panel.run),
        lambda: not panel.run.running and panel.ui.reportButton.enabled,
    )
    chart = panel.neck.windows
    middle = chart.label.height // 2
    watch.each(
        "click on a chart",
        [lambda x=x: chart.pressed(x, middle) for x in range(40, chart.label.width, 60)],
    )
    ui = panel.ui
    watch.each("heat map: opacity", _moved(ui.heatOpacity, (0.1, 0.3, 0.5, 0.7, 0.9)))
    watch.each("heat map: off and on", [lambda: ui.heatShown.click()] * 2)
    watch.timed("heat map: hottest slice", lambda: ui.hottestButton.click())
    host.answers.append(str(folder / ANALYSIS))
    watch.timed(
        "report of HNCAnalysis", lambda: ui.reportButton.click(), lambda: not panel.report.running
    )


def _segment(watch: Stopwatch, folder: Path) -> None:
    host = watch.host
    _open(watch, "HNCSegment")
    panel = host.load("HNCSegment/HNCSegment.py").widget.panel
    parameters, ui = panel._parameterNode, panel.ui
    parameters.method = "fixed"

    def measured():
        return panel.lesions.measured is not None and not panel.lesions.live.running()

    watch.timed(
        "Segment (fixed SUV): click to table",
        lambda: _press(panel.run),
        lambda: not panel.run.running and measured(),
    )
    _paint(parameters.segmentation, parameters.pet)  # the brush is not ours; what follows is
    watch.timed("edit: to the table", lambda: None, measured)
    lesions = panel.lesions.table
    ids = list(panel.lesions.lesionOfSegment())
    watch.each("click on a lesion's row", [lambda: ui.lesionTable.cellClicked(0, 0)] * 2, measured)
    lesions.select(ids[:1])
    watch.timed("primary or node", lambda: ui.kindButton.click(), measured)
    watch.timed("delete a lesion", lambda: ui.deleteButton.click(), measured)
    watch.timed("undo", lambda: ui.undoButton.click(), measured)
    if len(ids) > 1:
        lesions.select(ids[:2])
        watch.timed("merge two lesions", lambda: ui.mergeButton.click(), measured)
        watch.timed("split a lesion", lambda: ui.splitButton.click(), measured)
        watch.each("undo and redo", [lambda: ui.undoButton.click()] * 2
                   + [lambda: ui.redoButton.click()] * 2, measured)  # fmt: skip
    watch.each("display: window", _moved(ui.windowSlider, (4.0, 6.0, 9.0)))
    watch.each("display: opacity", _moved(ui.opacitySlider, (0.2, 0.5, 0.8)))
    watch.each("display: fill and outline", [ui.fillButton.click, ui.outlineButton.click])
    watch.each("display: MIP on and off", [lambda: ui.mipButton.click()] * 2)
    host.answers.append(str(folder / LESIONS))
    watch.timed(
        "report of HNCSegment", lambda: ui.reportButton.click(), lambda: not panel.save.running
    )


def _open_again(watch: Stopwatch, folder: Path) -> None:
    """Save and open are a call of Slicer's each; what the panel does when all is read is ours."""
    import slicer

    host, path = watch.host, folder / "scene.mrb"
    host.save_scene(path)
    panel = host.load("HNCAnalysis/HNCAnalysis.py").widget.panel
    host.close_scene()

    def load():
        # From the first who hears that the scene was read to the last; then Slicer removes what it
        # had unpacked, before it comes back.
        scene, heard = slicer.mrmlScene, []
        tags = [
            scene.AddObserver(scene.EndImportEvent, lambda *_: watch.beat.begin_anew(), 1e6),
            scene.AddObserver(
                scene.EndImportEvent, lambda *_: heard.append(watch.beat.now()), -1e6
            ),
        ]
        try:
            slicer.util.loadScene(str(path), {})
            watch.beat.leave_out(heard[-1])
            host.process_events()
        finally:
            for tag in tags:
                scene.RemoveObserver(tag)

    watch.timed("scene with an answer, once read", load, lambda: panel.ui.reportButton.enabled)


def _ask_other_questions(watch: Stopwatch, folder: Path) -> None:
    """The panel's part of them: what the process answers is made up."""
    from HNCAnalysisLib import SmallPatient
    from HNCAnalysisLib.FakeChild import FakeChild

    host = watch.host
    panel = host.load("HNCAnalysis/HNCAnalysis.py").widget.panel
    panel.useProcess(FakeChild(), lambda: True)
    state = panel._parameterNode
    made_up = {"extension": ["CT"], "parotid": ["T2", "CE-T1", "DWI-b1000"]}
    for method, roles in made_up.items():
        model = SmallPatient.writeModel(folder.resolve() / f"made-up-{method}", method, roles)
        setattr(state, f"{method}Model", str(model))
    SmallPatient.addMri()

    def ask(method):
        state.task = method

    def answered():
        return not panel.run.running and panel.result is not None and panel.run.enabled

    watch.timed("ask for extension", lambda: ask("extension"), lambda: panel.run.enabled)
    watch.timed("extension: click to answer", lambda: _press(panel.run), answered)
    places = [(-10.0, 0.0, 400.0 + n) for n in range(5)]
    watch.each(
        "extension: move the box", [lambda at=at: state.voi.SetCenterWorld(*at) for at in places]
    )
    watch.timed(
        "ask for the parotid",
        lambda: ask("parotid"),
        lambda: len(panel.inputsOf(panel.task).images()) == 3,
    )
    watch.timed("parotid: place the box", lambda: panel.inputsOf(panel.task).onPlaceBox())
    watch.timed("parotid: click to answer", lambda: _press(panel.run), answered)
    chart = panel.neck.windows
    watch.each(
        "parotid: click on a slice",
        [lambda x=x: chart.pressed(x, chart.label.height // 2) for x in (80, 160, 240)],
    )
    watch.timed("from question to question", lambda: ask("extension"), answered)


def _moved(slider: Any, values: tuple[float, ...]) -> list[Callable]:
    return [lambda value=value: setattr(slider, "value", value) for value in values]


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a small patient instead")
    print(json.dumps(measure(parser.parse_args().quick)))


if __name__ == "__main__":
    main()
