"""HNCSegment's sliders and buttons for the views: they change how it looks, and nothing else."""

from __future__ import annotations

import pytest

from Testing.panels.segment_panel import MODULE, opened_on


@pytest.fixture
def opened(host):
    yield from opened_on(host)


@pytest.fixture
def ready(opened, small_patient):
    return opened.with_patient()


def test_display_changes_the_views_and_nothing_else(ready, small_patient, child_python):
    ui, scene = ready.ui, ready.host.scene
    node = ready.segment()
    composite = scene.GetNodeByID("vtkMRMLSliceCompositeNodeRed")
    ui.fusionButton.click()
    assert composite.GetBackgroundVolumeID() == small_patient.ct_node.GetID()
    assert composite.GetForegroundVolumeID() == small_patient.pet_node.GetID()
    ui.windowSlider.value = 7.0
    assert small_patient.pet_node.GetDisplayNode().GetWindowLevelMax() == pytest.approx(7.0)
    small_patient.pet_node.GetDisplayNode().SetWindowLevelMinMax(0.0, 12.0)  # dragged in a view
    assert ui.windowSlider.value == pytest.approx(12.0)
    ui.opacitySlider.value = 0.35
    assert composite.GetForegroundOpacity() == pytest.approx(0.35)
    ui.fillButton.click()
    assert node.GetDisplayNode().GetVisibility2DFill()
    ui.outlineButton.click()
    assert not node.GetDisplayNode().GetVisibility2DFill()
    ui.mipButton.click()
    view = scene.GetFirstNodeByClass("vtkMRMLViewNode")
    assert view.GetAnimationMode() == view.Spin
    ui.mipButton.click()
    assert view.GetAnimationMode() == view.Off
    assert not ui.mipButton.checked


def test_opening_the_panel_changes_no_view(host, small_patient):
    composite = host.scene.GetNodeByID("vtkMRMLSliceCompositeNodeRed")
    composite.SetForegroundOpacity(0.2)
    display = small_patient.pet_node.GetDisplayNode()
    display.SetWindowLevelMinMax(0.0, 6.5)
    loaded = host.load(MODULE)
    loaded.widget.enter()
    host.process_events()
    ui = loaded.widget.panel.ui
    assert ui.windowSlider.value == pytest.approx(6.5)
    assert ui.opacitySlider.value == pytest.approx(0.2)
    assert composite.GetForegroundOpacity() == pytest.approx(0.2)
    assert display.GetWindowLevelMax() == pytest.approx(6.5)
