"""Real CTs with organ masks: what is read, and what is refused with which words."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from HNCLogic.errors import InputError
from HNCLogic.phantom.real_ct.real_cases import ORGANS, case_folders, read_case
from Testing.unit.real_ct_folder import built_in_case, changed, images, write


@pytest.fixture(scope="module")
def pair():
    return images(built_in_case(1))


def glands(organs: np.ndarray) -> tuple[int, int]:
    rows = np.nonzero(np.isin(organs, (4, 5)).any(axis=(1, 2)))[0]
    return int(rows[0]), int(rows[-1])


def test_a_whole_case_is_read_as_it_is(tmp_path, pair):
    case = read_case(write(tmp_path / "a", *pair))
    hu = sitk.GetArrayFromImage(pair[0])
    assert case.whole == slice(0, len(hu))
    np.testing.assert_array_equal(case.hu[case.body], np.maximum(hu[case.body], -1000))
    assert (case.hu[~case.body] == -1000).all()
    left = case.points(np.argwhere(case.organs == ORGANS["left parotid"]))
    right = case.points(np.argwhere(case.organs == ORGANS["right parotid"]))
    assert left[:, 0].mean() > right[:, 0].mean() + 60


def test_the_file_s_axes_and_offset_do_not_matter(tmp_path, pair):
    ct, masks = pair

    def offset(hu, organs):
        hu += 1024
        hu[hu < 0] = 0

    shifted = changed(ct, masks, offset)
    turned = [sitk.DICOMOrient(sitk.Cast(i, sitk.sitkUInt16), "RAS") for i in shifted]
    one, other = (
        read_case(write(tmp_path / "a", ct, masks)),
        read_case(write(tmp_path / "b", *turned)),
    )
    np.testing.assert_array_equal(one.organs, other.organs)
    assert (one.body == other.body).mean() > 0.995
    both = one.body & other.body
    assert np.abs(one.hu[both].astype(int) - other.hu[both]).max() <= 24


def test_nothing_outside_is_air_not_water(tmp_path, pair):
    def emptied(hu, organs):
        hu[hu < -1000] = 0

    one = read_case(write(tmp_path / "a", *pair))
    other = read_case(write(tmp_path / "b", *changed(*pair, emptied)))
    assert (one.body == other.body).mean() > 0.99


def test_mirrored_exchanges_the_sides_and_their_names(tmp_path, pair):
    case = read_case(write(tmp_path / "a", *pair))
    other = case.mirrored()
    left = case.points(np.argwhere(case.organs == 4)).mean(axis=0)
    there = other.points(np.argwhere(other.organs == 5)).mean(axis=0)
    width = case.spacing[0] * (case.hu.shape[2] - 1)
    np.testing.assert_allclose(there, (width - left[0], left[1], left[2]), atol=1e-6)
    assert other.flipped
    assert not other.mirrored().flipped


def blanked(hu, organs):
    low, _ = glands(organs)
    hu[low - 8 : low - 4] = -1024


def only_organs_below(hu, organs):
    low, _ = glands(organs)
    hu[: low - 3][organs[: low - 3] == 0] = -1024


def only_organs_above(hu, organs):
    _, high = glands(organs)
    hu[high - 4 :][organs[high - 4 :] == 0] = -1024


def without_left(hu, organs):
    organs[organs == 4] = 0


def without_cord(hu, organs):
    organs[organs == 10] = 0


def sides_exchanged(hu, organs):
    left, right = organs == 4, organs == 5
    organs[left], organs[right] = 5, 4


def upside_down(hu, organs):
    hu[:], organs[:] = hu[::-1].copy(), organs[::-1].copy()


def all_water(hu, organs):
    hu[:] = 2000


def crumb(hu, organs):
    found = np.argwhere(organs == 4)
    organs[organs == 4] = 0
    organs[tuple(found[0])] = 4


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (blanked, "cut short or blank"),
        (only_organs_below, "cut short or blank"),
        (only_organs_above, "cut short or blank"),
        (without_left, "no left parotid"),
        (without_cord, "no spinal cord"),
        (sides_exchanged, "not on the left"),
        (upside_down, "upside down"),
        (all_water, "not in HU"),
        (crumb, "implausible"),
    ],
)
def test_what_cannot_serve_is_refused_with_its_reason(tmp_path, pair, change, words):
    folder = write(tmp_path / "case_7", *changed(*pair, change))
    with pytest.raises(InputError, match=words) as refusal:
        read_case(folder)
    assert "case_7" in str(refusal.value)


def noise(path):
    path.write_bytes(bytes(range(256)) * 40)


def empty(path):
    path.write_bytes(b"")


def half(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def folder_instead(path):
    path.unlink()
    path.mkdir()


def gone(path):
    path.unlink()


def tiny(path):
    sitk.WriteImage(sitk.Image([4, 4, 4], sitk.sitkInt16), str(path))


def not_a_number(path):
    image = sitk.Cast(sitk.ReadImage(str(path)), sitk.sitkFloat32)
    image[0, 0, 0] = float("nan")
    sitk.WriteImage(image, str(path))


def vectors(path):
    image = sitk.ReadImage(str(path))
    sitk.WriteImage(sitk.Compose(image, image), str(path))


@pytest.mark.parametrize("name", ["ct.nii.gz", "oars.nii.gz"])
@pytest.mark.parametrize(
    "harm", [noise, empty, half, folder_instead, gone, tiny, not_a_number, vectors]
)
def test_a_broken_file_is_named(tmp_path, pair, name, harm):
    folder = write(tmp_path / "a", *pair)
    harm(folder / name)
    with pytest.raises(InputError, match=name):
        read_case(folder)


def test_masks_on_another_grid_are_refused(tmp_path, pair):
    masks = sitk.Image(pair[1])
    masks.SetOrigin((30.0, 0.0, 0.0))
    with pytest.raises(InputError, match="not on the grid"):
        read_case(write(tmp_path / "a", pair[0], masks))


def test_a_folder_without_cases_says_what_is_wanted(tmp_path):
    with pytest.raises(InputError, match="wanted"):
        case_folders(tmp_path)
    with pytest.raises(InputError, match="not a folder"):
        case_folders(tmp_path / "nothing")


def test_of_openkbp_half_the_cases_serve(shared_data):
    """Looked at one by one: the others end at the chin, or lack a parotid."""
    served, refused = [], {}
    for folder in case_folders(shared_data / "openkbp_ct")[:24]:
        try:
            served.append(read_case(folder).name)
        except InputError as error:
            refused[folder.name] = str(error)
    assert {"pt_100", "pt_101", "pt_109", "pt_112", "pt_114", "pt_119"} <= set(served)
    for name in ("pt_1", "pt_103", "pt_104", "pt_108", "pt_11", "pt_111", "pt_118"):
        assert "cut short" in refused[name]
    assert "no right parotid" in refused["pt_116"]
