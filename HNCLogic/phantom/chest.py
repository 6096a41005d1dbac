"""What lies below the neck and still in view: shoulders, ribs, lung tops, great vessels.

Atlas space as in ``head.py``.
"""

from __future__ import annotations

import numpy as np

from HNCLogic.phantom.plan import Plan
from HNCLogic.phantom.shapes import Shape, ellipsoid, tube

SOFT = ("fat", "soft", "muscle", "neck muscle")


def add_chest(plan: Plan) -> None:
    plan.add_both("muscle", ellipsoid((150, 28, -150), (75, 50, 50), roughness=4), ("soft",))
    plan.add_both(
        "muscle", ellipsoid((90, -48, -160), (60, 14, 44), (0, 0, 12), 3), ("soft", "fat")
    )
    plan.add_both("muscle", ellipsoid((95, 84, -150), (80, 16, 55), roughness=3), ("soft",))
    for shape in _cages(plan):
        plan.add_both("muscle", shape[0], SOFT)
        plan.add_both("bone", shape[1], SOFT)
        plan.add_both("lung", shape[2], (*SOFT, "bone", "vessel", "node"))
    plan.add("fat", ellipsoid((0, -10, -175), (34, 45, 60)), ("soft", "lung", "bone"))
    plan.add_both(
        "bone", tube([(14, -44, -104), (70, -30, -94), (120, 8, -90), (160, 30, -98)], [8, 6, 6, 6])
    )
    plan.add_both(
        "marrow", tube([(14, -44, -104), (70, -30, -94), (120, 8, -90)], [5, 3, 3]), ("bone",)
    )
    plan.add_both("bone", ellipsoid((176, 30, -130), (24, 24, 24)))
    plan.add_both("marrow", ellipsoid((176, 30, -130), (22, 22, 22)))
    plan.add_both("bone", tube([(184, 32, -135), (190, 34, -210)], [18, 12]))
    plan.add_both("marrow", tube([(184, 32, -135), (190, 34, -210)], [15, 7]))
    plan.add_both("bone", ellipsoid((112, 78, -150), (50, 3.5, 50), (0, 15, -24)), (*SOFT, "fat"))
    plan.add_both("bone", tube([(100, 86, -118), (165, 52, -100)], [5, 7], (1, 1, 0.8)))
    plan.add("bone", ellipsoid((0, -56, -130), (25, 6, 26), (-12, 0, 0)))
    plan.add("marrow", ellipsoid((0, -56, -130), (23, 4.2, 24), (-12, 0, 0)))
    # Aortic arch, its branches, the upper caval and brachiocephalic veins.
    arch = [(-16, -22, -200), (-12, -22, -168), (2, -6, -152), (16, 22, -156), (20, 34, -200)]
    plan.add("vessel", tube(arch, 13), None)
    for points, radius in (
        ([(-4, -10, -150), (-18, -6, -112), (-22, 0, -98)], 6),
        ([(8, 4, -150), (22, 2, -98)], 4.5),
        ([(14, 14, -150), (30, 4, -110), (70, 4, -98), (140, 10, -112)], 4.5),
        ([(-24, 2, -108), (-70, 4, -98), (-140, 10, -112)], 4.5),
        ([(-28, -20, -200), (-26, -22, -128), (-28, -8, -100)], 9),
        ([(28, -10, -104), (8, -30, -124), (-26, -22, -138)], 7),
    ):
        plan.add("vessel", tube(points, radius), (*SOFT, "bone"))


def _cages(plan: Plan) -> list[tuple[Shape, Shape, Shape]]:
    """Chest wall, ribs and lung of the left side: nested ellipsoids, the ribs cut by bands."""
    top = float(plan.rng.normal(0, 5))
    centre, radii = np.array([72, 26, -205 + top]), np.array([56, 74, 118])
    tilt = plan.rng.uniform(0, 24)

    def gap(x, y, z):  # negative between two ribs, which slope down to the front
        return np.sin(2 * np.pi * (z + 0.55 * y + tilt) / 25.0) - 0.1

    wall = ellipsoid(centre, radii + 13)
    ribs = ellipsoid(centre, radii + 9).minus(lambda x, y, z: 6 * gap(x, y, z))
    return [(wall, ribs, ellipsoid(centre, radii + 1.5))]
