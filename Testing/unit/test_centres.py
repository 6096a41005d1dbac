"""Virtual hospitals: how many, how different, and how they are drawn."""

import numpy as np
import pytest

from HNCLogic.phantom.scanners.centres import (
    CAMERA_MM,
    CENTRES,
    FARTHEST_MM,
    draw_centre,
    draw_misregistration,
)


def test_a_held_out_centre_is_never_drawn_and_the_others_by_their_shares():
    rng = np.random.default_rng(0)
    names = [draw_centre(rng).name for _ in range(4000)]
    assert [c.name for c in CENTRES.values() if c.held_out] == ["west"]
    assert len(CENTRES) >= 4
    for centre in CENTRES.values():
        assert names.count(centre.name) / 4000 == pytest.approx(centre.share, abs=0.03)
    assert sum(centre.share for centre in CENTRES.values()) == pytest.approx(1)
    assert names.count("west") == 0


def test_centres_stay_within_what_real_ones_do():
    grids = {(c.pet_spacing, c.pet_matrix) for c in CENTRES.values()}
    assert len(grids) == len(CENTRES)
    assert {((4.0, 4.0, 4.0), 144), ((2.3, 2.3, 2.8), 256)} <= grids
    for name, centre in CENTRES.items():
        protocol = centre.protocol
        assert centre.name == name
        assert (protocol.iterations, protocol.subsets) in ((3, 33), (2, 21))
        assert protocol.views % protocol.subsets == 0
        assert 2 <= protocol.filter_mm <= 5
        assert CAMERA_MM[0] <= centre.camera_mm[0] < centre.camera_mm[1] <= CAMERA_MM[1]
        assert centre.psf_mm[0] ** 2 == pytest.approx(
            centre.camera_mm[0] ** 2 + protocol.filter_mm**2
        )
        assert 0.08 <= centre.liver_cov[0] < centre.liver_cov[1] <= 0.15
        assert centre.node_median_ml == {"main": 2.7, "external": 0.7}[centre.cohort]
        assert centre.pet_matrix * centre.pet_spacing[0] > 550  # shoulders are in it


def test_misregistration_as_stated():
    rng = np.random.default_rng(1)
    shifts = np.array([draw_misregistration(rng) for _ in range(4000)])
    distances = np.linalg.norm(shifts, axis=1)
    assert distances.max() <= FARTHEST_MM
    assert np.median(distances) == pytest.approx(1.8, abs=0.1)
    assert np.quantile(distances, 0.9) == pytest.approx(3.2, abs=0.15)
    assert np.abs(shifts.mean(axis=0)).max() < 0.15  # no direction is preferred
    assert shifts.std(axis=0) == pytest.approx(np.full(3, shifts.std()), rel=0.05)
