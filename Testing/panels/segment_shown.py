"""HNCSegment in the states that its pictures show, on the made-up patient of its own test."""

from __future__ import annotations

from typing import Any


def empty(host: Any, loaded: Any) -> None:
    """As it is first seen."""


def thresholds(host: Any, loaded: Any) -> None:
    """Images chosen, the method with the most parameters."""
    from HNCSegmentLib import SmallPatient

    SmallPatient.addPatient()
    panel = loaded.widget.panel
    loaded.widget.enter()
    assert host.wait(lambda: panel.run.enabled, 5), panel.run.toolTip
    panel._parameterNode.method = "adaptive"
    host.process_events()


def running(host: Any, loaded: Any) -> None:
    """Half-way through a run."""
    from HNCSegmentLib.FakeChild import FakeChild

    thresholds(host, loaded)
    panel, child = loaded.widget.panel, FakeChild("wait")
    panel.useProcess(child, lambda: True)
    panel.onSegment()
    assert host.wait(lambda: child.jobs, 10)
    host.wait(lambda: False, 0.2)


def outlined(host: Any, loaded: Any) -> None:
    """Lesions by the network, the primary selected, PET/CT fusion and the MIP."""
    from HNCSegmentLib.FakeChild import FakeChild

    thresholds(host, loaded)
    panel = loaded.widget.panel
    panel._parameterNode.method = "network"
    panel.useProcess(FakeChild(), lambda: True)
    panel.onSegment()
    assert host.wait(lambda: panel.lesions.measured is not None, 20)
    panel.ui.mipButton.click()
    host.app.layoutManager().resetSliceViews()
    panel.lesions.goToHottest()
    panel.lesions.table.select(list(panel.lesions.measured.by_segment)[:1])
    host.process_events()
