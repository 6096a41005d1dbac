"""The small patient's images, labels and result; an empty application."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from HNCLogic.images.grid import Grid, ras
from HNCLogic.job import (
    Explanation,
    FoldAnswer,
    Presence,
    Provenance,
    Result,
    SliceHeat,
    Totals,
    WindowAnswer,
)
from HNCLogic.scene.application import Application, start
from HNCLogic.scene.build import SceneContent
from Testing.scene.small_patient import (
    CENTRE,
    FLIPPED,
    HOTTEST,
    NODE,
    PRIMARY,
    RADII,
    TURNED,
    body_of,
    distance,
    grid_around,
    lesion,
    positions,
)


@pytest.fixture(scope="session")
def ct() -> sitk.Image:
    grid = grid_around(CENTRE, (96, 88, 60), (2.1, 2.6, 2.9), TURNED)
    where = positions(grid)
    array = np.where(body_of(where), 40.0, -1000.0)
    array[distance(where, CENTRE - np.array([0, 40, 0])) < 14] = 900.0  # a vertebra
    return grid.image(array.astype(np.float32))


@pytest.fixture(scope="session")
def pet() -> sitk.Image:
    grid = grid_around(CENTRE, (56, 60, 46), (3.6, 3.9, 3.3), FLIPPED)
    where = positions(grid)
    array = np.where(body_of(where), 0.8, 0.02)
    array[distance(where, PRIMARY) < RADII[1]] = 12.0
    array[distance(where, NODE) < RADII[2]] = 6.0
    array += 0.001 * np.random.default_rng(5).random(array.shape)
    at = np.rint(grid.indices(PRIMARY[None] * (-1, -1, 1)))[0].astype(int)
    array[tuple(at[::-1])] = 14.0
    return grid.image(array.astype(np.float32))


@pytest.fixture(scope="session")
def labels(pet: sitk.Image) -> sitk.Image:
    grid = Grid.of(pet)
    where = positions(grid)
    array = np.zeros(grid.size[::-1], np.uint16)
    array[distance(where, PRIMARY) < RADII[1]] = 1
    array[distance(where, NODE) < RADII[2]] = 2
    return grid.image(array)


@pytest.fixture(scope="session")
def heat() -> sitk.Image:
    grid = grid_around(CENTRE, (40, 42, 38), (4.4, 4.2, 3.7), TURNED)
    array = np.exp(-((distance(positions(grid), HOTTEST) / 22.0) ** 2))
    return grid.image(array.astype(np.float32))


@pytest.fixture(scope="session")
def result(pet: sitk.Image, heat: sitk.Image) -> Result:
    grid = Grid.of(pet)
    array = sitk.GetArrayViewFromImage(pet)
    hottest = np.array(np.unravel_index(int(array.argmax()), array.shape))[::-1]
    lesions = [
        lesion(1, "primary", "Primary tumour", 14.0, ras(grid.points(hottest[None])[0])),
        lesion(2, "node", "Node 1", 6.0, NODE),
    ]
    whole = {"mtv_ml": 13.8, "tlg_ml": 90.0, "dmax_mm": 100.0}
    none = {"suv_max": None, "suv_mean": None, "suv_peak": None}
    return Result(
        task="analyze",
        research_use="Research use only. Not for clinical use.",
        simulated="A simulated patient",
        presence=Presence(
            probability=0.81,
            verdict="positive",
            threshold=0.45,
            threshold_source="mean of the folds",
            aggregation="mean",
            folds=[FoldAnswer(fold=1, probability=0.8), FoldAnswer(fold=2, probability=0.82)],
            fold_spread=0.01,
            windows=[
                WindowAnswer(
                    index=i,
                    first_slice=16 * i,
                    last_slice=16 * i + 31,
                    inferior_mm=140.0 + 40 * i,
                    superior_mm=220.0 + 40 * i,
                    probability=p,
                    folds=[p - 0.1, p + 0.1],
                )
                for i, p in enumerate((0.3, 0.9, 0.6))
            ],
            model="presence-pet 0.1",
            trained_on="simulated patients",
        ),
        explanation=Explanation(
            slices=[
                SliceHeat(index=i, position_mm=150.0 + 3.7 * i, heat=0.02 * i, annotated=i % 5 == 0)
                for i in range(38)
            ],
            hottest_ras=tuple(HOTTEST),
        ),
        lesions=lesions,
        totals=[
            Totals(group="primary", count=1, side="right", centroid_ras=NODE, **whole, **none),
            Totals(group="nodes", count=0, side=None, centroid_ras=None, **whole, **none),
            Totals(group="all", count=2, side="both", centroid_ras=None, **whole, **none),
        ],
        provenance=Provenance(hnc_version="0.1.0", created="2026-01-02T03:04:05+00:00"),
    )


@pytest.fixture
def content(ct, pet, labels, heat, result) -> SceneContent:
    return SceneContent(images={"PET": pet, "CT": ct}, labels=labels, heatmap=heat, result=result)


@pytest.fixture
def application() -> Application:
    return start()
