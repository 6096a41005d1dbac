"""The neck: spine, airway and its lymphoid ring, glands, larynx, vessels and muscles.

Atlas space as in ``head.py``.
"""

from __future__ import annotations

import numpy as np

from HNCLogic.phantom.plan import Plan
from HNCLogic.phantom.shapes import ellipsoid, tube

SOFT = ("fat", "soft", "muscle", "neck muscle", "masticator")
SPINE_Z = [80, 65, 45, 22, 4, -13, -30, -48, -68, -90, -113, -160, -210]
SPINE_Y = [10, 11, 13, 14, 14, 14, 17, 22, 29, 37, 45, 58, 66]


def spine_y(z: float | np.ndarray) -> np.ndarray:
    """Where the middle of the vertebral bodies lies at height z, mm."""
    return np.interp(-np.asarray(z, float), -np.asarray(SPINE_Z, float), SPINE_Y)


def add_spine(plan: Plan) -> None:
    heights = [47, 24, 5, -13, -31, -50, -70, -92, -115, -138, -161, -185]
    plan.add("disc", tube([(0, spine_y(z), z) for z in range(40, -200, -12)], 10, (1.2, 1, 1)))
    for index, z in enumerate(heights):
        grow = 1 + 0.035 * index
        body = np.array([12.5, 9, 7.6]) * grow
        y = float(spine_y(z))
        plan.add("bone", ellipsoid((0, y, z), body + 1.3, power=4))
        plan.add("marrow", ellipsoid((0, y, z), body, power=4))
        plan.add("bone", tube([(0, y + 34 * grow, z - 6), (0, y + 26, z - 2)], [4, 4], (1, 1, 1.4)))
        for side in (-1, 1):
            arch = [(side * 15, y + 8, z), (side * 16, y + 16, z), (0, y + 28, z - 2)]
            plan.add("bone", tube(arch, [6, 5.5, 3.5], (1, 1, 1.25)))
            plan.add("marrow", tube(arch[:2], [4, 3.5], (1, 1, 1.25)), ("bone",))
    plan.add("bone", tube([(0, 12, 50), (0, 5, 70)], [6, 5]))  # dens
    for side in (-1, 1):
        ring = [(0, -2, 66), (side * 17, 6, 66), (side * 22, 16, 66), (0, 42, 66)]
        plan.add("bone", tube(ring, [4, 7, 6, 4]))
    canal = [(0, 26, 86), (0, 27, 64)] + [(0, spine_y(z) + 17, z) for z in range(45, -210, -15)]
    plan.add("csf", tube(canal, 8.5, (1.25, 0.9, 1)))
    plan.add("cord", tube(canal, 5, (1.2, 0.9, 1)))


def add_muscles(plan: Plan) -> None:
    bulk = float(np.exp(0.1 * plan.rng.standard_normal()))
    muscles = (
        # back of the neck, inner to outer
        ([(16, 48, 74), (18, 48, 0), (24, 64, -90), (28, 84, -200)], [15, 15, 16, 17], (1, 1, 1)),
        ([(30, 52, 70), (36, 50, 0), (44, 66, -70)], [8, 9, 8], (1.1, 0.9, 1)),
        (
            [(16, 74, 70), (30, 62, 10), (44, 68, -50), (90, 72, -84), (150, 62, -100)],
            [6, 7, 9, 12, 10],
            (1.3, 0.8, 1),
        ),
        ([(42, 32, 50), (44, 36, -20), (64, 66, -90)], [7, 8, 8], (0.9, 1, 1)),
        # side and front
        ([(26, 16, 10), (34, 18, -50), (52, 12, -95)], [7, 9, 8], (1, 1, 1)),
        ([(8, -1, 60), (9, 2, 0), (10, 12, -70)], [5, 5, 5], (1.4, 0.8, 1)),
        (
            [(57, 24, 78), (51, 14, 20), (42, -10, -40), (20, -32, -96)],
            [9, 10, 10, 8],
            (0.75, 1.2, 1),
        ),
        ([(9, -46, 0), (12, -40, -40), (12, -34, -100)], [5, 5, 6], (1.4, 0.6, 1)),
        ([(50, 22, 76), (40, 0, 20), (22, -44, 0)], [4, 4, 4], (1, 1, 1)),
    )
    for points, radius, stretch in muscles:
        moved = np.asarray(points) + plan.at(0, 0, 0, spread=1)
        shapes = tube(moved, np.asarray(radius) * np.sqrt(bulk), stretch, roughness=0.8)
        plan.add_both("neck muscle", shapes, ("fat", "soft"))


def add_airway(plan: Plan) -> None:
    """Pharynx with its lymphoid ring, larynx, trachea, oesophagus."""
    at, size = plan.at, plan.size
    wide = float(np.exp(0.12 * plan.rng.standard_normal()))
    pharynx = [(0, -14, 84), (0, -14, 62), (0, -13, 40), (0, -11, 14), (0, -9, -14), (0, -6, -42)]
    plan.add("mucosa", tube(pharynx, [15, 14, 14, 14, 13, 8], (1.25, 0.75, 1)), (*SOFT, "tongue"))
    tonsil = float(np.exp(0.18 * plan.rng.standard_normal()))
    plan.add_both(
        "tonsil", ellipsoid(at(17, -18, 36), size(5.5, 7, 11) * tonsil), (*SOFT, "tongue", "mucosa")
    )
    air = np.array([9, 9, 9, 8.5, 8, 4]) * wide
    plan.add("airway", tube(pharynx, air, (1.3, 0.75, 1)), ("mucosa", "soft", "fat"))
    plan.add(
        "lingual tonsil",
        ellipsoid(at(0, -15, 14), size(14, 3.5, 9)),
        ("airway", "mucosa", "tongue"),
    )
    plan.add(
        "adenoid",
        ellipsoid(at(0, -5, 84), size(11, 3.5, 9, spread=0.2)),
        (*SOFT, "mucosa", "airway"),
    )
    palate = [(0, -38, 57), (0, -26, 54), (0, -18, 44)]
    plan.add(
        "soft palate",
        tube(palate, [4.5, 4.5, 3.5], (3, 1, 1)),
        (*SOFT, "airway", "mucosa", "tongue"),
    )
    add_larynx(plan)


def add_larynx(plan: Plan) -> None:
    at = plan.at
    big = float(np.exp(0.08 * plan.rng.standard_normal()))
    hyoid = [(22, -16, 4), (20, -30, 1), (11, -43, 0), (0, -46, 0)]
    plan.add_both("bone", tube(hyoid, [2.5, 3, 3.5, 4]))
    shell = np.array([19, 19, 17]) * big
    middle = np.array([0, -25, -26.0])
    plan.add(
        "cartilage", ellipsoid(middle, shell).minus(lambda x, y, z: -18 - y), (*SOFT, "mucosa")
    )
    plan.add("larynx", ellipsoid(middle, shell - 3), None)
    plan.add("cartilage", ellipsoid((0, -18, -46), (14, 15, 6)))
    plan.add("mucosa", ellipsoid((0, -18, -46), (10.5, 11.5, 8)))
    plan.add(
        "cartilage",
        tube([(0, -30, -12), (0, -20, 10)], [2, 2.2], (5, 0.8, 1)),
        (*SOFT, "airway", "mucosa", "larynx"),
    )
    inlet = [(0, -16, 6), (0, -20, -10), (0, -24, -20), (0, -25, -26)]
    plan.add("airway", tube(inlet, [8, 7, 5, 4], (1, 1.2, 1)))
    plan.add("airway", tube([(0, -25, -26), (0, -24, -33)], [2.2, 2.4], (1, 3, 1)))
    plan.add_both(
        "vocal cord", ellipsoid(at(5.5, -26, -31, spread=0.5), (4, 11, 3.5)), ("larynx", "mucosa")
    )
    windpipe = [
        (0, -22, -34),
        (0, -18, -46),
        (0, -14, -62),
        (0, -6, -90),
        (0, 4, -120),
        (0, 14, -155),
    ]
    caliber = float(np.exp(0.08 * plan.rng.standard_normal()))
    plan.add("cartilage", tube(windpipe[2:], 10.5 * caliber), SOFT)
    plan.add("mucosa", tube(windpipe[1:], 9.8 * caliber), (*SOFT, "cartilage"))
    plan.add("airway", tube(windpipe, np.array([4, 7.5, 8.5, 8.5, 8.5, 8.5]) * caliber))
    plan.add_both("airway", tube([(0, 14, -155), (30, 26, -190)], [8, 6]))
    gullet = [(0, -2, -46), (3, 4, -70), (4, 18, -105), (3, 32, -150), (3, 40, -200)]
    plan.add("oesophagus", tube(gullet, 5.5, (1.5, 0.8, 1)), SOFT)


def add_glands(plan: Plan) -> None:
    at, size = plan.at, plan.size
    for side in (1, -1):  # each side has its own shape

        def place(x, y, z, side=side):
            return at(side * x, y, z)

        plan.add("parotid", ellipsoid(place(57, 4, 50), size(11, 20, 27), roughness=1.5), SOFT)
        plan.add("parotid", ellipsoid(place(46, 8, 52), size(9, 9, 18), roughness=1), SOFT)
        plan.add(
            "submandibular", ellipsoid(place(33, -26, 6), size(9.5, 15, 12), roughness=1), SOFT
        )
        plan.add("thyroid", ellipsoid(place(17, -16, -58), size(8, 9, 21, spread=0.15)), SOFT)
    plan.add("thyroid", ellipsoid((0, -26, -64), (13, 3.5, 6)), SOFT)


def add_vessels(plan: Plan) -> None:
    over = (*SOFT, "soft")
    carotid = [(26, -2, 80), (27, -2, 10), (25, -3, -40), (22, 0, -98), (14, 8, -140)]
    jugular = [(34, 3, 80), (35, 3, 10), (34, 0, -50), (28, -8, -100), (16, -20, -125)]
    for side in (1, -1):
        shift = plan.at(0, 0, 0, spread=1.2)
        for points, radius in ((carotid, 3.6), (jugular, 5.5 + 1.2 * plan.rng.standard_normal())):
            path = np.asarray(points) * (side, 1, 1) + shift
            plan.add("vessel", tube(path, max(radius, 3)), over)
    # Small nodes that everyone has, beside the jugular.
    for _ in range(int(plan.rng.integers(6, 14))):
        side = plan.rng.choice([-1, 1])
        z = plan.rng.uniform(-70, 40)
        point = plan.at(side * 43, 6 + plan.rng.uniform(-8, 22), z)
        plan.add("node", ellipsoid(point, plan.size(2.6, 2.6, 4, spread=0.2)), ("fat", "soft"))
