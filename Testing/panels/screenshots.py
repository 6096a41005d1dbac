"""The panels as the README shows them: the simulated patient, the shipped models, the answer.

``python -m Testing.host.pictures HNCAnalysis/HNCAnalysis.py Resources/Screenshots/analysis.png
--prepare Testing.panels.screenshots:analysis``, and for the other module likewise ``:segment``,
with ``--width 560``.
Each computes in a child process, as for a clinician: some minutes on two processor cores.
"""

from __future__ import annotations

from typing import Any

SECONDS = 900  # where others compute beside it


def analysis(host: Any, loaded: Any) -> None:
    """The verdict on the simulated patient, at the hottest slice."""
    import slicer

    panel = _with_patient(host, loaded)
    host.app.layoutManager().setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutSideBySideView)
    panel.onAnalyse()
    assert host.wait(lambda: not panel.run.running and panel.result is not None, SECONDS), (
        host.messages
    )
    _look_closer(host, 0.8)
    panel.ui.hottestButton.click()
    line, frame = panel.neck.windows._line, panel.neck.windows.frame
    at = frame.x(panel.result.explanation.hottest_ras[2])
    assert host.wait(lambda: abs(line.x + 1 - at) < 2, 5), "the charts' line is not where we look"


def segment(host: Any, loaded: Any) -> None:
    """The lesions that the network outlines, PET/CT fusion and the MIP; the primary selected."""
    panel = _with_patient(host, loaded)
    panel.onSegment()
    assert host.wait(lambda: panel.lesions.measured is not None, SECONDS), host.messages
    panel.ui.mipButton.click()
    _look_closer(host, 0.4)
    panel.lesions.goToHottest()
    panel.lesions.table.select(list(panel.lesions.measured.by_segment)[:1])
    host.process_events()


def _look_closer(host: Any, share: float) -> None:
    """The axial view shows this share of the field of view, which holds all of the shoulders."""
    host.app.layoutManager().resetSliceViews()
    red = host.scene.GetNodeByID("vtkMRMLSliceNodeRed")
    wide, high, deep = red.GetFieldOfView()
    red.SetFieldOfView(share * wide, share * high, deep)


def _with_patient(host: Any, loaded: Any) -> Any:
    from HNCLogic.panels import sample_data

    assert sample_data.load_simulated_patient(), host.messages
    panel = loaded.widget.panel
    loaded.widget.enter()
    assert panel.run.enabled, panel.run.toolTip
    return panel
