"""Patients made of real CTs: organs at their places, completed beyond the CT without a step."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest
import SimpleITK as sitk
from scipy import ndimage

from HNCLogic.errors import InputError
from HNCLogic.phantom.body.landmarks import NODAL_LEVELS, PRIMARY_SITES, TONSIL
from HNCLogic.phantom.body.tissues import LABEL, column, only
from HNCLogic.phantom.real_ct.real_anatomy import RealAnatomies
from Testing.unit.real_ct_folder import built_in_case, changed, images, write

REAL = ("pt_4", "pt_20", "pt_9", "pt_105")  # brain in view, crown in view, skull base, parotids
BRAIN = only("grey matter", "white matter", "deep grey", "cerebellum", "csf")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two whole cases, one blanked, one cut short and one that is no image."""
    top = tmp_path_factory.mktemp("cases")
    first, second = images(built_in_case(1)), images(built_in_case(2))
    write(top / "one", *first)
    write(top / "two", *second)

    def blank(hu, organs):
        low = int(np.nonzero((organs == 4).any(axis=(1, 2)))[0][0])
        hu[low - 8 : low - 4] = -1024

    def cut(hu, organs):
        low = int(np.nonzero((organs == 4).any(axis=(1, 2)))[0][0])
        hu[: low - 4] = -1024

    write(top / "blanked", *changed(*first, blank))
    write(top / "short", *changed(*first, cut))
    broken = write(top / "broken", *first)
    (broken / "ct.nii.gz").write_bytes(b"no image")
    return top


@pytest.fixture(scope="module")
def made(folder):
    anatomy = RealAnatomies(folder).of_case("one", np.random.default_rng(3))
    return anatomy, anatomy.painted(2.5)


@lru_cache
def painted(folder, name):
    anatomy = RealAnatomies(folder).of_case(name, np.random.default_rng(1))
    return anatomy, anatomy.painted(2.5)


@pytest.fixture(params=REAL)
def real(request, shared_data):
    return painted(shared_data / "openkbp_ct", request.param)


def points(canvas, chosen):
    index = np.argwhere(chosen[canvas.labels])
    return index[:, ::-1] * canvas.spacing + canvas.low


def index_of(canvas, point):
    return tuple(np.round((np.asarray(point) - canvas.low) / canvas.spacing).astype(int)[::-1])


def test_what_cannot_serve_is_left_out_with_its_reason(folder):
    anatomies = RealAnatomies(folder)
    assert anatomies.usable == ["one", "two"]
    assert set(anatomies.left_out) == {"blanked", "broken", "short"}
    assert "ct.nii.gz" in anatomies.left_out["broken"]
    assert "cut short or blank" in anatomies.left_out["short"]
    with pytest.raises(InputError, match="cut short"):
        anatomies.of_case("short", np.random.default_rng(0))
    with pytest.raises(InputError, match="no such case"):
        anatomies.of_case("three", np.random.default_rng(0))


def test_a_folder_without_a_usable_case_is_refused(tmp_path, folder):
    (tmp_path / "short").symlink_to(folder / "short")
    with pytest.raises(InputError, match="none of the 1 cases") as refusal:
        RealAnatomies(tmp_path)
    assert str(tmp_path) in str(refusal.value)
    assert "wanted" in str(refusal.value)


def test_the_same_seed_makes_the_same_patient_whatever_was_drawn_before(folder):
    fresh, used = RealAnatomies(folder), RealAnatomies(folder)
    used.draw(np.random.default_rng(9))
    one, other = (a.draw(np.random.default_rng(5)) for a in (fresh, used))
    assert one.source == other.source
    canvas, again = one.painted(4.0), other.painted(4.0)
    np.testing.assert_array_equal(canvas.labels, again.labels)
    np.testing.assert_array_equal(one.hu(canvas), other.hu(again))
    pose, pose_again = one.pose(np.random.default_rng(1)), other.pose(np.random.default_rng(1))
    np.testing.assert_array_equal(
        pose.scanner_point((0, 0, 0)), pose_again.scanner_point((0, 0, 0))
    )


def test_a_pair_has_its_case_in_common_and_nothing_else(folder):
    anatomies = RealAnatomies(folder)
    cases = set()
    for pair in range(4):
        one, other = (
            anatomies.draw(np.random.default_rng(own), np.random.default_rng(pair))
            for own in (2 * pair, 2 * pair + 1)
        )
        assert one.case == other.case
        assert one.texture_seed != other.texture_seed
        cases.add(one.case)
    assert cases == {"one", "two"}


def test_a_case_makes_different_patients_mirrored_ones_too(folder):
    anatomies = RealAnatomies(folder)
    drawn = [anatomies.of_case("one", np.random.default_rng(seed)) for seed in range(6)]
    assert {a.source for a in drawn} == {
        "CT of case one",
        "CT of case one, left and right exchanged",
    }
    for anatomy in drawn[:3]:
        canvas = anatomy.painted(4.0)
        shown = points(canvas, only("parotid"))
        assert abs((shown[:, 0] > 0).mean() - 0.5) < 0.2


def test_organs_stand_where_the_masks_are(made):
    anatomy, canvas = made
    case = anatomy.fitted.case
    for side, label in ((1, 4), (-1, 5)):
        live = case.body & (case.hu > -300) & (case.hu < 350)
        mask = case.points(np.argwhere((case.organs == label) & live))
        shown = points(canvas, only("parotid"))
        shown = shown[side * shown[:, 0] > 0]
        ml = len(shown) * canvas.spacing**3 / 1000, len(mask) * np.prod(case.spacing) / 1000
        assert ml[0] == pytest.approx(ml[1], rel=0.12)
        np.testing.assert_allclose(shown.mean(axis=0), mask.mean(axis=0), atol=2)


def test_the_ct_is_handed_on_and_says_nothing_beyond_itself(made):
    anatomy, canvas = made
    hu, case = anatomy.hu(canvas), anatomy.fitted.case
    z = canvas.axes[2]
    known = np.isfinite(hu).any(axis=(1, 2))
    low = case.origin[2] + case.spacing[2] * case.whole.start
    high = case.origin[2] + case.spacing[2] * (case.whole.stop - 1)
    np.testing.assert_array_equal(known, (z >= low - 1e-3) & (z <= high + 1e-3))
    at = sitk.Resample(
        case.image(case.hu), list(canvas.size), sitk.Transform(3, sitk.sitkIdentity),
        sitk.sitkLinear, [float(v) for v in canvas.low], [canvas.spacing] * 3,
        np.eye(3).ravel().tolist(), -1000.0, sitk.sitkFloat32,
    )  # fmt: skip
    deep = (z > low + 12) & (z < high - 12)
    ours, theirs = hu[deep], sitk.GetArrayFromImage(at)[deep]
    inside = np.isfinite(ours) & (np.abs(theirs) < 120)
    assert abs(np.median(ours[inside] - theirs[inside])) < 3
    assert (ours[canvas.labels[deep] == 0] < -900).mean() > 0.99


def check_anatomy(anatomy, canvas):
    case = anatomy.fitted.case
    cord = points(canvas, only("cord"))
    assert abs(np.median(cord[:, 0])) < 15
    # soft tissue in a ring of bone
    hu = anatomy.hu(canvas)
    seen = np.isfinite(hu).all(axis=(1, 2))
    rows = np.nonzero(seen & (canvas.labels == LABEL["cord"]).any(axis=(1, 2)))[0][4:-4]
    hard = only("bone", "marrow", "disc")
    around = []
    for row in rows:
        own = canvas.labels[row] == LABEL["cord"]
        assert np.median(hu[row][own]) < 200
        ring = ndimage.binary_dilation(own, iterations=4) & ~ndimage.binary_dilation(own)
        around.append(hard[canvas.labels[row]][ring].mean())
    assert np.mean(around) > 0.35

    brain, lung = points(canvas, BRAIN), points(canvas, only("lung"))
    parotid = points(canvas, only("parotid"))
    assert np.median(brain[:, 2]) > parotid[:, 2].max() + 20
    assert 900 < (canvas.labels[BRAIN[canvas.labels]].size * canvas.spacing**3 / 1000) < 2200
    assert len(lung) * canvas.spacing**3 / 1000 > 150
    assert lung[:, 2].max() < parotid[:, 2].min() - 40
    width = (canvas.labels > 0).any(axis=1).sum(axis=1) * canvas.spacing
    assert width[:10].max() > 330
    assert (canvas.labels[-1] > 0).sum() * canvas.spacing**2 < 4000  # the crown closes the head
    assert case.whole.stop > case.whole.start


def check_seams(anatomy, canvas):
    hu = anatomy.hu(canvas)
    seen = np.nonzero(np.isfinite(hu).any(axis=(1, 2)))[0]
    body = canvas.labels > 0
    for inside, beyond in ((seen[-1], seen[-1] + 1), (seen[0], seen[0] - 1)):
        if not 0 <= beyond < len(body):
            continue
        both = (body[inside] & body[beyond]).sum() * 2
        assert both / (body[inside].sum() + body[beyond].sum()) > 0.92
        radii = [canvas.spacing * np.sqrt(body[i].sum() / np.pi) for i in (inside, beyond)]
        assert abs(radii[0] - radii[1]) < 5  # mm; the crown itself narrows by 4
        known = body[inside] & np.isfinite(hu[inside])
        gap = hu[inside][known] - column("hu")[canvas.labels[inside][known]]
        assert np.abs(gap).max() < 150  # nothing but fine structure is left of the CT


def check_landmarks(anatomy, canvas):
    wrong = only("outside", "airway", "lung", "bone", "marrow", "teeth", "skin")
    spots = [s.place for sites in PRIMARY_SITES.values() for s in sites]
    spots += [*NODAL_LEVELS.values(), TONSIL]
    bad = 0
    for x, y, z in spots:
        for side in (1, -1):
            place = anatomy.place((side * x, y, z))
            bad += bool(wrong[canvas.labels[index_of(canvas, place)]])
            if abs(x) > 15:
                assert side * place[0] > 0
    assert bad <= 2  # of 36: the canvas's voxels are not the CT's


def test_anatomy_of_a_made_case(made):
    check_anatomy(*made)


def test_seams_of_a_made_case(made):
    check_seams(*made)


def test_landmarks_of_a_made_case_lie_in_soft_tissue(made):
    check_landmarks(*made)


def test_landmarks_come_near_where_they_were_in_the_body_that_the_case_was_made_of(made):
    anatomy, canvas = made
    tonsil = points(canvas, only("tonsil"))
    left = tonsil[tonsil[:, 0] > 0].mean(axis=0)
    assert np.linalg.norm(left - anatomy.place(TONSIL)) < 12


def test_teeth_lie_in_the_jaws(made):
    anatomy, canvas = made
    hard = only("bone", "marrow", "teeth")
    inside = [hard[canvas.labels[index_of(canvas, t)]] for t in anatomy.teeth]
    assert np.mean(inside) > 0.6


def test_the_pose_moves_gently_and_goes_both_ways(made):
    pose = made[0].pose(np.random.default_rng(4))
    for point in ((0.0, 0.0, 0.0), (50.0, 10.0, 40.0), (0.0, -60.0, 20.0), (100.0, 40.0, -100.0)):
        there = pose.scanner_point(point)
        np.testing.assert_allclose(pose.atlas_point(there), point, atol=0.2)
        assert np.linalg.norm(there - pose.offset - point) < 25


def test_anatomy_of_a_real_case(real):
    check_anatomy(*real)


def test_seams_of_a_real_case(real):
    check_seams(*real)


def test_landmarks_of_a_real_case_lie_in_soft_tissue(real):
    check_landmarks(*real)


def test_parotids_of_a_real_case_are_the_masks(real):
    anatomy, canvas = real
    case = anatomy.fitted.case
    for side, label in ((1, 4), (-1, 5)):
        live = case.body & (case.hu > -300) & (case.hu < 350)
        mask = (case.organs == label) & live
        shown = points(canvas, only("parotid"))
        shown = shown[side * shown[:, 0] > 0]
        ml = len(shown) * canvas.spacing**3 / 1000, mask.sum() * np.prod(case.spacing) / 1000
        assert ml[0] == pytest.approx(ml[1], rel=0.08)
