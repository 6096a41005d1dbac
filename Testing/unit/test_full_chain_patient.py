"""Patients scanned with the full chain: tissues at their SUV, the same bytes, what is refused."""

import csv
from functools import partial

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from scipy.ndimage import binary_erosion

from HNCLogic import cli
from HNCLogic.errors import InputError
from HNCLogic.images.grid import Grid
from HNCLogic.phantom.body.anatomy import draw_anatomy
from HNCLogic.phantom.body.tissues import LABEL
from HNCLogic.phantom.disease.activity import activity, draw_uptake
from HNCLogic.phantom.patient import simulate
from HNCLogic.phantom.scanners import full_chain, scanner
from HNCLogic.phantom.scanners.centres import CENTRES

COARSE = {"centre": "north", "pet_spacing": (8.0, 8.0, 8.0), "pet_matrix": 66}


def _arrays(patient):
    return [sitk.GetArrayFromImage(i) for i in (patient.pet, patient.ct, patient.truth)]


@pytest.fixture(scope="module")
def full():
    return simulate(2, full_chain=True, **COARSE)


def test_the_same_patient_as_with_the_fast_scanner_but_for_the_pet(full):
    fast = simulate(2, **COARSE)
    (pet, ct, truth), (fast_pet, fast_ct, fast_truth) = _arrays(full), _arrays(fast)
    assert Grid.of(full.pet).same_as(Grid.of(fast.pet))
    assert np.array_equal(ct, fast_ct)
    assert np.array_equal(truth, fast_truth)
    assert full.lesions == fast.lesions
    assert "PET by the full scanner chain" in full.notes
    assert fast.notes == tuple(n for n in full.notes if "full" not in n)
    assert pet.dtype == np.float32
    assert pet.min() >= 0
    assert not np.array_equal(pet, fast_pet)
    body = fast_pet > 0.4
    assert np.corrcoef(pet[body], fast_pet[body])[0, 1] > 0.97
    assert pet[body].mean() == pytest.approx(fast_pet[body].mean(), rel=0.05)


def test_same_seed_same_bytes_on_any_number_of_cores(full):
    before = torch.get_num_threads()
    torch.set_num_threads(1 if before > 1 else 2)
    try:
        again = simulate(2, full_chain=True, **COARSE)
    finally:
        torch.set_num_threads(before)
    assert np.array_equal(_arrays(again)[0], _arrays(full)[0])


def test_large_regions_keep_their_uptake_through_the_full_chain():
    canvas = draw_anatomy(np.random.default_rng(3)).painted(2.5)
    rng = np.random.default_rng(4)
    suv = activity(canvas, draw_uptake(rng, 60.0), np.zeros(canvas.labels.shape, np.float32))
    still, couch = sitk.Transform(3, sitk.sitkIdentity), 130.0
    ct_grid = scanner.axial_grid((3.0, 3.0, 3.0), (160, 160), np.zeros(2), -200.0, 220.0)
    no_metal = np.zeros((0, 3))
    tissues = scanner.read(scanner.tissue_hu(canvas, False, rng), canvas, ct_grid, still, -1000.0)
    hu = ct_grid.image(scanner.acquired(tissues, ct_grid, rng, no_metal, couch))
    grid = scanner.axial_grid((4.0, 4.0, 4.0), (144, 144), np.zeros(2), -190.0, 210.0)
    pet = full_chain.pet(
        suv, canvas, grid, still, hu, couch, 6.0, 0.1, CENTRES["north"].protocol, rng
    )
    on_canvas = sitk.Resample(
        grid.image(pet), list(canvas.size), still, sitk.sitkLinear,
        [float(v) for v in canvas.low], [2.5] * 3, list(scanner.AXIAL), 0.0,
    )  # fmt: skip
    seen = sitk.GetArrayViewFromImage(on_canvas)
    height = canvas.axes[2][:, None, None]
    for name in ("soft", "muscle", "neck muscle", "fat", "white matter", "tongue", "marrow"):
        inner = binary_erosion(canvas.labels == LABEL[name], iterations=3)
        inner &= (height > -180) & (height < 200)
        assert inner.sum() > 80, name
        # OSEM stops before cold regions between broad shoulders are empty: fat comes out at 0.23
        # instead of 0.19 (+24 %), by slow convergence, see full_chain.py.
        cold = 0.05 if name == "fat" else 0
        assert seen[inner].mean() == pytest.approx(suv[inner].mean(), rel=0.10, abs=cold), name


def test_misregistration_moves_the_pet_and_not_the_ct(full):
    still, moved = (simulate(2, misregistration_mm=mm, **COARSE) for mm in (0, 5))
    assert np.array_equal(_arrays(still)[1], _arrays(moved)[1])
    assert np.array_equal(_arrays(still)[1], _arrays(full)[1])
    assert len(still.lesions) == len(moved.lesions) > 0
    for a, b in zip(still.lesions, moved.lesions, strict=True):
        assert np.linalg.norm(np.subtract(a.centre, b.centre)) == pytest.approx(5, abs=1e-6)


@pytest.mark.parametrize("mm", [-1, 5.1, float("nan")])
def test_misregistration_out_of_range_is_refused(mm):
    with pytest.raises(InputError, match="misregistration must be 0 to 5 mm"):
        simulate(0, misregistration_mm=mm)


def test_pixels_that_are_not_square_are_refused():
    with pytest.raises(InputError, match="square pixels, not 8 x 9 mm"):
        simulate(0, full_chain=True, pet_spacing=(8.0, 9.0, 8.0), pet_matrix=60)


def test_the_command_line_chooses_the_scanner(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("HNCLogic.phantom.patient.simulate", partial(simulate, **COARSE))
    pets = {}
    for name in ("fast", "full"):
        words = ["--scanner", name] if name == "full" else []
        out = tmp_path / name
        assert cli.main(["phantom", "--seed", "2", "--out", str(out), *words]) == 0
        with (out / "cohort.csv").open() as file:
            (row,) = csv.DictReader(file)
        pets[name] = sitk.GetArrayFromImage(sitk.ReadImage(str(out / row["PET"])))
        said = "reconstructed by the full scanner chain |" in (out / "README.md").read_text()
        assert said == (name == "full")
    # The same patient through two scanners.
    assert pets["fast"].shape == pets["full"].shape
    assert not np.array_equal(pets["fast"], pets["full"])
    assert np.corrcoef(pets["fast"].ravel(), pets["full"].ravel())[0, 1] > 0.8
    capsys.readouterr()
    assert cli.main(["phantom", "--out", str(tmp_path / "no"), "--scanner", "blurry"]) == 2
    assert "blurry" in capsys.readouterr().err
