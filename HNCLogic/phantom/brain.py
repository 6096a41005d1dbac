"""The skull's vault and base, and the brain in it.

Atlas space as in ``head.py``.
"""

from __future__ import annotations

import numpy as np

from HNCLogic.phantom.plan import Plan
from HNCLogic.phantom.shapes import Level, ellipsoid, tube

SOFT = ("fat", "soft", "muscle", "skin", "masticator")
CEREBRUM = ("csf", "grey matter", "white matter", "deep grey")


def _floor(y: np.ndarray) -> np.ndarray:
    """Height of the cranial floor: anterior, middle and posterior fossa, mm."""
    heights = np.interp(
        y, [-90, -42, -34, -22, 12, 22, 35, 80], [120, 117, 106, 98, 98, 86, 80, 84]
    )
    return heights.astype(np.float32)


def _below_floor(by: float) -> Level:
    """Negative lower than ``by`` mm below the cranial floor."""
    return lambda x, y, z: z - (_floor(y) - by)


def _tentorium(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Negative above the tentorium, which parts cerebrum and cerebellum."""
    return 115 - z


def add_skull_and_brain(plan: Plan) -> None:
    middle = np.array([0.0, 3.0, 145.0])
    swell = float(np.exp(0.015 * plan.rng.standard_normal()))
    outer, inner = np.array([71, 92, 66]) * swell, np.array([65, 86, 60]) * swell
    base = 5 + 1.5 * plan.rng.random()
    plan.add("bone", ellipsoid(middle, outer).minus(_below_floor(base + 1)))
    diploe = ellipsoid(middle, (outer + inner) / 2 + 0.8).minus(_below_floor(base - 1))
    plan.add("marrow", diploe, ("bone",))
    plan.add("bone", ellipsoid(middle, inner + 1.6).minus(_below_floor(1.6)))
    plan.add("csf", ellipsoid(middle, inner).minus(_below_floor(0)))
    _add_cerebrum(plan, middle, inner)
    _add_hindbrain(plan)
    plan.add_both("mastoid", ellipsoid(plan.at(54, 24, 88), plan.size(11, 14, 16)))
    petrous = tube([(20, -2, 98), (52, 14, 92)], [7, 9])
    plan.add_both("bone", petrous, ("soft", "bone", "marrow", "csf", "grey matter"))
    plan.add_both("bone", ellipsoid((16, 24, 76), (7, 11, 6)), SOFT)


def _add_cerebrum(plan: Plan, middle: np.ndarray, inner: np.ndarray) -> None:
    at, size = plan.at, plan.size
    # The same folds move the cortex's outer and inner surface: a ribbon of even thickness.
    cortex = ellipsoid(middle, inner - 2.5, folds=1.6).minus(_below_floor(-2))
    plan.add("grey matter", cortex, ("csf",))
    ribbon = 7.0 + plan.rng.random()
    white = ellipsoid(middle, inner - 2.5 - ribbon, folds=5.0).minus(_below_floor(-2 - ribbon))
    plan.add("white matter", white, ("grey matter",))
    plan.add("grey matter", ellipsoid((0, 3, 150), (5.5, 78, 52), folds=1.5), ("white matter",))
    plan.add("csf", ellipsoid((0, 3, 152), (1.2, 82, 54)), ("grey matter", "white matter"))
    plan.add("white matter", ellipsoid((0, 2, 148), (14, 38, 8)), CEREBRUM)
    plan.add_both("grey matter", ellipsoid(at(46, -4, 132), (4, 24, 18), folds=2), CEREBRUM)
    plan.add_both("deep grey", ellipsoid(at(13, -22, 148), size(5, 10, 10)), CEREBRUM)  # caudate
    plan.add_both("deep grey", ellipsoid(at(25, -8, 142), size(5, 16, 9), (0, 0, -12)), CEREBRUM)
    plan.add_both("deep grey", ellipsoid(at(10, 10, 144), size(7, 12, 8)), CEREBRUM)  # thalamus
    wide = float(np.exp(0.2 * plan.rng.standard_normal()))
    plan.add_both("csf", ellipsoid(at(7, -18, 155), (3.5 * wide, 20, 5), (12, 0, -8)), CEREBRUM)
    plan.add_both("csf", ellipsoid(at(20, 30, 148), (4 * wide, 16, 7), (0, 0, 10)), CEREBRUM)


def _add_hindbrain(plan: Plan) -> None:
    below = ellipsoid((0, 50, 96), (52, 36, 26)).minus(_tentorium)
    plan.add("csf", below, ("grey matter", "white matter"))
    lobe = ellipsoid((22, 48, 98), plan.size(27, 30, 18, spread=0.04), folds=1).minus(_tentorium)
    plan.add_both("cerebellum", lobe, ("csf", "grey matter", "white matter"))
    plan.add_both("white matter", ellipsoid((14, 40, 98), (12, 12, 6), folds=1), ("cerebellum",))
    well = tube([(0, 22, 110), (0, 26, 84)], [15, 10])
    plan.add("csf", well, (*CEREBRUM, "bone", "marrow", "cerebellum"))
    stem = tube([(0, 12, 128), (0, 16, 108), (0, 25, 84), (0, 26, 74)], [12, 12, 6.5, 5])
    plan.add("brainstem", stem)
