"""The full scanner chain: projections, noise, recovery and SUV on phantoms of known answer."""

import numpy as np
import pytest
import torch
from scipy.special import erf

from HNCLogic.phantom.scanners.attenuation import attenuation, correction_map
from HNCLogic.phantom.scanners.camera import Camera
from HNCLogic.phantom.scanners.centres import CAMERA_MM, CENTRES, Protocol, camera_psf
from HNCLogic.phantom.scanners.full_chain import sensitivity_for
from HNCLogic.phantom.scanners.lines import Lines
from HNCLogic.phantom.scanners.projector import Projector
from Testing.unit.nema_phantom import DIAMETERS, EARL_1, EARL_GRIDS, RADIUS, NemaPhantom

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


@pytest.fixture(scope="module")
def north():
    return NemaPhantom(4.0, 4.0, CENTRES["north"].protocol)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("pixel", [2.0, 4.0, 7.0])
def test_back_projection_is_the_adjoint(pixel, device):
    rng = np.random.default_rng(0)
    lines = Lines(12, 40, 2.5)
    inside = rng.random((19, 19)) < 0.7  # some of it beyond the bins
    projector = Projector(inside, pixel, lines.angles(), lines, device)
    x = torch.from_numpy(rng.random((int(inside.sum()), 3), np.float32)).to(device)
    y = torch.from_numpy(rng.random((12 * 40, 3), np.float32)).to(device)
    there = (projector.forward(x).double() * y).sum()
    back = (x.double() * projector.back(y)).sum()
    assert there.item() == pytest.approx(back.item(), rel=1e-6)
    assert there > 0


def test_projections_are_line_integrals():
    """Of a disc: chords; of anything: each view holds the whole."""
    pixel, lines = 1.0, Lines(10, 60, 2.0)
    axis = np.arange(120) - 59.5
    disc = np.hypot(axis[:, None] - 7, axis[None] + 11) < 40
    projector = Projector(np.ones_like(disc), pixel, lines.angles(), lines)
    image = torch.from_numpy(disc.reshape(-1, 1).astype(np.float32))
    views = projector.forward(image).reshape(10, 60).numpy()
    assert views.sum(axis=1) * 2.0 == pytest.approx(disc.sum(), rel=1e-5)
    places = (np.arange(60) - 29.5) * 2.0
    for angle, view in zip(lines.angles(), views, strict=True):
        away = places - (-11 * np.cos(angle) + 7 * np.sin(angle))
        chords = 2 * np.sqrt(np.maximum(40**2 - away**2, 0))
        well_inside = np.abs(away) < 36
        assert np.abs(view - chords)[well_inside].max() < 1.0


def test_attenuation_of_known_tissues():
    air, water, soft, bone = attenuation([-1000, 0, 47, 1000])
    assert (air, water) == (pytest.approx(0), pytest.approx(0.0096))
    assert soft == pytest.approx(4.71e-3 + 5.10e-6 * 1047, rel=1e-3)
    assert 0.0140 < bone < 0.0155
    noise = -1000 + 8 * np.random.default_rng(0).standard_normal((9, 30, 30))
    assert not correction_map(noise, (4.0, 4.0, 4.0)).any()


def test_a_uniform_cylinder_comes_back_uniform_at_its_suv(north):
    suv = north.uptake(2.0)
    image = north.scan(suv, 5.0, 400.0, unwanted=0.4)
    for inner in (0, 20, 40, 60, 80):
        ring = (north.from_axis >= inner) & (north.from_axis < inner + 20)
        assert image[2:-2, ring].mean() == pytest.approx(2.0, rel=0.05), inner
    means = image[2:-2, north.from_axis < 95].mean(axis=1)
    assert means == pytest.approx(np.full(len(means), 2.0), rel=0.05)
    outside = north.from_axis > RADIUS + 8
    assert image[2:-2, outside & north.camera.inside].mean() < 0.15
    uncorrected = north.scan(suv, 5.0, 400.0, 0.4, believed=0 * north.water)
    middle = uncorrected[2:-2, north.from_axis < 20].mean()
    assert middle < 0.35 * 2.0  # attenuation is there to be corrected
    assert middle < 0.8 * uncorrected[2:-2, (north.from_axis > 80) & (north.from_axis < 95)].mean()


@pytest.mark.parametrize("name", CENTRES)
@pytest.mark.parametrize("cov", [0.08, 0.15])
def test_liver_is_as_noisy_as_asked_for(name, cov):
    protocol, spacing = CENTRES[name].protocol, CENTRES[name].pet_spacing
    phantom = NemaPhantom(spacing[0], spacing[2], protocol)
    wanted = sensitivity_for(cov, phantom.camera, phantom.grid, protocol, 5.0, 0.3)
    image = phantom.scan(phantom.uptake(2.0, finer=1), 5.0, wanted, 0.3, seed=8)
    middle = image[3:-3, phantom.from_axis < 60]
    assert middle.std() / middle.mean() == pytest.approx(cov, rel=0.1)
    assert middle.mean() == pytest.approx(2.0, rel=0.05)


@pytest.mark.parametrize("name", EARL_GRIDS)
def test_spheres_recover_as_accredited_scanners_do(name):
    """Sphere to background 10:1 as EARL asks; 6 mm camera, 5 mm filter, so 7.8 mm together."""
    pixel, slice_mm, *protocol = EARL_GRIDS[name]
    phantom = NemaPhantom(pixel, slice_mm, Protocol(*protocol, 5.0))
    image = phantom.scan(phantom.uptake(1.0, 10.0), 6.0, 1e3, 0.3)
    recovered = phantom.recovery(image, 10.0)
    means = [mean for _, mean in recovered]
    assert means == sorted(means)
    for diameter, found in zip(DIAMETERS, recovered, strict=True):
        for value, (least, most) in zip(found, EARL_1[diameter], strict=True):
            assert least <= value <= most, (diameter, found)


@pytest.mark.parametrize("name", CENTRES)
def test_the_image_is_as_sharp_as_the_centre_says(name):
    """The middle of a sphere of radius R blurred by a Gaussian of standard deviation s has
    erf(R / (√2 s)) - √(2/π) (R / s) exp(-R² / (2 s²)) of its contrast."""
    centre, protocol = CENTRES[name], CENTRES[name].protocol
    phantom = NemaPhantom(centre.pet_spacing[0], centre.pet_spacing[2], protocol)
    for resolution in centre.psf_mm:
        psf = camera_psf(resolution, protocol.filter_mm)
        assert CAMERA_MM[0] <= psf <= CAMERA_MM[1]
        image = phantom.scan(phantom.uptake(1.0, 10.0), psf, 1e3, 0.2)
        highest = [top for top, _ in phantom.recovery(image, 10.0)]
        for diameter, top in zip(DIAMETERS, highest, strict=True):
            ratio = diameter / 2 / (resolution / 2.3548)
            contrast = erf(ratio / np.sqrt(2)) - np.sqrt(2 / np.pi) * ratio * np.exp(
                -(ratio**2) / 2
            )
            assert top == pytest.approx(0.1 + 0.9 * contrast, abs=0.13), (diameter, resolution)


def test_views_must_part_evenly():
    with pytest.raises(ValueError, match="200 views"):
        Camera(np.ones((8, 8), bool), 4.0, 4.0, 200, 33)
