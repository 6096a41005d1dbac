"""The head: face, sinuses, teeth, jaws, and the muscles that move them.

Atlas space, millimetres: x to the left, y to the back (0 at the ear canals), z to the head
(0 at the hyoid). Figures are those of an average adult, varied by the plan.
"""

from __future__ import annotations

import numpy as np

from HNCLogic.phantom.body.build import Build
from HNCLogic.phantom.body.plan import Plan
from HNCLogic.phantom.body.shapes import ellipsoid, tube

SOFT = ("fat", "soft", "muscle", "skin", "masticator")


def add_face(plan: Plan) -> None:
    at, size = plan.at, plan.size
    orbit = at(32, -66, 112, spread=1)

    def near(dx, dy, dz):
        return orbit + np.array([dx, dy, dz])

    plan.add_both("bone", ellipsoid((27, -58, 80), (16.2, 19.2, 17.2), roughness=0.7), SOFT)
    plan.add("bone", ellipsoid((0, -60, 80), (18, 34, 19), power=3), SOFT)
    plan.add_both("bone", ellipsoid(orbit, (19, 25, 18.5)), (*SOFT, "marrow"), uneven=0)
    plan.add("bone", ellipsoid((0, -58, 106), (20, 30, 14), power=3), SOFT)
    plan.add_both("fat", ellipsoid(near(0, -3, 0), (17.5, 25, 16.5)), uneven=0)
    plan.add_both("eye", ellipsoid(near(0, -12, 0), size(12, 12, 12, spread=0.03)), uneven=0)
    apex = near(-15, 24, 0)
    for dx, dz in ((9, 0), (-9, 0), (0, 9), (0, -9)):
        front = near(dx, -8, dz)
        muscle = tube([front, near(dx * 0.9 - 4, 8, dz * 0.9), apex], 2.4)
        plan.add_both("eye muscle", muscle, ("fat",), uneven=0)
    plan.add_both("brainstem", tube([orbit, apex], 2.2), ("fat",), uneven=0)  # optic nerve
    antrum = ellipsoid(
        at(27, -58, 80, spread=0.7), size(14.5, 17.5, 15.5, spread=0.06), roughness=0.7
    )
    plan.add_both("airway", antrum)
    if plan.rng.random() < 0.25:  # swollen lining on the floor of a maxillary sinus
        side = plan.rng.choice([-1, 1])
        plan.add("mucosa", ellipsoid((side * 27, -58, 66), (12, 15, 5), roughness=1), ("airway",))
    # Ethmoid cells, with their thin walls.
    plan.add_both("airway", ellipsoid(at(7, -56, 108), (6, 22, 10), roughness=2))
    for y in (-70, -58, -46):
        plan.add_both("mucosa", ellipsoid((8, y, 108), (6, 1.2, 9), roughness=0.7), ("airway",))
    # The body of the sphenoid, hollow.
    plan.add("bone", ellipsoid((0, -16, 91), (16, 17, 10)), SOFT)
    plan.add("airway", ellipsoid(at(0, -19, 91), size(12, 11.5, 7.5, spread=0.12), roughness=1))
    plan.add("bone", ellipsoid((1, -19, 91), (0.8, 12, 9)), ("airway",))
    plan.add_both(
        "airway", ellipsoid(at(13, -80, 132), size(12, 4, 9, spread=0.25)), ("bone", "marrow")
    )
    plan.add("mucosa", ellipsoid((0, -56, 80), (16, 40, 20), power=2.6))
    plan.add("airway", ellipsoid((0, -58, 80), (13, 40, 18), power=2.6))
    plan.add("airway", tube([(0, -88, 76), (0, -99, 67)], [6, 5]))
    for z, length in ((71, 20), (82, 18), (91, 13)):
        swollen = float(np.exp(0.2 * plan.rng.standard_normal()))
        concha = ellipsoid(at(8, -54, z, spread=0.7), (4 * swollen, length, 5), roughness=0.8)
        plan.add_both("concha", concha, ("airway",), uneven=1)
    bent = plan.rng.normal(0, 1.5)  # the septum
    plan.add("bone", ellipsoid((bent, -58, 81), (1.5, 36, 19)), ("airway", "concha", "mucosa"))
    plan.add("bone", ellipsoid((0, -60, 61), (24, 26, 2)))  # hard palate
    for shift in (1, -1):
        arch = [(52, -50, 92), (64, -36, 89), (68, -14, 86), (62, 0, 84)]
        plan.add("bone", tube([(shift * x, y, z) for x, y, z in arch], [7, 4, 3.5, 4]))
    plan.add_both("bone", tube([(14, -26, 88), (17, -24, 62)], [4, 3], (1, 2, 1)))  # pterygoid


def _arch(half: float, back: float, front: float, z: float, n: int = 11) -> list[tuple]:
    """Points along a dental arch, a parabola open to the back."""
    x = np.linspace(-half, half, n)
    return [(v, front + (back - front) * (v / half) ** 2, z) for v in x]


def add_jaws(plan: Plan, build: Build) -> None:
    """Mandible, teeth, masticators, tongue and floor of mouth."""
    at, size = plan.at, plan.size
    body = float(np.exp(0.03 * plan.rng.standard_normal()) * build.muscle**0.5)
    plan.add("bone", tube(_arch(26, -48, -83, 56), 5.2, (1, 1, 1.2)), None)
    jaw = _arch(45 * body, -16, -85, 27)
    lift = [(x, y, z + 9 * (abs(x) / 46) ** 3) for x, y, z in jaw]
    plan.add("bone", tube(lift, 5, (1, 1, 2.1)))
    plan.add("marrow", tube(lift, 3, (1, 1, 2.4)), ("bone",))
    ramus = [(46 * body, -14, 34), (49, -8, 54), (50, 0, 82)]
    plan.add_both("bone", tube(ramus, [5.2, 4.2, 5], (1, 2.2, 1)))
    plan.add_both("marrow", tube(ramus, [3, 2.2, 2], (1, 2.2, 1)), ("bone",))
    plan.add_both("bone", tube([(49, -18, 58), (50, -24, 82)], [5, 3]))
    _add_teeth(plan, build)
    _add_masticators(plan, build)
    plan.add("airway", ellipsoid((0, -50, 53), (19, 30, 4), roughness=1.5), SOFT)
    plan.add(
        "tongue", ellipsoid(at(0, -50, 39), size(22, 31, 17), roughness=0.8), (*SOFT, "airway")
    )
    plan.add(
        "tongue", ellipsoid(at(0, -32, 25), size(19, 15, 20), roughness=0.8), (*SOFT, "airway")
    )
    # Fat in the middle of the tongue, between its muscles and those of the floor of the mouth.
    plan.add("fat", ellipsoid((0, -52, 28), (1.2, 22, 11), roughness=1.2), ("tongue",))
    plan.add_both("fat", ellipsoid((9, -56, 18), (4, 20, 8), roughness=2.5), ("soft", "tongue"))
    plan.add("muscle", ellipsoid((0, -54, 14), (30, 28, 3.5)), ("fat", "soft"))
    plan.add_both("muscle", tube([(8, -76, 14), (13, -52, 8)], [5, 4]), ("fat", "soft"))
    gland = ellipsoid(at(13, -59, 22), size(5, 16, 6) * build.glands, (0, 0, -14), roughness=0.7)
    plan.add_both("sublingual", gland, (*SOFT, "tongue"), uneven=1)


def _add_teeth(plan: Plan, build: Build) -> None:
    """Fewer with age, here and there a gap, now and then none."""
    kept = float(np.clip(0.93 - 0.008 * (build.age - 60), 0.6, 0.97))
    toothless = plan.rng.random(2) < 0.08
    for jaw, (z, front) in enumerate(((52, -82), (40, -80))):
        for point in _arch(25, -50, front, z, 15):
            if plan.rng.random() < kept and not toothless[jaw]:
                plan.add("teeth", ellipsoid(point, (3.4, 3.6, 7.5)))


def _add_masticators(plan: Plan, build: Build) -> None:
    """Masseter, medial and lateral pterygoid, temporalis, each in its fat."""
    at = plan.at

    def bulky(*radii):
        return plan.size(*radii) * np.array([build.muscle**2, 1, 1])

    muscles = [
        [ellipsoid(at(58, -20, 54), bulky(6.5, 17, 28), (6, 0, 0), roughness=1)],
        [ellipsoid(at(38, -17, 54), bulky(6.5, 13, 20), roughness=1)],
        tube([(20, -28, 84), (44, -4, 80)], [8, 6.5], roughness=1),
        [ellipsoid((67, -22, 112), (5.5, 34, 30), roughness=1)],
        tube([(60, -24, 100), (53, -24, 80)], [8, 5], roughness=1),
    ]
    # Parapharyngeal, buccal and infratemporal fat.
    plan.add_both("fat", ellipsoid(at(29, -10, 56), (7, 12, 24), roughness=2.5), ("soft",))
    plan.add_both("fat", ellipsoid(at(44, -48, 60), (14, 20, 26), roughness=4), ("soft",))
    plan.add_both("fat", ellipsoid(at(48, -30, 86), (16, 24, 14), roughness=5), ("soft",))
    for shapes in muscles:
        plan.add_both("masticator", shapes, ("fat", "soft"), uneven=1)
