"""The skull's vault and base, and the brain in it.

Atlas space (``atlas.py``).
"""

from __future__ import annotations

import numpy as np

from HNCLogic.phantom.body.build import Build
from HNCLogic.phantom.body.plan import Plan
from HNCLogic.phantom.body.shapes import Level, blend, ellipsoid, mottled, tube

SOFT = ("fat", "soft", "muscle", "skin", "masticator")
CEREBRUM = ("csf", "grey matter", "white matter", "deep grey")


def _floor(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Height of the cranial floor, mm.

    In the middle the anterior fossa, the sella and the clivus down to the foramen magnum; at the
    sides the middle fossa, which is deeper, and the posterior fossa.
    """
    y = np.asarray(y, float)
    middle = np.interp(
        y, [-90, -42, -30, -4, 10, 22, 28, 60, 76], [118, 113, 104, 102, 84, 66, 62, 60, 70]
    )
    side = np.interp(
        y, [-90, -46, -38, -28, 4, 14, 28, 60, 76], [118, 115, 106, 89, 87, 82, 63, 60, 70]
    )
    share = np.clip((np.abs(x) - 9) / 12, 0, 1)
    return (middle + share * (side - middle)).astype(np.float32)


def _below_floor(by: float) -> Level:
    """Negative lower than ``by`` mm below the cranial floor."""
    return lambda x, y, z: z - (_floor(x, y) - by)


def _tentorium(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Negative above the tentorium, which parts cerebrum and cerebellum."""
    return (109 - 0.22 * (y - 40)) - z


def add_skull_and_brain(plan: Plan, build: Build) -> None:
    middle = np.array([0.0, 7.0, 145.0])
    swell = float(np.exp(0.015 * plan.rng.standard_normal()))
    thick = 6.0 + 0.6 * float(np.clip(plan.rng.standard_normal(), -2, 2))
    outer = np.array([71, 91, 66]) * swell
    # The hindbrain's pouch hangs under the vault at the back.
    pouch, around = np.array([0.0, 45.0, 90.0]), np.array([57.0, 44.0, 34.0])
    base = 4 + 1.5 * plan.rng.random()

    def both(tissue, by, floor, onto=None):
        vault, below = ellipsoid(middle, outer - by, roughness=0.5), ellipsoid(pouch, around - by)
        plan.add(tissue, blend(vault, below, 16.0).minus(_below_floor(floor)), onto)

    both("bone", 0.0, base + 1)
    both("marrow", thick / 2 - 0.8, base - 1, ("bone",))
    both("bone", thick - 1.6, 1.6)
    both("csf", thick, 0.0)
    inner = outer - thick
    _add_cerebrum(plan, build, middle, inner)
    _add_hindbrain(plan, build)
    plan.add_both("mastoid", ellipsoid(plan.at(53, 24, 76), plan.size(11, 14, 15), roughness=1.5))
    petrous = tube([(15, -1, 91), (36, 12, 88), (55, 26, 80)], [6, 8.5, 9], roughness=1)
    plan.add_both("bone", petrous, ("soft", "fat", "bone", "marrow", "csf", "grey matter"))
    plan.add_both("mastoid", tube([(34, 11, 88), (54, 24, 81)], 3.8, roughness=1.5), ("bone",))
    plan.add_both("bone", ellipsoid((15, 18, 57), (7, 11, 6)), SOFT)  # condyles
    # Fissures, foramina and canals of the skull base.
    plan.add("soft", mottled((0, -2, 84), (64, 40, 16), -2.0), ("bone", "marrow"))


def _add_cerebrum(plan: Plan, build: Build, middle: np.ndarray, inner: np.ndarray) -> None:
    at, size = plan.at, plan.size
    inner = inner - build.atrophy
    # The same folds move the cortex's outer and, more, its inner surface: the sulci.
    cortex = ellipsoid(middle, inner - 1.5, folds=1.6).minus(_below_floor(-2))
    plan.add("grey matter", cortex, ("csf",))
    ribbon = 11.5 + plan.rng.random()
    white = ellipsoid(middle, inner - 1.5 - ribbon, folds=9.0).minus(_below_floor(-2 - ribbon))
    plan.add("white matter", white, ("grey matter",))
    plan.add("grey matter", ellipsoid((0, 7, 150), (5.5, 78, 52), folds=1.5), ("white matter",))
    gap = 0.9 + 0.3 * build.atrophy
    plan.add("csf", ellipsoid((0, 7, 152), (gap, 82, 54)), ("grey matter", "white matter"))
    plan.add("white matter", ellipsoid((0, 6, 148), (14, 38, 8)), CEREBRUM)
    plan.add_both("grey matter", ellipsoid(at(46, 0, 132), (4, 24, 18), folds=2), CEREBRUM)
    plan.add_both("csf", ellipsoid(at(53, -6, 130), (2 + 0.5 * build.atrophy, 20, 3)), CEREBRUM)
    plan.add_both("deep grey", ellipsoid(at(13, -18, 148), size(5, 10, 10)), CEREBRUM)  # caudate
    plan.add_both("deep grey", ellipsoid(at(25, -4, 142), size(5, 16, 9), (0, 0, -12)), CEREBRUM)
    plan.add_both("deep grey", ellipsoid(at(10, 14, 144), size(7, 12, 8)), CEREBRUM)  # thalamus
    wide = float(np.exp(0.15 * plan.rng.standard_normal()) * (0.75 + 0.25 * build.atrophy))
    plan.add_both("csf", ellipsoid(at(7, -14, 155), (3.5 * wide, 20, 5), (12, 0, -8)), CEREBRUM)
    plan.add_both("csf", ellipsoid(at(20, 34, 148), (4 * wide, 16, 7), (0, 0, 10)), CEREBRUM)


def _add_hindbrain(plan: Plan, build: Build) -> None:
    below = ellipsoid((0, 45, 88), (51, 38, 27), power=2.4).minus(_tentorium).minus(_below_floor(0))
    plan.add("csf", below, ("grey matter", "white matter"))
    shrunk = 0.4 * build.atrophy
    lobe = ellipsoid(
        (22, 47, 86), plan.size(27, 31, 24, spread=0.04) - shrunk, folds=1.5, power=2.6
    )
    lobe = lobe.minus(_tentorium).minus(_below_floor(-1.5))
    plan.add_both("cerebellum", lobe, ("csf", "grey matter", "white matter"))
    plan.add_both("white matter", ellipsoid((14, 40, 90), (12, 12, 7), folds=1), ("cerebellum",))
    well = tube([(0, 18, 106), (0, 24, 64)], [15, 10])
    plan.add("csf", well, (*CEREBRUM, "bone", "marrow", "cerebellum"))
    points = [(0, 12, 128), (0, 13, 106), (0, 20, 84), (0, 24, 64), (0, 24, 54)]
    plan.add("brainstem", tube(points, [12, 12.5, 8, 5.5, 5]))
