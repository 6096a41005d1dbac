"""A model of method 2 in HNCSegment's list: beside those of method 3, and with an MRI."""

from __future__ import annotations

import json

import pytest

from Testing.panels.segment_panel import opened_on

CARD = {
    "format": "hnc-model", "format_version": 1, "name": "slices", "version": "1.0.0",
    "method": "slice-tumour", "network": {"name": "unet2d", "arguments": {"in_channels": 2}},
    "inputs": [{"role": "PET"}, {"role": "MR"}],
    "preprocessing": {"ranges": [[[0, 25], [0, 900]]]}, "classes": ["tumour"],
    "threshold": {"value": 0.4, "chosen_by": "hand"},
    "training": {"words": "made-up slices"}, "intended_use": "Tests.", "licence": "Apache-2.0",
    "weights": [{"file": "fold-1.safetensors", "sha256": "0" * 64, "fold": 1}],
}  # fmt: skip


@pytest.fixture
def opened(host, tmp_path, monkeypatch):
    folder = tmp_path / "slices"
    folder.mkdir()
    (folder / "model.json").write_text(json.dumps(CARD))
    (folder / "fold-1.safetensors").write_bytes(b"")
    monkeypatch.setenv("HNC_MODELS", str(tmp_path))
    yield from opened_on(host)


def test_both_kinds_of_models_are_listed_and_the_mri_is_used(opened, small_patient, tmp_path):
    import slicer

    opened.panel.enter(opened.state)
    selector = opened.ui.modelSelector
    names = [selector.itemData(n) for n in range(selector.count)]
    assert names == ["tumour-volume-petct", "slices"]
    opened.choose(selector, "slices 1.0.0")
    assert opened.state.model == "slices"
    assert not opened.panel.run.enabled
    assert "The model needs an MRI" in opened.panel.run.toolTip
    values = slicer.util.arrayFromVolume(small_patient.ct_node) + 2000
    mri = slicer.modules.volumes.logic().CloneVolume(small_patient.ct_node, "neck t2")
    slicer.util.updateVolumeFromArray(mri, values)
    opened.state.mr, opened.state.mrRole = mri, "T2"
    assert opened.host.wait(lambda: opened.panel.run.enabled, 5), opened.panel.run.toolTip
    method = opened.panel.method
    images = {"PET": "pet", "CT": "ct", "T2": "mri"}
    assert method.roles(images) == {"PET": "pet", "T2": "mri"}
    assert method.settings()["volume_model"] == str(tmp_path / "slices")
    assert "made-up slices" in opened.ui.methodNote.text
