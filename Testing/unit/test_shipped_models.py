"""The small models that ship: each gives, on a simulated patient, the answer it was found to give.

Numbers are kept as they came out when the models were added: whatever changes them (preparation,
a network's arithmetic, weights) changes what users are told.
"""

import numpy as np
import pytest

from HNCLogic.images.study import Study
from HNCLogic.methods import parotid
from HNCLogic.models.places import shipped_models
from HNCLogic.models.store import model_for, verify

# Seed and kind of a simulated tumour, and how probably malignant it was found.
TUMOURS = [(1, "malignant", 0.497), (2, "Warthin tumour", 0.263)]


def test_the_parotid_model_is_the_one_that_is_taken(monkeypatch, tmp_path):
    monkeypatch.setenv("HNC_MODELS", str(tmp_path))  # none of the user's own
    model = model_for("parotid", None)
    assert model.folder == shipped_models() / "parotid-mri"
    assert model.card.classes == list(parotid.KINDS)


@pytest.mark.parametrize(("seed", "kind", "malignant"), TUMOURS)
def test_parotid_tumours(seed, kind, malignant):
    from HNCLogic.phantom.cases.parotid_case import simulate_parotid

    model = verify(shipped_models() / "parotid-mri")
    roles = [source.role for source in model.card.inputs]
    case = simulate_parotid(seed, kind, centre="west", roles=roles)
    slices = parotid.prepare(
        Study(case.images), case.box, model.preparation(parotid.Preparation), roles
    )
    said = np.mean([parotid.read(each, slices).probabilities for each in model.networks()], axis=0)
    assert said[-1] == pytest.approx(malignant, abs=0.01)
