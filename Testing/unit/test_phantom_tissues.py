"""Anatomy and uptake of simulated patients: organs where they belong, SUV as published."""

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.ndimage import binary_erosion

from HNCLogic.images.grid import Grid
from HNCLogic.phantom.body.anatomy import draw_anatomy
from HNCLogic.phantom.body.tissues import LABEL, TISSUES
from HNCLogic.phantom.disease.activity import activity, draw_uptake
from HNCLogic.phantom.disease.lesions import Lesion, grow
from HNCLogic.phantom.scanners import fast_pet, scanner
from HNCLogic.phantom.scanners.centres import CENTRES


@pytest.fixture(scope="module")
def canvas():
    return draw_anatomy(np.random.default_rng(3)).painted(2.5)


def test_uptake_is_that_of_the_table_on_average():
    drawn = [draw_uptake(np.random.default_rng(seed), 60.0) for seed in range(300)]
    for name, index in LABEL.items():
        mean = np.mean([(uptake.left[index] + uptake.right[index]) / 2 for uptake in drawn])
        assert mean == pytest.approx(TISSUES[name].suv, rel=0.15), name
    ratios = [u.left[LABEL["parotid"]] / u.right[LABEL["parotid"]] for u in drawn]
    assert 0.5 < np.percentile(ratios, 5) < 0.95
    assert np.mean(np.maximum(ratios, 1 / np.array(ratios)) < 1.5) > 0.9


def test_large_regions_keep_their_uptake_through_the_scanner(canvas):
    rng = np.random.default_rng(4)
    uptake = draw_uptake(rng, 60.0)
    suv = activity(canvas, uptake, np.zeros(canvas.labels.shape, np.float32))
    grid = Grid(canvas.size, (2.5,) * 3, tuple(canvas.low), scanner.AXIAL)
    still = sitk.Transform(3, sitk.sitkIdentity)
    centre = CENTRES["north"]
    pet = fast_pet.pet(suv, canvas, grid, still, 130.0, 6.0, 0.12, centre.protocol, rng)
    seen = 0
    for name in ("soft", "muscle", "neck muscle", "fat", "white matter", "tongue", "lung"):
        inner = binary_erosion(canvas.labels == LABEL[name], iterations=3)
        assert inner.sum() > 300, name
        assert pet[inner].mean() == pytest.approx(suv[inner].mean(), rel=0.10), name
        seen += 1
    assert seen == 7
    muscle = binary_erosion(canvas.labels == LABEL["muscle"], iterations=3)
    assert 0.08 < pet[muscle].std() / pet[muscle].mean() < 0.35


@pytest.mark.parametrize("seed", range(3))
def test_organs_are_there_and_where_they_belong(seed):
    canvas = draw_anatomy(np.random.default_rng(seed)).painted(2.5)
    z, y, x = np.meshgrid(*(axis for axis in canvas.axes[::-1]), indexing="ij", sparse=True)

    def ml(name):
        return (canvas.labels == LABEL[name]).sum() * 2.5**3 / 1000

    def middle(name):
        where = canvas.labels == LABEL[name]
        return [float((axis * where).sum() / where.sum()) for axis in (x, y, z)]

    brain = sum(ml(n) for n in ("grey matter", "white matter", "deep grey", "cerebellum"))
    assert 900 < brain < 1700
    for name, low, high in (
        ("parotid", 25, 90), ("submandibular", 8, 30), ("thyroid", 6, 40), ("tonsil", 1, 12),
        ("tongue", 30, 110), ("cord", 10, 60), ("eye", 10, 18),
    ):  # fmt: skip
        assert low < ml(name) < high, name
    for name in ("parotid", "thyroid", "tonsil", "eye", "cord", "vocal cord"):
        assert abs(middle(name)[0]) < 12, name
    heights = [
        middle(n)[2] for n in ("lung", "thyroid", "vocal cord", "tonsil", "eye", "deep grey")
    ]
    assert heights == sorted(heights)
    assert middle("eye")[1] < middle("tonsil")[1] < middle("cord")[1]


@pytest.mark.parametrize("ml", [0.7, 8.0, 30.0])
def test_a_lesion_grows_to_its_volume_in_one_piece_and_past_bone(canvas, ml):
    lesion = Lesion("primary", "oropharynx", "left", (19, -18, 34), ml, 9.0, ml > 5, seed=5)
    cuts, mask, core = grow(lesion, canvas)
    assert mask.sum() * 2.5**3 / 1000 == pytest.approx(ml, rel=0.2)
    assert not np.isin(canvas.labels[cuts][mask], [LABEL["bone"], LABEL["outside"]]).any()
    assert np.all(mask[core])
    assert core.any() == (ml > 5)


def test_arms_stand_out_from_the_chest_below_the_axilla_and_not_in_all_alike():
    across = []
    for seed in range(6):
        canvas = draw_anatomy(np.random.default_rng((8, seed))).painted(4.0)
        x = canvas.axes[0]
        above, below = (
            (canvas.labels[int(np.argmin(np.abs(canvas.axes[2] - z)))] != LABEL["outside"])
            for z in (-120, -225)
        )
        depth = below.sum(axis=0) * canvas.spacing  # mm, at each x
        between = depth[(x > 125) & (x < 175)].min()
        assert between < 0.9 * depth[(x > 180) & (x < 220)].max()
        assert between < 0.7 * above.sum(axis=0)[(x > 125) & (x < 175)].min() * canvas.spacing
        across.append(float(np.ptp(x[below.any(axis=0)])))
    assert np.ptp(across) > 15  # mm
