"""Simulated parotid tumours: known kind and box, overlapping looks, nothing else that tells."""

import hashlib

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.ndimage import binary_erosion, label
from scipy.stats import rankdata

from HNCLogic.errors import InputError
from HNCLogic.images.grid import Grid
from HNCLogic.phantom.body.shapes import Canvas, ellipsoid
from HNCLogic.phantom.body.tissues import LABEL
from HNCLogic.phantom.cases.parotid_case import ragged, simulate_parotid
from HNCLogic.phantom.cases.parotid_tumours import (
    CAPSULE,
    CYST,
    LOOSE,
    PREVALENCE,
    SOLID,
    SUBTYPES,
    draw_person,
    draw_subtype,
    draw_tumour,
    paint_tumour,
)
from HNCLogic.phantom.mr.sequences import ROLES, draw_protocol, signal
from HNCLogic.phantom.mr.tissues import columns
from HNCLogic.phantom.reader_score import PAROTID, draw_score


def _hash(image: sitk.Image) -> str:
    content = sitk.GetArrayViewFromImage(image).tobytes() + repr(Grid.of(image)).encode()
    return hashlib.sha256(content).hexdigest()


def _auc(positive: np.ndarray, score: np.ndarray) -> float:
    ranks, n = rankdata(score), int(positive.sum())
    return float((ranks[positive].sum() - n * (n + 1) / 2) / (n * (len(ranks) - n)))


@pytest.fixture(scope="module")
def malignant():
    return simulate_parotid(5, "malignant")


@pytest.fixture(scope="module")
def adenoma():
    return simulate_parotid(5, "pleomorphic adenoma", roles=("T1", "CE-T1", "ADC"))


def test_a_case_is_what_the_method_needs(malignant):
    case = malignant
    assert list(case.images) == list(ROLES)
    assert case.subtype == "malignant"
    assert case.malignant
    assert case.reader_score in range(1, 6)
    assert "imulated" in case.simulated
    grid = Grid.of(case.mask)
    assert grid.same_as(Grid.of(case.images["CE-T1"]))
    mask = sitk.GetArrayViewFromImage(case.mask) == 1
    assert mask.sum() * grid.voxel_ml == pytest.approx(case.volume_ml, rel=0.25, abs=0.2)


def test_the_box_holds_the_mask_and_little_else(malignant, adenoma):
    for case in (malignant, adenoma):
        grid = Grid.of(case.mask)
        mask = sitk.GetArrayViewFromImage(case.mask) == 1
        voxels = np.argwhere(mask)[:, ::-1]
        frame = np.reshape(case.box_voxels, (3, 2))
        assert np.all(voxels.min(axis=0) >= frame[:, 0])
        assert np.all(voxels.max(axis=0) <= frame[:, 1])
        assert np.all(frame[:2, 1] - frame[:2, 0] <= np.ptp(voxels, axis=0)[:2] + 6)
        box, points = np.reshape(case.box, (3, 2)), grid.points(voxels)
        assert np.all(points > box[:, 0])
        assert np.all(points < box[:, 1])


def test_the_tumour_is_in_the_gland_of_its_side(malignant, adenoma):
    for case in (malignant, adenoma):
        grid = Grid.of(case.mask)
        middle = grid.points((np.asarray(grid.size)[None] - 1) / 2)[0]
        tumour = np.reshape(case.box, (3, 2)).mean(axis=1)
        sign = 1 if case.side == "left" else -1
        assert 25 < sign * (tumour[0] - middle[0]) < 90
        assert np.abs(tumour[1:] - middle[1:]).max() < 55


def test_same_seed_same_bytes_whichever_roles(adenoma):
    again = simulate_parotid(5, "pleomorphic adenoma", roles=("T1", "DWI-b0"))
    assert _hash(again.images["T1"]) == _hash(adenoma.images["T1"])
    assert _hash(again.mask) == _hash(adenoma.mask)
    assert again.box == adenoma.box
    assert again.centre == adenoma.centre
    assert again.reader_score == adenoma.reader_score


def test_grid_and_body_know_nothing_of_the_kind(malignant, adenoma):
    assert malignant.centre == adenoma.centre
    for role, image in adenoma.images.items():
        assert Grid.of(image) == Grid.of(malignant.images[role])
    a, b = (sitk.GetArrayViewFromImage(case.images["T1"]) for case in (malignant, adenoma))
    left = a.shape[2] // 2 if malignant.side == "right" else 0
    half = slice(left, left + a.shape[2] // 2)
    assert np.array_equal(a[..., half], b[..., half])  # the healthy side, noise and all
    assert not np.array_equal(a, b)


def test_the_tumour_on_the_adc_map_has_its_own_diffusion(adenoma):
    adc = adenoma.images["ADC"]
    here = sitk.Resample(sitk.Cast(adenoma.mask == 1, sitk.sitkFloat32), adc)
    inside = sitk.GetArrayFromImage(here) > 0.9
    assert inside.sum() > 15
    rows = adenoma.tumour.properties
    low, high = rows[SOLID].adc, max(rows[LOOSE].adc, rows[CYST].adc)
    assert 0.85 * low < np.median(sitk.GetArrayFromImage(adc)[inside]) / 1000 < 1.15 * high


def test_a_share_of_malignant_tumours_leaves_the_benign_ones_to_each_other():
    rng = np.random.default_rng(1)
    kinds = [draw_subtype(rng, 0.4) for _ in range(4000)]
    shares = {kind: kinds.count(kind) / 4000 for kind in SUBTYPES}
    assert shares["malignant"] == pytest.approx(0.4, abs=0.03)
    benign = dict(zip(SUBTYPES[:3], PREVALENCE[:3], strict=True))
    for kind, share in benign.items():
        assert shares[kind] == pytest.approx(0.6 * share / sum(benign.values()), abs=0.03)


@pytest.fixture(scope="module")
def drawn():
    """600 tumours of random kind: kinds, malignant, and mean signals by role, noise apart."""
    kinds, signals = [], []
    for seed in range(600):
        rng = np.random.default_rng(seed)
        kind = draw_subtype(rng)
        tumour = draw_tumour(rng, kind)
        table = columns(tumour.properties)
        solid = 1 - tumour.cyst
        share = {SOLID: solid * (1 - tumour.loose), LOOSE: solid * tumour.loose, CYST: tumour.cyst}
        means = {
            role: np.log(sum(part * signal(sequence, table)[k] for k, part in share.items()))
            for role, sequence in draw_protocol(rng).items()
        }
        means["ADC"] = means["DWI-b0"] - means["DWI-b1000"]
        kinds.append(kind)
        signals.append([means[role] for role in ROLES])
    kinds = np.array(kinds)
    return kinds, kinds == "malignant", dict(zip(ROLES, np.array(signals).T, strict=True))


def test_kinds_are_as_frequent_and_as_different_as_stated(drawn):
    kinds, _, signals = drawn
    assert sum(PREVALENCE) == pytest.approx(1)
    for kind, share in zip(SUBTYPES, PREVALENCE, strict=True):
        assert np.mean(kinds == kind) == pytest.approx(share, abs=0.05)
    order = {
        "ADC": ("Warthin tumour", "malignant", "basal cell adenoma", "pleomorphic adenoma"),
        "CE-T1": ("Warthin tumour", "pleomorphic adenoma", "malignant", "basal cell adenoma"),
    }
    for role, names in order.items():
        medians = [np.median(signals[role][kinds == name]) for name in names]
        assert medians == sorted(medians), role
    t2 = {kind: np.median(signals["T2"][kinds == kind]) for kind in SUBTYPES}
    assert max(t2, key=t2.get) == "pleomorphic adenoma"
    assert min(t2, key=t2.get) == "malignant"


def test_no_sequence_alone_tells_malignant_and_three_together_do_better(drawn):
    _, malignant, signals = drawn
    alone = {role: _auc(malignant, value) for role, value in signals.items()}
    alone = {role: max(auc, 1 - auc) for role, auc in alone.items()}
    assert max(alone.values()) < 0.8, alone
    values = np.stack([signals[role] for role in ("T2", "CE-T1", "DWI-b1000")], axis=1)
    values = (values - values.mean(axis=0)) / values.std(axis=0)
    score, fold = np.zeros(len(values)), np.arange(len(values)) % 5
    for k in range(5):  # linear discriminant, cross-validated
        train = fold != k
        means = [values[train & (malignant == m)].mean(axis=0) for m in (False, True)]
        within = sum(np.cov(values[train & (malignant == m)].T) for m in (False, True))
        score[~train] = values[~train] @ np.linalg.solve(within, means[1] - means[0])
    assert _auc(malignant, score) > max(alone.values()) + 0.03


def test_the_simulated_radiologist_is_as_good_as_the_papers():
    scores, truth = [], []
    for seed in range(3000):
        rng = np.random.default_rng(seed)
        tumour = draw_tumour(rng, draw_subtype(rng))
        scores.append(draw_score(rng, tumour.malignant, PAROTID, ragged(tumour)))
        truth.append(tumour.malignant)
    assert set(scores) == {1, 2, 3, 4, 5}
    assert _auc(np.array(truth), np.array(scores)) == pytest.approx(0.74, abs=0.03)


def test_warthin_tumours_are_older_mens():
    people = {
        kind: [draw_person(np.random.default_rng(seed), kind) for seed in range(300)]
        for kind in SUBTYPES
    }
    age = {kind: np.mean([years for years, _ in found]) for kind, found in people.items()}
    men = {kind: np.mean([sex == "male" for _, sex in found]) for kind, found in people.items()}
    assert max(age, key=age.get) == max(men, key=men.get) == "Warthin tumour"


@pytest.fixture
def glands() -> Canvas:
    canvas = Canvas((-90, -40, -50), (90, 40, 50), 1.5)
    canvas.paint(LABEL["fat"], ellipsoid((0, 0, 0), (80, 38, 200)))
    for side in (1, -1):
        canvas.paint(LABEL["parotid"], ellipsoid((55 * side, 0, 0), (16, 22, 30)))
    return canvas


@pytest.mark.parametrize("kind", SUBTYPES)
def test_a_tumour_grows_in_one_piece_to_its_volume(glands, kind):
    rng = np.random.default_rng(3)
    tumour = draw_tumour(rng, kind)
    found = paint_tumour(tumour, glands)
    _, pieces = label(found == 1)
    assert pieces == 1
    ml = (found == 1).sum() * 1.5**3 / 1000
    assert ml == pytest.approx(tumour.volume_ml, rel=0.15)
    x = np.nonzero(found)[2] * 1.5 - 90
    assert np.all(x > 0) if tumour.side == "left" else np.all(x < 0)
    own = {SOLID, LOOSE, CYST, CAPSULE}
    assert set(np.unique(glands.labels[found > 0])) <= own
    assert not np.isin(glands.labels[found == 0], list(own)).any()


def test_malignant_margins_are_more_ragged(glands):
    def surface(kind):
        found = []
        for seed in range(12):
            canvas = Canvas(tuple(glands.low), (90, 40, 50), 1.5)
            canvas.labels[...] = glands.labels
            mask = paint_tumour(draw_tumour(np.random.default_rng(seed), kind), canvas) == 1
            edge = (mask & ~binary_erosion(mask)).sum()
            found.append(edge / mask.sum() ** (2 / 3))
        return np.mean(found)

    assert surface("malignant") > 1.1 * surface("Warthin tumour")


def test_unknown_kinds_and_missing_glands_are_refused(glands):
    with pytest.raises(InputError, match="unknown parotid tumour 'lipoma'"):
        simulate_parotid(0, "lipoma")
    with pytest.raises(InputError, match="unknown centre 'moon'"):
        simulate_parotid(0, centre="moon")
    with pytest.raises(InputError, match="unknown MR role 'FLAIR'"):
        simulate_parotid(0, roles=("FLAIR",))
    glands.labels[...] = LABEL["fat"]
    with pytest.raises(InputError, match=r"no (left|right) parotid gland"):
        paint_tumour(draw_tumour(np.random.default_rng(0), "malignant"), glands)


def test_a_case_is_made_where_a_shape_lies_outside_the_canvas():
    """Of this seed one does: no voxel is in its box."""
    assert simulate_parotid(1_000_000, roles=("T2",)).volume_ml > 0
