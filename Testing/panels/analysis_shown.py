"""HNCAnalysis in the states that its pictures show, on the made-up patient of its own test."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any
from unittest import mock

MODELS = {"extension": ["CT"], "parotid": ["T2", "CE-T1", "DWI-b1000"]}


def empty(host: Any, loaded: Any) -> None:
    """As it is first seen."""


def not_suv(host: Any, loaded: Any) -> None:
    """A PET that may be Bq/ml, with the offer to convert it, beside a CT."""
    from Testing.panels.small_volumes import add, bqml_values, ct_values

    panel = loaded.widget.panel
    add(host.scene, "PET of the neck", bqml_values())
    add(host.scene, "CT", ct_values())
    loaded.widget.enter()
    assert host.wait(lambda: len(panel.inputs.images()) == 2, 5)
    assert host.wait(lambda: panel.inputs.offer._reading is None, 5)


def running(host: Any, loaded: Any) -> None:
    """Half-way through a run."""
    panel, child = _with_patient(host, loaded, "wait")
    panel.onAnalyse()
    assert host.wait(lambda: child.jobs, 10)
    host.wait(lambda: False, 0.2)


def answered(host: Any, loaded: Any) -> None:
    """The answer beside outlines of the user's own, then another setting; all sections open."""
    from HNCAnalysisLib import SmallPatient

    panel, _child = _with_patient(host, loaded)
    panel._parameterNode.annotated = SmallPatient.addOutline(panel._parameterNode.pet)
    _analyse(host, panel)
    panel._parameterNode.aggregation = "weighted"


def extension(host: Any, loaded: Any) -> None:
    """The answer, with the volume judged placed by hand since."""
    panel, _child = _with_patient(host, loaded)
    _ask(host, panel, "extension")
    _analyse(host, panel)
    panel._parameterNode.voi.SetCenterWorld(-10.0, 0.0, 400.0)


def extension_without_ct(host: Any, loaded: Any) -> None:
    """Nothing to look at yet."""
    _ask(host, loaded.widget.panel, "extension")


def parotid(host: Any, loaded: Any) -> None:
    """The answer on three sequences."""
    from HNCAnalysisLib import SmallPatient

    panel, _child = _with_patient(host, loaded)
    SmallPatient.addMri()
    _ask(host, panel, "parotid")
    inputs = panel.inputsOf(panel.task)
    assert host.wait(lambda: len(inputs.images()) == 3, 5)
    inputs.onPlaceBox()
    _analyse(host, panel)


def parotid_opening(host: Any, loaded: Any) -> None:
    """A sequence that the model needs is missing, and is on its way from disk."""
    import slicer
    from HNCAnalysisLib.FakeChild import FakeChild

    from HNCLogic.panels.opening import Wanted
    from Testing.panels.questions import add_parotid

    panel = loaded.widget.panel
    add_parotid(host.scene, ["ax T2", "ax T1 +C"])
    _ask(host, panel, "parotid")
    inputs = panel.inputsOf(panel.task)
    assert host.wait(lambda: len(inputs.images()) == 2, 5)
    child = FakeChild("wait")
    with mock.patch.object(slicer.util, "launchConsoleProcess", child):
        inputs.opening.begin(Wanted({"DWI-b1000": Path("dwi.nrrd")}))
        assert host.wait(lambda: child.jobs, 10)
    host.wait(lambda: False, 0.2)


def _with_patient(host: Any, loaded: Any, ending: str = "answer") -> Any:
    """The panel, ready to run, and the child that it is handed."""
    from HNCAnalysisLib import SmallPatient
    from HNCAnalysisLib.FakeChild import FakeChild

    panel, child = loaded.widget.panel, FakeChild(ending)
    panel.useProcess(child, lambda: True)
    SmallPatient.addPatient()
    loaded.widget.enter()
    assert host.wait(lambda: panel.run.enabled, 5), panel.run.toolTip
    return panel, child


def _ask(host: Any, panel: Any, method: str) -> None:
    """Another question, with a made-up model for it."""
    from HNCAnalysisLib import SmallPatient

    state = panel._parameterNode
    state.task = method
    folder = Path(tempfile.mkdtemp()).resolve() / f"made-up-{method}"
    setattr(state, f"{method}Model", str(SmallPatient.writeModel(folder, method, MODELS[method])))
    panel.model.refill()
    host.process_events()


def _analyse(host: Any, panel: Any) -> None:
    """Run, wait for the answer and open all sections."""
    assert host.wait(lambda: panel.run.enabled, 5), panel.run.toolTip
    panel.onAnalyse()
    assert host.wait(lambda: not panel.run.running and panel.result is not None, 20)
    for section in (panel.ui.imagesSection, panel.ui.modelSection):
        section.collapsed = False
    host.app.layoutManager().resetSliceViews()
    panel.heatMap.onHottest()
    host.process_events()
