"""The pictures: the patient's right on the left, lesions outlined where they are, heat where it is.

The patient is asymmetric on every axis and lies oblique in flipped voxels, so a picture that is
mirrored, shifted or out of scale fails.
"""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from HNCLogic.scene.application import SLICE_VIEWS, start
from HNCLogic.scene.build import SceneContent, build
from HNCLogic.scene.layers import HEAT_LAYER
from HNCLogic.scene.mip import DIRECTIONS, project, straighten
from HNCLogic.scene.segments import PRIMARY_COLOUR, colours
from HNCLogic.scene.views import PIXELS, render_views, sides
from HNCLogic.scene.volumes import vtk_matrix
from Testing.scene.small_patient import CENTRE, HOTTEST, NODE, PRIMARY, RADII

REPOSITORY = Path(__file__).resolve().parents[2]
# orientation → RAS axes across and up the picture, and the sign with which each grows
PLANES = {"Axial": ((0, -1), (1, 1)), "Coronal": ((0, -1), (2, 1)), "Sagittal": ((1, -1), (2, 1))}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory, ct, pet, labels, heat, result):
    """The case, its folder of pictures, and caption → file name."""
    folder = tmp_path_factory.mktemp("views")
    content = SceneContent(
        images={"PET": pet, "CT": ct}, labels=labels, heatmap=heat, result=result
    )
    nodes = build(start(), content)
    return nodes, folder, render_views(nodes, folder)


@pytest.fixture(scope="module")
def drawn_alone(tmp_path_factory, pet, labels, result):
    folder = tmp_path_factory.mktemp("alone")
    nodes = build(start(), SceneContent({"PET": pet}, result, labels=labels))
    return nodes, folder, render_views(nodes, folder)


def pixels(path: Path) -> np.ndarray:
    """RGB of a picture, axes (row from the top, column, colour), as whole numbers."""
    return sitk.GetArrayFromImage(sitk.ReadImage(path)).astype(int)


def near(rgb: np.ndarray, colour, tolerance: float = 40) -> np.ndarray:
    return np.abs(rgb - np.asarray(colour) * 255).max(axis=-1) < tolerance


def middle(mask: np.ndarray) -> np.ndarray:
    """Column and row of the middle of what a mask covers."""
    rows, columns = np.nonzero(mask)
    return np.array([columns.min() + columns.max(), rows.min() + rows.max()]) / 2


def expected(nodes, orientation: str, at) -> np.ndarray:
    """Column and row at which a RAS position ought to be."""
    frame = nodes.frames[orientation]
    scale = PIXELS / frame.side_mm
    (across, across_sign), (up, up_sign) = PLANES[orientation]
    offset = np.asarray(at) - frame.centre
    return PIXELS / 2 + scale * np.array([across_sign * offset[across], -up_sign * offset[up]])


def picture_area(rgb: np.ndarray) -> np.ndarray:
    """The picture without the names and colour bars at its right and lower border."""
    kept = rgb.copy()
    kept[:, 780:] = 0
    kept[740:] = 0
    return kept


def test_every_picture_is_there_and_of_its_size(drawn):
    _, folder, written = drawn
    assert sorted(written.values()) == sorted(os.listdir(folder))
    assert set(written.values()) == {
        *(
            f"{plane}{kind}.png"
            for plane in ("axial", "coronal", "sagittal")
            for kind in ("", "-heat")
        ),
        "mip-anterior.png",
        "mip-left.png",
    }
    assert "Axial: CT + FDG PET" in written
    assert "Coronal: CT + heat map (Grad-CAM)" in written
    for name in written.values():
        assert pixels(folder / name).shape == (PIXELS, PIXELS, 3)


@pytest.mark.parametrize("orientation", PLANES)
def test_the_primary_is_outlined_in_its_colour_where_it_is(drawn, orientation):
    nodes, folder, _ = drawn
    rgb = picture_area(pixels(folder / f"{orientation.lower()}.png"))
    outline = near(rgb, PRIMARY_COLOUR)
    assert outline.sum() > 200
    assert middle(outline) == pytest.approx(expected(nodes, orientation, PRIMARY), abs=14)
    width = np.ptp(np.nonzero(outline)[1]) * nodes.frames[orientation].side_mm / PIXELS
    assert width == pytest.approx(2 * RADII[1], abs=5.0)  # voxels are 3.6 mm and oblique


@pytest.mark.parametrize("orientation", PLANES)
def test_uptake_is_warm_inside_the_outline_and_nowhere_else(drawn, orientation):
    nodes, folder, _ = drawn
    rgb = picture_area(pixels(folder / f"{orientation.lower()}.png"))
    warm = (rgb[..., 0] - rgb[..., 2] > 60) & (rgb[..., 0] > 120)
    warm[:60], warm[:, :60] = False, False  # the amber letters at the border
    warm[400:500, :60], warm[400:500, -130:] = False, False
    warm[700:, :300] = False
    found = middle(warm)
    assert found == pytest.approx(expected(nodes, orientation, PRIMARY), abs=14)
    assert warm.sum() * (nodes.frames[orientation].side_mm / PIXELS) ** 2 == pytest.approx(
        np.pi * RADII[1] ** 2, rel=0.6
    )


def test_the_patients_right_is_on_the_left_and_the_face_is_up(drawn):
    """Said plainly, apart from the arithmetic above: radiological convention."""
    _, folder, _ = drawn
    for name, (column, row) in {
        "axial.png": (-1, -1),  # right and in front: upper left
        "coronal.png": (-1, -1),  # right and above: upper left
        "sagittal.png": (-1, -1),  # in front and above: upper left
        "mip-anterior.png": (-1, -1),
        "mip-left.png": (-1, -1),
    }.items():
        primary = middle(near(picture_area(pixels(folder / name)), PRIMARY_COLOUR, 60))
        assert np.sign(primary - PIXELS / 2) == pytest.approx((column, row)), name


def test_the_letters_follow_the_slices_axes():
    axial = np.array([[-1.0, 0, 0], [0, 1, 0], [0, 0, 1]])
    mirrored = np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 1]])
    sagittal = np.array([[0.0, 0, 1], [-1, 0, 0], [0, 1, 0]])
    tilted = np.array([[-0.9, 0.1, 0.4], [0.3, 0.2, 0.9], [0, 0.97, -0.2]])
    for axes, letters in (
        (axial, ("R", "L", "P", "A")),
        (mirrored, ("L", "R", "P", "A")),
        (sagittal, ("A", "P", "I", "S")),
        (tilted, ("R", "L", "I", "S")),
    ):
        matrix = np.eye(4)
        matrix[:3, :3] = axes
        assert sides(vtk_matrix(matrix)) == letters


def test_slicers_own_planes_have_radiological_letters(drawn):
    nodes, _, _ = drawn
    letters = {
        orientation: sides(nodes.application.slice_logic(view).GetSliceNode().GetSliceToRAS())
        for view, orientation in SLICE_VIEWS.items()
    }
    assert letters == {
        "Axial": ("R", "L", "P", "A"),
        "Coronal": ("R", "L", "I", "S"),
        "Sagittal": ("A", "P", "I", "S"),
    }


@pytest.mark.parametrize("orientation", PLANES)
def test_the_heat_map_is_violet_where_it_is_hottest(drawn, orientation):
    nodes, folder, _ = drawn
    heat = picture_area(pixels(folder / f"{orientation.lower()}-heat.png"))
    violet = (heat[..., 0] - heat[..., 1] > 50) & (heat[..., 2] - heat[..., 1] > 50)
    assert middle(violet) == pytest.approx(expected(nodes, orientation, HOTTEST), abs=16)
    without = picture_area(pixels(folder / f"{orientation.lower()}.png"))
    assert not (
        (without[..., 0] - without[..., 1] > 50) & (without[..., 2] - without[..., 1] > 50)
    ).any()
    warm = (heat[..., 0] - heat[..., 2] > 60) & (heat[..., 1] - heat[..., 2] > 30)
    assert not warm[100:400, 100:700].any()  # the PET is not under it
    assert (near(heat, PRIMARY_COLOUR)).sum() > 200  # the outline is
    if orientation == "Axial":  # far from the hottest point the CT is as it was
        cool = (CENTRE[0] - 30, CENTRE[1] + 5, nodes.focus[2])
        column, row = np.rint(expected(nodes, orientation, cool)).astype(int)
        assert heat[row, column] == pytest.approx((128, 128, 128), abs=3)


def test_the_ct_is_seen_under_little_uptake_in_its_window(drawn):
    nodes, folder, _ = drawn
    rgb = pixels(folder / "axial.png")
    muscle = CENTRE + np.array([-30.0, 5.0, nodes.focus[2] - CENTRE[2]])
    column, row = np.rint(expected(nodes, "Axial", muscle)).astype(int)
    grey = rgb[row - 3 : row + 4, column - 3 : column + 4].reshape(-1, 3)
    assert grey == pytest.approx(np.full_like(grey, 128), abs=3)  # 40 HU is the window's middle
    air = rgb[row, 4]
    assert (air == 0).all()


def test_scale_bar_has_the_length_it_says(drawn):
    nodes, folder, _ = drawn
    rgb = pixels(folder / "coronal.png")
    white = (rgb[870:884] > 200).all(axis=-1).sum(axis=0) > 0
    right = np.nonzero(white)[0]
    length = np.ptp(right[right > PIXELS / 2 + 40]) * nodes.frames["Coronal"].side_mm / PIXELS
    assert min(abs(length - mm) for mm in (10, 20, 50)) < 1.0


def test_views_are_left_as_they_were(drawn):
    nodes, _, _ = drawn
    for view, orientation in SLICE_VIEWS.items():
        logic = nodes.application.slice_logic(view)
        composite = logic.GetSliceCompositeNode()
        assert composite.GetForegroundOpacity() == pytest.approx(0.6)
        assert composite.GetNthLayerOpacity(HEAT_LAYER) == pytest.approx(0.6)
        assert logic.GetSliceNode().GetFieldOfView()[0] == pytest.approx(
            nodes.frames[orientation].side_mm
        )


def test_pet_alone_is_dark_uptake_on_white(drawn_alone):
    nodes, folder, written = drawn_alone
    assert set(written.values()) == {
        "axial.png",
        "coronal.png",
        "sagittal.png",
        "mip-anterior.png",
        "mip-left.png",
    }
    for orientation in PLANES:
        rgb = pixels(folder / f"{orientation.lower()}.png")
        column, row = np.rint(expected(nodes, orientation, PRIMARY)).astype(int)
        assert (rgb[row, column] < 10).all()
        assert (rgb[PIXELS // 2 + 60, 4] > 230).all()
        outline = near(rgb[:740, :780], PRIMARY_COLOUR)
        assert middle(outline) == pytest.approx((column, row), abs=14)


@pytest.mark.parametrize("direction", DIRECTIONS, ids=lambda one: one.file)
def test_mip_marks_each_lesion_over_its_uptake(drawn, direction):
    nodes, folder, _ = drawn
    rgb = pixels(folder / direction.file)
    box = nodes.body
    across = direction.across
    side = max(box.size[across], box.size[2]) * 1.08
    colour_of = colours(nodes.content.result.lesions)
    for label, at in ((1, PRIMARY), (2, NODE)):
        offset = (np.asarray(at) - box.centre)[[across, 2]] * (-1, -1)
        column, row = PIXELS / 2 + offset * PIXELS / side
        outline = near(rgb[:740, :780], colour_of[label], 30)
        assert middle(outline) == pytest.approx((column, row), abs=16), label
        inside = rgb[round(row) - 5 : round(row) + 6, round(column) - 5 : round(column) + 6]
        darkest = 0 if label == 1 else 255 * (1 - 6.0 / 10.0)
        assert inside.mean() == pytest.approx(darkest, abs=14)


def test_a_plane_names_the_lesions_that_it_cuts_and_a_mip_all(drawn):
    nodes, folder, _ = drawn
    colour_of = colours(nodes.content.result.lesions)
    for name, labels in {
        "axial.png": {1},
        "coronal-heat.png": {1},
        "sagittal.png": {1},
        "mip-anterior.png": {1, 2},
    }.items():
        corner = pixels(folder / name)[740:860, 600:]
        named = {
            label for label, colour in colour_of.items() if near(corner, colour, 12).sum() > 100
        }
        assert named == labels, name


def test_an_oblique_pet_is_laid_straight_for_the_mip(pet):
    straight = straighten(pet, sitk.sitkLinear)
    assert np.allclose(np.reshape(straight.GetDirection(), (3, 3)), np.eye(3), atol=1e-9)
    array = sitk.GetArrayFromImage(straight)
    where = np.array(np.unravel_index(array.argmax(), array.shape))[::-1]
    at = np.array(straight.TransformContinuousIndexToPhysicalPoint(where.astype(float).tolist()))
    assert at * (-1, -1, 1) == pytest.approx(PRIMARY, abs=4.0)
    for direction in DIRECTIONS:
        assert project(straight, direction).shape[0] == straight.GetSize()[2]


def test_a_straight_pet_is_not_resampled_for_the_mip():
    array = np.random.default_rng(1).random((6, 7, 8)).astype(np.float32)
    image = sitk.GetImageFromArray(array)
    image.SetDirection(np.diag([-1.0, 1.0, -1.0]).ravel())
    assert np.array_equal(
        np.sort(sitk.GetArrayFromImage(straighten(image, sitk.sitkLinear)).ravel()),
        np.sort(array.ravel()),
    )


def test_no_lesions_and_no_ct_still_give_pictures(tmp_path, pet, labels, result):
    bare = result.model_copy(update={"lesions": [], "totals": [], "explanation": None})
    nodes = build(start(), SceneContent({"PET": pet}, bare, labels=labels * 0))
    written = render_views(nodes, tmp_path)
    for name in written.values():
        rgb = pixels(tmp_path / name)
        assert not near(rgb, PRIMARY_COLOUR).any()
        assert rgb.std() > 10


DRAW_SOMETHING = """
from pathlib import Path
from HNCLogic.errors import InputError
from HNCLogic.scene.application import start
from HNCLogic.scene.window import Canvas
start()
try:
    canvas = Canvas(64, 48)
    canvas.save(canvas.renderer((1, 0, 0)), Path(r"{path}"))
    print("drawn")
except InputError as error:
    print("refused:", error)
"""


def test_without_any_opengl_there_is_a_clear_line_and_no_crash(tmp_path):
    """VTK by itself ends the process there."""
    hidden = {
        name: value
        for name, value in os.environ.items()
        if name not in ("DISPLAY", "WAYLAND_DISPLAY", "VTK_DEFAULT_OPENGL_WINDOW")
    }
    hidden["__EGL_VENDOR_LIBRARY_FILENAMES"] = "/nonexistent"
    done = subprocess.run(
        [sys.executable, "-c", DRAW_SOMETHING.format(path=tmp_path / "it.png")],
        cwd=REPOSITORY,
        env=hidden,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    if done.stdout.startswith("refused:"):
        assert "install libegl1" in done.stdout
        assert not (tmp_path / "it.png").exists()
    else:  # OSMesa, or a platform with a window system of its own
        assert done.stdout.strip() == "drawn"
        assert (pixels(tmp_path / "it.png")[24, 32] == (255, 0, 0)).all()
    assert done.stderr == ""
