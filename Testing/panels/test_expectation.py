"""What a run will take, said by its button before it is pressed."""

import numpy as np
import pytest

from HNCLogic.inference.pace import Pace, keep_pace, this_machine
from HNCLogic.models.places import shipped_models
from HNCLogic.models.shown_card import shown_card

MODEL = shipped_models() / "tumour-volume-petct"


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HNC_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def pet(host):
    import slicer

    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "PET")
    slicer.util.updateVolumeFromArray(node, np.ones((60, 8, 8), np.float32))
    node.SetSpacing(4.0, 4.0, 4.0)
    return node


def test_time_by_an_earlier_patient_and_memory_by_the_model(pet):
    from HNCLogic.panels.expectation import expectation

    assert expectation(MODEL, pet).startswith("At most 0.")
    card = shown_card(MODEL)
    spacing, side, stride = (
        card.preprocessing[n] for n in ("spacing_mm", "patch_slices", "stride")
    )
    windows = 1 + np.ceil((240 / spacing - side) / stride)  # 60 slices of 4 mm
    keep_pace(card.digest, Pace(this_machine(), "an abacus", 12.0, 3 * 2**29))
    minutes = round(len(card.files) * windows * 12 / 60)
    assert expectation(MODEL, pet) == f"About {minutes} min on this computer, 1.5 GiB of memory."
    pet.SetSpacing(4.0, 4.0, 40.0)  # a whole body: only the head and neck of it is outlined
    longer = 1 + np.ceil((np.ceil(350 / spacing) - side) / stride)
    minutes = round(len(card.files) * longer * 12 / 60)
    assert f"About {minutes} min" in expectation(MODEL, pet)


def test_a_card_that_does_not_tell_says_nothing(pet, tmp_path):
    from HNCLogic.panels.expectation import expectation

    assert expectation(tmp_path, pet) == ""
    assert expectation(shipped_models() / "presence-pet", pet) == ""
