"""Simulated neck CTs for extracapsular extension: reproducible, truly labelled, honest."""

import hashlib

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.ndimage import distance_transform_edt, gaussian_gradient_magnitude

from HNCLogic.images.grid import Grid
from HNCLogic.phantom.body.anatomy import draw_anatomy
from HNCLogic.phantom.body.landmarks import NODAL_LEVELS
from HNCLogic.phantom.body.pose import draw_pose
from HNCLogic.phantom.cases.extension_case import SIMULATED, paint_disease, simulate_extension
from HNCLogic.phantom.cases.nodal_disease import EXTENSION_GROWS, SIGNS, draw_nodes, draw_spread
from HNCLogic.phantom.scanners import scanner


@pytest.fixture(scope="module")
def pair():
    """Two patients, with and without extension, who share what a matched pair shares."""
    return simulate_extension(11, True, match=4), simulate_extension(12, False, match=4)


@pytest.fixture(scope="module")
def neck():
    """One neck without disease, on which many nodes can be painted quickly."""
    anatomy = draw_anatomy(np.random.default_rng(1))
    pose = draw_pose(np.random.default_rng(2), 1.0)
    canvas = anatomy.painted(1.5)
    tissues = scanner.tissue_hu(canvas, True, np.random.default_rng(3))
    low, high = pose.scanner_point((0, 0, -100)), pose.scanner_point((0, 0, 80))
    grid = scanner.axial_grid((1.0, 1.0, 2.5), (220, 220), low[:2], low[2], high[2])
    return canvas, tissues, pose, grid, scanner.read(tissues, canvas, grid, pose.to_atlas, -1000.0)


def _hash(case):
    digest = hashlib.sha256()
    for image in (case.ct, case.nodes):
        digest.update(sitk.GetArrayViewFromImage(image).tobytes())
        digest.update(repr(Grid.of(image)).encode())
    return digest.hexdigest(), case.found, case.header, case.harmless


def _auc(positive, negative):
    positive, negative = np.asarray(positive)[:, None], np.asarray(negative)[None]
    return float(np.mean((positive > negative) + 0.5 * (positive == negative)))


def _painted(neck, seed, extension):
    canvas, tissues, pose, grid, healthy = neck
    nodes = draw_nodes(
        np.random.default_rng([seed, 1]), draw_spread(np.random.default_rng([seed, 0])), extension
    )
    hu, marks = healthy.copy(), np.zeros(healthy.shape, np.uint8)
    rng = {
        name: np.random.default_rng([seed, 2 + i]) for i, name in enumerate(("places", "harmless"))
    }
    paint_disease(hu, marks, nodes, grid, canvas, tissues, pose, rng)
    return nodes, hu + 10 * np.random.default_rng([seed, 9]).standard_normal(hu.shape), marks


def _around(hu, mask, other):
    """Mean HU inside, in 5 mm of tissue round it, and how steep the least steep border is."""
    z, y, x = (slice(max(v.min() - 7, 0), v.max() + 8) for v in np.nonzero(mask))
    spacing = (2.5, 1.0, 1.0)
    inside, hu, other = mask[z, y, x], hu[z, y, x], other[z, y, x]
    out = distance_transform_edt(~inside, spacing)
    deep = distance_transform_edt(inside, spacing)
    steep = gaussian_gradient_magnitude(hu, (0.4, 0.8, 0.8))
    shell = (out > 0) & (out <= 5) & ~other & (hu > -250) & (hu < 300)
    border = steep[(out <= 1.2) & (deep <= 1.2)]
    return hu[inside].mean(), hu[shell].mean(), np.percentile(border, 25)


def test_same_seed_same_bytes(pair):
    assert _hash(simulate_extension(11, True, match=4)) == _hash(pair[0])


def test_a_case_is_a_neck_ct_with_contours(pair):
    for case in pair:
        assert case.simulated == SIMULATED
        assert case.ct.GetPixelID() == sitk.sitkFloat32
        assert case.nodes.GetPixelID() == sitk.sitkUInt8
        assert Grid.of(case.ct).same_as(Grid.of(case.nodes))
        hu = sitk.GetArrayViewFromImage(case.ct)
        assert -1024 <= hu.min() < -950
        assert 1000 < hu.max() <= 3071
        bottom = case.ct.GetOrigin()[2]
        top = bottom + case.ct.GetSpacing()[2] * case.ct.GetSize()[2]
        assert top - case.nose_z >= 30  # the method's volume of interest fits in
        assert case.acromion_z - bottom >= 30


def test_label_only_where_extension_is_drawn(pair):
    with_extension, without = pair
    assert any(node.capsule == "extended" for node in with_extension.found)
    assert all(node.capsule == "intact" and not node.signs for node in without.found)
    for case in pair:
        for node in case.found:
            assert (node.capsule == "extended") == bool(node.signs)
            assert set(node.signs) <= set(SIGNS)


def test_contours_lie_on_the_nodes_on_the_side_they_say(pair):
    for case in pair:
        hu, marks = (sitk.GetArrayViewFromImage(image) for image in (case.ct, case.nodes))
        assert set(np.unique(marks)) == {0} | {node.label for node in case.found}
        middle = case.ct.TransformContinuousIndexToPhysicalPoint(
            [(n - 1) / 2 for n in case.ct.GetSize()]
        )
        for node in case.found:
            values = hu[marks == node.label]
            assert np.percentile(values, 10) > -5  # a necrotic core, no fat
            assert 40 < np.percentile(values, 90) < 160  # no bone, no vessel
            assert (node.centre[0] > middle[0]) == (node.side == "left")
            assert node.level in NODAL_LEVELS
            assert case.acromion_z < node.centre[2] < case.nose_z


def test_matched_pairs_cannot_be_told_by_header_position_or_number(pair):
    with_extension, without = pair
    assert with_extension.header == without.header
    assert Grid.of(with_extension.ct).same_as(Grid.of(without.ct))
    assert with_extension.nose_z == without.nose_z
    places = [[(node.level, node.side) for node in case.found] for case in pair]
    assert places[0] == places[1]
    assert with_extension.found != without.found


def test_nodes_differ_by_size_a_little_and_by_nothing_else():
    largest, others = {True: [], False: []}, {True: [], False: []}
    for seed in range(1500):
        extension = seed % 2 == 0
        spread = draw_spread(np.random.default_rng([seed, 0]))
        nodes = draw_nodes(np.random.default_rng([seed, 1]), spread, extension)
        big = max(nodes, key=lambda node: node.volume_ml)
        largest[extension].append(big.volume_ml)
        others[extension].append((len(nodes), big.necrosis, big.enhancement, big.rim, big.lobes))
        assert any(node.extended for node in nodes) == extension
        assert all(node.volume_ml <= 16 * EXTENSION_GROWS for node in nodes)
        assert {node.level for node in nodes} <= set(NODAL_LEVELS) - {"retropharyngeal"}
    assert 0.5 <= _auc(largest[True], largest[False]) <= 0.65
    for i in range(5):
        one, two = ([values[i] for values in others[k]] for k in (True, False))
        assert abs(_auc(one, two) - 0.5) < 0.05


def test_extension_draws_nothing_else_differently():
    spread = draw_spread(np.random.default_rng(5))
    one, two = (draw_nodes(np.random.default_rng(6), spread, label) for label in (True, False))
    for extended, intact in zip(one, two, strict=True):
        assert extended.seed == intact.seed
        assert extended.necrosis == intact.necrosis
        assert extended.enhancement == intact.enhancement


def test_borders_tell_what_mean_values_do_not(neck):
    extended, intact, less_steep = [], [], []
    for seed in range(9):
        both = [_measured(neck, seed, label) for label in (True, False)]
        for number, (node, values) in both[0].items():
            (extended if node.extended else intact).append(values)
            if node.extended and number in both[1]:
                less_steep.append(both[1][number][1][2] - values[2])
        intact += [values for _, values in both[1].values()]
    for i in (0, 1):
        assert 0.2 < _auc([v[i] for v in extended], [v[i] for v in intact]) < 0.8
    # The same node, at the same place, with and without a broken capsule.
    assert np.mean(less_steep) > 2.0
    assert np.mean(np.asarray(less_steep) > 0) > 0.6


def _measured(neck, seed, extension):
    nodes, hu, marks = _painted(neck, seed, extension)
    sizes = np.bincount(marks.ravel(), minlength=len(nodes) + 1)
    return {
        number: (node, _around(hu, marks == number, (marks > 0) & (marks != number)))
        for number, node in enumerate(nodes, 1)
        if sizes[number] > 100
    }
