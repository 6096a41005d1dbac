"""The box that an answer rests on, in the pictures of a report."""

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.spatial.transform import Rotation

from Testing.scene.small_patient import CENTRE

SIDES = (44.0, 62.0, 36.0)  # of the box, mm along R, A, S


def slice_at(origin, angles=(0, 0, 0)):
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    matrix[:3, 3] = origin
    return matrix


def area(polygon):
    x, y = polygon.T
    return 0.5 * abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))


def test_a_slice_along_the_axes_cuts_a_rectangle():
    from HNCLogic.scene.judged_box import cut
    from HNCLogic.scene.rois import corners_of

    corners = corners_of((-10, 30, 5, 25, 100, 140))
    outline = cut(corners, slice_at((0, 0, 120)))
    assert sorted(map(tuple, outline.round(6))) == [(-10, 5), (-10, 25), (30, 5), (30, 25)]
    assert len(cut(corners, slice_at((0, 0, 150)))) == 0
    on_its_face = cut(corners, slice_at((0, 0, 140)))
    assert area(on_its_face) == pytest.approx(40 * 20)


@pytest.mark.parametrize("angles", [(0, 0, 30), (20, -35, 10), (70, 15, -50)])
def test_an_oblique_slice_cuts_what_lies_in_the_box(angles):
    """Counted the other way round: the share of the slice's own points that are in the box."""
    from HNCLogic.scene.judged_box import cut
    from HNCLogic.scene.rois import corners_of

    box = (-22, 30, -14, 26, 95, 131)
    matrix = slice_at((3, 5, 112), angles)
    outline = cut(corners_of(box)[np.random.default_rng(0).permutation(8)], matrix)
    step = 0.25
    steps = np.arange(-70, 70, step)
    x, y = np.meshgrid(steps, steps)
    points = np.stack([x, y, np.zeros_like(x), np.ones_like(x)]).reshape(4, -1)
    ras = (matrix @ points)[:3]
    inside = np.all(
        [(low < a) & (a < high) for a, low, high in zip(ras, box[::2], box[1::2], strict=True)], 0
    )
    assert area(outline) == pytest.approx(inside.sum() * step**2, rel=0.01)
    within = points[:2, inside]
    assert outline.min(axis=0) == pytest.approx(within.min(axis=1), abs=2 * step)
    assert outline.max(axis=0) == pytest.approx(within.max(axis=1), abs=2 * step)


@pytest.fixture
def parotid_result():
    from HNCLogic import RESEARCH_USE
    from HNCLogic.job import Parotid, Result, SliceShare

    share = SliceShare(index=0, position_mm=CENTRE[2], attention=1.0, contribution=1.0)
    box = tuple(end for c, s in zip(CENTRE, SIDES, strict=True) for end in (c - s / 2, c + s / 2))
    said = Parotid(
        kind="benign",
        probabilities={"benign": 0.8, "malignant": 0.2},
        folds=[{"benign": 0.8, "malignant": 0.2}],
        fold_spread=0.0,
        slices=[share],
        box_mm=box,
        box_from="six numbers",
        planes="T2",
        model="parotid 1.0",
        trained_on="simulated parotids",
    )
    return Result(task="classify", research_use=RESEARCH_USE, parotid=said)


def test_the_pictures_show_the_box_where_it_is_and_as_large_as_it_is(tmp_path, ct, parotid_result):
    from HNCLogic.scene.application import start
    from HNCLogic.scene.build import SceneContent, build
    from HNCLogic.scene.judged_box import ON_DARK
    from HNCLogic.scene.views import PIXELS, render_views

    nodes = build(start(), SceneContent({"CT": ct}, parotid_result))
    assert nodes.focus == pytest.approx(CENTRE)
    pictures = render_views(nodes, tmp_path)
    axes = {"axial": (0, 1), "coronal": (0, 2), "sagittal": (1, 2)}
    for orientation, (across, up) in axes.items():
        path = next(tmp_path / name for name in pictures.values() if name.startswith(orientation))
        rgb = sitk.GetArrayFromImage(sitk.ReadImage(path)).astype(int)
        drawn = np.abs(rgb - np.array(ON_DARK) * 255).max(axis=-1) < 12
        # The name above it is as wide as its letters, so a line is what is drawn all along.
        rows = np.flatnonzero(drawn.sum(axis=1) > 60)
        columns = np.flatnonzero(drawn.sum(axis=0) > 60)
        mm = nodes.frames[orientation.capitalize()].side_mm / PIXELS
        assert (columns.max() - columns.min()) * mm == pytest.approx(SIDES[across], abs=4 * mm)
        assert (rows.max() - rows.min()) * mm == pytest.approx(SIDES[up], abs=4 * mm)
