"""MR of simulated patients: signals from physics, each role on its own, all in one space."""

import hashlib

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.ndimage import binary_erosion

from HNCLogic.errors import InputError
from HNCLogic.images.grid import Grid
from HNCLogic.phantom.body.pose import Pose
from HNCLogic.phantom.body.shapes import Canvas, ellipsoid
from HNCLogic.phantom.body.tissues import LABEL, NAMES
from HNCLogic.phantom.mr.images import acquire, simulate_mr
from HNCLogic.phantom.mr.sequences import HABITS, ROLES, Sequence, draw_protocol, signal
from HNCLogic.phantom.mr.study import plan_study
from HNCLogic.phantom.mr.susceptibility import field_ppm, shift_mm
from HNCLogic.phantom.mr.tissues import MR_TISSUES, Relaxation, columns
from HNCLogic.phantom.scanners.centres import CENTRES

# Columns of tissue through a cylinder of muscle, 30 mm wide.
BLOCKS = ("csf", "fat", "muscle", "parotid", "white matter", "tumour", "tonsil", "necrosis",
          "tongue")  # fmt: skip
WHERE = dict(zip(BLOCKS, [(x, y) for x in (-36, 0, 36) for y in (-36, 0, 36)], strict=True))


def _pose(offset=(30.0, -20.0, -400.0), turn=0.0) -> Pose:
    """A patient moved by ``offset`` and, for what is not at the origin, nodding a little."""
    z, y, x = np.meshgrid(*[np.arange(-200.0, 201.0, 20.0)] * 3, indexing="ij")
    shift = np.stack([0 * x, turn * z, -turn * y], axis=-1) - np.asarray(offset)
    image = sitk.GetImageFromArray(shift, isVector=True)
    image.SetSpacing([20.0] * 3)
    image.SetOrigin([float(v - 200.0) for v in offset])
    low, high = np.asarray(offset) - 200, np.asarray(offset) + 200
    return Pose(sitk.DisplacementFieldTransform(image), low, high, np.asarray(offset))


@pytest.fixture(scope="module")
def canvas() -> Canvas:
    canvas = Canvas((-110, -110, -70), (110, 110, 70), 2.0)
    x, y, _ = canvas.axes
    body = np.hypot(x[None, :], y[:, None]) < 88
    canvas.labels[:, body] = LABEL["neck muscle"]
    for name, (a, b) in WHERE.items():
        column = (np.abs(x - a) < 15)[None, :] & (np.abs(y - b) < 15)[:, None]
        canvas.labels[:, column] = LABEL[name]
    return canvas


@pytest.fixture(scope="module")
def scanned(canvas):
    """All roles of the table's own tissues, with the places of the blocks on each grid."""
    study = plan_study(_pose(), np.random.default_rng(1), centre=(0, 0, 0), length_mm=24.0)
    images = acquire(canvas, study, ROLES, columns(), np.random.default_rng(2))
    arrays = {role: sitk.GetArrayFromImage(image) for role, image in images.items()}
    inner = np.zeros_like(canvas.labels)  # away from the edges, which bent images mix
    for name in BLOCKS:
        core = binary_erosion(canvas.labels == LABEL[name], np.ones((1, 3, 3)), iterations=3)
        inner[core] = LABEL[name]
    inner = sitk.GetImageFromArray(inner)
    inner.SetSpacing([canvas.spacing] * 3)
    inner.SetOrigin([float(v) for v in canvas.low])
    inside = {}
    for role in ROLES:
        acquisition = study["DWI-b0" if role == "ADC" else role]
        seen = acquisition.grid.empty()
        seen = sitk.Resample(inner, seen, acquisition.to_canvas, sitk.sitkNearestNeighbor, 0)
        labels = sitk.GetArrayFromImage(seen)
        inside[role] = {name: labels == LABEL[name] for name in BLOCKS}
        assert min(mask.sum() for mask in inside[role].values()) > 300
    return study, arrays, inside


def _hash(image: sitk.Image) -> str:
    content = sitk.GetArrayViewFromImage(image).tobytes() + repr(Grid.of(image)).encode()
    return hashlib.sha256(content).hexdigest()


def test_every_tissue_has_properties_that_can_be():
    assert set(NAMES) <= set(MR_TISSUES)
    for name, row in MR_TISSUES.items():
        assert row.t1 > row.t2 > 0, name
        assert 0 <= row.density <= 1, name
        assert 0 <= row.adc <= 3.1, name  # free water at 37 °C: 3.0
        assert 0 <= row.fat <= 0.95, name


def test_every_centre_has_habits():
    assert set(HABITS) == set(CENTRES)
    suppressed = [
        np.mean([draw_protocol(np.random.default_rng(n), h)["T2"].fat_left < 1 for n in range(60)])
        for h in HABITS.values()
    ]
    assert suppressed == pytest.approx([h.t2_suppressed for h in HABITS.values()], abs=0.2)


def test_signals_follow_the_equations():
    table = columns({255: Relaxation(1000.0, 100.0, 0.5, 1.0, 0.4)})
    echo = signal(Sequence("spin echo", 1000.0, 100.0), table)[255]
    assert echo == pytest.approx(0.5 * (1 - np.exp(-1)) * np.exp(-1))
    diffusion = [signal(Sequence("diffusion", 4e3, 70.0, b=b), table)[255] for b in (0, 1000)]
    assert diffusion[1] / diffusion[0] == pytest.approx(np.exp(-1))
    # At Ernst's angle a spoiled gradient echo is as strong as it gets.
    ernst = np.degrees(np.arccos(np.exp(-5.0 / 1000.0)))
    strength = [
        signal(Sequence("gradient echo", 5.0, 1.5, flip=ernst + by), table)[255]
        for by in (-2, 0, 2)
    ]
    assert max(strength) == strength[1]
    plain, enhanced = (
        signal(Sequence("gradient echo", 5.0, 1.5, flip=12, contrast=c), table)[255]
        for c in (False, True)
    )
    assert enhanced > 1.4 * plain


@pytest.mark.parametrize("seed", range(5))
def test_any_protocol_gives_the_contrasts_readers_know(seed):
    protocol, table = draw_protocol(np.random.default_rng(seed)), columns()
    s = {role: dict(zip(NAMES, signal(q, table), strict=False)) for role, q in protocol.items()}
    assert s["T1"]["fat"] > 1.5 * s["T1"]["white matter"] > 1.5 * s["T1"]["grey matter"]
    assert s["T1"]["csf"] < 0.6 * s["T1"]["muscle"]
    assert s["T2"]["csf"] > 1.5 * s["T2"]["grey matter"] > 1.5 * s["T2"]["white matter"]
    assert s["T2"]["muscle"] < 0.5 * s["T2"]["tumour"]
    assert s["CE-T1"]["vessel"] > s["CE-T1"]["tumour"] > 1.2 * s["CE-T1"]["muscle"]
    assert s["CE-T1"]["fat"] < 0.6 * s["CE-T1"]["muscle"]
    assert s["DWI-b1000"]["tonsil"] > 3 * s["DWI-b1000"]["muscle"]
    assert s["DWI-b1000"]["csf"] < 0.3 * s["DWI-b0"]["csf"]


def test_images_show_these_contrasts(scanned):
    _, arrays, inside = scanned
    mean = {r: {n: arrays[r][inside[r][n]].mean() for n in BLOCKS} for r in ROLES}
    assert mean["T1"]["fat"] > 1.5 * mean["T1"]["muscle"]
    assert mean["T1"]["csf"] < 0.7 * mean["T1"]["muscle"]
    assert mean["T2"]["csf"] > 1.5 * mean["T2"]["tumour"] > 3 * mean["T2"]["muscle"]
    assert mean["CE-T1"]["fat"] < 0.7 * mean["CE-T1"]["muscle"] < 0.6 * mean["CE-T1"]["tumour"]
    assert mean["DWI-b1000"]["tonsil"] > 2.5 * mean["DWI-b1000"]["muscle"]


def test_adc_is_that_of_the_two_images_and_of_the_table(scanned):
    _, arrays, inside = scanned
    adc, b0, b1000 = (arrays[role] for role in ("ADC", "DWI-b0", "DWI-b1000"))
    known = (adc > 0) & (adc < 4095) & (b1000 >= 1)
    again = np.log(b0[known] / b1000[known]) * 1000
    assert np.abs(adc[known] - again).max() <= 0.51
    for name in set(BLOCKS) - {"fat", "parotid", "tongue"}:
        wanted = 1000 * MR_TISSUES[name].adc
        if name == "csf":  # what is left of it at b = 1000 is about the noise
            continue
        assert np.median(adc[inside["ADC"][name]]) == pytest.approx(wanted, rel=0.10), name
    assert np.median(adc[inside["ADC"]["csf"]]) > 2400
    assert np.median(adc[inside["ADC"]["fat"]]) < 600
    assert np.mean(adc[:, :4] == 0) > 0.999  # beyond the body


def test_noise_is_rician(scanned):
    study, arrays, _ = scanned
    for role in ("T1", "T2", "CE-T1", "DWI-b0", "DWI-b1000"):
        corner = arrays[role][:, :12, :12].astype(float)
        sigma = study[role].sequence.noise * study[role].sequence.gain
        assert corner.mean() == pytest.approx(np.sqrt(np.pi / 2) * sigma, rel=0.05), role
        assert corner.std() == pytest.approx(np.sqrt(2 - np.pi / 2) * sigma, rel=0.1), role


def test_same_seed_same_bytes_and_one_role_more_changes_no_other(canvas):
    def images(*roles, seed=4):
        rng = np.random.default_rng(seed)
        return simulate_mr(canvas, _pose(), roles, rng, centre=(0, 0, 0), length_mm=16.0)

    everything = images(*ROLES)
    assert list(everything) == list(ROLES)
    for roles in (("T2",), ("ADC", "T1"), ("DWI-b1000",), ("CE-T1", "DWI-b0")):
        for role, image in images(*roles).items():
            assert _hash(image) == _hash(everything[role]), role
    assert _hash(images("T1", seed=5)["T1"]) != _hash(everything["T1"])
    with pytest.raises(InputError, match="unknown MR role 'FLAIR'"):
        images("FLAIR")


def test_values_and_grids_are_those_of_scanners(canvas):
    images = simulate_mr(
        canvas, _pose(turn=0.05), ROLES, np.random.default_rng(6), centre=(0, 0, 0), length_mm=16.0
    )
    grids = {role: Grid.of(image) for role, image in images.items()}
    for role, image in images.items():
        values = sitk.GetArrayViewFromImage(image)
        assert image.GetPixelID() == sitk.sitkFloat32
        assert values.min() >= 0
        assert values.max() < 32768
        assert np.array_equal(values, np.round(values))
        spacing = grids[role].spacing
        low, high = (1.8, 2.3) if "DWI" in role or role == "ADC" else (0.6, 0.8)
        assert low < spacing[0] == spacing[1] < high
        assert 3.5 < spacing[2] < 5
        assert np.abs(grids[role].matrix - np.eye(3)).max() > 0.01
        assert np.linalg.det(grids[role].matrix) == pytest.approx(1)
    assert grids["DWI-b0"].same_as(grids["DWI-b1000"])
    assert grids["DWI-b0"].same_as(grids["ADC"])
    assert len({grids[role].direction for role in ("T1", "T2", "CE-T1", "DWI-b0")}) == 4


@pytest.mark.parametrize(("role", "tissue"), [("T2", "csf"), ("CE-T1", "vessel"), ("T1", "fat")])
def test_oblique_grids_show_a_structure_where_it_is(role, tissue):
    """A bright ball in muscle lies, in LPS mm, where the pose says, but for the motion."""
    canvas, pose = Canvas((-90, -90, -60), (90, 90, 60), 2.0), _pose(turn=0.15)
    canvas.paint(LABEL["muscle"], ellipsoid((0, 0, 0), (80, 80, 200)))
    place = (31.0, -27.0, 14.0)
    canvas.paint(LABEL[tissue], ellipsoid(place, (10, 10, 10)))
    image = simulate_mr(
        canvas, pose, (role,), np.random.default_rng(8), centre=(0, 0, 0), length_mm=80.0
    )[role]
    values = sitk.GetArrayFromImage(image)
    grid = Grid.of(image)
    there = grid.indices(pose.scanner_point(place)[None])[0]
    x, y, z = (np.arange(n) - c for n, c in zip(grid.size, there, strict=True))
    near = (
        (np.abs(z * grid.spacing[2]) < 18)[:, None, None]
        & (np.abs(y * grid.spacing[1]) < 18)[None, :, None]
        & (np.abs(x * grid.spacing[0]) < 18)[None, None]
    )
    low, high = np.percentile(values[near], [20, 99])
    bright = np.argwhere(near & (values > (low + high) / 2))[:, ::-1]
    found = grid.points(bright.mean(axis=0)[None])[0]
    assert np.linalg.norm(found - pose.scanner_point(place)) < 3.0


def test_air_bends_the_field_like_a_magnetised_ball():
    axis = np.arange(-60, 61, 3.0)
    z, y, x = np.meshgrid(axis, axis, axis, indexing="ij")
    air = ((x**2 + y**2 + z**2) < 12**2).astype(np.float32)
    field = field_ppm(air, air < 0.5, 3.0)
    middle, far = 20, 28  # 24 mm from the centre: twice the radius
    # Ball in a field along z: a third of 9.4 ppm, (a / r)³ (3 cos² - 1).
    wanted = 9.4 / 3 / 8 * 3
    assert field[far, middle, middle] - field[middle, far, middle] == pytest.approx(wanted, rel=0.3)
    there, back = (shift_mm(field, 3.0, 2.0, hertz) for hertz in (30.0, -30.0))
    assert np.allclose(there, -back)
    assert 1 < np.abs(there).max() <= 9
