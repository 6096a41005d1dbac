"""The gallery of simulated patients: the same stretch, scale and window for all."""

import numpy as np
import pytest
import SimpleITK as sitk

from HNCLogic.benchmark.gallery import (
    HU_WINDOW,
    SUV_WINDOW,
    _panels,
    gallery,
    of_real,
    of_simulated,
)
from HNCLogic.errors import InputError
from HNCLogic.phantom.patient import simulate


@pytest.fixture(scope="module")
def patient():
    return simulate(70000, centre="north", pet_spacing=(6.0, 6.0, 6.0), pet_matrix=80)


def test_levels_are_those_of_the_patient_from_above_downwards(patient):
    hung = of_simulated(patient)
    tonsil, larynx, shoulders = hung.levels
    assert tonsil > larynx + 30 > shoulders + 30
    assert hung.caption == "simulated, seed 70000"
    assert of_simulated(patient, label=True).caption == "simulated, seed 70000, with tumour"


def test_every_exhibit_has_panels_of_one_size_and_window(patient):
    real = of_real(patient.pet)
    simulated = [panel for panel, *_ in _panels(of_simulated(patient))]
    unlabelled = list(_panels(real))
    assert [window for _, window, _ in unlabelled[2:4]] == [SUV_WINDOW, HU_WINDOW]
    assert all(panel is None for panel, *_ in unlabelled[3::2])
    for one, (other, *_) in zip(simulated, unlabelled, strict=True):
        if other is not None:
            assert one.shape == other.shape
    whole = sitk.GetArrayViewFromImage(patient.pet).max()
    assert 0.3 * whole < simulated[0].max() < 1.1 * whole  # splines overshoot a little
    assert np.isclose(simulated[0].max(), simulated[1].max())


def test_a_picture_is_written(patient, tmp_path, monkeypatch):
    from HNCLogic.benchmark import gallery as module

    asked = []

    def simulated(seed, positive, anatomy=None):
        asked.append(positive)
        return patient

    monkeypatch.setattr(module, "simulate", simulated)
    sitk.WriteImage(patient.pet, tmp_path / "real.nrrd")
    gallery(tmp_path / "g.png", count=2, real=tmp_path / "real.nrrd", levels=(60, 0, -20))
    assert (tmp_path / "g.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(asked) == [False, True]
    with pytest.raises(InputError, match="from above downwards"):
        gallery(tmp_path / "g.png", count=1, levels=(0, 10, 20))
    with pytest.raises(InputError, match="cannot be written"):
        gallery(tmp_path / "no" / "g.png", count=1)
