"""The throat: pharynx with its lymphoid ring, larynx, windpipe and gullet.

Atlas space as in ``neck.py``.
"""

from __future__ import annotations

import numpy as np

from HNCLogic.phantom.body.build import Build
from HNCLogic.phantom.body.neck import SOFT
from HNCLogic.phantom.body.plan import Plan
from HNCLogic.phantom.body.shapes import ellipsoid, tube


def add_throat(plan: Plan, build: Build) -> None:
    at, size = plan.at, plan.size
    wide = float(np.exp(0.12 * plan.rng.standard_normal()))
    pharynx = [(0, -14, 80), (0, -17, 60), (0, -17, 38), (0, -15, 12), (0, -12, -12), (0, -6, -34)]
    wall = tube(pharynx, [14, 13.5, 13.5, 13.5, 12, 7.5], (1.25, 0.75, 1), roughness=0.7)
    plan.add("mucosa", wall, (*SOFT, "tongue"))
    tonsil = (6, 7.5, 11.5) * np.array(build.lymphoid)
    for side in (1, -1):
        place = at(side * 17, -20, 35)
        shape = ellipsoid(place, size(*tonsil), roughness=0.8)
        plan.add("tonsil", shape, (*SOFT, "tongue", "mucosa"))
    air = np.array([9, 8.5, 8.5, 8, 7.5, 3]) * wide
    plan.add("airway", tube(pharynx, air, (1.3, 0.75, 1), 0.8), ("mucosa", "soft", "fat"))
    plan.add(
        "lingual tonsil",
        ellipsoid(at(0, -18, 14), size(14, 3.5, 9) * build.lymphoid**0.5, roughness=0.6),
        ("airway", "mucosa", "tongue"),
    )
    plan.add(
        "adenoid",
        ellipsoid(at(0, -6, 77), size(12, 4.2, 8, spread=0.15) * build.lymphoid, roughness=0.6),
        (*SOFT, "mucosa", "airway"),
    )
    palate = [(0, -36, 59), (0, -26, 56), (0, -20, 44)]
    plan.add(
        "soft palate",
        tube(palate, [5, 5, 4], (2.8, 1, 1), 0.5),
        (*SOFT, "airway", "mucosa", "tongue"),
    )
    _add_larynx(plan, build)
    _add_windpipe(plan, build)


def _add_larynx(plan: Plan, build: Build) -> None:
    at, big = plan.at, build.larynx
    hyoid = [(21, -18, 4), (19, -32, 1), (11, -45, 0), (0, -48, 0)]
    plan.add_both("bone", tube(hyoid, [2.2, 2.6, 3, 3.2]))
    middle = np.array([0, -24.0, -19.0])
    shell = np.array([18.5, 19, 15]) * big
    plan.add(
        "cartilage",
        ellipsoid(middle, shell, roughness=0.6).minus(lambda x, y, z: -17 - y),
        (*SOFT, "mucosa"),
    )
    plan.add("larynx", ellipsoid(middle, shell - 2.6), ("cartilage", "mucosa", *SOFT))
    # Fat in front of the epiglottis and beside the cords.
    plan.add("fat", ellipsoid((0, -34, -5), (9, 6, 7), roughness=1), ("larynx", "soft", "mucosa"))
    plan.add_both("fat", ellipsoid((11.5 * big, -27, -19), (1.5, 7, 5)), ("larynx",))
    plan.add("cartilage", ellipsoid((0, -17, -36), np.array([13.5, 14, 5.5]) * big))
    plan.add("mucosa", ellipsoid((0, -17, -36), np.array([10, 10.5, 8]) * big))
    plan.add(
        "cartilage",
        tube([(0, -32, -8), (0, -25, 10)], [1.6, 1.8], (5.5, 0.8, 1)),
        (*SOFT, "airway", "mucosa", "larynx"),
    )  # epiglottis
    inlet = [(0, -18, 6), (0, -21, -6), (0, -24, -14), (0, -24, -19)]
    plan.add("airway", tube(inlet, np.array([8, 7, 5, 4]) * big, (1, 1.2, 1)))
    plan.add("airway", tube([(0, -24, -19), (0, -23, -26)], [2.2, 2.4], (1, 3, 1)))
    plan.add_both("airway", tube([(13, -12, -4), (12, -9, -20)], [3.5, 2]), ("mucosa", "soft"))
    for side in (1, -1):
        cord = ellipsoid(at(side * 5.5 * big, -25, -23, spread=0.5), np.array([4, 10.5, 3.2]) * big)
        plan.add("vocal cord", cord, ("larynx", "mucosa"))


def _add_windpipe(plan: Plan, build: Build) -> None:
    caliber = float(np.exp(0.07 * plan.rng.standard_normal()) * build.larynx)
    windpipe = [
        (0, -21, -26), (0, -17, -36), (0, -9, -50), (0, 2, -72), (0, 15, -98), (0, 26, -130),
        (0, 32, -160),
    ]  # fmt: skip
    plan.add("cartilage", tube(windpipe[2:], 10.5 * caliber), SOFT)
    plan.add("mucosa", tube(windpipe[1:], 9.8 * caliber), (*SOFT, "cartilage"))
    plan.add("airway", tube(windpipe, np.array([4, 7, 8.2, 8.5, 8.5, 8.5, 8.5]) * caliber))
    plan.add_both("airway", tube([(0, 32, -160), (16, 38, -176), (42, 44, -196)], [8, 7, 5]))
    gullet = [(0, -2, -34), (3, 6, -56), (5, 16, -76), (4, 28, -100), (3, 44, -150), (4, 52, -240)]
    plan.add("oesophagus", tube(gullet, 5.2, (1.5, 0.8, 1), 0.6), SOFT)
