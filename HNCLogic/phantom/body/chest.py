"""What lies below the neck and still in view: shoulders, ribs, lungs, great vessels, heart.

Atlas space (``atlas.py``).
"""

from __future__ import annotations

import numpy as np

from HNCLogic.phantom.body.build import Build
from HNCLogic.phantom.body.landmarks import ACROMION, Point
from HNCLogic.phantom.body.outline import SKIN_MM
from HNCLogic.phantom.body.plan import Plan
from HNCLogic.phantom.body.shapes import Shape, ellipsoid, mottled, tube

SOFT = ("fat", "soft", "muscle", "neck muscle")
AXILLA, FOLD_MM = -158.0, 34.0  # its height; over how much the folds before and behind it rise
ARM_MM, CHEST_MM = 44.0, 158.0  # radius of the upper arm; half the chest's width
HALF_ACROMION = 5.0  # mm: from its middle to its top


def add_chest(plan: Plan, build: Build) -> None:
    up = build.shoulders_mm
    elbow = np.array([196.0 + build.elbows_mm[0], 38.0 + build.elbows_mm[1], -262.0])
    _part_arms(plan, build, elbow)
    _add_shoulder_muscles(plan, up, elbow)
    share = 9.0 * float(np.clip(np.log(build.fatness), -0.8, 0.8))
    plan.add("fat", mottled((0, 46, -100), (230, 100, 100), 1.5 + share), ("soft",))
    for wall, ribs, lung in _cages(plan):
        plan.add_both("muscle", wall, SOFT)
        plan.add_both("bone", ribs, SOFT)
        plan.add_both("lung", lung, (*SOFT, "bone", "vessel", "node"))
    plan.add("fat", ellipsoid((0, 12, -180), (32, 46, 78), roughness=3), ("soft", "lung", "bone"))
    plan.add("fat", ellipsoid((0, 4, -96), (34, 26, 24), roughness=4), ("soft",))
    clavicle = [(14, -26, -92), (54, -22, -72), (96, 0, -56 + up), (152, 34, -52 + up)]
    plan.add_both("bone", tube(clavicle, [8, 5.5, 5.5, 5.5]), uneven=2)
    plan.add_both("marrow", tube(clavicle, [5, 2.8, 2.8, 2.8]), ("bone",), uneven=0)
    head = np.array([174.0, 40.0, -82.0 + up])
    neck = head + np.array([8.0, 0.0, -8.0])  # of the humerus
    plan.add_both("bone", ellipsoid(head, (23, 23, 23)), uneven=0)
    plan.add_both("marrow", ellipsoid(head, (21, 21, 21)), uneven=0)
    plan.add_both("bone", tube([neck, elbow], [17, 12]), uneven=0)
    plan.add_both("fat", tube([neck, elbow], [14, 7]), uneven=0)  # yellow marrow
    plan.add_both("fat", mottled(head, (21, 21, 21), 6.0), ("marrow",), uneven=0)
    blade = ellipsoid((104, 96, -128 + up / 2), (50, 3, 56), (0, 15, -26))
    plan.add_both("bone", blade, SOFT, uneven=2)
    plan.add_both(
        "bone", tube([(98, 104, -88 + up), (165, 62, -58 + up)], [4.5, 7], (1, 1, 0.8)), uneven=2
    )
    plan.add_both("bone", tube([(140, 66, -100 + up), (156, 52, -86 + up)], [6, 10]))  # glenoid
    sternum = ((0, -38, -120), (26, 6, 28), (-14, 0, 0)), ((0, -56, -190), (18, 5, 50), (-12, 0, 0))
    for place, radii, angles in sternum:
        plan.add("bone", ellipsoid(place, radii, angles))
        plan.add("marrow", ellipsoid(place, np.asarray(radii) - 1.8, angles))
    _add_great_vessels(plan)
    _add_heart(plan)


def acromion(build: Build) -> Point:
    """Top of the left acromion, which goes up and down with the shoulders; atlas space, mm."""
    x, y, z = ACROMION
    return x, y, z + HALF_ACROMION + build.shoulders_mm


def _part_arms(plan: Plan, build: Build, elbow: np.ndarray) -> None:
    """Below the axilla each arm is round, in its skin, and leans on the chest or just touches it.

    Both lie alike: what a patient does with one arm in a scanner he does with the other.
    """
    below = AXILLA - build.axilla_mm + build.shoulders_mm / 2
    thick = ARM_MM * build.size + 4.0 * (build.fatness - 1)
    line = [(176.0, 40.0, -112.0 + build.shoulders_mm / 2), elbow]
    fat = SKIN_MM + 5.0 * build.fatness
    for tissue, less, onto in (
        ("skin", 0.0, ("outside",)),
        ("fat", SKIN_MM, ("outside", "skin")),
        ("soft", fat, ("fat", "skin")),
    ):
        for shape in tube(line, thick - less):
            plan.add(tissue, (shape, shape.mirrored()), onto)
    (arm,) = tube(line, thick)
    chest = CHEST_MM + 8.0 * (build.fatness - 1)

    def air(skin: float) -> Shape:
        def level(x, y, z):
            # The chest widens upwards until it holds the arms.
            half = chest + np.maximum(z - (below - FOLD_MM), 0) * (70.0 / FOLD_MM)
            q = np.abs(x / half) ** 3 + np.abs((y - 20) / 140) ** 3
            of_chest = (np.cbrt(np.maximum(q, 1e-6)) - 1) * 140
            return np.maximum(np.maximum(-of_chest, -arm.level(x, y, z)) + skin, z - below)

        return Shape((40.0, -130.0, -262.0), (262.0, 170.0, below), level)

    for tissue, skin, onto in (("skin", -SKIN_MM, ("fat", "soft")), ("outside", 0.0, None)):
        plan.add(tissue, (air(skin), air(skin).mirrored()), onto)


def _add_shoulder_muscles(plan: Plan, up: float, elbow: np.ndarray) -> None:
    """Deltoid, pectorals, the muscles on the shoulder blade; fat in the axilla."""
    low = up / 2
    deltoid = ellipsoid((176, 40, -112 + low), (46, 46, 56), roughness=3)
    plan.add_both("muscle", deltoid, ("soft",), uneven=2)
    arm = tube([(186, 38, -150), elbow], 34, roughness=2)
    plan.add_both("muscle", arm, ("soft",), uneven=2)
    plan.add_both(
        "muscle",
        ellipsoid((88, -34, -140), (66, 13, 46), (0, 0, 14), roughness=2),
        ("soft", "fat"),
        uneven=2,
    )
    behind = ellipsoid((96, 98, -130 + low), (70, 20, 66), (0, 0, -22), roughness=3)
    plan.add_both("muscle", behind, ("soft",), uneven=2)
    before = ellipsoid((112, 78, -130 + low), (44, 10, 54), (0, 0, -26), roughness=2)
    plan.add_both("muscle", before, ("soft", "fat"), uneven=2)
    over = tube([(60, 92, -70 + up), (140, 74, -66 + up)], [14, 12], roughness=2)
    plan.add_both("muscle", over, ("soft",), uneven=2)
    axilla = ellipsoid((128, 24, -150), (22, 30, 60), roughness=4)
    plan.add_both("fat", axilla, ("soft", "muscle"), uneven=2)


def _add_great_vessels(plan: Plan) -> None:
    """Aortic arch, its branches, the upper caval and brachiocephalic veins."""
    shift = plan.at(0, 0, 0, spread=2)
    over = (*SOFT, "bone")

    def vessel(points, radius, onto):
        plan.add("vessel", tube(np.asarray(points, float) + shift, radius), onto)

    arch = [(-14, -14, -212), (-12, -10, -176), (2, 4, -150), (18, 26, -148), (24, 44, -168)]
    vessel([*arch, (24, 50, -245)], 13, None)
    vessel([(-4, 0, -146), (-14, 2, -112), (-20, -2, -84)], 6, over)
    vessel([(8, 12, -146), (18, 6, -104), (20, -2, -76)], 4.5, over)
    vessel(
        [(16, 24, -146), (26, 20, -104), (50, 20, -76), (96, 18, -78), (140, 24, -100)], 4.5, over
    )
    vessel([(-18, 6, -96), (-50, 18, -74), (-96, 18, -78), (-140, 24, -100)], 4.5, over)
    vessel([(-26, 4, -245), (-26, -6, -150), (-24, -8, -104)], 9, over)
    vessel([(27, -8, -96), (6, -18, -122), (-24, -8, -140)], 7, over)
    for side in (-1, 1):
        vein = [(side * 26, -8, -98), (side * 60, -2, -74), (side * 110, 2, -82)]
        vessel(vein, 5.5, over)


def _add_heart(plan: Plan) -> None:
    """The base of the heart: pulmonary trunk, atria, and the walls of the ventricles."""
    low = plan.rng.normal(0, 5)
    over = ("fat", "soft", "lung", "muscle")
    plan.add("vessel", tube([(18, -22, -216 + low), (14, 2, -186 + low)], 13), over)
    branches = [(-34, 26, -188 + low), (10, 10, -184 + low), (38, 30, -186 + low)]
    plan.add("vessel", tube(branches, 10), over)
    plan.add("fat", ellipsoid((14, 0, -250 + low), (64, 56, 52), roughness=3), over)
    plan.add("myocardium", ellipsoid((34, -8, -262 + low), (48, 44, 54)), (*over, "fat"))
    plan.add("vessel", ellipsoid((34, -8, -266 + low), (36, 32, 44)), ("myocardium",))
    plan.add("vessel", ellipsoid((0, 36, -226 + low), (34, 18, 24)), (*over, "myocardium"))


def _cages(plan: Plan) -> list[tuple[Shape, Shape, Shape]]:
    """Chest wall, ribs and lung of the left side: nested ellipsoids, the ribs cut by bands."""
    top = float(plan.rng.normal(0, 5))
    centre, radii = np.array([74, 40, -226 + top]), np.array([56, 74, 160])
    tilt = plan.rng.uniform(0, 24)

    def gap(x, y, z):  # negative between two ribs, which slope down to the front
        return np.sin(2 * np.pi * (z + 0.55 * y + tilt) / 25.0) + 0.15

    lean = (0, -5, 0)  # the apex lies nearer to the spine
    wall = ellipsoid(centre, radii + 13, lean)
    ribs = ellipsoid(centre, radii + 8, lean).minus(lambda x, y, z: 6 * gap(x, y, z))
    ribs = ribs.minus(lambda x, y, z: (-78 + top) - z)  # none over the apex
    return [(wall, ribs, ellipsoid(centre, radii + 1.5, lean, roughness=1))]
