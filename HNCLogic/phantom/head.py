"""The head: its outline, face, sinuses, teeth, jaws, and the muscles that move them.

Atlas space, millimetres: x to the left, y to the back (0 at the ear canals), z to the head
(0 at the hyoid). Figures are those of an average adult, varied by the plan.
"""

from __future__ import annotations

import numpy as np

from HNCLogic.phantom.plan import Plan
from HNCLogic.phantom.shapes import ellipsoid, loft, tube

SOFT = ("fat", "soft", "muscle", "skin", "masticator")


def add_outline(plan: Plan, fatness: float) -> None:
    """Skin, fat and the soft inside of head, neck, shoulders and upper chest.

    ``fatness`` (1 = average) scales the layer of fat under the skin.
    """
    neck = float(np.exp(0.06 * plan.rng.standard_normal()) * (1 + 0.15 * (fatness - 1)))
    knots = np.array(
        # z, half width, front, back; how much the front narrows is added below
        [
            (217, 4, -8, 16),
            (213, 26, -30, 40),
            (203, 48, -56, 66),
            (183, 67, -80, 89),
            (155, 76, -93, 100),
            (130, 77, -96, 101),
            (110, 75, -94, 97),
            (90, 72, -94, 88),
            (75, 70, -96, 77),
            (60, 68, -97, 68),
            (40, 66, -96, 62),
            (20, 62, -93, 60),
            (5, 60, -86, 60),
            (-6, 58 * neck, -66, 61),
            (-16, 57 * neck, -50, 62 * neck),
            (-30, 57 * neck, -45 * neck, 64 * neck),
            (-50, 60 * neck, -43 * neck, 69 * neck),
            (-70, 74 * neck, -41, 78),
            (-84, 108, -43, 86),
            (-98, 160, -48, 94),
            (-114, 198, -56, 102),
            (-135, 216, -66, 109),
            (-160, 226, -75, 113),
            (-200, 232, -86, 115),
        ],
        float,
    )
    knots[:, 1] += np.where(knots[:, 0] < -80, 8 * plan.rng.standard_normal(), 0)

    def shrunk(by):
        # More fat at the chest and the back of the neck than on the scalp.
        depth = np.interp(knots[:, 0], [-120, -60, 20, 100], by)
        inner = knots + np.stack([0 * depth, -depth, depth, -depth], axis=1)
        inner[:, 1] = np.maximum(inner[:, 1], 1)
        face = np.interp(knots[:, 0], [-30, 0, 40, 90, 130], [0, 0.22, 0.3, 0.2, 0.1])
        return np.column_stack([inner, face])

    skin = 1.7
    # The skull needs room: the outline grows with the skin, the scalp is thin everywhere.
    for tissue, by, rough in (
        ("skin", (0, 0, 0, 0), 0.0),
        ("fat", (skin,) * 4, 0.0),
        ("soft", tuple(skin + fatness * np.array([11, 6, 6, 3])), 2.0),
    ):
        plan.add(tissue, loft(shrunk(by), power=2.15, roughness=rough))
    nose = [(0, -91, 108), (0, -99, 90), (0, -107, 74), (0, -101, 68)]
    plan.add("skin", tube(nose, [6, 8, 10, 11]), onto=("outside",))
    plan.add("soft", tube(nose, [4, 6, 8, 9]), onto=("skin", "fat"))
    plan.add_both("skin", ellipsoid(plan.at(78, 14, 92), (3.5, 15, 28), (0, 0, 20)), ("outside",))
    plan.add_both("airway", tube([(78, 4, 90), (58, 4, 90)], 3))
    # Fat between the muscles of the neck, under the chin and in the cheeks.
    plan.add_both("fat", ellipsoid(plan.at(40, 18, -25), (16, 24, 60), roughness=5), ("soft",))
    plan.add_both("fat", ellipsoid(plan.at(42, -50, 55), (13, 22, 26), roughness=4), ("soft",))
    plan.add("fat", ellipsoid(plan.at(0, -58, -8), (28, 16, 8), roughness=3), ("soft",))


def add_face(plan: Plan) -> None:
    at, size = plan.at, plan.size
    orbit = at(32, -70, 112, spread=1)

    def near(dx, dy, dz):
        return orbit + np.array([dx, dy, dz])

    plan.add_both("bone", ellipsoid((27, -60, 78), (17, 20, 19), roughness=0.7), SOFT)
    plan.add("bone", ellipsoid((0, -62, 76), (18, 34, 24), power=3), SOFT)
    plan.add_both("bone", ellipsoid(orbit, (19, 25, 18.5)), (*SOFT, "marrow"))
    plan.add("bone", ellipsoid((0, -62, 106), (20, 30, 14), power=3), SOFT)
    plan.add_both("fat", ellipsoid(near(0, -3, 0), (17.5, 25, 16.5)))
    plan.add_both("eye", ellipsoid(near(0, -12, 0), size(12, 12, 12, spread=0.03)))
    apex = near(-15, 24, 0)
    for dx, dz in ((9, 0), (-9, 0), (0, 9), (0, -9)):
        front = near(dx, -8, dz)
        plan.add_both(
            "eye muscle", tube([front, near(dx * 0.9 - 4, 8, dz * 0.9), apex], 2.4), ("fat",)
        )
    plan.add_both("brainstem", tube([orbit, apex], 2.2), ("fat",))
    plan.add_both(
        "airway",
        ellipsoid(at(27, -60, 78, spread=0.7), size(14.5, 17.5, 16.5, spread=0.06), roughness=0.7),
    )
    plan.add_both("airway", ellipsoid(at(7, -60, 108), (6, 22, 10), roughness=2))
    plan.add("airway", ellipsoid(at(0, -26, 102), size(13, 12, 9, spread=0.12)))
    plan.add_both(
        "airway", ellipsoid(at(13, -86, 132), size(12, 4, 9, spread=0.25)), ("bone", "marrow")
    )
    plan.add("mucosa", ellipsoid((0, -58, 78), (16, 40, 22), power=2.6))
    plan.add("airway", ellipsoid((0, -60, 78), (13, 40, 20), power=2.6))
    plan.add("airway", tube([(0, -90, 76), (0, -101, 66)], [6, 5]))
    for z, length in ((69, 20), (81, 18), (91, 13)):
        swollen = float(np.exp(0.2 * plan.rng.standard_normal()))
        plan.add_both(
            "concha", ellipsoid(at(8, -56, z, spread=0.7), (4 * swollen, length, 5)), ("airway",)
        )
    plan.add("bone", ellipsoid((0, -60, 80), (1.5, 36, 20)), ("airway", "concha", "mucosa"))
    plan.add("bone", ellipsoid((0, -64, 57), (26, 28, 3)))
    for shift in (1, -1):
        arch = [(52, -52, 96), (64, -36, 94), (68, -14, 93), (62, 0, 92)]
        plan.add("bone", tube([(shift * x, y, z) for x, y, z in arch], [7, 4, 3.5, 4]))


def _arch(half: float, back: float, front: float, z: float, n: int = 11) -> list[tuple]:
    """Points along a dental arch, a parabola open to the back."""
    x = np.linspace(-half, half, n)
    return [(v, front + (back - front) * (v / half) ** 2, z) for v in x]


def add_jaws(plan: Plan) -> None:
    """Mandible, teeth, masticators, tongue and floor of mouth."""
    at, size = plan.at, plan.size
    body = float(np.exp(0.05 * plan.rng.standard_normal()))
    plan.add("bone", tube(_arch(26, -48, -85, 53), 5.5, (1, 1, 1.3)), None)
    jaw = _arch(46 * body, -16, -86, 15)
    lift = [(x, y, z + 9 * (abs(x) / 46) ** 3) for x, y, z in jaw]
    plan.add("bone", tube(lift, 5.2, (1, 1, 2.3)))
    plan.add("marrow", tube(lift, 3, (1, 1, 2.6)), ("bone",))
    ramus = [(46 * body, -14, 24), (49, -8, 52), (50, 1, 86)]
    plan.add_both("bone", tube(ramus, [5.5, 4.5, 5], (1, 2.2, 1)))
    plan.add_both("marrow", tube(ramus, [3, 2.2, 2], (1, 2.2, 1)), ("bone",))
    plan.add_both("bone", tube([(49, -18, 55), (50, -24, 84)], [5, 3]))
    for z in (46, 32):
        teeth = _arch(25, -50, -84 if z > 40 else -81, z, 15)
        for point in teeth:
            if plan.rng.random() < 0.9:
                plan.add("teeth", ellipsoid(point, (3.6, 3.6, 8)))
    plan.add_both("masticator", ellipsoid(at(58, -22, 48), size(7, 17, 30), (6, 0, 0)), SOFT)
    plan.add_both("masticator", ellipsoid(at(38, -18, 52), size(7, 14, 22)), SOFT)
    plan.add_both("masticator", tube([(22, -30, 86), (44, -4, 84)], [9, 7]), SOFT)
    plan.add_both("masticator", ellipsoid((66, -24, 118), (6, 34, 30)), SOFT)
    plan.add_both("masticator", tube([(60, -24, 104), (52, -24, 82)], [8, 5]), SOFT)
    plan.add("airway", ellipsoid((0, -50, 50), (20, 32, 6)), SOFT)
    plan.add("tongue", ellipsoid(at(0, -49, 35), size(23, 33, 19)), (*SOFT, "airway"))
    plan.add("tongue", ellipsoid(at(0, -29, 24), size(20, 16, 22)), (*SOFT, "airway"))
    plan.add("muscle", ellipsoid((0, -54, 8), (30, 28, 4)), SOFT)
    plan.add_both("muscle", tube([(8, -74, 4), (14, -46, -1)], [5, 4]), SOFT)
    plan.add_both(
        "sublingual", ellipsoid(at(12, -58, 16), size(5.5, 17, 6.5), (0, 0, -12)), (*SOFT, "tongue")
    )
