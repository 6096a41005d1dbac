"""The neck: spine, muscles, salivary and thyroid glands, vessels.

Atlas space, millimetres: x to the left, y to the back (0 at the ear canals), z to the head
(0 at the hyoid). Heights are medians of planning CTs (OpenKBP): the foramen magnum 64 mm above
the hyoid, the shoulders 32 mm below it, the disc under the last cervical vertebra 58 mm below.
"""

from __future__ import annotations

import numpy as np

from HNCLogic.phantom.body.build import Build
from HNCLogic.phantom.body.plan import Plan
from HNCLogic.phantom.body.shapes import ellipsoid, tube

SOFT = ("fat", "soft", "muscle", "neck muscle", "masticator")
AT_THE_BACK = 5  # of the muscles, which are named from the back forwards
SPINE_Z = [64, 4, -16, -36, -56, -76, -96, -116, -150, -205, -245]
SPINE_Y = [7, 7, 10, 17, 27, 37, 46, 55, 64, 70, 70]
# Second cervical to eighth thoracic vertebra.
VERTEBRAE_Z = [34, 17, 1, -15, -31, -48, -67, -88, -110, -132, -155, -178, -202, -227]


def spine_y(z: float | np.ndarray) -> np.ndarray:
    """Where the middle of the vertebral bodies lies at height z, mm."""
    return np.interp(-np.asarray(z, float), -np.asarray(SPINE_Z, float), SPINE_Y)


def add_spine(plan: Plan, build: Build) -> None:
    plan.add("disc", tube([(0, spine_y(z), z) for z in range(34, -240, -14)], 9.5, (1.2, 1, 1)))
    worn = np.clip(plan.rng.normal(0.4 + 0.03 * (build.age - 60), 0.5, len(VERTEBRAE_Z)), 0, 2)
    for index, z in enumerate(VERTEBRAE_Z):
        grow = 1 + 0.04 * index
        body = np.array([11.5, 8.5, 6.9 + 0.18 * index])
        body[:2] *= grow
        y = float(spine_y(z))
        lean = float(np.degrees(np.arctan((spine_y(z - 8) - spine_y(z + 8)) / 16)))
        rough = 0.4 + 0.5 * float(worn[index])
        plan.add("bone", ellipsoid((0, y, z), body + 1.2, (lean, 0, 0), rough, power=4))
        plan.add("marrow", ellipsoid((0, y, z), body - 0.3, (lean, 0, 0), power=4))
        tip = 30 + 2.2 * min(index, 6)
        drop = 3 + 1.2 * min(index, 8)  # spinous processes point down more and more
        spine = [(0, y + tip, z - 2 * drop), (0, y + 25, z - drop + 1)]
        plan.add("bone", tube(spine, [3.5, 3.5], (1, 1, 1.4)))
        for side in (-1, 1):
            arch = [(side * 15, y + 8, z), (side * 16, y + 16, z - 1), (0, y + 26, z - drop + 1)]
            plan.add("bone", tube(arch, [5.5, 5.5, 3.2], (1, 1, 1.2)))
            plan.add("marrow", tube(arch[:2], [3.5, 3.2], (1, 1, 1.2)), ("bone",))
            if index < 6:
                plan.add("bone", tube([(side * 13, y + 1, z), (side * 23, y + 4, z - 3)], 3.2))
            else:  # transverse process and the neck of the rib
                rib = [(side * 16, y + 14, z), (side * 33, y + 17, z + 2)]
                plan.add("bone", tube(rib, [5, 4.5]))
    plan.add("bone", tube([(0, 5, 38), (0, -1, 56)], [6, 4.5]))  # dens
    for side in (-1, 1):
        ring = [(0, -8, 50), (side * 17, 4, 49), (side * 23, 12, 48), (0, 36, 47)]
        plan.add("bone", tube(ring, [3.5, 7, 6, 3.5]))
        plan.add("bone", tube([(side * 23, 10, 48), (side * 36, 12, 46)], [5, 3.5]))
    canal = [(0, 24, 70), (0, 24, 50)] + [(0, spine_y(z) + 17, z) for z in range(36, -245, -14)]
    plan.add("csf", tube(canal, 8, (1.25, 0.9, 1)))
    plan.add("cord", tube(canal, 4.8, (1.2, 0.9, 1)))


def add_muscles(plan: Plan, build: Build) -> None:
    """Each muscle with the plane of fat round it, wider in the fat; those at the back of the neck
    lie close together in everyone."""
    up = build.shoulders_mm
    _fill_nape(plan)
    muscles = (
        # back of the neck, inner to outer
        ([(14, 45, 56), (15, 45, 10), (18, 54, -30), (24, 84, -90), (28, 106, -200)],
         [11, 11, 13, 15, 15], (1.1, 1, 1)),
        ([(24, 54, 58), (24, 60, 16), (27, 68, -24), (34, 92, -80)], [7, 8, 8, 8], (1.9, 0.65, 1)),
        ([(33, 48, 62), (40, 46, 16), (42, 52, -20), (46, 78, -70)], [6, 7, 8, 8], (0.8, 1.1, 1)),
        ([(12, 74, 56), (28, 66, 14), (46, 72, -14 + up), (88, 84, -42 + up), (150, 66, -58 + up)],
         [3.5, 5, 8, 12, 9], (1.4, 0.8, 1)),
        ([(40, 22, 40), (46, 30, 0), (52, 46, -34), (66, 78, -70 + up)], [5, 6, 8, 8], (0.9, 1, 1)),
        # side and front
        ([(24, 10, 10), (31, 14, -28), (44, 14, -70), (50, 14, -84)], [5, 8, 8, 7], (1, 1, 1)),
        ([(9, -7, 44), (10, -6, 4), (11, 2, -32), (11, 14, -64)], [4, 4.5, 4.5, 4], (1.5, 0.8, 1)),
        ([(57, 22, 68), (53, 10, 24), (45, -8, -16), (30, -20, -56), (18, -26, -84)],
         [8, 9, 9.5, 8, 7], (0.7, 1.25, 1)),
        ([(8, -46, 0), (14, -38, -22), (15, -30, -50), (12, -22, -94)], [4, 4, 4.5, 5],
         (1.5, 0.6, 1)),
        ([(49, 20, 64), (45, 0, 32), (28, -36, 8)], [3.5, 3.5, 3], (1, 1, 1)),
        ([(24, 2, 66), (22, -8, 40), (18, -24, 6)], [2.5, 2.5, 2.5], (1, 1, 1)),  # styloid's
        ([(52, 44, -40), (80, 46, -60 + up), (118, 56, -70 + up)], [4, 5, 5], (1, 0.7, 1)),
    )  # fmt: skip
    wide, close = 0.3 + 0.7 * build.fatness, 0.2 + 0.3 * build.fatness
    moved = [
        (np.asarray(points) + plan.at(0, 0, 0, spread=1), np.asarray(radius), stretch)
        for points, radius, stretch in muscles
    ]
    for index, (points, radius, stretch) in enumerate(moved):
        plane = close if index < AT_THE_BACK else wide
        bulk = build.muscle * float(np.exp(0.05 * plan.rng.standard_normal()))
        within = 1.08 * radius * bulk
        planes = tube(points, within + plane, stretch, roughness=1.0)
        plan.add_both("fat", planes, ("soft", "muscle", "neck muscle"), uneven=0)
        shapes = tube(points, within, stretch, roughness=1.2)
        plan.add_both("neck muscle", shapes, ("fat", "soft", "muscle"), uneven=1.2)


def _fill_nape(plan: Plan) -> None:
    """Muscle wherever there is room between the muscles behind the spine; no figure is drawn."""
    middle = np.array([(21, 53, 60), (23, 55, 14), (28, 62, -28), (34, 84, -80), (40, 94, -120)])
    for side in (-1, 1):
        shape = tube(middle * (side, 1, 1), [18, 21, 22, 20, 16], (1.15, 0.87, 1), roughness=1.5)
        plan.add("muscle", shape, ("soft", "fat"))


def add_glands(plan: Plan, build: Build) -> None:
    at, big = plan.at, build.glands
    lobes = {
        "superficial": plan.size(10.5, 20, 25.5, spread=0.09) * big,
        "deep": plan.size(9, 9, 18, spread=0.09) * big,
        "submandibular": plan.size(9.5, 15, 12, spread=0.06) * big,
        "thyroid": plan.size(7.5, 8.5, 20, spread=0.13) * big,
    }
    for side in (1, -1):  # each side has its own shape, and a size much like the other's

        def place(x, y, z, side=side):
            return at(side * x, y, z, spread=0.9)

        radii = {name: r * plan.size(1, 1, 1, spread=0.03) for name, r in lobes.items()}
        plan.add("parotid", ellipsoid(place(57, 4, 48), radii["superficial"], roughness=1.4), SOFT)
        plan.add("parotid", ellipsoid(place(47, 8, 52), radii["deep"], roughness=1.2), SOFT)
        plan.add("fat", tube([(side * 48, 6, 66), (side * 49, 4, 36)], 2.2), ("parotid",))
        middle, own, tilt = place(33, -28, 10), radii["submandibular"], (0, 0, -15 * side)
        plan.add("fat", ellipsoid(middle, own + 3, tilt, roughness=2), ("soft",))
        plan.add("submandibular", ellipsoid(middle, own, tilt, roughness=1.2), SOFT)
        plan.add("thyroid", ellipsoid(place(17, -15, -44), radii["thyroid"], roughness=0.8), SOFT)
    plan.add("thyroid", ellipsoid((0, -24, -50), (13, 3.5, 6)), SOFT)


def add_vessels(plan: Plan) -> None:
    carotid = [(24, 2, 82), (25, -2, 48), (27, -4, 8), (25, -8, -30), (20, -4, -76), (12, 12, -130)]
    jugular = [(32, 6, 82), (34, 3, 48), (36, 0, 8), (34, -5, -36), (27, -8, -80), (18, -8, -104)]
    for side in (1, -1):
        shift = plan.at(0, 0, 0, spread=1.2)
        wide = np.clip(plan.rng.standard_normal(), -1.8, 1.8)
        for points, radius in ((carotid, 3.5), (jugular, 5.2 + 1.3 * wide)):
            path = np.asarray(points) * (side, 1, 1) + shift
            plan.add("fat", tube(path[1:-1], radius + 1.8), ("soft", "neck muscle"))
            plan.add("vessel", tube(path, radius), SOFT)
        vertebral = [(side * 22, 12, 40), (side * 22, 12, 0), (side * 22, 20, -40)]
        plan.add("vessel", tube(np.asarray(vertebral, float), 1.8), SOFT)
    # Small nodes that everyone has, beside the jugular and under the jaw.
    count = int(plan.rng.integers(8, 18))
    for index in range(18):
        side = plan.rng.choice([-1, 1])
        z = plan.rng.uniform(-60, 36)
        point = plan.at(side * 43, 4 + plan.rng.uniform(-8, 22), z)
        node = ellipsoid(point, plan.size(2.6, 2.6, 4, spread=0.2))
        if index < count:
            plan.add("node", node, ("fat", "soft"))
