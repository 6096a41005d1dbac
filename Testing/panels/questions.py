"""Small patients for the panel's questions beside "Is there cancer?", and how they are asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from HNCLogic.images.grid import Grid

UPRIGHT = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
TUMOUR = (-30.0, 5.0, 12.0)  # RAS, mm
SEQUENCES = {  # name → voxels and slices, mm
    "ax T1": (2.5, 4.0),
    "ax T2": (3.0, 4.0),
    "ax T1 +C": (2.5, 5.0),
    "DWI b0": (4.0, 4.5),
    "DWI b1000": (4.0, 4.5),
    "ADC": (4.0, 4.5),
}


def state() -> Any:
    import slicer

    return slicer.util.getModuleLogic("HNCAnalysis").getParameterNode()


@contextmanager
def asking(host: Any, words: str, model: str) -> Iterator[Any]:
    """The panel of HNC Analysis with that question and model chosen; nothing runs at the end."""
    panel = host.load("HNCAnalysis/HNCAnalysis.py").widget.panel
    panel.enter(state())
    ask(host, panel, words, model)
    yield panel
    panel.run.cancel()
    panel.useProcess(None, None)


def ask(host: Any, panel: Any, words: str, model: str = "") -> None:
    """Choose a question, and a model, as a user would."""
    choose(panel.ui.taskSelector, words)
    host.process_events()
    if model:
        choose(panel.ui.modelSelector, model)


def choose(selector: Any, words: str) -> None:
    at = next(n for n in range(selector.count) if words in selector.itemText(n))
    selector.setCurrentIndex(at)


def no_models(monkeypatch: Any, folder: Any) -> None:
    """Neither the models that ship nor the user's own; ``folder`` is empty."""
    from HNCLogic.models import places

    monkeypatch.setattr(places, "shipped_models", lambda: folder)
    monkeypatch.setenv("HNC_MODELS", str(folder))


def analyse(host: Any, panel: Any, seconds: float = 240) -> None:
    """Press the button and wait for the new answer."""
    import qt

    before = panel.result
    panel.run.widget.findChild(qt.QPushButton, "runButton").click()
    assert panel.run.running, panel.run.toolTip
    assert host.wait(lambda: not panel.run.running, seconds)
    assert host.wait(lambda: panel.result not in (None, before), 10), host.messages


def add_neck_ct(scene: Any) -> Any:
    """A made-up neck on shoulders with a bright node, CT in HU, shown."""
    from HNCLogic.scene.volumes import add_volume, show_ct
    from Testing.unit.small_necks import neck_ct

    ct = add_volume(scene, neck_ct(2, True)[0], "Neck CT with contrast")
    show_ct(ct)
    return ct


def add_parotid(scene: Any, names: Any = SEQUENCES) -> dict[str, Any]:
    """MRI of 100 x 100 x 60 mm about the right parotid with a tumour, by name."""
    from HNCLogic.scene.volumes import add_volume, show_mr

    found = {}
    for number, name in enumerate(names):
        pixel, slice_mm = SEQUENCES[name]
        spacing = np.array([pixel, pixel, slice_mm])
        size = np.round(np.array([100, 100, 60]) / spacing).astype(int)
        middle = np.array([-TUMOUR[0], -TUMOUR[1], TUMOUR[2]])  # LPS
        origin = middle - (size - 1) / 2 * spacing
        z, y, x = np.meshgrid(*(np.arange(n) for n in size[::-1]), indexing="ij")
        away = [
            (index * step + begin - centre) / 10
            for index, step, begin, centre in zip((x, y, z), spacing, origin, middle, strict=True)
        ]
        inside = sum(a**2 for a in away) < 1
        values = 100 + 8 * np.random.default_rng(number).standard_normal(inside.shape)
        values[inside] = 170
        if name == "ADC":
            values *= 10
        grid = Grid(tuple(int(n) for n in size), tuple(spacing), tuple(origin), UPRIGHT)
        found[name] = add_volume(scene, grid.image(values.astype(np.float32)), name)
        show_mr(found[name])
    return found
