"""A clinician's whole way through both modules on one patient, with real child processes."""

from __future__ import annotations

import pytest

from HNCLogic.scene.terminology import kind_of
from Testing.panels.questions import analyse, choose
from Testing.panels.segment_panel import OpenedPanel, opened_on, paint, voxels_of


@pytest.fixture
def opened(host):
    yield from opened_on(host)


def state():
    import slicer

    return slicer.util.getModuleLogic("HNCAnalysis").getParameterNode()


def test_load_analyse_continue_segment_edit_save_close_restore(
    host, opened, small_patient, tiny_models, child_python, tmp_path
):
    import slicer

    # load and analyse
    loaded = host.load("HNCAnalysis/HNCAnalysis.py")
    analysis = loaded.widget.panel
    analysis.useProcess(None, None)
    analysis.enter(state())
    choose(analysis.ui.modelSelector, "tiny-presence")
    assert analysis.inputs.images() == {"PET": small_patient.pet_node, "CT": small_patient.ct_node}
    analyse(host, analysis)
    verdict = analysis.ui.verdictLabel.text
    assert verdict
    analysis.ui.hottestButton.click()

    # continue to the tumour volume, of the same images
    analysis.ui.continueButton.click()
    assert slicer.util.selectedModule() == "HNCSegment"
    segment = OpenedPanel(host)
    assert segment.state.pet is small_patient.pet_node
    assert segment.state.ct is small_patient.ct_node
    segment.choose(segment.ui.methodSelector, "Fixed")
    node = segment.segment()
    held = node.GetSegmentation()
    before = len(segment.lesions)
    assert before >= 3

    # delete a lesion, relabel another, paint in a third
    segment.select_rows(before - 1)
    segment.ui.deleteButton.click()
    segment.wait_measured(lambda: len(segment.lesions) == before - 1)
    second = list(segment.measured.by_segment)[1]
    kind = kind_of(held.GetSegment(second))
    segment.select_rows(1)
    segment.ui.kindButton.click()
    segment.wait_measured()
    relabelled = kind_of(held.GetSegment(second))
    assert relabelled != kind
    first = next(iter(segment.measured.by_segment))
    small = segment.measured.by_segment[first].mtv_ml
    voxels = voxels_of(node, first, small_patient.pet_node)
    voxels[:4, :4, :4] = True
    paint(node, first, small_patient.pet_node, voxels)
    segment.wait_measured(lambda: segment.measured.by_segment[first].mtv_ml > small + 5)
    rows, fused = segment.rows, segment.ui.opacitySlider.value

    # save, close, restore: both panels are as they were
    host.save_scene(tmp_path / "case.mrb")
    host.close_scene()
    assert segment.state.segmentation is None
    assert state().result is None
    host.load_scene(tmp_path / "case.mrb")
    segment.wait_measured()
    assert segment.rows == rows
    assert segment.ui.opacitySlider.value == pytest.approx(fused)
    slicer.util.selectModule("HNCAnalysis")
    assert host.wait(lambda: analysis.result is not None, 10)
    assert analysis.ui.verdictLabel.text == verdict
    assert not analysis.ui.staleLabel.visible, analysis.ui.staleLabel.text
    assert analysis.inputs.images().keys() == {"PET", "CT"}
    assert analysis.run.enabled, analysis.run.toolTip
